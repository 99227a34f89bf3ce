"""What a session tells Prometheus.

In: facts, as the session comes by them. Out: metrics in Prometheus' text form.
Refuses to know: clocks, sockets, the journal, whether a figure is good. Names follow Prometheus: base units,
`_total` for what only grows. `docs/health.md` lists them, and a test compares.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST

Leg = Literal["entry", "exit", "stop", "target"]
Outcome = Literal["acked", "rejected", "unknown", "filled", "cancelled", "expired"]
LEGS: tuple[Leg, ...] = ("entry", "exit", "stop", "target")
OUTCOMES: tuple[Outcome, ...] = ("acked", "rejected", "unknown", "filled", "cancelled", "expired")

_LATENCY_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)

# a second line for every counter, saying when we started: process_start_time_seconds says it once
disable_created_metrics()  # type: ignore[no-untyped-call]


class Measures:
    """One session's, in a registry of its own. `states` and `feeds` have a line from the first scrape on."""

    def __init__(self, states: Sequence[str], feeds: Sequence[str]) -> None:
        """All figures at nothing."""
        self.registry = CollectorRegistry()
        self._make_order_metrics()
        self._make_session_metrics(states, feeds)
        self._make_account_metrics()
        ProcessCollector(registry=self.registry)

    def about(self, *, bot: str, run: str, bot_hash: str, build: str) -> None:
        """What runs here."""
        self._info.info({"bot": bot, "run": run, "bot_hash": bot_hash, "build": build})

    def state(self, now: str, before: str) -> None:
        """The session's state, in the words of its own table."""
        if before:
            self._states.labels(before).set(0)
        self._states.labels(now).set(1)

    def reconnected(self, feed: str) -> None:
        """A stream was lost and is there again."""
        self._reconnects.labels(feed).inc()

    def bar(self, close_ms: int) -> None:
        """A bar was decided upon."""
        self._bars.inc()
        self._bar_close.set(close_ms / 1000)

    def order(self, leg: Leg, outcome: Outcome, *, code: int | None = None) -> None:
        """What became of an order; `code` is the exchange's, of a rejected one."""
        self._orders.labels(leg, outcome).inc()
        if outcome == "rejected":
            self._rejects.labels("none" if code is None else str(code)).inc()

    def order_left(self, after_close_ms: int) -> None:
        """The first byte of an order left so long after the close that it was decided at."""
        self._latency.observe(max(after_close_ms, 0) / 1000)

    def entry_ended(self, filled_ratio: float) -> None:
        """How much of an entry was filled in the end, 0 to 1."""
        self._fill_ratio.set(filled_ratio)

    def unprotected(self, more_ms: int) -> None:
        """The position had no stop for so much longer."""
        self._unprotected.inc(more_ms / 1000)

    def account(self, *, equity: float, realised: float, unrealised: float, position: float) -> None:
        """As last marked, in USDT; `position` is signed."""
        self._equity.set(equity)
        self._realised.set(realised)
        self._unrealised.set(unrealised)
        self._position.set(position)

    def budget(self, *, weight: float, weight_max: float, orders: float, orders_max: float) -> None:
        """The exchange's counts of the running minute, and their limits."""
        self._weight.set(weight)
        self._weight_max.set(weight_max)
        self._order_count.set(orders)
        self._order_count_max.set(orders_max)

    def clock_offset(self, offset_ms: float) -> None:
        """The exchange's clock minus ours."""
        self._offset.set(offset_ms / 1000)

    def alerts_waiting(self, letters: int) -> None:
        """Letters in the outbox."""
        self._backlog.set(letters)

    def ask(
        self,
        *,
        ready: Callable[[], bool],
        feed_age_s: Callable[[str], float],
        unprotected_s: Callable[[], float],
    ) -> None:
        """What is reckoned at each scrape."""
        self._ready.set_function(lambda: float(ready()))
        self._unprotected_now.set_function(unprotected_s)
        for feed in self._feeds:
            self._feed_age.labels(feed).set_function(_bound(feed_age_s, feed))

    def scrape(self) -> bytes:
        """All metrics as Prometheus reads them."""
        return generate_latest(self.registry)

    def _make_order_metrics(self) -> None:
        to = self.registry
        self._orders = Counter("runner_orders", "By leg and outcome.", ("leg", "outcome"), registry=to)
        for leg in LEGS:
            for outcome in OUTCOMES:
                self._orders.labels(leg, outcome)
        self._rejects = Counter(
            "runner_order_rejects", "Orders that the exchange refused, by its code.", ("code",), registry=to
        )
        self._latency = Histogram(
            "runner_bar_close_to_order_seconds",
            "From the close of a bar to the first byte of the order decided at it.",
            buckets=_LATENCY_S,
            registry=to,
        )
        self._fill_ratio = Gauge(
            "runner_entry_fill_ratio", "Filled share of the last entry that has ended.", registry=to
        )
        self._fill_ratio.set(float("nan"))
        self._unprotected = Counter(
            "runner_unprotected_seconds", "How long positions have had no stop.", registry=to
        )
        self._unprotected_now = Gauge(
            "runner_unprotected_current_seconds", "The same, of this very gap; 0: there is none.", registry=to
        )

    def _make_session_metrics(self, states: Sequence[str], feeds: Sequence[str]) -> None:
        to = self.registry
        self._feeds = tuple(feeds)
        self._info = Info("runner_session", "What runs here.", registry=to)
        self._states = Gauge("runner_session_state", "1 for the state it is in.", ("state",), registry=to)
        for state in states:
            self._states.labels(state).set(0)
        self._ready = Gauge("runner_ready", "1 when new risk may be taken.", registry=to)
        self._feed_age = Gauge("runner_feed_age_seconds", "Since it was last heard.", ("feed",), registry=to)
        self._reconnects = Counter("runner_reconnects", "Streams lost and found.", ("feed",), registry=to)
        for feed in feeds:
            self._reconnects.labels(feed)
        self._bars = Counter("runner_bars", "Bars decided upon.", registry=to)
        self._bar_close = Gauge(
            "runner_bar_close_timestamp_seconds", "Close of the last bar decided upon.", registry=to
        )
        self._backlog = Gauge("runner_alert_backlog", "Alerts that wait for a sink.", registry=to)

    def _make_account_metrics(self) -> None:
        to = self.registry
        self._equity = Gauge("runner_equity_usdt", "Wallet plus unrealised profit.", registry=to)
        self._realised = Gauge("runner_realised_pnl_usdt", "Profit booked in this run.", registry=to)
        self._unrealised = Gauge("runner_unrealised_pnl_usdt", "Profit at the mark price.", registry=to)
        self._position = Gauge("runner_position_quantity", "Signed: long is positive.", registry=to)
        self._weight = Gauge("runner_weight_used", "Request weight of the running minute.", registry=to)
        self._weight_max = Gauge("runner_weight_limit", "The exchange's limit of it.", registry=to)
        self._order_count = Gauge("runner_order_count_used", "Orders of the running minute.", registry=to)
        self._order_count_max = Gauge("runner_order_count_limit", "The exchange's limit of it.", registry=to)
        self._offset = Gauge("runner_clock_offset_seconds", "The exchange's clock minus ours.", registry=to)


def _bound(feed_age_s: Callable[[str], float], feed: str) -> Callable[[], float]:
    return lambda: feed_age_s(feed)
