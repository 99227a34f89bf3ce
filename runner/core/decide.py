"""At a bar's close: mark to market, trail the stop, judge the limits, hear the rules, state the wanted
orders.

In: plan, state, the closed bar and its row of rule verdicts. Out: the next state with the orders that
should rest.
Refuses to know: columns, text, modes, the venue.
Source: execution semantics "Order of events", step 5.
"""

from runner.domain.bar import TRUE, Bar, Row
from runner.domain.order import (
    DAILY_LOSS,
    ENTRY,
    LIMIT,
    MARKET,
    MAX_DRAWDOWN,
    NO_ORDER,
    NO_ORDERS,
    NOTHING,
    REVERSE,
    RULE,
    TIME_STOP,
    Order,
    Orders,
)
from runner.domain.plan import (
    ABSENT,
    BLOCK,
    STEP_END,
    Plan,
)
from runner.domain.position import (
    ACCEPTED,
    NO_TRADE,
    REFUSED_BOTH_SIDES,
    REFUSED_IN_POSITION,
    REFUSED_RESTING,
    Account,
    Guard,
    Position,
    State,
    Trade,
)

from .exits import first_stop, protective_stop, ratchet
from .kernel import hot_kernel, inner_kernel
from .limits import (
    DAY_MS,
    after_exit,
    flattening,
    judged,
    limit_refusal,
    liquidation_refusal,
    standing_refusal,
    stop_refusal,
)
from .rules import bars_in_trade, exit_verdict
from .sizing import entry_quantity, round_down, round_up

BOTH = 2  # a signal both ways, which never trades


@hot_kernel
def decide(plan: Plan, state: State, bar: Bar, row: Row) -> State:
    """The state after the close of `bar`; its orders are for the time after `bar.close_time_ms`."""
    account = marked(state, bar)
    guard = judged(plan, account, state.guard)
    signal = signal_of(row)
    if state.position.quantity != 0.0:
        return decide_open(plan, state, bar, row, account, guard, signal)
    return decide_flat(plan, state, bar, row, account, guard, signal)


@hot_kernel
def signal_of(row: Row) -> int:
    """+1 long, −1 short, 0 none, 2 both at once (which never trades)."""
    if row.enter_long == TRUE:
        return BOTH if row.enter_short == TRUE else 1
    return -1 if row.enter_short == TRUE else 0


@hot_kernel
def marked(state: State, bar: Bar) -> Account:
    """The account marked to this close; a new UTC day opens with the equity of 00:00."""
    account = state.account
    position = state.position
    cash = account.cash_usdt
    equity = cash + position.quantity * (bar.mark_close - position.entry_price)
    day = bar.close_time_ms // DAY_MS
    day_equity = account.day_equity_usdt
    if day != account.day:
        at_midnight = bar.close_time_ms % DAY_MS == 0
        day_equity = equity if at_midnight or account.day < 0 else account.equity_usdt
    peak = max(equity, account.peak_equity_usdt)
    return Account(cash, equity, peak, day, day_equity)


@hot_kernel
def followed(plan: Plan, position: Position, trade: Trade, bar: Bar, row: Row) -> Trade:
    """The trade after this bar's extremes moved its best price and its stop.

    Of the bar in which a limit entry filled only the close counts: the extreme may have come before the
    entry.
    """
    on_mark = plan.stop.on_mark
    whole = trade.entered_at_open and trade.entry_time_ms == bar.open_time_ms
    if whole or trade.entry_time_ms < bar.open_time_ms:
        if trade.side > 0:
            best = bar.mark_high if on_mark else bar.high
        else:
            best = bar.mark_low if on_mark else bar.low
    else:
        best = bar.mark_close if on_mark else bar.close
    if (best - trade.best_price) * trade.side > 0.0:
        trade = Trade(
            trade.entry_time_ms,
            trade.side,
            trade.quantity,
            trade.taken,
            trade.setup,
            trade.r_distance,
            trade.stop_price,
            trade.stop_reason,
            best,
            trade.net_pnl_usdt,
            trade.entered_at_open,
        )
    if plan.break_even.kind == ABSENT and plan.trailing.kind == ABSENT:
        return trade
    return ratchet(plan, position, trade, row.trail_distance)


@hot_kernel
def decide_open(
    plan: Plan,
    state: State,
    bar: Bar,
    row: Row,
    account: Account,
    guard: Guard,
    signal: int,
) -> State:
    """With a position: move its stop, and close it if a limit, the clock, a rule or a reverse wants that."""
    position = state.position
    trade = followed(plan, position, state.trade, bar, row)
    stop = state.orders.stop
    limits = plan.limits
    if stop.kind != MARKET and (  # a triggered stop is not moved any more
        trade.stop_price != state.trade.stop_price
        or limits.daily_loss_action > BLOCK
        or limits.drawdown_action > BLOCK
    ):
        stop = protective_stop(plan, position, trade, account)
    held = abs(position.quantity)
    refusal = ACCEPTED
    if signal != 0:
        refusal = REFUSED_BOTH_SIDES if signal == BOTH else REFUSED_IN_POSITION
    market = state.orders.market  # an exit once wanted stays wanted until it is filled
    entry = state.orders.entry
    if entry.kind != NO_ORDER and not still_wanted(entry, bar, account, guard):
        entry = NOTHING
    if market.reason in (ENTRY, REVERSE) and not still_wanted(market, bar, account, guard):
        market = closing_only(market, position)
    reason = exit_reason(plan, position, trade, bar, row, account, guard)
    if reason != 0:
        market = Order(MARKET, -trade.side, held, 0.0, reason, bar.close_time_ms, 0)
        entry = NOTHING
    elif plan.entry.reverse and signal == -trade.side:
        setup = row.stop_long if signal > 0 else row.stop_short
        reverse_close_ms = bar.close_time_ms + plan.timeframe_ms
        after = after_exit(plan, guard, expected_pnl(plan, position, trade, bar), REVERSE, reverse_close_ms)
        wallet = after_close(plan, position, account, bar)
        quantity, refusal = opening(plan, bar, wallet, after, signal, setup)
        market = Order(MARKET, signal, held + quantity, 0.0, REVERSE, bar.close_time_ms, 0)
        entry = NOTHING
        trade = with_setup(trade, setup)
    orders = Orders(market, entry, stop, state.orders.targets)
    return State(position, trade, orders, account, guard, signal, refusal)


@inner_kernel
def after_close(plan: Plan, position: Position, account: Account, bar: Bar) -> Account:
    """The account as if the position were closed at this close: what a reverse opens with."""
    held = abs(position.quantity)
    gain = position.quantity * (bar.close - position.entry_price)
    cash = account.cash_usdt + gain - held * bar.close * plan.costs.taker_ratio
    return Account(cash, account.equity_usdt, account.peak_equity_usdt, account.day, account.day_equity_usdt)


@inner_kernel
def expected_pnl(plan: Plan, position: Position, trade: Trade, bar: Bar) -> float:
    """What the trade would end with if it were closed at this close: a reverse opens in the very fill that
    closes, so the cooldowns of its own exit are judged beforehand.
    """
    held = abs(position.quantity)
    gain = held * (bar.close - position.entry_price) * trade.side
    return trade.net_pnl_usdt + gain - held * bar.close * plan.costs.taker_ratio


@hot_kernel
def exit_reason(
    plan: Plan,
    position: Position,
    trade: Trade,
    bar: Bar,
    row: Row,
    account: Account,
    guard: Guard,
) -> int:
    """Why the position should be closed at the next open; 0: it should not."""
    if flattening(plan, account, guard):
        daily = plan.limits.daily_loss_action > BLOCK and guard.daily_loss_day == account.day
        return DAILY_LOSS if daily else MAX_DRAWDOWN
    if plan.time_stop_bars > 0 and bars_in_trade(plan, trade, bar) >= plan.time_stop_bars:
        return TIME_STOP
    steps = plan.exit_long if trade.side > 0 else plan.exit_short
    if steps[0].op != STEP_END and exit_verdict(plan, steps, position, trade, bar, row) == TRUE:
        return RULE
    return 0


@inner_kernel
def limit_price(plan: Plan, side: int, close: float) -> float:
    """Where a limit entry rests: `offset_ratio` better than the close, rounded away from the market."""
    price = close * (1.0 - side * plan.entry.offset_ratio)
    tick = plan.instrument.tick_size
    return round_down(price, tick) if side > 0 else round_up(price, tick)


@inner_kernel
def opening(
    plan: Plan, bar: Bar, account: Account, guard: Guard, side: int, setup: float
) -> tuple[float, int]:
    """(quantity, ACCEPTED) of an entry decided at this close, or (0, the gate that refused)."""
    refusal = limit_refusal(plan, account, guard, bar.close_time_ms)
    if refusal != ACCEPTED:
        return 0.0, refusal
    price = limit_price(plan, side, bar.close) if plan.entry.limit else bar.close
    stop = first_stop(plan, side, price, setup)
    refusal = stop_refusal(plan, side, price, setup, stop)
    if refusal != ACCEPTED:
        return 0.0, refusal
    quantity, refusal = entry_quantity(plan, account.equity_usdt, price, abs(price - stop))
    if refusal == ACCEPTED:
        refusal = liquidation_refusal(plan, side * quantity, price, stop, account.cash_usdt)
    return (quantity if refusal == ACCEPTED else 0.0), refusal


@inner_kernel
def closing_only(order: Order, position: Position) -> Order:
    """What of an entry or reverse under way still closes; what would open is not wanted any more."""
    if order.side * position.quantity >= 0.0:
        return NOTHING
    held = abs(position.quantity)
    return Order(
        order.kind,
        order.side,
        min(order.quantity, held),
        order.price,
        order.reason,
        order.placed_ms,
        order.expires_ms,
    )


@inner_kernel
def still_wanted(order: Order, bar: Bar, account: Account, guard: Guard) -> bool:
    """Whether an entry that waits may go on waiting: not expired, and no limit refuses it."""
    if order.expires_ms > 0 and bar.close_time_ms >= order.expires_ms:
        return False
    return standing_refusal(account, guard, bar.close_time_ms) == ACCEPTED


@hot_kernel
def decide_flat(
    plan: Plan,
    state: State,
    bar: Bar,
    row: Row,
    account: Account,
    guard: Guard,
    signal: int,
) -> State:
    """Without a position: keep, drop or place an entry."""
    orders = state.orders
    trade = state.trade
    waiting = orders.market if orders.market.kind != NO_ORDER else orders.entry
    if waiting.kind != NO_ORDER:
        carried = waiting.kind == LIMIT or plan.liquidity.carry  # a market entry is else decided anew
        if not carried or not still_wanted(waiting, bar, account, guard):
            waiting = NOTHING  # the trade keeps its setup: a fill that comes late still finds its stop
            orders = NO_ORDERS
    if signal == 0:
        return State(state.position, trade, orders, account, guard, signal, ACCEPTED)
    if signal == BOTH:
        return State(state.position, trade, orders, account, guard, signal, REFUSED_BOTH_SIDES)
    if waiting.side == signal:
        return State(state.position, trade, orders, account, guard, signal, REFUSED_RESTING)
    marked_state = State(state.position, trade, orders, account, guard, signal, ACCEPTED)
    return placed(plan, marked_state, bar, row)


@inner_kernel
def placed(plan: Plan, state: State, bar: Bar, row: Row) -> State:
    """An entry that the state's signal asks for, or the gate that refused it."""
    side, account, guard = state.signal, state.account, state.guard
    setup = row.stop_long if side > 0 else row.stop_short
    quantity, refusal = opening(plan, bar, account, guard, side, setup)
    if refusal != ACCEPTED:
        return State(state.position, state.trade, state.orders, account, guard, side, refusal)
    now = bar.close_time_ms
    if plan.entry.limit:
        price = limit_price(plan, side, bar.close)
        expires = now + plan.entry.expires_bars * plan.timeframe_ms
        entry = Order(LIMIT, side, quantity, price, ENTRY, now, expires)
        orders = Orders(NOTHING, entry, NOTHING, NO_ORDERS.targets)
    else:
        market = Order(MARKET, side, quantity, 0.0, ENTRY, now, 0)
        orders = Orders(market, NOTHING, NOTHING, NO_ORDERS.targets)
    return State(state.position, with_setup(NO_TRADE, setup), orders, account, guard, side, ACCEPTED)


@inner_kernel
def with_setup(trade: Trade, setup: float) -> Trade:
    """The trade that remembers the stop figure of the entry now wanted."""
    return Trade(
        trade.entry_time_ms,
        trade.side,
        trade.quantity,
        trade.taken,
        setup,
        trade.r_distance,
        trade.stop_price,
        trade.stop_reason,
        trade.best_price,
        trade.net_pnl_usdt,
        trade.entered_at_open,
    )
