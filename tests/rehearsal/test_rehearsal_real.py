"""Every bot of the house over real bars: the session decides as the backtest does, at every close.

A day each by default; RUNNER_REHEARSAL_DAYS=92 for the three months that the proof asks for.
"""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli import cli
from runner.domain.time import DAY_MS, format_day, parse_time
from runner.modes import Range, load_for
from runner.rehearsal.telling import render_text
from runner.rehearsal.whole import Bill, history_bars
from tests.rehearsal.test_rehearsal import BOTS, bill_of, compiled_at, rehearsed

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
DAYS = int(os.environ.get("RUNNER_REHEARSAL_DAYS", "1"))
FILES = {
    "btc_trend": (
        "BTCUSDT-perp-15m-2023_2025H1",
        "BTCUSDT-mark-1h-2019_2025H1",
        "BTCUSDT-funding-2019_2025H1",
    ),
    "eth_revert": (
        "ETHUSDT-perp-15m-2022_2025H1",
        "ETHUSDT-mark-1h-2019_2025H1",
        "ETHUSDT-funding-2019_2025H1",
    ),
    "sol_breakout": ("SOLUSDT-perp-15m-2022_2025H1", "SOLUSDT-funding-2024_2025H1"),
    "doge_limits": ("DOGEUSDT-perp-15m-2022_2024",),
}
STARTS = {
    "btc_trend": "2024-05-16",
    "eth_revert": "2024-03-05",
    "sol_breakout": "2024-04-12",
    "doge_limits": "2024-02-02",
}


def real_bill(bot: str, home: Path) -> Bill:
    """The first days of a stretch of real bars, out of a store of their own."""
    files = [REAL / f"{name}.parquet" for name in FILES[bot]]
    if not all(file.exists() for file in files):
        pytest.skip(f"no real candles here: {files[0].name} is not beside the repository")
    done = CliRunner().invoke(cli, ["data", "import", *map(str, files)])
    assert done.exit_code == 0, done.output
    file = BOTS / f"{bot}.yaml"
    compiled = compiled_at(file)
    first = parse_time(STARTS[bot])
    market, facts = load_for(
        compiled,
        "store",
        Range(first, first + DAYS * DAY_MS),
        detail=False,
        warmup_bars=history_bars(compiled),
    )
    sample = bill_of(file, STARTS[bot], format_day(first + DAY_MS))
    return Bill(sample.deployed, market, facts, sample.brackets, "", 0)


@pytest.mark.parametrize("bot", sorted(FILES))
def test_the_session_decides_as_the_backtest_does_at_every_close(
    bot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path / "home"))
    found = rehearsed(real_bill(bot, tmp_path / "home"), tmp_path)
    counts = found.verdict.counts
    assert found.verdict.holds, render_text(found)
    assert counts.closes_equal == counts.closes
    assert counts.signals_equal == counts.signals
    assert abs(found.verdict.bridge.residual_usdt) < 0.01
