"""What one line of the log looks like: text for people, JSON for machines.

In: structlog's event dictionaries. Out: lines without secrets and without characters that steer a terminal.
Refuses to know: where lines go. Only a traceback has several lines; as text they are indented.
"""

import json
import unicodedata
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from runner.logs.redact import redact

_SHOWN_FIRST = ("timestamp", "level", "logger", "event")
_SHOWN_LAST = ("exception", "stack")


def as_json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """One JSON object; everything beyond ASCII is escaped, so nothing in it can steer a terminal."""
    ordered = {key: event[key] for key in (*_SHOWN_FIRST, *event) if key in event}
    return redact(json.dumps(ordered, default=str))


def as_text(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """`2024-03-14 09:15:00Z warning runner.feed: stale  age_s=31.2 run=r1`."""
    told = " ".join(
        f"{key}={_shown(event[key])}" for key in sorted(event) if key not in (*_SHOWN_FIRST, *_SHOWN_LAST)
    )
    when = str(event.get("timestamp", "")).replace("T", " ")
    head = f"{when} {event.get('level', ''):<7} {event.get('logger', '')}: {visible(str(event['event']))}"
    below = [
        f"    {visible(line)}" for key in _SHOWN_LAST if key in event for line in str(event[key]).splitlines()
    ]
    return redact("\n".join([f"{head}  {told}".rstrip(), *below]))


def visible(text: str) -> str:
    """Control characters, line ends and marks that turn the writing direction, as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        repr(mark)[1:-1] if unicodedata.category(mark) in ("Cc", "Cf", "Zl", "Zp", "Cs") else mark
        for mark in text
    )


def _shown(content: Any) -> str:
    text = visible(content if isinstance(content, str) else str(content))
    return json.dumps(text, ensure_ascii=False) if not text or any(c in ' "=' for c in text) else text
