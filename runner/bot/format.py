"""`fmt`: the author's text in canonical spelling, comments and order of keys kept.

In: the text of a document that can be built, and the compiler's spelling of conditions. Out: text. Refuses
to know: what conditions mean. Changes no content: the hash before and after is compared, and a text that
would not mean the same is returned as it was.

What it writes: `all:` over a bare list of conditions, units as `2%`, `5 bps`, `3 bars`, `BTC/USDT:USDT`,
conditions spelled one way, no quotation marks where none are needed, no blanks at line ends, one line end
at the end."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runner.bot.canonical import Spell, bot_hash
from runner.bot.leaves import canonical_symbol
from runner.bot.load import load_document
from runner.bot.model import Document
from runner.bot.names import texts
from runner.bot.problem import Path, Problem
from runner.bot.source import Source
from runner.bot.validate import validate_tree
from runner.bot.write import is_plain
from runner.domain import units

# Paths whose scalars are conditions or formulas; everything else that is text may hold a unit.
_NO_UNIT = frozenset({"name", "description", "kind"})
_MEASURES: tuple[Callable[[str], object | None], ...] = (
    units.parse_equity_ratio,
    units.parse_r,
    units.parse_money,
    units.parse_bars,
    units.parse_streak,
    units.parse_instant,
)


@dataclass(frozen=True, slots=True)
class Edit:
    """In line `line` (from 1), characters `start` to `stop` (from 0) become `text`."""

    line: int
    start: int
    stop: int
    text: str


def format_text(text: str, file: str, spell: Spell) -> tuple[str, list[Problem]]:
    """The text in canonical spelling; the text as it was, and the problems, when no document can be built
    from it.
    """
    loaded = load_document(text, file)
    document, problems = validate_tree(loaded)
    problems = [*loaded.problems, *problems]
    if document is None or loaded.problems:
        return text, problems
    formatted = _formatted(document, loaded.source, spell)
    return (formatted if _same_bot(document, formatted, spell) else text), problems


def _same_bot(document: Document, formatted: str, spell: Spell) -> bool:
    loaded = load_document(formatted, "")
    again, _ = validate_tree(loaded)
    return again is not None and not loaded.problems and bot_hash(again, spell) == bot_hash(document, spell)


def _formatted(document: Document, source: Source, spell: Spell) -> str:
    lines = source.lines()
    shifts, headings = _bare_lists(document, source)
    edits = [*_scalar_edits(document, source, spell), *_bracket_edits(document, source)]
    for number in {edit.line for edit in edits}:
        lines[number - 1] = _edited(lines[number - 1], [edit for edit in edits if edit.line == number])
    for first, last in shifts:
        for number in range(first, last + 1):
            if lines[number - 1].strip():
                lines[number - 1] = "  " + lines[number - 1]
    for number, heading in sorted(headings.items(), reverse=True):
        lines.insert(number - 1, heading)
    if not _has_folded_text(source, source.lines()):
        lines = [line.rstrip() for line in lines]
    return "\n".join(lines).rstrip("\n") + "\n"


def _scalar_edits(document: Document, source: Source, spell: Spell) -> Iterator[Edit]:
    written = dict(texts(document))
    lines = source.lines()
    for path, node in source.spans.items():
        if node.text is None or node.content.line != node.last_line or not path:
            continue
        line = lines[node.content.line - 1]
        old = line[node.text.column - 1 : node.text.column - 1 + node.text.length]
        inside = _inside_brackets(path, source)
        new = spell(old) if path in written else _measure(path, old)
        start, stop = node.content.column - 1, node.end - 1
        quoted = line[start] in "'\""
        if quoted and not is_plain(new, inside=inside):
            continue
        if new != old and not is_plain(new, inside=inside):
            continue
        if new != old or quoted:
            yield Edit(node.content.line, start, stop, new)


def _measure(path: Path, text: str) -> str:
    """One spelling per unit; the unit itself stays the author's: `5bps` → `5 bps`, never 0.05%."""
    if path[-1] in _NO_UNIT:
        return text
    if path == ("market", "symbol"):
        return canonical_symbol(text) or text
    if units.parse_ratio(text):
        sign = "%" if text.rstrip().endswith("%") else " bps"
        return _number(text) + sign
    if path == ("size", "quantity"):
        return str(units.parse_quantity(text) or text)
    if units.parse_duration(text) and path[-1] == "wait":
        return text.replace(" ", "")
    for parse in _MEASURES:
        parsed = parse(text)
        if parsed is not None:
            return str(parsed)
    return text


def _number(text: str) -> str:
    match = re.match(r"[0-9.]+", text.strip())
    return units.shifted(float(match[0]), 0) if match else text


def _bare_lists(document: Document, source: Source) -> tuple[list[tuple[int, int]], dict[int, str]]:
    """Block lists that stand for `all`: the lines to indent, and the heading to insert before a line."""
    shifts: list[tuple[int, int]] = []
    headings: dict[int, str] = {}
    for path in _lists(document):
        node = source.spans.get(path)
        if node is None or node.end or node.key is None or node.content.line == node.key.line:
            continue
        last = max(found.last_line for inner, found in source.spans.items() if inner[: len(path)] == path)
        first = node.key.line + 1
        shifts.append((first, last))
        headings[first] = " " * (node.key.column + 1 + 2 * _shifted_by(shifts[:-1], first)) + "all:"
    return shifts, headings


def _shifted_by(shifts: list[tuple[int, int]], line: int) -> int:
    return sum(first <= line <= last for first, last in shifts)


def _bracket_edits(document: Document, source: Source) -> Iterator[Edit]:
    """Lists in brackets that stand for `all`."""
    for path in _lists(document):
        node = source.spans.get(path)
        if node is not None and node.end:
            start = node.content.column - 1
            yield Edit(node.content.line, start, start, "{all: ")
            yield Edit(node.last_line, node.end - 1, node.end - 1, "}")


def _lists(document: Document) -> Iterator[Path]:
    """Paths of lists that are conditions themselves, outermost first."""
    roots: list[tuple[Path, object]] = [
        (("conditions", name), found) for name, found in document.conditions.items()
    ]
    roots += [(("entry", side), getattr(document.entry, side)) for side in ("long", "short")]
    roots += [(("exit", "when", side), getattr(document.exit.when, side)) for side in ("long", "short")]
    for path, condition in roots:
        yield from _lists_in(condition, path)


def _lists_in(condition: object, path: Path) -> Iterator[Path]:
    if isinstance(condition, list):
        yield path
        for place, inner in enumerate(condition):
            yield from _lists_in(inner, (*path, place))
    elif isinstance(condition, dict):
        for word, inner in condition.items():
            if word == "not" or not isinstance(inner, list):
                yield from _lists_in(inner, (*path, word))
                continue
            for place, item in enumerate(inner):
                yield from _lists_in(item, (*path, word, place))


def _inside_brackets(path: Path, source: Source) -> bool:
    return any(
        source.spans[path[:length]].end for length in range(len(path)) if path[:length] in source.spans
    )


def _has_folded_text(source: Source, lines: list[str]) -> bool:
    """A text over several lines: blanks at its line ends may belong to it."""
    return any(
        node.text is None
        and node.last_line > node.content.line
        and lines[node.content.line - 1][node.content.column - 1] not in "[{"
        for node in source.spans.values()
    )


def _edited(line: str, edits: list[Edit]) -> str:
    """The edits made from right to left; a comment at the end stays in its column where there is room."""
    comment = _comment_start(line, max(edit.stop for edit in edits))
    code = line[:comment].rstrip() if comment is not None else line
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.stop), reverse=True):
        code = code[: edit.start] + edit.text + code[edit.stop :]
    if comment is None:
        return code
    return code.ljust(max(comment, len(code) + 2)) + line[comment:]


def _comment_start(line: str, after: int) -> int | None:
    match = re.search(r"\s#", line[after:])
    return after + match.start() + 1 if match else None
