"""A document with its faults cut out, so that the rest of it can be looked at in the same pass.

In: the plain tree and the problems that the schema found in it. Out: a document for the compiler's checks,
or None where a guess would only lead to findings that are not there. It comes with errors, so it never
runs. Refuses to know: places, sentences beyond the word that a hint suggests."""

import re
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from indicators.registry import REGISTRY
from runner.bot.model import Document
from runner.bot.problem import Path, Problem

ANY_CONDITION = "close > open"
_MEANT = re.compile(r"did you mean '([^']+)'\?|write '([^']+)'")

# What stands in for a key that has to be there.
_STAND_INS: dict[str, Any] = {
    "version": 1,
    "name": "bot",
    "market": {"symbol": "BTC/USDT:USDT", "timeframe": "15m"},
    "symbol": "BTC/USDT:USDT",
    "timeframe": "15m",
    "size": {"notional": "100 USDT"},
    "at": "1%",
    "distance": "1%",
    "after": "exit",
    "wait": "1 bar",
}


class _NoGuessError(Exception):
    """Whatever stood there, rules may depend on it."""


def mend(tree: dict[str, Any], problems: Iterable[Problem], faulty: Iterable[Path]) -> Document | None:
    """The document without what the problems are about, and without faulty texts."""
    mended = deepcopy(tree)
    try:
        for path in faulty:
            parent = _at(mended, path[:-1])
            if parent is not None and path and _is_condition(path) and _holds_text(parent, path[-1]):
                _replace_condition(parent, path[-1])
        for problem in sorted(problems, key=lambda problem: -len(problem.path)):
            _mend_one(mended, problem)
        return Document.model_validate(mended)
    except (_NoGuessError, ValidationError):
        return None


def _mend_one(tree: dict[str, Any], problem: Problem) -> None:
    path = problem.path
    parent = _at(tree, path[:-1])
    if not path or parent is None:
        raise _NoGuessError
    key: Any = path[-1]
    if problem.code == "schema/unknown-key":
        content = parent.pop(key)
        meant = _meant(problem)
        if meant and meant not in parent and path[:1] != ("hooks",):
            parent[meant] = content
        return
    if problem.code in ("schema/name", "yaml/key") and path != ("name",):
        raise _NoGuessError
    if _is_condition(path):
        _replace_condition(parent, key)
    elif path[0] == "indicators":
        _mend_indicator(parent, path, problem)
    elif path[0] == "parameters" and len(path) == 3:
        numbers = [number for number in parent.values() if isinstance(number, int | float)]
        parent[key] = numbers[0] if numbers else 1
    elif key in _STAND_INS:
        parent[key] = _STAND_INS[key]
    elif isinstance(parent, dict) and path[0] not in ("parameters", "entry"):
        parent.pop(key, None)
    else:
        raise _NoGuessError


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        try:
            tree = tree[step]
        except (LookupError, TypeError):
            return None
    return tree if isinstance(tree, dict | list) else None


def _holds_text(parent: Any, key: Any) -> bool:
    try:
        return isinstance(parent[key], str)
    except (LookupError, TypeError):
        return False


def _is_condition(path: Path) -> bool:
    inside = path[0] == "conditions" or path[:2] == ("exit", "when")
    return (inside and len(path) > 1) or (
        path[0] == "entry" and len(path) > 1 and path[1] in ("long", "short")
    )


def _replace_condition(parent: Any, key: Any) -> None:
    """Inside `all` and `any` the list that holds them stays a list."""
    parent[key] = [ANY_CONDITION] if key in ("all", "any") else ANY_CONDITION


def _mend_indicator(use: Any, path: Path, problem: Problem) -> None:
    """A kind decides which outputs there are, so it can only be the one that was meant."""
    if len(path) < 3 or not isinstance(use, dict):
        raise _NoGuessError
    key = path[2]
    if key == "kind":
        meant = _meant(problem)
        if meant not in REGISTRY:
            raise _NoGuessError
        use["kind"] = meant
        return
    use.pop(key, None)
    indicator = REGISTRY.get(use.get("kind", ""))
    for parameter in indicator.parameters if indicator else ():
        if parameter.name == key and parameter.default is None:
            use[key] = max(parameter.minimum, min(14, parameter.maximum))


def _meant(problem: Problem) -> str | None:
    match = _MEANT.search(problem.hint)
    return (match[1] or match[2]) if match else None
