"""`python -m benchmarks [--json] [--check]`: one table of speed and memory.

In: options. Out: the table on stdout; with --check exit code 1 when a ratio misses its target.
Refuses to know: what is measured. Times and sizes never fail a run: they belong to a quiet machine.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.cases import Work, measured_figures
from benchmarks.table import missed_ratios, render_json, render_table


def main() -> int:
    """Measure, print, judge."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory.")
    options.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options.add_argument("--check", action="store_true", help="exit code 1 when a ratio misses its target")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="runner-benchmarks-") as folder:
        figures, notes = measured_figures(Path(folder), Work())
    sys.stdout.write((render_json if chosen.json else render_table)(figures, notes))
    return 1 if chosen.check and missed_ratios(figures) else 0


if __name__ == "__main__":
    sys.exit(main())
