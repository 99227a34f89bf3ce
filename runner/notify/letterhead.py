"""What a receiver reads: one alert, or a digest of many.

In: letters to one sink. Out: title, body and how urgent. The id stands in every message, so that a repeated
one can be told from a new one.
Refuses to know: sinks, lengths that a service takes (the worker cuts), how it is sent.
"""

from collections.abc import Sequence
from typing import NamedTuple

from runner.domain.alert import SEVERITIES, Alert, Letter, Severity
from runner.domain.time import format_time

DIGEST_LENGTH_MAX = 3_000  # characters
_LINE_LENGTH_MAX = 160  # of one alert in a digest


class Message(NamedTuple):
    """Plain text; `foot` tells it from other messages and is never cut; `severity` is the worst alert's."""

    title: str
    body: str
    foot: str
    severity: Severity


def message_of(letters: Sequence[Letter]) -> Message:
    """One letter whole, many as a digest."""
    alerts = [letter.alert for letter in letters]
    return _single(alerts[0]) if len(alerts) == 1 else _digest(alerts)


def _single(alert: Alert) -> Message:
    foot = f"{format_time(alert.time_ms)} UTC · run {alert.run} · #{alert.id}"
    return Message(f"{_urgency(alert.severity)}{alert.event} · {alert.run}", alert.text, foot, alert.severity)


def _digest(alerts: Sequence[Alert]) -> Message:
    """The gravest first, then the oldest; what does not fit is counted, never left out silently."""
    ordered = sorted(alerts, key=lambda alert: (-SEVERITIES.index(alert.severity), alert.time_ms))
    lines: list[str] = []
    room = DIGEST_LENGTH_MAX
    for alert in ordered:
        line = _line(alert)
        if room < len(line):
            break
        lines.append(line)
        room -= len(line) + 1
    if len(lines) < len(ordered):
        lines.append(f"… and {len(ordered) - len(lines)} more; all of them are in the journal")
    runs = sorted({alert.run for alert in alerts})
    about = runs[0] if len(runs) == 1 else f"{len(runs)} runs"
    severity = ordered[0].severity
    return Message(f"{_urgency(severity)}{len(alerts)} alerts · {about}", "\n".join(lines), "", severity)


def _line(alert: Alert) -> str:
    text = " ".join(alert.text.split())
    cut = text if len(text) <= _LINE_LENGTH_MAX else f"{text[: _LINE_LENGTH_MAX - 1]}…"
    return f"{format_time(alert.time_ms)} {_urgency(alert.severity)}{alert.event}: {cut} #{alert.id}"


def _urgency(severity: Severity) -> str:
    return "" if severity == "info" else f"{severity.upper()} "
