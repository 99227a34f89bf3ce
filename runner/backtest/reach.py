"""Where a column first reaches a level, and where an exit program may first say yes.

In: columns. Out: rows.
Refuses to know: positions, orders, what the levels are for.
"""

import numpy as np
import numpy.typing as npt

from runner.domain.bar import TRUE
from runner.domain.plan import STEP_AND, STEP_COMPARE, STEP_END, STEP_NOT, STEP_OR, STEP_SLOT, Step
from runner.domain.series import Floats, Times

BLOCK = 128


class Reach:
    """The rows of a column at or above a level (`rising`), or at or below it, found through the extremes of
    blocks of rows: a search looks at a hundredth of them.
    """

    def __init__(self, column: Floats, *, rising: bool) -> None:
        whole = len(column) // BLOCK * BLOCK
        blocks = column[:whole].reshape(-1, BLOCK)
        self._column = column
        self._extremes = (np.fmax if rising else np.fmin).reduce(blocks, axis=1)
        self._met = np.greater_equal if rising else np.less_equal

    def first(self, start: int, stop: int, level: float) -> int:
        """The first row of [start, stop) that reaches `level`, or `stop`."""
        edge = min(stop, -(-start // BLOCK) * BLOCK)
        found = self._scanned(start, edge, level)
        if found < edge or edge == stop:
            return found
        block, last = edge // BLOCK, stop // BLOCK
        met = self._met(self._extremes[block:last], level)
        if len(met):
            place = int(met.argmax())
            last = block + place if met[place] else last
        return self._scanned(last * BLOCK, min(stop, (last + 1) * BLOCK), level)

    def _scanned(self, start: int, stop: int, level: float) -> int:
        met = self._met(self._column[start:stop], level)
        place = int(met.argmax()) if len(met) else 0
        return start + place if len(met) and met[place] else stop


def possible_exits(steps: tuple[Step, ...], slots: Floats) -> Times:
    """Rows at which an exit program may be TRUE, whatever the position: a comparison with one of its facts
    may say anything.

    The stack holds (least, most) of what each verdict can be.
    """
    stack: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []
    nothing, everything = np.zeros(slots.shape[1]), np.full(slots.shape[1], float(TRUE))
    for step in steps:
        if step.op == STEP_END:
            break
        if step.op == STEP_SLOT:
            stack.append((slots[step.slot], slots[step.slot]))
        elif step.op == STEP_COMPARE:
            stack.append((nothing, everything))
        elif step.op == STEP_NOT:
            least, most = stack.pop()
            stack.append((2.0 - most, 2.0 - least))
        else:
            assert step.op in (STEP_AND, STEP_OR)
            joined = np.minimum if step.op == STEP_AND else np.maximum
            (right_least, right_most), (least, most) = stack.pop(), stack.pop()
            stack.append((joined(least, right_least), joined(most, right_most)))
    return np.flatnonzero(stack[-1][1] == TRUE) if stack else np.zeros(0, np.int64)
