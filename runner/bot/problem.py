"""Problems: faults in a document, each with its place, a stable code, one sentence and a hint.

In: what the loader, the validator, the linter and the compiler found. Out: frozen values, sorted by place.
Refuses to know: how they are shown (`render.py`), files, YAML.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in one line of a file, counted in characters; `line` and `column` from 1."""

    file: str
    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is stable (`yaml/…`, `schema/…`, `rule/…`, `risk/…`); `hint` may be empty; `path` leads to the
    node.
    """

    code: str
    severity: Severity
    message: str
    hint: str
    span: Span
    path: Path = ()


def error(code: str, message: str, span: Span, *, hint: str = "", path: Path = ()) -> Problem:
    """A fault that keeps the bot from running."""
    return Problem(code, "error", message, hint, span, path)


def warning(code: str, message: str, span: Span, *, hint: str = "", path: Path = ()) -> Problem:
    """Something that may cost money, and may be meant."""
    return Problem(code, "warning", message, hint, span, path)


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """By place, then errors first; exact repetitions once."""
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda found: (found.span, found.severity, found.code, found.message))


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether any of them keeps the bot from running."""
    return any(found.severity == "error" for found in problems)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant, or None."""
    names = list(known)
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    folded = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Sequence[str], *, list_all: str = "allowed: ") -> str:
    """`did you mean 'length'? allowed: …`; without a near one only the list, at most a dozen names long."""
    near = nearest(word, known)
    meant = f"did you mean '{near}'?" if near else ""
    if not list_all or not known or (near and len(known) > 12):
        return meant
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"{meant} {list_all}{shown}".strip()


def dotted(path: Path) -> str:
    """`('exit', 'take_profit', 0, 'at')` → `exit.take_profit[0].at`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
