"""Wanted against actual: what to send next so that what rests becomes what should rest.

In: wanted legs, our orders as far as we know them, the position, an instant. Out: actions, urgent ones first.
Refuses to know: the core, the journal, the wire. Pure: it is asked again after every change.
Rules: a stop is created before the one it replaces is cancelled; nothing is sent twice while its fate is
unknown, but for a stop, of which two do no harm; an exit goes out after the targets that hold its quantity
are gone, or after a second; new risk waits until nothing is unknown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from runner.domain.venue import Kind, Request
from runner.live.ids import ClientId, Leg
from runner.live.wanted import Wanted

STOP_UNKNOWN_MS_MAX = 1_500  # a position does not wait longer for a stop of unknown fate: another one is sent
EXIT_UNKNOWN_MS_MAX = 3_500  # a lost exit cannot arrive any more: another one, which can only reduce, is sent
DOUBLINGS_MAX = 3  # of either, while one after the other has no answer
EXIT_WAITS_MS_MAX = 1_000  # for the cancels of targets, which may hold the quantity that an exit needs


class Phase(StrEnum):
    """How far one of our orders has come."""

    SENDING = "sending"  # journaled, perhaps sent
    UNKNOWN = "unknown"  # sent, and no answer that could be trusted
    OPEN = "open"  # the exchange has it: resting or partly filled
    TRIGGERED = "triggered"  # an algo order whose market order is under way
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Own:
    """One of our orders. `sent_ms` by our clock; `cancel_ms` 0: no cancel was asked for."""

    id: ClientId
    request: Request
    phase: Phase
    filled: Decimal
    sent_ms: int
    cancel_ms: int = 0
    signed_ms: int = 0  # by the exchange's clock

    @property
    def left(self) -> Decimal:
        """What of it is not filled."""
        return self.request.quantity - self.filled

    @property
    def is_taking(self) -> bool:
        """Whether it is executing at the market, or may be."""
        return self.phase is Phase.TRIGGERED or self.request.kind is Kind.MARKET


@dataclass(frozen=True, slots=True)
class Place:
    """Send this leg."""

    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel this order of ours."""

    own: Own


Action = Place | Cancel


@dataclass(frozen=True, slots=True)
class Holding:
    """The position as our executions make it, and as the exchange told it last; None: not told yet."""

    ours: Decimal
    theirs: Decimal | None

    @property
    def is_surely_flat(self) -> bool:
        """Whether nothing is left that a stop could be for."""
        return self.ours == 0 and self.theirs == 0


def next_actions(
    wanted: Sequence[Wanted], own: Iterable[Own], held: Holding, now_ms: int, *, stop_failed: bool = False
) -> list[Action]:
    """What to do now, in this order. Empty: all is as it should be, or an answer is awaited.

    `stop_failed`: an algo order that triggered is not believed to execute any more.
    """
    standing = [order for order in own if order.phase is not Phase.ENDED]
    leaving = [leg for leg in wanted if leg.kind is Kind.MARKET and leg.leg in (Leg.EXIT, Leg.STOP)]
    return [
        *_protect(wanted, standing, held, now_ms),
        *_leave(leaving[:1], [o for o in standing if not (stop_failed and _is_triggered(o))], now_ms),
        *([] if leaving else _targets(wanted, standing)),
        *_enter(wanted, standing, is_leaving=bool(leaving)),
    ]


def is_protected(own: Iterable[Own], held: Decimal) -> bool:
    """Whether orders on the right side that rest, or are closing it now, cover the position."""
    if held == 0:
        return True
    side = -1 if held > 0 else 1
    return any(
        order.id.leg is Leg.STOP
        and order.phase in (Phase.OPEN, Phase.TRIGGERED)
        and order.request.side == side
        and order.left >= abs(held)
        for order in own
    )


def _is_triggered(order: Own) -> bool:
    return order.phase is Phase.TRIGGERED


def _of(standing: Iterable[Own], leg: Leg) -> list[Own]:
    return [order for order in standing if order.id.leg is leg]


def _cancels(orders: Iterable[Own]) -> list[Action]:
    """A cancel for each that rests and is not being cancelled yet."""
    return [Cancel(order) for order in orders if order.phase is Phase.OPEN and order.cancel_ms == 0]


def _protect(wanted: Sequence[Wanted], standing: Sequence[Own], held: Holding, now_ms: int) -> list[Action]:
    stops = [order for order in _of(standing, Leg.STOP) if order.request.kind is not Kind.MARKET]
    leg = next((leg for leg in wanted if leg.leg is Leg.STOP), None)
    if leg is None:
        return _cancels(stops) if held.is_surely_flat else []
    if leg.kind is Kind.MARKET or any(order.phase is Phase.TRIGGERED for order in stops):
        return []  # it is leaving: what rests may go on resting, it can only reduce
    resting = [order for order in stops if order.phase is Phase.OPEN and order.cancel_ms == 0]
    fitting = [order for order in resting if _fits(leg, order) and order.left >= leg.quantity]
    if fitting:
        return _cancels(order for order in stops if order is not fitting[0])
    awaited = [order for order in stops if order.phase in (Phase.SENDING, Phase.UNKNOWN)]
    covered = any(order.left >= leg.quantity for order in resting)
    patience_ms = _patience_ms(STOP_UNKNOWN_MS_MAX, awaited)
    patient = covered or any(now_ms - order.sent_ms < patience_ms for order in awaited)
    return [] if awaited and patient else [Place(leg)]


def _leave(leaving: Sequence[Wanted], standing: Sequence[Own], now_ms: int) -> list[Action]:
    """A market order that can only reduce, once what holds its quantity is out of the way."""
    if not leaving:
        return []
    blocking = [order for order in standing if order.id.leg in (Leg.TARGET, Leg.ENTRY)]
    actions = _cancels(blocking)
    exits = [o for o in standing if o.request.kind is Kind.MARKET and o.id.leg in (Leg.EXIT, Leg.STOP)]
    patience_ms = _patience_ms(EXIT_UNKNOWN_MS_MAX, exits)
    if any(o.phase is not Phase.UNKNOWN or now_ms - o.sent_ms < patience_ms for o in exits):
        return actions
    if leaving[0].leg is Leg.STOP and any(map(_is_triggered, standing)):
        return actions
    asked = [order.cancel_ms for order in blocking if order.cancel_ms > 0]
    waiting = bool(actions) or (bool(asked) and now_ms - min(asked) < EXIT_WAITS_MS_MAX)
    return actions if waiting else [*actions, Place(leaving[0])]


def _patience_ms(first_ms: int, sent: Sequence[Own]) -> int:
    """How long the newest of these is awaited before another one is sent: longer each time. During an outage
    each one sent has to be asked about, and all that asking at its end would lead to a ban.
    """
    return first_ms << min(max(len(sent) - 1, 0), DOUBLINGS_MAX)


def _targets(wanted: Sequence[Wanted], standing: Sequence[Own]) -> list[Action]:
    legs = {leg.place: leg for leg in wanted if leg.leg is Leg.TARGET}
    resting = _of(standing, Leg.TARGET)
    kept: dict[int, Own] = {}
    for order in resting:
        leg = legs.get(order.id.place)
        if leg is not None and _fits(leg, order) and order.left == leg.quantity:
            kept.setdefault(order.id.place, order)
    stale = [order for order in resting if kept.get(order.id.place) is not order]
    taken = {order.id.place for order in resting}
    missing = [Place(leg) for place, leg in sorted(legs.items()) if place not in taken]
    return [*_cancels(order for order in stale if not order.is_taking), *missing]


def _enter(wanted: Sequence[Wanted], standing: Sequence[Own], *, is_leaving: bool) -> list[Action]:
    leg = next((leg for leg in wanted if leg.leg is Leg.ENTRY), None)
    entries = _of(standing, Leg.ENTRY)
    if leg is None or is_leaving:
        return [] if is_leaving else _cancels(entries)
    stale = [order for order in entries if not _fits(leg, order) or order.left != leg.quantity]
    if entries:
        return _cancels(order for order in stale if not order.is_taking)
    settled = all(order.phase in (Phase.OPEN, Phase.TRIGGERED) for order in standing)
    return [Place(leg)] if settled else []


def _fits(leg: Wanted, order: Own) -> bool:
    """Whether an order is of the leg's kind, side and prices."""
    request = order.request
    return (
        request.kind is leg.kind
        and request.side == leg.side
        and request.price == leg.price
        and request.trigger_price == leg.trigger_price
    )
