"""Evaluation: whole columns say what a slow reading of the tree says bar by bar, and never look ahead."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bot_texts import bot_text, good_draft
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import FOUR_HOURS_MS, HOUR_MS, OWN_MS, bars_of, market_of
from slow import Slow

from indicators import registry
from runner.compiler.columns import evaluate
from runner.compiler.expression import parse
from runner.compiler.program import Program
from runner.compiler.tree import (
    Arithmetic,
    Between,
    Call,
    Comparison,
    Cross,
    Held,
    Junction,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Trend,
    unparse,
)
from runner.domain.series import Floats, Market

UP = "close > open"
CONDITIONS = f"  up: {UP}\n"
# Lengths and divisors are powers of two, so that sums are exact in whatever order they are added up.
EXACT = "  slow: {kind: sma, length: 4}\n  slow_1h: {kind: sma, length: 2, timeframe: 1h}\n"
Wants = st.SearchStrategy[Node]

prices: Wants = st.one_of(
    st.builds(
        Name,
        st.sampled_from(["open", "high", "low", "close", "hl2"]),
        st.just(""),
        st.sampled_from(["", "", "1h", "4h"]),
        st.integers(0, 3),
    ),
    st.builds(Name, st.sampled_from(["slow", "slow_1h", "mark_price"]), bars_ago=st.integers(0, 2)),
)
whole = st.integers(1, 9).map(lambda number: Number(str(number), ""))
window = st.integers(1, 6).map(lambda number: Number(str(number), ""))
power = st.sampled_from([1, 2, 4]).map(lambda number: Number(str(number), ""))


def more_prices(inner: Wants) -> Wants:
    return st.one_of(
        st.builds(Arithmetic, st.sampled_from("+-"), inner, inner),
        st.builds(Arithmetic, st.sampled_from("*/"), inner, power),
        st.builds(Negative, inner),
        st.builds(lambda one: Call("abs", (one,)), inner),
        st.builds(
            lambda name, one, other: Call(name, (one, other)), st.sampled_from(["min", "max"]), inner, inner
        ),
        st.builds(
            lambda name, one, bars: Call(name, (one, bars)),
            st.sampled_from(["highest", "lowest", "change"]),
            inner,
            window,
        ),
        st.builds(lambda one, bars: Call("average", (one, bars)), inner, power),
    )


formulas = st.recursive(prices, more_prices, max_leaves=3)
signs = st.sampled_from([">", ">=", "<", "<=", "==", "!="])
ratios = st.builds(lambda one, other: Arithmetic("/", one, other), formulas, formulas)
percentages = st.integers(-5, 5).map(lambda number: parse(f"{number}%"))
tests: Wants = st.one_of(
    st.builds(Comparison, signs, formulas, st.one_of(formulas, whole)),
    st.builds(Comparison, signs, ratios, st.one_of(whole, percentages)),
    st.builds(Comparison, signs, st.just(Name("funding_rate")), percentages),
    st.builds(Comparison, signs, st.sampled_from([Name("hour"), Name("weekday")]), whole),
    st.builds(
        Cross,
        st.sampled_from(["above", "below", ""]),
        formulas,
        st.one_of(formulas, whole),
        st.integers(0, 4),
    ),
    st.builds(Trend, st.sampled_from(["rising", "falling"]), formulas, st.integers(1, 4)),
    st.builds(Between, formulas, formulas, formulas),
    st.builds(Name, st.just("up"), bars_ago=st.integers(0, 3)),
)


def more_logic(inner: Wants) -> Wants:
    since = st.builds(lambda one, bars: Call("bars_since", (one, bars)), inner, window)
    return st.one_of(
        st.builds(Not, inner),
        st.builds(Held, inner, st.integers(1, 5)),
        st.builds(
            Junction, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)
        ),
        st.builds(Comparison, signs, since, whole),
    )


conditions = st.recursive(tests, more_logic, max_leaves=3)
closes = st.lists(st.integers(1, 6).map(float), min_size=1, max_size=70)


def program_of(tree: Node) -> Program:
    return good_draft(bot_text(unparse(tree), conditions=CONDITIONS, indicators=EXACT)).program


def slow_of(market: Market) -> Slow:
    def column(kind: str, timeframe_ms: int, **numbers: float) -> tuple[int, list[float]]:
        bars = market.bars if timeframe_ms == OWN_MS else market.higher[timeframe_ms]
        return timeframe_ms, [float(number) for number in registry.compute(kind)(bars.close, **numbers)[0]]

    columns = {"slow": column("sma", OWN_MS, length=4), "slow_1h": column("sma", HOUR_MS, length=2)}
    return Slow(market, columns, {"up": parse(UP)})


@given(conditions, closes)
@settings(max_examples=200, deadline=None)
def test_columns_say_what_a_bar_by_bar_reading_says(tree: Node, numbers: list[float]) -> None:
    market = market_of(numbers)
    program = replace(program_of(tree), warmup_bars=0)
    slow = slow_of(market)
    expected = [slow.verdict(tree, row) for row in range(len(numbers))]
    assert evaluate(program, market).enter_long.tolist() == expected, unparse(tree)


@given(formulas, closes)
@settings(max_examples=120, deadline=None)
def test_formulas_are_the_numbers_of_a_bar_by_bar_reading(tree: Node, numbers: list[float]) -> None:
    market = market_of(numbers)
    drafted = good_draft(
        bot_text(stop=f"\n    price: {unparse(tree)}", conditions=CONDITIONS, indicators=EXACT)
    )
    found = evaluate(replace(drafted.program, warmup_bars=0), market).stop_long
    slow = slow_of(market)
    np.testing.assert_array_equal(found, [slow.number(tree, row) for row in range(len(numbers))])


@given(conditions, closes, st.integers(0, 69))
@settings(max_examples=80, deadline=None)
def test_later_bars_never_change_an_earlier_row(tree: Node, numbers: list[float], cut: int) -> None:
    program = replace(program_of(tree), warmup_bars=0)
    known = numbers[: cut + 1]
    whole_history = evaluate(program, market_of(numbers)).enter_long
    assert evaluate(program, market_of(known)).enter_long.tolist() == whole_history[: len(known)].tolist()


@given(conditions, st.lists(st.integers(1, 6).map(float), min_size=180, max_size=200), st.integers(0, 60))
@settings(max_examples=80, deadline=None)
def test_an_earlier_start_never_changes_a_verdict_after_warm_up(
    tree: Node, numbers: list[float], start: int
) -> None:
    program = program_of(tree)
    late = evaluate(program, market_of(numbers, start)).enter_long
    early = evaluate(replace(program, warmup_bars=0), market_of(numbers)).enter_long
    warm = program.warmup_bars
    assert late[:warm].tolist() == [1] * min(warm, len(late))
    assert late[warm:].tolist() == early[start + warm :].tolist()


def test_recursive_indicators_decide_alike_after_warm_up() -> None:
    generator = np.random.default_rng(7)
    numbers = 100 * np.exp(np.cumsum(generator.normal(0, 0.01, 3000)))
    program = good_draft(
        bot_text("fast crosses above slow and rsi > 30 and slow_1h < close and adx is rising")
    ).program
    late = evaluate(program, market_of(list(numbers), 777)).enter_long
    early = evaluate(program, market_of(list(numbers))).enter_long
    warm = program.warmup_bars
    assert 0 < warm < 500
    assert (late[warm:] == 2).sum() > 10
    assert late[warm:].tolist() == early[777 + warm :].tolist()


def entered(text: str, numbers: list[float], **parts: str) -> list[int]:
    """Verdicts of entry.long without the warm-up mask, as 0, 1, 2."""
    program = replace(good_draft(bot_text(text, **parts)).program, warmup_bars=0)
    found: list[int] = evaluate(program, market_of(numbers)).enter_long.tolist()
    return found


KLEENE = {
    # `slow` needs five bars, so the first four comparisons with it are unknown
    "slow > 0": [1, 1, 1, 1, 2, 2],
    "not slow > 0": [1, 1, 1, 1, 0, 0],
    "slow > 0 or close > 0": [2, 2, 2, 2, 2, 2],
    "slow > 0 and close < 0": [0, 0, 0, 0, 0, 0],
    "slow > 0 and close > 0": [1, 1, 1, 1, 2, 2],
    "slow > 0 for 2 bars": [1, 1, 1, 1, 1, 2],
    "slow > 0 and slow > 0 for 2 bars": [1, 1, 1, 1, 1, 2],
    "close crosses above 2": [1, 0, 2, 0, 0, 0],
    "close crosses below 3": [1, 0, 0, 0, 2, 0],
    "close crosses 2": [1, 0, 2, 0, 0, 2],
    "close crosses 2 within last 2 bars": [1, 1, 2, 2, 0, 2],
    "close is rising": [1, 2, 2, 0, 0, 0],
    "close is rising for 2 bars": [1, 1, 2, 0, 0, 0],
    "close is falling": [1, 0, 0, 0, 2, 2],
    "bars_since(close > 2, 4) <= 1": [1, 1, 2, 2, 2, 0],
    "bars_since(close > 2, 2) == 2": [1, 2, 0, 0, 0, 2],
    "bars_since(slow > 0, 3) == 0": [1, 1, 1, 1, 2, 2],
    "close / (close - 3) > 0": [0, 0, 1, 1, 0, 0],
    "hour == 0": [2, 2, 0, 0, 0, 0],
    "weekday == 0": [2, 2, 2, 2, 2, 2],
    "close@1h > 0": [1, 1, 1, 1, 1, 2],
    "slow != 2": [1, 1, 1, 1, 2, 2],
    "close == 3": [0, 0, 2, 2, 0, 0],
    "close between 2 and 3": [0, 2, 2, 2, 2, 0],
}


@pytest.mark.parametrize(("text", "expected"), KLEENE.items())
def test_verdicts_by_hand(text: str, expected: list[int]) -> None:
    assert entered(text, [1, 2, 3, 3, 2, 1]) == expected


def test_a_touch_and_then_a_break_is_one_cross() -> None:
    assert entered("close crosses above 2", [1, 2, 2, 3, 2, 3]) == [1, 0, 0, 2, 0, 2]


def test_longer_bars_are_counted_in_their_own_bars() -> None:
    # Hours close at rows 1 (incomplete, dropped), 5, 9, 13, …; the last of them is what a row sees.
    numbers = [float(number) for number in range(1, 19)]
    assert entered("close@1h[1] == 6", numbers) == [1] * 9 + [2] * 4 + [0] * 4 + [0]
    assert entered("close@1h is rising for 2 bars", numbers) == [1] * 13 + [2] * 5
    assert entered("close crosses above close@1h", numbers)[5:10] == [1, 2, 0, 0, 0]


def test_funding_rate_is_known_from_its_settlement_on() -> None:
    # Settlements at the opens of rows 3, 7, 11: −0.1%, 0%, 0.1%; row 2 closes at the first.
    assert entered("funding_rate < 0%", [1.0] * 12) == [1, 1, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0]


def test_mark_price_falls_back_to_the_last_close() -> None:
    assert entered("mark_price == close", [1.0] * 9) == [2, 0, 0, 0, 0, 0, 0, 2, 0]
    program = good_draft(bot_text("mark_price == close")).program
    assert evaluate(program, replace(market_of([1.0] * 3), mark=None)).enter_long.tolist() == [2, 2, 2]


def test_market_without_funding_knows_no_rate() -> None:
    program = replace(good_draft(bot_text("funding_rate < 0%")).program, warmup_bars=0)
    assert evaluate(program, replace(market_of([1.0] * 3), funding=None)).enter_long.tolist() == [1, 1, 1]


def test_an_empty_market_has_no_rows() -> None:
    exits = "  trailing_stop: {distance: 3 * atr}\n  when: {long: close < slow and bars_in_trade > 3}\n"
    text = (
        "slow_1h is rising for 2 bars and close crosses above average(close, 9) and bars_since(close > 3) < 3"
    )
    program = good_draft(bot_text(text, exits=exits)).program
    market = replace(market_of([1.0]), bars=bars_of([]), mark=None, higher={HOUR_MS: bars_of([], 0, HOUR_MS)})
    rows = evaluate(program, market)
    assert (len(rows.enter_long), rows.slots.shape) == (0, (2, 0))


def test_distances_are_unknown_in_the_warm_up_and_shared_by_both_sides() -> None:
    exits = "  trailing_stop: {distance: 1%}\n"
    program = good_draft(bot_text("close > slow", stop="{distance: 2 * slow}", exits=exits)).program
    rows = evaluate(program, market_of([3.0] * 7))
    assert program.warmup_bars == 4
    assert np.isnan(rows.stop_long[:4]).all()
    assert rows.stop_long[4:].tolist() == rows.stop_short[4:].tolist() == [6.0, 6.0, 6.0]
    assert rows.trail_distance[4:].tolist() == [0.01] * 3
    assert rows.enter_short.tolist() == [0] * 7
    assert rows.slots.shape == (1, 7)
    assert rows.slots.flags.c_contiguous


def test_market_arrays_are_left_alone() -> None:
    program = good_draft(bot_text("close > slow", stop="{price: low}")).program
    market = market_of([3.0, 2.0, 1.0, 4.0, 5.0, 6.0])
    before = market.bars.low.copy()
    rows = evaluate(program, market)
    assert np.isnan(rows.stop_long[0])
    assert market.bars.low.tolist() == before.tolist()


def test_one_indicator_is_computed_once() -> None:
    calls: list[str] = []

    def counting(kind: str) -> Callable[..., tuple[Floats, ...]]:
        def computed(*inputs: Any, **numbers: Any) -> tuple[Floats, ...]:
            calls.append(kind)
            return registry.compute(kind)(*inputs, **numbers)

        return computed

    emas = "  one: {kind: ema, length: 3}\n  two: {kind: ema, length: 3}\n"
    indicators = emas + "  bands: {kind: bollinger, length: 4}\n"
    text = "one > 3 and two > 3 and bands.upper > one and bands.lower[1] < two"
    program = good_draft(bot_text(text, indicators=indicators)).program
    evaluate(program, market_of([3.0] * 9), compute=counting)
    assert sorted(calls) == ["bollinger", "ema"]


def test_long_windows_equal_their_definition() -> None:
    generator = np.random.default_rng(3)
    column = generator.integers(1, 50, 400).astype(np.float64)
    text = "highest(close, 97) - lowest(close, 64) > average(close, 100) - 31"
    verdicts = entered(text, list(column))
    for row in range(99, 400):
        top, bottom = column[row - 96 : row + 1].max(), column[row - 63 : row + 1].min()
        mean = column[row - 99 : row + 1].sum() / 100
        assert verdicts[row] == (2 if top - bottom > mean - 31 else 0)
    assert not math.isnan(verdicts[0])
    assert set(verdicts[:96]) == {1}


def test_longer_timeframes_are_listed_for_the_loader() -> None:
    drafted = good_draft(bot_text("close@4h > slow_1h and funding_rate < 1% and mark_price > 3"))
    assert drafted.timeframes == (HOUR_MS, FOUR_HOURS_MS)
    assert (drafted.needs_funding, drafted.needs_mark_price) == (True, True)
