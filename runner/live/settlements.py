"""Bars that come with their funding settlements: what a simulated position pays, and what rules may read.

In: a market port. Out: the same port; with every answer of bars the settlements up to their last close are
known.
Refuses to know: positions, payments.
Source: Binance settles on full hours, tells it some milliseconds later, and shows the row within seconds.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from runner.domain.bar import Funding
from runner.domain.series import FundingSeries
from runner.domain.time import FUNDING_INTERVAL_MS, HOUR_MS
from runner.domain.venue import ClosedBar, CloseTold, MarketPort, ReadFailed

LATE_MS_MAX = 5_000  # a settlement's own time after its hour
ASK_MS = 600_000  # for so long after an hour a settlement may still turn up
PATIENCE_MS = 20_000  # a close on an hour waits so long for the settlement that falls on it
KEPT_MAX = 4_096


@dataclass(slots=True)
class SettledMarket:
    """`now_ms` is the exchange's clock. `is_waiting`: rules read the funding rate, so that a close on an hour
    waits for the settlement of that very instant.
    """

    market: MarketPort
    now_ms: Callable[[], int]
    is_waiting: bool = False
    found: dict[int, Funding] = field(default_factory=dict)
    read_ms: int = 0  # the close up to which was read last

    async def server_time(self) -> int:
        """The exchange's clock, UTC ms."""
        return await self.market.server_time()

    async def bars(
        self, symbol: str, timeframe_ms: int, since_ms: int, now_ms: int | None = None
    ) -> Sequence[ClosedBar]:
        """Closed bars; their settlements are known when they are."""
        bars = await self.market.bars(symbol, timeframe_ms, since_ms, now_ms)
        if bars:
            await self._read(symbol, bars[0].open_time_ms, bars[-1].open_time_ms + timeframe_ms)
        return bars

    def closes(self, symbol: str, timeframe_ms: int) -> AsyncIterator[CloseTold]:
        """Bars as they close, by stream."""
        return self.market.closes(symbol, timeframe_ms)

    async def settlements(self, symbol: str, since_ms: int) -> Sequence[Funding]:
        """Funding settlements from then on, oldest first."""
        return await self.market.settlements(symbol, since_ms)

    async def prices(self, symbol: str) -> tuple[Decimal, Decimal]:
        """(last price, mark price) now."""
        return await self.market.prices(symbol)

    def between(self, start_ms: int, stop_ms: int) -> list[Funding]:
        """The settlements of [start, stop), oldest first."""
        return [self.found[at] for at in sorted(self.found) if start_ms <= at < stop_ms]

    def series(self) -> FundingSeries:
        """All that is known, as rules read it."""
        rows = [self.found[at] for at in sorted(self.found)]
        return FundingSeries(
            np.array([row.time_ms for row in rows], dtype=np.int64),
            np.array([row.funding_rate for row in rows]),
            np.array([row.mark_price or np.nan for row in rows]),
        )

    async def _read(self, symbol: str, open_ms: int, close_ms: int) -> None:
        if self.read_ms and self.read_ms // HOUR_MS == close_ms // HOUR_MS and close_ms % HOUR_MS >= ASK_MS:
            return
        since_ms = max(self.found, default=open_ms - FUNDING_INTERVAL_MS)
        for row in await self.market.settlements(symbol, since_ms):
            late_ms = row.time_ms % HOUR_MS
            time_ms = row.time_ms - late_ms if late_ms <= LATE_MS_MAX else row.time_ms
            self.found[time_ms] = row._replace(time_ms=time_ms)
        for old in sorted(self.found)[:-KEPT_MAX]:
            del self.found[old]
        if self.is_waiting and self._is_lacking(close_ms):
            raise ReadFailed(f"the settlement at {close_ms} is not told yet")
        self.read_ms = close_ms

    def _is_lacking(self, close_ms: int) -> bool:
        """Whether a settlement is due at this close by the interval of the last two, and may still come."""
        times = sorted(self.found)[-2:]
        if not times or close_ms in self.found or self.now_ms() > close_ms + PATIENCE_MS:
            return False
        interval_ms = times[1] - times[0] if len(times) == 2 else FUNDING_INTERVAL_MS
        return (close_ms - times[-1]) % interval_ms == 0
