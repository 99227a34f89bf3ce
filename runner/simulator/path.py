"""The way a price takes through one bar: three legs, and every level on them that matters.

In: a bar, which extreme comes first, levels. Out: points, each a fraction of a leg with last price and mark.
Refuses to know: orders, accounts, the clock.
The last price and the mark walk side by side, each in a straight line from leg end to leg end.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from runner.simulator.tape import PlayedBar, Prices

LEGS = 3
PATHS = ("adverse", "favourable", "nearest")
ONE = Decimal(1)
MARK_GRID = Decimal("0.00000001")


class Point(NamedTuple):
    """Where the price stands: `fraction` of the leg is done."""

    leg: int
    fraction: Decimal
    last: Decimal
    mark: Decimal


class Leg(NamedTuple):
    """A straight piece of the way."""

    number: int
    last_from: Decimal
    last_to: Decimal
    mark_from: Decimal
    mark_to: Decimal


def is_low_first(bar: PlayedBar, path: str, *, is_low_adverse: bool) -> bool:
    """Which extreme comes first. `nearest`: the one nearer to the open; as far either way: what hurts."""
    if path == "nearest":
        down, up = bar.last.open - bar.last.low, bar.last.high - bar.last.open
        return is_low_adverse if down == up else down < up
    return is_low_adverse == (path == "adverse")


def legs_of(bar: PlayedBar, *, low_first: bool) -> tuple[Leg, Leg, Leg]:
    """Open → first extreme → second extreme → close."""
    last, mark = _corners(bar.last, low_first), _corners(bar.mark, low_first)
    first, second, third = (
        Leg(number, last[number], last[number + 1], mark[number], mark[number + 1]) for number in range(LEGS)
    )
    return first, second, third


def _corners(prices: Prices, low_first: bool) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    if low_first:
        return prices.open, prices.low, prices.high, prices.close
    return prices.open, prices.high, prices.low, prices.close


def point_on(leg: Leg, fraction: Decimal, tick: Decimal) -> Point:
    """A fraction of a leg; the last price lies on the grid, the mark on its own."""
    if fraction >= ONE:
        return Point(leg.number, ONE, leg.last_to, leg.mark_to)
    last = leg.last_from + (leg.last_to - leg.last_from) * fraction
    mark = leg.mark_from + (leg.mark_to - leg.mark_from) * fraction
    return Point(leg.number, fraction, (last / tick).to_integral_value() * tick, mark.quantize(MARK_GRID))


def next_point(
    leg: Leg, done: Decimal, until: Decimal, levels: tuple[list[Decimal], list[Decimal]], tick: Decimal
) -> Point:
    """The nearest level of the last price or the mark beyond `done` and before `until`, else `until`.

    A level is passed, never missed: rounding goes in the direction of travel.
    """
    nearest, exact_last, exact_mark = until, None, None
    span = leg.last_to - leg.last_from
    if span:
        for level in levels[0]:
            price = _onward(level, tick, falling=span < 0)
            fraction = (price - leg.last_from) / span
            if done < fraction < nearest:
                nearest, exact_last, exact_mark = fraction, price, None
    span = leg.mark_to - leg.mark_from
    if span:
        for level in levels[1]:
            price = _onward(level, MARK_GRID, falling=span < 0)
            fraction = (price - leg.mark_from) / span
            if done < fraction < nearest:
                nearest, exact_last, exact_mark = fraction, None, price
    point = point_on(leg, nearest, tick)
    if exact_last is not None:
        return point._replace(last=exact_last)
    if exact_mark is not None:
        return point._replace(mark=exact_mark)
    return point


def _onward(level: Decimal, grid: Decimal, *, falling: bool) -> Decimal:
    return (level / grid).to_integral_value(ROUND_FLOOR if falling else ROUND_CEILING) * grid
