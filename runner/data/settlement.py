"""Times of funding settlements as the exchange records them, and the hours they belong to.

In: columns of funding. Out: the same with whole hours, and how many were late.
Refuses to know: files, sources. What is later than some seconds is left alone, to be found at fault.
"""

import numpy as np

from runner.data.part import Columns
from runner.domain.time import HOUR_MS

FUNDING_LATE_MS_MAX = 5_000  # the exchange's records carry times some milliseconds after the hour


def on_the_hour(columns: Columns) -> tuple[Columns, int]:
    """Settlement times a little late go back to their hour."""
    times, floats = columns
    over = times % HOUR_MS
    late = (over > 0) & (over <= FUNDING_LATE_MS_MAX)
    return (np.where(late, times - over, times), floats), int(np.sum(late))
