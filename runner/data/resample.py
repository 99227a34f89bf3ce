"""Longer bars from shorter ones, on the grid that starts at the epoch (UTC).

In: bars of one timeframe. Out: bars of a multiple of it.
Refuses to know: files, where the bars came from.

A longer bar exists when any of its shorter bars exists: a gap in a venue's candles is a time without trading
(its own longer candle then holds what there was), and dropping it would shorten every indicator's memory.
At the two ends it is different: there the shorter bars are missing because nobody loaded them, so a first bar
whose beginning and a last bar whose end are not covered are left out.
"""

import numpy as np

from runner.domain.facts import Gap
from runner.domain.series import Bars, Floats, Times


def resample(bars: Bars, timeframe_ms: int) -> Bars:
    """Bars of `timeframe_ms`, a whole multiple of the given ones; the same object when nothing changes."""
    if timeframe_ms == bars.timeframe_ms:
        return bars
    if timeframe_ms < bars.timeframe_ms or timeframe_ms % bars.timeframe_ms:
        raise ValueError(f"bars of {bars.timeframe_ms} ms cannot become bars of {timeframe_ms} ms")
    if not len(bars):
        return Bars(timeframe_ms, *columns(bars))
    opens = bars.open_time_ms - bars.open_time_ms % timeframe_ms
    starts = np.flatnonzero(np.concatenate(([True], opens[1:] != opens[:-1])))
    ends = np.concatenate((starts[1:], [len(bars)])) - 1
    longer = Bars(
        timeframe_ms,
        opens[starts],
        bars.open[starts],
        np.maximum.reduceat(bars.high, starts),
        np.minimum.reduceat(bars.low, starts),
        bars.close[ends],
        np.add.reduceat(bars.volume, starts),
    )
    first = int(bars.open_time_ms[0] != longer.open_time_ms[0])
    covered_to = bars.open_time_ms[-1] + bars.timeframe_ms
    last = len(longer) - int(covered_to != longer.open_time_ms[-1] + timeframe_ms)
    return longer if first == 0 and last == len(longer) else longer.rows(first, max(first, last))


def columns(bars: Bars) -> tuple[Times, Floats, Floats, Floats, Floats, Floats]:
    """The six columns in their usual order."""
    return bars.open_time_ms, bars.open, bars.high, bars.low, bars.close, bars.volume


def find_gaps(open_time_ms: Times, step_ms: int) -> tuple[Gap, ...]:
    """Where rows of a grid of `step_ms` are missing between the first and the last."""
    steps = np.diff(open_time_ms)
    return tuple(
        Gap(int(open_time_ms[at]) + step_ms, int(steps[at]) // step_ms - 1)
        for at in np.flatnonzero(steps > step_ms)
    )
