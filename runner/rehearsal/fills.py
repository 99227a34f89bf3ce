"""Executions of a rehearsal beside the backtest's: is a difference in price or quantity what it has to be?

In: pairs of trades, the bars they happened in, equity of both. Out: differences, each with its reason or
none. Refuses to know: decisions, how executions were paired.

A price may differ by what is known of both sides: the backtest's slippage is a model, the exchange's is its
book (spread and depth); a level that goes with the entry price moves with it; a stop that the mark triggers
executes at the last price. Anything beyond has to be in the journal, or has no reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from runner.domain.bar import Bar, Row
from runner.domain.order import (
    LEG_ENTRY,
    LEG_LIQUIDATION,
    LEG_MARKET,
    LIQUIDATION,
    REASONS,
)
from runner.domain.plan import (
    BY_R,
    FACT_PROFIT_R,
    FACT_PROFIT_RATIO,
    SIZE_EQUITY,
    SIZE_RISK,
    STEP_COMPARE,
    Plan,
)
from runner.domain.time import format_time
from runner.rehearsal.story import Story
from runner.rehearsal.verdict import Difference
from runner.report.deviation import LATE_MS, lateness_ms, price_effects
from runner.report.executions import LEG_MARK, Execution
from runner.report.pairs import Match, Pair

LEVEL_NOTIONAL_USDT = 25_000.0  # the thinnest level of the exchange's book
NOISE = 1e-6
_LIMITS = ("daily_loss", "max_drawdown")
_STOPS = ("stop_loss", "break_even", "trailing_stop")


@dataclass(frozen=True, slots=True)
class Scene:
    """What both runs had in common. Bars are found by their opens; `equity_at` tells (expected, actual)
    equity at a close, `row_at` what the rules said there.
    """

    plan: Plan
    timeframe_ms: int
    bar_at: Callable[[int], Bar | None]
    row_at: Callable[[int], Row | None]
    equity_at: Callable[[int], tuple[float, float]]
    story: Story

    def troubled(self, from_ms: int, to_ms: int) -> str:
        """What the journal says of the time, a bar around it included."""
        return self.story.between(from_ms, to_ms + self.timeframe_ms)


def pair_differences(scene: Scene, pair: Pair) -> list[Difference]:
    """All that differs inside one trade."""
    shift = abs(pair.actual.executions[0].price - pair.expected.executions[0].price)
    moved = [one for match in pair.matches if (one := _moved(scene, pair, match, shift)) is not None]
    if pair.missing or pair.extra:
        moved.append(_elsewhere(scene, pair, shift))
    moved = _linked(moved)
    found = [*_opened(scene, pair), *moved]
    for match in pair.matches:
        if match.actual.bar_ms == match.expected.bar_ms:
            found += _match(scene, match, shift)
        found += _parts(scene, pair, match, moved)
    return found


def _linked(moved: list[Difference]) -> list[Difference]:
    """Exits that differ, in the order of their times. Once one was moved for a reason, the two positions are
    no longer the same, and what comes after it in this trade follows from that.
    """
    found: list[Difference] = []
    for one in sorted(moved, key=lambda one: one.time_ms):
        why = one.why or _cause(found, one.time_ms)
        found.append(replace(one, why=why))
    return found


def _cause(moved: list[Difference], time_ms: int) -> str:
    """The first difference before a time that has a reason of its own."""
    first = next((one for one in moved if one.is_explained and one.time_ms <= time_ms), None)
    return f"follows from: {first.what}" if first is not None else ""


def _opened(scene: Scene, pair: Pair) -> list[Difference]:
    """Quantity: sized from another equity, rounded; filled in part only with a reason."""
    expected, actual = pair.expected, pair.actual
    step, sizing = scene.plan.instrument.step_size, scene.plan.sizing.kind
    before, after = scene.equity_at(expected.bar_ms)
    ratio = after / before if sizing in (SIZE_RISK, SIZE_EQUITY) and before > 0.0 else 1.0
    bounds = sorted((expected.opened, expected.opened * ratio))
    found = []
    if not bounds[0] - step * 1.001 <= actual.asked <= bounds[1] + step * 1.001:
        what = f"{_named(expected.executions[0])}: {actual.asked:g} instead of {expected.opened:g}"
        found.append(Difference(expected.bar_ms, what, ""))
    if actual.opened > actual.asked + step / 2:
        what = f"{_named(expected.executions[0])}: {actual.opened:g} executed, {actual.asked:g} asked for"
        why = "the exchange executed one request more than once"
        found.append(Difference(expected.bar_ms, what, why))
    if actual.opened < actual.asked - step / 2:
        what = f"{_named(expected.executions[0])}: {actual.opened:g} of {actual.asked:g} were filled"
        end_ms = max(actual.executions[0].time_ms, expected.bar_ms)
        why = scene.story.dropped(expected.bar_ms - scene.timeframe_ms, end_ms + scene.timeframe_ms)
        found.append(Difference(expected.bar_ms, what, why or scene.troubled(expected.bar_ms, end_ms)))
    return found


def _moved(scene: Scene, pair: Pair, match: Match, shift: float) -> Difference | None:
    """An execution that came in another bar."""
    expected, actual = match
    if actual.bar_ms == expected.bar_ms:
        return None
    what = f"{_named(expected)}: in the bar of {format_time(actual.bar_ms)} instead"
    why = _why_elsewhere(scene, pair, shift, (expected, actual))
    return Difference(expected.time_ms, what, why, _usdt(match))


def _match(scene: Scene, match: Match, shift: float) -> list[Difference]:
    """An execution in the same bar of both."""
    expected, actual = match
    if actual.reason == expected.reason or actual.leg == LEG_MARK:
        return _priced(scene, match, shift)
    what = f"{_named(expected)}: as {actual.reason} instead"
    same = {actual.reason, expected.reason} <= {*_STOPS, *_LIMITS} and shift > 0.0
    why = "which of two stops is the tighter one goes with the entry price" if same else ""
    why = why or scene.troubled(expected.bar_ms, actual.time_ms)
    return [Difference(expected.time_ms, what, why)]


def _parts(scene: Scene, pair: Pair, match: Match, moved: list[Difference]) -> list[Difference]:
    """Another part of the position, because an exit before it was another one."""
    expected, actual = match
    part = expected.quantity / pair.expected.opened, actual.quantity / pair.actual.opened
    if abs(part[0] - part[1]) * pair.actual.opened <= 2.0 * scene.plan.instrument.step_size + NOISE:
        return []
    what = f"{_named(expected)}: {part[1]:.1%} of the position instead of {part[0]:.1%}"
    why = _cause(moved, max(expected.time_ms, actual.time_ms))
    why = why or scene.troubled(pair.expected.bar_ms, actual.time_ms)
    return [Difference(expected.time_ms, what, why)]


def _priced(scene: Scene, match: Match, shift: float) -> list[Difference]:
    """The same execution in the same bar: its price, and whether it was maker."""
    expected, actual = match
    if actual.leg == LEG_MARK:
        return []
    found = []
    if actual.maker != expected.maker and not _is_quick(match):
        what = f"{_named(expected)}: {'maker' if actual.maker else 'taker'} instead"
        found.append(Difference(expected.time_ms, what, scene.troubled(expected.bar_ms, actual.time_ms)))
    if actual.leg == LEG_MARKET and lateness_ms(expected, actual) > LATE_MS:
        what = f"{_named(expected)}: {lateness_ms(expected, actual) / 1000:.0f} s after the open"
        why = scene.story.between(expected.bar_ms, actual.time_ms)
        return [*found, Difference(expected.time_ms, what, why, _usdt(match))]
    off = abs(actual.price - expected.price)
    if off > _allowed(scene, match, shift):
        what = f"{_named(expected)}: {actual.price:g} instead of {expected.price:g}"
        why = scene.troubled(expected.bar_ms, actual.time_ms)
        found.append(Difference(expected.time_ms, what, why, _usdt(match)))
    return found


def _is_quick(match: Match) -> bool:
    """A limit entry that the open is beyond takes, or rests an instant before the open reaches it."""
    return match.expected.leg == LEG_ENTRY


def _allowed(scene: Scene, match: Match, shift: float) -> float:
    """How far two prices of one execution may lie apart."""
    expected, actual = match
    tick = scene.plan.instrument.tick_size
    levels = 3.0 + actual.quantity * actual.price / LEVEL_NOTIONAL_USDT
    book = levels * tick
    model = abs(expected.price - expected.reference)
    if actual.leg in (LEG_MARKET, LEG_ENTRY) or actual.reason == REASONS[LIQUIDATION]:
        return book + model
    return book + model + _level_moves(scene, match, shift) + _basis(scene, actual)


def _level_moves(scene: Scene, match: Match, shift: float) -> float:
    """How far a stop or target may lie from the backtest's when the entry price is off by `shift`."""
    targets = [target.at for target in scene.plan.targets if target.kind == BY_R]
    tick = scene.plan.instrument.tick_size
    moved = shift * (1.1 + max(targets, default=0.0)) + 2.0 * tick
    if match.expected.reason in _LIMITS:
        before, after = scene.equity_at(match.expected.bar_ms)
        moved += 3.0 * abs(after - before) / max(match.actual.quantity, NOISE)
    return moved


def _basis(scene: Scene, actual: Execution) -> float:
    """How far the last price may be from a mark that triggers."""
    bar = scene.bar_at(actual.bar_ms)
    if bar is None or not scene.plan.stop.on_mark or actual.maker:
        return 0.0
    return max(
        abs(bar.open - bar.mark_open),
        abs(bar.high - bar.mark_high),
        abs(bar.low - bar.mark_low),
        abs(bar.close - bar.mark_close),
    )


def _elsewhere(scene: Scene, pair: Pair, shift: float) -> Difference:
    """The trade ended in another way."""
    ways = [", ".join(one.reason for one in group) or "nothing" for group in (pair.missing, pair.extra)]
    first = min((*pair.missing, *pair.extra), key=lambda one: one.time_ms)
    what = f"the trade of {format_time(pair.expected.bar_ms)}: {ways[1]} instead of {ways[0]}"
    if any(not one.own for one in pair.extra):
        return Difference(first.time_ms, what, "somebody else traded the position")
    if any(one.leg == LEG_LIQUIDATION for one in pair.extra) and scene.troubled(first.bar_ms, first.time_ms):
        return Difference(first.time_ms, what, "the exchange took the position")
    why = _why_elsewhere(scene, pair, shift, (*pair.missing, *pair.extra))
    return Difference(first.time_ms, what, why)


def _why_elsewhere(scene: Scene, pair: Pair, shift: float, others: tuple[Execution, ...]) -> str:
    """Why an exit came in another bar, or another exit came: the price went between two levels, or the
    journal says why.
    """
    first = min(others, key=lambda one: one.time_ms)
    if _grazed(scene, first, shift) and first.leg != LEG_MARKET:
        return (
            f"the price turned between two levels that lie {_number(shift)} or more apart, as the entries do"
        )
    if first.bar_ms == pair.expected.bar_ms and pair.expected.executions[0].leg == LEG_ENTRY:
        return "the path inside the bar of the entry: the backtest goes on with what hurts"
    if first.leg == LEG_MARKET and (rule := _profit_rule(scene, pair, first.bar_ms)):
        return rule
    if _both_reached(scene, others):
        return "the path inside the bar: it reaches both levels"
    from_ms = min(pair.expected.bar_ms, pair.actual.bar_ms)
    return scene.story.between(from_ms, max(one.time_ms for one in others) + scene.timeframe_ms)


def _grazed(scene: Scene, first: Execution, shift: float) -> bool:
    """Whether the bar's extreme is so near to the level that a level moved by the entry's price is not
    reached.
    """
    bar = scene.bar_at(first.bar_ms)
    if bar is None or not first.reference:
        return False
    reach = (bar.low, bar.high, bar.mark_low, bar.mark_high)
    near = _level_moves(scene, Match(first, first), shift) + 2.0 * scene.plan.instrument.tick_size
    return any(abs(price - first.reference) <= near for price in reach)


def _profit_rule(scene: Scene, pair: Pair, close_ms: int) -> str:
    """Whether an exit rule compares the open profit with something that lies between the two; "" when not."""
    bar, row, side = scene.bar_at(close_ms - scene.timeframe_ms), scene.row_at(close_ms), pair.expected.side
    if bar is None or row is None:
        return ""
    steps = scene.plan.exit_long if side > 0 else scene.plan.exit_short
    entries = [trade.executions[0].price for trade in (pair.expected, pair.actual)]
    profits = [side * (bar.close - entry) / entry for entry in entries]
    for step in steps:
        if step.op != STEP_COMPARE or step.fact not in (FACT_PROFIT_RATIO, FACT_PROFIT_R):
            continue
        level = row.slots[step.slot]
        between = (profits[0] - level) * (profits[1] - level) <= 0.0
        if profits[0] != profits[1] and (between or step.fact == FACT_PROFIT_R):
            told = " and ".join(f"{profit:.3%}" for profit in profits)
            return f"an exit rule reads the open profit, which goes with the entry price: {told}"
    return ""


def _both_reached(scene: Scene, others: tuple[Execution, ...]) -> bool:
    """Whether the first exits of both lie in one bar, and its range holds both levels."""
    bar = scene.bar_at(others[0].bar_ms)
    resting = [one for one in others if one.leg not in (LEG_MARKET, LEG_MARK)]
    if bar is None or len({one.leg for one in resting}) < 2 or len({one.bar_ms for one in resting}) > 1:
        return False
    low, high = min(bar.low, bar.mark_low), max(bar.high, bar.mark_high)
    return all(low <= one.reference <= high for one in resting)


def _named(one: Execution) -> str:
    side = "buy" if one.side > 0 else "sell"
    return f"{one.reason} ({side} {one.quantity:g})"


def _usdt(match: Match) -> float:
    return sum(usdt for _, usdt in price_effects(match))


def _number(figure: float) -> str:
    return f"{figure:.6g}"
