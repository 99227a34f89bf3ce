"""Reading what was: by id, by client id, by time, a page at a time.

In: rows in the order of their making. Out: pages, oldest first. Changes nothing.
Refuses to know: how long the exchange really keeps a row (the server in front of it may hide older ones).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from runner.simulator.types import AlgoOrder, Order
from runner.simulator.world import Account, World

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Span:
    """From an id on, or of a time (both ends included); without either, the latest."""

    from_id: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 500


WHOLE = Span()


def page(
    rows: Iterable[Row], span: Span, id_of: Callable[[Row], int], time_of: Callable[[Row], int]
) -> list[Row]:
    """The first `limit` rows from the start asked for; without one, the last."""
    chosen = [
        row
        for row in rows
        if (span.from_id is None or id_of(row) >= span.from_id)
        and (span.start_ms is None or time_of(row) >= span.start_ms)
        and (span.end_ms is None or time_of(row) <= span.end_ms)
    ]
    if span.from_id is not None or span.start_ms is not None:
        return chosen[: span.limit]
    return chosen[max(0, len(chosen) - span.limit) :]


def find_order(account: Account, symbol: str, order_id: int | None, client_id: str | None) -> Order | None:
    """By id, else the latest of a client id."""
    if order_id is None:
        order_id = account.order_of_client.get((symbol, client_id or ""))
    order = account.orders.get(order_id) if order_id is not None else None
    return order if order is not None and order.symbol == symbol else None


def open_orders(world: World, account: Account, symbol: str | None) -> list[Order]:
    """Open plain orders of one or all symbols, oldest first."""
    if symbol is not None:
        world.market(symbol)
        return list(account.holding(symbol).orders.values())
    found = [order for holding in account.holdings.values() for order in holding.orders.values()]
    return sorted(found, key=lambda order: order.order_id)


def open_algos(world: World, account: Account, symbol: str | None) -> list[AlgoOrder]:
    """Open conditional orders of one or all symbols, oldest first."""
    if symbol is not None:
        world.market(symbol)
        return list(account.holding(symbol).algos.values())
    found = [algo for holding in account.holdings.values() for algo in holding.algos.values()]
    return sorted(found, key=lambda algo: algo.algo_id)
