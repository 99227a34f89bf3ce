"""`runner data …` as a user meets it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from data_files import START, candles, parquet, settlements, tree_digest

from runner.cli.data import group
from runner.errors import UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("RUNNER_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    parquet(Path("BTCUSDT-perp-15m-2024.parquet"), candles(96, missing=(7, 8)))
    parquet(Path("BTCUSDT-funding-2024.parquet"), settlements(12), "timestamp rate")
    bad = candles(96)
    bad[1][1][16] = 1.0
    parquet(Path("ETHUSDT-perp-15m-2024.parquet"), bad)
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(group, words)


def test_import_prints_a_line_per_file_and_lists_gaps(home: Path) -> None:
    result = run("import", "BTCUSDT-perp-15m-2024.parquet", "BTCUSDT-funding-2024.parquet")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "✓ BTCUSDT-perp-15m-2024.parquet  BTCUSDT 15m  94 rows (94 new)  "
        "2024-01-30 00:00 to 2024-01-31 00:00 UTC",
        "    gaps: 1, together 2",
        "      2024-01-30 01:45 to 02:15, 2 bars",
        "✓ BTCUSDT-funding-2024.parquet  BTCUSDT funding  12 rows (12 new)  "
        "2024-01-30 00:00 to 2024-02-02 16:00 UTC",
        f"2 of 2 files taken into {home / 'candles'}",
    ]
    again = run("import", "BTCUSDT-perp-15m-2024.parquet")
    assert "94 rows (0 new, 94 already there)" in again.output


def test_one_bad_file_does_not_stop_the_others_and_the_exit_code_is_4() -> None:
    result = run("import", "ETHUSDT-perp-15m-2024.parquet", "BTCUSDT-perp-15m-2024.parquet")
    assert result.exit_code == 4
    first, second, *_ = result.output.splitlines()
    assert first.startswith(
        "✗ refused  ETHUSDT-perp-15m-2024.parquet: row 17 (2024-01-30 04:00): high 1.0 is below"
    )
    assert second.startswith("✓ BTCUSDT-perp-15m-2024.parquet")
    assert "1 of 2 files taken" in result.output


def test_a_refused_file_leaves_the_store_byte_for_byte(home: Path) -> None:
    run("import", "BTCUSDT-perp-15m-2024.parquet")
    before = tree_digest(home)
    assert run("import", "ETHUSDT-perp-15m-2024.parquet").exit_code == 4
    assert run("import", "missing-15m.parquet").exit_code == 2
    assert tree_digest(home) == before


def test_import_as_json_tells_the_same() -> None:
    result = run("import", "BTCUSDT-perp-15m-2024.parquet", "ETHUSDT-perp-15m-2024.parquet", "--json")
    assert result.exit_code == 4
    tree = json.loads(result.output)
    taken, refused = tree["files"]
    assert tree["version"] == 1
    assert (taken["symbol"], taken["kind"], taken["timeframe"], taken["rows"]) == (
        "BTC/USDT:USDT",
        "last",
        "15m",
        94,
    )
    assert taken["gaps"] == [{"from_ms": START + 7 * 900_000, "bars": 2}]
    assert refused["taken"] is False
    assert "row 17" in refused["problem"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--symbol", "BTC"], "--symbol: 'BTC' is not a symbol"),
        (["--timeframe", "7m"], "--timeframe: '7m' is not a timeframe"),
        (["--accept-spot"], "--accept-spot needs --symbol"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(words: list[str], message: str) -> None:
    result = run("import", "BTCUSDT-perp-15m-2024.parquet", *words)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_list_says_where_the_store_lies_and_what_is_in_it(home: Path) -> None:
    assert run("list").output.splitlines() == [
        f"candle store: {home / 'candles'}",
        "empty; to fill it: runner data pull SYMBOL --from DATE, or runner data import FILE…",
    ]
    run("import", "BTCUSDT-perp-15m-2024.parquet", "BTCUSDT-funding-2024.parquet")
    text = run("list").output
    assert "BTCUSDT 15m        94  2024-01-30 00:00  2024-01-31 00:00" in text
    tree = json.loads(run("list", "--json").output)
    assert tree["home"] == str(home)
    assert [(one["kind"], one["rows"]) for one in tree["series"]] == [("last", 94), ("funding", 12)]


def test_check_tells_gaps_quiet_bars_and_missing_settlements() -> None:
    quiet = candles(96)
    quiet[1][4][20:23] = 0.0
    run("import", str(parquet(Path("BTCUSDT-perp-15m-a.parquet"), quiet)))
    path = parquet(Path("BTCUSDT-funding-b.parquet"), settlements(12, missing=(3, 4)), "timestamp rate")
    run("import", str(path))
    result = run("check")
    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "✓ BTCUSDT 15m  96 rows",
        "    no volume: 1, together 3",
        "      2024-01-30 05:00 to 05:45, 3 bars",
        "✓ BTCUSDT funding  10 rows",
        "    missing settlements: 1, together 2",
        "      2024-01-31 00:00 to 16:00, 2 settlements",
    ]


def test_check_finds_a_changed_file_and_exits_with_4(home: Path) -> None:
    run("import", "BTCUSDT-perp-15m-2024.parquet")
    path = next(home.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-100])
    result = run("check", "BTCUSDT")
    assert result.exit_code == 4
    assert "✗ BTCUSDT 15m" in result.output
    assert str(path) in result.output
    tree = json.loads(run("check", "--json").output)
    assert tree["series"][0]["sound"] is False
    assert run("check", "ETHUSDT").exit_code == 0


@pytest.mark.parametrize("command", ["import", "list", "check"])
def test_help_begins_with_a_sentence_and_examples(command: str) -> None:
    text = run(command, "--help").output
    assert text.count(f"runner data {command}") >= 2
    assert max(len(line) for line in text.splitlines()) <= 80
