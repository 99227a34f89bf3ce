"""From the plain tree to a typed document, or to every reason why not.

In: what the loader read. Out: a `Document`, or problems in our own words. Refuses to know: YAML, what rules
mean. The model decides; the JSON Schema is asked only about a document that the model refused, to find all
faults with their places (importing the validator costs a third of a check). A test holds that the two
agree."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

import schemas
from runner.bot.load import Loaded
from runner.bot.model import Document
from runner.bot.problem import Path, Problem, error

SCHEMA_FILE = FilePath(schemas.__path__[0]) / "bot.v1.json"
PROBLEMS_MAX = 100  # a document with more has one fault that repeats


def validate_tree(loaded: Loaded) -> tuple[Document | None, list[Problem]]:
    """The document when the tree is one; otherwise at least one problem (here or in `loaded`)."""
    if loaded.tree is None:
        return None, []
    try:
        return Document.model_validate(loaded.tree), []
    except ValidationError as refused:
        problems = list(schema_problems(loaded))
        if not problems and not loaded.problems:
            problems = [_model_problem(detail["loc"], loaded) for detail in refused.errors(include_url=False)]
        return None, problems


def schema_problems(loaded: Loaded) -> Iterator[Problem]:
    """What the JSON Schema refuses, less what the loader said already and what only follows from another
    fault.
    """
    from runner.bot.sentences import Fault, explain  # noqa: PLC0415  (imports jsonschema)

    found: list[Problem] = []
    refusals = _validator().iter_errors(loaded.tree)
    for refusal in refusals:
        path = tuple(refusal.absolute_path)
        if path in loaded.faulty:
            continue
        found += explain(Fault(refusal, path, loaded.source, key_homes()))
        if len(found) >= PROBLEMS_MAX:
            break
    yield from _without_echoes(found, loaded.faulty)


def _without_echoes(found: list[Problem], faulty: Iterable[Path]) -> Iterator[Problem]:
    """A misspelt key is one fault: the key it stands for is not reported missing too."""
    refused = set(faulty)
    meant: dict[Path, list[str]] = {}
    for problem in found:
        if problem.code == "schema/unknown-key":
            meant.setdefault(problem.path[:-1], []).append(problem.hint)
    for problem in found:
        if problem.path in refused:
            continue
        if problem.code == "schema/missing" and problem.path in meant:
            continue
        beside = meant.get(problem.path[:-1], ()) if problem.path else ()
        if problem.code == "schema/missing" and f"did you mean '{problem.path[-1]}'?" in beside:
            continue
        yield problem


def _model_problem(location: tuple[int | str, ...], loaded: Loaded) -> Problem:
    """What only the model can see: a day that the calendar lacks. pydantic's own words stay inside."""
    path = tuple(location)
    content: Any = loaded.tree
    for step in path:
        try:
            content = content[step]
        except (LookupError, TypeError):
            break
    if path[:1] == ("backtest",) and isinstance(content, str):
        message, hint = f"'{content}' is not in the calendar", "check month, day, hour and minute"
        return error("schema/unit", message, loaded.source.span(path), hint=hint, path=path)
    hint = "compare it with what `runner schema` prints"
    return error("schema/refused", "this is not allowed here", loaded.source.span(path), hint=hint, path=path)


@cache
def _validator() -> Any:
    from jsonschema import Draft7Validator  # noqa: PLC0415  (a third of a check's time)

    return Draft7Validator(_schema())


@cache
def _schema() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


@cache
def key_homes() -> Mapping[str, tuple[str, ...]]:
    """Key → where it belongs, as dotted paths; the shallowest first."""
    homes: dict[str, list[str]] = {}

    def visit(node: Mapping[str, Any], path: str, depth: int) -> None:
        node = _resolved(node)
        for key, inner in node.get("properties", {}).items():
            if isinstance(inner, dict) and "not" not in inner and key not in ("all", "any", "not"):
                homes.setdefault(key, []).append(path)
                if depth < 4:
                    visit(inner, f"{path}.{key}" if path else key, depth + 1)

    visit(_schema(), "", 0)
    return {key: tuple(sorted(paths, key=lambda path: path.count("."))) for key, paths in homes.items()}


def _resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    for inner in (node, *node.get("allOf", ())):
        reference = inner.get("$ref") if isinstance(inner, dict) else None
        if reference:
            resolved: Mapping[str, Any] = _schema()["definitions"][reference.rpartition("/")[2]]
            return resolved
    return node
