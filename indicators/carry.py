"""Recursions that go on where they stopped: a session asks at each close for the columns it asked for at the
last one, one row longer.

In: a column, the loop that averages a stretch of it. Out: the averaged column, to the same bits whether it
was carried on or made anew; anything but more rows after the same ones is made anew.
Refuses to know: what is averaged, who asks.

The carry is ambient, so that no indicator has to hand it through: an answer does not depend on it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from .arrays import Floats, View, runs, view

Settings = tuple[float, ...]
Loop = Callable[[View, int], None]
"""Averages numbers in place. The int: how many rows the first number stands for, the rest having been
averaged into it already; 1 where a stretch begins."""


class Carry:
    """What one round of questions leaves to the next: each recursion's settings, column, and average."""

    def __init__(self) -> None:
        self._kept: list[tuple[Settings, Floats, Floats]] = []
        self._place = 0

    @contextmanager
    def round(self) -> Iterator[None]:
        """Inside, recursions go on from the round before, as far as they come in the same order."""
        self._place = 0
        token = _CARRY.set(self)
        try:
            yield
        finally:
            _CARRY.reset(token)

    def take(self, settings: Settings, column: Floats, out: Floats) -> int:
        """Fill in what is known of this round's next recursion; how many rows that is."""
        if self._place >= len(self._kept):
            return 0
        asked, before, done = self._kept[self._place]
        known = len(before)
        if asked != settings or not 0 < known <= len(column) or not np.isfinite(done[-1]):
            return 0
        if not _same(before, column[:known]):
            return 0
        out[:known] = done
        return known

    def keep(self, settings: Settings, column: Floats, out: Floats) -> None:
        """The next round's beginning."""
        self._kept[self._place : self._place + 1] = [(settings, column, out)]
        self._place += 1


_CARRY: ContextVar[Carry | None] = ContextVar("carry", default=None)


def recursion(column: Floats, length: int, settings: Settings, loop: Loop) -> Floats:
    """Each unbroken run of known rows through the loop, which `settings` tell from others; NaN in the first
    `length - 1` rows of a run.
    """
    out = np.array(column, dtype=np.float64)
    carry = _CARRY.get()
    known = carry.take(settings, column, out) if carry is not None else 0
    first = max(known - 1, 0)
    for begin, end in runs(column[first:]):
        start, stop = first + begin, first + end
        if known and start == first:
            loop(view(out[start:stop]), length)
            continue
        loop(view(out[start:stop]), 1)
        out[start : min(start + length - 1, stop)] = np.nan
    out.flags.writeable = False  # the next round may go on from it
    if carry is not None:
        carry.keep(settings, column, out)
    return out


def _same(before: Floats, now: Floats) -> bool:
    """Whether two columns have the same bits, unknown rows included."""
    return np.array_equal(before.view(np.int64), now.view(np.int64))
