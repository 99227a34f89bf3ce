"""What every indicator does to whole columns: missing rows, the row before, division.

In and out: float64 arrays of shape (n,). Inputs are never written to.
Refuses to know: what a column means. NaN is the only sign for "not known".
"""

from collections.abc import MutableSequence
from typing import cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Columns = tuple[Floats, ...]
View = MutableSequence[float]


def whole_rows(*columns: Floats) -> Columns:
    """The columns with NaN in all of them where any of them is: a bar is whole or missing.

    Of inputs: a bar that lacks a number is no bar. Of outputs: those that warm up at different times appear
    together.
    """
    missing = np.isnan(columns[0])
    for column in columns[1:]:
        missing |= np.isnan(column)
    if not missing.any():
        return columns
    return tuple(np.where(missing, np.nan, column) for column in columns)


def runs(column: Floats) -> list[tuple[int, int]]:
    """[start, stop) of each unbroken run of known rows: a recursion begins anew at every start."""
    known = np.zeros(len(column) + 2, dtype=np.int8)
    known[1:-1] = ~np.isnan(column)
    edges = np.flatnonzero(np.diff(known)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def view(column: Floats) -> View:
    """The numbers themselves of a contiguous column, for a loop to read and write."""
    return cast(View, column.data)


def previous(column: Floats, bars: int = 1) -> Floats:
    """The column as it stood `bars` rows earlier; NaN in the first `bars` rows."""
    out = np.full(len(column), np.nan)
    if bars < len(column):
        out[bars:] = column[: len(column) - bars]
    return out


def divide(above: Floats, below: Floats) -> Floats:
    """above ÷ below, NaN where `below` is zero: a ratio to nothing is not known."""
    out = np.full(len(above), np.nan)
    np.divide(above, below, out=out, where=below != 0.0)
    return out
