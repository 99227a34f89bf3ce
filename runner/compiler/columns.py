"""Evaluation: a program over a market's arrays gives one row of verdicts and distances for every bar.

In: a `Program` and a `Market`. Out: `Rows`, arrays of shape (n,) for the n bars of the bot's own timeframe.
Refuses to know: text, documents, money, files. Row i depends on bars closed by the close of bar i, on nothing
later. Numbers from: the market's arrays and `indicators`; a missing mark price is the last close, a missing
funding rate NaN.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from indicators import registry
from runner.compiler import operations
from runner.compiler.algebra import Unit
from runner.compiler.program import ABSENT, Op, Program
from runner.domain.bar import FALSE, UNKNOWN
from runner.domain.series import Bars, Floats, Market, Times, Verdicts
from runner.domain.time import DAY_MS, HOUR_MS

Compute: TypeAlias = Callable[[str], Callable[..., tuple[Floats, ...]]]
Values: TypeAlias = npt.NDArray[Any] | float

_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rules say at each bar's close; `slots` has the shape (max(1, slots in use), n), verdicts as 0,
    1, 2.

    Verdicts before `Program.warmup_bars` rows are UNKNOWN and distances NaN. A rule that the bot does not
    have is FALSE.
    """

    enter_long: Verdicts
    enter_short: Verdicts
    stop_long: Floats
    stop_short: Floats
    trail_distance: Floats
    slots: Floats


def evaluate(program: Program, market: Market, compute: Compute = registry.compute) -> Rows:
    """The rows of a whole market. `compute` gives the function of an indicator's kind."""
    count, warm = len(market.bars), program.warmup_bars
    values = _Evaluation(program, market, compute).run(program.outputs)
    stop = _distances(program.stop, values, count, warm)
    slots = np.full((max(1, len(program.slots)), count), np.nan)
    for place, at in enumerate(program.slots):
        slots[place] = values[at]
        slots[place, :warm] = UNKNOWN if program.columns[at].unit == Unit.CONDITION else np.nan
    return Rows(
        enter_long=_verdicts(program.enter_long, values, count, warm),
        enter_short=_verdicts(program.enter_short, values, count, warm),
        stop_long=stop,
        stop_short=stop,
        trail_distance=_distances(program.trail_distance, values, count, warm),
        slots=slots,
    )


def evaluate_tails(
    program: Program, market: Market, row: int, bars: int, compute: Compute = registry.compute
) -> dict[int, list[float]]:
    """Each column's last `bars` numbers on its own rows, oldest first, as known at the close of `row`."""
    evaluation = _Evaluation(program, market_until(market, row), compute, tail_bars=bars)
    evaluation.run(program.outputs)
    return evaluation.tails


def market_until(market: Market, row: int) -> Market:
    """The market as it was at the close of `row`."""
    bars = market.bars.rows(0, row + 1)
    close_ms = int(bars.open_time_ms[-1]) + bars.timeframe_ms
    higher = {
        timeframe_ms: longer.rows(
            0, int(np.searchsorted(longer.open_time_ms, close_ms - timeframe_ms, "right"))
        )
        for timeframe_ms, longer in market.higher.items()
    }
    mark = market.mark.rows(0, row + 1) if market.mark is not None else None
    return Market(market.symbol, bars, higher, mark, None, market.funding, market.first)


def _verdicts(at: int, values: dict[int, Values], count: int, warm: int) -> Verdicts:
    if at == ABSENT:
        return np.full(count, FALSE, np.int8)
    made = np.array(values[at], np.int8)
    made[:warm] = UNKNOWN
    return made


def _distances(at: int, values: dict[int, Values], count: int, warm: int) -> Floats:
    made = np.full(count, np.nan)
    if at != ABSENT:
        made[:] = values[at]
        made[:warm] = np.nan
    return made


@dataclass(slots=True)
class _Evaluation:
    """One pass over the needed columns; a column is dropped after its last use."""

    program: Program
    market: Market
    compute: Compute
    tail_bars: int = 0
    values: dict[int, Values] = field(default_factory=dict)
    tails: dict[int, list[float]] = field(default_factory=dict)
    rows: dict[int, Times] = field(default_factory=dict)

    def run(self, wanted: Iterable[int]) -> dict[int, Values]:
        """The wanted columns."""
        outputs = set(wanted)
        uses = self._uses(outputs)
        with np.errstate(all="ignore"):
            for at in sorted(uses):
                if at not in self.values:
                    self._fill(at, uses)
                if self.tail_bars:
                    self._keep_tail(at)
                for used in self.program.columns[at].inputs:
                    uses[used] -= 1
                    if not uses[used] and (used not in outputs or self.tail_bars):
                        del self.values[used]
        return self.values

    def _uses(self, outputs: set[int]) -> dict[int, int]:
        """How many columns read each needed column."""
        uses = dict.fromkeys(outputs, 0)
        for at in range(len(self.program.columns) - 1, -1, -1):
            if at in uses:
                for used in self.program.columns[at].inputs:
                    uses[used] = uses.get(used, 0) + 1
        return uses

    def _fill(self, at: int, uses: dict[int, int]) -> None:
        column = self.program.columns[at]
        if column.op != Op.INDICATOR:
            self.values[at] = self._column(at)
            return
        call = self.program.calls[column.call]
        bars = self._bars(call.timeframe_ms)
        names = (call.source,) if call.source else registry.REGISTRY[call.kind].inputs
        inputs = (np.ascontiguousarray(bar_column(bars, name)) for name in names)
        outputs = self.compute(call.kind)(*inputs, **dict(call.settings))
        for other, twin in enumerate(self.program.columns):
            if twin.op == Op.INDICATOR and twin.call == column.call and other in uses:
                self.values[other] = outputs[twin.output]

    def _column(self, at: int) -> Values:
        column = self.program.columns[at]
        inputs = [self.values[used] for used in column.inputs]
        match column.op:
            case Op.CONSTANT:
                return column.number
            case Op.BAR:
                return self._bar(column.name, column.timeframe_ms)
            case Op.ALIGN | Op.ALIGN_VERDICT:
                outside = UNKNOWN if column.op == Op.ALIGN_VERDICT else np.nan
                longer_ms = self.program.columns[column.inputs[0]].timeframe_ms
                return operations.aligned(np.asarray(inputs[0]), self._rows(longer_ms), outside)
            case Op.UNDECIDED:
                return np.full(len(self.market.bars), UNKNOWN, np.int8)
        if column.op in operations.OVER_BARS:
            made = operations.OVER_BARS[column.op](inputs[0], column.bars)
        else:
            made = operations.POINTWISE[column.op](*inputs)
        count = len(self._bars(column.timeframe_ms))
        return made if np.ndim(made) else np.full(count, made)

    def _bar(self, name: str, timeframe_ms: int) -> Floats:
        bars = self._bars(timeframe_ms)
        if name == "mark_price":
            mark = self.market.mark
            return bars.close if mark is None else np.where(np.isnan(mark.close), bars.close, mark.close)
        if name == "funding_rate":
            return self._funding_rate()
        if name == "hour":
            return (bars.open_time_ms // HOUR_MS % 24).astype(np.float64)
        if name == "weekday":
            return ((bars.open_time_ms // DAY_MS + _EPOCH_WEEKDAY) % 7).astype(np.float64)
        return bar_column(bars, name)

    def _funding_rate(self) -> Floats:
        """The last rate settled by each bar's close."""
        funding = self.market.funding
        if funding is None or not len(funding.time_ms):
            return np.full(len(self.market.bars), np.nan)
        rows = np.searchsorted(funding.time_ms, self._close_ms(), "right") - 1
        return operations.aligned(funding.funding_rate, rows, np.nan)

    def _rows(self, longer_ms: int) -> Times:
        """For each own bar the last longer bar that closed by its close; −1 before the first."""
        if longer_ms not in self.rows:
            close_ms = self._bars(longer_ms).open_time_ms + longer_ms
            self.rows[longer_ms] = np.searchsorted(close_ms, self._close_ms(), "right") - 1
        return self.rows[longer_ms]

    def _close_ms(self) -> Times:
        return self.market.bars.open_time_ms + self.program.timeframe_ms

    def _bars(self, timeframe_ms: int) -> Bars:
        return (
            self.market.bars
            if timeframe_ms == self.program.timeframe_ms
            else self.market.higher[timeframe_ms]
        )

    def _keep_tail(self, at: int) -> None:
        column = np.atleast_1d(np.asarray(self.values[at], np.float64))
        self.tails[at] = [float(number) for number in column[-self.tail_bars :]] or [np.nan]


def bar_column(bars: Bars, name: str) -> Floats:
    """open … volume, or a mean of them: hl2, hlc3, ohlc4."""
    if name == "hl2":
        return (bars.high + bars.low) / 2.0
    if name == "hlc3":
        return (bars.high + bars.low + bars.close) / 3.0
    if name == "ohlc4":
        return (bars.open + bars.high + bars.low + bars.close) / 4.0
    column: Floats = getattr(bars, name)
    return column
