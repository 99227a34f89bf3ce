"""From each order back to what caused it: bar, rule, operator, or a duty to protect.

In: a run's entries in order. Out: one chain for each intent; what operators did; what has no cause.
Refuses to know: databases, how any of it is printed. An order whose cause is not in the journal is a fault of
ours or of the journal: it is reported, never left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from runner.domain.entry import Recorded
from runner.domain.order_event import (
    Answered,
    Filled,
    Intended,
    OrderUpdated,
    Resolved,
    Sending,
)
from runner.domain.session_event import BarClosed, Commanded, Decided, Halted, Resumed, RolledBack, RunStarted

PROTECTING = frozenset({"protect", "stop_loss", "trailing_stop", "break_even", "take_profit", "liquidation"})
_REMEMBERED_MAX = 64  # bars: a limit entry may be sent late
BY_HAND, BY_RECOVERY = "operator", "recovery"


@dataclass(slots=True)
class OrderStory:
    """One order: what it was meant as, and all that the journal says about it."""

    client_id: str
    intended: Recorded | None
    lines: list[Recorded] = field(default_factory=list)

    @property
    def venue_order_id(self) -> str:
        """The exchange's id, once it told one."""
        for line in reversed(self.lines):
            event = line.entry.event
            found = event.order.venue_order_id if isinstance(event, OrderUpdated) else ""
            found = event.venue_order_id if isinstance(event, Answered | Filled | Resolved) else found
            if found:
                return found
        return ""


@dataclass(slots=True)
class Chain:
    """One intent, from its orders back to its cause. `command` stands for what a hand did."""

    intent: str
    orders: dict[str, OrderStory] = field(default_factory=dict)
    bar: Recorded | None = None
    decided: Recorded | None = None
    command: Recorded | None = None

    @property
    def intended(self) -> Recorded | None:
        """The first intention: that of the entry where there is one."""
        return next((story.intended for story in self.orders.values() if story.intended), None)

    @property
    def fault(self) -> str:
        """What is missing between order and cause; empty when nothing is."""
        unmeant = [story.client_id for story in self.orders.values() if story.intended is None]
        if unmeant:
            return f"{', '.join(unmeant)} was sent and never meant"
        first = self.intended
        if first is None or not isinstance(first.entry.event, Intended):
            return "nothing was meant"
        rule = first.entry.event.rule
        if rule == BY_HAND and self.command is None:
            return "no command of an operator stands before it"
        if rule.startswith("entry") and (self.bar is None or self.decided is None):
            return "no bar and no decision stand before it"
        return ""


@dataclass(slots=True)
class Audit:
    """All of a run. `fills`: those without an order of ours (over stored bars, by a hand at the exchange)."""

    started: RunStarted | None = None
    entries: int = 0
    chains: dict[str, Chain] = field(default_factory=dict)
    commands: list[Recorded] = field(default_factory=list)
    fills: list[Recorded] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Every order whose cause is not there."""
        return [f"intent {chain.intent}: {chain.fault}" for chain in self.chains.values() if chain.fault]

    def find(self, name: str) -> list[Chain]:
        """Chains with an order or intent of this name: a client id or its beginning, the exchange's id."""
        return [
            chain
            for chain in self.chains.values()
            if chain.intent.startswith(name)
            or any(
                story.client_id.startswith(name) or story.venue_order_id == name
                for story in chain.orders.values()
            )
        ]


def audit(lines: Iterable[Recorded]) -> Audit:
    """The chains of a run. Of bars and decisions that led to nothing only the last few are remembered."""
    found = Audit()
    bars: dict[int, Recorded] = {}
    decisions: dict[int, Recorded] = {}
    for line in lines:
        found.entries += 1
        event, at_ms = line.entry.event, line.entry.bar_ms
        match event:
            case RunStarted():
                found.started = found.started or event
            case BarClosed():
                _remember(bars, event.bar.close_time_ms, line)
            case Decided() if at_ms is not None:
                _remember(decisions, at_ms, line)
            case Commanded() | Halted() | Resumed() | RolledBack():
                found.commands.append(line)
            case _ if line.entry.intent or line.entry.client_id:
                _follow(found, line, bars, decisions)
            case Filled():
                found.fills.append(line)
            case _:
                pass
    return found


def _remember(lines: dict[int, Recorded], at_ms: int, line: Recorded) -> None:
    lines[at_ms] = line
    if len(lines) > _REMEMBERED_MAX:
        del lines[next(iter(lines))]


def _follow(found: Audit, line: Recorded, bars: dict[int, Recorded], decisions: dict[int, Recorded]) -> None:
    entry = line.entry
    intent = entry.intent or _intent_of(found, entry.client_id or "")
    chain = found.chains.setdefault(intent, Chain(intent))
    if isinstance(entry.event, Intended):
        if not chain.orders:
            at_ms = entry.bar_ms if entry.bar_ms is not None else next(reversed(bars), -1)
            chain.bar, chain.decided = bars.get(at_ms), decisions.get(at_ms)
            chain.command = found.commands[-1] if found.commands else None
        for leg in entry.event.legs:
            chain.orders.setdefault(leg.request.client_id, OrderStory(leg.request.client_id, line))
        return
    if entry.client_id is None:
        return
    story = chain.orders.get(entry.client_id)
    if story is None:
        story = OrderStory(entry.client_id, _meant(chain, line))
        chain.orders[entry.client_id] = story
    story.lines.append(line)


def _meant(chain: Chain, line: Recorded) -> Recorded | None:
    """Of a second attempt: the intention of the first one of the same leg."""
    client_id = line.entry.client_id or ""
    leg = client_id.rstrip("0123456789")
    earlier = [story for story in chain.orders.values() if story.client_id.rstrip("0123456789") == leg]
    if isinstance(line.entry.event, Sending) and (line.entry.attempt or 1) == 1:
        return None
    return earlier[0].intended if earlier else None


def _intent_of(found: Audit, client_id: str) -> str:
    """The intent that an order without one belongs to; its own id where none does."""
    return next((intent for intent, chain in found.chains.items() if client_id in chain.orders), client_id)
