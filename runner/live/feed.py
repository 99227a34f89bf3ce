"""Closed bars, each once, in order, without holes that the exchange does not have itself.

In: the market port, a window. Out: bars as they close; how old the newest is.
Refuses to know: rules, orders. A stream only hints that a bar has closed, and at which time by the exchange's
clock; the bar is read by REST after its close time has passed by that clock, and by ours.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from runner.domain.venue import ClosedBar, CloseTold, MarketPort, ReadFailed
from runner.live.desk import Desk, either
from runner.live.window import Window

SETTLE_MS = 150  # after a close, before it is asked for: the exchange finishes the bar
ASK_AGAIN_MS = 400
STALE_MS_MAX = 20_000  # a bar this late is a feed that is silent
RETRY_MS_MAX = 5_000
MISSED_MAX = 2_000  # bars that closed while nobody looked and are decided late, without entering
SLACK_BARS = 32  # for holes that the exchange has itself


@dataclass(slots=True)
class Feed:
    """`on_bar` is told each bar once."""

    desk: Desk
    market: MarketPort
    window: Window
    on_bar: Callable[[ClosedBar], None]
    missed_max: int = MISSED_MAX
    failures: int = 0
    hinted: asyncio.Event = field(default_factory=asyncio.Event)
    hint: CloseTold | None = None

    async def load(self) -> None:
        """Fill the window with history: as much as the rules need. May raise ReadFailed."""
        timeframe = self.window.timeframe_ms
        known = self.desk.book.decided_ms
        current = self.desk.exchange_ms() // timeframe
        missed = min(current - known // timeframe, self.missed_max) if known else 0
        since = (current - missed - self.window.bars_needed - SLACK_BARS) * timeframe
        for bar in await self.market.bars(self.desk.identity.symbol, timeframe, since):
            self.window.add(bar)
            if known and bar.open_time_ms + timeframe > known and self.window.is_warm:
                self.on_bar(bar)  # closed while nobody looked

    async def load_insistently(self) -> None:
        """History for the window, however long the exchange takes to give it."""
        while True:
            try:
                await self.load()
            except ReadFailed as failed:
                await self.desk.clock.sleep(max(1_000, failed.until_ms - self.desk.clock.now_ms()))
            else:
                return

    async def run(self) -> None:
        """For ever: history first, then wait for a close, read it, tell of it."""
        await self.load_insistently()
        while True:
            await self._wait_for_close()
            try:
                await self._read()
                self.failures = 0
            except ReadFailed as failed:
                self.failures += 1
                pause = min(ASK_AGAIN_MS * 2**self.failures, RETRY_MS_MAX)
                await self.desk.clock.sleep(max(pause, failed.until_ms - self.desk.clock.now_ms()))

    @property
    def age_ms(self) -> int:
        """How long ago the newest bar should have been followed by another; 0: in time."""
        return max(self.desk.exchange_ms() - self._due_ms, 0)

    @property
    def lacks_mark(self) -> bool:
        """Whether the exchange told no mark price of the newest bar: the last price stands in for it."""
        return bool(self.window.bars) and not self.window.bars[-1].has_mark

    @property
    def is_stale(self) -> bool:
        """Whether rules would look at bars that are too old."""
        return self.age_ms > STALE_MS_MAX

    async def listen(self) -> None:
        """For ever: the stream's word that a bar has closed, so that it is read a moment sooner."""
        async for told in self.market.closes(self.desk.identity.symbol, self.window.timeframe_ms):
            if told.time_ms >= self._due_ms:
                self.hint = told
                self.hinted.set()

    @property
    def _due_ms(self) -> int:
        """When the bar that is missing next closes."""
        return self.window.next_open_ms + self.window.timeframe_ms

    async def _wait_for_close(self) -> None:
        left = self._due_ms + SETTLE_MS - self.desk.exchange_ms()
        await either(self.hinted, self.desk.clock.sleep(left if left > 0 else ASK_AGAIN_MS))
        self.hinted.clear()

    async def _read(self) -> None:
        symbol, timeframe = self.desk.identity.symbol, self.window.timeframe_ms
        hint, self.hint = self.hint, None  # good for one look: from then on the clock is asked for
        now_ms = hint.time_ms if hint else None
        bars = await self.market.bars(symbol, timeframe, self.window.next_open_ms, now_ms)
        if hint is not None and any(_is_unfinished(bar, hint) for bar in bars):
            raise ReadFailed("the bar is not told yet as the stream closed it")
        for bar in bars:
            is_closed = bar.open_time_ms + timeframe <= self.desk.exchange_ms()
            if is_closed and self.window.add(bar):
                self.on_bar(bar)


def _is_unfinished(bar: ClosedBar, told: CloseTold) -> bool:
    """Whether this is the bar that the stream told of, with other figures: REST may lag behind a close."""
    same = (bar.close, bar.volume) == (told.close, told.volume)
    return bar.open_time_ms == told.open_time_ms and not same
