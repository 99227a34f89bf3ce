"""The JSON Schema of a bot document, draft-07, made from the models and the indicator registry.

In: `model.Document` and `indicators.REGISTRY`. Out: one dictionary, the same each time;
`schemas/bot.v1.json` is its text. Refuses to know: a document, places, our sentences (`validate.py`).
`if/then` on `kind`, never `oneOf`: editors complete both, but only the former tells which key is wrong.
Draft-07 is what the oldest editor plug-ins read. `defaultSnippets`, `errorMessage`, `patternErrorMessage`
are the YAML language server's own keywords; validators ignore them."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from indicators.registry import INPUTS, REGISTRY, Indicator, Parameter
from runner.bot import leaves
from runner.bot.model import LATER_KEYS, Document
from runner.bot.part import Part
from runner.domain.time import TIMEFRAMES

Schema = dict[str, Any]

# Keys that cannot stand beside an earlier one of the same group; one of them has to be there.
_ONE_OF = {"Size": ("risk", "equity", "notional", "quantity"), "StopLoss": ("distance", "price")}
_SOME_OF = {"Entry": ("long", "short")}

_SNIPPETS = (
    ("a crosses above b", "${1:ema_fast} crosses above ${2:ema_slow}"),
    ("a crosses below b", "${1:ema_fast} crosses below ${2:ema_slow}"),
    ("x is above y", "${1:close} > ${2:ema_slow}"),
    ("x is below y", "${1:rsi} < ${2:30}"),
    ("x is rising for n bars", "${1:adx} is rising for ${2:3} bars"),
    ("x between a and b", "${1:rsi} between ${2:40} and ${3:60}"),
)


def build_schema() -> Schema:
    """The whole schema."""
    raw = Document.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions = {name: _tidy(part) for name, part in raw.pop("$defs").items()}
    definitions["Condition"] = _condition()
    definitions["IndicatorUse"] = _indicator_use(definitions["IndicatorUse"])
    for name, keys in (*_ONE_OF.items(), *_SOME_OF.items()):
        definitions[name]["anyOf"] = [{"required": [key]} for key in keys]
    for name, keys in _ONE_OF.items():
        definitions[name]["dependencies"] = {
            key: {"properties": {later: {"not": {}} for later in keys[place + 1 :]}}
            for place, key in enumerate(keys[:-1])
        }
    for part in Part.__subclasses__():
        if part.short_form:
            _add_short_form(definitions[part.__name__], part)
    _add_short_ladder(definitions["Exit"])
    root = _tidy(raw)
    for key in LATER_KEYS:
        later = f"{key} come in a later version: remove the key"
        root["properties"][key] = {"not": {}, "errorMessage": later}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "bot.v1.json",
        "title": "runner bot, version 1",
        **root,
        "definitions": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """The committed text, byte for byte."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Defaults are written as an author would write them; those of whole sections are left out."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel | tuple | None):
            return None
        return dft if isinstance(dft, str | bool | int | float) else str(dft)


def _tidy(node: Any) -> Any:
    """Draft-07 words, no titles, no null: a key that is absent is absent, and an empty one is a fault."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("$comment") == "condition":
        described = {"description": node["description"]} if "description" in node else {}
        return _referring("#/definitions/Condition", described)
    if "anyOf" in node:
        choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
        node = {**{key: inner for key, inner in node.items() if key != "anyOf"}, **choices[0]}
    tidied = {
        key: {name: _tidy(inner) for name, inner in content.items()}
        if key == "properties"
        else _tidy(content)
        for key, content in node.items()
        if key not in ("title", "default") or (key == "default" and content is not None)
    }
    if "enum" in tidied or "const" in tidied:
        tidied.pop("type", None)  # one refusal is enough
    if "patternProperties" in tidied:  # names are judged apart, so that a bad one is one finding
        ((name_pattern, content),) = tidied.pop("patternProperties").items()
        tidied["propertyNames"] = {"pattern": name_pattern, **tidied["propertyNames"]}
        tidied["additionalProperties"] = content
    if "$ref" in tidied:
        reference = str(tidied.pop("$ref")).replace("#/$defs/", "#/definitions/")
        return _referring(reference, tidied)
    return tidied


def _referring(reference: str, beside: Schema) -> Schema:
    """In draft-07 a `$ref` silences what stands beside it, so it goes one level down."""
    return {**beside, "allOf": [{"$ref": reference}]} if beside else {"$ref": reference}


def _add_short_form(definition: Schema, part: type[Part]) -> None:
    """String keywords do not touch objects and the other way round, so both forms fit into one schema."""
    assert part.short_form is not None
    name, text_pattern = part.short_form
    said = f"write {'{' + name + ': …}'} or its short form, a percentage: 2%, 20 bps"
    definition.update(
        {
            "type": ["string", "object"],
            "pattern": text_pattern,
            "patternErrorMessage": said,
            "errorMessage": said,
            "x-unit": True,
        }
    )


def _add_short_ladder(definition: Schema) -> None:
    ladder = definition["properties"]["take_profit"]
    level = {key: content for key, content in leaves.LEVEL.schema.items() if key != "type"}
    said = "write a list of {at: 1.5R, close: 40%}, or one level: 2R"
    ladder.update({**level, "type": ["string", "array"], "patternErrorMessage": said, "errorMessage": said})


def _condition() -> Schema:
    listed = {
        "type": "array",
        "minItems": 1,
        "maxItems": leaves.CONDITIONS_MAX,
        "items": {"$ref": "#/definitions/Condition"},
    }
    snippets: list[Schema] = [{"label": label, "body": body} for label, body in _SNIPPETS]
    snippets += [{"label": word, "body": {word: ["$1"]}} for word in ("all", "any")]
    return {
        "description": "Text such as `adx > 20`, a list (all of them), {all: […]}, {any: […]} or {not: …}.",
        "type": ["string", "array", "object"],
        "minLength": 1,
        "maxLength": leaves.TEXT_LENGTH_MAX,
        "pattern": r"\S",
        "minItems": 1,
        "maxItems": leaves.CONDITIONS_MAX,
        "items": {"$ref": "#/definitions/Condition"},
        "properties": {
            "all": {"description": "True when all of them are.", **listed},
            "any": {"description": "True when one of them is.", **listed},
            "not": _referring("#/definitions/Condition", {"description": "True when it is false."}),
        },
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
        "errorMessage": "write a condition (adx > 20), a list of them, {all: […]}, {any: […]} or {not: …}",
        "defaultSnippets": [*snippets, {"label": "not", "body": {"not": "$1"}}],
    }


def _indicator_use(own: Schema) -> Schema:
    shared = own["properties"]
    return {
        "description": own["description"],
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {
                "description": shared["kind"]["description"],
                "enum": list(REGISTRY),
                "enumDescriptions": [indicator.summary for indicator in REGISTRY.values()],
            }
        },
        "allOf": [_for_kind(indicator, shared) for indicator in REGISTRY.values()],
        "errorMessage": "write {kind: ema, length: 21}",
    }


def _for_kind(indicator: Indicator, shared: Schema) -> Schema:
    properties: Schema = {"kind": True}
    if indicator.inputs == ("input",):
        properties["input"] = {**shared["input"], "enum": list(INPUTS)}
    properties["timeframe"] = {**shared["timeframe"], "enum": list(TIMEFRAMES)}
    properties.update({parameter.name: _setting(parameter) for parameter in indicator.parameters})
    needed = [parameter.name for parameter in indicator.parameters if parameter.default is None]
    then: Schema = {"properties": properties, "additionalProperties": False}
    if needed:
        then["required"] = needed
    return {"if": {"properties": {"kind": {"const": indicator.kind}}, "required": ["kind"]}, "then": then}


def _setting(parameter: Parameter) -> Schema:
    number = "integer" if parameter.whole else "number"
    said = f"write a {'whole ' if parameter.whole else ''}number, or $name for one of the parameters"
    setting: Schema = {
        "description": parameter.description,
        "type": [number, "string"],
        "minimum": _plain(parameter.minimum),
        "maximum": _plain(parameter.maximum),
        "pattern": leaves.PARAMETER_PATTERN,
        "patternErrorMessage": said,
        "errorMessage": said,
    }
    if parameter.default is not None:
        setting["default"] = _plain(parameter.default)
    return setting


def _plain(number: float) -> int | float:
    return int(number) if number == int(number) else number
