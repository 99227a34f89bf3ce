"""Every bot of the house, day after day: the session decides as the backtest does, at every close.

Over real bars where they lie beside the project, else over the SYNTHETIC sample market: the tests' names say
which. A day each by default; RUNNER_REHEARSAL_DAYS=92 for the three months that the proof asks for.
"""

import os
from pathlib import Path

import pytest

from runner.domain.time import DAY_MS, format_day, parse_time
from runner.journal.write import open_journal
from runner.rehearsal.stage import journal_url
from runner.rehearsal.story import Story
from runner.rehearsal.telling import render_text
from runner.rehearsal.whole import Bill, Rehearsed
from runner.report.deviation_text import ledger_tree
from tests.proof.figures import write_figures
from tests.rehearsal.bills import BOTS, REAL_FILES, bill_of, deviation_of, real_files, rehearsed, stored

DAYS = int(os.environ.get("RUNNER_REHEARSAL_DAYS", "1"))
STARTS = {"btc_trend": "2024-05-16", "eth_revert": "2024-03-05", "sol_breakout": "2024-04-12"}
STARTS["doge_limits"] = "2024-02-02"
SAMPLE_STARTS = {"btc_trend": "2024-02-06", "eth_revert": "2024-01-25", "sol_breakout": "2024-02-08"}
SAMPLE_STARTS["doge_limits"] = "2024-01-12"


def is_real(bot: str) -> bool:
    """Whether the bot's real bars are here."""
    return all(file.exists() for file in real_files(bot))


def name_of(bot: str) -> str:
    return f"{bot}-{'real' if is_real(bot) else 'SYNTHETIC'}-{DAYS}d"


def bill(bot: str) -> Bill:
    """The first days of a stretch in which the bot trades."""
    starts, source = (STARTS, "store") if is_real(bot) else (SAMPLE_STARTS, "sample")
    if is_real(bot):
        stored(bot)
    last = format_day(parse_time(starts[bot]) + DAYS * DAY_MS)
    return bill_of(BOTS / f"{bot}.yaml", starts[bot], last, source=source)


def troubles(folder: Path) -> int:
    """How often the journal tells of what is not business as usual."""
    with open_journal(journal_url(folder)) as journal:
        return len(Story(line.entry for line in journal.read.entries()).troubles)


def note(bot: str, found: Rehearsed, folder: Path) -> None:
    """The figures, for docs/proof.md."""
    counts, played = found.verdict.counts, found.played
    figures = {
        "bot": bot,
        "market": "synthetic" if found.bill.facts.synthetic else "real",
        "from": format_day(found.bill.facts.from_ms),
        "days": DAYS,
        "bars": found.bill.facts.bars,
        "decisions": counts.closes,
        "decisions_equal": counts.closes_equal,
        "signals": counts.signals,
        "signals_equal": counts.signals_equal,
        "trades": counts.trades,
        "trades_paired": counts.trades_paired,
        "executions": counts.executions,
        "executions_paired": counts.executions_paired,
        "explained": len(found.verdict.differences),
        "unexplained": len(found.verdict.unexplained),
        "residual_usdt": round(found.verdict.bridge.residual_usdt, 6),
        "troubles_in_the_journal": troubles(folder),
        "requests": played.requests,
        "seconds": round(played.took_s, 1),
    }
    write_figures(f"parity-{bot}", figures)


@pytest.mark.parametrize("bot", [pytest.param(bot, id=name_of(bot)) for bot in REAL_FILES])
def test_the_session_decides_as_the_backtest_does_at_every_close(
    bot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path / "home"))
    found = rehearsed(bill(bot), tmp_path)
    note(bot, found, tmp_path)
    counts = found.verdict.counts
    assert found.verdict.holds, render_text(found)
    assert counts.closes_equal == counts.closes == DAYS * DAY_MS // found.bill.facts.timeframe_ms
    assert counts.signals_equal == counts.signals
    assert abs(found.verdict.bridge.residual_usdt) < 0.001
    ledger = deviation_of(tmp_path, "store" if is_real(bot) else "sample")
    assert ledger["items"] == ledger_tree(found.verdict.bridge)["items"]
    assert abs(ledger["residual_usdt"]) < 0.001
