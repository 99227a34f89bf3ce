"""Alerts: where a bot says what happens to it, and which happenings it says there.

In: plain trees. Out: frozen parts of the document. Refuses to know: URLs – a document names where one is
kept, since URLs of sinks hold tokens and passwords – and how anything is sent.
"""

import re
from typing import Annotated, get_args

from pydantic import Field

from runner.bot import leaves
from runner.bot.part import Part
from runner.domain.alert import Event

EVENT_NAMES: tuple[Event, ...] = get_args(Event)
SINK_PATTERN = r"^(env:[A-Za-z_][A-Za-z0-9_]{0,63}|vault:[a-z0-9][a-z0-9_-]{0,31})$"


def _sink(text: str) -> str | None:
    return text if re.match(SINK_PATTERN, text) else None


_SINK = leaves.spelled(
    _sink,
    schema=leaves.pattern(
        SINK_PATTERN, "name where the URL is kept: env:ALERT_URL, or vault:phone (a URL itself holds secrets)"
    ),
)


class AlertSink(Part):
    """One receiver, and the events it hears of."""

    to: Annotated[str, _SINK] = Field(
        description="Where its apprise URL is kept: env:NAME (environment), or vault:NAME (runner keys)."
    )
    events: tuple[Event, ...] = Field(
        default=EVENT_NAMES,
        min_length=1,
        max_length=len(EVENT_NAMES),
        description="What it hears of: entry, exit, limit, error, health, session; all when absent.",
    )
