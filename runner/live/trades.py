"""Executions, each applied once, whichever way they are heard of first.

In: a desk, trades of the exchange. Out: `Filled` entries in the journal, and the core's next state by them.
Refuses to know: streams and reads apart, what should rest next.
Source: Binance's trade id is unique within a symbol; the journal refuses the same fact twice.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from runner.domain.entry import Entry, trade_fact
from runner.domain.order import OPERATOR, REASONS, Fill
from runner.domain.order_event import Filled, OrderUpdated
from runner.domain.venue import AccountPort, Book, VenueOrder, VenueTrade
from runner.live.actions import Own, Phase
from runner.live.book import Book as OurBook
from runner.live.desk import Desk
from runner.live.fills import fill_of, liquidation_of, stranger_of
from runner.live.ids import Leg
from runner.live.wanted import held_quantity

READ_BACK_MS = 60_000  # before the last execution known: trades appear late and out of order
LIQUIDATION_PREFIXES = ("autoclose-", "adl_autoclose", "settlement_autoclose-")


async def read_trades(desk: Desk, account: AccountPort, *, since_ms: int | None = None) -> int:
    """Ask for executions since the last one known, and apply what is new; how many. May raise ReadFailed.

    A row names the exchange's order alone. Whose that is, the orders say; an execution whose order cannot be
    seen yet waits for the next look.
    """
    start_ms = since_ms if since_ms is not None else max(_unread_since(desk.book) - READ_BACK_MS, 0)
    trades = await account.trades(desk.identity.symbol, start_ms)
    return apply_trades(desk, await _named(desk, account, trades))


def _unread_since(book: OurBook) -> int:
    """No execution before this is unknown: the last one known, or the oldest order that may have one."""
    sent = [own.sent_ms for own in book.live_orders]
    told = [book.orders[name].sent_ms for name in book.filled_told if name in book.orders]
    return min([*sent, *told, book.traded_ms or book.decided_ms or book.started_ms])


async def _named(desk: Desk, account: AccountPort, trades: Iterable[VenueTrade]) -> list[VenueTrade]:
    """Those whose owner is known now, the client id of a stranger's order filled in."""
    found: list[VenueTrade] = []
    strangers: dict[str, str] = {}
    for trade in trades:
        number = trade.venue_order_id
        if trade.trade_id in desk.book.applied_trades:
            continue
        if owner_of(desk.book, trade) is None and number not in strangers:
            order = await account.order_of(trade.symbol, number)
            if order is None:
                continue
            await _learn(desk, account, order)
            strangers[number] = order.client_id
        found.append(replace(trade, client_id=trade.client_id or strangers.get(number, "")))
    return found


async def _learn(desk: Desk, account: AccountPort, order: VenueOrder) -> None:
    """An order behind an execution: ours by its client id, else perhaps the market order of a stop of ours
    that has triggered.
    """
    mine = desk.book.orders.get(order.client_id)
    if mine is not None:
        _tell(desk, mine, order)
        return
    for own in desk.book.live_orders:
        if own.request.kind.book is Book.ALGO and own.request.side == order.side:
            algo = await account.look_up(own.request.symbol, str(own.id), Book.ALGO)
            if algo is not None:
                _tell(desk, own, algo)


def _tell(desk: Desk, own: Own, order: VenueOrder) -> None:
    name, told = own.id, OrderUpdated(order, "read")
    desk.record(desk.entry(told, intent=name.intent, client_id=str(name), attempt=name.attempt))


def apply_trades(desk: Desk, trades: Iterable[VenueTrade]) -> int:
    """Apply each trade that was not applied before, oldest first; how many those were."""
    fresh = [one for one in trades if one.trade_id not in desk.book.applied_trades]
    for trade in sorted(
        fresh, key=lambda one: (one.time_ms, int(one.trade_id) if one.trade_id.isdigit() else 0)
    ):
        desk.record(*_entries_of(desk, trade))
    return len(fresh)


def owner_of(book: OurBook, trade: VenueTrade) -> Own | None:
    """Our order behind a trade: by its client id, or by the exchange's id of the order or its child."""
    own = book.orders.get(trade.client_id)
    return own or book.orders.get(book.venue_ids.get(trade.venue_order_id, ""))


def _entries_of(desk: Desk, trade: VenueTrade) -> list[Entry]:
    """What one execution is written down as. The quantity of one that is read after its position was taken
    over is in that position already; its money is not, unless the run began with it.
    """
    book = desk.book
    own, held = owner_of(book, trade), held_quantity(book.plan, book.state)
    fill = _core_fill(book, own, trade)
    if trade.time_ms > book.taken_over_ms:
        return [entry_of(desk, trade, own, fill, fill)]
    is_ours = fill is not None or bool(trade.realised_pnl_usdt)
    counts = is_ours and trade.time_ms >= book.started_ms
    made_usdt = float(trade.realised_pnl_usdt - trade.fee_usdt) if counts else None
    return [entry_of(desk, trade, own, fill, None, held=held, settled_usdt=made_usdt)]


def entry_of(
    desk: Desk,
    trade: VenueTrade,
    own: Own | None,
    fill: Fill | None,
    applied: Fill | None,
    *,
    held: Decimal | None = None,
    settled_usdt: float | None = None,
) -> Entry:
    """The journal's entry of one execution, with what the core is given; `held`: what is held after it all
    the same.
    """
    return desk.entry(
        Filled(
            symbol=trade.symbol,
            side=trade.side,
            quantity=trade.quantity,
            price=trade.price,
            fee_usdt=trade.fee_usdt,
            maker=trade.maker,
            reason=REASONS[fill.reason] if fill else "by hand",
            trade_id=trade.trade_id,
            venue_order_id=trade.venue_order_id,
            realised_pnl_usdt=trade.realised_pnl_usdt,
            applied=applied,
            position_after=held,
            settled_usdt=settled_usdt,
        ),
        intent=own.id.intent if own else None,
        client_id=str(own.id) if own else trade.client_id or None,
        attempt=own.id.attempt if own else None,
        fact=trade_fact(trade.symbol, trade.trade_id),
        time_ms=trade.time_ms,
    )


def _core_fill(book: OurBook, own: Own | None, trade: VenueTrade) -> Fill | None:
    """Ours, the exchange's, or somebody's who closes what we hold; what somebody opens is not ours (None)."""
    if own is not None:
        return fill_of(book.plan, book.state, own, trade, _reference(book, own))
    if trade.client_id.startswith(LIQUIDATION_PREFIXES):
        return liquidation_of(trade)
    held = held_quantity(book.plan, book.state)
    return stranger_of(trade, held, OPERATOR) if held * trade.side < 0 else None


def _reference(book: OurBook, own: Own) -> Decimal | None:
    """What the execution's slippage is reckoned from: its trigger, or the close that decided."""
    if own.request.trigger_price is not None:
        return own.request.trigger_price
    if own.id.leg is Leg.TARGET or own.request.price is not None:
        return own.request.price
    return Decimal(repr(book.last_close)) if book.last_close > 0 else None


def ended_short(own: Own, book: OurBook) -> bool:
    """Whether an entry ended with a part, or all, of it unfilled, and the core still waits for that part."""
    if own.id.leg is not Leg.ENTRY or own.phase is not Phase.ENDED or own.left <= 0:
        return False
    return book.filled_told.get(str(own.id), own.filled) <= own.filled
