"""Recursive averages: the exponential one and Wilder's.

In: a column (n,) and how fast to forget. Out: a column (n,), NaN in the first `length - 1` rows.
Refuses to know: what it smooths. A NaN row is NaN, and the average begins anew on the next row.
Both are written as mean += share × (new - mean), which leaves a flat column exactly flat.

The loops take views of plain numbers: Python reads those much faster than arrays, and numba as fast.
"""

import numpy as np

from .arrays import Floats, View, runs, view
from .kernel import kernel


def exponential(column: Floats, alpha: float, length: int) -> Floats:
    """mean[t] = mean[t-1] + alpha × (x[t] - mean[t-1]), seeded with the first row (ewm, adjust=False)."""
    out = np.array(column, dtype=np.float64)
    for start, stop in runs(column):
        _exponential(view(out[start:stop]), alpha)
        out[start : min(start + length - 1, stop)] = np.nan
    return out


def wilder(column: Floats, length: int) -> Floats:
    """mean[t] = mean[t-1] + (x[t] - mean[t-1]) ÷ length, seeded with the mean of the first `length` rows."""
    out = np.array(column, dtype=np.float64)
    for start, stop in runs(column):
        _wilder(view(out[start:stop]), length)
        out[start : min(start + length - 1, stop)] = np.nan
    return out


@kernel
def _exponential(numbers: View, alpha: float) -> None:
    """Put the average in the place of the numbers."""
    mean = numbers[0]
    for i, new in enumerate(numbers):
        mean += alpha * (new - mean)
        numbers[i] = mean


@kernel
def _wilder(numbers: View, length: int) -> None:
    """Put the average in the place of the numbers; the seed is a running mean, exact on flat rows."""
    mean = 0.0
    for i in range(min(length, len(numbers))):
        mean += (numbers[i] - mean) / (i + 1)
        numbers[i] = mean
    for i in range(length, len(numbers)):
        mean += (numbers[i] - mean) / length
        numbers[i] = mean
