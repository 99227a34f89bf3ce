"""What goes on from an earlier answer is what would have been computed anew, to the last bit."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from indicators import smoothing
from indicators.arrays import View
from indicators.carry import Carry, recursion

Floats = npt.NDArray[np.float64]
ODD = st.sampled_from([np.nan, np.inf, 0.0, -0.0, 7.0])
NUMBERS = st.lists(st.one_of(st.floats(-1e6, 1e6), ODD), min_size=2, max_size=60)


def averages(column: Floats, length: int) -> list[Floats]:
    """Some that feed one another."""
    quick = smoothing.exponential(column, 2.0 / (length + 1.0), length)
    slow = smoothing.wilder(column, length)
    with np.errstate(invalid="ignore"):
        apart = quick - slow
    return [quick, slow, smoothing.exponential(apart, 0.3, 3), smoothing.wilder(quick, 2)]


def same(one: list[Floats], other: list[Floats]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


@given(NUMBERS, st.integers(1, 9), st.data())
def test_rows_that_are_added_bit_by_bit(numbers: list[float], length: int, data: st.DataObject) -> None:
    column, carry, stop = np.array(numbers), Carry(), 0
    while stop < len(column):
        stop = data.draw(st.integers(stop + 1, len(column)))
        with carry.round():
            carried = averages(column[:stop], length)
        assert same(carried, averages(column[:stop], length))


@given(NUMBERS, NUMBERS, st.integers(1, 9))
def test_other_rows_than_before_are_begun_anew(first: list[float], second: list[float], length: int) -> None:
    carry = Carry()
    for numbers in (first, second, first[1:], second[:-1], first):
        column = np.array(numbers)
        with carry.round():
            carried = averages(column, length)
        assert same(carried, averages(column, length))


def test_rounds_may_ask_for_more_and_for_less() -> None:
    column, carry = np.arange(40.0), Carry()
    for stop, times in ((20, 2), (25, 1), (30, 3), (31, 2), (40, 4)):
        with carry.round():
            carried = [smoothing.exponential(column[:stop], 0.1 * at, 4) for at in range(1, times + 1)]
        anew = [smoothing.exponential(column[:stop], 0.1 * at, 4) for at in range(1, times + 1)]
        assert same(carried, anew)


def test_another_average_of_the_same_column_is_another_one() -> None:
    column, carry = np.arange(40.0) ** 2, Carry()
    asked = [(smoothing.exponential, 0.1, 4), (smoothing.exponential, 0.2, 4), (smoothing.wilder, 4)]
    for turn in range(6):
        with carry.round():
            carried = [function(column[: 30 + turn], *rest) for function, *rest in asked[turn % 3 :]]
        anew = [function(column[: 30 + turn], *rest) for function, *rest in asked[turn % 3 :]]
        assert same(carried, anew)


def test_a_round_that_breaks_off_leaves_the_next_one_whole() -> None:
    column, carry = np.arange(40.0), Carry()
    with carry.round():
        averages(column[:20], 3)
    with carry.round():
        smoothing.exponential(column[:21], 0.5, 3)
    with carry.round():
        carried = averages(column[:22], 3)
    assert same(carried, averages(column[:22], 3))


def test_only_the_new_rows_are_gone_through() -> None:
    seen: list[int] = []
    column, carry = np.arange(1000.0), Carry()

    def loop(numbers: View, rows: int) -> None:
        seen.append(len(numbers))

    for stop in (998, 999, 1000):
        with carry.round():
            recursion(column[:stop], 5, (5,), loop)
    assert seen == [998, 2, 2]
