"""One execution, whole or partial: position, cash, trade and protective orders.

In: plan, state, fill. Out: the next state. A fill of a closing leg never opens; only an entry or a
reverse opens.
Refuses to know: where the fill came from, the bar it happened in.
Source: execution semantics; Binance's rules for realised pnl (entry price unchanged by a reduction,
volume-weighted
by an increase, a flip closes the old and opens the rest at the fill price).
"""

from runner.domain.order import (
    DAILY_LOSS,
    ENTRY,
    LEG_ENTRY,
    LEG_MARKET,
    MAX_DRAWDOWN,
    NO_ORDERS,
    NOTHING,
    POST_ONLY,
    REVERSE,
    STOP_LOSS,
    Fill,
    Order,
    Orders,
)
from runner.domain.plan import HALT, Plan
from runner.domain.position import FLAT, NO_TRADE, Account, Guard, Position, State, Trade

from .exits import first_stop, ladder, protective_stop
from .kernel import kernel
from .limits import DAY_MS, after_entry, after_exit
from .margin import liquidation_price


@kernel
def apply(plan: Plan, state: State, fill: Fill) -> State:
    """The state after `fill`."""
    if fill.reason == POST_ONLY:
        return with_orders(state, Orders(NOTHING, NOTHING, state.orders.stop, state.orders.targets))
    if fill.quantity <= 0.0:
        return state
    held = state.position.quantity
    closing = 0.0
    if held * fill.side < 0.0:
        closing = min(abs(held), fill.quantity)
    opening = 0.0
    if fill.reason in (ENTRY, REVERSE):
        opening = fill.quantity - closing
        if opening < plan.instrument.step_size * 0.5:
            opening = 0.0
    if closing > 0.0:
        state = closed(plan, state, fill, closing, fill.fee_usdt * (closing / fill.quantity))
    if opening > 0.0:
        state = opened(plan, state, fill, opening, fill.fee_usdt * (opening / fill.quantity))
    return state


@kernel
def settle(state: State, payment_usdt: float) -> State:
    """A funding payment for the open position; received is positive."""
    account = with_cash(state.account, state.account.cash_usdt + payment_usdt)
    return State(
        state.position,
        with_pnl(state.trade, state.trade.net_pnl_usdt + payment_usdt),
        state.orders,
        account,
        state.guard,
        state.signal,
        state.refusal,
    )


@kernel
def closed(plan: Plan, state: State, fill: Fill, quantity: float, fee_usdt: float) -> State:
    """`quantity` of the position closed at the fill's price."""
    position = state.position
    side = 1 if position.quantity > 0.0 else -1
    realised = quantity * (fill.price - position.entry_price) * side - fee_usdt
    account = with_cash(state.account, state.account.cash_usdt + realised)
    trade = with_pnl(state.trade, state.trade.net_pnl_usdt + realised)
    left = abs(position.quantity) - quantity
    if left < plan.instrument.step_size * 0.5:
        return ended(plan, state, fill, account, trade.net_pnl_usdt)
    margin = position.margin_usdt * (left / abs(position.quantity))
    position = Position(
        side * left,
        position.entry_price,
        margin,
        liquidation_price(plan, side * left, position.entry_price, margin),
    )
    trade = with_closed(trade, trade.closed_quantity + quantity)
    market = remaining(state.orders.market, fill, LEG_MARKET)
    orders = Orders(
        market,
        NOTHING,
        protective_stop(plan, position, trade, account),
        ladder(plan, position, trade),
    )
    return State(position, trade, orders, account, state.guard, state.signal, state.refusal)


@kernel
def ended(plan: Plan, state: State, fill: Fill, account: Account, net_pnl_usdt: float) -> State:
    """Flat: every order is gone, streaks and cooldowns are counted, a limit that fired is remembered."""
    bar_close_ms = (fill.time_ms // plan.timeframe_ms + 1) * plan.timeframe_ms
    guard = after_exit(plan, state.guard, net_pnl_usdt, fill.reason, bar_close_ms)
    daily = fill.time_ms // DAY_MS if fill.reason == DAILY_LOSS else guard.daily_loss_day
    drawdown = guard.drawdown_hit or fill.reason == MAX_DRAWDOWN
    halted = guard.halted or (fill.reason == MAX_DRAWDOWN and plan.limits.drawdown_action == HALT)
    guard = Guard(
        daily,
        drawdown,
        halted,
        guard.losses_in_row,
        guard.blocked_until_ms,
        guard.entries_day,
        guard.entries_today,
    )
    trade = Trade(
        NO_TRADE.entry_time_ms,
        0,
        0.0,
        0.0,
        state.trade.setup,  # a reverse opens with it in the same fill
        0.0,
        0.0,
        0,
        0.0,
        0.0,
        True,
    )
    return State(FLAT, trade, NO_ORDERS, account, guard, state.signal, state.refusal)


@kernel
def opened(plan: Plan, state: State, fill: Fill, quantity: float, fee_usdt: float) -> State:
    """`quantity` more in the fill's direction: a new trade, or a further part of an entry."""
    before = abs(state.position.quantity)
    total = before + quantity
    price = (before * state.position.entry_price + quantity * fill.price) / total
    if before == 0.0:
        price = fill.price
    account = with_cash(state.account, state.account.cash_usdt - fee_usdt)
    margin = total * price / plan.sizing.leverage
    signed = fill.side * total
    position = Position(signed, price, margin, liquidation_price(plan, signed, price, margin))
    trade = grown_trade(plan, state.trade, fill, quantity, fee_usdt, price)
    guard = after_entry(state.guard, fill.time_ms) if before == 0.0 else state.guard
    orders = Orders(
        remaining(state.orders.market, fill, LEG_MARKET),
        remaining(state.orders.entry, fill, LEG_ENTRY),
        protective_stop(plan, position, trade, account),
        ladder(plan, position, trade),
    )
    return State(position, trade, orders, account, guard, state.signal, state.refusal)


@kernel
def grown_trade(
    plan: Plan, trade: Trade, fill: Fill, quantity: float, fee_usdt: float, entry_price: float
) -> Trade:
    """The trade in progress after an opening fill; the first one sets the stop, later ones keep it."""
    if trade.side == fill.side:
        distance = abs(entry_price - trade.stop_price) if trade.r_distance > 0.0 else 0.0
        return Trade(
            trade.entry_time_ms,
            trade.side,
            trade.quantity + quantity,
            trade.closed_quantity,
            trade.setup,
            distance,
            trade.stop_price,
            trade.stop_reason,
            trade.best_price,
            trade.net_pnl_usdt - fee_usdt,
            trade.entered_at_open,
        )
    stop = first_stop(plan, fill.side, entry_price, trade.setup)
    distance = abs(entry_price - stop) if stop > 0.0 else 0.0
    return Trade(
        fill.time_ms,
        fill.side,
        quantity,
        0.0,
        trade.setup,
        distance,
        stop,
        STOP_LOSS,
        fill.price,
        -fee_usdt,
        fill.at_open,
    )


@kernel
def remaining(order: Order, fill: Fill, leg: int) -> Order:
    """What of `order` still waits after the fill."""
    left = order.quantity - fill.quantity
    if fill.leg != leg or left <= order.quantity * 1e-9:
        return NOTHING if fill.leg == leg else order
    return Order(order.kind, order.side, left, order.price, order.reason, order.placed_ms, order.expires_ms)


@kernel
def with_orders(state: State, orders: Orders) -> State:
    """The state with other wanted orders."""
    return State(
        state.position,
        state.trade,
        orders,
        state.account,
        state.guard,
        state.signal,
        state.refusal,
    )


@kernel
def with_cash(account: Account, cash_usdt: float) -> Account:
    """The account with another wallet balance."""
    return Account(
        cash_usdt,
        account.equity_usdt,
        account.peak_equity_usdt,
        account.day,
        account.day_equity_usdt,
    )


@kernel
def with_pnl(trade: Trade, net_pnl_usdt: float) -> Trade:
    """The trade with another realised net pnl."""
    return Trade(
        trade.entry_time_ms,
        trade.side,
        trade.quantity,
        trade.closed_quantity,
        trade.setup,
        trade.r_distance,
        trade.stop_price,
        trade.stop_reason,
        trade.best_price,
        net_pnl_usdt,
        trade.entered_at_open,
    )


@kernel
def with_closed(trade: Trade, closed_quantity: float) -> Trade:
    """The trade with more of it closed."""
    return Trade(
        trade.entry_time_ms,
        trade.side,
        trade.quantity,
        closed_quantity,
        trade.setup,
        trade.r_distance,
        trade.stop_price,
        trade.stop_reason,
        trade.best_price,
        trade.net_pnl_usdt,
        trade.entered_at_open,
    )
