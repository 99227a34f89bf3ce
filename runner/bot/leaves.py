"""The leaves of the document model: scalars with a unit, each with its parser and its piece of JSON Schema.

In: plain values of the loader. Out: values of `runner.domain.units`, or a ValueError that never reaches a
user (the schema has refused the text before, in our words; `validate.py` has a sentence for what only we
can see). Refuses to know: places, messages, which key a leaf stands under."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias, Union

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from runner.domain import units

# A condition stays the tree that was written: text, a list (all of them), {all: …}, {any: …} or {not: …}.
Condition: TypeAlias = Union[str, list["Condition"], dict[str, "Condition"]]  # noqa: UP007 (strings inside)
ExpressionText: TypeAlias = str

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"
PARAMETER_PATTERN = r"^\$[a-z][a-z0-9_]{0,31}$"
CONDITION_WORDS = ("all", "any", "not")
CONDITIONS_MAX = 50  # in one list
TEXT_LENGTH_MAX = 1000  # of a condition or expression


@dataclass(frozen=True, slots=True)
class Leaf:
    """An annotation: read the plain value with `read`, describe it with `schema`; pydantic looks no
    further.
    """

    read: Callable[[Any], object]
    schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


def spelled(*parsers: Callable[[str], object | None], schema: Mapping[str, Any]) -> Leaf:
    """Text that the first fitting parser reads; a value that is parsed already passes."""

    def read(plain: Any) -> object:
        if not isinstance(plain, str):
            if isinstance(plain, int | float | list | dict | None):
                raise ValueError("not text")
            return plain
        for parse in parsers:
            parsed = parse(plain)
            if parsed is not None:
                return parsed
        raise ValueError("no such spelling")

    return Leaf(read, schema)


def pattern(text: str, needed: str) -> dict[str, Any]:
    """Schema of a text; `needed` is what an editor shows when it does not match."""
    return {"type": "string", "pattern": text, "patternErrorMessage": needed, "errorMessage": needed}


def unit(text: str, needed: str) -> dict[str, Any]:
    """Schema of a number with a unit; `x-unit` tells the sentence for a bare number from that for other
    types.
    """
    return {**pattern(text, needed), "x-unit": True}


def either(*patterns: str) -> str:
    """One pattern out of several anchored ones."""
    return "^(" + "|".join(text.removeprefix("^").removesuffix("$") for text in patterns) + ")$"


def expression(text: str) -> str:
    """A formula in price units: kept as text for the compiler."""
    if not text.strip() or len(text) > TEXT_LENGTH_MAX:
        raise ValueError("empty or too long")
    return text  # as written: offsets into it are places in the line


def read_number(plain: Any) -> float:
    """A finite number; true and false are none."""
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not isfinite(plain):
        raise ValueError("not a number")
    return plain


def whole_number(smallest: int, largest: int) -> "Leaf":
    """A whole number in a range; 3.0 is whole, true is no number."""

    def read(plain: Any) -> int:
        number = read_number(plain)
        if number != int(number) or not smallest <= number <= largest:
            raise ValueError("not whole or out of range")
        return int(number)

    return Leaf(read, {"type": "integer", "minimum": smallest, "maximum": largest})


def number_between(smallest: float, largest: float) -> "Leaf":
    """A number in a range, both ends included."""

    def read(plain: Any) -> float:
        number = read_number(plain)
        if not smallest <= number <= largest:
            raise ValueError("out of range")
        return number

    return Leaf(read, {"type": "number", "minimum": smallest, "maximum": largest})


def name() -> "Leaf":
    """A name that conditions and reports can use."""

    def read(plain: Any) -> str:
        if not isinstance(plain, str) or not re.fullmatch(NAME_PATTERN, plain):
            raise ValueError("not a name")
        return plain

    return Leaf(
        read, pattern(NAME_PATTERN, "a name is a lower-case letter, then letters, digits and _; at most 32")
    )


def read_setting(plain: Any) -> float | str:
    """An indicator's setting: a number or `$parameter`."""
    if isinstance(plain, str):
        if not re.match(PARAMETER_PATTERN, plain):
            raise ValueError("not a parameter")
        return plain
    return read_number(plain)


def read_condition(plain: Any) -> Condition:
    """The tree, its shape checked and nothing else."""
    if isinstance(plain, str) and plain.strip() and len(plain) <= TEXT_LENGTH_MAX:
        return plain
    if isinstance(plain, list) and 0 < len(plain) <= CONDITIONS_MAX:
        return [read_condition(item) for item in plain]
    if isinstance(plain, dict) and len(plain) == 1:
        word, inner = next(iter(plain.items()))
        if word == "not" or (word in CONDITION_WORDS and isinstance(inner, list)):
            return {word: read_condition(inner)}
    raise ValueError("not a condition")


def read_instant(plain: Any) -> units.Instant:
    """A date or UTC minute that exists."""
    if isinstance(plain, units.Instant):
        return plain
    parsed = units.parse_instant(plain) if isinstance(plain, str) else None
    if parsed is None:
        raise ValueError("no such day")
    return parsed


SYMBOL_PATTERN = r"^[A-Z0-9]{1,20}(/USDT:USDT|USDT)$"


def canonical_symbol(text: str) -> str | None:
    """`BTCUSDT` → `BTC/USDT:USDT`; the long spelling stays; None for what is neither."""
    stripped = text.strip()
    if not re.match(SYMBOL_PATTERN, stripped):
        return None
    return stripped if "/" in stripped else f"{stripped.removesuffix('USDT')}/USDT:USDT"


RATIO = spelled(
    units.parse_ratio, schema=unit(units.RATIO_PATTERN, "write a percentage with its sign: 2%, or 20 bps")
)
EQUITY_RATIO = spelled(
    units.parse_equity_ratio, schema=unit(units.EQUITY_RATIO_PATTERN, "say of what: 0.75% of equity")
)
EQUITY_RATIO_OR_MONEY = spelled(
    units.parse_equity_ratio,
    units.parse_money,
    schema=unit(
        either(units.EQUITY_RATIO_PATTERN, units.MONEY_PATTERN),
        "write a share or a sum: 3% of equity, or 300 USDT",
    ),
)
MONEY = spelled(units.parse_money, schema=unit(units.MONEY_PATTERN, "write the currency: 500 USDT"))
QUANTITY = spelled(units.parse_quantity, schema=unit(units.QUANTITY_PATTERN, "write the asset: 0.01 BTC"))
LEVEL = spelled(
    units.parse_r,
    units.parse_ratio,
    schema=unit(
        either(units.R_PATTERN, units.RATIO_PATTERN), "write a multiple of R or a percentage: 1.5R, or 2%"
    ),
)
BARS = spelled(units.parse_bars, schema=unit(units.BARS_PATTERN, "count bars: 3 bars"))
WAIT = spelled(
    units.parse_bars,
    units.parse_duration,
    schema=unit(
        either(units.BARS_PATTERN, units.DURATION_PATTERN), "write bars or a time: 4 bars, 30m, 12h, 2d"
    ),
)
DISTANCE = spelled(
    units.parse_ratio,
    expression,
    schema={
        "type": "string",
        "minLength": 1,
        "maxLength": TEXT_LENGTH_MAX,
        "pattern": r"\S",
        "x-unit": True,
        "errorMessage": "write a percentage or a formula: 2%, 20 bps, 2.5 * atr",
    },
)
EXPRESSION = spelled(
    expression,
    schema={
        "type": "string",
        "minLength": 1,
        "maxLength": TEXT_LENGTH_MAX,
        "pattern": r"\S",
        "x-unit": True,
        "errorMessage": "write a price as a formula: bands.lower",
    },
)
AFTER = spelled(
    lambda text: text if text in ("exit", "loss", "stop_loss") else units.parse_streak(text),
    schema=pattern(
        either("exit", "loss", "stop_loss", units.STREAK_PATTERN),
        "write exit, loss, stop_loss or 3 losses in a row",
    ),
)
INSTANT = Leaf(
    read_instant,
    pattern(units.INSTANT_PATTERN, "write a day or a UTC minute: 2024-01-01, or 2024-01-01T08:00Z"),
)
NUMBER = Leaf(read_number, {"type": "number"})
NAME = name()
CONDITION = Leaf(read_condition, {"$comment": "condition"})  # schema.py puts the reference in its place
