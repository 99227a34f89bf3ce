"""Reads that lag behind: orders and accounts as they were a while ago.

In: events as they happen, how far each kind of read lags. Out: the same values, older while a lag holds.
Refuses to know: JSON, faults' spelling. Costs nothing until it is told to record.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from runner.simulator.events import AccountEvent, AlgoEvent, Event, OrderEvent
from runner.simulator.exchange import Exchange
from runner.simulator.types import AccountView, AlgoOrder, Order, PositionView

FOREVER_MS = 2**62

_Seen = TypeVar("_Seen")


class Past:
    """`lag_ms(kind)`: how far reads of orders, positions, fills or account lag now; 0 mostly."""

    def __init__(self, exchange: Exchange, lag_ms: Callable[[str], int]) -> None:
        self._exchange = exchange
        self._lag_ms = lag_ms
        self._is_recording = False
        self._orders: dict[int, list[tuple[int, Order]]] = {}
        self._algos: dict[int, list[tuple[int, AlgoOrder]]] = {}
        self._views: dict[str, list[tuple[int, AccountView]]] = {}

    def record(self) -> None:
        """From now on remember: a fault of the script will ask."""
        if not self._is_recording:
            self._is_recording = True
            self._views = {name: [(0, self._exchange.desk.view(name))] for name in self._exchange.accounts}

    def note(self, events: Iterable[Event]) -> None:
        """What just happened."""
        if not self._is_recording:
            return
        changed = set()
        for event in events:
            if isinstance(event, OrderEvent):
                self._orders.setdefault(event.order.order_id, []).append((event.time_ms, event.order))
            elif isinstance(event, AlgoEvent):
                self._algos.setdefault(event.algo.algo_id, []).append((event.time_ms, event.algo))
            if isinstance(event, OrderEvent | AccountEvent):
                changed.add(event.account)
        for name in changed:
            self._views.setdefault(name, []).append((self._exchange.now_ms, self._exchange.desk.view(name)))

    def is_lagging(self, kind: str) -> bool:
        """Do reads of this kind lag now?"""
        return self._lag_ms(kind) > 0

    def until_ms(self, kind: str) -> int:
        """What happened later is not seen yet."""
        lag_ms = self._lag_ms(kind)
        return self._exchange.now_ms - lag_ms if lag_ms else FOREVER_MS

    def order(self, order: Order) -> Order | None:
        """An order as it is seen; None while it is not."""
        return _as_of(self._orders.get(order.order_id), self.until_ms("orders"), order)

    def algo(self, algo: AlgoOrder) -> AlgoOrder | None:
        """A conditional order as it is seen; None while it is not."""
        return _as_of(self._algos.get(algo.algo_id), self.until_ms("orders"), algo)

    def open_orders(self, account: str, symbol: str | None) -> list[Order]:
        """What seems to rest in the plain book."""
        resting = self._exchange.orders.open(account, symbol)
        if not self.is_lagging("orders"):
            return resting
        known = {one.order_id: one for one in resting}
        known |= {number: told[-1][1] for number, told in self._orders.items()}
        seen = [self.order(one) for one in known.values() if one.account == account]
        return [one for one in seen if one and one.is_open and symbol in (None, one.symbol)]

    def open_algos(self, account: str, symbol: str | None) -> list[AlgoOrder]:
        """What seems to wait in the algo book."""
        resting = self._exchange.algos.open(account, symbol)
        if not self.is_lagging("orders"):
            return resting
        known = {one.algo_id: one for one in resting}
        known |= {number: told[-1][1] for number, told in self._algos.items()}
        seen = [self.algo(one) for one in known.values() if one.account == account]
        return [one for one in seen if one and one.is_open and symbol in (None, one.symbol)]

    def view(self, account: str) -> AccountView:
        """The account's money as it is seen."""
        if not self.is_lagging("account"):
            return self._exchange.desk.view(account)
        now = self._exchange.desk.view(account)
        return _as_of(self._views.get(account), self.until_ms("account"), now) or now

    def positions(self, account: str) -> tuple[PositionView, ...]:
        """What seems to be held."""
        now = self._exchange.desk.view(account)
        if not self.is_lagging("positions"):
            return now.positions
        return (_as_of(self._views.get(account), self.until_ms("positions"), now) or now).positions


def _as_of(told: list[tuple[int, _Seen]] | None, until_ms: int, now: _Seen) -> _Seen | None:
    """The last that was told by then; what is now, if nothing was ever told."""
    if told is None or until_ms == FOREVER_MS:
        return now
    return next((one for time_ms, one in reversed(told) if time_ms <= until_ms), None)
