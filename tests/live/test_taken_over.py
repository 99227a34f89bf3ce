"""A position that was taken over holds all executions before it: one that is read later counts once."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from runner.domain.entry import Entry
from runner.domain.order_event import Filled, PositionSet
from runner.domain.session_event import Mismatched
from runner.domain.venue import VenueTrade
from runner.live.desk import Desk, Identity
from runner.live.recover import Policy
from runner.live.trades import apply_trades
from runner.simulator.audit import audit
from runner.simulator.faults import parse_faults
from runner.simulator.types import NewOrder
from tests.live.rig import MINUTE_MS, RUN, START_MS, SYMBOL, Rig, rig_for
from tests.live.test_session import BOT, WARMUP, held, waves
from tests.live.virtual import VirtualClock, VirtualLoop, run

# The account shows the position at once; its executions can be read half a minute later, and no stream tells.
LATE = "ex.read_lag(40s, fills) for 2m; ws.silent(private) for 2m"
ENTERED_MS = START_MS + 5 * MINUTE_MS
HALF, ALL = Decimal("0.5"), Decimal(1)


def lived(tmp_path: Path, policy: Policy, part: Decimal) -> Rig:
    """Somebody closes a part of the short position by hand, and nobody can read of it for a while."""
    loop = VirtualLoop(START_MS)
    rig = rig_for(BOT, waves(WARMUP + 60), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")
    rig.policy = policy

    async def life() -> None:
        process = rig.start()
        await rig.play(ENTERED_MS)
        for fault in parse_faults(LATE, rig.box.now_ms):
            rig.box.arm(fault)
        whole = Decimal(repr(abs(held(rig))))
        assert whole
        by_hand = NewOrder(symbol=SYMBOL, side="BUY", type="MARKET", quantity=whole * part)
        rig.box.exchange.orders.place("main", by_hand)
        await rig.play(ENTERED_MS + 4 * MINUTE_MS)
        await rig.stop(process)

    run(loop, life())
    return rig


@pytest.mark.parametrize("policy", ["adopt", "halt"])
@pytest.mark.parametrize("part", [HALF, ALL])
def test_an_execution_read_after_the_adoption_is_not_counted_again(
    tmp_path: Path, policy: Policy, part: Decimal
) -> None:
    rig = lived(tmp_path, policy, part)
    entries = list(rig.entries())
    assert [type(one.event) for one in entries].count(Mismatched) == 1
    taken = next(one for one in entries if isinstance(one.event, PositionSet))
    late = entries[entries.index(taken) :]
    fills = [one.event for one in late if isinstance(one.event, Filled) and one.time_ms <= taken.time_ms]
    assert [(one.reason, one.applied) for one in fills] == [("operator" if part != ALL else "by hand", None)]
    book = rig.book(rig.open())
    assert float(book.state.position.quantity) == pytest.approx(held(rig))
    [row] = rig.open().read.positions(RUN)
    assert (row.quantity, row.entry_price == 0) == (taken.event.quantity, part == ALL)
    assert audit(rig.box.exchange) == []
    rig.open().close()


def test_an_execution_known_from_another_run_brings_no_money_at_any_look(tmp_path: Path) -> None:
    rig = lived(tmp_path, "adopt", HALF)
    book = replace(rig.book(rig.open()), taken_over_ms=START_MS + 60 * MINUTE_MS)
    identity, loop = Identity(RUN, "tag", "b", "main", SYMBOL, "", ""), VirtualLoop(START_MS)
    clock = VirtualClock(loop)
    desk = Desk(identity, clock, none, book)
    trade = VenueTrade(
        trade_id="77",
        venue_order_id="88",
        client_id="",
        symbol=SYMBOL,
        side=1,
        price=Decimal(40_000),
        quantity=Decimal("0.001"),
        fee_usdt=Decimal("0.1"),
        realised_pnl_usdt=Decimal(-50),
        maker=False,
        time_ms=START_MS + 59 * MINUTE_MS,
    )
    for _ in range(3):
        apply_trades(desk, (trade,))
        assert desk.book.state.account.cash_usdt == book.state.account.cash_usdt
    early = replace(trade, time_ms=book.started_ms - 1)
    known = Desk(identity, clock, written, book)
    apply_trades(known, (early,))
    assert known.book.state.account.cash_usdt == book.state.account.cash_usdt
    apply_trades(known, (replace(trade, trade_id="78"),))
    assert known.book.state.account.cash_usdt == pytest.approx(book.state.account.cash_usdt - 50.1)
    loop.close()
    rig.open().close()


def none(entries: Sequence[Entry]) -> Sequence[object | None]:
    """A journal that knows all of it."""
    return [None for _ in entries]


def written(entries: Sequence[Entry]) -> Sequence[object | None]:
    """A journal that takes everything."""
    return entries


@pytest.mark.parametrize("part", [HALF, ALL])
def test_its_money_is_counted_once(tmp_path: Path, part: Decimal) -> None:
    rig = lived(tmp_path, "adopt", part)
    wallet = rig.box.exchange.desk.view("main").wallet_usdt
    assert rig.book(rig.open()).state.account.cash_usdt == pytest.approx(float(wallet), abs=1e-6)
    assert Decimal(repr(rig.compiled.plan.capital_usdt)) != wallet
    rig.open().close()
