"""Units of columns, and what arithmetic and comparison do with them.

In: two units. Out: the unit of their sum, product, quotient, or None: it has no meaning.
Refuses to know: trees, names, numbers.

A *plain* number is one that a bot's author wrote without a unit (30, $floor): it takes the unit of its
surroundings, except beside percentages and R, which are always written with theirs. A *count* is measured
(bars since, a direction). A *ratio* comes out of a division (0.05 and 5% both compare with it); a
*percentage* was written or is quoted as one.
"""

from enum import StrEnum


class Unit(StrEnum):
    """What a number measures; `WRONG` follows a fault already told and agrees with everything."""

    PLAIN = "a plain number"
    COUNT = "a count"
    PRICE = "a price"
    VOLUME = "a volume"
    TURNOVER = "a turnover"
    INDEX = "an index from 0 to 100"
    RATIO = "a ratio"
    PERCENTAGE = "a percentage"
    TIME = "a time"
    R = "a multiple of R"
    CONDITION = "a condition"
    WRONG = "wrong"


_PLAIN, _COUNT, _PRICE, _VOLUME = Unit.PLAIN, Unit.COUNT, Unit.PRICE, Unit.VOLUME
_TURNOVER, _INDEX, _RATIO, _PERCENTAGE, _TIME = (
    Unit.TURNOVER,
    Unit.INDEX,
    Unit.RATIO,
    Unit.PERCENTAGE,
    Unit.TIME,
)

_MEASURES = (
    _COUNT,
    _PRICE,
    _VOLUME,
    _TURNOVER,
    _INDEX,
    _RATIO,
)  # what a plain number can scale, add to and meet
_SCALED = (*_MEASURES, _PERCENTAGE)

# Unlike units that may be added, compared, crossed and put into min and max together, and what they give.
_JOINED: dict[tuple[Unit, Unit], Unit] = {
    **{(_PLAIN, unit): unit for unit in (*_MEASURES, _TIME)},
    (_RATIO, _PERCENTAGE): _RATIO,
}

_PRODUCT: dict[tuple[Unit, Unit], Unit] = {
    (_PLAIN, _PLAIN): _PLAIN,
    **{(_PLAIN, unit): unit for unit in _SCALED},
    **{(_COUNT, unit): unit for unit in _SCALED},
    **{(_RATIO, unit): unit for unit in _SCALED if unit != _COUNT},
    **{(_PERCENTAGE, unit): unit for unit in (_PRICE, _VOLUME, _TURNOVER, _INDEX)},
    (_PERCENTAGE, _PERCENTAGE): _RATIO,
    (_PRICE, _VOLUME): _TURNOVER,
}

# Left ÷ right; the order matters here.
_QUOTIENT: dict[tuple[Unit, Unit], Unit] = {
    (_PLAIN, _PLAIN): _PLAIN,
    (_PLAIN, _COUNT): _COUNT,
    (_PLAIN, _RATIO): _RATIO,
    (_PLAIN, _PERCENTAGE): _RATIO,
    **{(unit, _PLAIN): unit for unit in _SCALED},
    **{(unit, _COUNT): unit for unit in _SCALED},
    **{(unit, _RATIO): unit for unit in _SCALED},
    **{(unit, _PERCENTAGE): unit for unit in (_COUNT, _PRICE, _VOLUME, _TURNOVER, _INDEX, _RATIO)},
    **{(unit, unit): _RATIO for unit in _SCALED},
    (_TURNOVER, _PRICE): _VOLUME,
    (_TURNOVER, _VOLUME): _PRICE,
}


def joined(left: Unit, right: Unit) -> Unit | None:
    """The unit of `left ± right`; units that join can also be compared."""
    if Unit.WRONG in (left, right):
        return Unit.WRONG
    if Unit.CONDITION in (left, right):
        return None
    return left if left == right else _JOINED.get((left, right)) or _JOINED.get((right, left))


def product(left: Unit, right: Unit) -> Unit | None:
    """The unit of `left × right`."""
    if Unit.WRONG in (left, right):
        return Unit.WRONG
    return _PRODUCT.get((left, right)) or _PRODUCT.get((right, left))


def quotient(left: Unit, right: Unit) -> Unit | None:
    """The unit of `left ÷ right`."""
    if Unit.WRONG in (left, right):
        return Unit.WRONG
    return _QUOTIENT.get((left, right))


def arithmetic(sign: str, left: Unit, right: Unit) -> Unit | None:
    """The unit of `left sign right` for + - * /; R and TIME take no part in it."""
    if sign == "*":
        return product(left, right)
    if sign == "/":
        return quotient(left, right)
    unit = joined(left, right)
    return None if unit in (Unit.TIME, Unit.R) else unit


def mismatch_hint(sign: str, left: Unit, right: Unit, right_text: str) -> str:
    """What to write instead of two units that do not meet; `right_text` is the right side as written."""
    pair = {left, right}
    if _PERCENTAGE in pair and _PLAIN in pair:
        return "a percentage is written with its unit: 0.05%, 5 bps, 100%"
    if Unit.R in pair:
        return "R compares with open_profit only: open_profit > 2R"
    if _PERCENTAGE in pair and _PRICE in pair and sign in ("+", "-"):
        return "scale the price: close * 102%"
    if _PERCENTAGE in pair and _PRICE in pair:
        return "divide prices first: (close - open) / open > 2%"
    if _PERCENTAGE in pair and _INDEX in pair:
        return "an index is compared with a plain number: rsi > 30"
    if pair == {_PRICE, _INDEX}:
        return "compare a price with a price (close > open), an index with a plain number (rsi > 30)"
    if sign == "/" and left == _PLAIN:
        return f"divide two things of one kind, such as close / {right_text}"
    if sign == "*":
        return "a plain number, a count, a ratio or a percentage scales; a price times a volume is a turnover"
    return "both sides must measure the same thing; a plain number takes the unit of the other side"
