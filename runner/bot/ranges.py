"""Numbers that fit their pattern and still cannot be: shares beyond 100 %, ranges upside down, timeframes
that do not nest.

In: a document and its source. Out: problems. Refuses to know: what the numbers do to money (`risks.py`).
"""

from collections.abc import Iterator

from indicators.registry import REGISTRY
from runner.bot.model import Document
from runner.bot.problem import Path, Problem, error
from runner.bot.settings import fault_of
from runner.bot.source import Source
from runner.domain.time import TIMEFRAMES
from runner.domain.units import EquityRatio, Money, Quantity, Ratio, RMultiple

Measure = Ratio | EquityRatio | Money | Quantity | RMultiple

ALL = 1.0
STOP_RATIO_MAX = 0.99  # a stop further away than the price itself is none
MANY_TIMES = 125.0  # the highest leverage the exchange knows


def lint_ranges(document: Document, source: Source) -> Iterator[Problem]:
    """Every number against what it can sensibly be."""
    yield from _measures(document, source)
    yield from _parameters(document, source)
    yield from _settings(document, source)
    yield from _timeframes(document, source)
    yield from _dates(document, source)
    yield from _asset(document, source)


def _measures(document: Document, source: Source) -> Iterator[Problem]:
    for path, measure, positive, largest in _bounded(document):
        number = _number(measure)
        if positive and number == 0:
            message, hint = (
                f"'{_last(path)}' is {measure}, which does nothing",
                "write more than 0, or remove the key",
            )
        elif number > largest:
            most = type(measure)(largest) if not isinstance(measure, Quantity) else measure
            message, hint = (
                f"'{_last(path)}' is {measure}; at most {most} makes sense",
                f"write {most} or less",
            )
        else:
            continue
        yield error("schema/range", message, source.span(path), hint=hint, path=path)


def _bounded(document: Document) -> Iterator[tuple[Path, Measure, bool, float]]:
    """Path, measure, whether 0 is refused, the largest that makes sense."""
    sizing, exit_, limits, costs, order = (
        document.size,
        document.exit,
        document.limits,
        document.costs,
        document.entry.order,
    )
    infinite = float("inf")
    candidates: list[tuple[Path, object, bool, float]] = [
        (("size", "risk"), sizing.risk, True, ALL),
        (("size", "equity"), sizing.equity, True, MANY_TIMES),
        (("size", "notional"), sizing.notional, True, infinite),
        (("size", "quantity"), sizing.quantity, True, infinite),
        (("size", "max_notional"), sizing.max_notional, True, infinite),
        (("entry", "order", "offset"), order.offset, False, 0.5),
        (("costs", "maker"), costs.maker, False, 0.1),
        (("costs", "taker"), costs.taker, False, 0.1),
        (("costs", "slippage", "fixed"), costs.slippage.fixed, False, 0.1),
        (("backtest", "capital"), document.backtest.capital, True, infinite),
    ]
    if exit_.stop_loss:
        candidates.append((("exit", "stop_loss", "distance"), exit_.stop_loss.distance, True, STOP_RATIO_MAX))
    if exit_.break_even:
        candidates.append((("exit", "break_even", "at"), exit_.break_even.at, True, infinite))
        candidates.append((("exit", "break_even", "offset"), exit_.break_even.offset, False, ALL))
    if exit_.trailing_stop:
        candidates.append(
            (("exit", "trailing_stop", "start_at"), exit_.trailing_stop.start_at, True, infinite)
        )
        candidates.append(
            (("exit", "trailing_stop", "distance"), exit_.trailing_stop.distance, True, STOP_RATIO_MAX)
        )
    for place, target in enumerate(exit_.take_profit):
        candidates.append((("exit", "take_profit", place, "at"), target.at, True, infinite))
        candidates.append((("exit", "take_profit", place, "close"), target.close, True, ALL))
    if limits.daily_loss:
        largest = ALL if isinstance(limits.daily_loss.max, EquityRatio) else infinite
        candidates.append((("limits", "daily_loss", "max"), limits.daily_loss.max, True, largest))
    if limits.max_drawdown:
        candidates.append((("limits", "max_drawdown", "max"), limits.max_drawdown.max, True, ALL))
    for path, measure, positive, largest in candidates:
        if isinstance(measure, Measure):
            yield path, measure, positive, largest


def _number(measure: Measure) -> float:
    match measure:
        case Ratio() | EquityRatio():
            return measure.ratio
        case Money():
            return measure.usdt
        case Quantity():
            return measure.quantity
        case RMultiple():
            return measure.r


def _last(path: Path) -> str:
    return str(path[-1])


def _parameters(document: Document, source: Source) -> Iterator[Problem]:
    for name, parameter in document.parameters.items():
        path = ("parameters", name)
        if parameter.min > parameter.max:
            message = f"'min' ({parameter.min:g}) is greater than 'max' ({parameter.max:g})"
            yield error(
                "schema/range", message, source.span((*path, "min")), hint="swap them", path=(*path, "min")
            )
        elif not parameter.min <= parameter.default <= parameter.max:
            message = f"the default {parameter.default:g} is outside {parameter.min:g} to {parameter.max:g}"
            hint = "widen the range, or write a default inside it"
            place = source.span((*path, "default"))
            yield error("schema/range", message, place, hint=hint, path=(*path, "default"))


def _settings(document: Document, source: Source) -> Iterator[Problem]:
    """A parameter must fit the setting it stands for over its whole range: a sweep goes there."""
    for name, use in document.indicators.items():
        for parameter in REGISTRY[use.kind].parameters:
            written = use.settings.get(parameter.name)
            declared = document.parameters.get(written[1:]) if isinstance(written, str) else None
            if declared is None:
                continue
            for key in ("default", "min", "max"):
                number = getattr(declared, key)
                fault = fault_of(number, parameter)
                if fault:
                    path: Path = ("indicators", name, parameter.name)
                    setting = f"'{parameter.name}' of {use.kind}"
                    message = f"'{written}' can be {number:g} (its {key}), but {setting} {fault}"
                    hint = f"change its '{key}' under 'parameters:'"
                    yield error("schema/range", message, source.span(path), hint=hint, path=path)
                    break


def _timeframes(document: Document, source: Source) -> Iterator[Problem]:
    own = document.market.timeframe
    own_ms = TIMEFRAMES[own]
    for name, use in document.indicators.items():
        if use.timeframe and (TIMEFRAMES[use.timeframe] % own_ms or TIMEFRAMES[use.timeframe] == own_ms):
            longer = [word for word, length in TIMEFRAMES.items() if length > own_ms and length % own_ms == 0]
            message = f"timeframe {use.timeframe} is not a longer multiple of the bot's {own}"
            if use.timeframe == own:
                message = f"timeframe {use.timeframe} is the bot's own"
            hint = f"remove it, or write one of: {', '.join(longer)}" if longer else "remove it"
            path: Path = ("indicators", name, "timeframe")
            yield error("schema/timeframe", message, source.span(path), hint=hint, path=path)
    detail = document.backtest.detail
    if detail and (TIMEFRAMES[detail] >= own_ms or own_ms % TIMEFRAMES[detail]):
        finer = [word for word, length in TIMEFRAMES.items() if length < own_ms and own_ms % length == 0]
        message = f"detail {detail} is not finer than the bot's {own}, or does not divide it"
        hint = f"write one of: {', '.join(finer)}" if finer else f"remove it: nothing is finer than {own}"
        path = ("backtest", "detail")
        yield error("schema/timeframe", message, source.span(path), hint=hint, path=path)


def _dates(document: Document, source: Source) -> Iterator[Problem]:
    begin, end = document.backtest.from_ms, document.backtest.to_ms
    if begin is not None and end is not None and begin >= end:
        message = f"the backtest ends ({document.backtest.end}) before it begins ({document.backtest.begin})"
        path = ("backtest", "to")
        yield error("schema/range", message, source.span(path), hint="swap 'from' and 'to'", path=path)


def _asset(document: Document, source: Source) -> Iterator[Problem]:
    quantity, base = document.size.quantity, document.market.base_asset
    if quantity and quantity.asset != base:
        message = f"the quantity is in {quantity.asset}, but {document.market.symbol} is counted in {base}"
        hint = f"write {Quantity(quantity.quantity, base)}"
        path = ("size", "quantity")
        yield error("schema/asset", message, source.span(path), hint=hint, path=path)
