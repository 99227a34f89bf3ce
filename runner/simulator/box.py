"""The exchange in its box: the model, its market, and what stands before them: limits, keys, faults, streams.

In: an exchange, a player, faults, a seed, whose key is whose. Out: one value that both skins share;
`advance_to` and `play_bar` move its time, `settle` lets faults strike and tells listeners what happened.
Refuses to know: HTTP, sockets, JSON of replies.

Two clocks: the exchange's own, virtual one, by which everything is judged; and the machine's, where there is
one, by which clients with timers of their own keep listen keys and connections.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from runner.domain.time import TIMEFRAMES
from runner.simulator.events import Candle
from runner.simulator.exchange import Exchange
from runner.simulator.fault_names import SETUP
from runner.simulator.faults import Fault
from runner.simulator.feed_faults import FeedFaults
from runner.simulator.history import Span
from runner.simulator.limits import Caps, Limits
from runner.simulator.listen_keys import ListenKeys
from runner.simulator.mischief import Mischief
from runner.simulator.past import Past
from runner.simulator.player import Player
from runner.simulator.reel import BOUNDARY
from runner.simulator.refusal import Refused
from runner.simulator.streams import Hub
from runner.simulator.strikes import LIFTS, STRIKES
from runner.simulator.types import AccountView

MAIN = "main"


@dataclass(frozen=True, slots=True)
class Login:
    """What a client signs with, and whose money that is."""

    key: str
    secret: str
    account: str = MAIN


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that struck at its time, and what the exchange said to it."""

    time_ms: int
    text: str
    outcome: str


@dataclass(slots=True, kw_only=True)
class Setting:
    """How the box stands: `wall` is the machine's clock, None in memory."""

    logins: tuple[Login, ...] = (Login("key", "secret"),)
    caps: Caps = field(default_factory=Caps)
    wall: Callable[[], int] | None = None
    seed: int = 0


class Box:
    """One exchange with everything before it."""

    def __init__(
        self, exchange: Exchange, player: Player, setting: Setting, faults: Iterable[Fault] = ()
    ) -> None:
        self.exchange, self.player, self.setting = exchange, player, setting
        self.mischief = Mischief((), setting.seed)
        self.limits = Limits(setting.caps)
        self.keys = ListenKeys(self.timer_ms, setting.seed)
        self.past = Past(exchange, self._lag_ms)
        self.feed_faults = FeedFaults()
        self.hub = Hub(self)
        self.struck: list[Struck] = []
        self._logins: Mapping[str, Login] = {one.key: one for one in setting.logins}
        for fault in faults:
            self.arm(fault)
        self.settle()

    @property
    def now_ms(self) -> int:
        """The exchange's clock."""
        return self.exchange.now_ms

    @property
    def shown_ms(self) -> int:
        """The time that the exchange shows and judges timestamps by."""
        return self.now_ms + self.skew_ms

    @property
    def skew_ms(self) -> int:
        """How far the exchange's clock runs ahead, by fault."""
        fault = self.holding("clk.skew")
        return fault.whole(0) if fault else 0

    def timer_ms(self) -> int:
        """The clock that clients' timers go by."""
        return self.setting.wall() if self.setting.wall else self.now_ms

    def login(self, key: str) -> Login | None:
        """Who this API key belongs to."""
        return self._logins.get(key)

    def arm(self, fault: Fault) -> None:
        """One more fault."""
        if fault.name == "ex.read_lag":
            self.past.record()
        self.mischief.arm(fault)

    def holding(self, name: str) -> Fault | None:
        """The fault of this name that holds now."""
        return self.mischief.holding(name, self.now_ms)

    def is_on(self, name: str) -> bool:
        """Does a fault that is switched on and off hold now, switched on?"""
        fault = self.holding(name)
        return fault is not None and fault.word(0, "on") == "on"

    @property
    def has_averages(self) -> bool:
        """Do replies to writes carry avgPrice and cumQuote?"""
        return self.exchange.switches.replies_have_averages

    @property
    def algo_cap(self) -> int | None:
        """How many conditional orders a fault allows."""
        fault = self.holding("ex.algo_cap")
        return fault.whole(0) if fault else None

    def history_ms(self, otherwise: int) -> int:
        """How far back reads go."""
        fault = self.holding("ex.short_history")
        return fault.whole(0) if fault else otherwise

    def updated_ms(self, view: AccountView) -> int:
        """`updateTime` of the balance; clients skip rows that carry 0."""
        return 0 if self.is_on("ex.update_time_zero") else view.updated_ms

    def order_limits(self) -> list[dict[str, Any]]:
        """What exchangeInfo and rateLimit/order say about orders."""
        caps = self.limits.caps
        spans = (("MINUTE", 1, caps.orders_minute), ("SECOND", 10, caps.orders_10s))
        return [
            {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit}
            for interval, number, limit in spans
        ]

    def bars(
        self, symbol: str, timeframe_ms: int, kind: str, span: tuple[int | None, int | None], limit: int
    ) -> list[Candle]:
        """Bars as the market data service gives them, the last one running."""
        end_ms = span[1]
        freeze = self.holding("feed.freeze")
        if freeze:
            end_ms = freeze.from_ms if end_ms is None else min(end_ms, freeze.from_ms)
        found = self.player.klines(symbol, timeframe_ms, Span(None, span[0], end_ms, limit), kind)
        return self.feed_faults.applied(found, timeframe_ms)

    def mark_at(self, symbol: str, time_ms: int) -> Decimal | None:
        """The mark price at the open of the bar of a time, as far as it was played."""
        frame_ms = TIMEFRAMES[self.player.timeframes(symbol)[0]]
        found = self.player.klines(symbol, frame_ms, Span(None, None, time_ms, 1), "mark")
        return found[-1].open if found else None

    def advance_to(self, now_ms: int) -> None:
        """Play the market up to then. Faults strike in between, at their own times."""
        while (due_ms := self.mischief.next_ms()) is not None and self.now_ms < due_ms <= now_ms:
            self.player.advance_to(due_ms)
            self.settle()
        if now_ms > self.now_ms:
            self.player.advance_to(now_ms)
        self.settle()

    def play_bar(self) -> int | None:
        """Play to the next close of a bar, and of all bars that close then; None when all is played."""
        while (due_ms := self.mischief.next_ms()) is not None:
            next_ms = self.player.next_ms()
            if next_ms is None:
                return None
            if self.now_ms < due_ms < next_ms:
                self.player.advance_to(due_ms)
                self.settle()
                continue
            is_boundary = self.player.step() == BOUNDARY
            self.settle()
            if is_boundary and not (
                self.player.next_ms() == self.now_ms and self.player.next_kind() == BOUNDARY
            ):
                return self.now_ms
        reached_ms = self.player.run_to_boundary()
        self.settle()
        return reached_ms

    def settle(self) -> None:
        """Let due faults strike, then tell what happened since the last time."""
        for fault, is_lifting in self.mischief.moments(self.now_ms):
            self.struck.append(Struck(self.now_ms, fault.text, self._strike(fault, is_lifting)))
        events = self.exchange.take_events()
        if events:
            self.past.note(events)
            self.hub.publish(events)
        self.hub.tick()

    def _strike(self, fault: Fault, is_lifting: bool) -> str:
        table = LIFTS if is_lifting else STRIKES
        if is_lifting and fault.name not in table:
            return "over"
        try:
            table[fault.name](self, fault)
        except Refused as no:
            return str(no)
        return "over" if is_lifting else "done"

    def _lag_ms(self, kind: str) -> int:
        fault = self.holding("ex.read_lag")
        if fault is None or fault.word(1, "all") not in ("all", kind):
            return 0
        return fault.whole(0)


def needs_setup(fault: Fault) -> bool:
    """Is this a fault that only a new exchange can be given?"""
    return fault.kind.bites == SETUP
