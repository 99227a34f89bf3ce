"""The compiler's front door: a document and an instrument become a plan and a program.

In: a validated document, its places, the instrument with its margin brackets. Out: `Compiled`, or None, and
all problems. Refuses to know: NumPy, bars, files, modes.
"""

from dataclasses import dataclass

from runner.bot import model
from runner.bot.canonical import bot_hash
from runner.bot.model import Document
from runner.bot.names import lint_names
from runner.bot.problem import Problem, has_errors, ordered
from runner.bot.ranges import lint_ranges
from runner.bot.source import Source
from runner.bot.venue import Liquidity as Cap
from runner.compiler.draft import Draft, draft
from runner.compiler.expression import identity
from runner.compiler.program import Program
from runner.domain.instrument import BRACKETS_MAX, NO_BRACKET, Bracket, Instrument
from runner.domain.order import TARGETS_MAX
from runner.domain.plan import (
    ABSENT,
    AFTER_EXIT,
    AFTER_LOSS,
    AFTER_LOSSES,
    AFTER_STOP,
    BLOCK,
    BY_R,
    BY_RATIO,
    COOLDOWNS_MAX,
    FLATTEN,
    HALT,
    NO_CAP,
    NO_COOLDOWN,
    NO_TARGET,
    SIZE_EQUITY,
    SIZE_NOTIONAL,
    SIZE_QUANTITY,
    SIZE_RISK,
    BreakEven,
    Cooldown,
    Costs,
    EntryOrder,
    Limits,
    Liquidity,
    Plan,
    Sizing,
    StopRule,
    Target,
    Trailing,
)
from runner.domain.time import TIMEFRAMES
from runner.domain.units import BarCount, EquityRatio, LossStreak, Ratio, RMultiple

_ACTIONS = {"block": BLOCK, "flatten": FLATTEN, "halt": HALT}
_AFTER = {"exit": AFTER_EXIT, "loss": AFTER_LOSS, "stop_loss": AFTER_STOP}


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a bot has become. `warmup_bars` bars of the bot's own timeframe are needed before the first
    decision; `timeframes` are the longer ones (ms) that its rules read.
    """

    document: Document
    plan: Plan
    program: Program
    bot_hash: str
    warmup_bars: int
    timeframes: tuple[int, ...]
    needs_funding: bool
    needs_mark_price: bool


def build(
    document: Document, source: Source | None, instrument: Instrument, brackets: tuple[Bracket, ...]
) -> tuple[Compiled | None, list[Problem]]:
    """Compiles a document; None when it has an error. Parameters stand at their defaults.

    Declarations are judged again: a run may have set parameters since the file was checked.
    """
    places = source or Source("", "")
    declarations = [*lint_ranges(document, places), *lint_names(document, places)]
    drafted, found = draft(document, places)
    problems = ordered([problem for problem in declarations if problem.severity == "error"] + found)
    if drafted is None or has_errors(problems):
        return None, problems
    compiled = Compiled(
        document=document,
        plan=build_plan(document, drafted, instrument, brackets),
        program=drafted.program,
        bot_hash=bot_hash(document, identity),
        warmup_bars=drafted.program.warmup_bars,
        timeframes=drafted.timeframes,
        needs_funding=drafted.needs_funding,
        needs_mark_price=drafted.needs_mark_price,
    )
    return compiled, problems


def build_plan(
    document: Document, drafted: Draft, instrument: Instrument, brackets: tuple[Bracket, ...]
) -> Plan:
    """The waist: every number the core needs, tuples padded to their fixed lengths."""
    assert len(brackets) <= BRACKETS_MAX, brackets
    timeframe_ms = TIMEFRAMES[document.market.timeframe]
    exits, costs = document.exit, document.costs
    return Plan(
        instrument=instrument,
        brackets=brackets + (NO_BRACKET,) * (BRACKETS_MAX - len(brackets)),
        costs=Costs(
            costs.maker.ratio, costs.taker.ratio, costs.slippage.fixed.ratio, float(costs.slippage.impact)
        ),
        sizing=_sizing(document),
        entry=_entry(document),
        stop=_stop(exits, drafted),
        targets=_targets(exits),
        break_even=_break_even(exits),
        trailing=_trailing(exits, drafted),
        time_stop_bars=exits.time_stop.bars if exits.time_stop else 0,
        exit_long=drafted.exit_long,
        exit_short=drafted.exit_short,
        limits=_limits(document.limits, timeframe_ms),
        timeframe_ms=timeframe_ms,
        capital_usdt=document.backtest.capital.usdt,
        fill_on_touch=document.backtest.limit_fill == "touch",
        liquidity=_liquidity(document.backtest.liquidity),
    )


def _sizing(document: Document) -> Sizing:
    asked = document.size
    if asked.risk is not None:
        kind, measure = SIZE_RISK, asked.risk.ratio
    elif asked.equity is not None:
        kind, measure = SIZE_EQUITY, asked.equity.ratio
    elif asked.notional is not None:
        kind, measure = SIZE_NOTIONAL, asked.notional.usdt
    else:
        assert asked.quantity is not None
        kind, measure = SIZE_QUANTITY, asked.quantity.quantity
    cap = asked.max_notional
    ratio_max = cap.ratio if isinstance(cap, EquityRatio) else 0.0
    usdt_max = 0.0 if cap is None or isinstance(cap, EquityRatio) else cap.usdt
    cross = document.market.margin == "cross"
    return Sizing(kind, measure, float(document.market.leverage), ratio_max, usdt_max, cross)


def _liquidity(cap: Cap | None) -> Liquidity:
    return Liquidity(cap.share.ratio, cap.rest == "carry") if cap else NO_CAP


def _entry(document: Document) -> EntryOrder:
    order = document.entry.order
    return EntryOrder(
        limit=order.type == "limit",
        offset_ratio=order.offset.ratio,
        expires_bars=order.expires.bars,
        post_only=order.post_only,
        reverse=document.exit.reverse,
    )


def _stop(exits: model.Exit, drafted: Draft) -> StopRule:
    on_mark = exits.stop_loss is not None and exits.stop_loss.trigger == "mark"
    return StopRule(drafted.stop_kind, on_mark)


def _targets(exits: model.Exit) -> tuple[Target, Target, Target, Target]:
    rungs = [Target(*_level(rung.at), rung.close.ratio, rung.type == "market") for rung in exits.take_profit]
    first, second, third, fourth = (rungs + [NO_TARGET] * TARGETS_MAX)[:TARGETS_MAX]
    return first, second, third, fourth


def _level(at: RMultiple | Ratio) -> tuple[int, float]:
    return (BY_R, at.r) if isinstance(at, RMultiple) else (BY_RATIO, at.ratio)


def _break_even(exits: model.Exit) -> BreakEven:
    if exits.break_even is None:
        return BreakEven(ABSENT, 0.0, 0.0)
    return BreakEven(*_level(exits.break_even.at), exits.break_even.offset.ratio)


def _trailing(exits: model.Exit, drafted: Draft) -> Trailing:
    if exits.trailing_stop is None or exits.trailing_stop.start_at is None:
        return Trailing(drafted.trail_kind, ABSENT, 0.0)
    return Trailing(drafted.trail_kind, *_level(exits.trailing_stop.start_at))


def _limits(limits: model.Limits, timeframe_ms: int) -> Limits:
    daily, drawdown = limits.daily_loss, limits.max_drawdown
    daily_ratio = daily.max.ratio if daily and isinstance(daily.max, EquityRatio) else 0.0
    daily_usdt = daily.max.usdt if daily and not isinstance(daily.max, EquityRatio) else 0.0
    pauses = [_cooldown(pause, timeframe_ms) for pause in limits.cooldown]
    first, second, third, fourth = (pauses + [NO_COOLDOWN] * COOLDOWNS_MAX)[:COOLDOWNS_MAX]
    return Limits(
        daily_loss_ratio=daily_ratio,
        daily_loss_usdt=daily_usdt,
        daily_loss_action=_ACTIONS[daily.then] if daily else 0,
        drawdown_ratio=drawdown.max.ratio if drawdown else 0.0,
        drawdown_action=_ACTIONS[drawdown.then] if drawdown else 0,
        trades_per_day=limits.trades_per_day or 0,
        cooldowns=(first, second, third, fourth),
    )


def _cooldown(pause: model.Cooldown, timeframe_ms: int) -> Cooldown:
    wait_ms = pause.wait.bars * timeframe_ms if isinstance(pause.wait, BarCount) else pause.wait.ms
    if isinstance(pause.after, LossStreak):
        return Cooldown(AFTER_LOSSES, pause.after.losses, wait_ms)
    return Cooldown(_AFTER[pause.after], 0, wait_ms)
