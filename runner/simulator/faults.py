"""Every fault by name: what it does, which number of the failure catalogue it plays, how a script says it.

In: a script, one fault a line or between semicolons. Out: `Fault` values, or a UsageError naming lines.
Refuses to know: requests, sockets, the book; `mischief.py` carries faults out.
Source: the failure catalogue of docs/simulator.md; Binance's documented failures.

    net.drop_after(POST order)                      the next order executes, its answer is lost
    http.overload(POST order) x5 only entries       -1008 for five entries; exits pass
    ws.silent(2h) at +30m                           half an hour in, streams fall silent for two hours
    ex.partial(40%) at 2024-05-01 12:00 for 1h      market depth shrinks for an hour
    net.delay(signed, 4s) p 0.1 for 1d              one signed request in ten arrives late
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import NamedTuple

from runner.errors import UsageError
from runner.simulator.fault_names import FAULTS, FaultKind

ALWAYS = 1_000_000_000  # times; more often than any run asks
_SPAN_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_NAME = re.compile(r"\s*([a-z]+(?:\.[a-z0-9_]+)?)\s*")
_METHODS = ("*", "GET", "POST", "PUT", "DELETE")


class Operation(NamedTuple):
    """Which requests a fault is about: a method, a path without its version, signed ones only."""

    method: str = "*"
    path: str = "*"
    is_signed: bool = False

    def matches(self, method: str, path: str, is_signed: bool) -> bool:
        """Is this request meant? `path` such as `order` or `positionSide/dual`."""
        return self.method in ("*", method) and self.path in ("*", path) and (is_signed or not self.is_signed)


Argument = str | int | Decimal | Operation


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a script, understood. Times are UTC ms of the exchange's clock."""

    kind: FaultKind
    arguments: tuple[Argument, ...]
    text: str
    from_ms: int
    until_ms: int | None
    skipped: int
    times: int
    chance: Decimal
    only: str | None  # "entries", "exits" or None: which orders are hit

    @property
    def name(self) -> str:
        """As the table spells it."""
        return self.kind.name

    @property
    def operation(self) -> Operation:
        """Which requests; every one when the fault names none."""
        first = self.arguments[0] if self.arguments else None
        return first if isinstance(first, Operation) else Operation()

    def whole(self, at: int, otherwise: int = 0) -> int:
        """The argument at a place as an int: a count, a code, milliseconds."""
        found = self.arguments[at] if at < len(self.arguments) else otherwise
        assert isinstance(found, int)
        return found

    def number(self, at: int, otherwise: str = "0") -> Decimal:
        """The argument at a place as a Decimal."""
        found = self.arguments[at] if at < len(self.arguments) else Decimal(otherwise)
        assert isinstance(found, Decimal)
        return found

    def word(self, at: int, otherwise: str = "") -> str:
        """The argument at a place as text."""
        found = self.arguments[at] if at < len(self.arguments) else otherwise
        assert isinstance(found, str)
        return found


def parse_faults(script: str, start_ms: int) -> tuple[Fault, ...]:
    """All faults of a script, or a UsageError listing every line that makes no sense."""
    found, problems = [], []
    for number, line in enumerate(script.splitlines(), 1):
        for text in _parts(next(_parts(line, "#")), ";"):
            if not text.strip():
                continue
            try:
                found.append(parse_fault(text.strip(), start_ms))
            except ValueError as error:
                problems.append(f"faults:{number}: {text.strip()}: {error}")
    if problems:
        raise UsageError("\n".join(problems))
    return tuple(found)


def parse_fault(text: str, start_ms: int) -> Fault:
    """One fault; ValueError says what is wrong and what would be right."""
    head = _NAME.match(text)
    if head is None:
        raise ValueError("a fault begins with its name, such as net.drop_after(POST order)")
    name = head[1]
    kind = FAULTS.get(name)
    if kind is None:
        near = get_close_matches(name, FAULTS, 1)
        raise ValueError(f"no fault is called {name}" + (f"; did you mean {near[0]}?" if near else ""))
    rest, given = text[head.end() :], []
    if rest.startswith("("):
        inside, rest = _bracketed(rest)
        given = [part.strip() for part in _parts(inside, ",") if part.strip()]
    arguments = tuple(_arguments(kind, given))
    clauses = _clauses(rest.split(), start_ms)
    return Fault(
        kind=kind,
        arguments=arguments,
        text=text,
        from_ms=clauses.from_ms,
        until_ms=None if clauses.span_ms is None else clauses.from_ms + clauses.span_ms,
        skipped=clauses.skipped,
        times=clauses.times
        or (ALWAYS if kind.lasts or clauses.span_ms is not None or clauses.chance < 1 else 1),
        chance=clauses.chance,
        only=clauses.only,
    )


def _arguments(kind: FaultKind, given: list[str]) -> Iterator[Argument]:
    needed = [one for one in kind.takes if not one.endswith("?")]
    if not len(needed) <= len(given) <= len(kind.takes):
        raise ValueError(f"write {kind.usage}")
    for wanted, text in zip(kind.takes, given, strict=False):
        yield _argument(kind, wanted.rstrip("?"), text)


def _argument(kind: FaultKind, wanted: str, text: str) -> Argument:
    if wanted in _READERS:
        return _READERS[wanted](text)
    choices = wanted.split("|")
    if text not in choices:
        raise ValueError(f"{text} is not one of {', '.join(choices)}; write {kind.usage}")
    return text


def _operation(text: str) -> Operation:
    if text in ("*", "signed"):
        return Operation(is_signed=text == "signed")
    words = text.split()
    if len(words) != 2 or words[0].upper() not in _METHODS:
        raise ValueError(f"{text} is no operation; write POST order, GET *, * openOrders, signed or *")
    return Operation(words[0].upper(), words[1])


def _span(text: str) -> int:
    found = re.fullmatch(r"([+-]?)(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if found is None:
        raise ValueError(f"{text} is no span of time; write 500ms, 4s, 30m, 2h or 1d")
    return int(Decimal(found[1] + found[2]) * _SPAN_MS[found[3]])


def _ratio(text: str) -> Decimal:
    number = _decimal(text.removesuffix("%"))
    return number / 100 if text.endswith("%") else number


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{text} is no number")
    return number


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise ValueError(f"{text} is no whole number")
    return int(text)


def _text(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


_READERS: dict[str, Callable[[str], Argument]] = {
    "operation": _operation,
    "span": _span,
    "ratio": _ratio,
    "number": _decimal,
    "whole": _whole,
    "text": _text,
    "symbol": lambda text: text.upper().split(":")[0].replace("/", ""),
}


class _Clauses(NamedTuple):
    from_ms: int
    span_ms: int | None = None
    skipped: int = 0
    times: int = 0
    chance: Decimal = Decimal(1)
    only: str | None = None


def _clauses(words: list[str], start_ms: int) -> _Clauses:
    found = _Clauses(start_ms)
    while words:
        word, words = words[0], words[1:]
        if found_times := re.fullmatch(r"x(\d+|\*)", word):
            times = found_times[1]
            found = found._replace(times=ALWAYS if times == "*" else int(times))
        elif word in ("at", "for", "after", "p", "only"):
            if not words:
                raise ValueError(f"{word} needs something after it")
            asked, words = words[0], words[1:]
            if word == "at" and words and re.fullmatch(r"\d\d:\d\d(:\d\d)?", words[0]):
                asked, words = f"{asked}T{words[0]}", words[1:]
            found = _with_clause(found, word, asked, start_ms)
        else:
            raise ValueError(
                f"{word} is no clause; there are: at +10m, at 2024-05-01 12:00, for 1h, after 3, x5, x*, "
                "p 0.1, only entries"
            )
    return found


def _with_clause(found: _Clauses, word: str, asked: str, start_ms: int) -> _Clauses:
    if word == "at":
        return found._replace(from_ms=_time_ms(asked, start_ms))
    if word == "for":
        return found._replace(span_ms=_span(asked))
    if word == "after":
        return found._replace(skipped=_whole(asked))
    if word == "p":
        chance = _ratio(asked)
        if not 0 <= chance <= 1:
            raise ValueError(f"p {asked}: a chance lies between 0 and 1")
        return found._replace(chance=chance)
    if asked not in ("entries", "exits"):
        raise ValueError(f"only {asked}: write only entries or only exits")
    return found._replace(only=asked)


def _time_ms(text: str, start_ms: int) -> int:
    if text.startswith("+"):
        return start_ms + _span(text)
    if text.isdigit():
        return int(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is no time; write +10m or 2024-05-01 12:00 (UTC)") from None
    when = when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when  # noqa: UP017
    return int(when.timestamp() * 1000)


def _bracketed(text: str) -> tuple[str, str]:
    """What stands in the brackets that `text` opens with, and what follows them. Quotes hide brackets."""
    quote = ""
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == ")":
            return text[1:at], text[at + 1 :]
    raise ValueError("the bracket is not closed")


def _parts(text: str, separator: str) -> Iterator[str]:
    """The parts between separators outside of quotes."""
    quote, part = "", ""
    for letter in text:
        if letter == separator and not quote:
            yield part
            part = ""
            continue
        if letter in "'\"":
            quote = "" if quote == letter else (quote or letter)
        part += letter
    yield part
