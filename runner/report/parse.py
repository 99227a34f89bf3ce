"""The report.v1 document's text back to its typed values.

In: JSON text as `render_json` wrote it. Out: a Report; DataDamaged when it is none.
Refuses to know: where the text lay, what the figures mean.
"""

import json
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from runner.errors import DataDamaged
from runner.report.shape import Report


def parse_report(text: str) -> Report:
    """The whole document."""
    try:
        report: Report = _read(Report, json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as fault:
        raise DataDamaged(f"this is not a report of version 1: {fault!r}") from fault
    return report


def _read(kind: Any, plain: Any) -> Any:
    if get_origin(kind) is UnionType:
        inner = [part for part in get_args(kind) if part is not NoneType]
        return None if plain is None else _read(inner[0], plain)
    if get_origin(kind) is list:
        inner = get_args(kind)[0]
        return [_read(inner, member) for member in plain]
    if hasattr(kind, "_fields"):
        hints = _hints(kind)
        return kind(**{name: _read(hint, plain[name.rstrip("_")]) for name, hint in hints.items()})
    return plain


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
