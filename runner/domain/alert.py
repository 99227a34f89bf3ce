"""An alert, what it may be about, and the outbox it waits in until every sink has it.

In: facts of a run. Out: values with an id that is the same whenever the same thing is said; the Protocol
between whoever keeps the outbox (the journal) and whoever empties it (notify).
Refuses to know: URLs, networks, databases. A sink is named as the document names it (`env:ALERT_URL`).
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, get_args

Event = Literal["entry", "exit", "limit", "error", "health", "session"]
Severity = Literal["info", "warning", "critical"]

# What each event covers: the words of the language, its schema and its documentation.
EVENTS: dict[Event, str] = {
    "entry": "a position was opened or grew",
    "exit": "a position was closed or shrank",
    "limit": "a limit of the document stopped entries, closed the position or halted the bot",
    "error": "something failed: a rejected order, an unprotected position, an exchange that refuses",
    "health": "the feed is stale, the connection came back, the clock is off, the bot is silent",
    "session": "the bot was started, stopped, halted or resumed, by itself or by an operator",
}
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

TEXT_LENGTH_MAX = 4_000  # characters; every sink has a shorter or longer limit of its own
SINKS_MAX = 8  # of one document


class Alert(NamedTuple):
    """`id` tells a repeated message from a new one, here and at the receiver; `run` is what it is about."""

    id: str
    event: Event
    severity: Severity
    text: str
    run: str
    time_ms: int


class Letter(NamedTuple):
    """One alert on its way to one sink; `tries` have failed so far."""

    alert: Alert
    sink: str
    tries: int


class Outbox(Protocol):
    """Letters that are not delivered yet. What was put stays due until `delivered`, crashes included:
    at least once for each sink, and a second letter of the same id and sink is no letter.
    """

    def due(self, sink: str, now_ms: int, limit: int) -> Sequence[Letter]:
        """The oldest letters to one sink whose time has come, at most `limit`."""
        ...

    def delivered(self, letters: Sequence[Letter], now_ms: int) -> None:
        """The sink took them; all of them in one commit."""
        ...

    def failed(self, letters: Sequence[Letter], until_ms: int, why: str) -> None:
        """Not due again before `until_ms`, one more try counted; `why` holds no secret. One commit."""
        ...

    def backlog(self) -> int:
        """How many letters are not delivered."""
        ...


def alert(event: Event, severity: Severity, text: str, *, run: str, time_ms: int, about: str = "") -> Alert:
    """The alert, its id a function of what it stands for: `about` (an intent, an order, a limit with its
    day), else the text and its time.
    """
    cut = text if len(text) <= TEXT_LENGTH_MAX else f"{text[: TEXT_LENGTH_MAX - 1]}…"
    stands_for = "|".join((run, event, about or f"{time_ms}|{cut}"))
    digest = hashlib.sha256(stands_for.encode()).digest()
    return Alert(base64.b32encode(digest).decode().lower()[:16], event, severity, cut, run, time_ms)
