"""An operator's word, written into the journal from elsewhere, and what the core is told of it.

In: a desk, entries that others wrote about this run. Out: the core's state as the operator wants it.
Refuses to know: how the word got into the journal, orders.
"""

from collections.abc import Iterable

from runner.domain.entry import Entry
from runner.domain.session_event import Halted, Resumed, StateSet
from runner.live.adopt import leaving
from runner.live.book import fold
from runner.live.close import resumed
from runner.live.desk import Desk


def hear(desk: Desk, entries: Iterable[Entry]) -> None:
    """Believe what others wrote, and do what it says."""
    for entry in entries:
        desk.book = fold(desk.book, entry)
        match entry.event:
            case Halted(level, reason) if level != "no_entries":
                state = leaving(desk.book.state, desk.exchange_ms())
                desk.record(desk.entry(StateSet(state, f"operator: {reason}")))
            case Resumed(reason):
                desk.record(desk.entry(StateSet(resumed(desk.book.state), f"operator: {reason}")))
        desk.changed.set()


def catch_up(desk: Desk) -> None:
    """An operator resumed while nobody was there to hear it."""
    if desk.book.resume_due:
        desk.record(desk.entry(StateSet(resumed(desk.book.state), "operator: resumed while away")))
