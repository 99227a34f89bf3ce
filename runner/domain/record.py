"""Named tuples as NumPy records of the same field names, for the compiled core.

In: a (nested) NamedTuple, or columns. Out: record arrays. numba hands a record over by pointer, where a large
named tuple would be taken apart and copied at every call; the code that reads `plan.costs.taker_ratio`
is the same.
Refuses to know: what the fields mean.
"""

from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

_SCALARS: dict[Any, str] = {int: "i8", float: "f8", bool: "?"}


def dtype_of(example: Any) -> np.dtype[Any]:
    """The aligned record type of a NamedTuple instance; tuples of equal things become nested arrays."""
    hints = get_type_hints(type(example))
    return np.dtype(
        [_field(name, hints[name], getattr(example, name)) for name in example._fields], align=True
    )


def _field(name: str, hint: Any, example: Any) -> Any:
    if hint in _SCALARS:
        return (name, _SCALARS[hint])
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        kind = _SCALARS[inner] if inner in _SCALARS else dtype_of(example[0])
        return (name, kind, (len(example),))
    return (name, dtype_of(example))


def _plain(item: Any) -> Any:
    return tuple(_plain(part) for part in item) if isinstance(item, tuple) else item


def record_of(value_tuple: Any) -> Any:
    """One record holding what the NamedTuple holds."""
    array = np.zeros(1, dtype=dtype_of(value_tuple))
    array[0] = _as_assignable(value_tuple)
    return array[0]


def _as_assignable(value_tuple: Any) -> Any:
    parts = []
    for part in value_tuple:
        if isinstance(part, tuple) and not hasattr(part, "_fields"):
            parts.append([_plain(inner) for inner in part])
        else:
            parts.append(_plain_record(part))
    return tuple(parts)


def _plain_record(part: Any) -> Any:
    return _as_assignable(part) if isinstance(part, tuple) else part


def records(example: Any, **columns: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A record array of the NamedTuple's type, filled from columns of equal length; 2-d columns fill
    nested ones.
    """
    length = len(next(iter(columns.values())))
    array = np.zeros(length, dtype=dtype_of(example))
    for name, column in columns.items():
        array[name] = column
    return array
