"""A session's signs of life: what its entries and its state tell health and metrics.

In: entries as they are written, the session four times a second. Out: figures and reasons in a `Health`.
Refuses to know: sockets, what is done about any of it.
"""

from collections.abc import Sequence

from runner.domain.entry import Entry
from runner.domain.order_event import Answered, EquityMarked, OrderUpdated, Protected, Sending
from runner.domain.session_event import BarClosed, SessionChanged
from runner.domain.venue import Status
from runner.exchange.weight import WEIGHT_MAX, Budget
from runner.health.measures import Leg as LegName
from runner.health.measures import Outcome
from runner.health.vitals import Health
from runner.live.ids import Leg, parse_client_id
from runner.live.living import Living
from runner.live.states import SessionState

FEEDS = ("bars", "account")
ORDERS_MAX = 1200  # of a minute, Binance USDⓈ-M futures
KNOWN_MAX = 2_000

_LEGS: dict[Leg, LegName] = {
    Leg.ENTRY: "entry",
    Leg.EXIT: "exit",
    Leg.STOP: "stop",
    Leg.TARGET: "target",
}
_ANSWERS: dict[str, Outcome] = {"acked": "acked", "rejected": "rejected", "unknown": "unknown"}
_ENDS: dict[Status, Outcome] = {
    Status.FILLED: "filled",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "expired",
}


class Signs:
    """What one session's health is told. `capital_usdt`: what it began with."""

    def __init__(self, health: Health, capital_usdt: float) -> None:
        self._health, self._capital_usdt = health, capital_usdt
        self._counted: set[tuple[str, str]] = set()
        self._was_alive = False
        self._heard_ms = 0

    def wrote(self, entries: Sequence[Entry]) -> None:
        """The session wrote these."""
        for entry in entries:
            self._entry(entry)

    def look(self, session: Living, budget: Budget) -> None:
        """How the session stands now."""
        health, desk = self._health, session.desk
        health.beat()
        if desk.state is SessionState.RUNNING:
            health.ready("session")
        else:
            health.unready("session", desk.why)
        if desk.account_ms != self._heard_ms:
            self._heard_ms = desk.account_ms
            health.heard("account")
        if session.stream_is_alive and not self._was_alive:
            health.measures.reconnected("account")
        self._was_alive = session.stream_is_alive
        health.measures.clock_offset(desk.exchange_offset_ms)
        health.measures.budget(
            weight=budget.used, weight_max=WEIGHT_MAX, orders=budget.orders_1m, orders_max=ORDERS_MAX
        )

    def _entry(self, entry: Entry) -> None:
        measures = self._health.measures
        match entry.event:
            case SessionChanged(_, after, _):
                self._health.state(after)
            case BarClosed(bar):
                measures.bar(bar.close_time_ms)
                self._health.heard("bars")
            case Protected(_, is_protected):
                self._health.protected(is_protected)
            case EquityMarked(equity, cash, position):
                measures.account(
                    equity=float(equity),
                    realised=float(cash) - self._capital_usdt,
                    unrealised=float(equity - cash),
                    position=float(position),
                )
            case Sending() | Answered() | OrderUpdated():
                self._order(entry)

    def _order(self, entry: Entry) -> None:
        parts = parse_client_id(entry.client_id or "")
        if parts is None:
            return
        leg = _LEGS[parts.leg]
        match entry.event:
            case Sending("place", signed_ms) if parts.leg is Leg.ENTRY and entry.bar_ms:
                self._health.measures.order_left(signed_ms - entry.bar_ms)
            case Answered("place", outcome, code) if outcome in _ANSWERS:
                self._health.measures.order(leg, _ANSWERS[outcome], code=code)
            case OrderUpdated(order) if order.status in _ENDS and self._is_new(entry, order.status):
                self._health.measures.order(leg, _ENDS[order.status])
                if parts.leg is Leg.ENTRY and order.quantity:
                    self._health.measures.entry_ended(float(order.filled_quantity / order.quantity))

    def _is_new(self, entry: Entry, status: Status) -> bool:
        """The same end is heard over several ways."""
        told = (entry.client_id or "", status.value)
        if told in self._counted:
            return False
        if len(self._counted) >= KNOWN_MAX:
            self._counted.clear()
        self._counted.add(told)
        return True
