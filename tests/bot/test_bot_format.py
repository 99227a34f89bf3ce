"""`fmt`: canonical spelling with the comments kept, never another bot."""

import pytest
from bot_documents import FULL, SMALL, changed
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.bot.canonical import bot_hash
from runner.bot.format import format_text
from runner.bot.read import read_bot
from runner.compiler.expression import identity, spelling


def formatted(text: str) -> str:
    result, problems = format_text(text, "x", spelling)
    assert not problems
    return result


REWRITES = [
    ("stop_loss: 2%", "stop_loss: 2.00 %", "stop_loss: 2%"),
    ("stop_loss: 2%", "stop_loss: 20.0bps", "stop_loss: 20 bps"),
    ("stop_loss: 2%", "stop_loss: '2%'", "stop_loss: 2%"),
    ("equity: 50%", "notional: 0500USDT", "notional: 500 USDT"),
    ("equity: 50%", "quantity: 0.010BTC", "quantity: 0.01 BTC"),
    ("stop_loss: 2%", "stop_loss: 2%\n  time_stop: 1bars", "stop_loss: 2%\n  time_stop: 1 bar"),
    ("stop_loss: 2%", "stop_loss: 2%\n  take_profit: 2.0 R", "stop_loss: 2%\n  take_profit: 2R"),
    ("BTC/USDT:USDT", "BTCUSDT", "BTC/USDT:USDT"),
    ("name: small", 'name: "small"', "name: small"),
    ("close crosses above fast", "crossover(close,fast)", "close crosses above fast"),
    ("close crosses above fast", "close>fast  and close<100", "close > fast and close < 100"),
    ("long: close crosses above fast", "long: [close > fast]", "long: {all: [close > fast]}"),
    (
        "  long: close crosses above fast",
        "  long:   # both\n    - close > fast  # first\n    # then\n    - any:\n"
        "        - [close > 1, close > 2]",
        "  long:   # both\n    all:\n      - close > fast  # first\n      # then\n      - any:\n"
        "          - {all: [close > 1, close > 2]}",
    ),
    (
        "  long: close crosses above fast",
        "  long:\n  - close > fast\n  - not:\n    - close > 2",
        "  long:\n    all:\n    - close > fast\n    - not:\n        all:\n        - close > 2",
    ),
    ("equity: 50%", "equity: 50.00%    # half", "equity: 50%       # half"),
    ("equity: 50%", "equity: 50bps # tiny", "equity: 50 bps  # tiny"),
    ("name: small", "name: small   ", "name: small"),
]


@pytest.mark.parametrize(("old", "written", "expected"), REWRITES)
def test_rewrites(old: str, written: str, expected: str) -> None:
    assert formatted(changed(SMALL, old, written)) == changed(SMALL, old, expected)


UNTOUCHED = [
    ("name: small", "name: small\ndescription: 'a: b'"),
    ("name: small", "name: small\ndescription: 2.00 %  # text, not a unit"),
    ("name: small", "name: small\ndescription: |\n  two   \n  lines   "),
    ("length: 9", "length: 9.0"),
]


@pytest.mark.parametrize(("old", "new"), UNTOUCHED)
def test_what_is_not_a_spelling_stays(old: str, new: str) -> None:
    text = changed(SMALL, old, new)
    assert formatted(text) == text


def test_a_file_ends_with_one_line_end() -> None:
    assert formatted(SMALL + "\n\n") == SMALL
    assert formatted(SMALL.rstrip()) == SMALL


def test_a_broken_document_is_returned_as_it_is_with_its_problems() -> None:
    text = changed(SMALL, "length: 9", "lenght: 9")
    result, problems = format_text(text, "x", spelling)
    assert result == text
    assert [problem.code for problem in problems] == ["schema/unknown-key"]


def test_every_comment_survives() -> None:
    comments = [line.split("#", 1)[1] for line in FULL.splitlines() if "#" in line]
    assert [line.split("#", 1)[1] for line in formatted(FULL).splitlines() if "#" in line] == comments


CONDITIONS = st.recursive(
    st.sampled_from(
        ["close > fast", "crossover(close, fast)", "fast is rising for 3 bars", "not close>1", "close[1]<2"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(
            lambda items: "[" + ", ".join(_flow(item) for item in items) + "]"
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda items: "{any: [" + ", ".join(map(_flow, items)) + "]}"
        ),
        inner.map(lambda item: "{not: " + _flow(item) + "}"),
    ),
    max_leaves=6,
)
UNITS = st.sampled_from(
    ["2%", "2.50 %", "25bps", "0.050%", "'3%'", "{distance: 1.0 %, trigger: last}", "{distance: 2*fast}"]
)


def _flow(condition: str) -> str:
    needs_quotes = condition[0] not in "[{'" and any(sign in condition for sign in "[]{},")
    return f"'{condition}'" if needs_quotes else condition


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, CONDITIONS, UNITS, st.sampled_from(["", "  # a comment", "   "]))
def test_formatting_is_stable_and_never_changes_the_bot(long: str, short: str, stop: str, tail: str) -> None:
    text = SMALL.replace(
        "  long: close crosses above fast", f"  long: {long}{tail}\n  short:\n    - {short}{tail}"
    )
    text = text.replace("stop_loss: 2%", f"stop_loss: {stop}{tail}")
    before, problems, _ = read_bot(text)
    assert before is not None, (text, problems)
    once = formatted(text)
    after, _, _ = read_bot(once)
    assert after is not None
    assert bot_hash(after, identity) == bot_hash(before, identity)
    assert formatted(once) == once
