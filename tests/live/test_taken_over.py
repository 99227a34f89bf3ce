"""A position that was taken over holds all executions before it: one that is read later counts once."""

from decimal import Decimal
from pathlib import Path

import pytest

from runner.domain.order_event import Filled, PositionSet
from runner.domain.session_event import Mismatched
from runner.live.recover import Policy
from runner.simulator.audit import audit
from runner.simulator.faults import parse_faults
from runner.simulator.types import NewOrder
from tests.live.rig import MINUTE_MS, RUN, START_MS, SYMBOL, Rig, rig_for
from tests.live.test_session import BOT, WARMUP, held, waves
from tests.live.virtual import VirtualLoop, run

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


@pytest.mark.parametrize("part", [HALF, ALL])
def test_its_money_is_counted_once(tmp_path: Path, part: Decimal) -> None:
    rig = lived(tmp_path, "adopt", part)
    wallet = rig.box.exchange.desk.view("main").wallet_usdt
    assert rig.book(rig.open()).state.account.cash_usdt == pytest.approx(float(wallet), abs=1e-6)
    assert Decimal(repr(rig.compiled.plan.capital_usdt)) != wallet
    rig.open().close()
