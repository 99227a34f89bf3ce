"""A backtest: the compiled bot over a market, on the adverse path and on the favourable one.

In: compiled bot, market, facts. Out: a Result.
Refuses to know: files, terminals, the clock.
Source: execution semantics; the headline is the adverse path unless the document chooses another.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runner.backtest.engine import Engine
from runner.backtest.feed import STRETCH_BARS, Payable, feed_of, payable
from runner.backtest.leap import Ground
from runner.compiler.build import Compiled
from runner.compiler.columns import Rows, evaluate
from runner.core.apply import apply
from runner.core.match import taker_fill
from runner.core.step import FILLS_PER_BAR_MAX
from runner.domain.bar import ADVERSE, FAVOURABLE, NEAREST, Bar
from runner.domain.facts import DataFacts
from runner.domain.order import BUY, END_OF_DATA, LEG_MARKET, MARKET, SELL, Order
from runner.domain.plan import Plan
from runner.domain.position import REFUSALS, State, initial_state
from runner.domain.result import DecisionRecord, FillRecord, PaymentRecord, Result
from runner.domain.series import Bars, Market
from runner.domain.tape import FILL_COLUMNS, START, Feed, Progress, Tape

PATHS = {"adverse": ADVERSE, "favourable": FAVOURABLE, "nearest": NEAREST}

LEAP_BARS = 8  # trying to leap takes as long as walking so many bars
WALK_BARS_MAX = 64  # walked at once where no leap gets anywhere

OnProgress = Callable[[int, int], None]  # (bars done, bars in all)


def _silent(_done: int, _total: int) -> None:
    """Nobody is watching."""


@dataclass(slots=True)
class Run:
    """One walk of the loop over all stretches: where it stands, its tape (not `told`: nobody reads what it
    says of bars), and how many bars it had to walk; a try to leap counts as LEAP_BARS.
    """

    tape: Tape
    state: State
    progress: Progress
    path: int
    told: bool = True
    walked: int = 0


def run_backtest(
    compiled: Compiled,
    market: Market,
    facts: DataFacts,
    *,
    engine: Engine,
    rows: Rows | None = None,
    on_progress: OnProgress = _silent,
) -> Result:
    """The whole backtest. `facts` describe the market and go into the result unchanged; `rows` spares their
    evaluation.
    """
    rows = evaluate(compiled.program, market, engine.indicator) if rows is None else rows
    settlements = payable(market, charged=charges_funding(compiled))
    headline = PATHS[compiled.document.backtest.path]
    paths = tuple(sorted({headline, ADVERSE, FAVOURABLE}))
    runs = walked(compiled.plan, market, rows, settlements, engine, on_progress, paths, told=headline)
    for run in runs:
        close_at_end(compiled.plan, run, _last_bar(market))
    by_path = dict(zip(paths, runs, strict=True))
    return _result(compiled, market, facts, settlements, by_path, headline)


def walked(  # noqa: PLR0913 – one call is the whole run
    plan: Plan,
    market: Market,
    rows: Rows,
    settlements: Payable,
    engine: Engine,
    on_progress: OnProgress = _silent,
    paths: tuple[int, ...] = (ADVERSE, FAVOURABLE),
    *,
    told: int | None = None,
) -> tuple[Run, ...]:
    """One run for each path, over every counted bar; `told` is the path whose tape is read, None: all."""
    count = len(market.bars) - market.first
    taken = engine.plan(plan)
    ground = Ground(plan, market, rows, settlements) if engine.leaps else None
    flat, due = initial_state(plan.capital_usdt), len(settlements.time_ms)
    runs = tuple(Run(tape_of(count, due), flat, START, path, told in (None, path)) for path in paths)
    for start in range(market.first, len(market.bars), STRETCH_BARS):
        stop = min(start + STRETCH_BARS, len(market.bars))
        feed = feed_of(engine, market, rows, settlements, start, stop)
        for run in sorted(runs, key=lambda run: not run.told):  # who is told leaps first, others follow
            run.progress = run.progress._replace(bar=0)
            if ground is None:
                _walk(engine, taken, feed, run, stop - start)
            else:
                _leap_and_walk(engine, taken, feed, run, ground, stop - start)
        if ground is not None:
            ground.forget()
        done = stop - market.first
        on_progress(done, count)
        relief = engine.relay(_walks(market, runs) * (count - done) // done, count - done)
        if relief is not None:
            engine, taken, ground = relief, relief.plan(plan), None
    return runs


def _walks(market: Market, runs: tuple[Run, ...]) -> int:
    """Bars walked so far, finer ones included: the rest of the run will ask for as many in proportion."""
    fine = market.bars.timeframe_ms // market.detail.timeframe_ms if market.detail is not None else 0
    return sum(run.walked + fine * run.progress.resolved for run in runs)


def _leap_and_walk(engine: Engine, plan: object, feed: Feed, run: Run, ground: Ground, bars: int) -> None:
    """One stretch: over calm bars at once, through the others; where none are calm, ever more at a time."""
    start = ground.first + feed.offset
    patience = 1
    while run.progress.bar < bars:
        at = start + run.progress.bar
        leap = ground.leap if run.told else ground.leap_untold
        landing = leap(run.state, run.progress, at, start + bars, run.tape)
        run.state = landing.state
        run.progress = run.progress._replace(bar=landing.row - start, settlements=landing.settlements)
        run.walked += LEAP_BARS
        patience = 1 if landing.row - at > LEAP_BARS else min(2 * patience, WALK_BARS_MAX)
        _walk(engine, plan, feed, run, min(bars, run.progress.bar + patience))


def _walk(engine: Engine, plan: object, feed: Feed, run: Run, stop: int) -> None:
    """Bar by bar to the row `stop` of a stretch; the tape's fills grow when the loop says they are nearly
    full.
    """
    run.walked += stop - run.progress.bar
    while run.progress.bar < stop:
        run.state, run.progress = engine.run(plan, feed, run.tape, run.state, run.progress, stop, run.path)
        if len(run.tape.fills) - run.progress.fills < FILLS_PER_BAR_MAX:
            more = np.zeros_like(run.tape.fills)
            run.tape = run.tape._replace(fills=np.concatenate((run.tape.fills, more)))


def charges_funding(compiled: Compiled) -> bool:
    """Whether the document settles funding."""
    return compiled.document.costs.funding == "historical"


def tape_of(bars: int, settlements: int, *, fills: int = 1024) -> Tape:
    """An empty tape."""
    return Tape(
        equity_usdt=np.zeros(bars),
        worst_equity_usdt=np.zeros(bars),
        position=np.zeros(bars),
        signal=np.zeros(bars, np.int8),
        refusal=np.zeros(bars, np.int8),
        fills=np.zeros((fills, FILL_COLUMNS)),
        payments=np.zeros(settlements),
    )


def _last_bar(market: Market) -> Bar:
    bars = market.bars
    close = float(bars.close[-1])
    end_ms = int(bars.open_time_ms[-1]) + bars.timeframe_ms
    return Bar(end_ms, end_ms, *(close,) * 4, float(bars.volume[-1]), *(close,) * 4)


def close_at_end(plan: Plan, run: Run, bar: Bar) -> None:
    """A position still open when the data ends is closed at the last close, with costs, so that trades
    are whole.
    """
    held = run.state.position.quantity
    if held == 0.0:
        return
    order = Order(MARKET, SELL if held > 0.0 else BUY, abs(held), 0.0, END_OF_DATA, bar.open_time_ms, 0)
    fill = taker_fill(plan, run.state, order, LEG_MARKET, bar.open, bar, True)
    risk = run.state.trade.r_distance * run.state.trade.quantity
    run.state = apply(plan, run.state, fill)
    cash = run.state.account.cash_usdt
    last = len(run.tape.equity_usdt) - 1
    run.tape.fills[run.progress.fills] = (
        *(fill.time_ms, last, fill.leg, fill.side, fill.quantity, fill.price, fill.fee_usdt),
        *(fill.slippage_usdt, fill.reason, 0.0, 0.0, risk, cash),
    )
    run.progress = run.progress._replace(fills=run.progress.fills + 1)
    run.tape.equity_usdt[last] = cash
    run.tape.worst_equity_usdt[last] = min(run.tape.worst_equity_usdt[last], cash)


def _result(
    compiled: Compiled,
    market: Market,
    facts: DataFacts,
    settlements: Payable,
    by_path: dict[int, Run],
    headline: int,
) -> Result:
    chosen = by_path[headline]
    capital = compiled.plan.capital_usdt
    bars = market.bars.rows(market.first, len(market.bars))
    fills = [_fill_record(row) for row in chosen.tape.fills[: chosen.progress.fills].tolist()]
    return Result(
        bot=compiled.document.name,
        bot_hash=compiled.bot_hash,
        plan=compiled.plan,
        facts=facts,
        fills=fills,
        payments=_payments(market, settlements, chosen),
        close_time_ms=bars.open_time_ms + bars.timeframe_ms,
        equity_usdt=chosen.tape.equity_usdt,
        worst_equity_usdt=chosen.tape.worst_equity_usdt,
        position_open=chosen.tape.position != 0.0,
        bars_close=bars.close,
        first_open=float(bars.open[0]),
        refusals=_refusals(chosen),
        ambiguous_bars=chosen.progress.ambiguous,
        resolved_bars=chosen.progress.resolved,
        halted="max_drawdown" if chosen.state.guard.halted else None,
        adverse_net_pnl_usdt=by_path[ADVERSE].state.account.cash_usdt - capital,
        favourable_net_pnl_usdt=by_path[FAVOURABLE].state.account.cash_usdt - capital,
        path=compiled.document.backtest.path,
        notes=[],
        decisions=_decisions(chosen, bars),
    )


def _decisions(run: Run, bars: Bars) -> tuple[DecisionRecord, ...]:
    spoken = np.flatnonzero(run.tape.signal)
    columns = (
        bars.open_time_ms[spoken] + bars.timeframe_ms,
        run.tape.signal[spoken],
        run.tape.refusal[spoken],
    )
    return tuple(map(DecisionRecord, *(column.tolist() for column in columns)))


def _fill_record(row: list[float]) -> FillRecord:
    time_ms, bar, leg, side, quantity, price, fee, slippage, reason, maker, position, risk, _cash = row
    return FillRecord(
        time_ms=int(time_ms),
        bar=int(bar),
        leg=int(leg),
        side=int(side),
        quantity=quantity,
        price=price,
        fee_usdt=fee,
        slippage_usdt=slippage,
        reason=int(reason),
        maker=maker != 0.0,
        position_after=position,
        risk_usdt=risk,
    )


def _payments(market: Market, settlements: Payable, run: Run) -> list[PaymentRecord]:
    times = settlements.time_ms
    opens = market.bars.open_time_ms[market.first :]
    places = np.searchsorted(opens, times, side="right") - 1
    paid = np.flatnonzero(run.tape.payments)
    return [
        PaymentRecord(
            int(times[at]), int(places[at]), float(run.tape.payments[at]), bool(settlements.mark_missing[at])
        )
        for at in paid
    ]


def _refusals(run: Run) -> dict[str, int]:
    """Signals that became no order, and orders that the venue rejected, by reason."""
    counts = np.bincount(run.tape.refusal, minlength=len(REFUSALS) + 1)
    refused = {REFUSALS[code]: int(counts[code]) for code in sorted(REFUSALS) if counts[code]}
    rejected = {
        "rejected: post-only would have taken": run.progress.post_only,
        "rejected: margin insufficient": run.progress.no_margin,
    }
    return refused | {reason: count for reason, count in rejected.items() if count}
