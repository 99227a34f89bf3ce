"""Momentum: rsi, stochastic, roc.

In: columns (n,) and lengths. Out: a tuple of columns (n,). Refuses to know: bots.
Numbers from: the sources named in each docstring; tested against `ta`.
"""

import numpy as np

from .arrays import Columns, Floats, divide, previous, whole_rows
from .smoothing import exponential
from .windows import window_highest, window_lowest, window_mean


def rsi(column: Floats, *, length: float) -> Columns:
    """Relative strength index: the share of the rises in all movement.

    Formula: 100 × up ÷ (up + down), where up and down are averages of the rises and of the falls (both
        positive) with alpha = 1 ÷ length, seeded with no movement on the first row, as in `ta`
    Source: Wilder, New Concepts in Technical Trading Systems (1978);
        https://school.stockcharts.com/doku.php?id=technical_indicators:relative_strength_index_rsi
    Shapes: column (n,) → (n,)
    Unit: index, 0 to 100.
    NaN: the first length - 1 rows; a NaN row is NaN and begins the history anew. NaN as well where nothing
        has moved since the start (0 ÷ 0; `ta` says 100, which would read as "overbought").
    Memory: that of a Wilder average, and 200 bars for stretches of equal prices, which forget nothing.
    """
    step = column - previous(column)
    step[np.isnan(step) & ~np.isnan(column)] = 0.0
    up = exponential(np.maximum(step, 0.0), 1.0 / length, int(length))
    down = exponential(np.maximum(-step, 0.0), 1.0 / length, int(length))
    return (divide(100.0 * up, up + down),)


def stochastic(high: Floats, low: Floats, close: Floats, *, length: float, smooth: float) -> Columns:
    """Stochastic oscillator: where the close stands in the range of the last bars (the fast one, as in `ta`).

    Formula: k = 100 × (close - lowest low) ÷ (highest high - lowest low), over `length` bars with the present
        one; d = simple average of k over `smooth` bars
    Source:
        https://school.stockcharts.com/doku.php?id=technical_indicators:stochastic_oscillator_fast_slow_and_full
    Shapes: high, low, close (n,) → k, d (n,)
    Unit: index, 0 to 100.
    NaN: the first length + smooth - 2 rows of both; a NaN row is NaN and begins the history anew. NaN as well
        where the range is zero (0 ÷ 0), and in both until d is known again.
    """
    high, low, close = whole_rows(high, low, close)
    bottom = window_lowest(low, int(length))
    k = 100.0 * divide(close - bottom, window_highest(high, int(length)) - bottom)
    return whole_rows(k, window_mean(k, int(smooth)))


def roc(column: Floats, *, length: float) -> Columns:
    """Change over `length` bars as a ratio: 0.05 is 5 % up.

    Formula: roc[t] = (x[t] - x[t - length]) ÷ x[t - length]
    Source: https://school.stockcharts.com/doku.php?id=technical_indicators:rate_of_change_roc_and_momentum
        (there × 100)
    Shapes: column (n,) → (n,)
    Unit: ratio.
    NaN: the first length rows; a NaN row is NaN and begins the history anew. NaN as well where x[t - length]
        is zero.
    """
    gaps = window_lowest(column, int(length) + 1)
    earlier = np.where(np.isnan(gaps), np.nan, previous(column, int(length)))
    return (divide(column - earlier, earlier),)
