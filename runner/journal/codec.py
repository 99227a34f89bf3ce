"""Events as canonical JSON and back.

In: dataclasses and named tuples of JSON's values, Decimal, tuples, mappings, sets and each other. Out: one
text for equal values, and equal values from that text: floats by their shortest repr, NaN and infinities by
name, Decimal as text, a mapping as pairs in its own order.
Refuses to know: tables, which event means what.
A field with a default may be missing in a text: an older build wrote it.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from runner.domain.entry import KINDS, Event
from runner.errors import JournalDamaged

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
Encode = Callable[[Any], Plain]
Decode = Callable[[Any], Any]

_KIND_OF = {kind: name for name, kind in KINDS.items()}
_ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def kind_of(event: Event) -> str:
    """The word that the journal has for this kind of event."""
    return _KIND_OF[type(event)]


def text_of(structure: Any) -> str:
    """Canonical JSON of a dataclass, named tuple, or tuple of them."""
    kind: Any = type(structure)
    return canonical(_encoder(kind)(structure))


def canonical(plain: Plain) -> str:
    """Sorted keys, no blanks, ASCII: equal values have equal bytes in every database."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def event_of(kind: str, text: str) -> Event:
    """The event that `text_of` wrote; JournalDamaged when it cannot have been."""
    if kind not in KINDS:
        raise JournalDamaged(f"the journal has an entry of the kind {kind!r}, which this build does not know")
    event: Event = structure_of(KINDS[kind], text)
    return event


def structure_of(kind: Any, text: str) -> Any:
    """The value of type `kind` that `text_of` wrote."""
    try:
        return _decoder(kind)(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation) as fault:
        raise JournalDamaged(f"an entry of the journal cannot be read: {fault!r} in {text[:80]}") from fault


def digest_of(structure: Any) -> str:
    """SHA-256 of the canonical text."""
    return hashlib.sha256(text_of(structure).encode("ascii")).hexdigest()


@cache
def _encoder(kind: Any) -> Encode:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        inner = [part for part in get_args(kind) if part is not NoneType]
        assert len(inner) == 1, kind
        encode = _encoder(inner[0])
        return lambda part: None if part is None else encode(part)
    if origin is tuple:
        return _tuple_encoder(get_args(kind))
    if origin is Mapping:
        key, mapped = map(_encoder, get_args(kind))
        return lambda part: [[key(name), mapped(one)] for name, one in part.items()]
    if origin is frozenset:
        member = _encoder(get_args(kind)[0])
        return lambda part: [member(one) for one in sorted(part)]
    if kind is float:
        return _plain_float
    if kind is Decimal:
        return _plain_decimal
    if _members(kind):
        encoders = {name: _encoder(hint) for name, (hint, _) in _members(kind).items()}
        return lambda part: {name: encode(getattr(part, name)) for name, encode in encoders.items()}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return str
    assert kind in (str, int, bool) or origin is Literal, kind
    return lambda part: part


def _tuple_encoder(parts: tuple[Any, ...]) -> Encode:
    if len(parts) == 2 and parts[1] is ...:
        encode = _encoder(parts[0])
        return lambda whole: [encode(part) for part in whole]
    encoders = [_encoder(part) for part in parts]
    return lambda whole: [encode(part) for encode, part in zip(encoders, whole, strict=True)]


def _plain_float(number: float) -> Plain:
    number = float(number)
    return number if math.isfinite(number) else repr(number)


def _plain_decimal(number: Decimal) -> str:
    if not number.is_finite():
        raise ValueError(f"{number} is no figure")
    return str(number)


@cache
def _decoder(kind: Any) -> Decode:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        decode = _decoder(next(part for part in get_args(kind) if part is not NoneType))
        return lambda part: None if part is None else decode(part)
    if origin is tuple:
        return _tuple_decoder(get_args(kind))
    if origin is Mapping:
        key, mapped = map(_decoder, get_args(kind))
        return lambda part: {key(name): mapped(one) for name, one in part}
    if origin is frozenset:
        member = _decoder(get_args(kind)[0])
        return lambda part: frozenset(map(member, part))
    if kind is float:
        return lambda part: _ODD[part] if isinstance(part, str) else float(part)
    if _members(kind):
        return _members_decoder(kind)
    if kind is Decimal:
        return Decimal
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    return lambda part: part


def _tuple_decoder(parts: tuple[Any, ...]) -> Decode:
    if len(parts) == 2 and parts[1] is ...:
        decode = _decoder(parts[0])
        return lambda whole: tuple(decode(part) for part in whole)
    decoders = [_decoder(part) for part in parts]
    return lambda whole: tuple(decode(part) for decode, part in zip(decoders, whole, strict=True))


def _members_decoder(kind: Any) -> Decode:
    decoders = {name: (_decoder(hint), needed) for name, (hint, needed) in _members(kind).items()}

    def decode(plain: Any) -> Any:
        unknown = plain.keys() - decoders.keys()
        if unknown:
            raise ValueError(f"{kind.__name__} has no {sorted(unknown)[0]}")
        found = {name: decoder(plain[name]) for name, (decoder, _) in decoders.items() if name in plain}
        missing = [name for name, (_, needed) in decoders.items() if needed and name not in found]
        if missing:
            raise ValueError(f"{kind.__name__} without {missing[0]}")
        return kind(**found)

    return decode


@cache
def _members(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Field → type, and whether it must be there; empty for what is no structure."""
    names = getattr(kind, "_fields", None)
    if names is not None:
        hints, known = get_type_hints(kind), kind._field_defaults
        return {name: (hints[name], name not in known) for name in names}
    if not is_dataclass(kind):
        return {}
    hints = get_type_hints(kind)
    return {field.name: (hints[field.name], field.default is MISSING) for field in fields(kind) if field.init}
