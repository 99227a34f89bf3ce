"""The loop of a backtest: every bar of a feed, in order.

In: plan, feed, state and where the loop stood. Out: the same, further on; figures go to the tape.
Refuses to know: progress bars, files. It stops early when the tape's fills are nearly full, and can be
called again.
"""

from runner.domain.bar import Bar
from runner.domain.order import NO_ORDER
from runner.domain.plan import Plan
from runner.domain.position import State
from runner.domain.tape import Feed, Progress, Tape

from .decide import decide
from .kernel import hot_kernel, kernel
from .step import FILLS_PER_BAR_MAX, at_open, funded, inside, within_reach


@hot_kernel
def run(
    plan: Plan,
    feed: Feed,
    tape: Tape,
    state: State,
    progress: Progress,
    stop: int,
    favourable: bool,
) -> tuple[State, Progress]:
    """Bars from `progress.bar` up to `stop`, or as far as the tape has room for fills."""
    while progress.bar < stop and len(tape.fills) - progress.fills >= FILLS_PER_BAR_MAX:
        index = progress.bar
        place = feed.offset + index
        bar = feed.bars[index]
        if eventful(plan, feed, state, progress, bar):
            state, progress = trade_bar(plan, feed, tape, state, progress, bar, favourable)
        state = decide(plan, state, bar, feed.rows[index])
        equity = state.account.equity_usdt
        held = state.position.quantity
        hurt = bar.mark_low if held > 0.0 else bar.mark_high
        worst = state.account.cash_usdt + held * (hurt - state.position.entry_price)
        tape.equity_usdt[place] = equity
        tape.worst_equity_usdt[place] = min(worst, equity)
        tape.position[place] = held
        tape.signal[place] = state.signal
        tape.refusal[place] = state.refusal
        progress = Progress(
            index + 1,
            progress.fills,
            progress.settlements,
            progress.ambiguous,
            progress.resolved,
        )
    return state, progress


@hot_kernel
def eventful(plan: Plan, feed: Feed, state: State, progress: Progress, bar: Bar) -> bool:
    """Whether anything at all can execute or settle in this bar; most bars of most bots are not eventful."""
    settled = progress.settlements
    if settled < len(feed.settlements) and feed.settlements[settled].time_ms < bar.close_time_ms:
        return True
    orders = state.orders
    if orders.market.kind != NO_ORDER or orders.entry.kind != NO_ORDER:
        return True
    return state.position.quantity != 0.0 and within_reach(plan, state, bar)


@kernel
def trade_bar(
    plan: Plan,
    feed: Feed,
    tape: Tape,
    state: State,
    progress: Progress,
    bar: Bar,
    favourable: bool,
) -> tuple[State, Progress]:
    """Funding at the open, the open, funding after it, the inside of bar or of its finer bars."""
    index = progress.bar
    place = feed.offset + index
    count = progress.fills
    state, settled = settlements(feed, tape, state, progress.settlements, bar.open_time_ms + 1)
    first, last = 0, 0
    if len(feed.detail_first) > 0:
        first, last = feed.detail_first[index], feed.detail_first[index + 1]
    resolved = 0
    ambiguous = 0
    state, count = at_open(plan, state, bar, tape, place, count)
    state, settled = settlements(feed, tape, state, settled, bar.close_time_ms)
    if last > first and within_reach(plan, state, bar):
        resolved = 1
        for fine in range(first, last):
            finer = feed.finer[fine]
            if fine > first:
                state, count = at_open(plan, state, finer, tape, place, count)
            state, count, doubt = inside(plan, state, finer, favourable, tape, place, count)
            ambiguous = max(ambiguous, doubt)
    else:
        state, count, ambiguous = inside(plan, state, bar, favourable, tape, place, count)
    return state, Progress(
        index,
        count,
        settled,
        progress.ambiguous + ambiguous,
        progress.resolved + resolved,
    )


@kernel
def settlements(feed: Feed, tape: Tape, state: State, settled: int, before_ms: int) -> tuple[State, int]:
    """Every settlement before `before_ms` that is still due."""
    while settled < len(feed.settlements) and feed.settlements[settled].time_ms < before_ms:
        state, payment = funded(state, feed.settlements[settled])
        tape.payments[settled] = payment
        settled += 1
    return state, settled
