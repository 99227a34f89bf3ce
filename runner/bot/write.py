"""A resolved document as YAML that the strict loader reads back to the same content.

In: the dictionary of `canonical.resolve`. Out: text. Refuses to know: keys, units, comments.
Quotation marks appear only where plain text would be read as something else.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from runner.bot.scalars import read_plain
from runner.bot.text import FORBIDDEN

LINE_MAX = 100

# Plain text that no YAML version reads as anything but text; brackets and commas end it inside brackets.
_PLAIN = re.compile(r"[A-Za-z0-9$(_.][^#:\n\t\\]*")
_BRACKETS = re.compile(r"[\[\]{},]")
_COLON = re.compile(r"(?<=\S):(?=\S)")
_YAML_1_1 = re.compile(r"(y|n|yes|no|on|off|true|false|null)", re.IGNORECASE)


def write_yaml(resolved: Mapping[str, Any]) -> str:
    """One key to a line; small groups in braces."""
    sections = [_entry(key, content, 0) for key, content in resolved.items()]
    lines: list[str] = []
    for section in sections:
        if lines and (len(section) > 1 or len(lines[-1]) - len(lines[-1].lstrip())):
            lines.append("")
        lines += section
    return "\n".join(lines) + "\n"


def scalar(content: Any, *, inside: bool) -> str:
    """A scalar as it may stand; fewer may stand plain `inside` brackets."""
    if isinstance(content, bool) or content is None:
        return json.dumps(content)
    if isinstance(content, int | float):
        return repr(content)
    text = str(content)
    return text if is_plain(text, inside=inside) else _quoted(text)


def is_plain(text: str, *, inside: bool) -> bool:
    """Whether a text can stand without quotation marks."""
    unclosed = text.count("(") != text.count(")")  # looks like a call that a comma cut in two
    if inside and (unclosed or _BRACKETS.search(text)):
        return False
    if (
        text != text.strip()
        or _YAML_1_1.fullmatch(text)
        or read_plain(text) != text
        or FORBIDDEN.search(text)
    ):
        return False
    return bool(_PLAIN.fullmatch(_COLON.sub("", text)))


def _entry(key: str, content: Any, indent: int) -> list[str]:
    margin = " " * indent
    if not isinstance(content, dict | list):
        return [f"{margin}{key}: {scalar(content, inside=False)}"]
    short = f"{margin}{key}: {_flow(content)}"
    if _is_flat(content) and len(short) <= LINE_MAX and indent > 0 and key != "when":
        return [short]
    if isinstance(content, dict):
        inner = [line for name, part in content.items() for line in _entry(name, part, indent + 2)]
    else:
        inner = [line for part in content for line in _item(part, indent + 2)]
    return [f"{margin}{key}:", *inner]


def _item(content: Any, indent: int) -> list[str]:
    margin = " " * indent
    if not isinstance(content, dict | list):
        return [f"{margin}- {scalar(content, inside=False)}"]
    short = f"{margin}- {_flow(content)}"
    if isinstance(content, list) or (_is_flat(content) and len(short) <= LINE_MAX):
        return [short]
    lines = [line for name, part in content.items() for line in _entry(name, part, indent + 2)]
    return [f"{margin}- {lines[0].lstrip()}", *lines[1:]]


def _is_flat(content: Any) -> bool:
    """A group without conditions: those read best one to a line."""
    if isinstance(content, list):
        return False
    return all(not isinstance(part, dict | list) for part in content.values()) and "not" not in content


def _flow(content: Any) -> str:
    if isinstance(content, dict):
        return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in content.items()) + "}"
    if isinstance(content, list):
        return "[" + ", ".join(_flow(part) for part in content) + "]"
    return scalar(content, inside=True)


def _quoted(text: str) -> str:
    letters = []
    for letter in text:
        if letter in '"\\':
            letters.append("\\" + letter)
        elif letter == "\n":
            letters.append("\\n")
        elif letter.isprintable() and not FORBIDDEN.search(letter):
            letters.append(letter)
        else:
            letters.append(f"\\u{ord(letter):04X}" if ord(letter) <= 0xFFFF else f"\\U{ord(letter):08X}")
    return '"' + "".join(letters) + '"'
