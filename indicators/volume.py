"""Volume: obv.

In: columns (n,), a length. Out: a tuple of columns (n,). Refuses to know: bots.
Numbers from: the sources named in each docstring; tested against `ta`.
"""

import numpy as np

from .arrays import Columns, Floats, previous, whole_rows
from .windows import window_total


def obv(close: Floats, volume: Floats, *, length: float) -> Columns:
    """On-balance volume of the last `length` bars.

    The line of the textbooks adds up from the first bar ever seen, so its height says only when the history
    began, and live and backtest could never agree on it. The change over `length` bars is what such a line
    can tell.
    Formula: obv = sum over the last `length` bars of +volume where the close rose, -volume where it fell, 0
        where it did neither (`ta` adds the volume there, against its own source)
    Source: Granville, New Key to Stock Market Profits (1963); https://en.wikipedia.org/wiki/On-balance_volume
    Shapes: close, volume (n,) → (n,)
    Unit: volume, in the base asset.
    NaN: the first length rows; a NaN row is NaN and begins the history anew.
    """
    close, volume = whole_rows(close, volume)
    return (window_total(np.sign(close - previous(close)) * volume, int(length)),)
