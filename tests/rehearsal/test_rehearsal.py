"""The session that trades, over sockets, beside the backtest of the same bars."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.compiler.build import Compiled
from runner.domain.session_event import Banned
from runner.journal.write import open_journal
from runner.rehearsal import whole
from runner.rehearsal.stage import journal_url
from runner.rehearsal.telling import render_json, render_text
from runner.rehearsal.whole import Rehearsed
from runner.report.pairs import Match
from tests.rehearsal.bills import BOTS, BUSY, bill_of, quick_bot, rehearsed


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    return quick_bot(tmp_path)


def test_a_calm_rehearsal_is_its_backtest_but_for_spread_and_slippage(quick: Path, tmp_path: Path) -> None:
    found = rehearsed(bill_of(quick, "2024-03-01", "2024-03-02"), tmp_path)
    verdict, counts = found.verdict, found.verdict.counts
    assert verdict.holds, render_text(found)
    assert verdict.differences == ()
    assert counts.closes == counts.closes_equal == 96
    assert counts.signals == counts.signals_equal >= 10
    assert counts.trades == counts.trades_paired >= 5
    assert counts.executions == counts.executions_paired >= 10
    assert abs(verdict.bridge.residual_usdt) < 0.001
    assert found.played.problems == ()
    names = [item.name for item in verdict.bridge.items if abs(item.usdt) > 0.01]
    assert set(names) <= {"slippage", "path", "sizing", "rounding", "fees", "funding"}


@pytest.mark.parametrize("bot", BUSY)
def test_parity_holds_for_the_bots_of_the_house(bot: str, tmp_path: Path) -> None:
    found = rehearsed(bill_of(BOTS / f"{bot}.yaml", *BUSY[bot]), tmp_path)
    assert found.verdict.holds, render_text(found)
    counts = found.verdict.counts
    assert counts.closes == counts.closes_equal
    assert counts.trades == counts.trades_paired >= 1
    assert counts.executions >= 2


def test_an_entry_that_arrives_a_moment_after_the_open_moves_its_stop_as_in_the_backtest(
    quick: Path, tmp_path: Path
) -> None:
    """Once the extremes of the entry's own bar counted only when it executed at the very millisecond."""
    trailing = "  trailing_stop: {start_at: 0.2R, distance: 0.3%}\n  when: {long"
    quick.write_text(quick.read_text(encoding="utf-8").replace("  when: {long", trailing), encoding="utf-8")
    bill = bill_of(quick, "2024-03-01T08:00Z", "2024-03-01T16:00Z", faults="net.delay(POST order, 1s) x*")
    found = rehearsed(bill, tmp_path)
    entries = [pair.actual.executions[0] for pair in found.verdict.bridge.pairing.pairs]
    assert len(entries) >= 3
    assert all(one.time_ms > one.bar_ms for one in entries)
    assert any(match.actual.reason == "trailing_stop" for match in matches(found))
    assert found.verdict.differences == (), render_text(found)


def matches(found: Rehearsed) -> list[Match]:
    return [match for pair in found.verdict.bridge.pairing.pairs for match in pair.matches]


def test_a_missed_entry_is_explained_by_what_the_journal_says(quick: Path, tmp_path: Path) -> None:
    bill = bill_of(quick, "2024-03-01", "2024-03-01T04:00Z", faults="http.overload(POST order) x*")
    found = rehearsed(bill, tmp_path)
    assert found.verdict.holds, render_text(found)
    assert found.verdict.counts.trades_paired < found.verdict.counts.trades
    missed = [one for one in found.verdict.differences if "missed" in one.what]
    assert missed
    assert "entry dropped" in missed[0].why
    ledger = {item.name: item for item in found.verdict.bridge.items}
    assert ledger["missed"].times == len(missed)
    assert missed[0].why in render_text(found)
    assert '"holds": true' in render_json(found)


def test_after_an_outage_while_leaving_the_exchange_is_not_flooded(quick: Path, tmp_path: Path) -> None:
    """Five minutes without answers just when a position should be closed: once they end in a ban of days."""
    bill = bill_of(quick, "2024-03-01", "2024-03-01T04:00Z", faults="net.private_down at +12550s for 5m")
    found = rehearsed(bill, tmp_path)
    assert found.verdict.holds, render_text(found)
    with open_journal(journal_url(tmp_path)) as journal:
        lines = list(journal.read.entries(run=found.played.run))
    exits = {line.entry.client_id for line in lines if line.entry.client_id and "-x" in line.entry.client_id}
    assert not any(isinstance(line.entry.event, Banned) for line in lines)
    assert 2 <= len(exits) <= 20
    assert found.played.quantity == 0


@contextmanager
def another_backtest(monkeypatch: pytest.MonkeyPatch, **other: Any) -> Iterator[None]:
    """The comparison is made with the backtest of a bot that was not the one that ran."""
    real = whole.run_backtest

    def wrong(compiled: Compiled, market: Any, facts: Any, **rest: Any) -> Any:
        plan = compiled.plan._replace(**{name: change(compiled.plan) for name, change in other.items()})
        return real(replace(compiled, plan=plan), market, facts, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(whole, "run_backtest", wrong)
        yield


def test_a_rehearsal_that_sized_otherwise_fails(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = bill_of(quick, "2024-03-01", "2024-03-01T04:00Z")
    halved = {"sizing": lambda plan: plan.sizing._replace(measure=plan.sizing.measure / 2.0)}
    with another_backtest(monkeypatch, **halved):
        found = rehearsed(bill, tmp_path)
    assert not found.verdict.holds
    assert "instead of" in found.verdict.unexplained[0].what
    assert render_text(found).splitlines()[5].startswith("FAILED")


def test_a_rehearsal_whose_stops_lie_elsewhere_fails(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Targets at 0.5 R in one and 1 R in the other: executions of one have no partner."""
    bill = bill_of(quick, "2024-03-01T12:00Z", "2024-03-02")
    nearer = {"targets": lambda plan: (plan.targets[0]._replace(at=0.5), *plan.targets[1:])}
    with another_backtest(monkeypatch, **nearer):
        found = rehearsed(bill, tmp_path)
    assert not found.verdict.holds, render_text(found)
