"""Why: every node of the rules at one bar, with its numbers and its verdict."""

import numpy as np
from bot_texts import bot_text, good_draft
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import market_of

from runner.compiler.algebra import Unit
from runner.compiler.columns import evaluate
from runner.compiler.figures import figure, figures
from runner.compiler.program import Program
from runner.compiler.why import Reading, render_trace, trace
from runner.domain.bar import FALSE, TRUE, UNKNOWN
from runner.domain.plan import FACT_BARS_IN_TRADE, FACT_PROFIT_R

CONDITIONS = """\
  strong: close > $level and close is rising for 2 bars
  calm: {any: [hour < 3, funding_rate < 0%]}
"""
ENTRY = """
    all:
      - close crosses above 31
      - strong
      - not: calm
      - {any: [close@1h > 3, close between 1 and 2]}
"""
CLOSES = [float(number) for number in (*range(20, 60), 20)]


def program_of(entry: str = ENTRY, exits: str = "") -> Program:
    return good_draft(bot_text(entry, conditions=CONDITIONS, exits=exits)).program


def test_every_node_is_shown_with_its_numbers() -> None:
    found = trace(program_of(), market_of(CLOSES), 37)
    assert render_trace(found).split("\n") == [
        "no long: 3 of 4 conditions held",
        "  ✗ no      close crosses above 31                   57 > 31 (before: 56 > 31)",
        "  ✓ yes     strong",
        "    ✓ yes     close > $level and close is rising for 2 bars",
        "      ✓ yes     close > $level                       57 > 30",
        "      ✓ yes     close is rising for 2 bars           55 → 56 → 57",
        "  ✓ yes     not calm",
        "    ✗ no      calm",
        "      ✗ no      any of:",
        "        ✗ no      hour < 3                           9 < 3",
        "        ✗ no      funding_rate < 0%                  0.1% < 0%",
        "  ✓ yes     any of:",
        "    ✓ yes     close@1h > 3                           57 > 3",
        "    ✗ no      close between 1 and 2                  57 between 1 and 2",
    ]


def test_warm_up_is_said() -> None:
    found = trace(program_of(), market_of(CLOSES), 5)
    assert found.verdict("entry.long") == UNKNOWN
    assert render_trace(found).startswith("no long: warming up, bar 5 of 32\n")


def test_unknown_is_neither_yes_nor_no() -> None:
    found = trace(program_of("slow > 3 and close > 3"), market_of(CLOSES), 2)
    lines = render_trace(found).split("\n")
    assert lines[1] == "  ? unknown slow > 3                                 unknown > 3"


def test_held_and_within_tell_how_often() -> None:
    entry = (
        "\n    - close > 30 for 20 bars\n    - close crosses above 31 within last 9 bars\n    - strong[1]\n"
    )
    text = render_trace(trace(program_of(entry), market_of(CLOSES), 35))
    assert "held on 20 of the last 20 bars" in text
    assert "no cross in the last 9 bars" in text
    assert "as it was 1 bars before" not in text
    assert "as it was 1 bar before" in text
    recent = render_trace(trace(program_of(entry), market_of([20.0] * 40 + [40.0, 41.0]), 41))
    assert "last cross 1 bar ago" in recent


def test_facts_of_the_position_are_asked_for() -> None:
    exits = "  when:\n    long: not (open_profit > 2R or bars_in_trade between 3 and 5) and close > 3\n"
    program = program_of("close > open", exits)
    unknown = trace(program, market_of(CLOSES), 9)
    assert unknown.verdict("exit.when.long") == UNKNOWN
    assert "open_profit > 2R (depends on the open position)" in render_trace(unknown)
    facts = {FACT_PROFIT_R: 1.5, FACT_BARS_IN_TRADE: 9.0}
    known = trace(program, market_of(CLOSES), 9, facts=facts)
    assert known.verdict("exit.when.long") == TRUE
    assert "open_profit 1.5R > 2R" in render_trace(known)
    facts[FACT_BARS_IN_TRADE] = 4.0
    assert trace(program, market_of(CLOSES), 9, facts=facts).verdict("exit.when.long") == FALSE


def test_a_rule_that_a_bot_does_not_have_is_false() -> None:
    assert trace(program_of(), market_of(CLOSES), 38).verdict("entry.short") == FALSE


def test_trace_is_plain_for_json() -> None:
    found = trace(program_of("slow > 3 and close@4h > 3"), market_of(CLOSES), 2)
    ((_, reading),) = found.readings
    plain = reading.plain()
    assert plain["verdict"] == "unknown"
    children = plain["children"]
    assert isinstance(children, list)
    assert children[0] == {
        "path": "entry.long",
        "text": "slow > 3",
        "verdict": "unknown",
        "detail": "unknown > 3",
        "operands": [{"text": "slow", "now": None}, {"text": "3", "now": 3.0}],
        "children": [],
    }


texts = st.sampled_from(
    [
        "close > slow",
        "close crosses above slow within last 3 bars or slow is falling",
        "close@1h > slow_1h[1] and not close is rising for 2 bars",
        "bars_since(close > open, 5) < 3 or close between slow and 4",
        "(close > 3) for 2 bars and highest(close, 4) > slow",
    ]
)


@given(texts, st.lists(st.integers(1, 6).map(float), min_size=30, max_size=60), st.integers(0, 29))
@settings(max_examples=60, deadline=None)
def test_trace_agrees_with_the_rows(text: str, closes: list[float], row: int) -> None:
    program, market = program_of(text), market_of(closes)
    found = trace(program, market, row)
    assert found.verdict("entry.long") == evaluate(program, market).enter_long[row]
    assert render_trace(found)
    for _, reading in found.readings:
        check_logic(reading)


def check_logic(reading: Reading) -> None:
    """A node's verdict follows from its children's."""
    verdicts = [child.verdict for child in reading.children]
    match reading.kind:
        case "all":
            assert reading.verdict == min(verdicts)
        case "any":
            assert reading.verdict == max(verdicts)
        case "not":
            assert reading.verdict == 2 - verdicts[0]
        case "named":
            assert reading.verdict == verdicts[0]
    for child in reading.children:
        check_logic(child)


def test_figures_have_digits_enough_to_tell_apart() -> None:
    assert figure(64102.3, Unit.PRICE) == "64,102.3"
    assert figure(0.0005, Unit.PERCENTAGE) == "0.05%"
    assert figure(float("nan"), Unit.PRICE) == "unknown"
    assert figure(-1.5, Unit.R) == "-1.5R"
    assert figures([64098.123, 64098.124], Unit.PRICE) == ["64,098.123", "64,098.124"]
    program = good_draft(bot_text("close > slow")).program
    market = market_of(list(np.array([64098.123] * 5 + [64098.124])))
    assert "64,098.124 > 64,098.123" in render_trace(trace(program, market, 5))
