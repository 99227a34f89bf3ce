"""Market streams by name: which event goes to which, and what it says there.

In: events of the model, names such as `btcusdt@kline_1m`. Out: (stream, message) pairs of heard streams.
Refuses to know: connections, faults on messages.
Source: Binance USDⓈ-M market streams of 2026.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runner.simulator.events import (
    BookEvent,
    CandleEvent,
    ForceOrderEvent,
    MarketBound,
    MarketTrade,
    MarkEvent,
)
from runner.simulator.rows import Row, text
from runner.simulator.rows_market import (
    TIMEFRAMES_MS,
    book_event,
    day_event,
    force_event,
    kline_event,
    mark_event,
    raw_trade_event,
    trade_event,
)

if TYPE_CHECKING:
    from runner.simulator.box import Box

Heard = Mapping[str, Any]
Told = Iterator[tuple[str, Any]]
INTERVALS = {timeframe_ms: name for name, timeframe_ms in TIMEFRAMES_MS.items()}
_PUBLIC = re.compile(r"bookTicker|@depth|@trade$|@rpiDepth")
_DEPTH = re.compile(r"@depth(5|10|20)?(?:@(?:100|250|500)ms)?$")
_DEPTH_LEVELS = 1000  # of the diff stream: the whole book, as a snapshot shows it


def category_of(stream: str) -> str:
    """market, public or private: the path on which a stream is told."""
    if "@" not in stream and not stream.startswith("!"):
        return "private"
    return "public" if _PUBLIC.search(stream) else "market"


class MarketStreams:
    """Remembers what the diff streams were told last."""

    def __init__(self, box: "Box") -> None:
        self._box = box
        # stream → update, bids, asks
        self._told: dict[str, tuple[int, dict[str, str], dict[str, str]]] = {}
        self._day_told_ms: dict[str, int] = {}

    def watch(self, stream: str) -> None:
        """Somebody listens: the player must tell these bars."""
        symbol, _, name = stream.partition("@")
        timeframe_ms = TIMEFRAMES_MS.get(name.removeprefix("kline_"))
        if name.startswith("kline_") and timeframe_ms and symbol.upper() in self._box.exchange.symbols:
            self._box.player.watch(symbol.upper(), timeframe_ms, "last")
        elif (
            stream not in self._told
            and name.startswith("depth")
            and symbol.upper() in self._box.exchange.symbols
        ):
            self._told[stream] = self._box.exchange.update_id(symbol.upper()), *self._sides(symbol.upper())

    def messages(self, event: MarketBound, heard: Heard) -> Told:
        """What this event is to the streams that are heard."""
        if isinstance(event, CandleEvent):
            return self._bar(event, heard)
        if isinstance(event, MarkEvent):
            return self._mark(event, heard)
        if isinstance(event, MarketTrade):
            return self._trade(event, heard)
        if isinstance(event, BookEvent):
            return self._book(event, heard)
        return self._force(event, heard)

    def pulse(self, heard: Heard) -> Told:
        """Every mark as it stands."""
        for symbol in self._box.exchange.symbols:
            now = self._box.exchange.premium(symbol)
            event = MarkEvent(
                symbol,
                self._box.now_ms,
                now.mark_price,
                now.index_price,
                now.funding_ratio,
                now.next_funding_ms,
            )
            yield from self._mark(event, heard)

    def _bar(self, event: CandleEvent, heard: Heard) -> Told:
        interval = INTERVALS.get(event.timeframe_ms)
        stream = f"{event.symbol.lower()}@kline_{interval}"
        if interval is None or stream not in heard:
            return
        bars = self._box.feed_faults.applied([event.candle], event.timeframe_ms)
        if bars:
            is_closed = event.is_closed or self._box.is_on("feed.partial")
            yield stream, kline_event(event, interval, is_closed=is_closed)

    def _mark(self, event: MarkEvent, heard: Heard) -> Told:
        name = f"{event.symbol.lower()}@markPrice"
        row = mark_event(event)
        for stream in (name, f"{name}@1s"):
            if stream in heard:
                yield stream, row
        for stream in ("!markPrice@arr", "!markPrice@arr@1s"):
            if stream in heard:
                yield stream, [row]

    def _trade(self, event: MarketTrade, heard: Heard) -> Told:
        name = event.symbol.lower()
        if f"{name}@aggTrade" in heard:
            yield f"{name}@aggTrade", trade_event(event)
        if f"{name}@trade" in heard:
            yield f"{name}@trade", raw_trade_event(event)
        yield from self._day(event, heard)

    def _day(self, event: MarketTrade, heard: Heard) -> Told:
        """The day's figures, at most once a second."""
        name = event.symbol.lower()
        wanted = [one for one in (f"{name}@ticker", f"{name}@miniTicker") if one in heard]
        if not wanted or event.time_ms - self._day_told_ms.get(name, -1000) < 1000:
            return
        self._day_told_ms[name] = event.time_ms
        day = self._box.player.day_candle(event.symbol)
        for stream in wanted:
            yield stream, day_event(event.symbol, day, event.time_ms, is_mini=stream.endswith("@miniTicker"))

    def _book(self, event: BookEvent, heard: Heard) -> Told:
        name = event.symbol.lower()
        for stream in (f"{name}@bookTicker", "!bookTicker"):
            if stream in heard:
                yield stream, book_event(event)
        for stream in [one for one in heard if one.startswith(f"{name}@depth")]:
            found = _DEPTH.search(stream)
            if found:
                yield stream, self._depth(event, stream, int(found[1]) if found[1] else None)

    def _depth(self, event: BookEvent, stream: str, levels: int | None) -> Row:
        """The best levels whole; or what changed since the last message, 0 for a level that left."""
        bids, asks = self._sides(event.symbol, levels or _DEPTH_LEVELS)
        last, old_bids, old_asks = self._told[stream]
        self._told[stream] = event.update_id, bids, asks
        if levels is None:
            bids, asks = _difference(old_bids, bids), _difference(old_asks, asks)
        return {
            "e": "depthUpdate",
            "E": event.time_ms,
            "T": event.time_ms,
            "s": event.symbol,
            "U": last + 1,
            "u": event.update_id,
            "pu": last,
            "b": [list(level) for level in bids.items()],
            "a": [list(level) for level in asks.items()],
            "ps": event.symbol,
            "st": 1,
        }

    def _sides(self, symbol: str, levels: int = _DEPTH_LEVELS) -> tuple[dict[str, str], dict[str, str]]:
        bids, asks = self._box.exchange.depth(symbol, levels)
        return (
            {text(one.price): text(one.quantity) for one in bids},
            {text(one.price): text(one.quantity) for one in asks},
        )

    def _force(self, event: ForceOrderEvent, heard: Heard) -> Told:
        for stream in (f"{event.symbol.lower()}@forceOrder", "!forceOrder@arr"):
            if stream in heard:
                yield stream, force_event(event)


def _difference(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    changed = {price: quantity for price, quantity in new.items() if old.get(price) != quantity}
    return changed | {price: "0" for price in old if price not in new}
