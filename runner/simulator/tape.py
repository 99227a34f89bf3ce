"""Stored bars as a market will play them: last and mark side by side, and the funding that falls due.

In: columns of floats, as they lie in a store. Out: bars in Decimal, candles of any longer timeframe.
Refuses to know: orders, the clock. A bar without a mark bar of its own takes the last price for it; a mark
bar longer than the bars bounds it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from runner.simulator.catalogue import exact
from runner.simulator.events import Candle

Times: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BarColumns:
    """Bars of one timeframe, oldest first; `volume` in the base asset, zeros for mark bars."""

    timeframe_ms: int
    open_ms: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


@dataclass(frozen=True, slots=True)
class MarketHistory:
    """Everything of one contract; what lies before the start of play is history that can be asked for."""

    symbol: str
    bars: BarColumns
    mark: BarColumns | None = None
    funding_ms: Times | None = None
    funding_ratios: Floats | None = None


class Prices(NamedTuple):
    """Open, high, low, close."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class PlayedBar(NamedTuple):
    """One bar about to be played."""

    open_ms: int
    last: Prices
    mark: Prices
    volume: Decimal


class Tape:
    """One contract's bars, with a mark for each."""

    def __init__(self, history: MarketHistory) -> None:
        self.symbol = history.symbol
        self.bars = history.bars
        self.timeframe_ms = history.bars.timeframe_ms
        self.marks = _aligned_marks(history.bars, history.mark)
        nothing_ms: Times = np.zeros(0, np.int64)
        funding_ms = history.funding_ms if history.funding_ms is not None else nothing_ms
        # stamps are a few ms late at times; they mean the full second
        self.funding_ms: list[int] = (funding_ms // 1000 * 1000).tolist()
        ratios = history.funding_ratios if history.funding_ratios is not None else np.zeros(0)
        self.funding_ratios = [exact(ratio) for ratio in ratios.tolist()]

    def __len__(self) -> int:
        return len(self.bars.open_ms)

    def open_ms(self, index: int) -> int:
        return int(self.bars.open_ms[index])

    def bar(self, index: int) -> PlayedBar:
        """One bar in Decimal."""
        return PlayedBar(
            self.open_ms(index),
            _prices(self.bars, index),
            _prices(self.marks, index),
            exact(self.bars.volume[index]),
        )

    def first_at(self, time_ms: int) -> int:
        """Index of the first bar that opens at or after a time."""
        return int(np.searchsorted(self.bars.open_ms, time_ms))

    def candles(self, start: int, stop: int, timeframe_ms: int, *, of_mark: bool) -> list[Candle]:
        """Bars [start, stop) joined into frames of a longer timeframe; a frame may be cut at either end."""
        if start >= stop:
            return []
        source = self.marks if of_mark else self.bars
        frames = source.open_ms[start:stop] // timeframe_ms * timeframe_ms
        firsts = np.concatenate(([0], np.flatnonzero(np.diff(frames)) + 1))
        lasts = np.concatenate((firsts[1:], [stop - start])) - 1
        highs = np.maximum.reduceat(source.high[start:stop], firsts).tolist()
        lows = np.minimum.reduceat(source.low[start:stop], firsts).tolist()
        volumes = np.add.reduceat(source.volume[start:stop], firsts).tolist()
        opens = source.open[start:stop][firsts].tolist()
        closes = source.close[start:stop][lasts].tolist()
        return [
            Candle(
                frame,
                frame + timeframe_ms - 1,
                Decimal(repr(opens[row])),
                Decimal(repr(highs[row])),
                Decimal(repr(lows[row])),
                Decimal(repr(closes[row])),
                Decimal(repr(round(volumes[row], 8))),
                0,
            )
            for row, frame in enumerate(frames[firsts].tolist())
        ]


def _prices(columns: BarColumns, index: int) -> Prices:
    return Prices(
        exact(columns.open[index]),
        exact(columns.high[index]),
        exact(columns.low[index]),
        exact(columns.close[index]),
    )


def _aligned_marks(bars: BarColumns, mark: BarColumns | None) -> BarColumns:
    """A mark bar for each bar, with the same open times."""
    nothing = np.zeros(len(bars.open_ms))
    if mark is None or not len(mark.open_ms):
        return BarColumns(
            bars.timeframe_ms, bars.open_ms, bars.open, bars.high, bars.low, bars.close, nothing
        )
    if mark.timeframe_ms < bars.timeframe_ms:
        mark = _joined(mark, bars.timeframe_ms)
    frames = bars.open_ms // mark.timeframe_ms * mark.timeframe_ms
    at = np.searchsorted(mark.open_ms, frames)
    at[at == len(mark.open_ms)] = 0
    found = mark.open_ms[at] == frames
    theirs = (bars.open, bars.high, bars.low, bars.close)
    if mark.timeframe_ms == bars.timeframe_ms:
        ours = (mark.open[at], mark.high[at], mark.low[at], mark.close[at])
    else:
        low, high = mark.low[at], mark.high[at]
        ours = tuple(np.clip(prices, low, high) for prices in theirs)  # type: ignore[assignment]
    opens, highs, lows, closes = (
        np.where(found, mine, other) for mine, other in zip(ours, theirs, strict=True)
    )
    return BarColumns(bars.timeframe_ms, bars.open_ms, opens, highs, lows, closes, nothing)


def _joined(fine: BarColumns, timeframe_ms: int) -> BarColumns:
    """Finer bars joined; frames with bars missing are joined from what there is."""
    frames = fine.open_ms // timeframe_ms * timeframe_ms
    firsts = np.concatenate(([0], np.flatnonzero(np.diff(frames)) + 1))
    lasts = np.concatenate((firsts[1:], [len(frames)])) - 1
    return BarColumns(
        timeframe_ms,
        frames[firsts],
        fine.open[firsts],
        np.maximum.reduceat(fine.high, firsts),
        np.minimum.reduceat(fine.low, firsts),
        fine.close[lasts],
        np.zeros(len(firsts)),
    )
