"""Executions, each applied once, whichever way they are heard of first.

In: a desk, trades of the exchange. Out: `Filled` entries in the journal, and the core's next state by them.
Refuses to know: streams and reads apart, what should rest next.
Source: Binance's trade id is unique within a symbol; the journal refuses the same fact twice.
"""

from collections.abc import Iterable
from decimal import Decimal

from runner.domain.entry import Entry, trade_fact
from runner.domain.order import REASONS, RULE, Fill
from runner.domain.order_event import Filled
from runner.domain.venue import AccountPort, VenueTrade
from runner.live.actions import Own, Phase
from runner.live.book import Book
from runner.live.desk import Desk
from runner.live.fills import fill_of, liquidation_of, stranger_of
from runner.live.ids import Leg
from runner.live.wanted import held_quantity

READ_BACK_MS = 60_000  # before the last execution known: trades appear late and out of order
LIQUIDATION_PREFIXES = ("autoclose-", "adl_autoclose")


async def read_trades(desk: Desk, account: AccountPort, *, since_ms: int | None = None) -> int:
    """Ask for executions since the last one known, and apply what is new; how many. May raise ReadFailed."""
    known_ms = desk.book.traded_ms or desk.book.decided_ms
    start_ms = since_ms if since_ms is not None else max(known_ms - READ_BACK_MS, 0)
    return apply_trades(desk, await account.trades(desk.identity.symbol, start_ms))


def apply_trades(desk: Desk, trades: Iterable[VenueTrade]) -> int:
    """Apply each trade that was not applied before, oldest first; how many those were."""
    fresh = [one for one in trades if one.trade_id not in desk.book.applied_trades]
    for trade in sorted(
        fresh, key=lambda one: (one.time_ms, int(one.trade_id) if one.trade_id.isdigit() else 0)
    ):
        desk.record(entry_of(desk, trade))
    return len(fresh)


def owner_of(book: Book, trade: VenueTrade) -> Own | None:
    """Our order behind a trade: by its client id, or by the exchange's id of the order or its child."""
    own = book.orders.get(trade.client_id)
    return own or book.orders.get(book.venue_ids.get(trade.venue_order_id, ""))


def entry_of(desk: Desk, trade: VenueTrade) -> Entry:
    """The journal's entry of one execution, with what the core is given."""
    book = desk.book
    own = owner_of(book, trade)
    applied = _core_fill(book, own, trade)
    return desk.entry(
        Filled(
            symbol=trade.symbol,
            side=trade.side,
            quantity=trade.quantity,
            price=trade.price,
            fee_usdt=trade.fee_usdt,
            maker=trade.maker,
            reason=REASONS[applied.reason] if applied else "by hand",
            trade_id=trade.trade_id,
            venue_order_id=trade.venue_order_id,
            realised_pnl_usdt=trade.realised_pnl_usdt,
            applied=applied,
        ),
        intent=own.id.intent if own else None,
        client_id=str(own.id) if own else trade.client_id or None,
        attempt=own.id.attempt if own else None,
        fact=trade_fact(trade.symbol, trade.trade_id),
        time_ms=trade.time_ms,
    )


def _core_fill(book: Book, own: Own | None, trade: VenueTrade) -> Fill | None:
    """Ours, the exchange's, or somebody's who closes what we hold; what somebody opens is not ours (None)."""
    if own is not None:
        return fill_of(book.state, own, trade, _reference(book, own))
    if trade.client_id.startswith(LIQUIDATION_PREFIXES):
        return liquidation_of(trade)
    held = held_quantity(book.plan, book.state)
    return stranger_of(trade, held, RULE) if held * trade.side < 0 else None


def _reference(book: Book, own: Own) -> Decimal | None:
    """What the execution's slippage is reckoned from: its trigger, or the close that decided."""
    if own.request.trigger_price is not None:
        return own.request.trigger_price
    if own.id.leg is Leg.TARGET or own.request.price is not None:
        return own.request.price
    return Decimal(repr(book.last_close)) if book.last_close > 0 else None


def ended_short(own: Own, book: Book) -> bool:
    """Whether an entry ended with a part, or all, of it unfilled, and the core still waits for that part."""
    if own.id.leg is not Leg.ENTRY or own.phase is not Phase.ENDED or own.left <= 0:
        return False
    return book.filled_told.get(str(own.id), own.filled) <= own.filled
