"""YAML 1.2 core scalars, and which of them we refuse.

In: the text of a plain scalar. Out: null, a boolean, a finite decimal number or the text itself; or why
not. Refuses to know: places. Numbers that YAML 1.1 and 1.2 read differently (`010`, `0x1F`) are refused, so
a document means the same to every reader."""

import re
from dataclasses import dataclass

NUMBER_MAX = 10**15  # beyond it float64 no longer counts in ones, and no sensible setting is that large

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A scalar that is no value of ours."""

    message: str
    hint: str


def read_plain(word: str) -> bool | int | float | str | Refusal | None:
    """What a plain scalar stands for."""
    if word in _NULLS:
        return None
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    if _INTEGER.fullmatch(word) or _FLOAT.fullmatch(word):
        return _number(word)
    if _NOT_FINITE.fullmatch(word):
        return Refusal(f"'{word}' is not a finite number", "write a number")
    if _OTHER_BASE.fullmatch(word):
        hint = f"write {int(word, 0)}" if len(word) <= 12 else "write it in decimal"
        return Refusal(f"'{word[:24]}' is not a decimal number", hint)
    return word


def _number(word: str) -> int | float | Refusal:
    digits = word.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits.isdigit():
        hint = f"write {digits.lstrip('0')[:24] or '0'}"
        return Refusal("a number that starts with 0 is octal to some readers", hint)
    number = float(word)
    if abs(number) > NUMBER_MAX:
        shown = word if len(word) <= 24 else word[:21] + "…"
        return Refusal(f"'{shown}' is too large", "write a number up to 1e15")
    return int(word) if _INTEGER.fullmatch(word) else number
