"""Bars, and what the rules saw at a bar's close.

In: numbers. Out: immutable values.
Refuses to know: where a bar came from, what an indicator is.
"""

from typing import NamedTuple

SLOTS_MAX = 6  # state-free parts of exit rules; the builder refuses a bot that needs more

ADVERSE, FAVOURABLE, NEAREST = 0, 1, 2  # which way a bar is walked; see core/match.py

FALSE, UNKNOWN, TRUE = 0, 1, 2  # Kleene's three values: and = min, or = max, not = 2 − x


class Bar(NamedTuple):
    """Last and mark prices over [open_time_ms, close_time_ms); mark equals last where no mark bar is
    stored.
    """

    open_time_ms: int
    close_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    mark_open: float
    mark_high: float
    mark_low: float
    mark_close: float


class Row(NamedTuple):
    """Everything the rules say at one bar's close.

    Verdicts are FALSE, UNKNOWN or TRUE. `stop_long` and `stop_short` are a ratio, a distance or a price, as
    `StopRule.kind` says; `trail_distance` a ratio or a price distance; NaN means not known.
    """

    enter_long: int
    enter_short: int
    stop_long: float
    stop_short: float
    trail_distance: float
    slots: tuple[float, float, float, float, float, float]


class Funding(NamedTuple):
    """One settlement: payment = − quantity × mark_price × funding_rate."""

    time_ms: int
    funding_rate: float
    mark_price: float


class Walk(NamedTuple):
    """A walk through one bar: four points of the last and of the mark price, and how far the walk has come.

    `leg` k leads from point k to point k + 1; `price` and `mark` are where the walk stands now.
    """

    leg: int
    price: float
    mark: float
    first: float
    second: float
    close: float
    mark_first: float
    mark_second: float
    mark_close: float
    path: int
