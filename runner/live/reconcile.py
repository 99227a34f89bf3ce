"""Our book beside the exchange's: what they say is made one, or the difference is named.

In: a desk, the account port. Out: journal entries, and a verdict.
Refuses to know: what is done about a difference. Reads only, and is sure only of what it read while nothing
of ours changed.
Source: design "REST reconcile as truth"; asked twice in a row, the second time changes nothing.
"""

from dataclasses import dataclass
from decimal import Decimal

from runner.domain.entry import income_fact
from runner.domain.order_event import (
    Answered,
    FundingPaid,
    OrderUpdated,
    Resolved,
    Sending,
    Transferred,
)
from runner.domain.session_event import Halted, Mismatched
from runner.domain.venue import AccountPort, Kind, Request, Snapshot, Status, VenueOrder
from runner.live.actions import Own, Phase
from runner.live.desk import Desk
from runner.live.ids import parse_client_id
from runner.live.inquiry import look_up
from runner.live.resolve import READ_LAG_MS, RECEIVE_WINDOW_MS
from runner.live.trades import read_trades
from runner.live.wanted import held_quantity

STRAY_MS = 2 * READ_LAG_MS  # what is seen for less may be an old picture of an order that has ended
STRAY = "an order of ours that the journal does not know"
TRIES_MAX = 5  # a busy account changes under the read; then the next round will do
INCOME_BACK_MS = 60_000
TAKEN_OVER_MS = 120_000  # so long what led to a position that was taken over may still turn up
CANCEL_MS_MAX = 5_000  # an order that rests so long after its cancel was not cancelled

_PHASE = {Status.TRIGGERED: Phase.TRIGGERED}


@dataclass(frozen=True, slots=True)
class Agreed:
    """Both say the same."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Differs:
    """The position is not what our executions make of it."""

    snapshot: Snapshot
    ours: Decimal


@dataclass(frozen=True, slots=True)
class Busy:
    """Something of ours changed during every read, or is of unknown fate: ask again."""


Verdict = Agreed | Differs | Busy


async def reconcile(desk: Desk, account: AccountPort) -> Verdict:
    """Read the account and make the book agree with it where that needs no decision. May raise ReadFailed."""
    for _ in range(TRIES_MAX):
        orders, trades = desk.book.orders, desk.book.applied_trades
        snapshot = await account.snapshot(desk.identity.symbol)
        if desk.book.orders is not orders or desk.book.applied_trades is not trades:
            continue
        desk.held_there, desk.account_ms = snapshot.position.quantity, desk.clock.now_ms()
        _judge_account(desk, snapshot)
        if await _match_orders(desk, account, snapshot):
            continue  # the book has learnt something: look again with that
        return await _match_position(desk, account, snapshot)
    return Busy()


def _judge_account(desk: Desk, snapshot: Snapshot) -> None:
    """Somebody set the account to what we do not trade in: nothing new until an operator has seen to it."""
    account = snapshot.account
    faults = [
        *([] if account.one_way else ["the account is in hedge mode"]),
        *([] if account.single_asset else ["the account is in multi-assets mode"]),
        *([] if account.can_trade else ["the exchange says that the account may not trade"]),
    ]
    if faults and desk.book.halted is None:
        desk.record(desk.entry(Halted("no_entries", "; ".join(faults), "runner")))


async def _match_orders(desk: Desk, account: AccountPort, snapshot: Snapshot) -> bool:
    """Whether anything was learnt about our orders."""
    told = {order.client_id: order for order in snapshot.orders}
    learnt = False
    for own in desk.book.live_orders:
        name = str(own.id)
        if name in told:
            learnt |= _told(desk, own, told[name])
        elif own.phase in (Phase.OPEN, Phase.TRIGGERED):
            learnt |= await _look_for(desk, account, own)
    for name, order in told.items():
        parts = parse_client_id(name)
        is_known = desk.book.is_standing(name) or order.status is Status.TRIGGERED  # which rests no more
        if parts is None or parts.bot != desk.identity.tag or is_known:
            desk.strays.pop(name, None)
        elif desk.clock.now_ms() - desk.strays.setdefault(name, desk.clock.now_ms()) > STRAY_MS:
            _take_in(desk, order)
            learnt = True
    return learnt


async def _look_for(desk: Desk, account: AccountPort, own: Own) -> bool:
    """An order of ours that rests no more; whether anything was learnt. One that the exchange has forgotten
    (it keeps cancelled ones for three days) has ended, when it stays forgotten.
    """
    name = str(own.id)
    if await look_up(desk, account, own) is not None:
        desk.forgotten.pop(name, None)
        return True
    since_ms = desk.forgotten.setdefault(name, desk.clock.now_ms())
    if desk.clock.now_ms() - since_ms < READ_LAG_MS:
        return False
    del desk.forgotten[name]
    event = Resolved("absent", "it rests in no book, and the exchange knows it no more")
    desk.record(desk.entry(event, intent=own.id.intent, client_id=name, attempt=own.id.attempt))
    return True


def _told(desk: Desk, own: Own, order: VenueOrder) -> bool:
    """What a resting order of ours says of itself, where it is news."""
    phase = _PHASE.get(order.status, Phase.OPEN)
    filled = desk.book.filled_told.get(str(own.id), own.filled)
    name = own.id
    if own.cancel_ms and desk.clock.now_ms() - own.cancel_ms > CANCEL_MS_MAX:
        event = Answered("cancel", "rejected", None, "it still rests")
        desk.record(desk.entry(event, intent=name.intent, client_id=str(name), attempt=name.attempt))
        return True
    if own.phase is phase and filled >= order.filled_quantity:
        return False
    told = OrderUpdated(order, "reconcile")
    desk.record(desk.entry(told, intent=name.intent, client_id=str(name), attempt=name.attempt))
    return True


def _take_in(desk: Desk, order: VenueOrder) -> None:
    """An order with our tag that the journal does not know: the journal is behind. From here on it is known,
    and what is not wanted is cancelled like any other.
    """
    parts = parse_client_id(order.client_id)
    assert parts is not None
    request = Request(
        client_id=order.client_id,
        symbol=order.symbol,
        kind=order.kind,
        side=order.side,
        quantity=order.quantity,
        price=order.price if order.kind is Kind.LIMIT else None,
        trigger_price=order.trigger_price,
        reduce_only=order.reduce_only,
    )
    if desk.book.halted is None:
        why = f"{STRAY}: {order.client_id}; the journal is older than the account"
        desk.record(desk.entry(Halted("no_entries", why, "runner")))
    events = (
        Mismatched(order.symbol, STRAY, "", order.client_id, "take in"),
        Sending("place", order.created_ms, RECEIVE_WINDOW_MS, request),
        OrderUpdated(order, "reconcile"),
    )
    name, intent, attempt = order.client_id, parts.intent, parts.attempt
    desk.record(*(desk.entry(one, intent=intent, client_id=name, attempt=attempt) for one in events))


async def _match_position(desk: Desk, account: AccountPort, snapshot: Snapshot) -> Verdict:
    theirs = snapshot.position.quantity
    is_fresh = desk.exchange_ms() - desk.book.taken_over_ms < TAKEN_OVER_MS
    if theirs != held_quantity(desk.book.plan, desk.book.state) or desk.book.trades_missing() or is_fresh:
        await read_trades(desk, account)
    if desk.book.unknown_orders or desk.book.trades_missing() or desk.forgotten:
        return Busy()
    ours = held_quantity(desk.book.plan, desk.book.state)
    return Agreed(snapshot) if theirs == ours else Differs(snapshot, ours)


async def read_income(desk: Desk, account: AccountPort) -> None:
    """Funding and transfers since the last look, each once. Funding is the core's; a transfer is nobody's
    profit.
    """
    symbol = desk.identity.symbol
    since_ms = max(desk.book.income_ms - INCOME_BACK_MS, desk.book.started_ms)
    for income in await account.income(symbol, since_ms):
        fact = income_fact(income.kind, income.income_id)
        if fact in desk.book.incomes:
            continue
        if income.kind == "FUNDING_FEE" and income.symbol == symbol:
            paid = FundingPaid(symbol, income.income_usdt, settled_usdt=float(income.income_usdt))
            desk.record(desk.entry(paid, fact=fact, time_ms=income.time_ms))
        elif income.kind == "TRANSFER":
            moved = Transferred(income.income_usdt, "transfer")
            desk.record(desk.entry(moved, fact=fact, time_ms=income.time_ms))
