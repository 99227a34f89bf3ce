"""The algebra of units, as whole tables: what has no place in them has no meaning."""

import pytest

from runner.compiler.algebra import Unit, arithmetic, joined, mismatch_hint

SHORT = {
    "plain": Unit.PLAIN,
    "count": Unit.COUNT,
    "price": Unit.PRICE,
    "volume": Unit.VOLUME,
    "turnover": Unit.TURNOVER,
    "index": Unit.INDEX,
    "ratio": Unit.RATIO,
    "percentage": Unit.PERCENTAGE,
    "time": Unit.TIME,
    "R": Unit.R,
}

SUMS = """\
+          plain    count    price    volume   turnover index    ratio    percentage time     R
plain      plain    count    price    volume   turnover index    ratio    .          .        .
count      count    count    .        .        .        .        .        .          .        .
price      price    .        price    .        .        .        .        .          .        .
volume     volume   .        .        volume   .        .        .        .          .        .
turnover   turnover .        .        .        turnover .        .        .          .        .
index      index    .        .        .        .        index    .        .          .        .
ratio      ratio    .        .        .        .        .        ratio    ratio      .        .
percentage .        .        .        .        .        .        ratio    percentage .        .
time       .        .        .        .        .        .        .        .          .        .
R          .        .        .        .        .        .        .        .          .        .
"""

PRODUCTS = """\
*          plain    count    price    volume   turnover index    ratio    percentage time     R
plain      plain    count    price    volume   turnover index    ratio    percentage .        .
count      count    count    price    volume   turnover index    ratio    percentage .        .
price      price    price    .        turnover .        .        price    price      .        .
volume     volume   volume   turnover .        .        .        volume   volume     .        .
turnover   turnover turnover .        .        .        .        turnover turnover   .        .
index      index    index    .        .        .        .        index    index      .        .
ratio      ratio    ratio    price    volume   turnover index    ratio    percentage .        .
percentage percentage percentage price volume  turnover index    percentage ratio    .        .
time       .        .        .        .        .        .        .        .          .        .
R          .        .        .        .        .        .        .        .          .        .
"""

QUOTIENTS = """\
/          plain    count    price    volume   turnover index    ratio    percentage time     R
plain      plain    count    .        .        .        .        ratio    ratio      .        .
count      count    ratio    .        .        .        .        count    count      .        .
price      price    price    ratio    .        .        .        price    price      .        .
volume     volume   volume   .        ratio    .        .        volume   volume     .        .
turnover   turnover turnover volume   price    ratio    .        turnover turnover   .        .
index      index    index    .        .        .        ratio    index    index      .        .
ratio      ratio    ratio    .        .        .        .        ratio    ratio      .        .
percentage percentage percentage .    .        .        .        percentage ratio    .        .
time       .        .        .        .        .        .        .        .          .        .
R          .        .        .        .        .        .        .        .          .        .
"""

# Comparing, crossing, between, min and max.
MEETINGS = """\
<          plain count price volume turnover index ratio percentage time R
plain      yes   yes   yes   yes    yes      yes   yes   .          yes  .
count      yes   yes   .     .      .        .     .     .          .    .
price      yes   .     yes   .      .        .     .     .          .    .
volume     yes   .     .     yes    .        .     .     .          .    .
turnover   yes   .     .     .      yes      .     .     .          .    .
index      yes   .     .     .      .        yes   .     .          .    .
ratio      yes   .     .     .      .        .     yes   yes        .    .
percentage .     .     .     .      .        .     yes   yes        .    .
time       yes   .     .     .      .        .     .     .          yes  .
R          .     .     .     .      .        .     .     .          .    yes
"""


def cells(table: str) -> list[tuple[str, str, str, str]]:
    head, *rows = [line.split() for line in table.strip().split("\n")]
    sign, *columns = head
    return [
        (sign, row[0], column, cell) for row in rows for column, cell in zip(columns, row[1:], strict=True)
    ]


@pytest.mark.parametrize("table", [SUMS, PRODUCTS, QUOTIENTS])
def test_arithmetic_of_units(table: str) -> None:
    for sign, left, right, cell in cells(table):
        found = arithmetic(sign, SHORT[left], SHORT[right])
        assert found == SHORT.get(cell), f"{left} {sign} {right}"
        if sign == "+":
            assert arithmetic("-", SHORT[left], SHORT[right]) == found


def test_comparison_of_units() -> None:
    for _, left, right, cell in cells(MEETINGS):
        found = joined(SHORT[left], SHORT[right]) is not None
        assert found == (cell == "yes"), f"{left} with {right}"


def test_conditions_take_no_part_and_wrong_agrees_with_everything() -> None:
    for unit in Unit:
        for sign in "+-*/":
            if unit != Unit.WRONG:
                assert arithmetic(sign, Unit.CONDITION, unit) is None
            assert arithmetic(sign, Unit.WRONG, unit) == Unit.WRONG


def test_every_mismatch_has_a_hint() -> None:
    for sign in ("+", "-", "*", "/", "<", "crosses"):
        for left in Unit:
            for right in Unit:
                assert mismatch_hint(sign, left, right, "x")
