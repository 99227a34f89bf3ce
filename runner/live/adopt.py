"""A position that our journal cannot explain: what the core is told, so that it is protected at once.

In: plan, core state, the position as the exchange has it, the mark. Out: the core's state with that position.
Refuses to know: the policy; whether to keep or to close is asked elsewhere.
Source: reliability design "unattended is never an outcome".
"""

from decimal import Decimal

from runner.core.exits import ladder, protective_stop, round_protective, tightened
from runner.core.margin import liquidation_price, margin_behind
from runner.domain.order import (
    MARKET,
    NO_ORDER,
    NO_ORDERS,
    NO_TARGETS,
    NOTHING,
    OPERATOR,
    STOP_LOSS,
    Order,
    Orders,
)
from runner.domain.plan import ABSENT, Plan
from runner.domain.position import FLAT, NO_TRADE, Position, State
from runner.domain.session_event import StateSet
from runner.domain.venue import VenuePosition
from runner.live.desk import Desk
from runner.live.wanted import held_quantity

DISASTER_RATIO = 0.05  # of the mark: the bot's own stop is not known without the entry's decision
INSIDE_LIQUIDATION_RATIO = 0.25  # of the way from liquidation to the mark: a stop beyond it never fires


def adopted(plan: Plan, state: State, position: VenuePosition, now_ms: int) -> State:
    """The state that holds the exchange's position, with a stop; a flat one when it is flat."""
    quantity, entry = float(position.quantity), float(position.entry_price)
    if quantity == 0.0:
        return state._replace(position=FLAT, trade=NO_TRADE, orders=NO_ORDERS)
    side = 1 if quantity > 0.0 else -1
    margin = margin_behind(plan, abs(quantity), entry, state.account.cash_usdt)
    liquidation = liquidation_price(plan, quantity, entry, margin)
    stop = disaster_stop(plan, side, float(position.mark_price) or entry, liquidation)
    held = Position(quantity, entry, margin, liquidation)
    if state.position.quantity * quantity > 0.0:  # ours, in another size: what it was for still holds
        before = state.trade
        tighter = before.stop_price if tightened(side, stop, before.stop_price) else stop
        reason = before.stop_reason if before.stop_price > 0.0 else STOP_LOSS
        trade = before._replace(quantity=abs(quantity), stop_price=tighter, stop_reason=reason)
        targets = ladder(plan, held, trade, state.orders.targets)
    else:
        targets = NO_TARGETS
        trade = NO_TRADE._replace(
            entry_time_ms=now_ms,
            side=side,
            quantity=abs(quantity),
            r_distance=abs(entry - stop),
            stop_price=stop,
            stop_reason=STOP_LOSS,
            best_price=entry,
        )
    orders = Orders(NOTHING, NOTHING, protective_stop(plan, held, trade, state.account), targets)
    return state._replace(position=held, trade=trade, orders=orders)


def disaster_stop(plan: Plan, side: int, mark: float, liquidation: float) -> float:
    """A stop from the mark, never near or beyond liquidation."""
    tick = plan.instrument.tick_size
    price = round_protective(side, mark * (1.0 - side * DISASTER_RATIO), tick)
    if liquidation > 0.0:
        inside = liquidation + (mark - liquidation) * INSIDE_LIQUIDATION_RATIO
        inside = round_protective(side, inside, tick)
        price = inside if tightened(side, price, inside) else price
    return price


def leaving(state: State, now_ms: int, reason: int = OPERATOR) -> State:
    """The state that wants its position closed at the market: an operator's word, unless it is said."""
    held = state.position.quantity
    if held == 0.0:
        return state
    order = Order(MARKET, -1 if held > 0.0 else 1, abs(held), 0.0, reason, now_ms, 0)
    return state._replace(orders=state.orders._replace(market=order, entry=NOTHING))


def never_naked(desk: Desk) -> None:
    """A position of a bot with stops always wants one: where the core knows of none, a far one is set."""
    book = desk.book
    held = held_quantity(book.plan, book.state)
    if held == 0 or book.plan.stop.kind == ABSENT or book.state.orders.stop.kind != NO_ORDER:
        return
    entry = book.state.position.entry_price
    figures = (held, Decimal(repr(entry)), Decimal(repr(book.last_close or entry)), Decimal(0))
    position = VenuePosition(desk.identity.symbol, *figures, updated_ms=0)
    state = adopted(book.plan, book.state, position, desk.exchange_ms())
    desk.record(desk.entry(StateSet(state, "a position without a stop gets a far one")))
