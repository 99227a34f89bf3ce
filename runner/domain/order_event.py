"""What happens to orders, positions and money, as journal entries say it.

In: facts of a run. Out: frozen values; what the exchange says is kept in the words of `venue.py`.
Refuses to know: who writes them down, the wire. All figures are Decimal, as the exchange has them; what the
core was given stands beside them as the core's own floats: replay has to hand it the very same bits.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from runner.domain.gate import Gate
from runner.domain.order import Fill
from runner.domain.venue import Request, VenueOrder

LegName = Literal["entry", "exit", "stop", "target"]
Action = Literal["place", "cancel"]
OutcomeName = Literal["acked", "rejected", "retry", "duplicate", "unknown", "not_sent"]
Resolution = Literal["found", "absent"]


@dataclass(frozen=True, slots=True)
class Leg:
    """One order of an intent, complete: whoever finds it after a crash knows how to send or protect it."""

    name: LegName
    request: Request


@dataclass(frozen=True, slots=True)
class Intended:
    """Committed before the first byte of any of its orders; an entry's stop is one of its legs.

    `rule` leads back: a rule's path (`entry.long`), `protect`, `operator`, `recovery`; `why` says it in
    words.
    """

    symbol: str
    rule: str
    side: int
    legs: tuple[Leg, ...]
    deadline_ms: int
    why: str = ""
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True)
class Sending:
    """Committed before the bytes leave; `attempt` and `client_id` stand in the entry's stamp.

    `request` is what is sent where that is not the leg's own: a retry, a smaller exit.
    """

    action: Action
    signed_at_ms: int
    receive_window_ms: int
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What the exchange's answer to a sending means; `code` and `text` are the exchange's own."""

    action: Action
    outcome: OutcomeName
    code: int | None = None
    text: str = ""
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of an unknown sending, and how that is known."""

    resolution: Resolution
    evidence: str
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True)
class OrderUpdated:
    """An order of ours as the exchange told it, and over which way (stream, read)."""

    order: VenueOrder
    via: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """One execution, applied once: its entry has `trade_fact` as its fact.

    `applied` is what the core was given; None: not the core's (a hand's, a second part told as one, an
    execution whose quantity came with a position that was taken over: of that `settled_usdt` is the money).
    Figures from `slippage_usdt` on are known to runs over stored bars only; without `position_after`
    the journal adds up.
    """

    symbol: str
    side: int
    quantity: Decimal
    price: Decimal
    fee_usdt: Decimal
    maker: bool
    reason: str
    trade_id: str
    venue_order_id: str = ""
    realised_pnl_usdt: Decimal | None = None
    applied: Fill | None = None
    slippage_usdt: Decimal | None = None
    risk_usdt: Decimal | None = None
    position_after: Decimal | None = None
    settled_usdt: float | None = None


@dataclass(frozen=True, slots=True)
class Protected:
    """A stop is seen resting behind the whole position, or it is not any more."""

    symbol: str
    protected: bool
    trigger_price: Decimal | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FundingPaid:
    """Received is positive. `settled_usdt` is what the core was given; None: it was not told."""

    symbol: str
    payment_usdt: Decimal
    settled_usdt: float | None = None
    funding_rate: Decimal | None = None
    mark_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Transferred:
    """Money moved by somebody, into the account is positive: never profit or loss."""

    moved_usdt: Decimal
    what: str


@dataclass(frozen=True, slots=True)
class PositionSet:
    """The position as it is where it cannot follow from our fills: found at the start, adopted, corrected."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class EquityMarked:
    """The account at a moment; `position` is signed."""

    equity_usdt: Decimal
    cash_usdt: Decimal
    position: Decimal = Decimal(0)
    mark_price: Decimal | None = None
