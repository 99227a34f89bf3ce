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
    LEG_STOP,
    LEG_TARGET,
    MARKET,
    MAX_DRAWDOWN,
    NO_ORDERS,
    NOTHING,
    REVERSE,
    STOP_LOSS,
    Fill,
    Order,
    Orders,
)
from runner.domain.plan import HALT, Plan
from runner.domain.position import FLAT, NO_TRADE, Account, Guard, Position, State, Trade

from .exits import first_stop, ladder, protective_stop
from .kernel import inner_kernel
from .limits import DAY_MS, after_entry, after_exit
from .margin import liquidation_price, margin_behind


@inner_kernel
def apply(plan: Plan, state: State, fill: Fill) -> State:
    """The state after `fill`."""
    if fill.quantity <= 0.0:
        return dropped(state, fill)
    held = state.position.quantity
    closing = 0.0
    if held * fill.side < 0.0:
        closing = min(abs(held), fill.quantity)
    opening = 0.0
    if fill.reason in (ENTRY, REVERSE):
        opening = fill.quantity - closing
        if opening < plan.instrument.step_size * 0.5:
            opening = 0.0
    rest = remaining(state.orders.market, fill, LEG_MARKET)
    if closing > 0.0:
        state = closed(plan, state, fill, closing, fill.fee_usdt * (closing / fill.quantity))
    if opening > 0.0:
        state = opened(plan, state, fill, opening, fill.fee_usdt * (opening / fill.quantity))
    if fill.reason == REVERSE and closing > 0.0:  # what is still to open goes on, though flat for an instant
        orders = state.orders
        state = with_orders(state, Orders(rest, orders.entry, orders.stop, orders.targets))
    return state


@inner_kernel
def dropped(state: State, fill: Fill) -> State:
    """The venue rejected an order: it is not wanted any more."""
    orders = state.orders
    market = NOTHING if fill.leg == LEG_MARKET else orders.market
    entry = NOTHING if fill.leg == LEG_ENTRY else orders.entry
    return with_orders(state, Orders(market, entry, orders.stop, orders.targets))


@inner_kernel
def settle(plan: Plan, state: State, payment_usdt: float) -> State:
    """A funding payment; received is positive. It moves a cross liquidation price."""
    account = with_cash(state.account, state.account.cash_usdt + payment_usdt)
    position = state.position
    if position.quantity == 0.0:
        return State(
            position,
            state.trade,
            state.orders,
            account,
            state.guard,
            state.signal,
            state.refusal,
        )
    if plan.sizing.cross:
        margin = account.cash_usdt
        quantity, entry = position.quantity, position.entry_price
        position = Position(quantity, entry, margin, liquidation_price(plan, quantity, entry, margin))
    return State(
        position,
        with_pnl(state.trade, state.trade.net_pnl_usdt + payment_usdt),
        state.orders,
        account,
        state.guard,
        state.signal,
        state.refusal,
    )


@inner_kernel
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
    if plan.sizing.cross:
        margin = account.cash_usdt
    position = Position(
        side * left,
        position.entry_price,
        margin,
        liquidation_price(plan, side * left, position.entry_price, margin),
    )
    trade = with_taken(trade, fill.leg - LEG_TARGET, quantity)
    resting = state.orders.targets
    if not fill.final:
        resting = held_back(resting, fill)
    stop = stop_after(plan, state.orders.stop, fill, position, trade, account)
    targets = ladder(plan, position, trade, resting)
    if stop.kind == MARKET:  # a triggered stop closes everything: no target is left to wait
        targets = NO_ORDERS.targets
    orders = Orders(closing_rest(state.orders.market, fill, quantity), NOTHING, stop, targets)
    return State(position, trade, orders, account, state.guard, state.signal, state.refusal)


@inner_kernel
def closing_rest(order: Order, fill: Fill, quantity: float) -> Order:
    """What of a market order still waits: an entry under way ends, an exit has less to close."""
    if order.side != fill.side:
        return NOTHING
    if fill.leg == LEG_MARKET:
        return remaining(order, fill, LEG_MARKET)
    return Order(
        order.kind,
        order.side,
        order.quantity - quantity,
        order.price,
        order.reason,
        order.placed_ms,
        order.expires_ms,
    )


@inner_kernel
def stop_after(
    plan: Plan, resting: Order, fill: Fill, position: Position, trade: Trade, account: Account
) -> Order:
    """The stop of what is left; one that was triggered and not filled whole goes on as a market order."""
    left = abs(position.quantity)
    if fill.leg == LEG_STOP and not fill.final:
        return Order(MARKET, fill.side, left, 0.0, fill.reason, fill.time_ms + 1, 0)
    if resting.kind == MARKET:
        return Order(MARKET, resting.side, left, 0.0, resting.reason, resting.placed_ms, 0)
    return protective_stop(plan, position, trade, account)


@inner_kernel
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
        NO_TRADE.taken,
        state.trade.setup,  # a reverse opens with it in the same fill
        0.0,
        0.0,
        0,
        0.0,
        0.0,
        True,
    )
    return State(FLAT, trade, NO_ORDERS, account, guard, state.signal, state.refusal)


@inner_kernel
def opened(plan: Plan, state: State, fill: Fill, quantity: float, fee_usdt: float) -> State:
    """`quantity` more in the fill's direction: a new trade, or a further part of an entry."""
    before = abs(state.position.quantity)
    total = before + quantity
    price = (before * state.position.entry_price + quantity * fill.price) / total
    if before == 0.0:
        price = fill.price
    account = with_cash(state.account, state.account.cash_usdt - fee_usdt)
    signed = fill.side * total
    margin = margin_behind(plan, total, price, account.cash_usdt)
    position = Position(signed, price, margin, liquidation_price(plan, signed, price, margin))
    trade = grown_trade(plan, state.trade, fill, quantity, fee_usdt, price, state.position.entry_price)
    guard = after_entry(state.guard, fill.time_ms) if before == 0.0 else state.guard
    orders = Orders(
        remaining(state.orders.market, fill, LEG_MARKET),
        remaining(state.orders.entry, fill, LEG_ENTRY),
        protective_stop(plan, position, trade, account),
        ladder(plan, position, trade, state.orders.targets),
    )
    return State(position, trade, orders, account, guard, state.signal, state.refusal)


@inner_kernel
def grown_trade(
    plan: Plan,
    trade: Trade,
    fill: Fill,
    quantity: float,
    fee_usdt: float,
    entry_price: float,
    before_price: float,
) -> Trade:
    """The trade in progress after an opening fill; the first one sets the stop, later ones keep it."""
    if trade.side == fill.side:
        # 1 R is the distance to the first stop, however far the stop has moved since
        first = before_price - trade.side * trade.r_distance
        distance = abs(entry_price - first) if trade.r_distance > 0.0 else 0.0
        return Trade(
            trade.entry_time_ms,
            trade.side,
            trade.quantity + quantity,
            trade.taken,
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
        NO_TRADE.taken,
        trade.setup,
        distance,
        stop,
        STOP_LOSS,
        fill.price,
        -fee_usdt,
        fill.at_open,
    )


@inner_kernel
def remaining(order: Order, fill: Fill, leg: int) -> Order:
    """What of `order` still waits after the fill; it does not execute again in the bar of the fill."""
    if fill.leg != leg:
        return order
    left = order.quantity - fill.quantity
    if fill.final or left <= order.quantity * 1e-9:
        return NOTHING
    return Order(order.kind, order.side, left, order.price, order.reason, fill.time_ms + 1, order.expires_ms)


@inner_kernel
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


@inner_kernel
def with_cash(account: Account, cash_usdt: float) -> Account:
    """The account with another wallet balance."""
    return Account(
        cash_usdt,
        account.equity_usdt,
        account.peak_equity_usdt,
        account.day,
        account.day_equity_usdt,
    )


@inner_kernel
def with_pnl(trade: Trade, net_pnl_usdt: float) -> Trade:
    """The trade with another realised net pnl."""
    return Trade(
        trade.entry_time_ms,
        trade.side,
        trade.quantity,
        trade.taken,
        trade.setup,
        trade.r_distance,
        trade.stop_price,
        trade.stop_reason,
        trade.best_price,
        net_pnl_usdt,
        trade.entered_at_open,
    )


@inner_kernel
def with_taken(trade: Trade, place: int, quantity: float) -> Trade:
    """The trade with `quantity` more taken by the rung at `place`; another place: the trade itself."""
    if place < 0:
        return trade
    first, second, third, fourth = trade.taken[0], trade.taken[1], trade.taken[2], trade.taken[3]
    taken = (
        first + (quantity if place == 0 else 0.0),
        second + (quantity if place == 1 else 0.0),
        third + (quantity if place == 2 else 0.0),
        fourth + (quantity if place == 3 else 0.0),
    )
    return Trade(
        trade.entry_time_ms,
        trade.side,
        trade.quantity,
        taken,
        trade.setup,
        trade.r_distance,
        trade.stop_price,
        trade.stop_reason,
        trade.best_price,
        trade.net_pnl_usdt,
        trade.entered_at_open,
    )


@inner_kernel
def held_back(targets: tuple[Order, Order, Order, Order], fill: Fill) -> tuple[Order, Order, Order, Order]:
    """The targets, the one that was cut not to execute again in the bar of its fill."""
    place = fill.leg - LEG_TARGET
    later = fill.time_ms + 1
    return (
        placed_at(targets[0], later) if place == 0 else targets[0],
        placed_at(targets[1], later) if place == 1 else targets[1],
        placed_at(targets[2], later) if place == 2 else targets[2],
        placed_at(targets[3], later) if place == 3 else targets[3],
    )


@inner_kernel
def placed_at(order: Order, placed_ms: int) -> Order:
    """The same order, placed at another instant."""
    return Order(
        order.kind, order.side, order.quantity, order.price, order.reason, placed_ms, order.expires_ms
    )
