"""A report's JSON reads back to the very same report."""

import pytest
from hypothesis import given
from report_runs import random_results
from test_report_files import make_report

from runner.domain.result import Result
from runner.errors import DataDamaged
from runner.report.document import build_report, render_json
from runner.report.parse import parse_report


@given(random_results())
def test_any_report_reads_back(result: Result) -> None:
    report = build_report(result, mode="backtest", generated_at_ms=5)
    again = parse_report(render_json(report))
    assert again == report
    assert render_json(again) == render_json(report)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema_version": 1}', "null"])
def test_what_is_no_report_is_said(text: str) -> None:
    with pytest.raises(DataDamaged, match="not a report of version 1"):
        parse_report(text)


def test_a_report_without_one_key_is_none() -> None:
    text = render_json(make_report())
    with pytest.raises(DataDamaged):
        parse_report(text.replace('"bounds"', '"bonds"'))
