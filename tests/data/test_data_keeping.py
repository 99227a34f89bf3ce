"""`runner data export` and `remove`: what leaves the store is whole, and goes only when it is meant."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from data_files import BTC, START, candles, put, same, settlements, tree_digest

from runner.cli.data import group
from runner.data.layout import list_keys, series_key
from runner.data.rules_file import import_reply
from runner.data.store import read_rows, writer_lock
from runner.domain.facts import SPOT
from runner.domain.time import HOUR_MS, MINUTE_MS
from runner.errors import DataMissing, StoreBusy, UsageError

M15 = 15 * MINUTE_MS
ROWS = candles(960, missing=(7, 8))
BRACKETS = {
    "symbol": "BTCUSDT",
    "brackets": [
        {
            "bracket": 1,
            "initialLeverage": 20,
            "notionalCap": 1e9,
            "notionalFloor": 0,
            "maintMarginRatio": 0.01,
            "cum": 0,
        }
    ],
}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "home" / "candles"
    put(folder, ROWS)
    put(folder, candles(240, step=HOUR_MS), step=HOUR_MS)
    put(folder, candles(240, step=HOUR_MS), step=HOUR_MS, kind="mark")
    put(folder, settlements(30), step=0, kind="funding")
    import_reply(folder, "leverageBracket", json.dumps([BRACKETS]), None, is_replacing=False)
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(group, words)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_is_exported_can_be_imported_elsewhere_to_the_bit(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    for words in (["--timeframe", "15m"], ["--kind", "mark"], ["--kind", "funding"]):
        assert run("export", BTC, "--format", form, *words).exit_code == 0
    names = [f"BTCUSDT-{kind}.{form}" for kind in ("perp-15m", "mark-1h", "funding")]
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path / "other"))
    imported = run("import", *names)
    assert imported.exit_code == 0, imported.output
    other = tmp_path / "other" / "candles"
    for key in (series_key(BTC, "last", M15), series_key(BTC, "mark", HOUR_MS), series_key(BTC, "funding")):
        assert same(read_rows(root, key), read_rows(other, key))


def test_export_says_what_it_wrote_and_keeps_to_the_range() -> None:
    result = run("export", BTC, "--from", "2024-01-31", "--to", "2024-01-31", "--out", "day.csv")
    assert result.output == "✓ day.csv  BTCUSDT 15m  96 rows  2024-01-31 00:00 to 2024-02-01 00:00 UTC\n"
    lines = Path("day.csv").read_text().splitlines()
    assert lines[0].replace('"', "") == "timestamp,open,high,low,close,volume"
    assert len(lines) == 97
    tree = json.loads(run("export", BTC, "--timeframe", "1h", "--json").output)
    assert (tree["file"], tree["rows"], tree["from_ms"]) == ("BTCUSDT-perp-1h.parquet", 240, START)


def test_spot_candles_stay_marked_as_spot_in_the_name(tmp_path: Path) -> None:
    put(tmp_path / "home" / "candles", candles(10, step=MINUTE_MS), step=MINUTE_MS, venue=SPOT)
    assert run("export", BTC).output.startswith("✓ BTCUSDT-spot-1m.parquet")


def test_a_file_is_overwritten_only_when_told() -> None:
    assert run("export", BTC).exit_code == 0
    assert "--replace" in str(run("export", BTC).exception)
    assert run("export", BTC, "--replace").exit_code == 0


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (["ETHUSDT"], DataMissing, "has no bars of ETHUSDT"),
        ([BTC, "--timeframe", "1m"], DataMissing, "has no BTCUSDT 1m"),
        ([BTC, "--timeframe", "7m"], UsageError, "--timeframe: '7m'"),
        (["BTC"], UsageError, "SYMBOL: 'BTC'"),
        ([BTC, "--out", "rows.xls"], UsageError, "must end in .parquet or .csv"),
        ([BTC, "--out", "nowhere/rows.csv"], UsageError, "nowhere: there is no such folder"),
        ([BTC, "--from", "2025-01-01"], DataMissing, "is stored from 2024-01-30 00:00"),
    ],
)
def test_what_cannot_be_exported_is_said(words: list[str], kind: type[Exception], message: str) -> None:
    result = run("export", *words)
    assert isinstance(result.exception, kind)
    assert message in str(result.exception)


def test_remove_takes_what_is_named_and_nothing_else(root: Path) -> None:
    result = run("remove", BTC, "--timeframe", "1h", "--yes")
    assert result.output == "✓ removed BTCUSDT 1h\n✓ removed BTCUSDT mark 1h\n"
    assert [key.label for key in list_keys(root)] == ["BTCUSDT 15m", "BTCUSDT funding"]
    assert run("remove", BTC, "--kind", "rules", "--yes").output == "✓ removed BTCUSDT instrument rules\n"
    assert run("remove", BTC, "--kind", "funding", "--yes", "--json").exit_code == 0
    assert [key.label for key in list_keys(root)] == ["BTCUSDT 15m"]


def test_remove_without_more_takes_all_of_a_symbol(root: Path) -> None:
    (root / "BTCUSDT" / "mark-1h" / "index.json").write_text("broken")
    result = run("remove", "BTCUSDT", "--yes")
    assert result.output.splitlines()[-1] == "✓ removed BTCUSDT instrument rules"
    assert list(root.iterdir()) == []
    assert isinstance(run("remove", "BTCUSDT", "--yes").exception, DataMissing)


def test_nothing_is_removed_without_being_meant(root: Path) -> None:
    before = tree_digest(root)
    result = run("remove", BTC)
    assert isinstance(result.exception, UsageError)
    assert "--yes" in str(result.exception)
    with writer_lock(root):
        assert isinstance(run("remove", BTC, "--yes").exception, StoreBusy)
    assert tree_digest(root) == before


@pytest.mark.parametrize("command", ["export", "remove"])
def test_help_begins_with_a_sentence_and_examples(command: str) -> None:
    text = run(command, "--help").output
    assert text.count(f"runner data {command}") >= 2
    assert max(len(line) for line in text.splitlines()) <= 80
