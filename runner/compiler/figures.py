"""Numbers in sentences: as many digits as are needed, with their unit.

In: a number and its unit. Out: text.
Refuses to know: which column the number came from.
"""

import math
from collections.abc import Iterable

from runner.compiler.algebra import Unit


def figure(number: float, unit: Unit, digits: int = 6) -> str:
    """`64,102.3`, `0.05%`, `2R`; `digits` significant ones, more when asked."""
    if math.isnan(number):
        return "unknown"
    if unit == Unit.PERCENTAGE:
        return f"{_plain(number * 100, digits)}%"
    return f"{_plain(number, digits)}R" if unit == Unit.R else _plain(number, digits)


def figures(numbers: Iterable[float], unit: Unit) -> list[str]:
    """Several numbers with digits enough to tell unequal neighbours apart."""
    known = list(numbers)
    texts = [figure(number, unit) for number in known]
    for digits in range(6, 18):
        texts = [figure(number, unit, digits) for number in known]
        pairs = zip(known, known[1:], texts, texts[1:], strict=False)
        if all(left == right or before != after for left, right, before, after in pairs):
            break
    return texts


def _plain(number: float, digits: int) -> str:
    if number == 0 or math.isinf(number):
        return "0" if number == 0 else "infinite"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(number))))
    text = f"{number:,.{min(decimals, 15)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
