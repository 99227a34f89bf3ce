"""Volatility: atr, bollinger, donchian.

In: columns (n,), a length. Out: a tuple of columns (n,). Refuses to know: bots.
Numbers from: the sources named in each docstring; tested against `ta`.
"""

import numpy as np

from .arrays import Columns, Floats, divide, previous, whole_rows
from .smoothing import wilder
from .windows import window_highest, window_lowest, window_mean_and_deviation


def atr(high: Floats, low: Floats, close: Floats, *, length: float) -> Columns:
    """Average true range, Wilder's.

    Formula: true range = max(high, close[t-1]) - min(low, close[t-1]), on the first bar high - low;
        atr[t] = atr[t-1] + (true range[t] - atr[t-1]) ÷ length, seeded with the mean of the first `length`
        true ranges
    Source: Wilder, New Concepts in Technical Trading Systems (1978);
        https://school.stockcharts.com/doku.php?id=technical_indicators:average_true_range_atr
    Shapes: high, low, close (n,) → (n,)
    Unit: price.
    NaN: the first length - 1 rows (`ta` has 0 there); a NaN row is NaN and begins the history anew.
    """
    high, low, close = whole_rows(high, low, close)
    reach = true_range(high, low, close)
    return (wilder(np.where(np.isnan(reach), high - low, reach), int(length)),)


def bollinger(column: Floats, *, length: float, deviations: float) -> Columns:
    """Bollinger bands, with the width of the channel and the place of the input in it.

    Formula: middle = mean of the last `length` rows; upper, lower = middle ± deviations × population standard
        deviation; width = (upper - lower) ÷ middle; position = (x - lower) ÷ (upper - lower)
    Source: https://school.stockcharts.com/doku.php?id=technical_indicators:bollinger_bands
    Shapes: column (n,) → upper, middle, lower, width, position (n,)
    Unit: upper, middle and lower the input's; width and position ratio (width in `ta` is × 100).
    NaN: the first length - 1 rows; a NaN row is NaN and begins the history anew. position is NaN as well
        where the width is zero, and width where middle is zero.
    """
    middle, deviation = window_mean_and_deviation(column, int(length))
    reach = deviations * deviation
    channel = 2.0 * reach  # not upper - lower, which has lost the digits that a narrow channel differs by
    position = 0.5 + divide(column - middle, channel)
    return middle + reach, middle, middle - reach, divide(channel, middle), position


def donchian(high: Floats, low: Floats, *, length: float) -> Columns:
    """Donchian channel, the present bar included: compare with `upper[1]` for a breakout.

    Formula: upper = highest high and lower = lowest low of the last `length` bars; middle = (upper + lower) ÷
        2
    Source: https://school.stockcharts.com/doku.php?id=technical_indicators:price_channels
    Shapes: high, low (n,) → upper, middle, lower (n,)
    Unit: price.
    NaN: the first length - 1 rows; a NaN row is NaN and begins the history anew.
    """
    high, low = whole_rows(high, low)
    upper, lower = window_highest(high, int(length)), window_lowest(low, int(length))
    return upper, (upper + lower) / 2.0, lower


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """max(high, close before) - min(low, close before) in price, (n,); NaN where there is no close before."""
    before = previous(close)
    return np.maximum(high, before) - np.minimum(low, before)
