"""What a run left behind: the exchange's own log, the journal, and what the door between them saw.

In: entries of the truth log, lines of a journal, contacts, spans. Out: `Histories`, and foldings of both
sides.
Refuses to know: how the bot works. Nothing of runner.live or runner.core is imported here or by the judges.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from runner.domain.entry import Recorded
from runner.simulator.events import AlgoEvent, OrderEvent
from runner.simulator.log import Entry as Truth
from runner.simulator.log import Refusal
from runner.simulator.types import AlgoOrder, NewAlgo, NewOrder, Order, Trade

Found = Iterator[str]  # what a judge finds, in words

BACKOFF_MS_MAX = 10_000  # a bot that asks no more for longer than this is not excused by the failure before
_NAME = re.compile(r"([a-z2-7]{6})-([a-z2-7]{16})-(?:([exs])|t([0-3])\.)(\d{1,4})")


class Name(NamedTuple):
    """A client id of a bot's: `leg` e entry, x exit, s stop, t target."""

    tag: str
    intent: str
    leg: str
    attempt: int


def read_name(text: str) -> Name | None:
    """The parts of a client id; None: somebody else's."""
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    tag, intent, leg, _, attempt = found.groups()
    return Name(tag, intent, leg or "t", int(attempt))


class Contact(NamedTuple):
    """One request of the bot's as the door saw it. `answered`: a whole reply of the exchange came back."""

    sent_ms: int
    done_ms: int
    method: str
    path: str
    is_private: bool
    answered: bool
    status: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed for the run, and how long things may take. Times in ms."""

    symbol: str
    tag: str
    notional_usdt_max: Decimal
    leverage: int
    orders_minute_max: int = 60
    band_ratio: Decimal = Decimal("0.06")
    cooldown_ms: int = 0
    protect_ms: int = 5_000
    silent_ms: int = 15_000  # a stop that has triggered and does nothing: noticed and answered
    orphan_ms: int = 30_000
    lag_ms: int = 3_000  # between what the exchange did and what its reads showed
    live_ms: int = 120_000
    slack_ms: int = 0  # between a look at the clock and the stamp, where time passes while programs run
    account: str = "main"
    limit_flattens: bool = False  # a loss limit has a price among the stops, and goes with what is open


@dataclass(frozen=True, slots=True)
class Histories:
    """`marks`: how long the truth log was when a journal line was committed. `alive`: spans of processes.
    `by_hand`: entries of the log that somebody else than the bot asked for.
    """

    terms: Terms
    truth: Sequence[Truth]
    journal: Sequence[Recorded]
    marks: Mapping[int, int] = field(default_factory=dict)
    alive: Sequence[tuple[int, int]] = ()
    contacts: Sequence[Contact] = ()
    by_hand: frozenset[int] = frozenset()
    genesis: str = ""
    mute: Sequence[tuple[int, int]] = ()  # spans in which the journal took nothing
    deaf: Sequence[tuple[int, int]] = ()  # spans in which faults kept private calls from being answered
    end_ms: int = 0
    is_quiet: bool = True  # faults were over for long enough when the run ended
    repeated: int = 0  # entries that a second reconcile at the end added

    def mark(self, seq: int) -> int:
        """Where the truth stood when this line was committed."""
        return self.marks.get(seq, 0)

    def ours(self, client_id: str) -> Name | None:
        """The parts of a client id of this bot's."""
        name = read_name(client_id)
        return name if name is not None and name.tag == self.terms.tag else None

    def owner(self, order: Order) -> Name | None:
        """The parts of our client id behind an order: its own, or that of the stop whose child it is."""
        name = self.ours(order.client_id)
        return (
            name
            if name is not None or order.algo_id is None
            else self.ours(self.parents().get(order.algo_id, ""))
        )

    def parents(self) -> Mapping[int, str]:
        """Client ids of conditional orders by their number."""
        algos = (entry.payload.algo for entry in self.truth if isinstance(entry.payload, AlgoEvent))
        return {algo.algo_id: algo.client_id for algo in algos}

    def sent(self) -> Iterator[tuple[Truth, NewOrder | NewAlgo, Name, bool]]:
        """Orders of the bot's that reached the exchange, and whether it took them."""
        for at, entry in enumerate(self.truth):
            command = entry.payload
            if entry.seq in self.by_hand or not isinstance(command, NewOrder | NewAlgo):
                continue
            name = self.ours(command.client_id or "")
            if name is not None:
                after = self.truth[at + 1].payload if at + 1 < len(self.truth) else None
                yield entry, command, name, not isinstance(after, Refusal)

    def trades(self) -> Iterator[tuple[Truth, Order, Trade]]:
        """Executions in the symbol, in order."""
        for entry in self.truth:
            event = entry.payload
            if (
                isinstance(event, OrderEvent)
                and event.trade is not None
                and event.order.symbol == self.terms.symbol
            ):
                yield entry, event.order, event.trade

    def reachable(self) -> list[tuple[int, int]]:
        """Spans in which a process lived and its private calls were answered."""
        spans: list[tuple[int, int]] = []
        for begin, end in self.alive:
            up_ms: int | None = None
            deaf_until = 0
            for contact in self.contacts:
                barred = contact.status in (418, 429)
                if not (contact.is_private or barred) or not begin <= contact.sent_ms <= end:
                    continue
                if contact.answered:
                    up_ms = min(contact.done_ms, end) if up_ms is None else up_ms
                    continue
                if up_ms is not None and contact.sent_ms > up_ms:
                    spans.append((up_ms, contact.sent_ms))
                up_ms = None
                deaf_until = contact.done_ms + BACKOFF_MS_MAX
                if not barred:
                    following = [
                        one.done_ms
                        for one in self.contacts
                        if one.is_private and one.answered and one.done_ms >= contact.done_ms
                    ]
                    if not following or min(following) > deaf_until:
                        up_ms = deaf_until
            if up_ms is not None and up_ms < end:
                spans.append((up_ms, end))
        return [piece for span in spans for piece in without(span, self.deaf)]


def without(span: tuple[int, int], holes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of a stretch of time."""
    left, found = span[0], list[tuple[int, int]]()
    for begin, end in sorted(holes):
        if end > left and begin < span[1]:
            if begin > left:
                found.append((left, begin))
            left = max(left, end)
    return [*found, (left, span[1])] if left < span[1] else found


def within(spans: Sequence[tuple[int, int]], from_ms: int, to_ms: int) -> int:
    """How much of a stretch of time lies in the spans."""
    return sum(max(0, min(end, to_ms) - max(begin, from_ms)) for begin, end in spans)


@dataclass(slots=True)
class Exchange:
    """The exchange's side folded: the position and what is open, after each entry of its log."""

    terms: Terms
    position: Decimal = Decimal(0)
    orders: dict[str, Order] = field(default_factory=dict)
    algos: dict[str, AlgoOrder] = field(default_factory=dict)

    def take(self, entry: Truth) -> None:
        """One more entry."""
        event = entry.payload
        if isinstance(event, OrderEvent) and event.order.symbol == self.terms.symbol:
            order = event.order
            if event.trade is not None:
                self.position += event.trade.quantity if event.trade.side == "BUY" else -event.trade.quantity
            key = f"{order.client_id}/{order.order_id}"
            if order.is_open:
                self.orders[key] = order
            else:
                self.orders.pop(key, None)
        elif isinstance(event, AlgoEvent) and event.algo.symbol == self.terms.symbol:
            if event.algo.status in ("NEW", "TRIGGERING", "TRIGGERED"):
                self.algos[event.algo.client_id] = event.algo
            else:
                self.algos.pop(event.algo.client_id, None)

    def own_open(self, tag: str) -> set[str]:
        """Client ids of ours in both books; a triggered stop's market order counts as the stop."""
        plain = {order.client_id for order in self.orders.values()}
        names = plain | set(self.algos)
        return {one for one in names if (name := read_name(one)) is not None and name.tag == tag}

    def triggering(self) -> set[str]:
        """Stops between trigger and order, which nobody can cancel."""
        return {name for name, algo in self.algos.items() if algo.status == "TRIGGERING"}

    def is_covered(self, *, silent: bool) -> bool:
        """Whether a live stop on the right side is enough for the position. `silent`: one that is
        triggering counts.
        """
        if self.position == 0:
            return True
        side, needed = ("SELL", self.position) if self.position > 0 else ("BUY", -self.position)
        good = ("NEW", "TRIGGERING", "TRIGGERED") if silent else ("NEW",)
        return any(
            algo.side == side
            and algo.type == "STOP_MARKET"
            and algo.status in good
            and (algo.close_position or algo.quantity >= needed)
            for algo in self.algos.values()
        )
