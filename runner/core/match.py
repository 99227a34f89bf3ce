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
    LEG_ENTRY,
    LEG_LIQUIDATION,
    LEG_MARKET,
    LEG_STOP,
    LEG_TARGET,
    LIMIT,
    LIQUIDATION,
    NO_FILL,
    NO_ORDER,
    POST_ONLY,
    SELL,
    TAKE_PROFIT_MARKET,
    TARGETS_MAX,
    Fill,
    Order,
)
from runner.domain.plan import Plan
from runner.domain.position import Position, State

from .kernel import hot_kernel, kernel
from .margin import bankruptcy_price

NEVER = 2.0  # a leg is walked from 0 to 1
LEGS = 3


@kernel
def slipped(plan: Plan, side: int, price: float, quantity: float, volume: float) -> float:
    """A taker's price: moved against us by the fixed ratio plus the impact of our share of the bar's
    volume.
    """
    costs = plan.costs
    ratio = costs.slippage_ratio
    if costs.slippage_impact > 0.0:
        share = quantity / volume if volume > 0.0 else 1.0
        ratio += costs.slippage_impact * math.sqrt(share)
    return price * (1.0 + side * ratio)


@kernel
def taker_fill(plan: Plan, order: Order, leg: int, reference: float, bar: Bar, at_open: bool) -> Fill:
    """A market execution against the reference price."""
    price = slipped(plan, order.side, reference, order.quantity, bar.volume)
    return Fill(
        leg,
        order.side,
        order.quantity,
        price,
        order.quantity * price * plan.costs.taker_ratio,
        order.quantity * abs(price - reference),
        order.reason,
        bar.open_time_ms,
        False,
        at_open,
    )


@kernel
def maker_fill(plan: Plan, order: Order, leg: int, bar: Bar, at_open: bool) -> Fill:
    """A resting limit order executes at its own price."""
    fee = order.quantity * order.price * plan.costs.maker_ratio
    return Fill(
        leg,
        order.side,
        order.quantity,
        order.price,
        fee,
        0.0,
        order.reason,
        bar.open_time_ms,
        True,
        at_open,
    )


@kernel
def liquidation_fill(plan: Plan, position: Position, bar: Bar, at_open: bool) -> Fill:
    """The exchange closes the position: its whole margin is lost, plus the liquidation fee."""
    quantity = abs(position.quantity)
    price = bankruptcy_price(position.quantity, position.entry_price, position.margin_usdt)
    fee = quantity * price * plan.instrument.liquidation_fee_ratio
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
    return order.price - order.side * plan.instrument.tick_size


@kernel
def entry_at_open(plan: Plan, order: Order, bar: Bar) -> Fill:
    """A limit entry at the open: just placed it may cross the market, resting it must be traded through."""
    rising = order.side == SELL
    if order.placed_ms < bar.open_time_ms:
        if past(bar.open, through_level(plan, order), rising):
            return maker_fill(plan, order, LEG_ENTRY, bar, True)
        return NO_FILL
    if not past(bar.open, order.price, rising):
        return NO_FILL
    if plan.entry.post_only:
        return Fill(LEG_ENTRY, order.side, 0.0, 0.0, 0.0, 0.0, POST_ONLY, bar.open_time_ms, True, True)
    taken = taker_fill(plan, order, LEG_ENTRY, bar.open, bar, True)
    if (taken.price - order.price) * order.side <= 0.0:
        return taken
    return Fill(  # a limit order never pays more than its limit
        LEG_ENTRY,
        order.side,
        order.quantity,
        order.price,
        order.quantity * order.price * plan.costs.taker_ratio,
        order.quantity * abs(order.price - bar.open),
        order.reason,
        bar.open_time_ms,
        False,
        True,
    )


@kernel
def match_open(plan: Plan, state: State, bar: Bar) -> Fill:
    """The next execution at the bar's open, or NO_FILL."""
    position = state.position
    orders = state.orders
    if position.quantity != 0.0 and position.liquidation_price > 0.0:
        rising = position.quantity < 0.0
        if past(bar.mark_open, position.liquidation_price, rising):
            return liquidation_fill(plan, position, bar, True)
    if orders.market.kind != NO_ORDER:
        return taker_fill(plan, orders.market, LEG_MARKET, bar.open, bar, True)
    if orders.stop.kind != NO_ORDER:
        watched = bar.mark_open if plan.stop.on_mark else bar.open
        if past(watched, orders.stop.price, orders.stop.side == BUY):
            return taker_fill(plan, orders.stop, LEG_STOP, bar.open, bar, True)
    if orders.entry.kind != NO_ORDER:
        return entry_at_open(plan, orders.entry, bar)
    for place in range(TARGETS_MAX):
        target = orders.targets[place]
        if target.kind == LIMIT:
            if past(bar.open, through_level(plan, target), target.side == SELL):
                return maker_fill(plan, target, LEG_TARGET + place, bar, True)
        elif target.kind == TAKE_PROFIT_MARKET:
            watched = bar.mark_open if plan.stop.on_mark else bar.open
            if past(watched, target.price, target.side == SELL):
                return taker_fill(plan, target, LEG_TARGET + place, bar.open, bar, True)
    return NO_FILL


@kernel
def walk_from_open(state: State, bar: Bar, favourable: bool) -> Walk:
    """The walk through the bar after its open.

    Adverse: an open position meets the extreme that hurts it first; a waiting entry meets the extreme
    that would
    have helped it first, so that what follows the entry is the hurting extreme and the close.
    Favourable mirrors.
    """
    if state.position.quantity != 0.0:
        low_first = state.position.quantity > 0.0
    else:
        low_first = state.orders.entry.side == SELL
    if favourable:
        low_first = not low_first
    if low_first:
        first, second, mark_first, mark_second = bar.low, bar.high, bar.mark_low, bar.mark_high
    else:
        first, second, mark_first, mark_second = bar.high, bar.low, bar.mark_high, bar.mark_low
    return Walk(
        0,
        bar.open,
        bar.mark_open,
        first,
        second,
        bar.close,
        mark_first,
        mark_second,
        bar.mark_close,
        favourable,
    )


@kernel
def walk_after_entry(walk: Walk, bar: Bar, side: int) -> Walk:
    """Favourable only: after an entry inside the bar the helping extreme comes next, then the hurting one."""
    if not walk.favourable:
        return walk
    if side == BUY:
        first, second, mark_first, mark_second = bar.high, bar.low, bar.mark_high, bar.mark_low
    else:
        first, second, mark_first, mark_second = bar.low, bar.high, bar.mark_low, bar.mark_high
    return Walk(
        0,
        walk.price,
        walk.mark,
        first,
        second,
        bar.close,
        mark_first,
        mark_second,
        bar.mark_close,
        True,
    )


@kernel
def leg_end(walk: Walk) -> tuple[float, float]:
    """(last, mark) at the end of the walk's present leg."""
    if walk.leg == 0:
        return walk.first, walk.mark_first
    if walk.leg == 1:
        return walk.second, walk.mark_second
    return walk.close, walk.mark_close


@kernel
def moved(walk: Walk, leg: int, price: float, mark: float) -> Walk:
    """The same walk, standing elsewhere."""
    return Walk(
        leg,
        price,
        mark,
        walk.first,
        walk.second,
        walk.close,
        walk.mark_first,
        walk.mark_second,
        walk.mark_close,
        walk.favourable,
    )


@kernel
def crossing(start: float, end: float, level: float, rising: bool) -> float:
    """The part of the way from start to end at which `level` is reached; NEVER if it is not."""
    if past(start, level, rising):
        return 0.0
    if not past(end, level, rising):
        return NEVER
    return (level - start) / (end - start)


@kernel
def match(plan: Plan, state: State, bar: Bar, walk: Walk) -> tuple[Fill, Walk]:
    """The next execution on the walk and where it leaves the walk; NO_FILL when the bar's close is
    reached.
    """
    while walk.leg < LEGS:
        end, mark_end = leg_end(walk)
        leg, when = next_on_leg(plan, state, walk, end, mark_end)
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


@kernel
def next_on_leg(plan: Plan, state: State, walk: Walk, end: float, mark_end: float) -> tuple[int, float]:
    """(which order, at what part of the leg) is reached first; on a tie the one that hurts more."""
    position = state.position
    orders = state.orders
    best_leg = 0
    best = NEVER
    on_mark = plan.stop.on_mark
    if position.quantity != 0.0 and position.liquidation_price > 0.0:
        best = crossing(walk.mark, mark_end, position.liquidation_price, position.quantity < 0.0)
        best_leg = LEG_LIQUIDATION
    if orders.stop.kind != NO_ORDER:
        start, stop = (walk.mark, mark_end) if on_mark else (walk.price, end)
        when = crossing(start, stop, orders.stop.price, orders.stop.side == BUY)
        if when < best:
            best = when
            best_leg = LEG_STOP
    for place in range(TARGETS_MAX):
        target = orders.targets[place]
        if target.kind == NO_ORDER:
            continue
        if target.kind == LIMIT:
            when = crossing(walk.price, end, through_level(plan, target), target.side == SELL)
        else:
            start, stop = (walk.mark, mark_end) if on_mark else (walk.price, end)
            when = crossing(start, stop, target.price, target.side == SELL)
        if when < best:
            best = when
            best_leg = LEG_TARGET + place
    if orders.entry.kind != NO_ORDER:
        when = crossing(walk.price, end, through_level(plan, orders.entry), orders.entry.side == SELL)
        if when < best:
            best = when
            best_leg = LEG_ENTRY
    return best_leg, best


@kernel
def fill_on_leg(plan: Plan, state: State, bar: Bar, walk: Walk, leg: int, when: float) -> Fill:
    """The execution of `leg` at the part `when` of the walk's present leg."""
    orders = state.orders
    if leg == LEG_LIQUIDATION:
        return liquidation_fill(plan, state.position, bar, False)
    if leg == LEG_ENTRY:
        return maker_fill(plan, orders.entry, leg, bar, False)
    order = orders.stop if leg == LEG_STOP else orders.targets[leg - LEG_TARGET]
    if order.kind == LIMIT:
        return maker_fill(plan, order, leg, bar, False)
    return taker_fill(plan, order, leg, triggered_price(plan, order, walk, when), bar, False)


@kernel
def triggered_price(plan: Plan, order: Order, walk: Walk, when: float) -> float:
    """What a triggered order's execution refers to: its trigger, or the last price there if that is worse."""
    end, mark_end = leg_end(walk)
    watched_is_last = not plan.stop.on_mark or (walk.mark == walk.price and mark_end == end)
    if when > 0.0 and watched_is_last:
        return order.price
    last = walk.price + when * (end - walk.price)
    return last if (last - order.price) * order.side > 0.0 else order.price
