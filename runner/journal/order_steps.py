"""What order, fill and money events change in the rows.

In: a view, a recorded entry, its event. Out: rows put into the view.
Refuses to know: SQL, commits, runs as such.

An order's status: planned (nothing of it is at the exchange) → sending → resting | unknown | rejected, then
what the exchange says (`Status`); `absent`: proven not to exist. Who tries again does so under another client
id.
"""

from decimal import Decimal

from runner.domain.entry import Recorded
from runner.domain.order_event import (
    Answered,
    EquityMarked,
    Filled,
    FundingPaid,
    Intended,
    LegName,
    OrderUpdated,
    PositionSet,
    Protected,
    Resolved,
    Sending,
)
from runner.domain.venue import Kind, Request, Status
from runner.journal.rows import EquityRow, FillRow, Intent, OrderRow, PositionRow, Run
from runner.journal.view import View

ZERO = Decimal(0)
OPEN = ("sending", "unknown", "resting", "partly_filled", "triggered")
_REDUCING: dict[Kind, LegName] = {Kind.STOP_MARKET: "stop", Kind.MARKET: "exit"}
ANSWERS = {
    "acked": "resting",
    "rejected": "rejected",
    "retry": "rejected",
    "not_sent": "absent",
    "duplicate": "unknown",
    "unknown": "unknown",
}


def intended(view: View, line: Recorded, event: Intended) -> None:
    """The intent and its orders, planned."""
    entry = line.entry
    intent = entry.intent or ""
    view.put(
        Intent(
            run=entry.run,
            intent=intent,
            seq=line.seq,
            time_ms=entry.time_ms,
            bar_ms=entry.bar_ms,
            symbol=event.symbol,
            rule=event.rule,
            side=event.side,
            deadline_ms=event.deadline_ms,
            why=event.why,
            bot_hash=entry.bot_hash,
            build=entry.build,
        )
    )
    for leg in event.legs:
        if view.get(OrderRow, entry.run, leg.request.client_id) is None:
            view.put(_planned(line, intent, leg.name, leg.request))


def _planned(line: Recorded, intent: str | None, leg: str, request: Request) -> OrderRow:
    return OrderRow(
        run=line.entry.run,
        client_id=request.client_id,
        intent=intent,
        leg=leg,
        symbol=request.symbol,
        kind=str(request.kind),
        side=request.side,
        quantity=request.quantity,
        price=request.price,
        trigger_price=request.trigger_price,
        reduce_only=request.reduce_only,
        status="planned",
        seq=line.seq,
    )


def _leg_of(request: Request) -> LegName:
    """Of an order that no intent names: a further try, a stop at another price."""
    if not request.reduce_only:
        return "entry"
    return _REDUCING.get(request.kind, "target")


def _order(view: View, line: Recorded) -> OrderRow | None:
    return view.get(OrderRow, line.entry.run, line.entry.client_id)


def sending(view: View, line: Recorded, event: Sending) -> None:
    """The order is on its way, or its cancellation is."""
    order = _order(view, line)
    if event.request is not None:
        order = _as_sent(line, order, event.request)
    if order is None:
        return
    if event.action == "cancel":
        view.put(order._replace(cancel_asked=True, seq=line.seq))
        return
    view.put(
        order._replace(
            status="sending",
            attempts=line.entry.attempt or order.attempts + 1,
            signed_ms=event.signed_at_ms,
            receive_window_ms=event.receive_window_ms,
            seq=line.seq,
        )
    )


def _as_sent(line: Recorded, order: OrderRow | None, request: Request) -> OrderRow:
    """What goes out, which may be another price or quantity than was promised with the entry."""
    if order is None:
        return _planned(line, line.entry.intent, _leg_of(request), request)
    return order._replace(
        kind=str(request.kind),
        side=request.side,
        quantity=request.quantity,
        price=request.price,
        trigger_price=request.trigger_price,
        reduce_only=request.reduce_only,
    )


def answered(view: View, line: Recorded, event: Answered) -> None:
    """What the answer makes of the order."""
    order = _order(view, line)
    if order is None:
        return
    told = order._replace(
        code=event.code,
        text=event.text,
        seq=line.seq,
        venue_order_id=event.venue_order_id or order.venue_order_id,
    )
    if event.action == "place" and order.status in ("sending", "unknown"):
        told = told._replace(status=ANSWERS[event.outcome])
    view.put(told)


def resolved(view: View, line: Recorded, event: Resolved) -> None:
    """An unknown sending is settled."""
    order = _order(view, line)
    if order is not None and order.status in ("sending", "unknown"):
        status = "resting" if event.resolution == "found" else "absent"
        found = event.venue_order_id or order.venue_order_id
        view.put(order._replace(status=status, venue_order_id=found, seq=line.seq))


def order_updated(view: View, line: Recorded, event: OrderUpdated) -> None:
    """The exchange's word, unless it is older than what is known."""
    told = event.order
    order = view.get(OrderRow, line.entry.run, told.client_id)
    if order is None:
        request = Request(
            client_id=told.client_id,
            symbol=told.symbol,
            kind=told.kind,
            side=told.side,
            quantity=told.quantity,
            price=told.price,
            trigger_price=told.trigger_price,
            reduce_only=told.reduce_only,
        )
        order = _planned(line, line.entry.intent, _leg_of(request), request)
    elif told.updated_ms < order.updated_ms or (_ended(order.status) and not told.status.ended):
        return  # older news than what is known
    view.put(
        order._replace(
            status=str(told.status),
            venue_order_id=told.venue_order_id or order.venue_order_id,
            filled_quantity=max(told.filled_quantity, order.filled_quantity),
            updated_ms=told.updated_ms,
            seq=line.seq,
        )
    )


def _ended(status: str) -> bool:
    """Ended by the exchange's word; `absent` and `rejected` are ours, and its word is the better one."""
    return status in (Status.FILLED, Status.CANCELLED, Status.EXPIRED)


def filled(view: View, line: Recorded, event: Filled) -> None:
    """The fill, and the position after it."""
    entry = line.entry
    view.put(
        FillRow(
            run=entry.run,
            seq=line.seq,
            time_ms=entry.time_ms,
            symbol=event.symbol,
            trade_id=event.trade_id,
            intent=entry.intent,
            client_id=entry.client_id,
            venue_order_id=event.venue_order_id,
            side=event.side,
            quantity=event.quantity,
            price=event.price,
            fee_usdt=event.fee_usdt,
            maker=event.maker,
            reason=event.reason,
            realised_pnl_usdt=event.realised_pnl_usdt,
        )
    )
    run = view.get(Run, entry.run)
    if run is not None:
        view.put(run._replace(fills=run.fills + 1))
    position = _grown(_position(view, line, event.symbol), event)
    view.put(position)
    order = _order(view, line) if entry.client_id is not None else None
    if order is not None:
        view.put(_executed(order, event, line.seq, is_flat=position.quantity == ZERO))


def _executed(order: OrderRow, fill: Filled, seq: int, *, is_flat: bool) -> OrderRow:
    """The order after an execution, whose end the exchange may never have told: a stream that broke, a
    process that died. A stop that has triggered ends with the position, whatever is left of it.
    """
    executed = order.executed_quantity + fill.quantity
    status = order.status
    if executed >= order.quantity or (status == Status.TRIGGERED and is_flat):
        status = str(Status.FILLED)
    elif status != Status.TRIGGERED:
        status = str(Status.PARTLY_FILLED)
    return order._replace(
        executed_quantity=executed, status=order.status if _ended(order.status) else status, seq=seq
    )


def _position(view: View, line: Recorded, symbol: str) -> PositionRow:
    known = view.get(PositionRow, line.entry.run, symbol)
    now = line.entry.time_ms
    if known is not None:
        return known._replace(updated_ms=now)
    return PositionRow(line.entry.run, symbol, ZERO, ZERO, ZERO, ZERO, ZERO, now)


def _grown(position: PositionRow, fill: Filled) -> PositionRow:
    """The position after a fill: the entry price is kept by a reduction and averaged by an increase; a flip
    closes the old and opens the rest at the fill's price.
    """
    held, change = position.quantity, fill.side * fill.quantity
    after = fill.position_after if fill.position_after is not None else held + change
    closing = min(abs(held), fill.quantity) if held * change < ZERO else ZERO
    gain = closing * (fill.price - position.entry_price) * (1 if held > ZERO else -1)
    gain = gain if fill.realised_pnl_usdt is None else fill.realised_pnl_usdt
    if after == ZERO:
        entry_price = ZERO
    elif after == held:  # it came after its position was taken over
        entry_price = position.entry_price
    elif closing == ZERO:
        entry_price = (abs(held) * position.entry_price + fill.quantity * fill.price) / (
            abs(held) + fill.quantity
        )
    else:
        entry_price = position.entry_price if after * held > ZERO else fill.price
    grown_position = position._replace(
        quantity=after,
        entry_price=entry_price,
        realised_pnl_usdt=position.realised_pnl_usdt + gain,
        fees_usdt=position.fees_usdt + fill.fee_usdt,
    )
    if after == ZERO:
        return grown_position._replace(protected=None, stop_price=None)
    return grown_position


def protected(view: View, line: Recorded, event: Protected) -> None:
    """Whether a stop rests behind the position."""
    position = _position(view, line, event.symbol)
    view.put(position._replace(protected=event.protected, stop_price=event.trigger_price))


def funding_paid(view: View, line: Recorded, event: FundingPaid) -> None:
    """The position's funding grows."""
    position = _position(view, line, event.symbol)
    view.put(position._replace(funding_usdt=position.funding_usdt + event.payment_usdt))


def position_set(view: View, line: Recorded, event: PositionSet) -> None:
    """The position is what it was found to be."""
    position = _position(view, line, event.symbol)
    view.put(position._replace(quantity=event.quantity, entry_price=event.entry_price))


def equity_marked(view: View, line: Recorded, event: EquityMarked) -> None:
    """A point of the equity curve."""
    view.put(
        EquityRow(
            line.entry.run, line.seq, line.entry.time_ms, event.equity_usdt, event.cash_usdt, event.position
        )
    )
