"""Operations over columns: arrays of shape (n,) and plain numbers in, one array of shape (n,) out.

Numbers are float64, NaN where not known. Verdicts are int8: FALSE, UNKNOWN, TRUE (0, 1, 2); a comparison with
NaN is UNKNOWN. Refuses to know: programs, markets, names. Row i of a result depends on rows up to i only, and
through windows of fixed length on those rows alone: no running sums, so that the same window gives the same
bits wherever the data began.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from runner.compiler.program import Op
from runner.domain.bar import UNKNOWN
from runner.domain.series import Floats, Verdicts

Bools: TypeAlias = npt.NDArray[np.bool_]
Side: TypeAlias = Floats | float


def verdict(holds: Bools, known: Bools) -> Verdicts:
    """TRUE, FALSE, or UNKNOWN where not `known`; `holds` implies `known`."""
    made: Verdicts = (holds.view(np.int8) << 1) | ~known
    return made


def greater(left: Side, right: Side) -> Verdicts:
    """left > right."""
    holds = np.greater(left, right)
    return verdict(holds, holds | np.less_equal(left, right))


def greater_or_equal(left: Side, right: Side) -> Verdicts:
    """left >= right."""
    holds = np.greater_equal(left, right)
    return verdict(holds, holds | np.less(left, right))


def equal(left: Side, right: Side) -> Verdicts:
    """left == right, exactly."""
    holds = np.equal(left, right)
    return verdict(holds, known_both(left, right))


def unequal(left: Side, right: Side) -> Verdicts:
    """left != right, exactly."""
    known = known_both(left, right)
    return verdict(np.not_equal(left, right) & known, known)


def known_both(left: Side, right: Side) -> Bools:
    """Where both sides are numbers."""
    known: Bools = np.equal(left, left) & np.equal(right, right)
    return known


def crosses_above(left: Side, right: Side) -> Verdicts:
    """left > right now and left <= right one row before; UNKNOWN unless all four are numbers."""
    over, under = np.greater(left, right), np.less_equal(left, right)
    return _event(over[1:] & under[:-1], over | under)


def crosses_below(left: Side, right: Side) -> Verdicts:
    """left < right now and left >= right one row before."""
    return crosses_above(right, left)


def crosses(left: Side, right: Side) -> Verdicts:
    """Either way."""
    over, under = np.greater(left, right), np.less(left, right)
    known = over | np.less_equal(left, right)
    return _event((over[1:] & ~over[:-1]) | (under[1:] & ~under[:-1]), known)


def _event(holds: Bools, known: Bools) -> Verdicts:
    """A verdict from row 1 on; both rows must be known."""
    made = np.full(len(known), UNKNOWN, np.int8)
    both = known[1:] & known[:-1]
    made[1:] = verdict(holds & both, both)
    return made


def rising(column: Floats, bars: int) -> Verdicts:
    """Each of the last `bars` rows above the one before it."""
    over = np.greater(column[1:], column[:-1])
    return held(_event(over, known_both(column, column)), bars)


def falling(column: Floats, bars: int) -> Verdicts:
    """Each of the last `bars` rows below the one before it."""
    return rising(-column, bars)


def negated(inner: Verdicts) -> Verdicts:
    """not: 2 − x."""
    return np.subtract(np.int8(2), inner)


def all_of(*inner: Verdicts) -> Verdicts:
    """and: the least."""
    made = np.minimum(inner[0], inner[1])
    for one in inner[2:]:
        np.minimum(made, one, out=made)
    return made


def any_of(*inner: Verdicts) -> Verdicts:
    """or: the greatest."""
    made = np.maximum(inner[0], inner[1])
    for one in inner[2:]:
        np.maximum(made, one, out=made)
    return made


def held(inner: Verdicts, bars: int) -> Verdicts:
    """and over the last `bars` rows; rows before the first are UNKNOWN."""
    return _swept(inner, bars, np.minimum, UNKNOWN)


def within(inner: Verdicts, bars: int) -> Verdicts:
    """or over the last `bars` rows; rows before the first are UNKNOWN."""
    return _swept(inner, bars, np.maximum, UNKNOWN)


def highest(column: Floats, bars: int) -> Floats:
    """The greatest of the last `bars` rows, this one included; NaN when one of them is."""
    return _swept(column, bars, np.maximum, np.nan)


def lowest(column: Floats, bars: int) -> Floats:
    """The least of the last `bars` rows, this one included; NaN when one of them is."""
    return _swept(column, bars, np.minimum, np.nan)


def _swept(column: npt.NDArray[Any], bars: int, combine: np.ufunc, outside: float) -> npt.NDArray[Any]:
    """An idempotent `combine` over the last `bars` rows in log2(bars) passes; `outside` is before row 0."""
    made = column.copy()
    width = 1
    while width < bars:
        step = min(width, bars - width)
        shifted = made[: max(0, len(made) - step)].copy()
        combine(made[step:], shifted, out=made[step:])
        combine(made[:step], column.dtype.type(outside), out=made[:step])
        width += step
    return made


def average(column: Floats, bars: int) -> Floats:
    """The mean of the last `bars` rows; NaN when one of them is. Sums of powers of two, always in the same
    order.
    """
    count = len(column)
    total = np.full(count, np.nan)
    block = column.copy()  # sums of the last `width` rows
    covered, width = 0, 1
    while True:
        if bars & width:
            shown = shifted(block, covered)
            total = shown if covered == 0 else total + shown
            covered += width
        width *= 2
        if width > bars:
            return total / bars
        block = block + shifted(block, width // 2)


def shifted(column: npt.NDArray[Any], bars: int, outside: float = np.nan) -> npt.NDArray[Any]:
    """The row `bars` earlier; `outside` before the first."""
    made = np.full(len(column), outside, column.dtype)
    made[bars:] = column[: max(0, len(column) - bars)]
    return made


def shifted_verdict(inner: Verdicts, bars: int) -> Verdicts:
    """The verdict `bars` earlier; UNKNOWN before the first."""
    return shifted(inner, bars, UNKNOWN)


def change(column: Floats, bars: int) -> Floats:
    """This row minus the one `bars` earlier."""
    made: Floats = column - shifted(column, bars)
    return made


def quotient(left: Side, right: Side) -> Floats:
    """left ÷ right; NaN where right is zero."""
    divisor = np.where(np.equal(right, 0.0), np.nan, right)
    return np.asarray(np.divide(left, divisor))


def bars_since(inner: Verdicts, bars: int) -> Floats:
    """Rows since the last TRUE among the last `bars` rows, 0 on the row itself; `bars` when there is none.

    NaN when an UNKNOWN row lies between, or when fewer than `bars` rows exist and none is TRUE.
    """
    row = np.arange(len(inner))
    since_true = row - np.maximum.accumulate(np.where(inner == 2, row, -bars - 1))
    since_unknown = row - np.maximum.accumulate(np.where(inner == UNKNOWN, row, -1))
    made = np.minimum(since_true, bars).astype(np.float64)
    made[since_unknown < np.minimum(since_true, bars)] = np.nan
    return made


def aligned(column: npt.NDArray[Any], rows: npt.NDArray[np.int64], outside: float) -> npt.NDArray[Any]:
    """`column[rows]`; `outside` where the row is −1."""
    known = rows >= 0
    made = np.full(len(rows), outside, column.dtype)
    made[known] = column[rows[known]]
    return made


POINTWISE: dict[Op, Callable[..., Any]] = {
    Op.ADD: np.add,
    Op.SUBTRACT: np.subtract,
    Op.MULTIPLY: np.multiply,
    Op.DIVIDE: quotient,
    Op.NEGATE: np.negative,
    Op.ABS: np.abs,
    Op.MIN: np.minimum,
    Op.MAX: np.maximum,
    Op.GT: greater,
    Op.GE: greater_or_equal,
    Op.LT: lambda left, right: greater(right, left),
    Op.LE: lambda left, right: greater_or_equal(right, left),
    Op.EQ: equal,
    Op.NE: unequal,
    Op.CROSS_ABOVE: crosses_above,
    Op.CROSS_BELOW: crosses_below,
    Op.CROSS: crosses,
    Op.NOT: negated,
    Op.ALL: all_of,
    Op.ANY: any_of,
}

OVER_BARS: dict[Op, Callable[[Any, int], Any]] = {
    Op.SHIFT: shifted,
    Op.SHIFT_VERDICT: shifted_verdict,
    Op.HIGHEST: highest,
    Op.LOWEST: lowest,
    Op.AVERAGE: average,
    Op.CHANGE: change,
    Op.BARS_SINCE: bars_since,
    Op.RISING: rising,
    Op.FALLING: falling,
    Op.HELD: held,
    Op.WITHIN: within,
}
