"""What is wrong where YAML itself gives up: the library's complaint turned into our sentence and hint.

In: a marked error of PyYAML (C or pure) and the text. Out: one problem.
Refuses to know: what the document means. The library's own words are never shown.
"""

import re
from collections.abc import Callable

import yaml

from runner.bot.problem import Problem, Span, error

Place = tuple[int, int]  # line and column, from 0

CLOSING = {"{": "}", "[": "]"}

_BARS_AGO = re.compile(r"[A-Za-z_][A-Za-z0-9_.@]*\[")


def explain_syntax(fault: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """The first sentence whose phrase occurs in the library's complaint."""
    lines = text.split("\n")
    complaint = f"{fault.context or ''} | {fault.problem or ''}"
    here = _place(fault.problem_mark, lines) or _place(fault.context_mark, lines) or (0, 0)
    start = _place(fault.context_mark, lines) or here
    for phrases, explain in _SENTENCES:
        if any(phrase in complaint for phrase in phrases):
            return explain(here, start, lines, file)
    return _problem(
        file, here, "this is not readable as YAML", "check the indentation and the brackets above"
    )


def _place(mark: "yaml.error.Mark | None", lines: list[str]) -> Place | None:
    """Inside the text: a fault at the very end belongs to the end of the last line that says something."""
    if mark is None:
        return None
    line, column = mark.line, mark.column
    while line > 0 and (line >= len(lines) or (not lines[line].strip() and column == 0)):
        line -= 1
        column = len(lines[line].rstrip()) if line < len(lines) else 0
    return line, column


def _problem(
    file: str, place: Place, message: str, hint: str, *, code: str = "yaml/syntax", length: int = 1
) -> Problem:
    return error(code, message, Span(file, place[0] + 1, place[1] + 1, length), hint=hint)


def _character(place: Place, lines: list[str]) -> str:
    line = lines[place[0]]
    return line[place[1]] if place[1] < len(line) else ""


def _odd_start(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    character = _character(here, lines)
    if character == ">" and _BARS_AGO.search(lines[here[0]][: here[1]]):
        return _bars_ago_in_brackets(here, lines, file)
    hints = {
        "@": "a timeframe follows a name: close@4h",
        "%": "the sign follows the number: 2%",
        "`": "names need no quotation marks",
    }
    return _problem(file, here, f"a text cannot start with '{character}'", hints.get(character, "remove it"))


def _bars_ago_in_brackets(here: Place, lines: list[str], file: str) -> Problem:
    """`[close[1] > open]`: YAML ends the text at the inner bracket."""
    found = _BARS_AGO.search(lines[here[0]])
    place = (here[0], found.start()) if found else here
    message = "a name with [bars ago] cannot stand inside brackets"
    hint = "give it a line of its own: '- close[1] > open'"
    return _problem(file, place, message, hint, length=len(found[0]) if found else 1)


def _second_colon(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    line = lines[here[0]]
    before = line[: here[1]]
    if ": " in before:
        hint = "one 'key: content' to a line; to nest inside a line write {key: content}"
        return _problem(file, here, "a second ':' in one line", hint)
    indent = len(line) - len(line.lstrip())
    hint = "indent it like the keys beside it, or give the key above no content of its own"
    length = max(1, len(before.strip()))
    return _problem(
        file, (here[0], indent), "this line is indented deeper than it may be", hint, length=length
    )


def _no_colon(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    words = lines[start[0]][start[1] :].rstrip()
    hint = (
        f"write '{words.replace(':', ': ', 1)}', with a space after ':'"
        if ":" in words
        else "write 'key: content'"
    )
    return _problem(file, start, "this line has no key with ': ' after it", hint, length=max(1, len(words)))


def _no_comma(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    opening = _character(start, lines)
    closing = CLOSING.get(opening, "}")
    if _character(here, lines) == "[" and here[1] and lines[here[0]][here[1] - 1].isalnum():
        return _bars_ago_in_brackets(here, lines, file)
    if here[0] == start[0]:
        return _problem(
            file,
            here,
            f"a ',' or the closing '{closing}' is missing here",
            "write {key: content, key: content}",
        )
    return _problem(file, start, f"this '{opening}' is not closed", f"write '{closing}' at its end")


def _open_quote(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    hint = "close it, or leave it out: nothing here needs quotation marks"
    return _problem(file, start, "this quotation mark is not closed", hint)


def _no_key(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    line = lines[here[0]]
    rest = line[here[1] :]
    if line[: here[1]].strip():
        hint = "a text with quotation marks ends at the closing one; leave them out"
        return _problem(
            file, here, "something stands behind the end of the content", hint, length=max(1, len(rest))
        )
    if rest.startswith(":"):
        return _problem(file, here, "a key is missing before ':'", "write 'key: content'", code="yaml/key")
    if rest.startswith("-"):
        hint = "a list stands under its key: 'key:' on one line, '- item' on the next"
        return _problem(file, here, "a list item where a key belongs", hint)
    hint = "indent it like the keys it belongs to"
    word = rest.split(":")[0].rstrip()
    return _problem(
        file,
        here,
        "the indentation of this line fits none of the lines above",
        hint,
        length=max(1, len(word)),
    )


def _no_content(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    if _character(here, lines) in ("]", "}"):
        return _problem(
            file, here, f"'{_character(here, lines)}' closes nothing", "remove it, or open it before"
        )
    unclosed = _last_opening(lines)
    if unclosed and not _character(here, lines):
        opening = _character(unclosed, lines)
        hint = f"write '{CLOSING[opening]}' at its end"
        return _problem(file, unclosed, f"this '{opening}' is not closed", hint)
    return _problem(file, here, "content is missing here", "write it, or remove the sign that stands here")


def _last_opening(lines: list[str]) -> Place | None:
    for number in range(len(lines) - 1, -1, -1):
        column = max(lines[number].rfind("{"), lines[number].rfind("["))
        if column >= 0:
            return number, column
    return None


def _bare_star(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    hint = "a formula starts with a number or a name: 2.5 * atr"
    return _problem(file, start, "a text cannot start with '*'", hint, code="yaml/alias")


def _bare_ampersand(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    hint = "write 'and' between conditions"
    return _problem(file, start, "a text cannot start with '&'", hint, code="yaml/anchor")


def _tag(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    return _problem(file, start, "a text cannot start with '!'", "write 'not'", code="yaml/tag")


def _block_text(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    sign = _character(start, lines) or ">"
    hint = "a condition starts with a name or a number: adx > 20"
    return _problem(file, start, f"a text cannot start with '{sign}'", hint)


def _escape(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    hint = "leave the quotation marks out: nothing here needs them"
    return _problem(file, start, "a backslash in a text with quotation marks", hint)


def _directive(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    return _problem(
        file, here, "a YAML directive", "remove the line that starts with '%'", code="yaml/directive"
    )


def _second_document(here: Place, start: Place, lines: list[str], file: str) -> Problem:
    hint = "one file holds one bot: remove what follows '...'"
    return _problem(file, here, "something follows the end of the document", hint, code="yaml/documents")


_SENTENCES: tuple[tuple[tuple[str, ...], Callable[[Place, Place, list[str], str], Problem]], ...] = (
    (("cannot start any token",), _odd_start),
    (("mapping values are not allowed",), _second_colon),
    (("could not find expected ':'",), _no_colon),
    (("expected ',' or",), _no_comma),
    (("found unexpected end of stream", "unexpected document separator"), _open_quote),
    (("scanning an alias",), _bare_star),
    (("scanning an anchor",), _bare_ampersand),
    (("a tag", "tag handle", "scanning a tag", "%TAG"), _tag),
    (("block scalar",), _block_text),
    (("escape",), _escape),
    (("directive", "incompatible YAML document", "%YAML"), _directive),
    (("<document start>",), _second_document),
    (("node content",), _no_content),
    (("expected key", "expected <block end>", "'-' indicator", "block sequence entries"), _no_key),
)
