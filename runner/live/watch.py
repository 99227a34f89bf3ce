"""A stop that rests is not a stop that works: looked at all the time. So is the time itself.

In: a desk, the last and the mark price. Out: journal entries when protection comes or goes, and when a stop
does nothing that has triggered or should have; whether the process stood still.
Refuses to know: what is done about it.
"""

from dataclasses import dataclass
from decimal import Decimal

from runner.domain.order_event import Protected
from runner.domain.session_event import Mismatched
from runner.live.actions import Phase, is_protected
from runner.live.book import STOP_HANGS, STOP_SILENT
from runner.live.desk import Desk
from runner.live.gate import INPUT_AGE_MS_MAX
from runner.live.ids import Leg
from runner.live.wanted import exact, held_quantity

STOP_SILENT_MS = 5_000  # the price has reached the stop for so long, and nothing happened


@dataclass(slots=True)
class Watch:
    """What was seen last."""

    desk: Desk
    due_since_ms: int = 0
    was_protected: bool = True
    looked_ms: int = 0

    def woke(self) -> bool:
        """Whether the process stood still for so long since the last look (stopped, its machine suspended)
        that what it knows is too old: new risk passes the gate again when the account has been read.
        """
        before_ms, self.looked_ms = self.looked_ms, self.desk.clock.now_ms()
        oldest_ms = self.looked_ms - INPUT_AGE_MS_MAX
        return 0 < before_ms < oldest_ms and self.desk.account_ms < oldest_ms

    def look(self, mark: Decimal | None, last: Decimal | None, told_ms: int) -> bool:
        """One look at the stop, by the price that triggers it as it was at `told_ms`: one that is too old is
        none, for the stop may have followed a price that is not known. True: the account has to be read, for
        from now on the stop should be executing, and perhaps it did.
        """
        before_ms = self.due_since_ms
        price = mark if self.desk.book.plan.stop.on_mark else last
        self._stop(price if self.desk.clock.now_ms() - told_ms <= STOP_SILENT_MS else None)
        self._protection()
        return before_ms == 0 < self.due_since_ms

    def _stop(self, price: Decimal | None) -> None:
        """A stop is silent for so long, and no execution of it was found by reading since it was due."""
        book, now = self.desk.book, self.desk.clock.now_ms()
        what = "" if book.beyond_stop else self._fault(price)
        if not what:
            self.due_since_ms = 0
        elif self.due_since_ms == 0:
            self.due_since_ms = now
        elif now - self.due_since_ms > STOP_SILENT_MS and self.desk.account_ms >= self.due_since_ms:
            symbol, level = self.desk.identity.symbol, book.state.orders.stop.price
            silent = Mismatched(symbol, what, f"{level}", f"{price}", "leave at the market")
            self.desk.record(self.desk.entry(silent))

    def _fault(self, price: Decimal | None) -> str:
        """Why the stop should be executing now; "" when it need not. It has triggered, wherever the price
        went from there, and nothing else covers the position; or the price is there or beyond.
        """
        book = self.desk.book
        stop, held = book.state.orders.stop, held_quantity(book.plan, book.state)
        if held == 0 or stop.price <= 0.0:
            return ""
        has_triggered = any(o.id.leg is Leg.STOP and o.phase is Phase.TRIGGERED for o in book.live_orders)
        if has_triggered and not is_protected((o for o in book.live_orders if o.phase is Phase.OPEN), held):
            return STOP_HANGS
        level = exact(stop.price, book.plan.instrument.tick_size)
        is_reached = price is not None and (price - level) * held <= 0
        return STOP_SILENT if is_reached else ""

    def _protection(self) -> None:
        book = self.desk.book
        protected = is_protected(book.live_orders, held_quantity(book.plan, book.state))
        if protected != self.was_protected:
            self.was_protected = protected
            self.desk.record(self.desk.entry(Protected(self.desk.identity.symbol, protected)))
