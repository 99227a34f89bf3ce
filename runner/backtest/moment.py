"""One moment of a backtest: the state before and after the decision at one bar's close, and every gate.

In: plan, market, rows, a row. Out: a Moment, and the gates with their figures.
Refuses to know: rule trees (the compiler's trace shows those), terminals.
"""

from typing import NamedTuple

from runner.backtest.engine import interpreted_engine
from runner.backtest.feed import feed_of, payable
from runner.backtest.run import PATHS, charges_funding, tape_of
from runner.compiler.build import Compiled
from runner.compiler.columns import Rows
from runner.core.decide import decide, limit_price
from runner.core.exits import daily_loss_level, drawdown_level, first_stop
from runner.core.limits import (
    cooldown_gate,
    daily_loss_gate,
    halted_gate,
    liquidation_refusal,
    stop_refusal,
    trades_gate,
)
from runner.core.loop import eventful, trade_bar
from runner.core.margin import liquidation_price, margin_behind
from runner.core.rules import fact_of
from runner.core.sizing import entry_quantity
from runner.domain.bar import Bar, Row
from runner.domain.order import REASONS
from runner.domain.plan import (
    FACT_BARS_IN_TRADE,
    FACT_POSITION,
    FACT_PROFIT_R,
    FACT_PROFIT_RATIO,
    Plan,
)
from runner.domain.position import ACCEPTED, REFUSALS, State, initial_state
from runner.domain.series import Market
from runner.domain.tape import START
from runner.domain.time import format_time


class Moment(NamedTuple):
    """A bar, its row, the state when its close is judged, the state after, and what was executed in it."""

    bar: Bar
    row: Row
    before: State
    after: State
    fills: tuple[str, ...]


class Gate(NamedTuple):
    """`passed` None: not reached, because an earlier gate refused."""

    name: str
    passed: bool | None
    detail: str


def moment_at(compiled: Compiled, market: Market, rows: Rows, row: int) -> Moment:
    """Replay the counted bars up to and with `row`, an index into the market's bars, on the headline's
    path.
    """
    engine = interpreted_engine()
    plan = compiled.plan
    path = PATHS[compiled.document.backtest.path]
    settlements = payable(market, charged=charges_funding(compiled))
    feed = feed_of(engine, market, rows, settlements, market.first, row + 1)
    tape = tape_of(row + 1 - market.first, len(settlements.time_ms), fills=16 * (row + 2 - market.first))
    last = row - market.first
    state, progress = engine.run(plan, feed, tape, initial_state(plan.capital_usdt), START, last, path)
    bar: Bar = feed.bars[last]
    filled = progress.fills
    if eventful(plan, feed, state, progress, bar):
        state, progress = trade_bar(plan, feed, tape, state, progress, bar, path)
    fills = tuple(
        f"{REASONS[int(fill[8])]} {'buy' if fill[3] > 0 else 'sell'} {fill[4]:g} @ {fill[5]:,.8g}"
        for fill in tape.fills[filled : progress.fills].tolist()
    )
    return Moment(bar, feed.rows[last], state, decide(plan, state, bar, feed.rows[last]), fills)


def facts_of(plan: Plan, moment: Moment) -> dict[int, float]:
    """What exit rules may ask about the open position at this close; empty when flat."""
    state = moment.before
    if state.position.quantity == 0.0:
        return {}
    wanted = (FACT_BARS_IN_TRADE, FACT_PROFIT_RATIO, FACT_PROFIT_R, FACT_POSITION)
    return {fact: fact_of(plan, fact, state.position, state.trade, moment.bar) for fact in wanted}


def entry_gates(plan: Plan, moment: Moment, side: int) -> list[Gate]:
    """Every gate between a signal of `side` and its order, with the figures it judged."""
    account, guard, now = moment.after.account, moment.after.guard, moment.bar.close_time_ms
    limits = plan.limits
    gates = [
        Gate("flat", moment.before.position.quantity == 0.0, f"position {moment.before.position.quantity:g}"),
        Gate("not halted", not halted_gate(guard), "an operator has to resume" if guard.halted else ""),
        Gate(
            "daily loss limit",
            not daily_loss_gate(account, guard),
            _level("equity", account.equity_usdt, daily_loss_level(limits, account)),
        ),
        Gate(
            "maximum drawdown",
            not guard.drawdown_hit,
            _level("equity", account.equity_usdt, drawdown_level(limits, account)),
        ),
        Gate("cooldown", not cooldown_gate(guard, now), _until(guard.blocked_until_ms, now)),
        Gate(
            "trades per day",
            not trades_gate(plan, account, guard),
            f"{guard.entries_today if guard.entries_day == account.day else 0} of {limits.trades_per_day}"
            if limits.trades_per_day
            else "no such limit",
        ),
        Gate(
            "equity",
            account.equity_usdt > 0.0 and account.cash_usdt > 0.0,
            f"{account.equity_usdt:,.2f} USDT",
        ),
    ]
    return _reached(gates + order_gates(plan, moment, side))


def order_gates(plan: Plan, moment: Moment, side: int) -> list[Gate]:
    """The gates that look at the order itself: its stop, then its quantity."""
    row, bar = moment.row, moment.bar
    setup = row.stop_long if side > 0 else row.stop_short
    price = limit_price(plan, side, bar.close) if plan.entry.limit else bar.close
    stop = first_stop(plan, side, price, setup)
    refusal = stop_refusal(plan, side, price, setup, stop)
    detail = f"stop {stop:,.8g}, entry about {price:,.8g}" if plan.stop.kind else "the bot has no stop"
    gates = [Gate("stop", refusal == ACCEPTED, detail if refusal == ACCEPTED else REFUSALS[refusal])]
    account = moment.after.account
    quantity, refusal = entry_quantity(plan, account.equity_usdt, price, abs(price - stop))
    floor = f"least {plan.instrument.quantity_min:g}, {plan.instrument.notional_usdt_min:g} USDT"
    detail = f"{quantity:g} = {quantity * price:,.2f} USDT" if refusal == ACCEPTED else REFUSALS[refusal]
    gates.append(Gate("quantity", refusal == ACCEPTED, f"{detail} ({floor})"))
    signed = side * max(quantity, plan.instrument.step_size)
    margin = margin_behind(plan, signed, price, account.cash_usdt)
    liquidation = liquidation_price(plan, signed, price, margin)
    refusal = liquidation_refusal(plan, signed, price, stop, account.cash_usdt)
    return [*gates, Gate("liquidation", refusal == ACCEPTED, f"liquidation about {liquidation:,.8g}")]


def _reached(gates: list[Gate]) -> list[Gate]:
    """Gates after the first refusal were not reached."""
    for place, gate in enumerate(gates):
        if not gate.passed:
            return gates[: place + 1] + [Gate(later.name, None, "") for later in gates[place + 1 :]]
    return gates


def _level(what: str, number: float, level: float) -> str:
    return f"{what} {number:,.2f}, limit at {level:,.2f} USDT" if level > 0.0 else "no such limit"


def _until(until_ms: int, now_ms: int) -> str:
    return f"until {format_time(until_ms)} UTC" if until_ms > now_ms else "none runs"
