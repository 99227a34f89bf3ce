"""Building: every field of the plan from the document, exit programs, and warm-up."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from bot_texts import bot_text, document_of, drafted, good_draft
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import FOUR_HOURS_MS, OWN_MS, market_of

from indicators.registry import REGISTRY
from runner.bot.canonical import apply_overrides
from runner.compiler.build import Compiled, build
from runner.compiler.columns import Rows, evaluate
from runner.compiler.draft import Draft
from runner.domain.bar import FALSE, SLOTS_MAX, TRUE, UNKNOWN
from runner.domain.instrument import BRACKETS_MAX, NO_BRACKET, Bracket, Instrument
from runner.domain.plan import (
    ABSENT,
    AFTER_EXIT,
    AFTER_LOSS,
    AFTER_LOSSES,
    AFTER_STOP,
    BLOCK,
    BY_DISTANCE,
    BY_PRICE,
    BY_R,
    BY_RATIO,
    CMP_EQ,
    CMP_GE,
    CMP_GT,
    CMP_LE,
    CMP_LT,
    FACT_BARS_IN_TRADE,
    FACT_POSITION,
    FACT_PROFIT_R,
    FACT_PROFIT_RATIO,
    FLATTEN,
    HALT,
    NO_COOLDOWN,
    NO_STEP,
    NO_TARGET,
    SIZE_EQUITY,
    SIZE_NOTIONAL,
    SIZE_QUANTITY,
    SIZE_RISK,
    STEP_AND,
    STEP_COMPARE,
    STEP_NOT,
    STEP_OR,
    STEP_SLOT,
    STEPS_MAX,
    BreakEven,
    Cooldown,
    Costs,
    EntryOrder,
    Limits,
    Sizing,
    Step,
    StopRule,
    Target,
    Trailing,
)

INSTRUMENT = Instrument(0.1, 0.001, 0.001, 1000.0, 120.0, 100.0, 0.0125)
BRACKETS = (Bracket(50_000.0, 0.004, 0.0, 125.0), Bracket(600_000.0, 0.005, 50.0, 100.0))

FULL = """\
version: 1
name: full
market: {symbol: BTC/USDT:USDT, timeframe: 15m, leverage: 3}
parameters:
  fast: {default: 3, min: 2, max: 9}
indicators:
  fast: {kind: ema, length: $fast}
  atr: {kind: atr, length: 4}
entry:
  long: close crosses above fast
  short: close crosses below fast
  order: {type: limit, offset: 5 bps, expires: 3 bars, post_only: true}
size:
  risk: 0.75% of equity
  max_notional: 150% of equity
exit:
  stop_loss: {distance: 2.5 * atr, trigger: last}
  take_profit:
    - {at: 1.5R, close: 40%}
    - {at: 3%, close: 30%, type: market}
  break_even: {at: 1R, offset: 0.1%}
  trailing_stop: {start_at: 2R, distance: 3 * atr}
  time_stop: 480 bars
  reverse: false
limits:
  daily_loss: {max: 3% of equity, then: block}
  max_drawdown: {max: 15%}
  cooldown:
    - {after: stop_loss, wait: 4 bars}
    - {after: 3 losses in a row, wait: 12h}
    - {after: exit, wait: 1 bar}
    - {after: loss, wait: 30m}
  trades_per_day: 6
costs: {maker: 0.01%, taker: 0.04%, slippage: {fixed: 3 bps, impact: 0.1}}
backtest: {capital: 5000 USDT, limit_fill: touch}
"""


def compiled(text: str) -> Compiled:
    made, problems = build(*document_of(text), INSTRUMENT, BRACKETS)
    assert made is not None, problems
    return made


def test_every_field_of_the_plan_comes_from_the_document() -> None:
    plan = compiled(FULL).plan
    assert plan.instrument == INSTRUMENT
    assert plan.brackets == (*BRACKETS, *[NO_BRACKET] * (BRACKETS_MAX - 2))
    assert plan.costs == Costs(0.0001, 0.0004, 0.0003, 0.1)
    assert plan.sizing == Sizing(SIZE_RISK, 0.0075, 3.0, 1.5, 0.0)
    assert plan.entry == EntryOrder(True, 0.0005, 3, True, False)
    assert plan.stop == StopRule(BY_DISTANCE, False)
    first, second = Target(BY_R, 1.5, 0.4, False), Target(BY_RATIO, 0.03, 0.3, True)
    assert plan.targets == (first, second, NO_TARGET, NO_TARGET)
    assert plan.break_even == BreakEven(BY_R, 1.0, 0.001)
    assert plan.trailing == Trailing(BY_DISTANCE, BY_R, 2.0)
    assert plan.time_stop_bars == 480
    assert plan.exit_long == plan.exit_short == (NO_STEP,) * STEPS_MAX
    pauses = (
        Cooldown(AFTER_STOP, 0, 4 * OWN_MS),
        Cooldown(AFTER_LOSSES, 3, 12 * 3_600_000),
        Cooldown(AFTER_EXIT, 0, OWN_MS),
        Cooldown(AFTER_LOSS, 0, 1_800_000),
    )
    assert plan.limits == Limits(0.03, 0.0, BLOCK, 0.15, HALT, 6, pauses)
    assert (plan.timeframe_ms, plan.capital_usdt, plan.fill_on_touch) == (OWN_MS, 5000.0, True)


def test_what_a_document_leaves_out_is_absent_in_the_plan() -> None:
    plan = compiled(bot_text()).plan
    assert plan.sizing == Sizing(SIZE_EQUITY, 0.5, 1.0, 0.0, 0.0)
    assert plan.entry == EntryOrder(False, 0.0, 1, False, False)
    assert plan.stop == StopRule(BY_RATIO, True)
    assert plan.targets == (NO_TARGET,) * 4
    assert plan.break_even == BreakEven(ABSENT, 0.0, 0.0)
    assert plan.trailing == Trailing(ABSENT, ABSENT, 0.0)
    assert plan.time_stop_bars == 0
    assert plan.limits == Limits(0.0, 0.0, 0, 0.0, 0, 0, (NO_COOLDOWN,) * 4)
    assert plan.costs == Costs(0.0002, 0.0005, 0.0002, 0.0)
    assert not plan.fill_on_touch


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{notional: 500 USDT, max_notional: 800 USDT}", Sizing(SIZE_NOTIONAL, 500.0, 3.0, 0.0, 800.0)),
        ("{quantity: 0.01 BTC}", Sizing(SIZE_QUANTITY, 0.01, 3.0, 0.0, 0.0)),
    ],
)
def test_other_sizes(written: str, expected: Sizing) -> None:
    size = "size:\n  risk: 0.75% of equity\n  max_notional: 150% of equity\n"
    assert compiled(FULL.replace(size, f"size: {written}\n")).plan.sizing == expected


def test_sums_of_money_limit_the_day() -> None:
    limits = compiled(FULL.replace("{max: 3% of equity, then: block}", "{max: 300 USDT}")).plan.limits
    assert (limits.daily_loss_ratio, limits.daily_loss_usdt, limits.daily_loss_action) == (
        0.0,
        300.0,
        FLATTEN,
    )


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("2%", BY_RATIO),
        ("{distance: 20 bps}", BY_RATIO),
        ("{distance: 2.5 * atr}", BY_DISTANCE),
        ("{distance: 2 * atr / close}", BY_RATIO),
        ("{distance: 100 bps + 1%}", BY_RATIO),
        ("{price: bands.lower}", BY_PRICE),
        ("{price: slow_1h}", BY_PRICE),
    ],
)
def test_stops_are_ratios_distances_or_prices(written: str, kind: int) -> None:
    made = good_draft(bot_text(stop=written))
    assert made.stop_kind == kind
    rows = evaluate(replace(made.program, warmup_bars=0), market_of([3.0, 4.0] * 10))
    assert not np.isnan(rows.stop_long[-1])


def steps_of(text: str) -> tuple[Step, ...]:
    made = good_draft(bot_text(exits=f"  when:\n    long: {text}\n", conditions="  up: close > open\n"))
    return tuple(step for step in made.exit_long if step != NO_STEP)


def slot(at: int) -> Step:
    return Step(STEP_SLOT, 0, 0, at)


def fact(name: int, compare: int, at: int) -> Step:
    return Step(STEP_COMPARE, name, compare, at)


AND, OR, NOT = Step(STEP_AND, 0, 0, 0), Step(STEP_OR, 0, 0, 0), Step(STEP_NOT, 0, 0, 0)
PROGRAMS = {
    "close > open and rsi > 3": (slot(0),),
    "bars_in_trade >= 5": (fact(FACT_BARS_IN_TRADE, CMP_GE, 0),),
    "5 < bars_in_trade": (fact(FACT_BARS_IN_TRADE, CMP_GT, 0),),
    "open_profit > 2R": (fact(FACT_PROFIT_R, CMP_GT, 0),),
    "open_profit < 2%": (fact(FACT_PROFIT_RATIO, CMP_LT, 0),),
    "position == 1": (fact(FACT_POSITION, CMP_EQ, 0),),
    "not bars_in_trade > 5": (fact(FACT_BARS_IN_TRADE, CMP_GT, 0), NOT),
    "bars_in_trade between 2 and 5": (
        fact(FACT_BARS_IN_TRADE, CMP_GE, 0),
        fact(FACT_BARS_IN_TRADE, CMP_LE, 1),
        AND,
    ),
    "up and open_profit > 2R and rsi > 3": (slot(0), fact(FACT_PROFIT_R, CMP_GT, 1), AND),
    "open_profit > 2R or bars_in_trade > 2 or up": (
        slot(0),
        fact(FACT_PROFIT_R, CMP_GT, 1),
        OR,
        fact(FACT_BARS_IN_TRADE, CMP_GT, 2),
        OR,
    ),
    "not (up or bars_in_trade > 2)": (slot(0), fact(FACT_BARS_IN_TRADE, CMP_GT, 1), OR, NOT),
}


@pytest.mark.parametrize(("text", "expected"), PROGRAMS.items())
def test_exit_rules_become_postfix_steps(text: str, expected: tuple[Step, ...]) -> None:
    assert steps_of(text) == expected


def test_both_sides_share_slots() -> None:
    sides = "    long: close > open or bars_in_trade > 9\n    short: close > open and open_profit > 1R\n"
    exits = f"  when:\n{sides}"
    made = good_draft(bot_text(exits=exits))
    assert len(made.program.slots) == 3
    assert made.exit_long[0] == made.exit_short[0] == slot(0)


MARKET_PARTS = ["close > 3", "close > open", "close is rising"]
FACT_PARTS = ["bars_in_trade > 3", "open_profit > 1%", "position == 1"]
leaf = st.sampled_from([*MARKET_PARTS, *FACT_PARTS])
trees = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds(lambda one: f"not ({one})", inner),
        st.builds(
            lambda one, word, other: f"({one}) {word} ({other})", inner, st.sampled_from(["and", "or"]), inner
        ),
    ),
    max_leaves=5,
)


@given(trees)
@settings(max_examples=30, deadline=None)
def test_steps_give_the_verdict_of_the_text_for_every_truth_of_its_parts(text: str) -> None:
    """Each fact is replaced by a market test of the same truth; both must decide alike."""
    made = good_draft(bot_text(exits=f"  when:\n    long: {text}\n"))
    rows = evaluate(replace(made.program, warmup_bars=0), market_of([1.0, 5.0, 3.0, 3.0, 4.0]))
    for truths in product((FALSE, UNKNOWN, TRUE), repeat=3):
        facts = dict(zip((FACT_BARS_IN_TRADE, FACT_PROFIT_RATIO, FACT_POSITION), truths, strict=True))
        plain = text
        for part, truth in zip(FACT_PARTS, truths, strict=True):
            plain = plain.replace(part, ("close < 0", "slow_1h > 0", "close > 0")[truth])
        wanted = good_draft(bot_text(plain)).program
        expected = evaluate(replace(wanted, warmup_bars=0), market_of([1.0, 5.0, 3.0, 3.0, 4.0])).enter_long
        assert [run_steps(made, rows, row, facts) for row in range(5)] == expected.tolist()


def run_steps(made: Draft, rows: Rows, row: int, facts: dict[int, int]) -> int:
    stack: list[int] = []
    for step in made.exit_long:
        if step.op == STEP_SLOT:
            stack.append(int(rows.slots[step.slot, row]))
        elif step.op == STEP_COMPARE:
            stack.append(facts[step.fact])
        elif step.op == STEP_NOT:
            stack.append(2 - stack.pop())
        elif step.op in (STEP_AND, STEP_OR):
            right, left = stack.pop(), stack.pop()
            stack.append(min(left, right) if step.op == STEP_AND else max(left, right))
    (verdict,) = stack
    return verdict


def test_too_many_slots_are_refused() -> None:
    tests = " or ".join(f"bars_in_trade > {number}" for number in range(SLOTS_MAX + 1))
    made, problems = drafted(bot_text(exits=f"  when:\n    short: {tests}\n"))
    assert made is None
    assert [(found.code, found.path) for found in problems] == [
        ("rule/too-complex", ("exit", "when", "short"))
    ]


WARM_UP = {
    "close > open": 0,
    "close[3] > open": 3,
    "close crosses above open[3]": 4,
    "close is rising for 3 bars": 3,
    "close > open for 3 bars": 2,
    "close crosses above open within last 3 bars": 3,
    "close > highest(high, 20)": 19,
    "change(close, 5) > 3": 5,
    "bars_since(close > open) > 3": 499,
    "bars_since(close[1] > open, 10) > 3": 10,
    "slow > close": 4,
    "slow[2] crosses above close": 7,
    "funding_rate > 1%": 32,
    # Longer bars: one may be half over at the start, one is forming now.
    "close@1h > close": 8,
    "close@1h[1] > close": 12,
    "slow_1h > 3": 16,
    "slow_1h is rising for 3 bars": 28,
    "slow_1h > 3 for 3 bars": 18,
    "highest(close@4h, 3) > close": 64,
}


@pytest.mark.parametrize(("text", "bars"), WARM_UP.items())
def test_warm_up_is_computed(text: str, bars: int) -> None:
    assert good_draft(bot_text(text)).program.warmup_bars == bars


def test_warm_up_covers_what_an_indicator_remembers() -> None:
    memory = REGISTRY["ema"].memory_bars({"length": 3})
    assert good_draft(bot_text("fast > close")).program.warmup_bars == memory
    assert good_draft(bot_text(stop="{distance: 2 * atr}")).program.warmup_bars > memory


def test_parameters_are_read_from_the_document() -> None:
    document, source = document_of(FULL)
    other, problems = apply_overrides(document, {"fast": 8})
    assert problems == []
    one, _ = build(document, source, INSTRUMENT, BRACKETS)
    two, _ = build(other, source, INSTRUMENT, BRACKETS)
    assert one is not None
    assert two is not None
    assert dict(one.program.calls[0].settings) == {"length": 3}
    assert dict(two.program.calls[0].settings) == {"length": 8}
    assert one.bot_hash != two.bot_hash


def test_a_parameter_out_of_range_stops_the_build() -> None:
    document, source = document_of(FULL)
    broken = document.parameters["fast"].model_copy(update={"default": 0})
    made, problems = build(
        document.model_copy(update={"parameters": {"fast": broken}}), source, INSTRUMENT, BRACKETS
    )
    assert made is None
    assert {found.severity for found in problems} == {"error"}


def test_faults_in_rules_stop_the_build() -> None:
    made, problems = build(*document_of(bot_text("close > 2%")), INSTRUMENT, BRACKETS)
    assert made is None
    assert [found.code for found in problems] == ["rule/type"]


def test_one_bot_has_one_hash_however_it_is_spelled() -> None:
    spelled = FULL.replace("close crosses above fast", "crossover(close,fast)").replace("5 bps", "0.05%")
    assert compiled(FULL).bot_hash == compiled(spelled).bot_hash
    other = FULL.replace("close crosses above fast", "close crosses above fast[1]")
    assert compiled(FULL).bot_hash != compiled(other).bot_hash


def test_building_twice_gives_equal_values() -> None:
    one, two = compiled(FULL), compiled(FULL)
    assert (one.plan, one.program, one.bot_hash) == (two.plan, two.program, two.bot_hash)
    assert hash(one.plan) == hash(two.plan)


def test_compiled_tells_what_data_it_needs() -> None:
    made = compiled(bot_text("close@4h > open and funding_rate < 1%"))
    assert (made.timeframes, made.needs_funding, made.needs_mark_price) == ((FOUR_HOURS_MS,), True, False)
    assert made.warmup_bars == 32
