"""A run is begun or gone on with: its book is what the journal says, by the plan of each time."""

from dataclasses import replace
from pathlib import Path

import pytest

from runner.domain.bar import SLOTS_MAX, TRUE, Bar, Row
from runner.domain.order import NO_ORDER
from runner.domain.position import Position, State
from runner.domain.session_event import BarClosed, Decided, Halted, Reloaded, StateSet
from runner.journal.write import Journal, open_journal
from runner.live.desk import Desk
from runner.live.takeup import (
    Deployment,
    begin,
    capital_of,
    first_entries,
    go_on,
    halted_for,
    latest_run,
    lay_desk,
    session_started,
    texts_of,
    with_capital,
)
from runner.live.wall import WallClock
from tests.live.rig import compiled_bot
from tests.live.test_session import BOT

MINUTE_MS = 60_000
WIDER = BOT.replace("distance: 0.8%", "distance: 2%")


def deployment(text: str = BOT, capital_usdt: float = 2_000.0) -> Deployment:
    compiled = compiled_bot(text)
    made = Deployment("demo", "main", "BTCUSDT", "quick.yaml", text, compiled.bot_hash, (), compiled)
    return with_capital(made, capital_usdt)


def started(journal: Journal, deployed: Deployment) -> Desk:
    run = begin(journal, deployed, 1_700_000_000_000)
    desk = lay_desk(journal, deployed, run, WallClock(), lambda entries: journal.append(*entries))
    journal.append(texts=texts_of(deployed))
    desk.commit(*first_entries(desk, deployed), session_started(desk, 1))
    return desk


def again(journal: Journal, deployed: Deployment, handover: str | None = None) -> Desk:
    known = latest_run(journal, deployed)
    assert known is not None
    desk = lay_desk(journal, deployed, known.run, WallClock(), lambda entries: journal.append(*entries))
    journal.append(texts=texts_of(deployed))
    desk.commit(session_started(desk, 2))
    go_on(desk, deployed, known, handover)  # type: ignore[arg-type]
    return desk


def signal(desk: Desk, close_ms: int, *, stop_ratio: float) -> None:
    """A bar at whose close the bot wants to be long."""
    bar = Bar(close_ms - MINUTE_MS, close_ms, *(100.0,) * 4, 10.0, *(100.0,) * 4)
    row = Row(TRUE, 0, stop_ratio, stop_ratio, 0.0, (0.0,) * SLOTS_MAX)  # type: ignore[arg-type]
    desk.commit(desk.entry(BarClosed(bar, row)), desk.entry(Decided(1, 0)))


def holding(desk: Desk) -> State:
    state = desk.book.state
    return state._replace(position=Position(0.5, 100.0, 20.0, 60.0))


def test_a_run_is_found_again_with_all_it_knew(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        first = started(journal, deployment())
        signal(first, 1_700_000_040_000, stop_ratio=0.008)
        assert first.book.state.orders.market.kind != NO_ORDER
        second = again(journal, deployment())
        assert second.identity == first.identity
        assert second.book.state == first.book.state
        assert second.book.state.account.cash_usdt == 2_000.0
        run = journal.read.run(first.identity.run)
        assert run is not None
        assert (run.sessions, capital_of(journal, run)) == (2, 2_000.0)
        assert not list(journal.read.entries(kinds=("reloaded",)))


def test_a_changed_bot_goes_on_with_its_new_plan_and_its_past_stays_as_it_was(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        first = started(journal, deployment())
        signal(first, 1_700_000_040_000, stop_ratio=0.008)
        second = again(journal, deployment(WIDER))
        assert second.book.plan == deployment(WIDER).compiled.plan
        assert second.book.state == first.book.state
        signal(second, 1_700_000_100_000, stop_ratio=0.02)
        third = again(journal, deployment(WIDER))
        assert third.book.state == second.book.state
        events = [line.entry.event for line in journal.read.entries(kinds=("reloaded",))]
        assert [isinstance(one, Reloaded) and one.why for one in events] == [
            "the bot's text changed between sessions"
        ]


@pytest.mark.parametrize("handover", [None, "adopt", "flatten"])
def test_a_rollback_says_what_becomes_of_the_position(tmp_path: Path, handover: str | None) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        first = started(journal, deployment())
        first.commit(first.entry(StateSet(holding(first), "adopted")))
        market = again(journal, deployment(WIDER), handover).book.state.orders.market
        assert (market.kind != NO_ORDER) is (handover == "flatten")


def test_a_halt_that_came_while_nothing_ran_is_carried_out(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        first = started(journal, deployment())
        first.commit(first.entry(StateSet(holding(first), "adopted")))
        journal.append(first.entry(Halted("flatten", "sleep", "ann")))
        second = again(journal, deployment())
        assert second.book.halted is not None
        market = second.book.state.orders.market
        assert (market.side, market.quantity) == (-1, 0.5)


def test_what_keeps_a_bot_from_trading_halts_it_without_leaving_its_position(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        desk = started(journal, deployment())
        assert halted_for(desk, []) == []
        desk.commit(*halted_for(desk, ["the key may withdraw"]))
        assert desk.book.halted == Halted("no_entries", "the key may withdraw", "runner")
        assert halted_for(desk, ["again"]) == []


def test_runs_of_other_places_are_not_taken_up(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        started(journal, deployment())
        assert latest_run(journal, replace(deployment(), account="other")) is None
        assert latest_run(journal, replace(deployment(), symbol="ETHUSDT")) is None
