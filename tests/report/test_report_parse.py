"""A report's JSON reads back to the very same report."""

import pytest
from report_runs import *  # noqa: F403

from runner.errors import DataDamaged
from runner.report.parse import parse_report
