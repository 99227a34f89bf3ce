"""The simulated venue: the next execution inside one bar, or none.

In: plan, state, bar and a walk through it. Out: one fill and where the walk then stands.
Refuses to know: why an order rests, what happens after the fill. An exchange replaces this file and
nothing else.
Source: execution semantics "Order of events inside bar i + 1" and "Costs and rounding".
"""

import math

from runner.domain.bar import Bar, Walk
from runner.domain.order import (
    BUY,
    ENTRY,
    LEG_ENTRY,
    LEG_LIQUIDATION,
    LEG_MARKET,
    LEG_NONE,
    LEG_STOP,
    LEG_TARGET,
    LIMIT,
    LIQUIDATION,
    MARKET,
    NO_FILL,
    NO_MARGIN,
    NO_ORDER,
    POST_ONLY,
    REVERSE,
    SELL,
    STOP_MARKET,
    TARGETS_MAX,
    Fill,
    Order,
)
from runner.domain.plan import Plan
from runner.domain.position import State

from .kernel import hot_kernel, inner_kernel
from .margin import bankruptcy_price
from .sizing import multiple, round_down
from .walk import LEGS, leg_end, moved, walk_after_entry

NEVER = 2.0  # a leg is walked from 0 to 1
SLIPPAGE_RATIO_MAX = 0.5  # an order far beyond the bar's volume; no price turns negative


@inner_kernel
def slipped(plan: Plan, side: int, price: float, quantity: float, volume: float) -> float:
    """A taker's price: moved against us by the fixed ratio plus the impact of our share of the bar's
    volume.
    """
    costs = plan.costs
    ratio = costs.slippage_ratio
    if costs.slippage_impact > 0.0:
        share = quantity / volume if volume > 0.0 else 1.0
        ratio += costs.slippage_impact * math.sqrt(share)
        ratio = min(ratio, SLIPPAGE_RATIO_MAX)
    return price * (1.0 + side * ratio)


@hot_kernel
def waits(order: Order, bar: Bar) -> bool:
    """Whether an order may execute in this bar: it is there, not expired, and not what a fill just left."""
    if order.kind == NO_ORDER or order.placed_ms > bar.open_time_ms:
        return False
    return order.expires_ms == 0 or bar.open_time_ms < order.expires_ms


@inner_kernel
def executable(plan: Plan, state: State, order: Order, bar: Bar) -> float:
    """How much of an order can execute in this bar: never more than the volume lets, nor than an exit has
    left to close. Where cost or cap depends on volume, a bar without any executes nothing.
    """
    quantity = order.quantity
    if order.reason not in (ENTRY, REVERSE):
        quantity = min(quantity, abs(state.position.quantity))
    if bar.volume <= 0.0 and (plan.liquidity.share > 0.0 or plan.costs.slippage_impact > 0.0):
        return 0.0
    if plan.liquidity.share > 0.0:
        most = round_down(plan.liquidity.share * bar.volume, plan.instrument.step_size)
        quantity = min(quantity, most)
    return quantity


@inner_kernel
def able(plan: Plan, state: State, order: Order, bar: Bar) -> bool:
    """Whether an order may execute in this bar, and something of it can."""
    return waits(order, bar) and executable(plan, state, order, bar) > 0.0


@inner_kernel
def fundable(plan: Plan, state: State, side: int, price: float, fee_ratio: float) -> float:
    """The largest quantity of an opening order that the wallet has margin and fee for, at this price.

    What closes an opposite position comes first and needs none. The exchange rejects what it cannot margin;
    an order is cut to what it would accept.
    """
    position = state.position
    held = abs(position.quantity)
    cash = state.account.cash_usdt
    fee = price * fee_ratio
    need = price / plan.sizing.leverage + fee
    if position.quantity * side < 0.0:
        cash += position.quantity * (price - position.entry_price) - held * fee
        return held + round_down(max(cash, 0.0) / need, plan.instrument.step_size)
    free = max(cash - held * position.entry_price / plan.sizing.leverage, 0.0)
    return round_down(free / need, plan.instrument.step_size)


@inner_kernel
def is_final(plan: Plan, state: State, order: Order, quantity: float, cut: bool) -> bool:
    """Whether nothing waits after `quantity`: all of the order, or a cut entry whose rest is dropped. The
    part of a reverse that closes always goes on, the part that opens is an entry.
    """
    if quantity >= order.quantity or cut:
        return True
    if plan.liquidity.carry:
        return False
    closes_all = order.reason == REVERSE and quantity >= abs(state.position.quantity)
    return order.reason == ENTRY or closes_all


@inner_kernel
def rejected(order: Order, leg: int, reason: int, bar: Bar) -> Fill:
    """The venue takes nothing of the order and drops it."""
    return Fill(leg, order.side, 0.0, 0.0, 0.0, 0.0, reason, bar.open_time_ms, False, True, True)


@inner_kernel
def taker_fill(
    plan: Plan, state: State, order: Order, leg: int, reference: float, bar: Bar, at_open: bool
) -> Fill:
    """A market execution against the reference price."""
    quantity = executable(plan, state, order, bar)
    price = slipped(plan, order.side, reference, quantity, bar.volume)
    if order.kind == LIMIT and (price - order.price) * order.side > 0.0:
        price = order.price  # a limit order never pays more than its limit
    cut = False
    if order.reason in (ENTRY, REVERSE):
        most = fundable(plan, state, order.side, price, plan.costs.taker_ratio)
        cut = most < quantity
        quantity = min(quantity, most)
        if quantity <= 0.0:
            return rejected(order, leg, NO_MARGIN, bar)
    return Fill(
        leg,
        order.side,
        quantity,
        price,
        quantity * price * plan.costs.taker_ratio,
        quantity * abs(price - reference),
        order.reason,
        bar.open_time_ms,
        False,
        at_open,
        is_final(plan, state, order, quantity, cut),
    )


@inner_kernel
def maker_fill(plan: Plan, state: State, order: Order, leg: int, bar: Bar, at_open: bool) -> Fill:
    """A resting limit order executes at its own price."""
    quantity = executable(plan, state, order, bar)
    cut = False
    if order.reason == ENTRY:
        most = fundable(plan, state, order.side, order.price, plan.costs.maker_ratio)
        cut = most < quantity
        quantity = min(quantity, most)
        if quantity <= 0.0:
            return rejected(order, leg, NO_MARGIN, bar)
    return Fill(
        leg,
        order.side,
        quantity,
        order.price,
        quantity * order.price * plan.costs.maker_ratio,
        0.0,
        order.reason,
        bar.open_time_ms,
        True,
        at_open,
        is_final(plan, state, order, quantity, cut),
    )


@inner_kernel
def liquidation_fill(plan: Plan, state: State, bar: Bar, at_open: bool) -> Fill:
    """The exchange closes the position: its whole margin is lost, plus the liquidation fee; the wallet never
    owes anything.
    """
    position = state.position
    quantity = abs(position.quantity)
    price = bankruptcy_price(position.quantity, position.entry_price, position.margin_usdt)
    left = max(state.account.cash_usdt - position.margin_usdt, 0.0)
    fee = min(quantity * price * plan.instrument.liquidation_fee_ratio, left)
    side = SELL if position.quantity > 0.0 else BUY
    return Fill(
        LEG_LIQUIDATION,
        side,
        quantity,
        price,
        fee,
        0.0,
        LIQUIDATION,
        bar.open_time_ms,
        False,
        at_open,
        True,
    )


@hot_kernel
def past(price: float, level: float, rising: bool) -> bool:
    """Whether `price` has reached `level`, coming from below (`rising`) or from above."""
    return price >= level if rising else price <= level


@hot_kernel
def through_level(plan: Plan, order: Order) -> float:
    """How far the market must trade for a resting limit order to fill: one tick through, or a mere touch."""
    if plan.fill_on_touch:
        return order.price
    tick = plan.instrument.tick_size
    return multiple(math.floor(order.price / tick + 0.5) - order.side, tick)


@inner_kernel
def entry_at_open(plan: Plan, state: State, order: Order, bar: Bar) -> Fill:
    """A limit entry at an open beyond it: one just placed takes, or is rejected as post-only; one that rested
    was traded through.
    """
    if not past(bar.open, through_level(plan, order), order.side == SELL):
        return NO_FILL
    rested = order.placed_ms < bar.open_time_ms
    if plan.entry.post_only and not rested:
        return rejected(order, LEG_ENTRY, POST_ONLY, bar)
    if executable(plan, state, order, bar) <= 0.0:
        return NO_FILL
    if rested:
        return maker_fill(plan, state, order, LEG_ENTRY, bar, True)
    return taker_fill(plan, state, order, LEG_ENTRY, bar.open, bar, True)


@inner_kernel
def stop_at_open(plan: Plan, state: State, order: Order, bar: Bar) -> Fill:
    """A stop whose trigger the open is beyond, or the rest of one that an earlier bar triggered and cut."""
    if order.kind == MARKET:
        return taker_fill(plan, state, order, LEG_STOP, bar.open, bar, True)
    watched = bar.mark_open if plan.stop.on_mark else bar.open
    if not past(watched, order.price, order.side == BUY):
        return NO_FILL
    worse = bar.open if (bar.open - order.price) * order.side > 0.0 else order.price
    return taker_fill(plan, state, order, LEG_STOP, worse, bar, True)


@inner_kernel
def match_open(plan: Plan, state: State, bar: Bar) -> Fill:
    """The next execution at the bar's open, or NO_FILL.

    Liquidation first, then what rested: targets at their own price. Then what was sent: a market order, a
    stop that the open is beyond, an entry.
    """
    position = state.position
    orders = state.orders
    level = position.liquidation_price
    if level > 0.0 and past(bar.mark_open, level, position.quantity < 0.0):
        return liquidation_fill(plan, state, bar, True)
    fill = target_at_open(plan, state, bar)
    if fill.leg == LEG_NONE and able(plan, state, orders.market, bar):
        fill = taker_fill(plan, state, orders.market, LEG_MARKET, bar.open, bar, True)
    if fill.leg == LEG_NONE and able(plan, state, orders.stop, bar):
        fill = stop_at_open(plan, state, orders.stop, bar)
    if fill.leg == LEG_NONE and waits(orders.entry, bar):
        fill = entry_at_open(plan, state, orders.entry, bar)
    return fill


@inner_kernel
def target_at_open(plan: Plan, state: State, bar: Bar) -> Fill:
    """The first target that the bar's open is beyond."""
    for place in range(TARGETS_MAX):
        target = state.orders.targets[place]
        if not able(plan, state, target, bar):
            continue
        if target.kind == LIMIT:
            if past(bar.open, through_level(plan, target), target.side == SELL):
                return maker_fill(plan, state, target, LEG_TARGET + place, bar, True)
        else:
            watched = bar.mark_open if plan.stop.on_mark else bar.open
            if past(watched, target.price, target.side == SELL):
                return taker_fill(plan, state, target, LEG_TARGET + place, bar.open, bar, True)
    return NO_FILL


@inner_kernel
def crossing(start: float, end: float, level: float, rising: bool) -> float:
    """The part of the way from start to end at which `level` is reached; NEVER if it is not."""
    if past(start, level, rising):
        return 0.0
    if not past(end, level, rising):
        return NEVER
    return (level - start) / (end - start)


@inner_kernel
def match(plan: Plan, state: State, bar: Bar, walk: Walk) -> tuple[Fill, Walk]:
    """The next execution on the walk and where it leaves the walk; NO_FILL when the bar's close is
    reached.
    """
    while walk.leg < LEGS:
        end, mark_end = leg_end(walk)
        leg, when = next_on_leg(plan, state, bar, walk, end, mark_end)
        if when < NEVER:
            price = walk.price + when * (end - walk.price)
            mark = walk.mark + when * (mark_end - walk.mark)
            fill = fill_on_leg(plan, state, bar, walk, leg, when)
            walk = moved(walk, walk.leg, price, mark)
            if leg == LEG_ENTRY:
                walk = walk_after_entry(walk, bar, fill.side)
            return fill, walk
        walk = moved(walk, walk.leg + 1, end, mark_end)
    return NO_FILL, walk


@inner_kernel
def next_on_leg(
    plan: Plan, state: State, bar: Bar, walk: Walk, end: float, mark_end: float
) -> tuple[int, float]:
    """(which order, at what part of the leg) is reached first; on a tie the one that hurts more."""
    position = state.position
    orders = state.orders
    best_leg = 0
    best = NEVER
    on_mark = plan.stop.on_mark
    if position.quantity != 0.0 and position.liquidation_price > 0.0:
        best = crossing(walk.mark, mark_end, position.liquidation_price, position.quantity < 0.0)
        best_leg = LEG_LIQUIDATION
    if orders.stop.kind == STOP_MARKET and able(plan, state, orders.stop, bar):
        start, stop = (walk.mark, mark_end) if on_mark else (walk.price, end)
        when = crossing(start, stop, orders.stop.price, orders.stop.side == BUY)
        if when < best:
            best = when
            best_leg = LEG_STOP
    for place in range(TARGETS_MAX):
        target = orders.targets[place]
        if not able(plan, state, target, bar):
            continue
        if target.kind == LIMIT:
            when = crossing(walk.price, end, through_level(plan, target), target.side == SELL)
        else:
            start, stop = (walk.mark, mark_end) if on_mark else (walk.price, end)
            when = crossing(start, stop, target.price, target.side == SELL)
        if when < best:
            best = when
            best_leg = LEG_TARGET + place
    if able(plan, state, orders.entry, bar):
        when = crossing(walk.price, end, through_level(plan, orders.entry), orders.entry.side == SELL)
        if when < best:
            best = when
            best_leg = LEG_ENTRY
    return best_leg, best


@inner_kernel
def fill_on_leg(plan: Plan, state: State, bar: Bar, walk: Walk, leg: int, when: float) -> Fill:
    """The execution of `leg` at the part `when` of the walk's present leg."""
    orders = state.orders
    if leg == LEG_LIQUIDATION:
        return liquidation_fill(plan, state, bar, False)
    if leg == LEG_ENTRY:
        return maker_fill(plan, state, orders.entry, leg, bar, False)
    order = orders.stop if leg == LEG_STOP else orders.targets[leg - LEG_TARGET]
    if order.kind == LIMIT:
        return maker_fill(plan, state, order, leg, bar, False)
    return taker_fill(plan, state, order, leg, triggered_price(plan, order, walk, when), bar, False)


@inner_kernel
def triggered_price(plan: Plan, order: Order, walk: Walk, when: float) -> float:
    """What a triggered order's execution refers to: its trigger, or the last price there if that is worse."""
    end, mark_end = leg_end(walk)
    watched_is_last = not plan.stop.on_mark or (walk.mark == walk.price and mark_end == end)
    if when > 0.0 and watched_is_last:
        return order.price
    last = walk.price + when * (end - walk.price)
    return last if (last - order.price) * order.side > 0.0 else order.price
