"""Arrays of bars and funding: what the store hands to the compiler and the loop.

In: NumPy arrays. Out: the same, named and frozen. All times are UTC milliseconds.
Refuses to know: files, formats, indicators.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Verdicts = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Bars:
    """Columns of shape (n,), sorted by `open_time_ms`, each bar covering [open, open + timeframe_ms)."""

    timeframe_ms: int
    open_time_ms: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.open_time_ms)

    def rows(self, start: int, stop: int) -> "Bars":
        """The bars in [start, stop) as views."""
        part = slice(start, stop)
        return Bars(
            self.timeframe_ms,
            self.open_time_ms[part],
            self.open[part],
            self.high[part],
            self.low[part],
            self.close[part],
            self.volume[part],
        )


@dataclass(frozen=True, slots=True)
class FundingSeries:
    """Settlements, sorted by time; `mark_price` is NaN where no mark bar is stored for that instant."""

    time_ms: Times
    funding_rate: Floats
    mark_price: Floats


@dataclass(frozen=True, slots=True)
class Market:
    """All one bot needs of one symbol.

    `bars` is the bot's own timeframe; `higher` holds each longer timeframe that its rules read, by
    timeframe_ms;
    `mark` has the timeframe and the very rows of `bars`, NaN where missing, or is None; `detail` are
    finer bars.
    `first` is the first row that counts: rows before it are warm-up.
    """

    symbol: str
    bars: Bars
    higher: dict[int, Bars] = field(default_factory=dict)
    mark: Bars | None = None
    detail: Bars | None = None
    funding: FundingSeries | None = None
    first: int = 0
