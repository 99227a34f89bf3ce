"""Candles while they grow: the running one of each watched timeframe, told at every change.

In: prices with the volume since the last. Out: candles, running and closed.
Refuses to know: bars in the store.
"""

from dataclasses import dataclass
from decimal import Decimal

from runner.simulator.events import Candle
from runner.simulator.types import ZERO


@dataclass(slots=True)
class Growing:
    """The running candle of one timeframe; `open_ms` −1: nothing yet."""

    timeframe_ms: int
    open_ms: int = -1
    open: Decimal = ZERO
    high: Decimal = ZERO
    low: Decimal = ZERO
    close: Decimal = ZERO
    volume: Decimal = ZERO
    trades: int = 0

    def add(self, time_ms: int, price: Decimal, volume: Decimal, trades: int = 1) -> None:
        """A price; it starts a new candle when its time lies beyond the running one."""
        frame = time_ms // self.timeframe_ms * self.timeframe_ms
        if frame != self.open_ms:
            self.open_ms, self.open, self.high, self.low = frame, price, price, price
            self.volume, self.trades = ZERO, 0
        elif not self.trades:  # only quoted so far
            self.open = self.high = self.low = price
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume += volume
        self.trades += trades

    def take(self, candle: Candle) -> None:
        """Go on from a candle that was aggregated elsewhere."""
        self.open_ms, self.open, self.high, self.low = candle.open_ms, candle.open, candle.high, candle.low
        self.close, self.volume, self.trades = candle.close, candle.volume, max(1, candle.trades)

    def is_over(self, time_ms: int) -> bool:
        return self.open_ms >= 0 and time_ms >= self.open_ms + self.timeframe_ms

    def candle(self) -> Candle:
        return Candle(
            self.open_ms,
            self.open_ms + self.timeframe_ms - 1,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.trades,
        )


def joined(first: Candle, second: Candle) -> Candle:
    """Two neighbouring pieces of one candle."""
    return Candle(
        first.open_ms,
        first.close_ms,
        first.open,
        max(first.high, second.high),
        min(first.low, second.low),
        second.close,
        first.volume + second.volume,
        first.trades + second.trades,
    )
