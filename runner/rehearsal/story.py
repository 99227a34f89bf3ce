"""What a run's journal tells of the troubles it had: the reasons that a verdict may accept.

In: a run's entries. Out: sentences, by time. Refuses to know: backtests, what they are reasons for.
"""

from collections.abc import Iterable
from typing import NamedTuple

from runner.domain.entry import Entry, Event
from runner.domain.order_event import Answered, Filled, OrderUpdated, Resolved
from runner.domain.session_event import (
    CHECKPOINT,
    Banned,
    BarClosed,
    Halted,
    Mismatched,
    SessionChanged,
    StateSet,
)
from runner.domain.time import format_time
from runner.domain.venue import Kind, Status
from runner.live.states import SessionState
from runner.report.deviation import LATE_MS

DROPPED = "entry dropped"
ENDED_ALREADY = -2011
_ORDINARY = ("start", CHECKPOINT)


class Trouble(NamedTuple):
    """One line of the journal that is not business as usual; `bar_ms`: the close decided last."""

    time_ms: int
    bar_ms: int
    words: str

    def __str__(self) -> str:
        return f"{format_time(self.time_ms // 60_000 * 60_000)[11:]} {self.words}"


class Story:
    """The troubles of one run. `moments`: when the market itself was made to do what is not in the stored
    bars.
    """

    def __init__(self, entries: Iterable[Entry], moments: Iterable[tuple[int, str]] = ()) -> None:
        written = [
            Trouble(entry.time_ms, entry.bar_ms or 0, words)
            for entry in entries
            if not _is_ordinary(entry.event) and (words := _words(entry, entry.event))
        ]
        played = [Trouble(time_ms, 0, f"fault: {text}") for time_ms, text in moments]
        self.troubles = sorted([*written, *played], key=lambda one: one.time_ms)

    def between(self, from_ms: int, to_ms: int) -> str:
        """The first trouble in [from_ms, to_ms]; "" without one."""
        return next((str(one) for one in self.troubles if from_ms <= one.time_ms <= to_ms), "")

    def dropped(self, from_ms: int, to_ms: int) -> str:
        """Why an entry that was decided at a close in [from_ms, to_ms] was given up; "" when none was."""
        found = (one for one in self.troubles if from_ms <= one.bar_ms <= to_ms and DROPPED in one.words)
        return next((str(one) for one in found), "")


def _is_ordinary(event: Event) -> bool:
    """A target ends with its position, and whoever cancels it then hears that it has ended."""
    match event:
        case Answered("cancel", "rejected", code):
            return code == ENDED_ALREADY
        case OrderUpdated(order):
            return order.reduce_only and order.kind is Kind.LIMIT
        case _:
            return False


def _words(entry: Entry, event: Event) -> str:
    match event:
        case Answered(action, outcome, code, text) if outcome != "acked":
            said = f" {code}" if code is not None else ""
            words = text.partition("http")[0].strip()[:80]  # no URLs
            return f"{action} {outcome}{said}: {words}" if words else f"{action} {outcome}{said}"
        case OrderUpdated(order) if order.status in (Status.EXPIRED, Status.REJECTED):
            return (
                f"{order.client_id} {order.status.value}: {order.filled_quantity} of {order.quantity} filled"
            )
        case BarClosed(bar, received_ms=received_ms) if received_ms - bar.close_time_ms > LATE_MS:
            return f"the bar was read {(received_ms - bar.close_time_ms) / 1000:.0f} s after its close"
        case Resolved(resolution):
            return f"an order of unknown fate was {resolution}"
        case Banned():
            return "the exchange told us to wait"
        case Mismatched(what=what, ours=ours, theirs=theirs):
            return f"{what}: {ours} here, {theirs} there"
        case Halted(level, reason):
            return f"halted ({level}): {reason}"
        case SessionChanged(after=after, why=why) if after == SessionState.PROTECT_ONLY.value:
            return f"no new risk: {why}"
        case StateSet(why=why) if why not in _ORDINARY:
            return why
        case Filled(reason="by hand") | Filled(applied=None):
            return "somebody else traded the position"
        case _:
            return ""
