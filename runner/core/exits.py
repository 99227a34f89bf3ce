"""The orders that protect and close a position, derived from position, trade, account and plan.

In: plain values. Out: the one protective stop (the tightest of all that apply) and the ladder of targets.
Refuses to know: rules, bars, the venue.
Source: execution semantics "Exits" and "Limits".
"""

from runner.domain.order import (
    BREAK_EVEN,
    DAILY_LOSS,
    LIMIT,
    MAX_DRAWDOWN,
    NO_TARGETS,
    NOTHING,
    STOP_LOSS,
    STOP_MARKET,
    TAKE_PROFIT,
    TAKE_PROFIT_MARKET,
    TRAILING_STOP,
    Order,
)
from runner.domain.plan import ABSENT, BLOCK, BY_DISTANCE, BY_PRICE, BY_R, BY_RATIO, Limits, Plan, Target
from runner.domain.position import Account, Position, Trade

from .kernel import hot_kernel, inner_kernel
from .sizing import round_down, round_up


@hot_kernel
def tightened(side: int, resting: float, candidate: float) -> bool:
    """Whether `candidate` protects a position of `side` better than `resting`; 0 is no stop at all."""
    if candidate <= 0.0:
        return False
    if resting <= 0.0:
        return True
    return candidate > resting if side > 0 else candidate < resting


@hot_kernel
def round_protective(side: int, price: float, tick_size: float) -> float:
    """To the tick nearer to the market: up for a long's stop, down for a short's."""
    return round_up(price, tick_size) if side > 0 else round_down(price, tick_size)


@inner_kernel
def first_stop(plan: Plan, side: int, price: float, setup: float) -> float:
    """The stop of an entry at `price`, from Row's stop figure at the decision; 0 without a stop rule."""
    kind = plan.stop.kind
    stop = 0.0
    if kind == BY_RATIO:
        stop = price * (1.0 - side * setup)
    elif kind == BY_DISTANCE:
        stop = price - side * setup
    elif kind == BY_PRICE:
        stop = setup
    if not stop > 0.0:  # NaN is not above 0
        return 0.0
    return round_protective(side, stop, plan.instrument.tick_size)


@hot_kernel
def reached(kind: int, at: float, position: Position, trade: Trade) -> bool:
    """Whether the trade's best price came `at` (R or a ratio of the entry price) beyond the entry."""
    gain = (trade.best_price - position.entry_price) * trade.side
    gain += 1e-9 * position.entry_price  # exactly there is there, whatever floats make of it
    if kind == BY_R:
        return trade.r_distance > 0.0 and gain >= at * trade.r_distance
    return gain >= at * position.entry_price


@hot_kernel
def with_stop(trade: Trade, stop_price: float, reason: int) -> Trade:
    """The trade with another stop price."""
    return Trade(
        trade.entry_time_ms,
        trade.side,
        trade.quantity,
        trade.taken,
        trade.setup,
        trade.r_distance,
        stop_price,
        reason,
        trade.best_price,
        trade.net_pnl_usdt,
        trade.entered_at_open,
    )


@hot_kernel
def ratchet(plan: Plan, position: Position, trade: Trade, trail_distance: float) -> Trade:
    """Break-even and trailing stop move the strategy's stop, never back."""
    side = trade.side
    tick = plan.instrument.tick_size
    rule = plan.break_even
    if rule.kind != ABSENT and reached(rule.kind, rule.at, position, trade):
        even = round_protective(side, position.entry_price * (1.0 + side * rule.offset_ratio), tick)
        if tightened(side, trade.stop_price, even):
            trade = with_stop(trade, even, BREAK_EVEN)
    trailing = plan.trailing
    started = trailing.start_kind == ABSENT or reached(
        trailing.start_kind, trailing.start_at, position, trade
    )
    if trailing.kind != ABSENT and started and trail_distance > 0.0:  # NaN is not above 0
        distance = trail_distance
        if trailing.kind == BY_RATIO:
            distance = trail_distance * trade.best_price
        trail = round_protective(side, trade.best_price - side * distance, tick)
        if tightened(side, trade.stop_price, trail):
            trade = with_stop(trade, trail, TRAILING_STOP)
    return trade


@hot_kernel
def daily_loss_level(limits: Limits, account: Account) -> float:
    """The equity in USDT at which the daily loss limit is hit; the higher of the two spellings, 0 if
    absent.
    """
    level = 0.0
    if limits.daily_loss_ratio > 0.0:
        level = account.day_equity_usdt * (1.0 - limits.daily_loss_ratio)
    if limits.daily_loss_usdt > 0.0 and account.day_equity_usdt - limits.daily_loss_usdt > level:
        level = account.day_equity_usdt - limits.daily_loss_usdt
    return level


@hot_kernel
def drawdown_level(limits: Limits, account: Account) -> float:
    """The equity in USDT at which the maximum drawdown is hit; 0 if absent."""
    if limits.drawdown_ratio <= 0.0:
        return 0.0
    return account.peak_equity_usdt * (1.0 - limits.drawdown_ratio)


@inner_kernel
def price_at_equity(position: Position, account: Account, level_usdt: float) -> float:
    """The price at which the open position brings equity down to `level_usdt` (≤ 0: no such price)."""
    return position.entry_price + (level_usdt - account.cash_usdt) / position.quantity


@inner_kernel
def protective_stop(plan: Plan, position: Position, trade: Trade, account: Account) -> Order:
    """The tightest of the strategy's stop and the prices at which a flattening loss limit would be hit."""
    side = trade.side
    price = trade.stop_price
    reason = trade.stop_reason
    limits = plan.limits
    tick = plan.instrument.tick_size
    if limits.daily_loss_action > BLOCK:
        level = daily_loss_level(limits, account)
        if level > 0.0:
            limit_price = round_protective(side, price_at_equity(position, account, level), tick)
            if tightened(side, price, limit_price):
                price = limit_price
                reason = DAILY_LOSS
    if limits.drawdown_action > BLOCK:
        level = drawdown_level(limits, account)
        if level > 0.0:
            limit_price = round_protective(side, price_at_equity(position, account, level), tick)
            if tightened(side, price, limit_price):
                price = limit_price
                reason = MAX_DRAWDOWN
    if price <= 0.0:
        return NOTHING
    if reason == 0:
        reason = STOP_LOSS
    return Order(STOP_MARKET, -side, abs(position.quantity), price, reason, 0, 0)


@inner_kernel
def target_price(plan: Plan, target: Target, side: int, entry_price: float, r_distance: float) -> float:
    """Rounded to the tick away from the entry, so that a target never pays less than it says."""
    distance = target.at * r_distance if target.kind == BY_R else target.at * entry_price
    price = entry_price + side * distance
    tick = plan.instrument.tick_size
    return round_up(price, tick) if side > 0 else round_down(price, tick)


@inner_kernel
def ladder_part(plan: Plan, trade: Trade, part: float) -> float:
    """The quantity that all rungs up to a cumulative `part` close together."""
    if part >= 1.0 - 1e-9:
        return trade.quantity
    return round_down(trade.quantity * part, plan.instrument.step_size)


@inner_kernel
def open_part(plan: Plan, trade: Trade, place: int, before: float) -> float:
    """What one rung has still to close, `before` being the cumulative part of the nearer ones."""
    whole = ladder_part(plan, trade, before + plan.targets[place].part) - ladder_part(plan, trade, before)
    return max(whole - trade.taken[place], 0.0)


@inner_kernel
def rung(plan: Plan, position: Position, trade: Trade, place: int, quantity: float, placed_ms: int) -> Order:
    """The target order of one rung."""
    target = plan.targets[place]
    if target.kind == ABSENT or (target.kind == BY_R and trade.r_distance <= 0.0):
        return NOTHING
    if quantity < plan.instrument.step_size * 0.5:
        return NOTHING
    price = target_price(plan, target, trade.side, position.entry_price, trade.r_distance)
    kind = TAKE_PROFIT_MARKET if target.market else LIMIT
    return Order(kind, -trade.side, quantity, price, TAKE_PROFIT, placed_ms, 0)


@inner_kernel
def ladder(
    plan: Plan,
    position: Position,
    trade: Trade,
    resting: tuple[Order, Order, Order, Order],
) -> tuple[Order, Order, Order, Order]:
    """The targets that should rest; each executes in bars that open when the one resting before it could.

    The nearest come first where what is left is less than they were to close.
    """
    rules = plan.targets
    if rules[0].kind == ABSENT:
        return NO_TARGETS
    left = abs(position.quantity)
    second_from = rules[0].part
    third_from = second_from + rules[1].part
    fourth_from = third_from + rules[2].part
    first = min(open_part(plan, trade, 0, 0.0), left)
    second = min(open_part(plan, trade, 1, second_from), left - first)
    third = min(open_part(plan, trade, 2, third_from), left - first - second)
    fourth = min(open_part(plan, trade, 3, fourth_from), left - first - second - third)
    return (
        rung(plan, position, trade, 0, first, resting[0].placed_ms),
        rung(plan, position, trade, 1, second, resting[1].placed_ms),
        rung(plan, position, trade, 2, third, resting[2].placed_ms),
        rung(plan, position, trade, 3, fourth, resting[3].placed_ms),
    )
