"""After a 429 or 418 nothing leaves this machine before the time that was told, whoever asks for what."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import ccxt
import pytest
from stand_in import StandIn, banned, busy, running

from runner.domain.venue import Kind as OrderKind
from runner.domain.venue import NotSent, ReadFailed, Request, Retry
from runner.errors import ExchangeUnreachable
from runner.exchange.account import Account, trusted
from runner.exchange.client import FuturesClient, HeldBack, Keys
from runner.exchange.notice import Notice
from runner.exchange.outcomes import outcome_of
from runner.exchange.profiles import Profile, local_profile, profile_for
from runner.exchange.public import Patience, PublicSource
from runner.exchange.setup import FuturesSetup
from runner.live.connection import Door, connected

KEYS = Keys("key", "secret")


@pytest.fixture
def exchange() -> Iterator[StandIn]:
    with running() as served:
        yield served


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def ban(client: FuturesClient, exchange: StandIn, wait_s: int = 60) -> int:
    """The exchange bans this address; how often it was asked by then."""
    exchange.fail("time", banned(wait_s))
    with pytest.raises(ccxt.BaseError):
        await client.fapiPublicGetTime()
    return len(exchange.asked)


CALLS: list[Callable[[FuturesClient], Awaitable[object]]] = [
    lambda client: client.fapiPublicGetTime(),
    lambda client: client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "1m"}),
    lambda client: client.fapiPrivateGetOpenOrders({"symbol": "BTCUSDT"}),
    lambda client: client.fapiPrivatePostOrder({"symbol": "BTCUSDT"}),
    lambda client: client.fapiPrivateDeleteOrder({"symbol": "BTCUSDT"}),
    lambda client: client.fapiPrivatePostLeverage({"symbol": "BTCUSDT", "leverage": 3}),
    lambda client: client.fapiPrivatePostListenKey({}),
    lambda client: client.fapiPrivatePutListenKey({}),
    lambda client: client.load_markets(),
]


def test_no_call_of_any_kind_leaves_inside_a_ban(exchange: StandIn) -> None:
    async def ask() -> None:
        async with FuturesClient(local_profile(exchange.url), KEYS) as client:
            asked = await ban(client, exchange)
            for call in CALLS:
                with pytest.raises(HeldBack) as caught:
                    await call(client)
                assert outcome_of(caught.value, now_ms(), 0) == NotSent(f"HeldBack: {caught.value}")
            assert len(exchange.asked) == asked

    asyncio.run(ask())


def test_the_ports_say_until_when(exchange: StandIn) -> None:
    async def ask() -> None:
        async with FuturesClient(local_profile(exchange.url), KEYS) as client:
            asked = await ban(client, exchange)
            account = Account(client, receive_window_ms=3_000)
            request = Request("a", "BTCUSDT", OrderKind.MARKET, 1, Decimal(1))
            outcome = await account.place(request)
            assert isinstance(outcome, Retry)
            assert 55_000 < outcome.until_ms - now_ms() <= 60_000
            with pytest.raises(ReadFailed) as caught:
                await account.snapshot("BTCUSDT")
            assert caught.value.until_ms == outcome.until_ms
            with pytest.raises(ReadFailed):
                await FuturesSetup(client).write_setup("BTCUSDT", 3, True)
            with pytest.raises(ExchangeUnreachable):
                await PublicSource(client, Patience(ban_ms_max=1_000)).time_ms()
            assert len(exchange.asked) == asked

    asyncio.run(ask())


def test_a_listen_key_is_asked_for_when_the_ban_is_over(exchange: StandIn) -> None:
    waits: list[float] = []

    async def ask() -> None:
        async with FuturesClient(local_profile(exchange.url), KEYS) as client:
            real = client.now_ms
            passed_s = 0.0
            client.now_ms = lambda: real() + round(passed_s * 1000)

            async def wait(pause_s: float) -> None:
                nonlocal passed_s
                passed_s += pause_s
                waits.append(pause_s)

            client.wait = wait
            asked = await ban(client, exchange)
            stream = Account(client, receive_window_ms=3_000).events("BTCUSDT")
            await anext(stream)  # the stand-in has no keys to give: lost, but it was asked
            assert 59 < sum(waits) <= 60
            assert len(exchange.asked) == asked
            await stream.aclose()

    asyncio.run(ask())


def noticed(exchange: StandIn, folder: Path) -> Profile:
    return local_profile(exchange.url)._replace(notices=folder)


def test_neighbours_and_the_next_process_hold_back_too(exchange: StandIn, tmp_path: Path) -> None:
    """Two bots, a pull and a restart share one address: what one of them was told holds for all."""
    folder = tmp_path / "exchange"

    async def ask() -> None:
        profile = noticed(exchange, folder)
        async with FuturesClient(profile, KEYS) as one, FuturesClient(profile, KEYS) as other:
            await trusted(other, other.fapiPublicGetTime, {}, dict)
            asked = await ban(one, exchange)
            with pytest.raises(ReadFailed) as caught:
                await trusted(other, other.fapiPublicGetTime, {}, dict)
            assert caught.value.until_ms > now_ms() + 50_000
        async with FuturesClient(profile) as next_one:
            with pytest.raises(ExchangeUnreachable):
                await PublicSource(next_one, Patience(ban_ms_max=1_000)).time_ms()
        assert len(exchange.asked) == asked

    asyncio.run(ask())
    assert [path.name for path in folder.iterdir()] == ["ban-local"]


def test_a_short_ban_never_shortens_a_long_one_and_nonsense_bans_nobody(tmp_path: Path) -> None:
    notice = Notice(tmp_path / "folder" / "ban")
    assert notice.read(1_000) == 0
    notice.post(60_000, 1_000)
    notice.post(30_000, 1_000)
    assert (notice.read(1_000), notice.read(60_000)) == (60_000, 0)
    (tmp_path / "folder" / "ban").write_text("soon")
    assert notice.read(1_000) == 0
    notice.post(90_000_000, 86_401_000)  # by a clock that is a day ahead, and is then set
    assert notice.read(1_000) == 0


def test_a_disk_that_takes_nothing_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Notice(tmp_path / "file" / "ban").post(60_000, 1_000)


def test_real_places_have_a_notice_and_stand_ins_with_clocks_of_their_own_have_none(tmp_path: Path) -> None:
    assert profile_for("main", notices=tmp_path).notices == tmp_path
    assert profile_for("main", exchange_url="http://127.0.0.1:9", notices=tmp_path).notices is None


def test_what_the_journal_knows_of_a_ban_holds_before_anything_is_asked(exchange: StandIn) -> None:
    """A restart looks at the exchange before it takes up its run."""

    async def ask() -> None:
        door = Door(local_profile(exchange.url), KEYS, banned_until_ms=now_ms() + 60_000)
        async with connected(door) as connection:
            with pytest.raises(ReadFailed) as caught:
                await connection.ports.market.server_time()
            assert caught.value.until_ms == door.banned_until_ms

    asyncio.run(ask())
    assert exchange.asked == []


def test_reads_leave_the_last_of_a_minutes_weight_to_orders(exchange: StandIn) -> None:
    """The header counts what all processes at this address sent."""
    exchange.weight_shown = 2_200

    async def ask() -> None:
        async with FuturesClient(local_profile(exchange.url), KEYS) as client:
            await trusted(client, client.fapiPublicGetTime, {}, dict)
            assert client.budget.used == 2_200
            with pytest.raises(ReadFailed, match="used up") as caught:
                await trusted(client, client.fapiPublicGetTime, {}, dict)
            assert caught.value.until_ms == 0  # no ban: orders go on
            assert exchange.count("time") == 1
            outcome = await Account(client, receive_window_ms=3_000).cancel(
                "BTCUSDT", "a", OrderKind.MARKET.book
            )
            assert not isinstance(outcome, Retry | NotSent)
            minute = client.now_ms
            client.now_ms = lambda: minute() + 60_000
            await trusted(client, client.fapiPublicGetTime, {}, dict)

    asyncio.run(ask())


def test_429_is_no_less_than_418(exchange: StandIn) -> None:
    async def ask() -> None:
        async with FuturesClient(local_profile(exchange.url), KEYS) as client:
            exchange.fail("time", busy(30))
            with pytest.raises(ccxt.BaseError):
                await client.fapiPublicGetTime()
            with pytest.raises(HeldBack):
                await client.fapiPublicGetTime()

    asyncio.run(ask())
    assert exchange.count("time") == 1
