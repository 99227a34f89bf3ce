"""The trailing bars that rules look at, and what the rules say at the last close.

In: closed bars, one by one. Out: the core's `Bar` and `Row` of each.
Refuses to know: where bars come from. The same evaluation as a backtest's, over a shorter stretch: warm-up is
computed so that both decide alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from runner.compiler.build import Compiled
from runner.compiler.columns import Rows, evaluate
from runner.data.resample import resample
from runner.domain.bar import SLOTS_MAX, Bar, Row
from runner.domain.series import Bars, FundingSeries, Market
from runner.domain.venue import ClosedBar

MARGIN_BARS = 16  # beyond the warm-up, so that a bar or two of slack never moves a rule

_FIELDS = ("open_time_ms", "open", "high", "low", "close", "volume")
_MARKS = ("open_time_ms", "mark_open", "mark_high", "mark_low", "mark_close")


@dataclass(slots=True)
class Window:
    """`bars` are contiguous in time but for the exchange's own gaps; the oldest are dropped."""

    compiled: Compiled
    timeframe_ms: int
    bars: list[ClosedBar] = field(default_factory=list)
    funding: FundingSeries | None = None

    @property
    def bars_needed(self) -> int:
        """Closed bars that have to be there before the first decision; longer timeframes need whole ones."""
        longest = max(self.compiled.timeframes, default=self.timeframe_ms)
        return self.compiled.warmup_bars + MARGIN_BARS + longest // self.timeframe_ms

    @property
    def next_open_ms(self) -> int:
        """The open time of the bar that is missing next; 0: there is none yet."""
        return self.bars[-1].open_time_ms + self.timeframe_ms if self.bars else 0

    def add(self, bar: ClosedBar) -> bool:
        """Take the next bar; False: it was taken before, and is not looked at twice."""
        if self.bars and bar.open_time_ms <= self.bars[-1].open_time_ms:
            return False
        self.bars.append(bar)
        del self.bars[: -self.bars_needed]
        return True

    @property
    def is_warm(self) -> bool:
        """Whether the rules can be asked."""
        return len(self.bars) >= self.bars_needed

    def last(self) -> tuple[Bar, Row]:
        """The last bar, and what the rules say at its close."""
        rows = evaluate(self.compiled.program, self._market())
        return core_bar(self.bars[-1], self.timeframe_ms), last_row(rows)

    def _market(self) -> Market:
        bars = _columns(self.bars, _FIELDS, self.timeframe_ms)
        higher = {longer: resample(bars, longer) for longer in self.compiled.timeframes}
        mark = _columns(self.bars, _MARKS, self.timeframe_ms)
        return Market("", bars, higher, mark, None, self.funding, 0)


def core_bar(bar: ClosedBar, timeframe_ms: int) -> Bar:
    """The core's bar."""
    return Bar(
        bar.open_time_ms,
        bar.open_time_ms + timeframe_ms,
        *(bar.open, bar.high, bar.low, bar.close, bar.volume),
        *(bar.mark_open, bar.mark_high, bar.mark_low, bar.mark_close),
    )


def last_row(rows: Rows) -> Row:
    """The last row as the core reads it."""
    slots = np.zeros(SLOTS_MAX)
    slots[: len(rows.slots)] = rows.slots[:, -1]
    return Row(
        int(rows.enter_long[-1]),
        int(rows.enter_short[-1]),
        float(rows.stop_long[-1]),
        float(rows.stop_short[-1]),
        float(rows.trail_distance[-1]),
        (*(float(slot) for slot in slots),),  # type: ignore[arg-type]
    )


def _columns(bars: Sequence[ClosedBar], names: Sequence[str], timeframe_ms: int) -> Bars:
    times = np.array([bar.open_time_ms for bar in bars], dtype=np.int64)
    floats = [np.array([getattr(bar, name) for bar in bars], dtype=np.float64) for name in names[1:]]
    if len(floats) == 4:
        floats.append(np.zeros(len(bars)))
    return Bars(timeframe_ms, times, *floats)
