"""One bar in the life of a bot at the simulated venue: funding, open, inside.

In: plan, state, bars, funding. Out: the next state; executions go to the tape.
Refuses to know: where bars come from, how many there are, what is decided at the close.
Source: execution semantics "Order of events inside bar i + 1".
"""

from runner.domain.bar import Bar, Funding, Walk
from runner.domain.order import (
    BUY,
    LEG_NONE,
    LIMIT,
    MARKET,
    NO_MARGIN,
    NO_ORDER,
    POST_ONLY,
    SELL,
    TARGETS_MAX,
    Fill,
    Order,
)
from runner.domain.plan import ABSENT, Plan
from runner.domain.position import State
from runner.domain.tape import Progress, Tape

from .apply import apply, settle
from .kernel import hot_kernel, inner_kernel
from .match import match, match_open, past, through_level
from .walk import leg_end, moved, walk_from_open

FILLS_PER_BAR_MAX = 16  # liquidation or market, entry, stop, four targets, twice over for good measure


@inner_kernel
def owed(state: State, funding: Funding) -> float:
    """What one settlement pays for the open position; received is positive."""
    return -state.position.quantity * funding.mark_price * funding.funding_rate


@inner_kernel
def funded(plan: Plan, state: State, payment_usdt: float) -> State:
    """The state after a settlement; nothing happens to a flat account that owes nothing."""
    return state if payment_usdt == 0.0 else settle(plan, state, payment_usdt)


@hot_kernel
def equity_at(state: State, mark_price: float) -> float:
    """Equity in USDT with the mark at this price."""
    position = state.position
    return state.account.cash_usdt + position.quantity * (mark_price - position.entry_price)


@inner_kernel
def counted(
    progress: Progress, fills: int, ambiguous: int, post_only: int, no_margin: int, worst_usdt: float
) -> Progress:
    """The progress with so many more, and the lower of both worst equities."""
    return Progress(
        progress.bar,
        progress.fills + fills,
        progress.settlements,
        progress.ambiguous + ambiguous,
        progress.resolved,
        progress.post_only + post_only,
        progress.no_margin + no_margin,
        min(progress.worst_usdt, worst_usdt),
    )


@inner_kernel
def recorded(tape: Tape, progress: Progress, place: int, before: State, fill: Fill, after: State) -> Progress:
    """Write one fill to the tape; a rejected order leaves no fill, but is counted."""
    if fill.quantity <= 0.0:
        post_only = 1 if fill.reason == POST_ONLY else 0
        no_margin = 1 if fill.reason == NO_MARGIN else 0
        return counted(progress, 0, 0, post_only, no_margin, progress.worst_usdt)
    trade = after.trade if after.position.quantity != 0.0 else before.trade
    row = tape.fills[progress.fills]
    row[0] = fill.time_ms
    row[1] = place
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
    return counted(progress, 1, 0, 0, 0, progress.worst_usdt)


@inner_kernel
def at_open(
    plan: Plan, state: State, bar: Bar, tape: Tape, progress: Progress, place: int
) -> tuple[State, Progress]:
    """Everything that executes at the bar's open."""
    while True:
        progress = counted(progress, 0, 0, 0, 0, equity_at(state, bar.mark_open))
        fill = match_open(plan, state, bar)
        if fill.leg == LEG_NONE:
            return state, progress
        after = apply(plan, state, fill)
        progress = recorded(tape, progress, place, state, fill, after)
        state = after


@inner_kernel
def lowest_between(state: State, start: Walk, end: Walk) -> float:
    """The lowest equity on the walk from `start` to `end`, both ends included."""
    worst = min(equity_at(state, start.mark), equity_at(state, end.mark))
    walk = start
    while walk.leg < end.leg:
        last, mark = leg_end(walk)
        worst = min(worst, equity_at(state, mark))
        walk = moved(walk, walk.leg + 1, last, mark)
    return worst


@inner_kernel
def inside(
    plan: Plan, state: State, bar: Bar, path: int, tape: Tape, progress: Progress, place: int
) -> tuple[State, Progress]:
    """Everything that executes after the open."""
    if not within_reach(plan, state, bar):
        hurt = bar.mark_low if state.position.quantity > 0.0 else bar.mark_high
        return state, counted(progress, 0, 0, 0, 0, equity_at(state, hurt))
    ambiguous = contested(plan, state, bar)
    walk = walk_from_open(state, bar, path)
    while True:
        fill, ahead = match(plan, state, bar, walk)
        progress = counted(progress, 0, 0, 0, 0, lowest_between(state, walk, ahead))
        if fill.leg == LEG_NONE:
            return state, counted(progress, 0, ambiguous, 0, 0, progress.worst_usdt)
        opened = state.position.quantity == 0.0
        after = apply(plan, state, fill)
        progress = recorded(tape, progress, place, state, fill, after)
        progress = counted(progress, 0, 0, 0, 0, equity_at(after, ahead.mark))
        state, walk = after, ahead
        if opened and within_reach(plan, state, bar):
            ambiguous = 1


@hot_kernel
def touched(order: Order, level: float, low: float, high: float, rising: bool) -> bool:
    """Whether a bar's range reaches an order's level; an order at market has none."""
    if order.kind in (NO_ORDER, MARKET):
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
    if plan.targets[0].kind == ABSENT:
        return False
    for place in range(TARGETS_MAX):
        target = state.orders.targets[place]
        if target.kind == NO_ORDER:
            continue
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
    held = state.position.quantity != 0.0
    if held and (stop_touched(plan, state, bar) or target_touched(plan, state, bar)):
        return True
    entry = state.orders.entry
    return touched(entry, through_level(plan, entry), bar.low, bar.high, entry.side == SELL)


@inner_kernel
def contested(plan: Plan, state: State, bar: Bar) -> int:
    """1 when the walk through the bar decides: it reaches both the stop and a target, or a stop that the mark
    triggers while the last price is elsewhere; else 0.
    """
    if state.position.quantity == 0.0 or not stop_touched(plan, state, bar):
        return 0
    apart = plan.stop.on_mark and (bar.mark_low != bar.low or bar.mark_high != bar.high)
    return 1 if apart or target_touched(plan, state, bar) else 0
