"""Trailing windows: mean, deviation, total, highest, lowest of the last `length` rows.

In: a column (n,) and a length of at least 1. Out: columns (n,), NaN in the first `length - 1` rows and
wherever the window holds a NaN. Refuses to know: indicators.

How: windows of 1, 2, 4, 8 … rows are joined pairwise until they make up `length`, so the work is n ×
log2(length), memory is a few columns, and a row depends on the rows of its own window alone, added in an
order that does not depend on where the history starts: equal bits from any start. Nothing is ever subtracted
from a running sum, so nothing drifts.
Numbers from: the pairwise update of mean and squared deviations by Chan, Golub and LeVeque (1979), "Updating
Formulae and a Pairwise Algorithm for Computing Sample Variances",
http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf
"""

from collections.abc import Callable

import numpy as np

from .arrays import Columns, Floats

Join = Callable[[Columns, Columns, int, int], Columns]


def window_total(column: Floats, length: int) -> Floats:
    """Sum of the last `length` rows, in the unit of the column."""
    return _joined((column,), length, _join_totals)[0]


def window_mean(column: Floats, length: int) -> Floats:
    """Mean of the last `length` rows, in the unit of the column; exact where all of them are equal."""
    return _joined((column,), length, _join_means)[0]


def window_mean_and_deviation(column: Floats, length: int) -> tuple[Floats, Floats]:
    """Mean and population standard deviation of the last `length` rows, in the unit of the column."""
    mean, squares = _joined((column, column * 0.0), length, _join_squares)
    return mean, np.sqrt(squares / length)


def window_highest(column: Floats, length: int) -> Floats:
    """Highest of the last `length` rows."""
    return _extreme(column, length, np.maximum)


def window_lowest(column: Floats, length: int) -> Floats:
    """Lowest of the last `length` rows."""
    return _extreme(column, length, np.minimum)


def _joined(columns: Columns, length: int, join: Join) -> Columns:
    """Join windows of powers of two, as the binary digits of `length` say. Windows are indexed by first
    row."""
    rows = len(columns[0])
    if length > rows:
        return tuple(np.full(rows, np.nan) for _ in columns)
    block, width = columns, 1
    done: Columns = ()
    covered = 0
    while True:
        if length & width:
            done = join(done, tuple(part[covered:] for part in block), covered, width) if covered else block
            covered += width
        if covered == length:
            return tuple(_aligned(part, rows, length) for part in done)
        block = join(block, tuple(part[width:] for part in block), width, width)
        width *= 2


def _extreme(column: Floats, length: int, better: Callable[[Floats, Floats], Floats]) -> Floats:
    """As `_joined`, shorter: two windows that overlap have the same extreme as their union."""
    rows = len(column)
    if length > rows:
        return np.full(rows, np.nan)
    block, width = column, 1
    while 2 * width <= length:
        block = better(block[:-width], block[width:])
        width *= 2
    return _aligned(better(block[: rows - length + 1], block[length - width :]), rows, length)


def _aligned(part: Floats, rows: int, length: int) -> Floats:
    """Move a window's result from its first row to its last."""
    out = np.full(rows, np.nan)
    out[length - 1 :] = part[: rows - length + 1]
    return out


def _join_totals(left: Columns, right: Columns, left_rows: int, right_rows: int) -> Columns:
    return (left[0][: len(right[0])] + right[0],)


def _join_means(left: Columns, right: Columns, left_rows: int, right_rows: int) -> Columns:
    earlier = left[0][: len(right[0])]
    return (earlier + (right[0] - earlier) * (right_rows / (left_rows + right_rows)),)


def _join_squares(left: Columns, right: Columns, left_rows: int, right_rows: int) -> Columns:
    rows = len(right[0])
    share = right_rows / (left_rows + right_rows)
    step = right[0] - left[0][:rows]
    mean = left[0][:rows] + step * share
    step *= step
    step *= left_rows * share
    step += left[1][:rows]
    step += right[1]
    return mean, step
