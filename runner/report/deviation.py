"""The deviation ledger: from a backtest's profit to a run's over the same bars, item by item.

In: both runs' executions and funding as `Books`, what the run says it made. Out: items in USDT, and what none
of them explains.
Refuses to know: journals, the exchange, what is acceptable.
Source: a trade's profit is the sum of what its executions moved. Each item is one difference between two such
sums, so that items add up to the whole difference; the residual is what the run's own account says beyond
that.

missed            trades that the run did not make, and those that only the run made
partial fill      entries that were filled in part
late bar          market orders that executed long after the open they were meant for
slippage          what executions cost against their reference price, more or less than was assumed
path              levels that differ, exits that came elsewhere in the bar or in another bar
sizing            larger or smaller positions, because equity or price differed
rounding          what is left of sizing where quantities are rounded
fees, funding     as named
operator          what a hand or the exchange did to the position
"""

from collections.abc import Sequence
from typing import NamedTuple

from runner.domain.order import LEG_LIQUIDATION, LEG_MARKET
from runner.report.books import Books
from runner.report.executions import Execution, Payment
from runner.report.pairs import Match, Pair, Pairing, paired

LATE_MS = 5_000  # at most so long after the open is in time
ITEMS = (
    *("missed", "partial fill", "late bar", "slippage", "path"),
    *("sizing", "rounding", "fees", "funding", "operator"),
)


class Item(NamedTuple):
    """One line. `times`: how many trades, executions or payments are behind it."""

    name: str
    usdt: float
    times: int


class Bridge(NamedTuple):
    """`expected_usdt` + the items + `residual_usdt` = `actual_usdt`."""

    expected_usdt: float
    actual_usdt: float
    items: tuple[Item, ...]
    residual_usdt: float
    pairing: Pairing


class _Sheet:
    """Adds up items by name."""

    def __init__(self) -> None:
        self.usdt = dict.fromkeys(ITEMS, 0.0)
        self.times = dict.fromkeys(ITEMS, 0)

    def add(self, name: str, usdt: float) -> None:
        self.usdt[name] += usdt
        self.times[name] += abs(usdt) > 1e-9

    def items(self) -> tuple[Item, ...]:
        return tuple(Item(name, self.usdt[name], self.times[name]) for name in ITEMS)


def bridge(expected: Books, actual: Books, timeframe_ms: int) -> Bridge:
    """From what was expected to what was."""
    pairing, sheet = paired(expected.trades, actual.trades, timeframe_ms), _Sheet()
    for trade in pairing.missed:
        sheet.add("missed", trade.fees_usdt - trade.gross_usdt)
    for trade in pairing.others:
        name = "missed" if trade.executions[0].own else "operator"
        sheet.add(name, trade.gross_usdt - trade.fees_usdt)
    for pair in pairing.pairs:
        _add_pair(sheet, pair)
    sheet.add("funding", _sum(actual.payments) - _sum(expected.payments))
    items = sheet.items()
    residual = actual.net_usdt - expected.net_usdt - sum(item.usdt for item in items)
    return Bridge(expected.net_usdt, actual.net_usdt, items, residual, pairing)


def _sum(payments: Sequence[Payment]) -> float:
    return sum(one.payment_usdt for one in payments)


def _add_pair(sheet: _Sheet, pair: Pair) -> None:
    """All of one trade's difference."""
    expected, actual = pair.expected, pair.actual
    wanted, had = actual.asked / expected.opened, actual.opened / expected.opened
    sheet.add("sizing", (wanted - 1.0) * expected.gross_usdt)
    sheet.add("partial fill", (had - wanted) * expected.gross_usdt)
    elsewhere = "operator" if any(not one.own for one in pair.extra) else "path"
    is_elsewhere = bool(pair.missing or pair.extra)
    for match in pair.matches:
        before, after = match
        otherwise_usdt = -before.side * (after.quantity - had * before.quantity) * before.price
        sheet.add(elsewhere if is_elsewhere else "rounding", otherwise_usdt)
        for name, usdt in price_effects(match):
            sheet.add(name, usdt)
    if is_elsewhere:
        left_usdt = had * sum(one.gross_usdt for one in pair.missing)
        sheet.add(elsewhere, sum(one.gross_usdt for one in pair.extra) - left_usdt)
    sheet.add("fees", expected.fees_usdt - actual.fees_usdt)


def price_effects(match: Match) -> list[tuple[str, float]]:
    """What the difference in price of one execution came from, in USDT of the run's quantity."""
    before, after = match
    share = -after.side * after.quantity
    if is_late(match):
        return [("late bar", share * (after.price - before.price))]
    if after.leg == LEG_LIQUIDATION:
        return [("operator", share * (after.price - before.price))]
    return [
        ("slippage", share * ((after.price - after.reference) - (before.price - before.reference))),
        ("path", share * (after.reference - before.reference)),
    ]


def is_late(match: Match) -> bool:
    """Whether a market order executed long after the open it was meant for."""
    return match.actual.leg == LEG_MARKET and lateness_ms(match.expected, match.actual) > LATE_MS


def lateness_ms(expected: Execution, actual: Execution) -> int:
    """How long after the open that a market order was meant for."""
    return actual.time_ms - expected.bar_ms
