"""Whatever is written: findings, never an exception; each with a place inside the file."""

import pytest
from bot_documents import FULL, SMALL
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.bot.canonical import bot_hash, resolve
from runner.bot.codes import CODES
from runner.bot.format import format_text
from runner.bot.problem import has_errors
from runner.bot.read import read_bot, read_text
from runner.bot.render import RENDERERS
from runner.bot.text import decode
from runner.bot.write import write_yaml
from runner.compiler.check import check_document
from runner.compiler.expression import identity, spelling

LINES = FULL.split("\n")
NUMBERS = [
    "-1",
    "0",
    "2.5",
    "1e9",
    ".nan",
    "0x10",
    "010",
    "2%",
    "50% of equity",
    "2R",
    "3 bars",
    "12h",
    "500 USDT",
]
YAML = [
    "~",
    "{}",
    "[]",
    "true",
    "yes",
    "&a x",
    "*a",
    "!!str x",
    "'",
    '"',
    "{a: b",
    "[",
    "|",
    ">",
    "? x",
    "- a",
    "<<",
]
TEXTS = [
    "",
    ": ",
    " #",
    "close > 1",
    "$fast",
    "$nope",
    "{all: [x]}",
    "{not: {not: x}}",
    "é",
    "😀",
    "2024-02-30",
    "ema",
]
WORDS = st.sampled_from([*NUMBERS, *YAML, *TEXTS])
FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def survives(text: str) -> None:
    document, problems, source = read_text(text, "fuzz.yaml")
    if document is not None:
        problems = problems + check_document(document, source)
    lines = source.lines()
    for problem in problems:
        assert problem.code in CODES
        assert 1 <= problem.span.line <= len(lines)
        assert 1 <= problem.span.column <= len(lines[problem.span.line - 1]) + 1
        assert problem.span.length >= 1
    for render in RENDERERS.values():
        render([(source, problems)])
    assert document is not None or has_errors(problems)
    if document is not None and not has_errors(problems):
        written = write_yaml(resolve(document, spelling))
        again, _, _ = read_bot(written)
        assert again is not None
        assert bot_hash(again, identity) == bot_hash(document, identity)
        once, _ = format_text(text, "fuzz.yaml", spelling)
        assert format_text(once, "fuzz.yaml", spelling)[0] == once


@FUZZ
@given(st.data())
def test_lines_dropped_doubled_and_swapped(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "swap", "indent", "dedent"])):
            case "drop":
                del lines[place]
            case "double":
                lines.insert(place, lines[place])
            case "swap":
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[place], lines[other] = lines[other], lines[place]
            case "indent":
                lines[place] = " " + lines[place]
            case "dedent":
                lines[place] = lines[place][1:]
    survives("\n".join(lines))


@FUZZ
@given(st.data())
def test_words_replaced_by_odd_ones(data: st.DataObject) -> None:
    _, _, source = read_bot(FULL)
    places = sorted(
        (node.content.line, node.content.column, node.end)
        for path, node in source.spans.items()
        if node.text and path
    )
    places += sorted(
        (node.key.line, node.key.column, node.key.column + node.key.length)
        for node in source.spans.values()
        if node.key
    )
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        line, start, stop = data.draw(st.sampled_from(places))
        word = data.draw(WORDS)
        lines[line - 1] = lines[line - 1][: start - 1] + word + lines[line - 1][stop - 1 :]
    survives("\n".join(lines))


@FUZZ
@given(st.data())
def test_random_text_in_the_middle(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(SMALL)))
    length = data.draw(st.integers(0, 10))
    letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text(
        "{}[]:,-#&*!|>'\"%@` \n\t?", max_size=8
    )
    survives(SMALL[:place] + data.draw(letters) + SMALL[place + length :])


@FUZZ
@given(st.binary(max_size=60), st.integers(0, len(SMALL)))
def test_random_bytes_in_the_middle(noise: bytes, place: int) -> None:
    text, problems = decode(SMALL[:place].encode() + noise + SMALL[place:].encode(), "fuzz.yaml")
    assert problems or text is not None
    if text is not None:
        survives(text)


@FUZZ
@given(st.text(max_size=80))
def test_random_text_alone(text: str) -> None:
    survives(text.replace("\ud800", ""))


@pytest.mark.parametrize(
    "text", ["\ud800\n", "a: \ud800\n", "\n\n", "a\n" * 5000, "? \n", "- - - -\n", ":\n", "{" * 40 + "\n"]
)
def test_texts_that_once_looked_dangerous(text: str) -> None:
    document, problems, _ = read_bot(text)
    assert document is None
    assert has_errors(problems)
