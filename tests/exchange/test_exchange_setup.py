"""Leverage, margin mode and rules of an account, over sockets from the exchange in a box."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TypeVar

import pytest

from runner.data.instruments import instrument_for
from runner.domain.venue import ReadFailed
from runner.errors import ExchangeRefused, ExchangeUnreachable
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.profiles import local_profile
from runner.exchange.setup import FuturesSetup
from runner.live.connection import Connection, Door, connected
from runner.live.survey import Survey, insist, look_around, read_rules
from runner.live.wall import WallClock
from runner.simulator.box import Box
from runner.simulator.pacing import Pace
from runner.simulator.server import Server
from runner.simulator.types import NewOrder
from tests.simulator.skins import box_of

SYMBOL = "BTCUSDT"
Answer = TypeVar("Answer")


def served(job: Callable[[Connection, Box], Awaitable[Answer]], faults: str = "", key: str = "key") -> Answer:
    """The job over a connection to a fresh exchange."""

    async def life() -> Answer:
        box = box_of(faults)
        server = Server(box, Pace(1.0))
        await server.start()
        try:
            profile = local_profile(server.url)
            async with connected(Door(profile, Keys(key, "secret"))) as connection:
                connection.ports.orders.set_clock(box.now_ms - connection.clock.now_ms())
                return await job(connection, box)
        finally:
            await server.close()

    return asyncio.run(life())


def test_leverage_and_margin_mode_are_set_where_they_differ_and_read_back() -> None:
    async def job(connection: Connection, box: Box) -> None:
        setup = connection.setup
        assert await setup.read_setup(SYMBOL) == (20, False)
        await setup.write_setup(SYMBOL, 3, True)
        assert await setup.read_setup(SYMBOL) == (3, True)
        config = box.exchange.desk.config("main", SYMBOL)[0]
        assert (config.leverage, config.margin_type) == (3, "ISOLATED")
        entries = len(box.exchange.log)
        await setup.write_setup(SYMBOL, 3, True)
        assert len(box.exchange.log) == entries  # nothing was asked to be set again

    served(job)


def test_what_the_exchange_does_not_set_is_told_with_the_way_out() -> None:
    async def job(connection: Connection, box: Box) -> None:
        box.exchange.orders.place(
            "main", NewOrder(symbol=SYMBOL, side="BUY", type="MARKET", quantity=Decimal("0.01"))
        )
        with pytest.raises(ReadFailed, match="a position is open in this symbol; close it first"):
            await connection.setup.write_setup(SYMBOL, 20, True)
        with pytest.raises(ReadFailed, match="leverage"):
            await connection.setup.write_setup(SYMBOL, 126, False)

    served(job)


def test_a_setting_whose_answer_is_lost_is_seen_by_reading() -> None:
    async def job(connection: Connection, box: Box) -> None:
        with pytest.raises(ReadFailed, match="no answer"):
            await connection.setup.write_setup(SYMBOL, 3, False)
        await connection.setup.write_setup(SYMBOL, 3, False)  # it is set by now: nothing to do
        assert await connection.setup.read_setup(SYMBOL) == (3, False)

    served(job, "net.drop_after(POST leverage)")


def test_a_survey_tells_clock_rules_account_and_setup_and_changes_nothing() -> None:
    async def job(connection: Connection, box: Box) -> tuple[Survey, int]:
        before = len(box.exchange.log)
        seen = await look_around(connection.ports, connection.setup, SYMBOL, connection.clock)
        assert len(box.exchange.log) == before
        return seen, box.now_ms - connection.clock.now_ms()

    seen, offset_ms = served(job)
    assert abs(seen.offset_ms - offset_ms) < 2_000
    assert seen.instrument == instrument_for(SYMBOL).instrument._replace(
        liquidation_fee_ratio=seen.instrument.liquidation_fee_ratio
    )
    assert seen.brackets[0].leverage_max == 125
    assert seen.is_flat
    assert (seen.leverage, seen.isolated, seen.withdraws) == (20, False, None)
    assert seen.snapshot.account.wallet_usdt == 10_000
    assert seen.refusals() == []


def test_hedge_mode_and_multi_assets_mode_are_refused_and_left_alone() -> None:
    async def job(connection: Connection, box: Box) -> list[str]:
        box.exchange.desk.set_dual("main", True)
        box.exchange.desk.set_multi_assets("main", True)
        seen = await look_around(connection.ports, connection.setup, SYMBOL, connection.clock)
        assert box.exchange.desk.is_dual("main")
        return seen.refusals()

    refused = served(job)
    assert len(refused) == 2
    assert "one-way mode" in refused[0]
    assert "single-asset mode" in refused[1]


def test_a_key_the_exchange_does_not_know_is_refused_at_once() -> None:
    async def job(connection: Connection, box: Box) -> None:
        with pytest.raises(ExchangeRefused, match="-20"):
            await look_around(connection.ports, connection.setup, SYMBOL, connection.clock)

    served(job, key="somebody-else")


def test_a_fault_of_a_moment_is_waited_out() -> None:
    async def job(connection: Connection, box: Box) -> None:
        seen = await look_around(connection.ports, connection.setup, SYMBOL, connection.clock)
        assert box.mischief.hits["net.html"] == 1
        assert seen.leverage == 20

    served(job, "net.html(GET symbolConfig)")


def test_an_exchange_that_stays_away_is_unreachable() -> None:
    class Jumping(WallClock):
        """Waiting takes no time."""

        def __init__(self) -> None:
            self.waited_ms = 0

        def now_ms(self) -> int:
            return self.waited_ms

        async def sleep(self, wait_ms: int) -> None:
            self.waited_ms += wait_ms

    async def ask() -> int:
        raise ReadFailed("RequestTimeout: binanceusdm GET http://127.0.0.1:1/fapi?signature=abc")

    clock = Jumping()
    with pytest.raises(ExchangeUnreachable) as told:
        asyncio.run(insist(clock, ask))
    assert "signature" not in str(told.value)
    assert 40_000 < clock.waited_ms <= 60_000


def test_a_symbol_that_is_not_listed_is_refused() -> None:
    async def job(connection: Connection, box: Box) -> tuple[str, str]:
        return await connection.setup.rules(SYMBOL)

    info, ladder = served(job)
    with pytest.raises(ExchangeRefused, match="lists no perpetual DOGEUSDT"):
        read_rules("DOGEUSDT", info, ladder)


def test_the_right_to_withdraw_is_asked_of_no_stand_in() -> None:
    client = FuturesClient(local_profile("http://127.0.0.1:9"), Keys("key", "secret"))
    assert asyncio.run(FuturesSetup(client).withdrawals_allowed()) is None
