"""The strict loader: values, places, and what a text can hide."""

from pathlib import Path

import pytest
from bot_documents import FULL, SMALL

from runner.bot.load import load_document
from runner.bot.problem import Span
from runner.bot.read import read_bot
from runner.bot.scalars import Refusal, read_plain

SCALARS = [
    ("12", 12),
    ("-3", -3),
    ("+3", 3),
    ("1.5", 1.5),
    (".5", 0.5),
    ("5.", 5.0),
    ("1e3", 1000.0),
    ("0.5", 0.5),
    ("0", 0),
    ("true", True),
    ("FALSE", False),
    ("null", None),
    ("~", None),
    ("", None),
    # Text under YAML 1.2, something else under 1.1:
    ("yes", "yes"),
    ("on", "on"),
    ("12:30", "12:30"),
    ("1_000", "1_000"),
    ("2024-01-01", "2024-01-01"),
    ("15m", "15m"),
    ("0.75% of equity", "0.75% of equity"),
]


@pytest.mark.parametrize(("word", "expected"), SCALARS)
def test_plain_scalars_follow_the_core_schema(word: str, expected: object) -> None:
    found = read_plain(word)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "word", [".inf", "-.INF", ".nan", "1e999", "9" * 5000, "0x1F", "0o17", "010", "-007"]
)
def test_numbers_that_readers_differ_on_are_refused(word: str) -> None:
    assert isinstance(read_plain(word), Refusal)


def test_spans_point_at_keys_and_contents() -> None:
    source = load_document(FULL, "full.yaml").source
    assert source.key_span(("indicators", "adx", "length")) == Span("full.yaml", 19, 25, 6)
    assert source.span(("indicators", "adx", "length")) == Span("full.yaml", 19, 33, 2)
    assert source.span(("entry", "long", 1)) == Span("full.yaml", 31, 7, 8)


def test_a_word_inside_a_plain_scalar_has_its_own_place() -> None:
    source = load_document(FULL, "full.yaml").source
    text = "adx > $adx_floor and adx is rising for 3 bars"
    offset = text.index("$adx_floor")
    assert source.at(("conditions", "trending"), offset, 10) == Span("full.yaml", 25, 15 + offset, 10)


@pytest.mark.parametrize(
    ("scalar", "column"),
    [("close > fast", 17), ("'close > fast'", 18), ('"close > fast"', 18), ("(close) > fast", 17)],
)
def test_a_word_inside_quotes_is_found_too(scalar: str, column: int) -> None:
    source = load_document(f"entry: {{long:   {scalar}}}\n", "x").source
    assert source.at(("entry", "long"), 0, 5).column == column


def test_folded_text_falls_back_to_its_start() -> None:
    source = load_document("entry:\n  long: close >\n    fast\n", "x").source
    assert source.at(("entry", "long"), 8, 4) == Span("x", 2, 9, 7)


def test_short_forms_and_defaults_have_the_place_of_what_is_written() -> None:
    source = load_document(SMALL, "x").source
    assert source.span(("exit", "stop_loss", "distance")) == Span("x", 11, 14, 2)
    assert source.key_span(("costs", "taker")).line == 1


def test_columns_count_characters_not_bytes() -> None:
    loaded = load_document('description: "é😀" \nname: {a: b, a: c}\n', "x")
    assert loaded.problems[0].span == Span("x", 2, 14, 1)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_other_line_ends_give_the_same_places(ending: str) -> None:
    text = SMALL.replace("length: 9", "lenght: 9").replace("\n", ending)
    _, problems, _ = read_bot(text + "\n")
    assert [(problem.span.line, problem.span.column) for problem in problems] == [(5, 21)]


def test_a_byte_order_mark_is_not_part_of_the_document(tmp_path: Path) -> None:
    path = tmp_path / "bot.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    document, problems, _ = read_bot(path)
    assert document is not None
    assert problems == []


def test_tabs_in_comments_are_nobodys_business() -> None:
    _, problems, _ = read_bot(SMALL.replace("name: small", "name: small  #\ta tab"))
    assert problems == []


def test_every_duplicate_is_reported_with_the_first_place() -> None:
    loaded = load_document("a: 1\nb: {c: 1, c: 2}\na: 3\na: {d: 4, d: 5}\n", "x")
    assert [(found.message, found.hint) for found in loaded.problems] == [
        ("duplicate key 'c' in 'b'", "first defined in column 5 of this line; keep one of them"),
        ("duplicate key 'a'", "first defined on line 1; keep one of them"),
        ("duplicate key 'a'", "first defined on line 1; keep one of them"),
        (
            "duplicate key 'd' in 'a (again, line 4)'",
            "first defined in column 5 of this line; keep one of them",
        ),
    ]


def test_what_was_read_before_a_syntax_error_is_still_reported() -> None:
    loaded = load_document("a: 1\na: 2\nb: {c: 1\n", "x")
    assert [found.code for found in loaded.problems] == ["yaml/duplicate-key", "yaml/syntax"]


def test_nesting_like_a_bomb_is_cut_off() -> None:
    for opening in ("[", "{a: ", "- "):
        loaded = load_document("a:\n  " + opening * 20_000, "x")
        assert [found.code for found in loaded.problems] == ["yaml/too-deep"]


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bot.yaml"
    path.write_text(SMALL + "#" * 256 * 1024)
    document, problems, _ = read_bot(path)
    assert document is None
    assert [found.code for found in problems] == ["yaml/too-large"]


def test_a_missing_file_suggests_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "btc_trend.yaml").write_text(SMALL)
    document, problems, _ = read_bot(tmp_path / "btc_tren.yaml")
    assert document is None
    assert [(found.code, found.hint) for found in problems] == [
        ("yaml/unreadable", "did you mean 'btc_trend.yaml'?")
    ]


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    assert [found.message for found in read_bot(tmp_path)[1]] == ["this is a folder"]


def test_a_name_that_no_file_can_have_is_a_problem_too() -> None:
    assert [found.code for found in read_bot("a\0b")[1]] == ["yaml/unreadable"]
