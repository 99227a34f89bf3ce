"""Faults that cost money: each needs several keys at once.

In: a document and its source. Out: problems with `risk/…` codes. Refuses to know: conditions, prices,
modes. Liquidation: an isolated position of leverage L loses its margin about 1/L away from the entry, less
the lowest maintenance bracket (0.4 % on BTCUSDT); formulas are judged at run time, by the core."""

from collections.abc import Iterator
from itertools import pairwise

from runner.bot.model import Document
from runner.bot.problem import Path, Problem, error, warning
from runner.bot.ranges import STOP_RATIO_MAX
from runner.bot.source import Source
from runner.domain.units import EquityRatio, Ratio, RMultiple

MAINTENANCE_RATIO = 0.004
ROUNDING = 1e-12

# Warnings that cost money become errors where orders are real.
STRICT_CODES = frozenset({"risk/no-stop", "risk/no-daily-limit"})


def lint_risks(document: Document, source: Source) -> Iterator[Problem]:
    """Stops, ladders, levels, entries, limits."""
    yield from _stops(document, source)
    yield from _liquidation(document, source)
    yield from _ladder(document, source)
    yield from _rungs(document, source)
    yield from _levels(document, source)
    yield from _endings(document, source)
    yield from _entries(document, source)
    yield from _limits(document, source)
    yield from _caps(document, source)


def _stops(document: Document, source: Source) -> Iterator[Problem]:
    stop, trailing, sizing = document.exit.stop_loss, document.exit.trailing_stop, document.size
    if stop:
        return
    if sizing.risk:
        message = f"risking {sizing.risk} needs a stop: the quantity follows from its distance"
        hint = "add 'stop_loss: 2%' under 'exit:', or size by 'equity: 50%'"
        path: Path = ("size", "risk")
        yield error("risk/stop-missing", message, source.span(path), hint=hint, path=path)
    elif not trailing or trailing.start_at:
        path = ("exit",) if ("exit",) in source.spans else ("entry",)
        hint = "add 'stop_loss: 2%' under 'exit:'"
        yield warning(
            "risk/no-stop", "no stop rests at the exchange", source.key_span(path), hint=hint, path=path
        )
    levels: list[tuple[Path, object]] = [
        (("exit", "take_profit", place, "at"), target.at)
        for place, target in enumerate(document.exit.take_profit)
    ]
    if document.exit.break_even:
        levels.append((("exit", "break_even", "at"), document.exit.break_even.at))
    if trailing:
        levels.append((("exit", "trailing_stop", "start_at"), trailing.start_at))
    for path, level in levels:
        if isinstance(level, RMultiple):
            message = f"{level} means nothing without a stop: R is the first stop's distance"
            hint = "add 'stop_loss: 2%' under 'exit:', or write a percentage"
            yield error("risk/r-without-stop", message, source.span(path), hint=hint, path=path)


def _liquidation(document: Document, source: Source) -> Iterator[Problem]:
    stop, leverage = document.exit.stop_loss, document.market.leverage
    if not stop or not isinstance(stop.distance, Ratio):
        return
    distance = 1 / leverage - MAINTENANCE_RATIO
    if distance <= stop.distance.ratio <= STOP_RATIO_MAX:
        liquidated = f"leverage {leverage} is liquidated about {distance:.1%} away"
        message = f"the stop is {stop.distance} away, but {liquidated}"
        fitting = max(
            (lever for lever in range(1, 126) if 1 / lever - MAINTENANCE_RATIO > stop.distance.ratio),
            default=0,
        )
        hint = f"write a stop under {distance:.1%}" + (f", or leverage {fitting} or less" if fitting else "")
        path: Path = ("exit", "stop_loss", "distance")
        yield error("risk/stop-beyond-liquidation", message, source.span(path), hint=hint, path=path)


def _ladder(document: Document, source: Source) -> Iterator[Problem]:
    closed = 0.0
    for place, target in enumerate(document.exit.take_profit):
        closed += target.close.ratio
        if closed > 1 + ROUNDING and target.close.ratio <= 1:
            path: Path = ("exit", "take_profit", place, "close")
            left = Ratio(max(0.0, round(1 - (closed - target.close.ratio), 12)))
            hint = f"at most {left} is left for it" if left.ratio else "nothing is left for it: remove it"
            message = f"the targets up to here close {Ratio(round(closed, 12))} of the position"
            yield error("risk/ladder", message, source.span(path), hint=hint, path=path)
            return


def _rungs(document: Document, source: Source) -> Iterator[Problem]:
    """Rungs are worked off from the nearest on, so they must be written so, and in one unit."""
    rungs = document.exit.take_profit
    for place, (nearer, target) in enumerate(pairwise(rungs), 1):
        path: Path = ("exit", "take_profit", place, "at")
        if isinstance(nearer.at, Ratio) != isinstance(target.at, Ratio):
            hint = "write all of them in R, or all in percent"
            message = "targets in different units have no order"
            yield error("risk/ladder", message, source.span(path), hint=hint, path=path)
            return
        if _reach(target.at) <= _reach(nearer.at):
            hint = "write the nearest target first"
            message = f"this target is not farther than the one before it, {nearer.at}"
            yield error("risk/ladder", message, source.span(path), hint=hint, path=path)
            return


def _reach(at: Ratio | RMultiple) -> float:
    return at.ratio if isinstance(at, Ratio) else at.r


def _levels(document: Document, source: Source) -> Iterator[Problem]:
    """Levels that the price cannot reach, or only after the position is closed."""
    exit_ = document.exit
    stop = exit_.stop_loss.distance if exit_.stop_loss else None
    r_ratio = stop.ratio if isinstance(stop, Ratio) else None
    last = _everything_closed_at(document, r_ratio)
    starts: list[tuple[Path, Ratio | RMultiple | None]] = []
    if exit_.trailing_stop:
        starts.append((("exit", "trailing_stop", "start_at"), exit_.trailing_stop.start_at))
    if exit_.break_even:
        starts.append((("exit", "break_even", "at"), exit_.break_even.at))
    for path, level in starts:
        if level is not None and last and _reached(level, last, r_ratio):
            message = f"this starts at {level}, but the last target has closed everything at {last}"
            hint = "start it before the last target, or let the targets close less than 100%"
            yield error("risk/never-starts", message, source.span(path), hint=hint, path=path)
    for place, target in enumerate(exit_.take_profit):
        path = ("exit", "take_profit", place, "at")
        if isinstance(target.at, Ratio) and target.at.ratio >= 1 and document.entry.short is not None:
            message = f"a short position cannot earn {target.at}: the price would be 0 or less"
            yield error(
                "risk/never-fills", message, source.span(path), hint="write less than 100%", path=path
            )
        fees = document.costs.taker.ratio + min(document.costs.maker.ratio, document.costs.taker.ratio)
        if isinstance(target.at, Ratio) and 0 < target.at.ratio <= fees:
            message = (
                f"this target earns {target.at}, and the fees of a round trip are {Ratio(round(fees, 12))}"
            )
            hint = "write a target that leaves something"
            yield warning("risk/target-below-fees", message, source.span(path), hint=hint, path=path)
    even = exit_.break_even
    if even and isinstance(even.at, Ratio) and even.offset.ratio >= even.at.ratio > 0:
        message = f"the stop would move {even.offset} past the entry when the price is only {even.at} past it"
        path = ("exit", "break_even", "offset")
        yield error(
            "risk/break-even", message, source.span(path), hint=f"write less than {even.at}", path=path
        )


def _everything_closed_at(document: Document, r_ratio: float | None) -> Ratio | RMultiple | None:
    """The highest target's level when the targets close all; None when they do not, or cannot be compared."""
    targets = document.exit.take_profit
    if not targets or sum(target.close.ratio for target in targets) < 1 - ROUNDING:
        return None
    highest = targets[0].at
    for target in targets[1:]:
        if _reached(target.at, highest, r_ratio):
            highest = target.at
        elif not _reached(highest, target.at, r_ratio):
            return None
    return highest


def _reached(level: Ratio | RMultiple, other: Ratio | RMultiple, r_ratio: float | None) -> bool:
    """Whether `level` is at or beyond `other`; False when R and percentages cannot be compared."""
    match level, other:
        case (RMultiple(), RMultiple()):
            return level.r >= other.r
        case (Ratio(), Ratio()):
            return level.ratio >= other.ratio
        case (RMultiple(), Ratio()):
            return r_ratio is not None and level.r * r_ratio >= other.ratio
        case (Ratio(), RMultiple()):
            return r_ratio is not None and level.ratio >= other.r * r_ratio
    return False


def _endings(document: Document, source: Source) -> Iterator[Problem]:
    """Each side that is opened can be closed; no rule closes a side that is never opened."""
    entry, exit_ = document.entry, document.exit
    always = exit_.stop_loss or exit_.trailing_stop or exit_.take_profit or exit_.time_stop
    for side, opens, opposite, closes in (
        ("long", entry.long, entry.short, exit_.when.long),
        ("short", entry.short, entry.long, exit_.when.short),
    ):
        if opens is None and closes is not None:
            path: Path = ("exit", "when", side)
            message = f"a rule closes {side} positions, but none is ever opened"
            hint = f"remove it, or add '{side}:' under 'entry:'"
            yield warning("risk/never-used", message, source.key_span(path), hint=hint, path=path)
        reversed_ = exit_.reverse and opposite is not None
        if opens is not None and closes is None and not always and not reversed_:
            path = ("entry", side)
            message = f"nothing ever closes a {side} position"
            hint = f"add 'stop_loss', 'take_profit', 'time_stop' or 'when: {{{side}: …}}' under 'exit:'"
            yield error("risk/no-exit", message, source.key_span(path), hint=hint, path=path)


def _entries(document: Document, source: Source) -> Iterator[Problem]:
    order, exit_, entry = document.entry.order, document.exit, document.entry
    if order.type == "market":
        for key in ("offset", "expires", "post_only"):
            if key in order.model_fields_set:
                path: Path = ("entry", "order", key)
                message = f"'{key}' is for limit entries; this one is a market order"
                hint = "write 'type: limit', or remove the key"
                yield error("schema/limit-entry", message, source.key_span(path), hint=hint, path=path)
    if exit_.reverse and order.type == "limit":
        path = ("exit", "reverse")
        message = "a limit entry may not fill, so it cannot reverse a position"
        hint = "write 'reverse: false', or enter with 'type: market'"
        yield error("risk/reverse-limit", message, source.span(path), hint=hint, path=path)
    if exit_.reverse and (entry.long is None or entry.short is None):
        path = ("exit", "reverse")
        message = "there is nothing to reverse to: only one side is ever opened"
        hint = "write 'reverse: false', or add the other side under 'entry:'"
        yield warning("risk/reverse-one-side", message, source.span(path), hint=hint, path=path)


def _limits(document: Document, source: Source) -> Iterator[Problem]:
    limits, sizing = document.limits, document.size
    if not limits.daily_loss:
        path: Path = ("limits",) if ("limits",) in source.spans else ("name",)
        hint = "add 'limits: {daily_loss: {max: 3% of equity}}'"
        message = "no daily loss limit"
        yield warning("risk/no-daily-limit", message, source.key_span(path), hint=hint, path=path)
    most = limits.daily_loss.max if limits.daily_loss else None
    if sizing.risk and isinstance(most, EquityRatio) and 0 < most.ratio < sizing.risk.ratio:
        message = f"one trade risks {sizing.risk}, more than the daily limit of {most}"
        path = ("limits", "daily_loss", "max")
        hint = "raise the limit or risk less: the limit would come before the stop"
        yield warning("risk/daily-limit-below-risk", message, source.span(path), hint=hint, path=path)
    exit_ = document.exit
    for place, cooldown in enumerate(limits.cooldown):
        if cooldown.after == "stop_loss" and not exit_.stop_loss:
            path = ("limits", "cooldown", place, "after")
            message = "this cooldown never starts: there is no stop_loss"
            hint = "write 'after: loss', or add a stop_loss"
            yield warning("risk/never-starts", message, source.span(path), hint=hint, path=path)


def _caps(document: Document, source: Source) -> Iterator[Problem]:
    """Sizes that leverage cuts down: what is traded is less than what is written."""
    sizing, leverage = document.size, document.market.leverage
    stop = document.exit.stop_loss.distance if document.exit.stop_loss else None
    wanted: list[tuple[Path, float, str]] = []
    if sizing.equity:
        wanted.append((("size", "equity"), sizing.equity.ratio, f"{sizing.equity}"))
    if isinstance(sizing.max_notional, EquityRatio):
        wanted.append((("size", "max_notional"), sizing.max_notional.ratio, f"{sizing.max_notional}"))
    if sizing.risk and isinstance(stop, Ratio) and stop.ratio > 0:
        notional = sizing.risk.ratio / stop.ratio
        written = f"risking {sizing.risk} with a stop {stop} away needs {notional:.0%} of equity, which"
        wanted.append((("size", "risk"), notional, written))
    for path, ratio, written in wanted:
        if ratio > leverage + ROUNDING:
            message = f"{written} is more than leverage {leverage} allows ({leverage * 100}% of equity)"
            hint = f"write less, or 'leverage: {min(125, int(ratio - ROUNDING) + 1)}'"
            yield warning("risk/capped", message, source.span(path), hint=hint, path=path)
