"""Declared indicators: which call each name stands for, its parameters filled in.

In: a document's `indicators` and `parameters`. Out: a `Field` for each name.
Refuses to know: conditions, NumPy, how an indicator is computed. What is wrong with a declaration is told by
`runner.bot` (ranges.py, names.py); here such a name only agrees with everything, so that it is told once.
"""

from indicators.registry import REGISTRY, Indicator
from runner.bot.model import Document, IndicatorUse
from runner.bot.settings import fault_of, settings_of
from runner.compiler.formula import timeframe_fault
from runner.compiler.names import Field
from runner.compiler.program import IndicatorCall
from runner.domain.time import TIMEFRAMES


def declare_indicators(document: Document) -> dict[str, Field]:
    """What each declared name stands for."""
    numbers = {name: parameter.default for name, parameter in document.parameters.items()}
    timeframe = document.market.timeframe
    return {name: _field(use, numbers, timeframe) for name, use in document.indicators.items()}


def _field(use: IndicatorUse, numbers: dict[str, float], timeframe: str) -> Field:
    indicator = REGISTRY[use.kind]
    if not _usable(use, indicator, numbers, timeframe):
        return Field(indicator, None)
    settings = settings_of(use.kind, use.settings, numbers)
    source = use.input if indicator.inputs == ("input",) else ""
    timeframe_ms = TIMEFRAMES[use.timeframe or timeframe]
    call = IndicatorCall(use.kind, tuple(sorted(settings.items())), source, timeframe_ms)
    return Field(indicator, call, indicator.memory_bars(settings))


def _usable(use: IndicatorUse, indicator: Indicator, numbers: dict[str, float], timeframe: str) -> bool:
    if use.timeframe and timeframe_fault(use.timeframe, TIMEFRAMES[timeframe], "")[0]:
        return False
    for parameter in indicator.parameters:
        written = use.settings.get(parameter.name, parameter.default)
        number = numbers.get(written[1:]) if isinstance(written, str) else written
        if number is None or fault_of(number, parameter):
            return False
    return True
