"""The journal's entries: the table of their kinds, and the stamp that every entry carries.

In: events (`session_event.py`, `order_event.py`). Out: values that the journal writes, and that replay, audit
and recovery read again.
Refuses to know: databases, hashes, what any of it leads to.
"""

from dataclasses import dataclass

from runner.domain.order_event import (
    Answered,
    EquityMarked,
    Filled,
    FundingPaid,
    Intended,
    OrderUpdated,
    PositionSet,
    Protected,
    Resolved,
    Sending,
    Transferred,
)
from runner.domain.session_event import (
    Alerted,
    Banned,
    BarClosed,
    BookKept,
    Commanded,
    Decided,
    Halted,
    LimitTripped,
    Mismatched,
    RecoveryStep,
    Reloaded,
    Reported,
    Resumed,
    RolledBack,
    RunEnded,
    RunStarted,
    SessionChanged,
    SessionStarted,
    StateSet,
)

PAYLOAD_BYTES_MAX = 256 * 1024  # of one entry as JSON; longer texts are kept by hash
TEXT_BYTES_MAX = 64 * 1024 * 1024  # of a document, a hook, a plan, a report

Event = (
    RunStarted
    | SessionStarted
    | SessionChanged
    | RunEnded
    | Reloaded
    | StateSet
    | BookKept
    | BarClosed
    | Decided
    | Intended
    | Sending
    | Answered
    | Resolved
    | OrderUpdated
    | Filled
    | Protected
    | FundingPaid
    | Transferred
    | PositionSet
    | EquityMarked
    | LimitTripped
    | Halted
    | Resumed
    | Banned
    | RecoveryStep
    | Mismatched
    | Commanded
    | RolledBack
    | Alerted
    | Reported
)

# The word each kind has in the journal. Never change one, never use one again for something else.
KINDS: dict[str, type[Event]] = {
    "run_started": RunStarted,
    "session_started": SessionStarted,
    "session_changed": SessionChanged,
    "run_ended": RunEnded,
    "reloaded": Reloaded,
    "state_set": StateSet,
    "book_kept": BookKept,
    "bar_closed": BarClosed,
    "decided": Decided,
    "intended": Intended,
    "sending": Sending,
    "answered": Answered,
    "resolved": Resolved,
    "order_updated": OrderUpdated,
    "filled": Filled,
    "protected": Protected,
    "funding_paid": FundingPaid,
    "transferred": Transferred,
    "position_set": PositionSet,
    "equity_marked": EquityMarked,
    "limit_tripped": LimitTripped,
    "halted": Halted,
    "resumed": Resumed,
    "banned": Banned,
    "recovery_step": RecoveryStep,
    "mismatched": Mismatched,
    "commanded": Commanded,
    "rolled_back": RolledBack,
    "alerted": Alerted,
    "reported": Reported,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal before it is written.

    `bot_hash` and `build` say what ran, `bar_ms` the close it belongs to. `fact` makes it idempotent: an
    entry whose fact is in the journal already is not written again.
    """

    run: str
    time_ms: int
    event: Event
    bot_hash: str = ""
    build: str = ""
    bar_ms: int | None = None
    intent: str | None = None
    client_id: str | None = None
    attempt: int | None = None
    fact: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of the journal as it stands there; `hash` covers all of it and `prev_hash`."""

    seq: int
    entry: Entry
    prev_hash: str
    hash: str


def trade_fact(symbol: str, trade_id: str) -> str:
    """A fill's fact: trade ids are unique within a symbol of an account, and so within a journal."""
    return f"trade:{symbol}:{trade_id}"


def income_fact(kind: str, transaction_id: str) -> str:
    """A funding payment's or transfer's fact."""
    return f"income:{kind}:{transaction_id}"
