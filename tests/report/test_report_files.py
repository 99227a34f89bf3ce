"""report.json and trades.csv on disk."""

import csv
import json
from pathlib import Path

import pytest
from report_tables import make_facts, make_result, parse_fills

from runner.report.document import build_report
from runner.report.files import render_trades_csv, write_report
from runner.report.shape import Report

FILLS = """
    bar side quantity price after fee slip reason    risk
      1 buy         2   100     2 0.1 0.04 entry       10
      4 sell        2   110     0 0.1 0    stop_loss    0
      5 sell        1   110    -1 0   0    entry        0
      6 buy         1   111     0 0   0    rule         0
"""


def make_report(synthetic: bool = False) -> Report:
    result = make_result(parse_fills(FILLS), [], [100.0] * 8, facts=make_facts(synthetic=synthetic))
    return build_report(result, mode="backtest", generated_at_ms=5)


def test_both_files_are_written_into_a_new_folder(tmp_path: Path) -> None:
    report_path, trades_path = write_report(tmp_path / "runs" / "first", make_report())
    assert json.loads(report_path.read_text(encoding="utf-8"))["generated_at_ms"] == 5
    assert trades_path.read_text(encoding="utf-8").startswith("entry_time,exit_time,entry_time_ms,")
    assert sorted(path.name for path in (tmp_path / "runs" / "first").iterdir()) == [
        "report.json",
        "trades.csv",
    ]


def test_the_table_of_trades_reads_back() -> None:
    rows = list(csv.DictReader(render_trades_csv(make_report()).splitlines()))
    assert [(row["entry_time"], row["side"], row["exit_reason"], row["synthetic"]) for row in rows] == [
        ("2024-01-01T01:00:00Z", "long", "stop_loss", "false"),
        ("2024-01-01T05:00:00Z", "short", "rule", "false"),
    ]
    assert float(rows[0]["pnl_usdt"]) == make_report().trades[0].pnl_usdt
    assert rows[1]["r_multiple"] == ""


def test_an_invented_market_is_named_in_every_line() -> None:
    rows = list(csv.DictReader(render_trades_csv(make_report(synthetic=True)).splitlines()))
    assert {row["synthetic"] for row in rows} == {"true"}


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    write_report(tmp_path, make_report())
    report_path, _ = write_report(tmp_path, make_report(synthetic=True))
    assert json.loads(report_path.read_text(encoding="utf-8"))["data"]["synthetic"] is True


def test_when_writing_fails_the_old_files_stay_and_no_part_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(tmp_path, make_report())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full_disk(_handle: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("runner.report.files.os.fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_report(tmp_path, make_report(synthetic=True))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
