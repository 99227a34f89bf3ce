"""Market data over REST: bars, mark bars, funding, the rules' two replies, the clock; the RestSource of the
seam.

In: a client, spans. Out: pages of columns, JSON text; ExchangeUnreachable or ExchangeRefused when all tries
are spent.
Refuses to know: the candle store, archives, orders.
Source: Binance USDⓈ-M futures, GET klines, markPriceKlines, fundingRate, exchangeInfo, leverageBracket,
time.

All of it only reads, so each request may be sent again. Pages of 1000 bars carry most: at a usual round
trip of 0.15 s they use up latency and weight (5 a page) alike.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import ccxt
import numpy as np

from runner.domain.source import Kind, Page, Traffic, Wanted
from runner.domain.time import MINUTE_MS, format_time, timeframe_name
from runner.errors import ExchangeFailed, ExchangeRefused, ExchangeUnreachable
from runner.exchange.client import FuturesClient, Reply, never_left, reply_of

PAGE_ROWS = 1000
_FIRST_SETTLEMENT_MS = 1_567_296_000_000  # 2019-09-01: no USDⓈ-M contract is older

# Codes that say "not now" rather than "no", whatever their HTTP status.
_NOT_NOW = frozenset({-1000, -1001, -1003, -1006, -1007, -1008, -1015, -1016})
_BAD_SYMBOL = -1121

Answer = TypeVar("Answer")
Call = Callable[[dict[str, Any]], Awaitable[Any]]
OnWait = Callable[[str], None]


class Patience(NamedTuple):
    """How often and how long to try: pauses double from `pause_ms`. Where nobody can be reached at all,
    fewer tries say so; a longer ban than `ban_ms_max` ends it.
    """

    tries_max: int = 6
    unreached_max: int = 4
    pause_ms: int = 500
    ban_ms_max: int = 5 * MINUTE_MS


class PublicSource:
    """RestSource over one client. `on_wait` is told why nothing happens for a while."""

    def __init__(
        self,
        client: FuturesClient,
        patience: Patience = Patience(),  # noqa: B008 – immutable
        on_wait: OnWait = lambda words: None,
    ) -> None:
        self._client = client
        self._patience = patience
        self._on_wait = on_wait

    @property
    def traffic(self) -> Traffic:
        """What it cost so far."""
        return self._client.meter.traffic()

    async def time_ms(self) -> int:
        """The exchange's clock."""
        reply = await self._ask(self._client.fapiPublicGetTime, {}, 1, _clock)
        return int(reply)

    async def exchange_info(self) -> str:
        """Tick, step, minimums of every contract."""
        return json.dumps(await self._ask(self._client.fapiPublicGetExchangeInfo, {}, 1, _contracts))

    async def leverage_bracket(self) -> str | None:
        """Margin brackets of every contract; None without keys."""
        if not self._client.secret:
            return None
        return json.dumps(await self._ask(self._client.fapiPrivateGetLeverageBracket, {}, 1, _records))

    async def first_ms(self, market_id: str, kind: Kind, timeframe_ms: int) -> int | None:
        """The oldest row there is."""
        start_ms = _FIRST_SETTLEMENT_MS if kind == "funding" else 0
        page = await self._page(
            Wanted(market_id, kind, timeframe_ms, start_ms, 1 << 53), rows=1, is_open=True
        )
        return int(page.time_ms[0]) if len(page.time_ms) else None

    async def pages(self, wanted: Wanted) -> AsyncIterator[Page]:
        """All rows of the span; the exchange's own gaps are left out by itself."""
        start_ms, step_ms = wanted.from_ms, wanted.timeframe_ms or 1
        while start_ms < wanted.stop_ms:
            rows = min(PAGE_ROWS, -(-(wanted.stop_ms - start_ms) // step_ms))
            page = await self._page(wanted._replace(from_ms=start_ms), rows)
            if len(page.time_ms):
                yield page
                start_ms = int(page.time_ms[-1]) + step_ms
            if len(page.time_ms) < rows:
                return

    async def _page(self, wanted: Wanted, rows: int, *, is_open: bool = False) -> Page:
        """At most `rows` rows from the span's start on; `is_open`: with no end said."""
        asked: dict[str, Any] = {"symbol": wanted.market_id, "startTime": wanted.from_ms, "limit": rows}
        if not is_open:
            asked["endTime"] = wanted.stop_ms - 1
        if wanted.kind == "funding":
            return await self._ask(
                self._client.fapiPublicGetFundingRate, asked, 1, lambda reply: _settlements(reply, wanted)
            )
        call = self._client.fapiPublicGetKlines
        if wanted.kind == "mark":
            call = self._client.fapiPublicGetMarkPriceKlines
        asked["interval"] = timeframe_name(wanted.timeframe_ms)
        return await self._ask(call, asked, _weight(rows), lambda reply: _bars(reply, wanted))

    async def _ask(
        self, call: Call, asked: dict[str, Any], weight: int, understood: Callable[[Any], Answer]
    ) -> Answer:
        """One answer: asked again after pauses while it does not come or cannot be read."""
        client, tried = self._client, 0
        while True:
            await self._hold(weight)
            client.budget.spend(weight, client.now_ms())
            try:
                return understood(await call(dict(asked)))
            except ccxt.BaseError as error:
                fault: Exception = error
            except ValueError as error:
                fault = error
            tried += 1
            failed = self._verdict(fault, asked, tried)
            if failed is not None:
                raise failed from fault
            client.meter.retried()
            await self._pause(fault, tried)

    async def _hold(self, weight: int) -> None:
        """Until the weight of the next request is there."""
        client = self._client
        client.blocked_until_ms()  # what other processes were told counts, too
        while wait_ms := client.budget.wait_ms(weight, client.now_ms()):
            if wait_ms > self._patience.ban_ms_max:
                raise self._banned(client.now_ms() + wait_ms)
            if wait_ms > 1000:
                self._on_wait(
                    f"waiting {math.ceil(wait_ms / 1000)} s: the exchange's limit of requests is reached"
                )
            await asyncio.sleep(wait_ms / 1000)

    async def _pause(self, fault: Exception, tried: int) -> None:
        """Back off; where the exchange has said for how long, `_hold` waits."""
        reply = reply_of(fault)
        if reply is None or reply.status not in (418, 429):
            await asyncio.sleep(self._patience.pause_ms * 2 ** (tried - 1) / 1000)

    def _verdict(self, fault: Exception, asked: Mapping[str, Any], tried: int) -> ExchangeFailed | None:
        """Why to give up; None: try again."""
        reply = reply_of(fault)
        if reply is not None and _is_final(reply):
            return _refusal(reply, asked, self._client.profile.rest_url)
        blocked_until_ms = self._client.budget.blocked_until_ms
        if blocked_until_ms - self._client.now_ms() > self._patience.ban_ms_max:
            return self._banned(blocked_until_ms)
        is_unreached = reply is None and never_left(fault)
        if tried < (self._patience.unreached_max if is_unreached else self._patience.tries_max):
            return None
        return ExchangeUnreachable(
            f"{self._client.profile.rest_url} {_words(fault, reply)}, {tried} times in a row; "
            f"check the network, then try again: what came before is kept"
        )

    def _banned(self, until_ms: int) -> ExchangeUnreachable:
        return ExchangeUnreachable(
            f"{self._client.profile.rest_url} takes no requests from this address until "
            f"{format_time(until_ms // 1000 * 1000)} UTC: too many were sent; try again after that"
        )


def _weight(rows: int) -> int:
    return 1 if rows < 100 else 2 if rows < 500 else 5 if rows <= 1000 else 10


def _is_final(reply: Reply) -> bool:
    """A whole answer that would be the same tomorrow."""
    if reply.status in (403, 404, 451):
        return True
    return (
        reply.code is not None and reply.code not in _NOT_NOW and reply.status < 500 and reply.status != 429
    )


def _refusal(reply: Reply, asked: Mapping[str, Any], place: str) -> ExchangeRefused:
    if reply.code == _BAD_SYMBOL:
        return ExchangeRefused(f"{place} lists no {asked.get('symbol')}; check the symbol", reply.code)
    if reply.code is not None:
        return ExchangeRefused(f"{place} refused: {reply.message} (code {reply.code})", reply.code)
    why = {403: "its firewall refuses this address", 451: "it does not serve the country of this address"}
    return ExchangeRefused(f"{place}: HTTP {reply.status}, {why.get(reply.status, 'nothing answers there')}")


def _words(fault: Exception, reply: Reply | None) -> str:
    """What was wrong with the last try."""
    if isinstance(fault, ValueError):
        return f"sent what cannot be read ({fault})"
    if reply is None:
        if never_left(fault):
            return "cannot be reached"
        return "did not answer in time" if isinstance(fault, ccxt.RequestTimeout) else "broke off its answer"
    if reply.status == 200:
        return "sent what is no JSON"
    return f"answered HTTP {reply.status}" + (f" ({reply.message or reply.code})" if reply.code else "")


def _bars(reply: Any, wanted: Wanted) -> Page:
    """Rows of klines: open time, open, high, low, close, volume, and more that nobody needs."""
    width = 5 if wanted.kind == "mark" else 6
    if not isinstance(reply, list) or not all(isinstance(row, list) and len(row) >= width for row in reply):
        raise ValueError("not a list of bars")
    return _cut([(row[0], *row[1:width]) for row in reply], width - 1, wanted)


def _settlements(reply: Any, wanted: Wanted) -> Page:
    try:
        return _cut([(row["fundingTime"], row["fundingRate"]) for row in _records(reply)], 1, wanted)
    except KeyError as error:
        raise ValueError(f"a settlement without {error}") from None


def _cut(rows: list[tuple[Any, ...]], width: int, wanted: Wanted) -> Page:
    """Columns of the rows inside the span; ValueError for rows that are no rows, or out of order."""
    try:
        numbers = [(int(row[0]), *map(float, row[1:])) for row in rows]
    except (TypeError, ValueError, OverflowError):
        raise ValueError("a row that is not of numbers") from None
    if any(later[0] <= earlier[0] for earlier, later in pairwise(numbers)):
        raise ValueError("rows that are not in order of time")
    inside = [row for row in numbers if wanted.from_ms <= row[0] < wanted.stop_ms]
    times = np.array([row[0] for row in inside], np.int64)
    return Page(times, tuple(np.array([row[1 + at] for row in inside], np.float64) for at in range(width)))


def _clock(reply: Any) -> int:
    try:
        return int(reply["serverTime"])
    except (TypeError, KeyError, ValueError):
        raise ValueError("no serverTime") from None


def _contracts(reply: Any) -> Any:
    if not isinstance(reply, Mapping) or not isinstance(reply.get("symbols"), list):
        raise ValueError("no symbols")
    return reply


def _records(reply: Any) -> list[Mapping[str, Any]]:
    if not isinstance(reply, list) or not all(isinstance(row, Mapping) for row in reply):
        raise ValueError("not a list of records")
    return reply
