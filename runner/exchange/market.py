"""Public data of one symbol as a session asks for it: the clock, closed bars, prices.

In: a client. Out: MarketPort; ReadFailed when an answer cannot be trusted.
Refuses to know: the candle store (`public.py` serves that), rules.
Source: Binance USDⓈ-M futures REST: time, klines, markPriceKlines, premiumIndex, ticker/price.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

from runner.domain.bar import Funding
from runner.domain.time import timeframe_name
from runner.domain.venue import ClosedBar, CloseTold, MarketPort, ReadFailed
from runner.exchange.account import trusted
from runner.exchange.client import FuturesClient
from runner.exchange.stream import kline_closes

PAGE_BARS = 1000
MARK_PATIENCE_MS = 10_000  # so long after its close a mark bar may still turn up


class FuturesMarket:
    """MarketPort of one client."""

    def __init__(self, client: FuturesClient) -> None:
        self._client = client

    async def server_time(self) -> int:
        """The exchange's clock, UTC ms."""
        return await trusted(
            self._client, self._client.fapiPublicGetTime, {}, lambda reply: int(reply["serverTime"])
        )

    async def bars(
        self, symbol: str, timeframe_ms: int, since_ms: int, now_ms: int | None = None
    ) -> Sequence[ClosedBar]:
        """Closed bars from then on, oldest first, with mark prices. ReadFailed while a mark bar may still
        turn up; where there is none the last price stands in, and the bar says so.
        """
        now_ms = await self.server_time() if now_ms is None else now_ms
        found: list[ClosedBar] = []
        start = since_ms
        while start + timeframe_ms <= now_ms:
            rows = min(PAGE_BARS, (now_ms - start) // timeframe_ms + 1)
            asked = {
                "symbol": symbol,
                "interval": timeframe_name(timeframe_ms),
                "startTime": start,
                "limit": rows,
            }
            last, mark = await asyncio.gather(
                trusted(self._client, self._client.fapiPublicGetKlines, asked, _rows),
                trusted(self._client, self._client.fapiPublicGetMarkPriceKlines, asked, _rows),
            )
            marks = {row[0]: row for row in mark}
            closed = [row for row in last if row[0] + timeframe_ms <= now_ms]
            late = [row[0] for row in closed if row[0] not in marks]
            if late and now_ms < late[-1] + timeframe_ms + MARK_PATIENCE_MS:
                raise ReadFailed(f"the mark price bar of {late[-1]} is not told yet")
            found += [_bar(row, marks.get(row[0])) for row in closed]
            if len(last) < rows or not closed:
                break
            start = int(closed[-1][0]) + timeframe_ms
        return found

    def closes(self, symbol: str, timeframe_ms: int) -> AsyncIterator[CloseTold]:
        """Bars as they close, by stream; for ever, over lost connections."""
        return kline_closes(self._client, symbol, timeframe_name(timeframe_ms))

    async def settlements(self, symbol: str, since_ms: int) -> Sequence[Funding]:
        """Funding settlements from then on, oldest first."""
        asked = {"symbol": symbol, "startTime": since_ms, "limit": PAGE_BARS}
        return await trusted(self._client, self._client.fapiPublicGetFundingRate, asked, _settlements)

    async def prices(self, symbol: str) -> tuple[Decimal, Decimal]:
        """(last price, mark price) now."""
        client, asked = self._client, {"symbol": symbol}
        mark = await trusted(
            client, client.fapiPublicGetPremiumIndex, asked, lambda r: Decimal(r["markPrice"])
        )
        last = await trusted(client, client.fapiPublicGetTickerPrice, asked, lambda r: Decimal(r["price"]))
        return last, mark


def _settlements(reply: Any) -> list[Funding]:
    if not isinstance(reply, list):
        raise TypeError(f"no list: {str(reply)[:100]}")
    return [
        Funding(int(row["fundingTime"]), float(row["fundingRate"]), float(row.get("markPrice") or 0.0))
        for row in reply
    ]


def _rows(reply: Any) -> list[tuple[int, float, float, float, float, float]]:
    if not isinstance(reply, list):
        raise TypeError(f"no list: {str(reply)[:100]}")
    return [
        (int(row[0]), float(row[1]), float(row[2]), float(row[3]), float(row[4]), float(row[5]))
        for row in reply
    ]


def _bar(last: Sequence[float], mark: Sequence[float] | None) -> ClosedBar:
    opened, high, low, close, volume = last[1:6]
    mark_open, mark_high, mark_low, mark_close = (mark or last)[1:5]
    return ClosedBar(
        int(last[0]),
        *(opened, high, low, close, volume),
        *(mark_open, mark_high, mark_low, mark_close),
        has_mark=mark is not None,
    )


def _is_port(market: FuturesMarket) -> MarketPort:
    """mypy's proof."""
    return market
