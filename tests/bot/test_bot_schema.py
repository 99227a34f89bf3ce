"""The JSON Schema: committed, complete in its sentences, and of one mind with the model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bot_documents import FULL, SMALL
from jsonschema import Draft7Validator
from pydantic import ValidationError

from indicators.registry import REGISTRY
from runner.bot.load import load_document
from runner.bot.model import Document
from runner.bot.schema import build_schema, schema_text
from runner.bot.sentences import SENTENCES
from runner.bot.text import decode

BAD = sorted((Path(__file__).parent.parent / "bots_bad").glob("*.yaml"))
COMMITTED = Path(__file__).parent.parent.parent / "schemas" / "bot.v1.json"

# Keywords that only lead to others, and those that say something to people and editors.
STRUCTURE = {
    "$ref",
    "allOf",
    "definitions",
    "dependencies",
    "if",
    "items",
    "properties",
    "propertyNames",
    "then",
}
WORDS = {
    *("$id", "$schema", "default", "defaultSnippets", "description", "enumDescriptions", "errorMessage"),
    *("patternErrorMessage", "title", "x-unit"),
}


def subschemas(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for inner in node:
            yield from subschemas(inner)
    if isinstance(node, dict):
        yield node
        for key, inner in node.items():
            if key in ("properties", "definitions", "dependencies"):
                for content in inner.values():
                    yield from subschemas(content)
            elif key not in ("default", "enum", "const", "defaultSnippets", "required"):
                yield from subschemas(inner)


def test_regenerating_changes_nothing() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == schema_text()


def test_it_is_a_valid_draft_07_schema() -> None:
    Draft7Validator.check_schema(build_schema())


def test_every_keyword_in_use_has_a_sentence() -> None:
    used = {key for node in subschemas(build_schema()) for key in node}
    # `const` inside an `if` never refuses; `additionalProperties` refuses only as false.
    assert used - STRUCTURE - WORDS <= set(SENTENCES)
    assert set(SENTENCES) <= used


def test_kinds_are_told_apart_by_if_and_never_by_one_of() -> None:
    assert "oneOf" not in schema_text()
    kinds = [
        branch["if"]["properties"]["kind"]["const"]
        for branch in build_schema()["definitions"]["IndicatorUse"]["allOf"]
    ]
    assert kinds == list(REGISTRY)


def test_every_key_is_described() -> None:
    definitions = build_schema()["definitions"]
    for node in subschemas(build_schema()):
        for key, inner in node.get("properties", {}).items():
            if isinstance(inner, dict) and key != "kind" and "not" not in inner:
                referred = definitions.get(inner.get("$ref", "").rpartition("/")[2], {})
                assert inner.get("description") or referred.get("description"), key


def test_condition_lines_have_snippets_and_units_have_messages() -> None:
    definitions = build_schema()["definitions"]
    labels = [snippet["label"] for snippet in definitions["Condition"]["defaultSnippets"]]
    assert {"a crosses above b", "all", "any", "not"} <= set(labels)
    for node in subschemas(definitions):
        if node.get("x-unit"):
            assert node["errorMessage"]


VALIDATOR = Draft7Validator(build_schema())


def agree(tree: Any) -> None:
    by_schema = VALIDATOR.is_valid(tree)
    try:
        Document.model_validate(tree)
        by_model = True
    except ValidationError:
        by_model = False
    days = str(tree.get("backtest", "")) if isinstance(tree, dict) else ""
    assert by_schema == by_model or (by_schema and "2024-02-30" in days), tree


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_schema_and_model_agree_on_the_corpus(path: Path) -> None:
    text, _ = decode(path.read_bytes(), "x")
    loaded = load_document(text, "x") if text else None
    if loaded is not None and loaded.tree is not None:
        agree(loaded.tree)


ODD_VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        2.5,
        3.0,
        1e15,
        "",
        " ",
        "x",
        "2%",
        "2R",
        "50%",
        "3 bars",
        "12h",
        "$fast",
        "$",
    ),
    *(
        "500 USDT",
        "1% of equity",
        "close > fast",
        "isolated",
        "limit",
        "exit",
        "2024-01-01",
        "ema",
        "15m",
        "2%\n",
    ),
    *(
        [],
        {},
        [1],
        ["close > fast"],
        [[]],
        {"all": []},
        {"any": ["a"]},
        {"not": "a"},
        {"not": ["a"]},
        {"all": "a"},
    ),
    *(
        {"not": None},
        {"x": 1},
        {"max": "3% of equity"},
        {"at": "2R"},
        [{"at": "2R"}],
        [{"at": 2}],
        {"kind": "ema"},
    ),
    *(
        {"kind": "ema", "length": 3},
        {"kind": "ema", "length": 3.0},
        {"kind": "obv", "length": 3, "input": "close"},
    ),
    *(
        {"distance": "2%"},
        {"distance": 2},
        {"price": "fast", "trigger": "x"},
        {"fixed": "2 bps", "impact": 2},
    ),
    *("x" * 1001, ["a"] * 51, {"Bad": 1}, {"good": None}, "BTCUSDT", "BTC/USDT:USDT", "btcusdt", 10**15),
]


def paths_of(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield from paths_of(tree[key], (*path, key))


def replaced(tree: Any, path: tuple[Any, ...], content: Any) -> Any:
    if not path:
        return content
    copied = dict(tree) if isinstance(tree, dict) else list(tree)
    copied[path[0]] = replaced(tree[path[0]], path[1:], content)
    return copied


@pytest.mark.parametrize(("text", "every"), [(SMALL, 1), (FULL, 5)], ids=["small", "full"])
def test_schema_and_model_agree_wherever_an_odd_value_is_put(text: str, every: int) -> None:
    tree = load_document(text, "x").tree
    for number, path in enumerate(paths_of(tree)):
        for odd in ODD_VALUES[number % every :: every]:
            mutant = replaced(tree, path, odd)
            try:
                Document.model_validate(mutant)
                by_model = True
            except ValidationError:
                by_model = False
            assert VALIDATOR.is_valid(mutant) == by_model, (path, odd)


@pytest.mark.parametrize("text", [SMALL, FULL], ids=["small", "full"])
def test_schema_and_model_agree_when_a_key_is_missing_or_unknown(text: str) -> None:
    tree = load_document(text, "x").tree
    for path in paths_of(tree):
        parent = tree
        for step in path[:-1]:
            parent = parent[step]  # type: ignore[index, call-overload]
        if path and isinstance(parent, dict):
            agree(replaced(tree, path[:-1], {key: parent[key] for key in parent if key != path[-1]}))
            agree(replaced(tree, path[:-1], {**parent, "unheard_of": 1}))
