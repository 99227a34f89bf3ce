"""Market data over REST against the stand-in: whole, in order, and whatever goes wrong on the way."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import numpy as np
import pytest
from stand_in import (
    CUT,
    EMPTY_OBJECT,
    NOW_MS,
    RESET,
    STALL,
    Fault,
    StandIn,
    banned,
    busy,
    html,
    refusal,
    running,
)

from runner.data.sample import SPAN_START_MS, SampleShelf
from runner.domain.source import Kind, Page, Wanted
from runner.domain.time import DAY_MS, HOUR_MS, MINUTE_MS
from runner.errors import ExchangeRefused, ExchangeUnreachable
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.profiles import local_profile
from runner.exchange.public import Patience, PublicSource

JANUARY_MS = 1_735_689_600_000  # 2025-01-01
QUICK = Patience(tries_max=3, unreached_max=2, pause_ms=1, ban_ms_max=2_500)
Answer = TypeVar("Answer")


@pytest.fixture
def exchange() -> Iterator[StandIn]:
    with running() as served:
        yield served


def asked(
    exchange: StandIn,
    call: Callable[[PublicSource], Awaitable[Answer]],
    *,
    keys: Keys | None = None,
    said: list[str] | None = None,
    timeout_ms: int = 5_000,
) -> Answer:
    async def ask() -> Answer:
        async with FuturesClient(local_profile(exchange.url), keys, timeout_ms=timeout_ms) as client:
            return await call(PublicSource(client, QUICK, (said if said is not None else []).append))

    return asyncio.run(ask())


def wanted(kind: Kind, step: int, days: float = 3.0, symbol: str = "BTCUSDT") -> Wanted:
    return Wanted(symbol, kind, step, JANUARY_MS, JANUARY_MS + int(days * DAY_MS))


async def pages_of(source: PublicSource, span: Wanted) -> list[Page]:
    return [page async for page in source.pages(span)]


def rows_of(exchange: StandIn, span: Wanted, timeout_ms: int = 5_000) -> Page:
    pages = asked(exchange, lambda source: pages_of(source, span), timeout_ms=timeout_ms)
    columns = zip(*(page.columns for page in pages), strict=True)
    return Page(np.concatenate([page.time_ms for page in pages]), tuple(map(np.concatenate, columns)))


@pytest.mark.parametrize("kind", ["last", "mark"])
def test_pages_hold_every_bar_of_the_span_bit_for_bit(exchange: StandIn, kind: Kind) -> None:
    span = wanted(kind, MINUTE_MS)
    found = rows_of(exchange, span)
    true = SampleShelf("BTC/USDT:USDT", 1, MINUTE_MS).bars(kind, MINUTE_MS, span.from_ms, span.stop_ms)
    names = ("open", "high", "low", "close", "volume")[: len(found.columns)]
    assert len(names) == (5 if kind == "last" else 4)
    assert np.array_equal(found.time_ms, true.open_time_ms)
    for name, column in zip(names, found.columns, strict=True):
        assert np.array_equal(column, getattr(true, name)), name
    limits = [int(query["limit"]) for _, query in exchange.asked]
    assert limits == [1000, 1000, 1000, 1000, 320]  # 4,320 bars; the last page asks for no more than it needs


def test_funding_comes_whole_with_its_own_times(exchange: StandIn) -> None:
    found = rows_of(exchange, wanted("funding", 0, days=30))
    assert len(found.time_ms) == 90
    assert set((found.time_ms % (8 * HOUR_MS)).tolist()) == {
        0,
        1,
        2,
        3,
    }  # some milliseconds late, as they are
    assert np.all(np.abs(found.columns[0]) < 0.01)


def test_what_the_exchange_has_not_is_simply_not_there(exchange: StandIn) -> None:
    exchange.missing = frozenset({JANUARY_MS, JANUARY_MS + 5 * HOUR_MS, JANUARY_MS + 71 * HOUR_MS})
    found = rows_of(exchange, wanted("last", HOUR_MS))
    assert len(found.time_ms) == 69


def test_a_span_without_any_bar_has_no_pages(exchange: StandIn) -> None:
    span = Wanted("BTCUSDT", "last", HOUR_MS, SPAN_START_MS - DAY_MS, SPAN_START_MS)
    assert asked(exchange, lambda source: pages_of(source, span)) == []


def test_the_first_row_and_the_clock_are_told(exchange: StandIn) -> None:
    assert asked(exchange, lambda source: source.time_ms()) == NOW_MS
    assert asked(exchange, lambda source: source.first_ms("BTCUSDT", "last", HOUR_MS)) == SPAN_START_MS
    assert asked(exchange, lambda source: source.first_ms("BTCUSDT", "funding", 0)) in range(
        SPAN_START_MS, SPAN_START_MS + 4
    )


def test_brackets_need_keys_and_are_signed(exchange: StandIn) -> None:
    assert asked(exchange, lambda source: source.leverage_bracket()) is None
    assert exchange.asked == []
    text = asked(exchange, lambda source: source.leverage_bracket(), keys=Keys("key", "secret"))
    assert text is not None
    assert '"maintMarginRatio"' in text
    assert {"signature", "timestamp", "recvWindow"} <= set(exchange.asked[0][1])


FAULTS = {
    "stalled": STALL,
    "cut short": CUT,
    "reset": RESET,
    "empty object": EMPTY_OBJECT,
    "a page": html(200),
    "a gateway's page": html(502),
    "unavailable": html(503),
    "overloaded": refusal(-1008, "Server is currently overloaded.", 503),
    "backend timeout": refusal(-1007, "Timeout waiting for response.", 408),
    "internal error": refusal(-1001, "Internal error; unable to process your request.", 400),
    "rows of words": Fault(body='[["x","1","1","1","1","1"]]'),
    "rows too short": Fault(body="[[1735689600000,1]]"),
    "rows in disorder": Fault(body='[[2,"1","1","1","1","1"],[1,"1","1","1","1","1"]]'),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_that_passes_is_asked_again_and_leaves_no_trace(exchange: StandIn, fault: Fault) -> None:
    sound = rows_of(exchange, wanted("last", HOUR_MS))
    exchange.fail("klines", fault)
    found = rows_of(exchange, wanted("last", HOUR_MS), timeout_ms=300)
    assert np.array_equal(found.time_ms, sound.time_ms)
    assert np.array_equal(found.columns, sound.columns)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (STALL, "did not answer in time"),
        (CUT, "broke off its answer"),
        (html(502), r"answered HTTP 502"),
        (html(200), "sent what is no JSON"),
        (EMPTY_OBJECT, r"sent what cannot be read \(not a list of bars\)"),
        (refusal(-1008, "Overloaded.", 503), r"answered HTTP 503 \(Overloaded\.\)"),
    ],
    ids=["stall", "cut", "502", "page", "empty", "-1008"],
)
def test_a_fault_that_stays_is_told_after_all_tries(exchange: StandIn, fault: Fault, words: str) -> None:
    exchange.fail("klines", *[fault] * 9)
    with pytest.raises(ExchangeUnreachable, match=f"{words}, 3 times in a row; check the network") as caught:
        rows_of(exchange, wanted("last", HOUR_MS), timeout_ms=200)
    assert caught.value.exit_code == 5


def test_nobody_there_is_told_sooner() -> None:
    with pytest.raises(ExchangeUnreachable, match="cannot be reached, 2 times in a row"):
        asked(StandIn(url="http://127.0.0.1:9"), lambda source: source.time_ms())


def test_too_many_requests_are_waited_out_for_as_long_as_said(exchange: StandIn) -> None:
    said: list[str] = []
    exchange.fail("time", busy(2))
    started = time.monotonic()
    assert asked(exchange, lambda source: source.time_ms(), said=said) == NOW_MS
    assert time.monotonic() - started >= 2.0
    assert said == ["waiting 2 s: the exchange's limit of requests is reached"]
    assert exchange.count("time") == 2


@pytest.mark.parametrize("fault", [banned(7200), busy(None)], ids=["a ban", "429 without a time"])
def test_a_long_ban_is_not_sat_out_but_told_with_its_end(exchange: StandIn, fault: Fault) -> None:
    exchange.fail("time", fault)
    with pytest.raises(ExchangeUnreachable, match=r"takes no requests from this address until 20\d\d-.* UTC"):
        asked(exchange, lambda source: source.time_ms())
    assert exchange.count("time") == 1  # not one more


@pytest.mark.parametrize(("second", "sent"), [(59.2, 2), (10.0, 1)])
def test_when_the_weight_of_the_minute_is_used_up_the_next_is_waited_for(
    exchange: StandIn, second: float, sent: int
) -> None:
    exchange.weight_shown = 2399
    started = time.monotonic()

    async def twice() -> None:
        async with FuturesClient(local_profile(exchange.url)) as client:
            client.now_ms = lambda: JANUARY_MS + int((second + time.monotonic() - started) * 1000)
            source = PublicSource(client, QUICK)
            await source.time_ms()
            await source.time_ms()

    if sent == 2:
        asyncio.run(twice())
        assert time.monotonic() - started >= 0.8
    else:  # longer than QUICK's patience
        with pytest.raises(ExchangeUnreachable):
            asyncio.run(twice())
    assert exchange.count("time") == sent


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (refusal(-1121, "Invalid symbol."), "lists no BTCUSDT; check the symbol"),
        (
            refusal(-1102, "Mandatory parameter missing."),
            r"refused: Mandatory parameter missing. \(code -1102\)",
        ),
        (html(451), "does not serve the country"),
        (html(403), "its firewall refuses this address"),
        (html(404), "nothing answers there"),
    ],
)
def test_a_no_is_final(exchange: StandIn, fault: Fault, words: str) -> None:
    exchange.fail("klines", fault)
    with pytest.raises(ExchangeRefused, match=words):
        rows_of(exchange, wanted("last", HOUR_MS))
    assert exchange.count("klines") == 1


def test_what_it_cost_is_counted(exchange: StandIn) -> None:
    exchange.fail("time", html(502))
    exchange.latency_s = 0.02

    async def cost(source: PublicSource) -> tuple[int, int, float | None]:
        await source.time_ms()
        await source.time_ms()
        traffic = source.traffic
        return traffic.requests, traffic.retries, traffic.latency_ms(0.5)

    requests, retries, latency_ms = asked(exchange, cost)
    assert (requests, retries) == (3, 1)
    assert latency_ms is not None
    assert latency_ms >= 20
