"""The client stays inside its profile, sends once, and tells what it was answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import ccxt
import pytest
from stand_in import CUT, EMPTY_OBJECT, STALL, Fault, StandIn, html, refusal, running

from runner.errors import ExchangeHostRefused
from runner.exchange.client import FuturesClient, Keys, never_left, reply_of
from runner.exchange.profiles import PROFILES, local_profile

Work = Callable[[FuturesClient], Awaitable[object]]


@pytest.fixture
def exchange() -> Iterator[StandIn]:
    with running() as served:
        yield served


@asynccontextmanager
async def client_of(exchange: StandIn, timeout_ms: int = 5_000) -> AsyncIterator[FuturesClient]:
    async with FuturesClient(
        local_profile(exchange.url), Keys("key", "secret"), timeout_ms=timeout_ms
    ) as client:
        yield client


def failing(exchange: StandIn, fault: Fault, timeout_ms: int = 5_000) -> BaseException:
    """The exception of one request that ends so."""

    async def ask() -> None:
        async with client_of(exchange, timeout_ms) as client:
            await client.fapiPublicGetTime()

    exchange.fail("time", fault)
    with pytest.raises(ccxt.BaseError) as caught:
        asyncio.run(ask())
    return caught.value


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-2019, ccxt.InsufficientFunds),
        (-2021, ccxt.OrderImmediatelyFillable),
        (-2022, ccxt.InvalidOrder),
        (-4164, ccxt.InvalidOrder),
        (-1008, ccxt.OperationFailed),
        (-2013, ccxt.OrderNotFound),
    ],
)
def test_the_futures_errors_are_known_on_any_host(
    exchange: StandIn, code: int, kind: type[Exception]
) -> None:
    error = failing(exchange, refusal(code, "No."))
    assert type(error) is kind
    reply = reply_of(error)
    assert reply is not None
    assert (reply.status, reply.code, reply.message) == (400, code, "No.")
    assert reply.body == f'{{"code": {code}, "msg": "No."}}'
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "1"


@pytest.mark.parametrize("status", [400, 403, 404, 408, 418, 429, 451, 500, 502, 503, 504])
def test_a_reply_that_is_no_json_keeps_its_status(exchange: StandIn, status: int) -> None:
    reply = reply_of(failing(exchange, html(status)))
    assert reply is not None
    assert (reply.status, reply.code) == (status, None)


def test_a_page_in_place_of_an_answer_is_an_error_even_with_status_200(exchange: StandIn) -> None:
    error = failing(exchange, html(200))
    assert isinstance(error, ccxt.BadResponse)
    reply = reply_of(error)
    assert reply is not None
    assert reply.status == 200


@pytest.mark.parametrize("fault", [STALL, CUT], ids=["stalled", "cut short"])
def test_an_answer_that_does_not_come_whole_leaves_no_reply_and_may_have_arrived(
    exchange: StandIn, fault: Fault
) -> None:
    error = failing(exchange, fault, timeout_ms=200)
    assert reply_of(error) is None
    assert not never_left(error)


def test_a_refused_connection_surely_reached_nobody() -> None:
    async def ask() -> None:
        async with FuturesClient(local_profile("http://127.0.0.1:9")) as client:
            await client.fapiPublicGetTime()

    with pytest.raises(ccxt.ExchangeNotAvailable) as caught:
        asyncio.run(ask())
    assert never_left(caught.value)


def test_nothing_is_sent_twice(exchange: StandIn) -> None:
    failing(exchange, refusal(-1007, "Timeout waiting for response.", 503))
    assert exchange.count("time") == 1


def test_loading_the_markets_asks_one_thing_only(exchange: StandIn) -> None:
    async def load() -> str:
        async with client_of(exchange) as client:
            await client.load_markets()
            return str(client.market("BTC/USDT:USDT")["id"])

    assert asyncio.run(load()) == "BTCUSDT"
    assert [name for name, _ in exchange.asked] == ["exchangeInfo"]


@pytest.mark.parametrize(
    "work",
    [
        lambda client: client.fetch("https://fapi.binance.com/fapi/v1/time"),
        lambda client: client.watch_ticker("BTC/USDT:USDT"),
    ],
    ids=["request", "stream"],
)
def test_neither_a_request_nor_a_stream_leaves_for_another_host(exchange: StandIn, work: Work) -> None:
    async def leave() -> None:
        async with client_of(exchange) as client:
            await client.load_markets()
            client.urls["api"]["ws"]["linear"] = "ws://127.0.0.2:9/ws"  # as a mistake would
            await asyncio.wait_for(work(client), 5)

    with pytest.raises(ExchangeHostRefused, match="'local' may reach"):
        asyncio.run(leave())


def test_a_redirect_to_another_host_is_not_followed(exchange: StandIn) -> None:
    async def ask() -> None:
        async with client_of(exchange) as client:
            await client.fapiPublicGetTime()

    exchange.fail("time", Fault(status=302, headers={"Location": "http://127.0.0.2:9/fapi/v1/time"}))
    with pytest.raises(ExchangeHostRefused, match=r"127\.0\.0\.2:9 was stopped"):
        asyncio.run(ask())


def test_what_ccxt_would_ask_of_other_products_has_no_address() -> None:
    async def ask() -> None:
        async with FuturesClient(PROFILES["main"], Keys("key", "secret")) as client:
            await client.sapiGetCapitalConfigGetall()

    with pytest.raises(ccxt.NotSupported):
        asyncio.run(ask())


def test_keys_never_show() -> None:
    assert "abc" not in repr(Keys("abc", "abc")) + str(Keys("abc", "abc"))


def test_an_empty_object_is_left_to_whoever_asked(exchange: StandIn) -> None:
    async def ask() -> object:
        async with client_of(exchange) as client:
            return await client.fapiPublicGetTime()

    exchange.fail("time", EMPTY_OBJECT)
    assert asyncio.run(ask()) == {}
