"""Bars that are missing or revised, by fault; the same for klines over REST and in streams.

In: when a fault struck and what it asked. Out: bars without those missing, with another close where revised.
Refuses to know: where bars come from.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from runner.simulator.events import Candle


class _Hole(NamedTuple):
    from_ms: int
    bars: int


class _Revision(NamedTuple):
    at_ms: int
    bars_back: int
    ratio: Decimal


class FeedFaults:
    """What struck so far. A hole begins with the bar that runs when it strikes, in every timeframe."""

    def __init__(self) -> None:
        self._holes: list[_Hole] = []
        self._revisions: list[_Revision] = []

    def leave_out(self, from_ms: int, bars: int) -> None:
        """So many bars will never have been."""
        self._holes.append(_Hole(from_ms, bars))

    def revise(self, at_ms: int, bars_back: int, ratio: Decimal) -> None:
        """The bar so many before the running one closes elsewhere from now on."""
        self._revisions.append(_Revision(at_ms, bars_back, ratio))

    def is_missing(self, open_ms: int, timeframe_ms: int) -> bool:
        """Is this bar left out?"""
        return any(
            0 <= open_ms - hole.from_ms // timeframe_ms * timeframe_ms < hole.bars * timeframe_ms
            for hole in self._holes
        )

    def applied(self, bars: Iterable[Candle], timeframe_ms: int) -> list[Candle]:
        """The bars as the service gives them."""
        if not self._holes and not self._revisions:
            return list(bars)
        return [
            self._revised(bar, timeframe_ms) for bar in bars if not self.is_missing(bar.open_ms, timeframe_ms)
        ]

    def _revised(self, bar: Candle, timeframe_ms: int) -> Candle:
        for at_ms, back, ratio in self._revisions:
            if bar.open_ms == (at_ms // timeframe_ms - back) * timeframe_ms:
                close = bar.close * (1 + ratio)
                bar = replace(bar, close=close, high=max(bar.high, close), low=min(bar.low, close))
        return bar
