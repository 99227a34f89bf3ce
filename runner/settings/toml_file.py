"""One runner.toml: its settings with their places, or the first fault by file:line:col.

In: the text of a file. Out: (name, value, line, column) of every key; SettingsWrong.
Refuses to know: which names exist, what they mean.

tomllib tells no places. They are found by reading ever longer beginnings of the file: the first one that is
whole TOML and holds a key ends at that key's statement.
"""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from runner.errors import SettingsWrong

FILE_BYTES_MAX = 65_536


class Key(NamedTuple):
    """One key with what it was set to; `name` is dotted."""

    name: str
    found: object
    line: int
    column: int


def read_keys(path: Path) -> list[Key] | None:
    """The keys of a file in their order; None when there is no such file."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    if len(raw) > FILE_BYTES_MAX:
        raise SettingsWrong(
            f"{path}: longer than {FILE_BYTES_MAX:,} bytes; this cannot be a file of settings"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SettingsWrong(f"{path}:{line}:1: not UTF-8 text") from None
    text = text.replace("\r\n", "\n")
    try:
        named = _flat(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsWrong(_located(path, text, str(error))) from None
    except RecursionError:
        raise SettingsWrong(f"{path}: nested too deeply") from None
    places = _places(text)
    return [Key(name, found, *places.get(name, (1, 1))) for name, found in named.items()]


def _flat(tables: dict[str, object], above: str = "") -> dict[str, object]:
    """Keys of all tables under dotted names; an empty table is a key, so that its name is looked at."""
    found: dict[str, object] = {}
    for word, inner in tables.items():
        name = f"{above}{word}"
        if isinstance(inner, dict) and inner:
            found |= _flat(inner, f"{name}.")
        else:
            found[name] = inner
    return found


def _places(text: str) -> dict[str, tuple[int, int]]:
    """Line and column, from 1, of each key."""
    lines = text.split("\n")
    places: dict[str, tuple[int, int]] = {}
    begin = 0
    for end in range(1, len(lines) + 1):
        try:
            known = _flat(tomllib.loads("\n".join(lines[:end])))
        except tomllib.TOMLDecodeError:
            continue  # inside a text or a list of several lines
        for name in known.keys() - places.keys():
            places[name] = begin + 1, _column(lines[begin], name)
        begin = end
    return places


def _column(line: str, name: str) -> int:
    """Where the key's last word stands in its line; the line's first word for want of it."""
    word = re.search(rf"(?<![\w-]){re.escape(name.rpartition('.')[2])}(?![\w-])", line)
    return (word.start() if word else len(line) - len(line.lstrip())) + 1


def _located(path: Path, text: str, said: str) -> str:
    """tomllib's sentence, its place in front."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", said)
    if place:
        return f"{path}:{place[1]}:{place[2]}: {said[: place.start()]}"
    lines = text.split("\n")
    return f"{path}:{len(lines)}:{len(lines[-1]) + 1}: {said.removesuffix(' (at end of document)')}"
