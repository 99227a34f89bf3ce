"""The benchmark: every case runs on a little data, the table says what was met; nothing is timed here."""

import json
from pathlib import Path

import pytest

from benchmarks.cases import Work, measured_figures
from benchmarks.table import Figure, missed_ratios, render_json, render_table
from benchmarks.timing import CommandError, run_once

LITTLE = Work(
    days=2,
    lengths=(5, 13),
    core_runs=1,
    process_runs=1,
    command_runs=1,
    engines=("interpreted",),
)
FIGURES = [
    Figure("fast enough", 1.5, "s", at_most=2.0),
    Figure("too large", 1234.5, "MB", at_most=300.0),
    Figure("faster than another", 3.0, "×", at_least=4.0, ratio=True),
    Figure("only told", 7.25, "s"),
]


def test_every_case_runs_on_a_little_data(tmp_path: Path) -> None:
    pytest.importorskip("backtesting", reason="the extra 'bench' is not installed")
    figures, notes = measured_figures(tmp_path, LITTLE)
    assert [figure.what for figure in figures if figure.measured <= 0] == []
    assert {figure.unit for figure in figures} == {"s", "MB", "×", "µs", "ms"}
    assert notes == ["2,880 bars: the SYNTHETIC sample market, BTCUSDT 1m; medians, of at least 1 run"]


def test_the_table_says_what_was_met() -> None:
    assert render_table(FIGURES, ["a note"]) == (
        "what                 measured    target\n"
        "fast enough             1.5 s     ≤ 2 s  ✓\n"
        "too large            1,234 MB  ≤ 300 MB  ✗\n"
        "faster than another       3 ×     ≥ 4 ×  ✗\n"
        "only told              7.25 s\n"
        "\n"
        "a note\n"
    )


def test_only_ratios_can_fail_a_run() -> None:
    assert [figure.what for figure in missed_ratios(FIGURES)] == ["faster than another"]


def test_the_json_holds_the_same() -> None:
    told = json.loads(render_json(FIGURES, ["a note"]))
    assert [figure["met"] for figure in told["figures"]] == [True, False, False, None]
    assert told["notes"] == ["a note"]


def test_a_command_that_fails_stops_the_benchmark() -> None:
    with pytest.raises(CommandError, match="false"):
        run_once(["false"], {})
