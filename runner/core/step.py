"""One bar in the life of a bot at the simulated venue: funding, open, inside, close.

In: plan, state, bars, row, funding. Out: the next state; executions go to the tape.
Refuses to know: where bars come from, how many there are.
Source: execution semantics "Order of events inside bar i + 1".
"""

from runner.domain.bar import Bar, Funding
from runner.domain.order import (
    BUY,
    LEG_NONE,
    LIMIT,
    NO_ORDER,
    POST_ONLY,
    SELL,
    TARGETS_MAX,
    Fill,
    Order,
)
from runner.domain.plan import Plan
from runner.domain.position import State
from runner.domain.tape import Tape

from .apply import apply, settle
from .kernel import hot_kernel, kernel
from .match import match, match_open, past, through_level, walk_from_open

FILLS_PER_BAR_MAX = 16  # liquidation or market, entry, stop, four targets, twice over for good measure


@kernel
def funded(state: State, funding: Funding) -> tuple[State, float]:
    """(state, payment) after one settlement of the position carried into it; received is positive."""
    if state.position.quantity == 0.0:
        return state, 0.0
    payment = -state.position.quantity * funding.mark_price * funding.funding_rate
    return settle(state, payment), payment


@kernel
def recorded(tape: Tape, count: int, index: int, before: State, fill: Fill, after: State) -> int:
    """Write one fill to the tape; a refused order (quantity 0) leaves no fill."""
    if fill.reason == POST_ONLY:
        return count
    trade = after.trade if after.position.quantity != 0.0 else before.trade
    row = tape.fills[count]
    row[0] = fill.time_ms
    row[1] = index
    row[2] = fill.leg
    row[3] = fill.side
    row[4] = fill.quantity
    row[5] = fill.price
    row[6] = fill.fee_usdt
    row[7] = fill.slippage_usdt
    row[8] = fill.reason
    row[9] = 1.0 if fill.maker else 0.0
    row[10] = after.position.quantity
    row[11] = trade.r_distance * trade.quantity
    row[12] = after.account.cash_usdt
    return count + 1


@kernel
def at_open(plan: Plan, state: State, bar: Bar, tape: Tape, index: int, count: int) -> tuple[State, int]:
    """Everything that executes at the bar's open."""
    while True:
        fill = match_open(plan, state, bar)
        if fill.leg == LEG_NONE:
            return state, count
        after = apply(plan, state, fill)
        count = recorded(tape, count, index, state, fill, after)
        state = after


@kernel
def inside(
    plan: Plan, state: State, bar: Bar, favourable: bool, tape: Tape, index: int, count: int
) -> tuple[State, int, int]:
    """Everything that executes after the open; (state, fills so far, 1 if the order of events mattered)."""
    if not within_reach(plan, state, bar):
        return state, count, 0
    ambiguous = contested(plan, state, bar)
    walk = walk_from_open(state, bar, favourable)
    while True:
        fill, walk = match(plan, state, bar, walk)
        if fill.leg == LEG_NONE:
            return state, count, ambiguous
        opened = state.position.quantity == 0.0
        after = apply(plan, state, fill)
        count = recorded(tape, count, index, state, fill, after)
        state = after
        if opened and within_reach(plan, state, bar):
            ambiguous = 1


@hot_kernel
def touched(order: Order, level: float, low: float, high: float, rising: bool) -> bool:
    """Whether a bar's range reaches an order's level."""
    if order.kind == NO_ORDER:
        return False
    return high >= level if rising else low <= level


@hot_kernel
def stop_touched(plan: Plan, state: State, bar: Bar) -> bool:
    """Whether the stop or the liquidation price lies within the bar."""
    position = state.position
    low, high = bar.mark_low, bar.mark_high
    if position.quantity != 0.0 and position.liquidation_price > 0.0:
        rising = position.quantity < 0.0
        if past(high if rising else low, position.liquidation_price, rising):
            return True
    stop = state.orders.stop
    if not plan.stop.on_mark:
        low, high = bar.low, bar.high
    return touched(stop, stop.price, low, high, stop.side == BUY)


@hot_kernel
def target_touched(plan: Plan, state: State, bar: Bar) -> bool:
    """Whether any target lies within the bar."""
    for place in range(TARGETS_MAX):
        target = state.orders.targets[place]
        if target.kind == NO_ORDER:
            break
        low, high, level = bar.low, bar.high, target.price
        if target.kind == LIMIT:
            level = through_level(plan, target)
        elif plan.stop.on_mark:
            low, high = bar.mark_low, bar.mark_high
        if touched(target, level, low, high, target.side == SELL):
            return True
    return False


@hot_kernel
def within_reach(plan: Plan, state: State, bar: Bar) -> bool:
    """Whether anything can execute inside the bar at all."""
    if state.position.quantity != 0.0:
        return stop_touched(plan, state, bar) or target_touched(plan, state, bar)
    entry = state.orders.entry
    if entry.kind == NO_ORDER:
        return False
    return touched(entry, through_level(plan, entry), bar.low, bar.high, entry.side == SELL)


@kernel
def contested(plan: Plan, state: State, bar: Bar) -> int:
    """1 when the bar reaches both the stop and a target, so that their order decides; else 0."""
    if state.position.quantity == 0.0:
        return 0
    return 1 if stop_touched(plan, state, bar) and target_touched(plan, state, bar) else 0
