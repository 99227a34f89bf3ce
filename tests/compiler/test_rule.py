"""Meaning: which units go together, which names exist where, and what is said when not."""

import pytest
from bot_texts import bot_text, document_of, drafted, good_draft
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.registry import REGISTRY
from runner.bot.codes import CODES
from runner.bot.names import RESERVED
from runner.compiler.draft import draft
from runner.compiler.expression import KEYWORDS
from runner.compiler.names import BAR_COLUMNS, FACTS, FUNCTIONS, MARKET_COLUMNS, REGISTRY_UNITS

ACCEPTED = [
    "close > open",
    "close > 30000",
    "rsi > $level",
    "rsi crosses above 30",
    "30 crosses below rsi",
    "funding_rate > 0.05%",
    "funding_rate between -5 bps and 5 bps",
    "change(funding_rate, 3) < 1 bps",
    "move > 0.05",
    "move > 5%",
    "(close - open) / open > 2%",
    "close / open > 1.02",
    "close > open * 1.02",
    "close > open * 102%",
    "close > open * (100% + 2%)",
    "close - open > 2.5 * atr",
    "atr / close < 0.5%",
    "abs(close - open) > atr",
    "max(open, close, 30000) > bands.upper",
    "min(move, 2%) > 1%",
    "volume > 2 * average(volume, 3)",
    "volume > 2 * mean_volume",
    "flow > 0",
    "close * volume > 1000000",
    "close * volume / volume > close",
    "bands.position > 1",
    "bands.width < 10%",
    "trend > close",
    "trend.direction == 1",
    "adx > 20 and adx.plus_di > adx.minus_di",
    "hour >= 8 and weekday < 5",
    "hour between 8 and 16",
    "bars_since(close > open) < 5",
    "bars_since(close > open and rsi > 30, 50) / 2 < 5",
    "bars_since(close > open) * atr > 0",
    "close > highest(high, $level)",
    "close@1h > slow_1h",
    "slow_1h[1] is rising for 3 bars",
    "close@4h[2] > close",
    "mark_price > close",
    "rsi / 2 > 10",
    "100 - rsi > 10",
    "rsi * 2 - adx > 10",
    "(rsi + adx) / 2 between 10 and 90",
    "-move > 1%",
    "(close > open) for 3 bars",
    "not (close > open and rsi > 3) and close > 2",
    "$level > 3",
]

# text: column, length, code, fragment of message or hint
REFUSED = {
    "funding_rate > 0.0005": (1, 21, "rule/type", "0.0005 is 0.05%"),
    "0.0005 < funding_rate": (1, 21, "rule/type", "0.0005 is 0.05%"),
    "funding_rate > $level": (1, 21, "rule/type", "written with its unit"),
    "funding_rate + 1 > 0.05%": (1, 16, "rule/type", "written with its unit"),
    "1 + 2% > move": (1, 6, "rule/type", "written with its unit"),
    "close > 2%": (1, 10, "rule/type", "divide prices first"),
    "close + 2% > open": (1, 10, "rule/type", "close * 102%"),
    "rsi > 30%": (1, 9, "rule/type", "plain number"),
    "close > rsi": (1, 11, "rule/type", "price"),
    "close crosses above rsi": (1, 23, "rule/type", "price"),
    "rsi between close and 70": (1, 24, "rule/type", "price"),
    "close between 2% and open": (1, 25, "rule/type", "divide prices first"),
    "close > volume": (1, 14, "rule/type", "'close' (a price) and 'volume' (a volume)"),
    "close + volume > 3": (1, 14, "rule/type", "no meaning"),
    "close * open > 3": (1, 12, "rule/type", "no meaning"),
    "rsi * close > 3": (1, 11, "rule/type", "no meaning"),
    "1 / close > 3": (1, 9, "rule/type", "close / close"),
    "hour + 1 > 3": (1, 8, "rule/type", "no meaning"),
    "hour > rsi": (1, 10, "rule/type", "cannot be compared"),
    "move > hour": (1, 11, "rule/type", "cannot be compared"),
    "close > 2R": (1, 10, "rule/type", "open_profit > 2R"),
    "2R > 1R": (1, 7, "rule/type", "open_profit > 2R"),
    "max(close, rsi) > 3": (1, 15, "rule/type", "price"),
    "min(move, close > open) > 3": (11, 12, "rule/type", "is a condition"),
    "up + 1 > 3": (1, 2, "rule/type", "is a condition"),
    "up crosses above 3": (1, 2, "rule/type", "is a condition"),
    "up.x": (1, 4, "rule/type", "write 'up'"),
    "rsi": (1, 3, "rule/not-a-condition", "compare it: 'rsi > 30'"),
    "close": (1, 5, "rule/not-a-condition", "crosses above"),
    "close > open and rsi": (18, 3, "rule/not-a-condition", "rsi > 30"),
    "not close + open": (5, 12, "rule/not-a-condition", "a price"),
    "close - open for 3 bars": (1, 12, "rule/not-a-condition", "close - open"),
    "2 + 3": (1, 5, "rule/not-a-condition", "a number"),
    "bars_since(rsi) > 3": (12, 3, "rule/not-a-condition", "rsi > 30"),
    "closee > open": (1, 6, "rule/unknown-name", "did you mean 'close'?"),
    "close > fsat": (9, 4, "rule/unknown-name", "did you mean 'fast'?"),
    "rsi > $levle": (7, 6, "rule/unknown-name", "did you mean '$level'?"),
    "rsi > $x": (7, 2, "rule/unknown-name", "declared are: $level"),
    "rsi > level": (7, 5, "rule/unknown-name", "a parameter is written $level"),
    "zzz > 3": (1, 3, "rule/unknown-name", "declare it under"),
    "macd > 3": (1, 4, "rule/unknown-name", "kind: macd"),
    "highest > 3": (1, 7, "rule/unknown-name", "highest(high, 20)"),
    "high_est(high, 3) > 3": (1, 17, "rule/unknown-name", "did you mean 'highest'?"),
    "ema(close, 3) > 3": (1, 13, "rule/unknown-name", "declared, not called"),
    "close(1) > 3": (1, 8, "rule/unknown-name", "close[1]"),
    "close.x > 3": (1, 7, "rule/unknown-name", "no outputs"),
    "bands > close": (1, 5, "rule/output", "bands.upper"),
    "bands.uper > close": (1, 10, "rule/output", "did you mean 'upper'?"),
    "close@15m > open": (1, 9, "rule/timeframe", "own timeframe"),
    "close@5m > open": (1, 8, "rule/timeframe", "shorter"),
    "close@7h > open": (1, 8, "rule/timeframe", "not a timeframe"),
    "fast@1h > open": (1, 7, "rule/timeframe", "timeframe: 1h"),
    "hour@4h > 3": (1, 7, "rule/timeframe", "no other timeframe"),
    "abs(close, 2) > 3": (1, 13, "rule/arguments", "takes 1 argument, not 2"),
    "min(close) > 3": (1, 10, "rule/arguments", "min(open, close)"),
    "highest(close, open) > 3": (16, 4, "rule/arguments", "whole number of bars"),
    "highest(close, 2%) > 3": (16, 2, "rule/arguments", "whole number of bars"),
    "highest(close, 2.5) > 3": (16, 3, "rule/arguments", "2.5 is not a number of bars"),
    "highest(close, 0) > 3": (16, 1, "rule/arguments", "from 1 to 5000"),
    "average(3, 3) > 3": (9, 1, "rule/constant", "same on every bar"),
    "3 crosses above $level": (1, 22, "rule/constant", "never cross"),
    "$level is rising": (1, 16, "rule/constant", "never rises"),
    "close / 0 > 3": (9, 1, "rule/division", "divides by zero"),
    "close / (1 - 1) > 3": (10, 5, "rule/division", "divides by zero"),
    "bars_in_trade > 3": (1, 13, "rule/exit-only", "exit.when"),
    "close > open and open_profit > 2R": (18, 11, "rule/exit-only", "exit.when"),
    "late": (1, 4, "rule/exit-only", "'late' reads bars_in_trade"),
    "position == 1": (1, 8, "rule/exit-only", "exit.when"),
}

EXITS_ACCEPTED = [
    "bars_in_trade >= 480",
    "480 <= bars_in_trade",
    "bars_in_trade between 3 and $level",
    "open_profit > 2R",
    "open_profit < -1.5R",
    "open_profit >= 2%",
    "open_profit < -move",
    "position == 1 and close > open",
    "position == -1",
    "not (open_profit > 2R or close > open)",
    "late and rsi > 30",
    "bars_in_trade > bars_since(close > open)",
    "bars_in_trade > 2 * bars_since(close@1h > slow_1h)",
]

EXITS_REFUSED = {
    "bars_in_trade + 1 > 3": (1, 13, "rule/fact", "can only be compared"),
    "-open_profit > 2%": (2, 11, "rule/fact", "can only be compared"),
    "open_profit crosses above 2%": (1, 11, "rule/fact", "can only be compared"),
    "open_profit is rising": (1, 11, "rule/fact", "can only be compared"),
    "highest(open_profit, 3) > 2%": (9, 11, "rule/fact", "can only be compared"),
    "open_profit[1] > 2%": (1, 14, "rule/fact", "only the present"),
    "open_profit > bars_in_trade": (1, 27, "rule/fact", "two facts"),
    "open_profit > 2": (1, 15, "rule/type", "open_profit > 2% or open_profit > 2R"),
    "open_profit > close": (1, 19, "rule/type", "cannot be compared"),
    "bars_in_trade > 2R": (1, 18, "rule/type", "R compares with open_profit only"),
    "bars_in_trade > close": (1, 21, "rule/type", "cannot be compared"),
    "bars_in_trade": (1, 13, "rule/not-a-condition", "bars_in_trade >= 20"),
    "open_profit": (1, 11, "rule/not-a-condition", "open_profit > 2R"),
    "open_profit > 2R for 3 bars": (1, 27, "rule/fact", "earlier bars"),
    "late[1]": (1, 7, "rule/fact", "earlier bars"),
    "bars_since(late) > 3": (12, 4, "rule/fact", "use bars_in_trade"),
    "position == long": (13, 4, "rule/unknown-name", "position is 1 when long"),
}

CONDITIONS = "  up: close > open\n  late: bars_in_trade > 20\n"


@pytest.mark.parametrize("text", ACCEPTED)
def test_condition_is_accepted(text: str) -> None:
    _, problems = drafted(bot_text(text, conditions=CONDITIONS))
    assert problems == []


@pytest.mark.parametrize("text", EXITS_ACCEPTED)
def test_exit_condition_is_accepted(text: str) -> None:
    exits = f"  when:\n    long: {text}\n"
    _, problems = drafted(bot_text(conditions=CONDITIONS, exits=exits))
    assert problems == []


@pytest.mark.parametrize(("text", "expected"), REFUSED.items())
def test_condition_is_refused_at_its_place(text: str, expected: tuple[int, int, str, str]) -> None:
    check_refusal(bot_text(text, conditions=CONDITIONS), text, expected)


@pytest.mark.parametrize(("text", "expected"), EXITS_REFUSED.items())
def test_exit_condition_is_refused_at_its_place(text: str, expected: tuple[int, int, str, str]) -> None:
    check_refusal(bot_text(conditions=CONDITIONS, exits=f"  when:\n    long: {text}\n"), text, expected)


def check_refusal(document: str, text: str, expected: tuple[int, int, str, str]) -> None:
    column, length, code, fragment = expected
    made, problems = drafted(document)
    assert made is None
    assert len(problems) == 1, problems
    found = problems[0]
    line = document.split("\n")[found.span.line - 1]
    start = line.index(text)
    assert (found.span.column - start, found.span.length, found.code) == (column, length, code), found
    assert fragment in f"{found.message} | {found.hint}", found
    assert found.code in CODES


def test_all_faults_of_one_text_are_told() -> None:
    _, problems = drafted(bot_text("closee > opne and rsi > $levl and vol > 2"))
    assert [found.span.column for found in problems] == [9, 18, 33, 43]


def test_a_circle_of_conditions_is_told_once() -> None:
    conditions = "  one: two and close > 1\n  two: three for 2 bars\n  three: not one\n"
    _, problems = drafted(bot_text("one", conditions=conditions))
    assert [(found.code, found.message) for found in problems] == [
        ("rule/cycle", "'one' is defined by itself")
    ]


def test_conditions_that_expand_beyond_reason_are_refused_at_once() -> None:
    last = "  c60: close > open\n"
    doubling = "".join(f"  c{at}: c{at + 1} and not c{at + 1}\n" for at in range(60))
    _, problems = drafted(bot_text("c0", conditions=doubling + last))
    assert {found.code for found in problems} == {"rule/too-complex"}
    chain = "".join(f"  c{at}: not c{at + 1}\n" for at in range(60))
    _, problems = drafted(bot_text("c0", conditions=chain + last))
    assert {found.code for found in problems} == {"rule/too-complex"}
    circle = "".join(f"  c{at}: {'not ' * 20}c{(at + 1) % 99}\n" for at in range(99))
    _, problems = drafted(bot_text("c0", conditions=circle))
    assert {found.code for found in problems} == {"rule/too-complex", "rule/cycle"}


def test_conditions_may_be_used_before_they_are_written() -> None:
    conditions = "  one: {any: [two, close > 1]}\n  two: close > open\n"
    assert good_draft(bot_text("one", conditions=conditions)).program.warmup_bars == 0


def test_unused_conditions_are_judged_and_cost_no_warm_up() -> None:
    faulty, _ = drafted(bot_text(conditions="  unused: close > 2%\n"))
    assert faulty is None
    fine = good_draft(bot_text(conditions="  unused: close@4h > highest(close@4h, 100)\n"))
    assert (fine.program.warmup_bars, fine.timeframes) == (0, ())


WORDS = (
    "close",
    "rsi",
    "fast",
    "bands",
    "bands.upper",
    "close@4h",
    "slow_1h[1]",
    "$level",
    "up",
    "late",
    "zzz",
)
SIGNS = ("+", "-", "*", "/", ">", "==", "(", ")", ",", "[1]", "3", "0", "5%", "2R", "funding_rate", "hour")
FACTS_AND_CALLS = ("open_profit", "bars_in_trade", "highest(", "bars_since(", "min(", "abs(", "crossover(")
pieces = st.sampled_from((*WORDS, *SIGNS, *FACTS_AND_CALLS, "for 3 bars", *sorted(KEYWORDS)))
formulas = st.sampled_from(
    ("close", "rsi", "3", "move", "5%", "highest(close, 3)", "open_profit", "2R", "up", "zz")
)
operators = st.sampled_from((">", "crosses", "between 3 and", "+", "* rsi /"))
tests = st.one_of(
    st.tuples(formulas, operators, formulas).map(" ".join),
    st.lists(pieces, min_size=1, max_size=9).map(" ".join),
)


@given(tests, st.sampled_from(["and", "or", "for 3 bars and not"]), tests, st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_text_gives_a_program_or_faults_inside_it(one: str, word: str, other: str, exits: bool) -> None:
    text = f"({one}) {word} ({other})"
    document, source = document_of(bot_text(conditions=CONDITIONS))
    if exits:
        when = document.exit.when.model_copy(update={"long": text})
        tried = document.model_copy(update={"exit": document.exit.model_copy(update={"when": when})})
    else:
        tried = document.model_copy(update={"entry": document.entry.model_copy(update={"long": text})})
    made, problems = draft(tried, source)
    assert (made is None) == bool(problems)
    for found in problems:
        assert found.code in CODES
        assert found.message
        assert found.hint


def test_fault_inside_quotes_points_at_the_text() -> None:
    document = bot_text('"close > 2%"')
    _, problems = drafted(document)
    line = document.split("\n")[problems[0].span.line - 1]
    assert line[problems[0].span.column - 1] in '"c'


def test_names_agree_with_those_the_reader_keeps_free() -> None:
    assert {*BAR_COLUMNS, *MARKET_COLUMNS, *FACTS, *FUNCTIONS, *KEYWORDS} <= RESERVED


def test_every_unit_of_the_registry_is_known() -> None:
    written = {output.unit for indicator in REGISTRY.values() for output in indicator.outputs}
    assert written <= {*REGISTRY_UNITS, "input"}
