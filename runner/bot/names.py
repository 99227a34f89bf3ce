"""Names in a document: what is taken, what is declared twice, what is declared and never used.

In: a document and its source. Out: problems. Refuses to know: the grammar of conditions; uses are found by
words."""

import re
from collections.abc import Iterator

from runner.bot.leaves import Condition
from runner.bot.model import Document
from runner.bot.problem import Path, Problem, did_you_mean, error, warning
from runner.bot.source import Source

BAR_COLUMNS = ("open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4")
OTHER_COLUMNS = ("funding_rate", "mark_price", "hour", "weekday", "bars_in_trade", "open_profit", "position")
COLUMNS = (*BAR_COLUMNS, *OTHER_COLUMNS)
FUNCTIONS = ("abs", "min", "max", "highest", "lowest", "change", "average", "bars_since")
LANDING_FUNCTIONS = (
    "crosses_above",
    "crosses_below",
    "crossover",
    "crossunder",
)  # accepted, rewritten by fmt
SIGNS_IN_WORDS = ("and", "or", "not", "is", "above", "below", "crosses", "rising", "falling", "between")
OPERATOR_WORDS = (*SIGNS_IN_WORDS, "within", "last", "for", "bars", "bar", "true", "false")
RESERVED = frozenset((*COLUMNS, *FUNCTIONS, *LANDING_FUNCTIONS, *OPERATOR_WORDS))

_WORD = re.compile(r"(?<![A-Za-z0-9_.@$])(\$?[A-Za-z_][A-Za-z0-9_]*)")


def lint_names(document: Document, source: Source) -> Iterator[Problem]:
    """Taken and doubled names, parameters that do not exist, whatever is never used."""
    yield from _taken(document, source)
    yield from _unknown_parameters(document, source)
    yield from _unused(document, source)


def texts(document: Document) -> Iterator[tuple[Path, str]]:
    """Every condition and formula with the path it is written at."""
    for name, condition in document.conditions.items():
        yield from _leaves(condition, ("conditions", name))
    sides = (("entry",), document.entry), (("exit", "when"), document.exit.when)
    for path, part in sides:
        for side in ("long", "short"):
            condition = getattr(part, side)
            if condition is not None:
                yield from _leaves(condition, (*path, side))
    stop, trailing = document.exit.stop_loss, document.exit.trailing_stop
    if stop and isinstance(stop.distance, str):
        yield ("exit", "stop_loss", "distance"), stop.distance
    if stop and stop.price is not None:
        yield ("exit", "stop_loss", "price"), stop.price
    if trailing and isinstance(trailing.distance, str):
        yield ("exit", "trailing_stop", "distance"), trailing.distance


def _leaves(condition: Condition, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(condition, str):
        yield path, condition
    elif isinstance(condition, list):
        for place, inner in enumerate(condition):
            yield from _leaves(inner, (*path, place))
    else:
        for word, inner in condition.items():
            yield from _leaves(inner, (*path, word))


def _taken(document: Document, source: Source) -> Iterator[Problem]:
    for group in ("indicators", "conditions"):
        for name in getattr(document, group):
            if name in RESERVED:
                what = "a column that every bot has" if name in COLUMNS else "a word of the language"
                message = f"'{name}' is {what}, so it cannot name one of the {group}"
                hint = f"write another name, such as 'my_{name}'"
                yield error(
                    "schema/name", message, source.key_span((group, name)), hint=hint, path=(group, name)
                )
    for name in document.conditions.keys() & document.indicators.keys():
        first, second = sorted(source.key_span((group, name)) for group in ("indicators", "conditions"))
        message = f"'{name}' is the name of an indicator and of a condition"
        hint = f"rename one of them; the other is on line {first.line}"
        yield error("schema/name", message, second, hint=hint, path=("conditions", name))


def _unknown_parameters(document: Document, source: Source) -> Iterator[Problem]:
    known = [f"${name}" for name in document.parameters]
    for name, use in document.indicators.items():
        for key, setting in use.settings.items():
            if isinstance(setting, str) and setting not in known:
                path = ("indicators", name, key)
                hint = did_you_mean(setting, known) or f"declare '{setting[1:]}' under 'parameters:'"
                message = f"unknown parameter '{setting}'"
                yield error("schema/unknown-parameter", message, source.span(path), hint=hint, path=path)


def _unused(document: Document, source: Source) -> Iterator[Problem]:
    used: set[str] = set()
    for path, text in texts(document):
        own = path[1] if path[0] == "conditions" else None
        used.update(word for word in _WORD.findall(text) if word != own)
    for use in document.indicators.values():
        used.update(setting for setting in use.settings.values() if isinstance(setting, str))
    for group, mark in (("parameters", "$"), ("indicators", ""), ("conditions", "")):
        for name in getattr(document, group):
            if mark + name not in used:
                message = f"'{mark}{name}' is never used"
                place = source.key_span((group, name))
                yield warning(
                    "risk/never-used", message, place, hint="use it or remove it", path=(group, name)
                )
