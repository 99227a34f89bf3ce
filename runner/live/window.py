"""The trailing bars that rules look at, and what the rules say at the last close.

In: closed bars, one by one. Out: the core's `Bar` and `Row` of each.
Refuses to know: where bars come from. The same evaluation as a backtest's, over a shorter stretch: warm-up is
computed so that both decide alike.
"""

from dataclasses import dataclass, field

import numpy as np

from indicators.carry import Carry
from runner.compiler.build import Compiled
from runner.compiler.columns import Rows, evaluate
from runner.data.resample import resample
from runner.domain.bar import SLOTS_MAX, Bar, Row
from runner.domain.series import Bars, Floats, FundingSeries, Market, Times
from runner.domain.venue import ClosedBar

MARGIN_BARS = 16  # beyond the warm-up, so that a bar or two of slack never moves a rule
LONGER_BY = 4  # a quarter more than is needed, before the oldest are dropped: until then, averages go on

_FIGURES = (
    *("open", "high", "low", "close", "volume"),
    *("mark_open", "mark_high", "mark_low", "mark_close"),
)


@dataclass(slots=True)
class Window:
    """`bars` are contiguous in time but for the exchange's own gaps; the oldest are dropped now and then."""

    compiled: Compiled
    timeframe_ms: int
    bars: list[ClosedBar] = field(default_factory=list)
    funding: FundingSeries | None = None
    _times: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    _figures: Floats = field(default_factory=lambda: np.zeros((len(_FIGURES), 0)))
    _stop: int = 0  # of the columns above: the last bars are there up to here
    _carry: Carry = field(default_factory=Carry)

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
        if len(self.bars) > self.bars_needed + self.bars_needed // LONGER_BY:
            del self.bars[: -self.bars_needed]
        if self._stop == len(self._times):
            self._make_room()
        self._times[self._stop] = bar.open_time_ms
        self._figures[:, self._stop] = [getattr(bar, name) for name in _FIGURES]
        self._stop += 1
        return True

    def _make_room(self) -> None:
        """Columns twice as long as the window: what is written once is moved once in a window's length.
        Arrays that were handed out stay as they are.
        """
        kept = len(self.bars) - 1
        times, figures = (
            np.zeros(2 * self.bars_needed, np.int64),
            np.zeros((len(_FIGURES), 2 * self.bars_needed)),
        )
        times[:kept] = self._times[self._stop - kept : self._stop]
        figures[:, :kept] = self._figures[:, self._stop - kept : self._stop]
        self._times, self._figures, self._stop = times, figures, kept

    @property
    def is_warm(self) -> bool:
        """Whether the rules can be asked."""
        return len(self.bars) >= self.bars_needed

    def last(self) -> tuple[Bar, Row]:
        """The last bar, and what the rules say at its close."""
        with self._carry.round():
            rows = evaluate(self.compiled.program, self._market())
        return core_bar(self.bars[-1], self.timeframe_ms), last_row(rows)

    def _market(self) -> Market:
        part = slice(self._stop - len(self.bars), self._stop)
        times, figures = self._times[part], self._figures[:, part]
        bars = Bars(self.timeframe_ms, times, *figures[:5])
        mark = Bars(self.timeframe_ms, times, *[*figures[5:], np.zeros(len(times))])
        higher = {longer: resample(bars, longer) for longer in self.compiled.timeframes}
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
