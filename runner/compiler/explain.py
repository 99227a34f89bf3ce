"""A bot in plain sentences: entries, size, exits, limits, worst case, warm-up, liquidation distance.

In: a compiled bot. Out: lines of text.
Refuses to know: market data, terminals. Numbers from: the plan and the program, so that what is said is what
will run.
"""

from collections.abc import Iterator

from runner.bot.alerts import EVENT_NAMES
from runner.bot.model import Document, StopLoss
from runner.compiler.build import Compiled
from runner.compiler.expression import parse
from runner.compiler.phrases import Phrased, Phrases
from runner.compiler.program import Op, Program
from runner.domain.time import DAY_MS, TIMEFRAMES
from runner.domain.units import EquityRatio, LossStreak, Ratio, shifted

_UNITS = {"m": "minute", "h": "hour", "d": "day"}
_AFTER = {"exit": "an exit", "loss": "a loss", "stop_loss": "a stop loss"}
_EXAMPLE_STOP_RATIO = 0.01  # for the worked example where the stop is a formula


def explain(compiled: Compiled) -> list[str]:
    """The lines of `runner explain`."""
    document, phrases = compiled.document, Phrases(compiled.document)
    lines = [_market(document)]
    for side in ("long", "short"):
        lines += _entry(document, phrases, side)
    lines += [_order(document), "", *_sizing(compiled, phrases), "", *_exits(document, phrases)]
    lines += ["", *_limits(document), "", *_worst_case(compiled), _warmup(compiled)]
    lines += [*_alerts(document)]
    return lines


def liquidation_ratios(compiled: Compiled) -> tuple[float, float]:
    """How far the mark price may fall (long) or rise (short) from the entry before liquidation, smallest
    bracket.
    """
    plan = compiled.plan
    margin, maintenance = 1.0 / plan.sizing.leverage, plan.brackets[0].maintenance_ratio
    long = 1.0 - (1.0 - margin) / (1.0 - maintenance)
    short = (1.0 + margin) / (1.0 + maintenance) - 1.0
    return long, short


def _market(document: Document) -> str:
    market = document.market
    length = f"{market.timeframe[:-1]}-{_UNITS[market.timeframe[-1]]}"
    return (
        f"{document.name} trades {market.symbol} on {length} bars, leverage {market.leverage}, "
        f"{market.margin} margin."
    )


def _entry(document: Document, phrases: Phrases, side: str) -> Iterator[str]:
    written = getattr(document.entry, side)
    if written is None:
        yield f"It never goes {side.upper()}."
        return
    yield from _listed(f"It goes {side.upper()} at the close of a bar when", phrases.condition(written))


def _listed(lead: str, phrased: Phrased, indent: str = "", end: str = ".") -> Iterator[str]:
    if len(phrased.parts) < 2:
        yield f"{indent}{lead} {phrased.parts[0].text if phrased.parts else phrased.text}{end}"
        return
    yield f"{indent}{lead} {'all of these hold' if phrased.word == 'all' else 'any of these holds'}:"
    for number, part in enumerate(phrased.parts, 1):
        yield f"{indent}  {number}. {part.text}"


def _order(document: Document) -> str:
    order = document.entry.order
    if order.type == "market":
        return "Entries are market orders, filled at the next bar's open."
    better = f"{order.offset} better than the close" if order.offset.ratio else "at the close"
    post_only = "; one that would fill at once is dropped" if order.post_only else ""
    return f"Entries are limit orders {better}, resting for {order.expires}{post_only}."


def _sizing(compiled: Compiled, phrases: Phrases) -> Iterator[str]:
    document, asked = compiled.document, compiled.document.size
    if asked.risk is not None:
        yield f"Each trade risks {asked.risk}: quantity = {asked.risk} ÷ {_stop_distance(document, phrases)}."
        yield _risk_example(compiled)
    elif asked.equity is not None:
        yield f"Each position is worth {asked.equity} of equity."
    else:
        yield f"Each position is {asked.notional or asked.quantity}."
    caps = [f"{document.market.leverage} × equity (leverage)"]
    if asked.max_notional is not None:
        caps.append(str(asked.max_notional))
    least = ", whichever is less" if len(caps) > 1 else ""
    yield f"Never more than {' or '.join(caps)}{least}."


def _stop_distance(document: Document, phrases: Phrases) -> str:
    stop = document.exit.stop_loss
    if stop is None:
        return "the distance to the stop"
    if stop.price is not None:
        return f"the distance to {phrases.formula(parse(stop.price))}"
    return f"({_distance(stop.distance, phrases)})"


def _distance(written: Ratio | str | None, phrases: Phrases) -> str:
    assert written is not None
    return f"{written} of the price" if isinstance(written, Ratio) else phrases.formula(parse(written))


def _risk_example(compiled: Compiled) -> str:
    risk = compiled.document.size.risk
    assert risk is not None
    stop = compiled.document.exit.stop_loss
    known = stop is not None and isinstance(stop.distance, Ratio)
    distance = stop.distance.ratio if stop and isinstance(stop.distance, Ratio) else _EXAMPLE_STOP_RATIO
    sizing = compiled.plan.sizing
    notional = min(risk.ratio / distance, sizing.leverage, sizing.notional_ratio_max or sizing.leverage)
    lead = "That" if known else f"With the stop {_percent(distance)} away that"
    margin = notional / sizing.leverage
    return f"{lead} is a position of {_percent(notional)} of equity, margin {_percent(margin)}."


def _exits(document: Document, phrases: Phrases) -> Iterator[str]:
    exits = document.exit
    yield "A position closes"
    if exits.stop_loss is not None:
        yield f"  - at the stop, {_stop_place(exits.stop_loss, phrases)}"
    for rung in exits.take_profit:
        yield f"  - {rung.close} of it at a profit of {rung.at} ({rung.type} order)"
    if exits.break_even is not None:
        past = f" plus {exits.break_even.offset}" if exits.break_even.offset.ratio else ""
        yield f"  - at the entry price{past}, once {exits.break_even.at} was reached"
    if exits.trailing_stop is not None:
        trailing = exits.trailing_stop
        start = f", once {trailing.start_at} was reached" if trailing.start_at else ""
        yield f"  - at a stop that trails the best price by {_distance(trailing.distance, phrases)}{start}"
    if exits.time_stop is not None:
        yield f"  - after {exits.time_stop}"
    for side in ("long", "short"):
        written = getattr(exits.when, side)
        if written is not None:
            yield from _listed(f"- {side}, when", phrases.condition(written), "  ", "")
    if exits.reverse:
        yield "  - when the opposite entry comes, which it then takes"
    if "R" in {str(rung.at)[-1] for rung in exits.take_profit}:
        yield "R is the distance from the entry to its first stop."


def _stop_place(stop: StopLoss, phrases: Phrases) -> str:
    trigger = f"triggered by the {stop.trigger} price"
    if stop.price is not None:
        return f"at {phrases.formula(parse(stop.price))} as it was at the decision; {trigger}"
    return f"{_distance(stop.distance, phrases)} away from the entry; {trigger}"


def _limits(document: Document) -> Iterator[str]:
    limits = document.limits
    then = {
        "flatten": "it closes and waits",
        "block": "it opens nothing more",
    }
    after_drawdown = {
        "flatten": "it closes and opens nothing more",
        "block": "it opens nothing more until its equity is back above that",
        "halt": "it closes and waits for an operator",
    }
    if limits.daily_loss is not None:
        until = "until the next UTC day"
        yield f"Having lost {limits.daily_loss.max} in a day, {then[limits.daily_loss.then]} {until}."
    if limits.max_drawdown is not None:
        consequence = after_drawdown[limits.max_drawdown.then]
        yield f"{limits.max_drawdown.max} under its highest equity, {consequence}."
    for pause in limits.cooldown:
        after = str(pause.after) if isinstance(pause.after, LossStreak) else _AFTER[pause.after]
        yield f"After {after} it waits {pause.wait}."
    if limits.trades_per_day is not None:
        yield f"It opens at most {limits.trades_per_day} trades a UTC day."
    if limits == type(limits)():
        yield "It has no limits on losses."


def _alerts(document: Document) -> Iterator[str]:
    for sink in document.alerts:
        events = sink.events
        listed = " and ".join(filter(None, (", ".join(events[:-1]), events[-1])))
        yield f"It tells {sink.to} of {'everything' if events == EVENT_NAMES else listed}."


def _worst_case(compiled: Compiled) -> Iterator[str]:
    document = compiled.document
    long, short = liquidation_ratios(compiled)
    sides = [
        f"{_percent(ratio)} {way} the entry ({side})"
        for side, way, ratio in (("long", "under", long), ("short", "over", short))
        if getattr(document.entry, side) is not None
    ]
    yield f"Liquidation is about {' and '.join(sides)}."
    risk, daily = document.size.risk, document.limits.daily_loss
    if document.exit.stop_loss is None:
        yield "Worst case: without a stop one trade can lose its whole margin."
    elif risk is not None:
        yield f"Worst case: one trade loses {risk}, fees and slippage; more if the price jumps over the stop."
    elif document.size.equity is not None and isinstance(document.exit.stop_loss.distance, Ratio):
        loss = document.size.equity.ratio * document.exit.stop_loss.distance.ratio
        yield f"Worst case: one trade loses about {_percent(loss)} of equity, fees and slippage."
    if daily is not None and isinstance(daily.max, EquityRatio) and risk is not None:
        count = int(daily.max.ratio / risk.ratio + 1e-9)
        yield f"About {max(1, count)} losing trades in a day reach the daily limit."


def _warmup(compiled: Compiled) -> str:
    bars = compiled.warmup_bars
    if not bars:
        return "The first trade is possible at the first bar."
    timeframe_ms = TIMEFRAMES[compiled.document.market.timeframe]
    days = bars * timeframe_ms / DAY_MS
    return (
        f"First trade possible after {bars} bars ({days:.1f} days): the longest history is that of "
        f"{_longest(compiled)}."
    )


def _longest(compiled: Compiled) -> str:
    """The name behind the column that reaches furthest back."""
    program = compiled.program
    at = max(program.outputs, key=lambda column: program.columns[column].history)
    while program.columns[at].inputs:
        inputs = program.columns[at].inputs
        at = max(inputs, key=lambda column: program.columns[column].history)
    column = program.columns[at]
    if column.op == Op.INDICATOR:
        return _declared_name(compiled.document, program, column.call)
    return column.name or "the rules' windows"


def _declared_name(document: Document, program: Program, call: int) -> str:
    wanted = program.calls[call]
    for name, use in document.indicators.items():
        timeframe_ms = TIMEFRAMES[use.timeframe or document.market.timeframe]
        if (use.kind, timeframe_ms) == (wanted.kind, wanted.timeframe_ms):
            settings = dict(wanted.settings)
            numbers = {key: parameter.default for key, parameter in document.parameters.items()}
            written = {
                key: numbers[text[1:]] if isinstance(text, str) else text
                for key, text in use.settings.items()
            }
            if all(settings[key] == number for key, number in written.items()):
                return name
    return wanted.kind


def _percent(ratio: float) -> str:
    return f"{shifted(float(f'{ratio:.3g}'), 2)}%"
