"""The loop of a backtest: every bar of a feed, in order.

In: plan, feed, state and where the loop stood. Out: the same, further on; figures go to the tape.
Refuses to know: progress bars, files. It stops early when the tape's fills are nearly full, and can be
called again.
"""

from runner.domain.bar import Bar
from runner.domain.order import MARKET, NO_ORDER
from runner.domain.plan import Plan
from runner.domain.position import State
from runner.domain.tape import Feed, Progress, Tape

from .decide import decide
from .kernel import hot_kernel, inner_kernel, kernel
from .step import FILLS_PER_BAR_MAX, at_open, equity_at, funded, inside, owed, within_reach


@kernel
def run(
    plan: Plan,
    feed: Feed,
    tape: Tape,
    state: State,
    progress: Progress,
    stop: int,
    path: int,
) -> tuple[State, Progress]:
    """Bars from `progress.bar` up to `stop`, or as far as the tape has room for fills."""
    index = progress.bar
    while index < stop and len(tape.fills) - progress.fills >= FILLS_PER_BAR_MAX:
        place = feed.offset + index
        bar = feed.bars[index]
        if eventful(plan, feed, state, progress, bar):
            progress = standing_at(progress, index, equity_at(state, bar.mark_open))
            state, progress = trade_bar(plan, feed, tape, state, progress, bar, path)
            worst = progress.worst_usdt
        else:
            worst = equity_at(state, bar.mark_low if state.position.quantity > 0.0 else bar.mark_high)
        state = decide(plan, state, bar, feed.rows[index])
        equity = state.account.equity_usdt
        tape.equity_usdt[place] = equity
        tape.worst_equity_usdt[place] = min(worst, equity)
        tape.position[place] = state.position.quantity
        tape.signal[place] = state.signal
        tape.refusal[place] = state.refusal
        index += 1
    return state, standing_at(progress, index, 0.0)


@inner_kernel
def standing_at(progress: Progress, index: int, worst_usdt: float) -> Progress:
    """The progress, standing at the row `index`."""
    return Progress(
        index,
        progress.fills,
        progress.settlements,
        progress.ambiguous,
        progress.resolved,
        progress.post_only,
        progress.no_margin,
        worst_usdt,
    )


@hot_kernel
def eventful(plan: Plan, feed: Feed, state: State, progress: Progress, bar: Bar) -> bool:
    """Whether anything at all can execute or settle in this bar; most bars of most bots are not eventful."""
    settled = progress.settlements
    if settled < len(feed.settlements) and feed.settlements[settled].time_ms < bar.close_time_ms:
        return True
    orders = state.orders
    if orders.market.kind != NO_ORDER or orders.entry.kind != NO_ORDER or orders.stop.kind == MARKET:
        return True
    return state.position.quantity != 0.0 and within_reach(plan, state, bar)


@inner_kernel
def trade_bar(
    plan: Plan,
    feed: Feed,
    tape: Tape,
    state: State,
    progress: Progress,
    bar: Bar,
    path: int,
) -> tuple[State, Progress]:
    """Funding at the open, the open, the inside of the bar or of its finer bars with the funding in it."""
    place = feed.offset + progress.bar
    state, progress = settlements(plan, feed, tape, state, progress, state, bar.open_time_ms + 1)
    state, progress = at_open(plan, state, bar, tape, progress, place)
    if has_detail(feed, progress.bar) and within_reach(plan, state, bar):
        return trade_finer(plan, feed, tape, state, progress, bar, path)
    before = state
    state, progress = inside(plan, state, bar, path, tape, progress, place)
    return settlements(plan, feed, tape, state, progress, before, bar.close_time_ms)


@inner_kernel
def has_detail(feed: Feed, index: int) -> bool:
    """Whether the finer bars of row `index` are there."""
    return len(feed.detail_first) > 0 and feed.detail_first[index + 1] > feed.detail_first[index]


@inner_kernel
def trade_finer(
    plan: Plan,
    feed: Feed,
    tape: Tape,
    state: State,
    progress: Progress,
    bar: Bar,
    path: int,
) -> tuple[State, Progress]:
    """The bar through its finer bars: what came first is known to their length."""
    place = feed.offset + progress.bar
    first, last = feed.detail_first[progress.bar], feed.detail_first[progress.bar + 1]
    lowest, highest = first, first
    for fine in range(first, last):
        if feed.finer[fine].low < feed.finer[lowest].low:
            lowest = fine
        if feed.finer[fine].high > feed.finer[highest].high:
            highest = fine
    doubts = progress.ambiguous
    for fine in range(first, last):
        finer = with_mark(feed.finer[fine], bar, fine == lowest, fine == highest)
        if fine > first:
            state, progress = settlements(plan, feed, tape, state, progress, state, finer.open_time_ms + 1)
            state, progress = at_open(plan, state, finer, tape, progress, place)
        state, progress = inside(plan, state, finer, path, tape, progress, place)
    state, progress = settlements(plan, feed, tape, state, progress, state, bar.close_time_ms)
    return state, Progress(
        progress.bar,
        progress.fills,
        progress.settlements,
        doubts + min(progress.ambiguous - doubts, 1),
        progress.resolved + 1,
        progress.post_only,
        progress.no_margin,
        progress.worst_usdt,
    )


@inner_kernel
def settlements(
    plan: Plan,
    feed: Feed,
    tape: Tape,
    state: State,
    progress: Progress,
    before: State,
    until_ms: int,
) -> tuple[State, Progress]:
    """Every settlement before `until_ms` that is still due.

    Where the position changed around it at a time that is not known, from `before` to `state`, the dearer of
    the two is paid.
    """
    settled = progress.settlements
    while settled < len(feed.settlements) and feed.settlements[settled].time_ms < until_ms:
        funding = feed.settlements[settled]
        payment = min(owed(before, funding), owed(state, funding))
        state = funded(plan, state, payment)
        tape.payments[settled] = payment
        settled += 1
    return state, Progress(
        progress.bar,
        progress.fills,
        settled,
        progress.ambiguous,
        progress.resolved,
        progress.post_only,
        progress.no_margin,
        progress.worst_usdt,
    )


@inner_kernel
def with_mark(finer: Bar, bar: Bar, lowest: bool, highest: bool) -> Bar:
    """A finer bar with mark prices: its last prices, kept inside what the bar's own mark prices reached; the
    finer bars that hold the bar's extremes reach the mark's extremes too, so that none is lost.
    """
    low, high = bar.mark_low, bar.mark_high
    return Bar(
        finer.open_time_ms,
        finer.close_time_ms,
        finer.open,
        finer.high,
        finer.low,
        finer.close,
        finer.volume,
        min(max(finer.open, low), high),
        high if highest else min(max(finer.high, low), high),
        low if lowest else min(max(finer.low, low), high),
        min(max(finer.close, low), high),
    )
