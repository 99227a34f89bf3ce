"""Moving averages: sma, ema.

In: one column (n,) and a length. Out: a tuple of one column (n,). Refuses to know: bars, bots.
Numbers from: the sources named in each docstring; tested against `ta`.
"""

from .arrays import Columns, Floats
from .smoothing import exponential
from .windows import window_mean


def sma(column: Floats, *, length: float) -> Columns:
    """Simple moving average.

    Formula: sma[t] = (x[t] + … + x[t - length + 1]) ÷ length
    Source: https://school.stockcharts.com/doku.php?id=technical_indicators:moving_averages
    Shapes: column (n,) → (n,)
    Unit: the input's.
    NaN: the first length - 1 rows; a NaN row is NaN and begins the history anew.
    """
    return (window_mean(column, int(length)),)


def ema(column: Floats, *, length: float) -> Columns:
    """Exponential moving average, seeded with the first row as in `ta`.

    Formula: ema[t] = ema[t-1] + 2 ÷ (length + 1) × (x[t] - ema[t-1]), ema[0] = x[0]
    Source: https://school.stockcharts.com/doku.php?id=technical_indicators:moving_averages
    Shapes: column (n,) → (n,)
    Unit: the input's.
    NaN: the first length - 1 rows; a NaN row is NaN and begins the history anew.
    """
    return (exponential(column, 2.0 / (length + 1.0), int(length)),)
