"""The bytes of a document before YAML sees them: encoding, length, characters, `# runner: allow …` comments.

In: bytes or text. Out: text with plain line ends, and problems. Refuses to know: YAML.
"""

import re

from runner.bot.problem import Problem, Span, error

BYTES_MAX = 256 * 1024
ODD_CHARACTERS_MAX = 20  # reported, of one kind of mistake that tends to fill a file

_NAMES = {
    "\t": "a tab",
    "\u00a0": "a non-breaking space",
    "\u2007": "a non-breaking space",
    "\u202f": "a non-breaking space",
    "\u2028": "an invisible line break",
    "\u2029": "an invisible line break",
    "\u0085": "an invisible line break",
    "\u200b": "an invisible space",
    "\ufeff": "an invisible mark",
}
# Always wrong: what YAML cannot hold, and line ends that editors do not count.
# (The forbidden ones, not "all but the allowed ones": that takes 6 ms to compile.)
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
# Wrong outside comments: they look like a space and are none.
_LOOKALIKE = re.compile("[\t\u00a0\u2007\u202f\u200b]")
_COMMENT = re.compile(r"(^|\s)#.*$")
_ALLOW = re.compile(r"^\s*#\s*runner:\s*allow\s+(.+?)\s*$")


def decode(raw: bytes, file: str) -> tuple[str | None, list[Problem]]:
    """UTF-8 text with `\\n` line ends and no byte-order mark, or the reason why there is none."""
    if len(raw) > BYTES_MAX:
        message = f"the file has {len(raw) // 1024} KiB; a bot document has at most {BYTES_MAX // 1024} KiB"
        return None, [
            error("yaml/too-large", message, Span(file, 1, 1), hint="keep data out of the document")
        ]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        before = raw[: fault.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        return None, [
            error(
                "yaml/encoding",
                f"byte 0x{raw[fault.start]:02x} is not UTF-8 text",
                Span(file, line, column),
                hint="save the file as UTF-8",
            )
        ]
    return plain_lines(text), []


def plain_lines(text: str) -> str:
    """Without a byte-order mark, and every line ended by `\\n` alone."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def odd_characters(text: str, file: str) -> list[Problem]:
    """Characters that YAML refuses or that only look like spaces."""
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        code_length = _code_length(line)
        for match in (*FORBIDDEN.finditer(line), *_LOOKALIKE.finditer(line, 0, code_length)):
            problems.append(_odd(match[0], Span(file, number, match.start() + 1)))
            break
        if len(problems) >= ODD_CHARACTERS_MAX:
            break
    return problems


def allowed_codes(text: str) -> dict[int, frozenset[str]]:
    """Line → codes accepted for it by the comment lines right above."""
    allowed: dict[int, frozenset[str]] = {}
    pending: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        match = _ALLOW.match(line)
        if match:
            pending.update(re.split(r"[,\s]+", match[1].split("#")[0].strip()))
        elif line.strip() and not line.lstrip().startswith("#") and pending:
            allowed[number] = frozenset(pending)
            pending = set()
    return allowed


def allow_comments(text: str) -> list[tuple[int, int, str]]:
    """Line, column and code of every code named in a `# runner: allow …` comment."""
    found: list[tuple[int, int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        match = _ALLOW.match(line)
        if match:
            words = re.finditer(r"[^,\s]+", match[1].split("#")[0])
            found += [(number, match.start(1) + word.start() + 1, word[0]) for word in words]
    return found


def _code_length(line: str) -> int:
    """Where the comment starts; the whole line when quotation marks make that uncertain."""
    match = _COMMENT.search(line)
    if not match or "'" in line[: match.start()] or '"' in line[: match.start()]:
        return len(line)
    return match.start()


def _odd(character: str, span: Span) -> Problem:
    name = _NAMES.get(character, f"the character U+{ord(character):04X}")
    code = "yaml/tab" if character == "\t" else "yaml/character"
    hint = "write spaces" if character in _NAMES else "remove it"
    return error(code, f"{name} is not allowed here", span, hint=hint)
