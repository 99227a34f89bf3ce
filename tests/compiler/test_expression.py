"""The parser: what is read how, what is refused where, and that spelling and reading agree."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.compiler.expression import KEYWORDS, canonical_number, identity, parse, spelling
from runner.compiler.tokens import Fault, TextError
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
    Parameter,
    Trend,
    parts,
    unparse,
)

SPELLINGS = {
    "ema_fast crosses above ema_slow": "ema_fast crosses above ema_slow",
    "fast   crosses\tabove slow within last 3 bars": "fast crosses above slow within last 3 bars",
    "a crosses b": "a crosses b",
    "a crosses b within last 1 bar": "a crosses b within last 1 bar",
    "crosses_above(a, b)": "a crosses above b",
    "crossover(ema_fast, 30) and x > 1": "ema_fast crosses above 30 and x > 1",
    "crosses_below(a, b)": "a crosses below b",
    "not crossunder(a, b)": "not a crosses below b",
    "close is above open": "close > open",
    "close is below open": "close < open",
    "adx is rising": "adx is rising",
    "adx is rising for 1 bar": "adx is rising",
    "adx is falling for 3 bars": "adx is falling for 3 bars",
    "rsi between 30 and 70": "rsi between 30 and 70",
    "rsi between 30 and 70 and adx > 20": "rsi between 30 and 70 and adx > 20",
    "trending for 3 bars": "trending for 3 bars",
    "close > open for 5 bars": "close > open for 5 bars",
    "(close > open or x > 1) for 5 bars": "(close > open or x > 1) for 5 bars",
    "(adx is rising) for 2 bars": "(adx is rising) for 2 bars",
    "not close > open for 2 bars": "not close > open for 2 bars",
    "(not close > open) for 2 bars": "(not close > open) for 2 bars",
    "not (a > b and c > d)": "not (a > b and c > d)",
    "(a > b and c > d) or e > f": "(a > b and c > d) or e > f",
    "((a)) > (b)": "a > b",
    "a-b-c > 0": "a - b - c > 0",
    "a-(b-c) > 0": "a - (b - c) > 0",
    "a*(b+c)/d > 0": "a * (b + c) / d > 0",
    "(a*b)+c > 0": "a * b + c > 0",
    "-a * b > -(c + d)": "-a * b > -(c + d)",
    "close@4h[2] > bands.upper[1]": "close@4h[2] > bands.upper[1]",
    "close[0] > 007.50": "close > 7.5",
    "x > 5bps": "x > 5 bps",
    "x > 0.050 %": "x > 0.05%",
    "open_profit > 2 R": "open_profit > 2R",
    "highest(high,20) > $level": "highest(high, 20) > $level",
    "bars_since(a > b and c > d) > 3": "bars_since(a > b and c > d) > 3",
    "max(a, b, c) == min(d, e)": "max(a, b, c) == min(d, e)",
}

# text: column (from 1), length, code, fragment of message or hint
FAULTS = {
    "": (1, 1, "rule/syntax", "empty"),
    "close >": (8, 1, "rule/syntax", "ends too early"),
    "> close": (1, 1, "rule/syntax", "expected"),
    "adx > 22 and": (13, 1, "rule/syntax", "ends too early"),
    "a crosses abov b": (3, 12, "rule/syntax", "did you mean 'crosses above'?"),
    "a is risin": (3, 8, "rule/syntax", "did you mean 'is rising'?"),
    "a is not above b": (6, 3, "rule/syntax", "put 'not' in front"),
    "a is": (5, 1, "rule/syntax", "'is' is not complete"),
    "a abov b": (3, 4, "rule/syntax", "not an operator"),
    "a between 1": (12, 1, "rule/syntax", "two ends"),
    "a between 1 or 2": (13, 2, "rule/syntax", "two ends"),
    "a crosses b within 3 bars": (20, 1, "rule/syntax", "'last'"),
    "a > b for bars": (11, 4, "rule/syntax", "whole number of bars"),
    "a > b for 1.5 bars": (11, 3, "rule/syntax", "whole number of bars"),
    "a > b for 3": (11, 1, "rule/syntax", "the word 'bars' is missing"),
    "a > b for 0 bars": (11, 1, "rule/syntax", "out of reach"),
    "a > b for 9999 bars": (11, 4, "rule/syntax", "out of reach"),
    "a > b for 12h": (11, 3, "rule/syntax", "12 bars"),
    "a > b or c > d and e > f": (16, 3, "rule/mixed-and-or", "brackets"),
    "a > b and c > d or e > f": (17, 2, "rule/mixed-and-or", "brackets"),
    "a < b < c": (7, 1, "rule/syntax", "between"),
    "close[-1] > 3": (7, 2, "rule/bars-ago", "negative"),
    "close[1.5] > 3": (7, 3, "rule/bars-ago", "whole number"),
    "close[n] > 3": (7, 1, "rule/bars-ago", "whole number"),
    "close[$n] > 3": (7, 2, "rule/bars-ago", "whole number"),
    "close[6000] > 3": (7, 4, "rule/bars-ago", "5000"),
    "close[1 > 3": (9, 1, "rule/syntax", "joined with 'and'"),
    "close[1": (6, 1, "rule/syntax", "add ']'"),
    "(a - b)[1] > 3": (8, 1, "rule/syntax", "belongs to a name"),
    "$x[1] > 3": (3, 1, "rule/syntax", "belongs to a name"),
    "abs(a)@4h > 3": (7, 1, "rule/syntax", "belongs to a name"),
    "(a > b": (1, 1, "rule/syntax", "never closed"),
    "a > b)": (6, 1, "rule/syntax", "closes nothing"),
    "abs(a > 3": (4, 1, "rule/syntax", "never closed"),
    "a > 3 4": (7, 1, "rule/syntax", "operator is missing"),
    "a > 3 $x": (7, 2, "rule/syntax", "'$x'"),
    "a = b": (3, 1, "rule/syntax", "'=='"),
    "a && b": (3, 2, "rule/syntax", "'and'"),
    "a || b": (3, 2, "rule/syntax", "'or'"),
    "!a": (1, 1, "rule/syntax", "'not'"),
    "a <> b": (3, 2, "rule/syntax", "'!='"),
    "a => b": (3, 2, "rule/syntax", "'>='"),
    "a ≥ b": (3, 1, "rule/syntax", "'>='"),
    "a ** b > 1": (3, 2, "rule/syntax", "multiply"),
    "a ? b": (3, 1, "rule/syntax", "all: and any:"),
    "a > % 5": (5, 1, "rule/syntax", "write 5%"),
    "a > 'x'": (5, 1, "rule/syntax", "quotation marks"),
    "a > $ x": (5, 1, "rule/syntax", "$name"),
    "close @ 4h > 1": (7, 1, "rule/syntax", "close@4h"),
    "a # b": (3, 1, "rule/syntax", "does not belong"),
    "close > 15m": (9, 3, "rule/syntax", "close@15m"),
    "close > 2atr": (9, 4, "rule/syntax", "2 * atr"),
    "open_profit > 2r": (15, 2, "rule/syntax", "'2R'"),
    "a > 1e5": (5, 3, "rule/syntax", "not a number"),
    "a > 1.2.3": (5, 5, "rule/syntax", "not a number"),
    "a > 1234567890123456": (5, 31, "rule/syntax", "too many digits"),
    "close > Open": (9, 4, "rule/syntax", "lower case"),
    "a AND b": (3, 3, "rule/syntax", "write 'and'"),
    "ta.crossover(a, b)": (1, 2, "rule/syntax", "no prefix"),
    "crossover(a)": (1, 12, "rule/syntax", "two arguments"),
    "bands. > 1": (8, 1, "rule/syntax", "output's name"),
    "+a > 1": (1, 1, "rule/syntax", "leave it out"),
    "a > b,": (6, 1, "rule/syntax", "not expected"),
    "(" * 25 + "a" + ")" * 25: (25, 1, "rule/syntax", "24 deep"),
    "a" + " + a" * 120 + " > 1": (401, 1, "rule/syntax", "200 words"),
    "a > " + "b" * 1000: (1, 1004, "rule/syntax", "1000 at most"),
}


@pytest.mark.parametrize(("text", "canonical"), SPELLINGS.items())
def test_text_has_one_canonical_spelling(text: str, canonical: str) -> None:
    assert spelling(text) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(("text", "expected"), FAULTS.items())
def test_fault_is_found_at_its_place(text: str, expected: tuple[int, int, str, str]) -> None:
    column, length, code, fragment = expected
    with pytest.raises(TextError) as caught:
        parse(text)
    fault = caught.value.fault
    assert (fault.offset + 1, fault.length, fault.code) == (column, length, code), fault
    assert fragment in f"{fault.message} | {fault.hint}"


def test_places_cover_the_text_of_each_node() -> None:
    text = "adx > $adx_floor and adx is rising for 3 bars"
    tree = parse(text)
    first, second = parts(tree)
    assert [text[at.place.offset :][: at.place.length] for at in (tree, first, second, *parts(first))] == [
        text,
        "adx > $adx_floor",
        "adx is rising for 3 bars",
        "adx",
        "$adx_floor",
    ]


def test_faulty_text_keeps_its_spelling() -> None:
    assert spelling("a   >  ") == "a >"


def test_percentages_have_one_identity() -> None:
    assert identity("funding_rate > 5 bps") == identity("funding_rate>0.05%") == "funding_rate > 0.05%"
    assert identity("x > 12.5bps") == "x > 0.125%"


def test_canonical_numbers_keep_what_counts() -> None:
    written = ("007.50", "0", "0.0", "10", "100.010", "3.0")
    assert [canonical_number(digits) for digits in written] == ["7.5", "0", "0", "10", "100.01", "3"]


def test_check_imports_no_numpy() -> None:
    program = "import sys, runner.compiler.check; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


names = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name not in KEYWORDS and not name.startswith("cross")
)
digits = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3})?", fullmatch=True).map(canonical_number)
bars = st.integers(1, 5000)
leaves = st.one_of(
    st.builds(Number, digits, st.sampled_from(["", "%", "bps", "R"])),
    st.builds(Parameter, names),
    st.builds(
        Name,
        names,
        st.one_of(st.just(""), names),
        st.sampled_from(["", "4h", "15m", "1d"]),
        st.integers(0, 5000),
    ),
)


def sums(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.builds(Negative, inner),
        st.builds(Arithmetic, st.sampled_from("+-*/"), inner, inner),
        st.builds(Call, names, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    )


formulas: st.SearchStrategy[Node] = st.recursive(leaves, sums, max_leaves=5)
tests: st.SearchStrategy[Node] = st.one_of(
    formulas,
    st.builds(Comparison, st.sampled_from([">", ">=", "<", "<=", "==", "!="]), formulas, formulas),
    st.builds(
        Cross, st.sampled_from(["above", "below", ""]), formulas, formulas, st.one_of(st.just(0), bars)
    ),
    st.builds(Trend, st.sampled_from(["rising", "falling"]), formulas, bars),
    st.builds(Between, formulas, formulas, formulas),
)


def logic(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    operands = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Not, inner),
        st.builds(Held, inner, bars),
        st.builds(Junction, st.sampled_from(["and", "or"]), operands),
    )


trees: st.SearchStrategy[Node] = st.recursive(tests, logic, max_leaves=3)


def read(text: str) -> Node | Fault:
    try:
        return parse(text)
    except TextError as found:
        return found.fault


@given(trees)
@settings(max_examples=400, deadline=None)
def test_spelling_and_reading_a_tree_are_inverse(tree: Node) -> None:
    text = unparse(tree)
    made = read(text)
    if isinstance(made, Fault):
        assert any(limit in made.message for limit in ("1000 at most", "200 words", "24 deep")), text
    else:
        assert made == tree
        assert unparse(made) == text


WORDS = ("a", "close", "abs(", "highest(", "bars_since(", "crossover(", "A", "é", "'", "#", "15m", "[-1]")
SIGNS = (
    "(",
    ")",
    "[",
    "]",
    ".",
    ",",
    "+",
    "-",
    "*",
    "/",
    ">",
    ">=",
    "==",
    "!=",
    "<",
    "3",
    "5%",
    "2R",
    "$x",
    "@4h",
)
pieces = st.sampled_from((*WORDS, *SIGNS, *sorted(KEYWORDS)))
texts = st.one_of(
    st.text(max_size=60),
    st.lists(pieces, max_size=12).map(" ".join),
    st.lists(pieces, max_size=12).map("".join),
)


@given(texts)
@settings(max_examples=600, deadline=None)
def test_any_text_is_a_tree_or_a_fault_inside_it(text: str) -> None:
    made = read(text)
    if isinstance(made, Fault):
        assert 0 <= made.offset <= max(len(text), 1)
        assert made.length >= 1
        assert made.message
        assert made.hint
    else:
        assert parse(unparse(made)) == made
