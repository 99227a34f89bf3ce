"""Figures as a reader sees them: percent, signs, thousands; an undefined one is a dash.

In: numbers in Python's units (ratios, USDT). Out: short texts.
Refuses to know: which figure it is, where it stands.
"""

from collections.abc import Sequence

UNDEFINED = "–"
PERCENT_MAX = 1e6  # above, a power of ten is shorter and no less true
BARS = "▁▂▃▄▅▆▇█"


def as_percent(ratio: float | None, sign: bool = False, digits: int = 1) -> str:
    """`+42.1 %` of 0.421."""
    if ratio is None:
        return UNDEFINED
    hundredths = _unsigned_zero(100.0 * ratio, digits)
    if abs(hundredths) >= PERCENT_MAX:
        return f"{hundredths:+.1e} %"
    return f"{hundredths:{'+' if sign else ''},.{digits}f} %"


def usdt(money: float | None, sign: bool = True) -> str:
    """`+4,212.10`."""
    if money is None:
        return UNDEFINED
    return f"{_unsigned_zero(money, 2):{'+' if sign else ''},.2f}"


def multiple(r: float | None) -> str:
    """`+1.71 R`."""
    return UNDEFINED if r is None else f"{_unsigned_zero(r, 2):+,.2f} R"


def plain_number(number: float | None, digits: int = 2) -> str:
    """`1.38`."""
    return UNDEFINED if number is None else f"{_unsigned_zero(number, digits):,.{digits}f}"


def count(things: int, one: str, many: str = "") -> str:
    """`1 trade`, `2 trades`, `1,000 trades`."""
    return f"{things:,} {one if things == 1 else many or one + 's'}"


def sparkline(points: Sequence[float], width: int) -> str:
    """The curve in at most `width` characters: the last point of each of that many equal parts."""
    if len(points) > width:
        points = [points[(place + 1) * len(points) // width - 1] for place in range(width)]
    lowest, highest = min(points), max(points)
    if highest <= lowest:
        return BARS[0] * len(points)
    steps = (len(BARS) - 1) / (highest - lowest)
    return "".join(BARS[round((point - lowest) * steps)] for point in points)


def _unsigned_zero(number: float, digits: int) -> float:
    """No `-0.0` for what rounds to nothing."""
    return 0.0 if round(number, digits) == 0.0 else number
