"""schemas/report.v1.json, made from the types of `shape.py`.

In: those NamedTuples. Out: a JSON Schema, draft-07; run as a module, this prints it.
Refuses to know: any report, the validator.
"""

import json
from inspect import getdoc
from types import NoneType, UnionType
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

from runner.report.shape import Report

Schema = dict[str, object]

SIMPLE: dict[object, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    NoneType: "null",
}


def report_schema() -> Schema:
    """The whole schema: every key required and described, no other key allowed."""
    head: Schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "runner report, version 1"}
    return head | _object(Report)


def render_schema() -> str:
    """The text of schemas/report.v1.json."""
    return json.dumps(report_schema(), indent=2, ensure_ascii=False) + "\n"


def _object(kind: type) -> Schema:
    hints = get_type_hints(kind, include_extras=True)
    names = {name: name.rstrip("_") for name in hints}
    return {
        "description": getdoc(kind),
        "type": "object",
        "additionalProperties": False,
        "required": list(names.values()),
        "properties": {key: _described(hints[name]) for name, key in names.items()},
    }


def _described(hint: object) -> Schema:
    assert get_origin(hint) is Annotated
    kind, sentence = get_args(hint)
    schema = _schema(kind)
    if "description" in schema:
        sentence = f"{sentence}. {schema['description']}"
    return {"description": sentence} | {key: part for key, part in schema.items() if key != "description"}


def _schema(kind: object) -> Schema:
    if isinstance(kind, type) and issubclass(kind, tuple):
        return _object(kind)
    if get_origin(kind) is list:
        return {"type": "array", "items": _schema(get_args(kind)[0])}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if isinstance(kind, UnionType):
        part, *_ = get_args(kind)
        if part not in SIMPLE:
            return _schema(part) | {"type": ["object", "null"]}
        return {"type": [SIMPLE[member] for member in get_args(kind)]}
    return {"type": SIMPLE[kind]}


if __name__ == "__main__":
    print(render_schema(), end="")
