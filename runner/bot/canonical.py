"""One spelling for every bot: the resolved document, its hash, and parameters set from outside.

In: a document, and a function that spells a condition or formula (the compiler's). Out: a JSON-able
dictionary that holds every default; SHA-256 of what decides; a document with other parameters. Refuses to
know: files, comments, the order of keys, what conditions mean.

The hash covers the resolved document and the versions of the indicators used. Left out, since no decision
depends on them: `description`; `alerts`; `min` and `max` of parameters; `backtest.from` and `.to`, which say
where the bot is looked at (the data range stands beside the hash in every report). The order inside `all` and
`any` is left out too."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from indicators.registry import REGISTRY
from runner.bot.leaves import Condition
from runner.bot.model import Document, IndicatorUse, Parameter
from runner.bot.problem import Problem, Span, did_you_mean, error
from runner.bot.settings import fault_of

Spell = Callable[[str], str]
Resolved = dict[str, Any]


def spaced(text: str) -> str:
    """The least a canonical text needs: single blanks. The compiler knows more."""
    return " ".join(text.split())


def resolve(document: Document, spell: Spell) -> Resolved:
    """The document with every default filled in, all of it spelled one way; our loader reads it back."""
    resolved: Resolved = {"version": document.version, "name": document.name}
    if document.description:
        resolved["description"] = document.description
    resolved["market"] = _present(document.market.model_dump())
    if document.parameters:
        resolved["parameters"] = {name: _parameter(found) for name, found in document.parameters.items()}
    if document.indicators:
        resolved["indicators"] = {name: _indicator(use) for name, use in document.indicators.items()}
    if document.conditions:
        resolved["conditions"] = {
            name: _condition(found, spell) for name, found in document.conditions.items()
        }
    resolved["entry"] = _entry(document, spell)
    resolved["size"] = _present(document.size.model_dump(), document.size)
    exit_ = _exit(document, spell)
    resolved["exit"] = exit_
    limits = _limits(document)
    if limits:
        resolved["limits"] = limits
    resolved["costs"] = _costs(document)
    resolved["backtest"] = _backtest(document)
    if document.alerts:
        resolved["alerts"] = [{"to": sink.to, "events": list(sink.events)} for sink in document.alerts]
    return resolved


def bot_hash(document: Document, spell: Spell) -> str:
    """SHA-256, in hex, of all that can change a decision."""
    resolved = resolve(document, spell)
    resolved.pop("description", None)
    resolved.pop("alerts", None)
    resolved["parameters"] = {
        name: number["default"] for name, number in resolved.get("parameters", {}).items()
    }
    for key in ("from", "to"):
        resolved["backtest"].pop(key, None)
    for group in ("entry", "conditions"):
        resolved[group] = {name: _unordered(found) for name, found in resolved.get(group, {}).items()}
    resolved["exit"]["when"] = _unordered(resolved["exit"].get("when", {}))
    kinds = sorted({use.kind for use in document.indicators.values()})
    identity = {"bot": resolved, "indicators": {kind: REGISTRY[kind].version for kind in kinds}}
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def apply_overrides(document: Document, numbers: Mapping[str, float | str]) -> tuple[Document, list[Problem]]:
    """The document with other parameters (`--set fast=13`); what cannot be set is a problem and stays as it
    was.
    """
    parameters, problems = dict(document.parameters), list[Problem]()
    for name, given in numbers.items():
        found = parameters.get(name)
        span = Span(f"--set {name}={given}", 0, 0)
        if found is None:
            hint = (
                did_you_mean(name, list(parameters), list_all="parameters: ") or "this bot has no parameters"
            )
            problems.append(error("schema/unknown-parameter", f"unknown parameter '{name}'", span, hint=hint))
            continue
        number = _as_number(given)
        fault = "must be a number" if number is None else _override_fault(document, name, number, found)
        if number is None or fault:
            hint = f"write a number from {found.min:g} to {found.max:g}"
            problems.append(error("schema/range", f"'{name}' {fault}; this is {given}", span, hint=hint))
            continue
        parameters[name] = found.model_copy(update={"default": number})
    return document.model_copy(update={"parameters": parameters}), problems


def _as_number(given: float | str) -> float | None:
    try:
        number = float(given)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _override_fault(document: Document, name: str, number: float, parameter: Parameter) -> str | None:
    if not parameter.min <= number <= parameter.max:
        return f"must be from {parameter.min:g} to {parameter.max:g}"
    for use in document.indicators.values():
        for setting in REGISTRY[use.kind].parameters:
            if use.settings.get(setting.name) == f"${name}":
                fault = fault_of(number, setting)
                if fault:
                    return fault
    return None


def _parameter(parameter: Parameter) -> Resolved:
    return {key: _plain(getattr(parameter, key)) for key in ("default", "min", "max")}


def _indicator(use: IndicatorUse) -> Resolved:
    indicator = REGISTRY[use.kind]
    resolved: Resolved = {"kind": use.kind}
    for setting in indicator.parameters:
        written = use.settings.get(setting.name, setting.default)
        resolved[setting.name] = written if isinstance(written, str) else _plain(written or 0.0)
    if indicator.inputs == ("input",):
        resolved["input"] = use.input
    if use.timeframe:
        resolved["timeframe"] = use.timeframe
    return resolved


def _condition(condition: Condition, spell: Spell) -> Condition:
    """A list says `all`; a list of one says what its entry says."""
    if isinstance(condition, str):
        return spell(condition)
    if isinstance(condition, list):
        condition = {"all": condition}
    ((word, inner),) = condition.items()
    if word == "not":
        return {"not": _condition(inner, spell)}
    assert isinstance(inner, list)
    spelled = [_condition(item, spell) for item in inner]
    return spelled[0] if len(spelled) == 1 else {word: spelled}


def _unordered(condition: Any) -> Any:
    if not isinstance(condition, dict):
        return condition
    return {
        word: sorted((_unordered(item) for item in inner), key=lambda item: json.dumps(item, sort_keys=True))
        if word in ("all", "any") and isinstance(inner, list)
        else _unordered(inner)
        for word, inner in condition.items()
    }


def _entry(document: Document, spell: Spell) -> Resolved:
    entry, order = document.entry, document.entry.order
    resolved: Resolved = _sides(entry.long, entry.short, spell)
    resolved["order"] = {"type": order.type}
    if order.type == "limit":
        resolved["order"].update(
            {"offset": str(order.offset), "expires": str(order.expires), "post_only": order.post_only}
        )
    return resolved


def _sides(long: Condition | None, short: Condition | None, spell: Spell) -> Resolved:
    sides = {"long": long, "short": short}
    return {side: _condition(found, spell) for side, found in sides.items() if found is not None}


def _exit(document: Document, spell: Spell) -> Resolved:
    exit_ = document.exit
    stop, even, trailing = exit_.stop_loss, exit_.break_even, exit_.trailing_stop
    resolved: Resolved = {}
    if stop:
        where = {"distance": stop.distance} if stop.distance is not None else {"price": stop.price}
        resolved["stop_loss"] = {**_formulas(where, spell), "trigger": stop.trigger}
    if exit_.take_profit:
        resolved["take_profit"] = [
            {"at": str(target.at), "close": str(target.close), "type": target.type}
            for target in exit_.take_profit
        ]
    if even:
        resolved["break_even"] = {"at": str(even.at), "offset": str(even.offset)}
    if trailing:
        start = {"start_at": str(trailing.start_at)} if trailing.start_at else {}
        resolved["trailing_stop"] = {**start, **_formulas({"distance": trailing.distance}, spell)}
    if exit_.time_stop:
        resolved["time_stop"] = str(exit_.time_stop)
    when = _sides(exit_.when.long, exit_.when.short, spell)
    if when:
        resolved["when"] = when
    resolved["reverse"] = exit_.reverse
    return resolved


def _formulas(fields: Mapping[str, object], spell: Spell) -> Resolved:
    return {key: spell(found) if isinstance(found, str) else str(found) for key, found in fields.items()}


def _limits(document: Document) -> Resolved:
    limits = document.limits
    resolved: Resolved = {}
    if limits.daily_loss:
        resolved["daily_loss"] = {"max": str(limits.daily_loss.max), "then": limits.daily_loss.then}
    if limits.max_drawdown:
        resolved["max_drawdown"] = {"max": str(limits.max_drawdown.max), "then": limits.max_drawdown.then}
    if limits.cooldown:
        resolved["cooldown"] = [
            {"after": str(pause.after), "wait": str(pause.wait)} for pause in limits.cooldown
        ]
    if limits.trades_per_day is not None:
        resolved["trades_per_day"] = limits.trades_per_day
    return resolved


def _costs(document: Document) -> Resolved:
    costs = document.costs
    slippage = {"fixed": str(costs.slippage.fixed), "impact": _plain(costs.slippage.impact)}
    return {
        "maker": str(costs.maker),
        "taker": str(costs.taker),
        "slippage": slippage,
        "funding": costs.funding,
    }


def _backtest(document: Document) -> Resolved:
    backtest = document.backtest
    resolved: Resolved = {}
    if backtest.begin:
        resolved["from"] = str(backtest.begin)
    if backtest.end:
        resolved["to"] = str(backtest.end)
    resolved["capital"] = str(backtest.capital)
    if backtest.detail:
        resolved["detail"] = backtest.detail
    resolved["limit_fill"] = backtest.limit_fill
    return resolved


def _present(fields: Mapping[str, Any], part: object | None = None) -> Resolved:
    """What is there, each measure spelled; read from `part` where a dump would take it apart."""
    found = {key: getattr(part, key) if part else content for key, content in fields.items()}
    return {
        key: content if isinstance(content, str | int) else str(content)
        for key, content in found.items()
        if content is not None
    }


def _plain(number: float) -> int | float:
    return int(number) if number == int(number) else number
