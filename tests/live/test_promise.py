"""An entry leaves with its stop written down beside it, and who finds it after a crash keeps that promise."""

from decimal import Decimal
from pathlib import Path

import pytest

from runner.domain.order_event import Filled, Intended, Sending
from runner.domain.venue import Kind
from runner.live.ids import Leg, parse_client_id
from runner.simulator.faults import parse_faults
from tests.live.rig import MINUTE_MS, RUN, START_MS, SYMBOL, Rig, rig_for
from tests.live.test_session import BOT, WARMUP, held, waves
from tests.live.virtual import VirtualLoop, run

ENTRY_MS = START_MS + 4 * MINUTE_MS
LIMITED = BOT.replace("order: {type: market}", "order: {type: limit, offset: 1 bps, expires: 3 bars}")
UNSEEN = """net.drop_after(POST order)
ws.silent(private) for 1m
ex.read_lag(8s, fills) for 1m
ex.read_lag(8s, orders) for 1m
"""
BY_LIMIT_ALONE = BOT.replace("  stop_loss: {distance: 0.8%, trigger: mark}\n", "").replace(
    "  take_profit:\n    - {at: 1R, close: 50%}\n", ""
)
BY_LIMIT_ALONE = BY_LIMIT_ALONE.replace("size: {risk: 1% of equity}", "size: {notional: 3000 USDT}").replace(
    "costs:", "limits: {daily_loss: {max: 1% of equity, action: flatten}}\ncosts:"
)


def lived(tmp_path: Path, text: str) -> Rig:
    loop = VirtualLoop(START_MS)
    rig = rig_for(text, waves(WARMUP + 40), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")

    async def life() -> None:
        process = rig.start()
        await rig.play(START_MS + 30 * MINUTE_MS)
        await rig.stop(process)

    run(loop, life())
    return rig


@pytest.mark.parametrize("text", [BOT, LIMITED, BY_LIMIT_ALONE], ids=["market", "limit", "loss limit"])
def test_the_commit_that_lets_an_entry_leave_names_its_stop(tmp_path: Path, text: str) -> None:
    rig = lived(tmp_path, text)
    entries = list(rig.entries())
    meant = [one for one in entries if isinstance(one.event, Intended) and one.event.rule.startswith("entry")]
    assert meant
    for one in meant:
        event = one.event
        assert isinstance(event, Intended)
        entry, stop = event.legs
        assert (entry.name, stop.name) == ("entry", "stop")
        assert isinstance(entries[entries.index(one) + 1].event, Sending)
        name = parse_client_id(stop.request.client_id)
        assert name is not None
        assert (name.leg, name.intent, name.attempt) == (Leg.STOP, one.intent, 1)
        assert stop.request.kind is Kind.STOP_MARKET
        assert stop.request.reduce_only
        assert (stop.request.side, stop.request.quantity) == (-entry.request.side, entry.request.quantity)
        if text is not BY_LIMIT_ALONE:
            assert event.why == "its stop: 0.8000% from the average entry price, for what is filled"
        sent = [
            late.event.request
            for late in entries
            if isinstance(late.event, Sending) and late.client_id == stop.request.client_id
        ]
        if sent and sent[0] is not None:
            assert sent[0].trigger_price is not None
            assert stop.request.trigger_price is not None
            assert abs(sent[0].trigger_price / stop.request.trigger_price - 1) < Decimal("0.002")
            assert sent[0].quantity == stop.request.quantity
    rig.open().close()


def test_what_is_only_promised_is_no_open_order(tmp_path: Path) -> None:
    """`flatten` and `status` look at open orders."""
    loop = VirtualLoop(START_MS)
    rig = rig_for(BOT, waves(WARMUP + 40), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")

    async def life() -> None:
        process = rig.start()
        await rig.play(ENTRY_MS - 5_000)
        rig.box.arm(parse_faults("ex.reject(POST order, -2019)", rig.box.now_ms)[0])
        await rig.play(ENTRY_MS + 30_000)
        assert held(rig) == 0
        await rig.stop(process)

    run(loop, life())
    read = rig.open().read
    statuses = {one.leg: one.status for one in read.orders(RUN)}
    assert statuses == {"entry": "rejected", "stop": "planned"}
    assert read.orders(RUN, only_open=True) == []
    rig.open().close()


def test_the_promised_stop_is_placed_where_nothing_else_is_known(tmp_path: Path) -> None:
    """The process dies with its entry on the wire; afterwards neither order nor execution can be read yet."""
    loop = VirtualLoop(START_MS)
    rig = rig_for(BOT, waves(WARMUP + 40), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")

    async def life() -> None:
        process = rig.start()
        await rig.play(ENTRY_MS - 5_000)
        for fault in parse_faults(UNSEEN, rig.box.now_ms):
            rig.box.arm(fault)
        await rig.play(ENTRY_MS + 100)
        assert held(rig)
        await rig.kill(process)
        process = rig.start()
        await rig.play(ENTRY_MS + 2_000)
        [stop] = rig.box.exchange.algos.open("main")
        meant = [one.event for one in rig.entries() if isinstance(one.event, Intended)]
        assert stop.client_id == meant[0].legs[1].request.client_id
        assert stop.trigger_price == meant[0].legs[1].request.trigger_price
        await rig.play(ENTRY_MS + 3 * MINUTE_MS)
        await rig.stop(process)

    run(loop, life())
    kinds = [(type(one.event), one.client_id) for one in rig.entries()]
    stop = next(
        place for place, (kind, name) in enumerate(kinds) if kind is Sending and (name or "")[-2:] == "s1"
    )
    assert Filled not in {kind for kind, _ in kinds[:stop]}  # the core knew of no position yet
    assert float(rig.book(rig.open()).state.position.quantity) == pytest.approx(held(rig))
    assert {one.symbol for one in rig.box.exchange.algos.open("main")} <= {SYMBOL}
    rig.open().close()
