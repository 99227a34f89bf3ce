"""The corpus of broken documents: one fault each; the last comment lines hold code, place and hint."""

import re
from pathlib import Path

import pytest

from runner.bot.codes import CODES
from runner.bot.load import load_document
from runner.bot.problem import Problem, ordered
from runner.bot.read import read_bot, suppress
from runner.bot.render import render_text
from runner.bot.text import decode
from runner.compiler.check import check_document

BAD = sorted((Path(__file__).parent.parent / "bots_bad").glob("*.yaml"))
EXPECTED = re.compile(r"^# expect: (\d+):(\d+) (\S+) \| ?(.*)$", re.MULTILINE)


def found_in(path: Path) -> list[Problem]:
    document, problems, source = read_bot(path)
    if document is not None:
        problems = suppress(ordered([*problems, *check_document(document, source)]), source)[0]
    return problems


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_code_place_and_hint_are_as_the_last_comment_says(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    expected = [(int(line), int(column), code) for line, column, code, _ in EXPECTED.findall(text)]
    hints = [hint for *_, hint in EXPECTED.findall(text)]
    found = found_in(path)
    assert expected
    assert [(problem.span.line, problem.span.column, problem.code) for problem in found] == expected
    for problem, hint in zip(found, hints, strict=True):
        assert hint in problem.hint


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_problem_reads_well(path: Path) -> None:
    for problem in found_in(path):
        assert problem.code in CODES
        assert problem.message[0].islower() or not problem.message[0].isalpha()
        assert problem.message[-1] not in ".!"
        assert len(problem.message) <= 160
        assert 0 < len(problem.hint) <= 200
        library = ("is not of type", "does not match", "unexpected", "Input should", "while parsing", "Error")
        assert not any(words in problem.message + problem.hint for words in library)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_the_caret_stands_inside_the_line(path: Path) -> None:
    _, _, source = read_bot(path)
    lines = source.lines()
    for problem in found_in(path):
        line = lines[problem.span.line - 1]
        assert 1 <= problem.span.column <= len(line) + 1
        assert problem.span.column + problem.span.length <= len(line) + 2


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_the_pure_loader_finds_the_same_places(path: Path) -> None:
    import yaml

    text, _ = decode(path.read_bytes(), "x")
    if text is None:
        return
    fast, slow = load_document(text, "x"), load_document(text, "x", yaml.SafeLoader)
    assert [problem.code for problem in fast.problems] == [problem.code for problem in slow.problems]
    assert [problem.span.line for problem in fast.problems] == [
        problem.span.line for problem in slow.problems
    ]
    assert fast.tree == slow.tree
    assert fast.source.spans == slow.source.spans or fast.tree is None


def test_the_corpus_is_large_and_covers_every_code() -> None:
    codes = {
        code for path in BAD for *_, code, _ in EXPECTED.findall(path.read_bytes().decode("utf-8", "replace"))
    }
    beyond_files = {"yaml/too-large", "yaml/unreadable", "schema/refused"}
    assert len(BAD) >= 110
    assert {code for code in CODES if not code.startswith("rule/")} - beyond_files <= codes


def test_all_of_them_render() -> None:
    for path in BAD:
        _, problems, source = read_bot(path)
        assert render_text([(source, problems)]).count("[") >= len(problems)
