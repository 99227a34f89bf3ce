"""The names a text may use: the bar's own columns, facts of the open position, functions, and what the
document declares.

In: a document's declarations, resolved. Out: what a name stands for, and hints for names that stand for
nothing. Refuses to know: trees, columns, YAML.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from indicators.registry import REGISTRY, Indicator
from runner.bot.problem import did_you_mean, nearest
from runner.compiler.algebra import Unit
from runner.compiler.program import IndicatorCall, Rule
from runner.domain.plan import FACT_BARS_IN_TRADE, FACT_POSITION, FACT_PROFIT_RATIO

# Of any timeframe.
BAR_COLUMNS = {
    "open": Unit.PRICE,
    "high": Unit.PRICE,
    "low": Unit.PRICE,
    "close": Unit.PRICE,
    "volume": Unit.VOLUME,
    "hl2": Unit.PRICE,
    "hlc3": Unit.PRICE,
    "ohlc4": Unit.PRICE,
}

# Of the bot's own bars only. hour and weekday (0 Monday … 6 Sunday) are UTC, of the bar's open time.
MARKET_COLUMNS = {
    "funding_rate": Unit.PERCENTAGE,
    "mark_price": Unit.PRICE,
    "hour": Unit.TIME,
    "weekday": Unit.TIME,
}

# In exits only.
FACTS = {
    "bars_in_trade": (FACT_BARS_IN_TRADE, Unit.COUNT),
    "open_profit": (FACT_PROFIT_RATIO, Unit.PERCENTAGE),
    "position": (FACT_POSITION, Unit.COUNT),
}

# The least and most arguments.
FUNCTIONS = {
    "abs": (1, 1),
    "min": (2, 8),
    "max": (2, 8),
    "highest": (2, 2),
    "lowest": (2, 2),
    "change": (1, 2),
    "average": (2, 2),
    "bars_since": (1, 2),
}


REGISTRY_UNITS = {
    "price": Unit.PRICE,
    "ratio": Unit.RATIO,
    "index": Unit.INDEX,
    "volume": Unit.VOLUME,
    "number": Unit.COUNT,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A declared indicator; `call` None when its declaration has a fault that is told already."""

    indicator: Indicator
    call: IndicatorCall | None
    memory_bars: int = 0

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self.indicator.outputs)

    @property
    def main(self) -> bool:
        """Whether the bare name reads the first output."""
        return len(self.outputs) == 1 or self.outputs[0] == self.indicator.kind

    def unit(self, output: int) -> Unit:
        """The unit of one output."""
        written = self.indicator.outputs[output].unit
        if written != "input":
            return REGISTRY_UNITS[written]
        return Unit.VOLUME if self.call and self.call.source == "volume" else Unit.PRICE


@dataclass(frozen=True, slots=True)
class Scope:
    """What the document declares; a condition without a rule is not resolved yet: a circle."""

    parameters: Mapping[str, float] = field(default_factory=dict)
    indicators: Mapping[str, Field] = field(default_factory=dict)
    conditions: Mapping[str, Rule | None] = field(default_factory=dict)

    def names(self, *, facts: bool) -> list[str]:
        """Every name that could stand here."""
        return [
            *self.indicators,
            *self.conditions,
            *BAR_COLUMNS,
            *MARKET_COLUMNS,
            *(FACTS if facts else ()),
        ]

    def unknown_name_hint(self, name: str, *, facts: bool) -> str:
        """What was most likely meant."""
        if name in self.parameters:
            return f"a parameter is written ${name}"
        if name in FUNCTIONS:
            return f"a function has arguments: {_EXAMPLES[name]}"
        if name in ("long", "short"):
            return "position is 1 when long and -1 when short: position == 1"
        near = nearest(name, self.names(facts=facts))
        if near is None and name in REGISTRY:
            return f"declare it under 'indicators': {name}: {{kind: {name}, …}}"
        return f"did you mean '{near}'?" if near else "declare it under 'indicators' or 'conditions'"

    def unknown_parameter_hint(self, name: str) -> str:
        """The nearest parameter, as it is written."""
        if not self.parameters:
            return f"declare it under 'parameters': {name}: {{default: …, min: …, max: …}}"
        near = nearest(name, self.parameters)
        if near:
            return f"did you mean '${near}'?"
        return "declared are: " + ", ".join(f"${known}" for known in list(self.parameters)[:12])

    def unknown_function_hint(self, name: str) -> str:
        """Indicators are declared, not called; else the nearest function."""
        if name in REGISTRY:
            return f"indicators are declared, not called: 'my_{name}: {{kind: {name}, …}}' under 'indicators'"
        if name in self.indicators or name in BAR_COLUMNS:
            return f"for the bar before write '{name}[1]'"
        return did_you_mean(name, list(FUNCTIONS))


_EXAMPLES = {
    "abs": "abs(close - open)",
    "min": "min(open, close)",
    "max": "max(open, close)",
    "highest": "highest(high, 20)",
    "lowest": "lowest(low, 20)",
    "change": "change(close, 5)",
    "average": "average(volume, 20)",
    "bars_since": "bars_since(close > open)",
}


def function_example(name: str) -> str:
    """How a function is written."""
    return _EXAMPLES[name]
