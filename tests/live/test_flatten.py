"""The kill switch for a dead session, against the exchange in memory: flat, orders gone, stops last."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from runner.domain.order_event import Filled, Intended, Sending
from runner.exchange.account import Account
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.market import FuturesMarket
from runner.exchange.profiles import PROFILES
from runner.live.desk import Desk
from runner.live.flatten import Flattened, Flattening
from runner.live.gate import GateLimits
from runner.live.resolve import RECEIVE_WINDOW_MS
from runner.live.session import Ports
from runner.simulator.audit import audit
from runner.simulator.faults import parse_faults
from tests.live.rig import MINUTE_MS, START_MS, SYMBOL, Rig, TimedSession, rig_for
from tests.live.test_session import BOT, WARMUP, held, waves
from tests.live.virtual import VirtualClock, VirtualLoop, run

PATIENCE_MS = 120_000


def desk_of(rig: Rig) -> Desk:
    return rig._desk(rig.open(), VirtualClock(rig.loop))


async def flatten(rig: Rig, *, is_held: bool = True) -> Flattened:
    """As another process would, over a connection of its own."""
    clock = VirtualClock(rig.loop)
    client = FuturesClient(PROFILES["main"], Keys("key", "secret"), timeout_ms=2_000)
    client.session, client.own_session = TimedSession(rig.box, rig.loop), False
    client.milliseconds = client.now_ms = clock.now_ms
    account = Account(client, receive_window_ms=RECEIVE_WINDOW_MS)
    ports = Ports(account, account, FuturesMarket(client))
    limits = GateLimits(SYMBOL, Decimal(0), Decimal(0))
    try:
        return await Flattening(desk_of(rig), ports, limits, lambda: is_held, PATIENCE_MS).run()
    finally:
        await client.close()


async def held_then_killed(rig: Rig) -> None:
    """Trade until there is a position, then die."""
    await rig.play(START_MS)
    process = rig.start()
    for minute in range(1, 30):
        await rig.play(START_MS + minute * MINUTE_MS + 5_000)
        if held(rig):
            break
    assert held(rig)
    await rig.kill(process)


def with_rig(tmp_path: Path) -> tuple[VirtualLoop, Rig]:
    loop = VirtualLoop(START_MS)
    return loop, rig_for(BOT, waves(WARMUP + 60), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")


@pytest.mark.parametrize(
    "faults",
    [
        "",
        "net.drop_after(POST order)",
        "net.drop_before(POST order)",
        "net.drop_after(DELETE algoOrder); net.drop_after(DELETE order)",
        "net.hang(POST order)",
        "net.half_json(POST order)",
    ],
)
def test_a_dead_bots_position_is_closed_and_nothing_of_it_rests(tmp_path: Path, faults: str) -> None:
    loop, rig = with_rig(tmp_path)

    async def life() -> Flattened:
        await held_then_killed(rig)
        for fault in parse_faults(faults, rig.box.now_ms):
            rig.box.arm(fault)
        return await flatten(rig)

    done = run(loop, life())
    assert done == Flattened(True, Decimal(0), 0, "")
    assert held(rig) == 0
    assert rig.box.exchange.orders.open("main") == []
    assert rig.box.exchange.algos.open("main") == []
    assert audit(rig.box.exchange) == []
    rig.open().close()


def test_the_stop_is_cancelled_only_when_the_position_is_gone(tmp_path: Path) -> None:
    loop, rig = with_rig(tmp_path)

    async def life() -> None:
        await held_then_killed(rig)
        await flatten(rig)

    run(loop, life())
    entries = [one for one in rig.entries() if isinstance(one.event, Sending)]
    last = [(one.event.action, (one.client_id or "").split("-")[2][0]) for one in entries][-3:]
    assert last == [("cancel", "t"), ("place", "x"), ("cancel", "s")]
    fills = [one.event for one in rig.entries() if isinstance(one.event, Filled)]
    assert fills[-1].reason == "operator"
    intents = [one.event for one in rig.entries() if isinstance(one.event, Intended)]
    assert [one.rule for one in intents if one.legs[0].name == "exit"][-1] == "operator"
    rig.open().close()


def test_without_the_lease_nothing_is_sent(tmp_path: Path) -> None:
    loop, rig = with_rig(tmp_path)

    async def life() -> Flattened:
        await held_then_killed(rig)
        return await flatten(rig, is_held=False)

    done = run(loop, life())
    assert not done.is_flat
    assert "lease" in done.why
    assert held(rig) != 0
    intents = [one.event for one in rig.entries() if isinstance(one.event, Intended)]
    assert all(leg.name != "exit" for intent in intents for leg in intent.legs)
    rig.open().close()


def test_an_exchange_that_does_not_answer_is_told_as_such(tmp_path: Path) -> None:
    loop, rig = with_rig(tmp_path)

    async def life() -> Flattened:
        await held_then_killed(rig)
        for fault in parse_faults("net.outage for 1h", rig.box.now_ms):
            rig.box.arm(fault)
        return await flatten(rig)

    done = run(loop, life())
    assert not done.is_flat
    assert done.why
    assert done.resting > 0
    rig.open().close()


def test_a_position_nobody_knows_is_closed_too(tmp_path: Path) -> None:
    """An operator who flattens means what is there, not what our books say."""
    loop, rig = with_rig(tmp_path)

    async def life() -> Flattened:
        from runner.simulator.types import NewOrder

        desk_of(rig)
        await rig.play(START_MS + 1_000)
        rig.box.exchange.orders.place(
            "main", NewOrder(symbol=SYMBOL, side="BUY", type="MARKET", quantity=Decimal("0.05"))
        )
        await asyncio.sleep(1)
        assert held(rig) == 0.05
        return await flatten(rig)

    assert run(loop, life()).is_flat
    assert held(rig) == 0
    reasons = [one.event.reason for one in rig.entries() if isinstance(one.event, Filled)]
    assert reasons[-1] == "operator"
    rig.open().close()
