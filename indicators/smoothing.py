"""Recursive averages: the exponential one and Wilder's.

In: a column (n,) and how fast to forget. Out: a column (n,), NaN in the first `length - 1` rows.
Refuses to know: what it smooths. A NaN row is NaN, and the average begins anew on the next row.
Both are written as mean += share × (new - mean), which leaves a flat column exactly flat.

The loops take views of plain numbers: Python reads those much faster than arrays, and numba as fast.
"""

from .arrays import Floats, View
from .carry import recursion
from .kernel import kernel


def exponential(column: Floats, alpha: float, length: int) -> Floats:
    """mean[t] = mean[t-1] + alpha × (x[t] - mean[t-1]), seeded with the first row (ewm, adjust=False)."""
    return recursion(column, length, (length, alpha), lambda numbers, rows: _exponential(numbers, alpha))


def wilder(column: Floats, length: int) -> Floats:
    """mean[t] = mean[t-1] + (x[t] - mean[t-1]) ÷ length, seeded with the mean of the first `length` rows."""
    return recursion(column, length, (length,), lambda numbers, rows: _wilder(numbers, length, rows))


@kernel
def _exponential(numbers: View, alpha: float) -> None:
    """Put the average in the place of the numbers."""
    mean = numbers[0]
    for i, new in enumerate(numbers):
        mean += alpha * (new - mean)
        numbers[i] = mean


@kernel
def _wilder(numbers: View, length: int, rows: int) -> None:
    """Put the average in the place of the numbers; the first of them is the mean of so many rows already. The
    seed is a running mean, exact on flat rows.
    """
    mean = numbers[0]
    seeded = min(1 + length - rows, len(numbers))
    for i in range(1, seeded):
        mean += (numbers[i] - mean) / (rows + i)
        numbers[i] = mean
    for i in range(max(seeded, 1), len(numbers)):
        mean += (numbers[i] - mean) / length
        numbers[i] = mean
