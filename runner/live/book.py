"""What a session knows, as a fold over its journal: nothing else is remembered, so a restart forgets nothing.

In: the book and the next journal entry. Out: the next book.
Refuses to know: the wire, the database, the clock. The same function folds an entry just written and one read
back after a crash.
Source: design "memory is rebuilt from the journal only"; the core's `decide`, `apply`, `settle`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from runner.core.apply import apply, settle
from runner.core.decide import decide
from runner.domain.bar import Bar, Row
from runner.domain.entry import Entry
from runner.domain.order import ENTRY, NO_ORDER, REVERSE
from runner.domain.order_event import (
    Answered,
    Filled,
    FundingPaid,
    Intended,
    OrderUpdated,
    PositionSet,
    Resolved,
    Sending,
    Transferred,
)
from runner.domain.plan import Plan
from runner.domain.position import State, initial_state
from runner.domain.session_event import (
    CHECKPOINT,
    Banned,
    BarClosed,
    Decided,
    Halted,
    LimitTripped,
    Mismatched,
    Resumed,
    StateSet,
)
from runner.domain.venue import Kind, Request, Status, VenueOrder
from runner.live.actions import Own, Phase, is_protected
from runner.live.ids import Leg, parse_client_id
from runner.live.wanted import held_quantity

WOULD_TRIGGER = -2021  # "Order would immediately trigger": the price is already through the stop
STOP_SILENT = "the price is through the stop, and nothing was executed"
STOP_HANGS = "the stop has triggered, and does not execute"
STOPS_REJECTED_MAX = 3  # then the position leaves at the market: a position without a stop is no option

KNOWN_MAX = 200  # of what is remembered to recognise late news
KNOWN_MS = 2 * 86_400_000

_ANSWERS = {"acked": Phase.OPEN, "unknown": Phase.UNKNOWN, "duplicate": Phase.UNKNOWN}
_PHASES = {
    Status.RESTING: Phase.OPEN,
    Status.PARTLY_FILLED: Phase.OPEN,
    Status.TRIGGERED: Phase.TRIGGERED,
}


@dataclass(frozen=True, slots=True)
class Book:
    """`orders` are ours by client id, ended ones of the present trade included.

    `filled_told` is what the exchange said of each order's filled quantity: where it is more than the
    trades that were applied, trades are missing and have to be read.
    """

    plan: Plan
    state: State
    orders: Mapping[str, Own] = field(default_factory=dict)
    attempts: Mapping[tuple[str, Leg, int], int] = field(default_factory=dict)
    requests: Mapping[str, Request] = field(default_factory=dict)
    filled_told: Mapping[str, Decimal] = field(default_factory=dict)
    venue_ids: Mapping[str, str] = field(default_factory=dict)  # the exchange's order id → our client id
    trade_intent: str = ""  # of the entry behind the present trade: its stop and targets carry it, too
    closed_bar: tuple[Bar, Row] | None = None
    decided_ms: int = 0  # the close that was decided last
    entry_ms: int = 0  # the close that decided the entry now wanted, or wanted last
    beyond_stop: bool = False  # the stop cannot protect: leave at the market
    stops_rejected: int = 0  # in a row
    told_loss_day: int = -1  # the UTC day whose loss limit was told of
    told_drawdown: bool = False
    halted: Halted | None = None
    resume_due: bool = False  # an operator resumed, and the core was not told yet
    started_ms: int = 0  # of the run
    banned_until_ms: int = 0
    traded_ms: int = 0  # the latest execution applied
    applied_trades: Mapping[str, int] = field(default_factory=dict)  # id → when; only recent ones
    taken_over_ms: int = 0  # executions up to then are in a position that was taken over from the exchange
    incomes: frozenset[str] = frozenset()
    income_ms: int = 0
    last_close: float = 0.0

    @property
    def live_orders(self) -> tuple[Own, ...]:
        """Our orders that have not ended."""
        return tuple(order for order in self.orders.values() if order.phase is not Phase.ENDED)

    @property
    def unknown_orders(self) -> tuple[Own, ...]:
        """Our orders whose fate is not known, those under way included."""
        return tuple(o for o in self.orders.values() if o.phase in (Phase.SENDING, Phase.UNKNOWN))

    def is_unknown(self, client_id: str) -> bool:
        """Whether this order's fate is not known."""
        own = self.orders.get(client_id)
        return own is not None and own.phase in (Phase.SENDING, Phase.UNKNOWN)

    def is_standing(self, client_id: str) -> bool:
        """Whether this is an order of ours that has not ended, as far as we know."""
        own = self.orders.get(client_id)
        return own is not None and own.phase is not Phase.ENDED

    def trades_missing(self) -> bool:
        """Whether the exchange told of executions that were not applied yet."""
        known = self.orders
        return any(name in known and told > known[name].filled for name, told in self.filled_told.items())


def new_book(plan: Plan) -> Book:
    """Before the first entry."""
    return Book(plan, initial_state(plan.capital_usdt))


def folded(book: Book, entries: Iterable[Entry]) -> Book:
    """The book after these entries, in their order."""
    for entry in entries:
        book = fold(book, entry)
    return book


def fold(book: Book, entry: Entry) -> Book:
    """The book after one more entry."""
    match entry.event:
        case StateSet(state, why):
            return book if why == CHECKPOINT else _state_set(book, entry, state)
        case BarClosed(bar, row):
            return replace(book, closed_bar=(bar, row))
        case Decided():
            return _decided(book)
        case FundingPaid() | Transferred():
            return _paid(book, entry)
        case PositionSet():
            return replace(book, taken_over_ms=max(book.taken_over_ms, entry.time_ms))
        case LimitTripped(limit):
            return _told(book, limit)
        case Halted() as halted:
            return replace(book, halted=halted)
        case Resumed():
            return replace(book, halted=None, resume_due=True)
        case Mismatched(what=what) if what in (STOP_SILENT, STOP_HANGS):
            return replace(book, beyond_stop=True)
        case Banned(until_ms):
            return replace(book, banned_until_ms=max(until_ms, book.banned_until_ms))
        case Intended() as intended:
            return _intended(book, entry, intended)
        case _:
            return _order_event(book, entry)


def _order_event(book: Book, entry: Entry) -> Book:
    match entry.event:
        case Sending() as sending:
            return _sending(book, entry, sending)
        case Answered() as answered:
            return _answered(book, entry, answered)
        case Resolved(resolution):
            if resolution == "absent":
                return _changed(book, entry.client_id, phase=Phase.ENDED)
            if not book.is_unknown(entry.client_id or ""):
                return book  # its own news came first
            return _changed(book, entry.client_id, phase=Phase.OPEN)
        case OrderUpdated(order):
            return _updated(book, order)
        case Filled() as filled:
            return _filled(book, entry, filled)
        case _:
            return book


def _state_set(book: Book, entry: Entry, state: State) -> Book:
    started_ms = book.started_ms or entry.time_ms
    told = book.told_drawdown and state.guard.drawdown_hit
    book = replace(book, state=state, started_ms=started_ms, resume_due=False, told_drawdown=told)
    return book if state.position.quantity != 0.0 else _calm(book)


def _told(book: Book, limit: str) -> Book:
    """A limit is told of once, until it is lifted."""
    if limit == "daily_loss":
        return replace(book, told_loss_day=book.state.guard.daily_loss_day)
    return replace(book, told_drawdown=True)


def _calm(book: Book) -> Book:
    """Nothing is open: what went wrong with a stop is over with it."""
    return replace(book, beyond_stop=False, stops_rejected=0)


def _decided(book: Book) -> Book:
    assert book.closed_bar is not None
    bar, row = book.closed_bar
    state = decide(book.plan, book.state, bar, row)
    told = book.told_drawdown and state.guard.drawdown_hit
    book = replace(book, state=state, closed_bar=None, decided_ms=bar.close_time_ms, told_drawdown=told)
    book = replace(book, last_close=bar.close)
    market, entry = state.orders.market, state.orders.entry
    fresh = (market.reason in (ENTRY, REVERSE) and market.placed_ms == book.decided_ms) or (
        entry.kind != NO_ORDER and entry.placed_ms == book.decided_ms
    )
    return replace(book, entry_ms=book.decided_ms) if fresh else book


def _paid(book: Book, entry: Entry) -> Book:
    incomes = book.incomes | {entry.fact} if entry.fact else book.incomes
    book = replace(book, incomes=incomes, income_ms=max(book.income_ms, entry.time_ms))
    if isinstance(entry.event, FundingPaid) and entry.event.settled_usdt is not None:
        return replace(book, state=settle(book.plan, book.state, entry.event.settled_usdt))
    return book


def _intended(book: Book, entry: Entry, intended: Intended) -> Book:
    known = book.requests
    if any(leg.name == "entry" for leg in intended.legs):  # what was promised to entries that came to nothing
        known = {name: request for name, request in known.items() if book.is_standing(name)}
    requests = {**known, **{leg.request.client_id: leg.request for leg in intended.legs}}
    is_entry = any(leg.name == "entry" for leg in intended.legs)
    trade = entry.intent if is_entry and entry.intent else book.trade_intent
    return replace(book, requests=requests, trade_intent=trade)


def _sending(book: Book, entry: Entry, sending: Sending) -> Book:
    client_id = entry.client_id or ""
    if sending.action == "cancel":
        return _changed(book, client_id, cancel_ms=entry.time_ms)
    request, parts = sending.request or book.requests.get(client_id), parse_client_id(client_id)
    assert request is not None
    assert parts is not None
    own = Own(parts, request, Phase.SENDING, Decimal(0), entry.time_ms, signed_ms=sending.signed_at_ms)
    attempts = {**book.attempts, (parts.intent, parts.leg, parts.place): parts.attempt}
    book = _without_spent(book)
    return replace(book, orders={**book.orders, client_id: own}, attempts=attempts)


def _answered(book: Book, entry: Entry, answered: Answered) -> Book:
    """An answer to a cancel proves nothing about fills: the order's own news do."""
    own = book.orders.get(entry.client_id or "")
    if own is None or own.phase is Phase.ENDED:
        return book
    if answered.action == "cancel":
        gone = answered.outcome in ("rejected", "retry", "not_sent")
        return _changed(book, entry.client_id, cancel_ms=0) if gone else book
    if answered.venue_order_id:
        book = replace(book, venue_ids={**book.venue_ids, answered.venue_order_id: str(own.id)})
    if own.phase not in (Phase.SENDING, Phase.UNKNOWN):
        return book  # the stream was quicker, and it knows
    if answered.outcome in ("retry", "not_sent"):  # surely nothing: as if it had not been sent
        orders = {name: order for name, order in book.orders.items() if order is not own}
        return replace(book, orders=orders)
    phase = _ANSWERS.get(answered.outcome, Phase.ENDED)
    book = _changed(book, entry.client_id, phase=phase)
    return _judged_stop(book, own, answered)


def _judged_stop(book: Book, own: Own, answered: Answered) -> Book:
    """A stop that is refused because the price is through it is its own signal; one that is refused for other
    reasons, again and again, leaves no other way out than the market, unless an older one still covers all.
    """
    held = held_quantity(book.plan, book.state)
    if own.id.leg is not Leg.STOP or own.request.kind is Kind.MARKET or own.request.side * held >= 0:
        return book
    rejected = book.stops_rejected + 1 if answered.outcome == "rejected" else 0
    naked = not is_protected(book.orders.values(), held)
    through = answered.code == WOULD_TRIGGER or (rejected >= STOPS_REJECTED_MAX and naked)
    return replace(book, stops_rejected=rejected, beyond_stop=book.beyond_stop or through)


def _updated(book: Book, order: VenueOrder) -> Book:
    """What the exchange tells of one order. It has ended for us when its executions are applied, too."""
    own = book.orders.get(order.client_id)
    if own is None:
        return book
    before = book.filled_told.get(order.client_id, own.filled)  # older news may come later
    told = {**book.filled_told, order.client_id: max(order.filled_quantity, own.filled, before)}
    known = {name: order.client_id for name in (order.venue_order_id, order.child_id) if name}
    book = replace(book, filled_told=told, venue_ids={**book.venue_ids, **known})
    if own.phase is Phase.ENDED:
        return book
    phase = _PHASES.get(order.status, Phase.ENDED)
    is_child = order.kind is Kind.MARKET and own.request.kind is not Kind.MARKET
    if phase is Phase.OPEN and (is_child or own.phase is Phase.TRIGGERED):
        phase = Phase.TRIGGERED  # news in any order: what has triggered rests no more
    return _changed(book, order.client_id, phase=phase)


def _filled(book: Book, entry: Entry, filled: Filled) -> Book:
    was_flat = book.state.position.quantity == 0.0
    if filled.applied is not None:
        book = replace(book, state=apply(book.plan, book.state, filled.applied))
    elif filled.settled_usdt is not None:
        book = replace(book, state=settle(book.plan, book.state, filled.settled_usdt))
    traded_ms = max(book.traded_ms, entry.time_ms)
    applied = {**book.applied_trades, filled.trade_id: entry.time_ms}
    if len(applied) > KNOWN_MAX:
        applied = {name: at for name, at in applied.items() if at >= traded_ms - KNOWN_MS}
    book = replace(book, traded_ms=traded_ms, applied_trades=applied)
    own = book.orders.get(entry.client_id or "")
    if own is not None:
        done = own.filled + filled.quantity
        ended = done >= own.request.quantity or own.phase is Phase.ENDED
        phase = Phase.ENDED if ended else Phase.OPEN if own.phase is not Phase.TRIGGERED else own.phase
        book = replace(book, orders={**book.orders, str(own.id): replace(own, filled=done, phase=phase)})
    if book.state.position.quantity != 0.0:
        return _calm(book) if was_flat else book
    return _pruned(_calm(book))


def _pruned(book: Book) -> Book:
    """Flat: what ended with the trade is not needed any more; what still rests is. A stop that has triggered
    has nothing left to close.
    """
    orders = {name: own for name, own in book.orders.items() if own.phase is not Phase.ENDED}
    orders = {
        name: replace(own, phase=Phase.ENDED) if own.phase is Phase.TRIGGERED else own
        for name, own in orders.items()
    }
    told = {name: figure for name, figure in book.filled_told.items() if name in orders}
    kept = {book.trade_intent} | {own.id.intent for own in orders.values()}
    recent = list(book.venue_ids.items())[-KNOWN_MAX:]
    return replace(
        book,
        orders=orders,
        filled_told=told,
        venue_ids=dict(recent),
        attempts={key: count for key, count in book.attempts.items() if key[0] in kept},
        requests={name: request for name, request in book.requests.items() if name in orders},
    )


def _without_spent(book: Book) -> Book:
    """A long trade moves its stop a thousand times: of those that ended, the latest are enough."""
    if len(book.orders) <= KNOWN_MAX:
        return book
    spent = [name for name, own in book.orders.items() if own.phase is Phase.ENDED and own.filled == 0]
    gone = set(spent[: -KNOWN_MAX // 2])
    return replace(
        book,
        orders={name: own for name, own in book.orders.items() if name not in gone},
        filled_told={name: figure for name, figure in book.filled_told.items() if name not in gone},
        venue_ids={number: name for number, name in book.venue_ids.items() if name not in gone},
    )


def _changed(
    book: Book, client_id: str | None, *, phase: Phase | None = None, cancel_ms: int | None = None
) -> Book:
    own = book.orders.get(client_id or "")
    if own is None:
        return book
    own = replace(
        own,
        phase=own.phase if phase is None else phase,
        cancel_ms=own.cancel_ms if cancel_ms is None else cancel_ms,
    )
    return replace(book, orders={**book.orders, str(own.id): own})
