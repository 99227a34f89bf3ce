"""A stop that rests is not a stop that works: looked at all the time. So is the time itself.

In: a desk, the last and the mark price. Out: journal entries when protection comes or goes, and when the
price is through a stop that does nothing; whether the process stood still.
Refuses to know: what is done about it.
"""

from dataclasses import dataclass
from decimal import Decimal

from runner.domain.order_event import Protected
from runner.domain.session_event import Mismatched
from runner.live.actions import is_protected
from runner.live.book import STOP_SILENT
from runner.live.desk import Desk
from runner.live.gate import INPUT_AGE_MS_MAX
from runner.live.wanted import held_quantity

STOP_SILENT_MS = 5_000  # the price is through the stop for so long, and nothing happened


@dataclass(slots=True)
class Watch:
    """What was seen last."""

    desk: Desk
    through_since_ms: int = 0
    was_protected: bool = True
    looked_ms: int = 0

    def woke(self) -> bool:
        """Whether the process stood still for so long since the last look (stopped, its machine suspended)
        that what it knows is too old: new risk passes the gate again when the account has been read.
        """
        before_ms, self.looked_ms = self.looked_ms, self.desk.clock.now_ms()
        oldest_ms = self.looked_ms - INPUT_AGE_MS_MAX
        return 0 < before_ms < oldest_ms and self.desk.account_ms < oldest_ms

    def look(self, mark: Decimal | None, last: Decimal | None) -> None:
        """One look at the stop, by the price that triggers it."""
        self._stop(mark if self.desk.book.plan.stop.on_mark else last)
        self._protection()

    def _stop(self, price: Decimal | None) -> None:
        book, now = self.desk.book, self.desk.clock.now_ms()
        stop, held = book.state.orders.stop, book.state.position.quantity
        beyond = price is not None and (float(price) - stop.price) * held < 0.0
        if not beyond or held == 0.0 or stop.price <= 0.0 or book.beyond_stop:
            self.through_since_ms = 0
        elif self.through_since_ms == 0:
            self.through_since_ms = now
        elif now - self.through_since_ms > STOP_SILENT_MS:
            symbol = self.desk.identity.symbol
            silent = Mismatched(symbol, STOP_SILENT, f"{stop.price}", f"{price}", "leave at the market")
            self.desk.record(self.desk.entry(silent))

    def _protection(self) -> None:
        book = self.desk.book
        protected = is_protected(book.live_orders, held_quantity(book.plan, book.state))
        if protected != self.was_protected:
            self.was_protected = protected
            self.desk.record(self.desk.entry(Protected(self.desk.identity.symbol, protected)))
