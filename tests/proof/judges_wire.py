"""What may be seen at the exchange alone: entries once, stops in time, nothing that grows, nothing left
behind.

In: `Histories`. Out: what is violated. Refuses to know: how the bot works.
"""

from decimal import Decimal

from runner.domain.order_event import (
    Intended,
)
from runner.domain.session_event import (
    Banned,
    BarClosed,
    Mismatched,
)
from runner.simulator.events import AlgoEvent, OrderEvent
from runner.simulator.types import NewAlgo, NewOrder, Request
from tests.proof.histories import Exchange, Found, Histories, Terms, Truth, within

MINUTE_MS = 60_000


def inv_1(h: Histories) -> Found:
    """One signal enters once: no more than planned, and never two orders of it live together."""
    planned: dict[str, Decimal] = {}
    for line in h.journal:
        if isinstance(line.entry.event, Intended):
            for leg in line.entry.event.legs:
                if leg.name == "entry" and line.entry.intent:
                    planned.setdefault(line.entry.intent, leg.request.quantity)
    executed: dict[str, Decimal] = {}
    live: dict[str, set[int]] = {}
    for entry in h.truth:
        event = entry.payload
        if not isinstance(event, OrderEvent):
            continue
        name = h.ours(event.order.client_id)
        if name is None or name.leg != "e":
            continue
        if event.trade is not None:
            executed[name.intent] = executed.get(name.intent, Decimal(0)) + event.trade.quantity
        orders = live.setdefault(name.intent, set())
        (orders.add if event.order.is_open else orders.discard)(event.order.order_id)
        if len(orders) > 1:
            yield f"two entries of {name.intent} are live at {entry.time_ms}"
    for intent, quantity in executed.items():
        if quantity > planned.get(intent, Decimal(0)):
            yield f"{intent} entered {quantity}, planned {planned.get(intent)}"


def inv_2(h: Histories) -> Found:
    """A position is without a sufficient stop for at most protect_ms of reachable time. Each try to leave at
    the market for which the book is too thin counts as an answer.
    """
    spans, exchange = h.reachable(), Exchange(h.terms)
    naked_since: dict[bool, int | None] = {True: None, False: None}
    limits = {True: h.terms.protect_ms, False: h.terms.protect_ms + h.terms.silent_ms}
    told: set[tuple[bool, int]] = set()
    for time_ms, entry in [*((one.time_ms, one) for one in h.truth), (h.end_ms, None)]:
        for silent, since in naked_since.items():
            if since is None or (silent, since) in told:
                continue
            lasted = within(spans, since, time_ms)
            if lasted > limits[silent]:
                told.add((silent, since))
                yield f"{exchange.position} without a stop for {lasted} ms from {since} on"
        if entry is not None:
            exchange.take(entry)
            if _tried_to_leave(h, entry):
                naked_since = dict.fromkeys(naked_since)
        for silent in naked_since:
            if exchange.is_covered(silent=silent):
                naked_since[silent] = None
            elif naked_since[silent] is None:
                naked_since[silent] = time_ms


def _tried_to_leave(h: Histories, entry: Truth) -> bool:
    """Whether a market order of ours that can only reduce found nobody, or not enough, on the other side."""
    event = entry.payload
    if not isinstance(event, OrderEvent) or event.order.status != "EXPIRED":
        return False
    order = event.order
    return order.original_type == "MARKET" and order.reduce_only and h.ours(order.client_id) is not None


def inv_7(h: Histories) -> Found:
    """No stop, target or exit ever makes a position larger, or turns it over."""
    position = Decimal(0)
    for entry, order, trade in h.trades():
        change = trade.quantity if trade.side == "BUY" else -trade.quantity
        name = h.owner(order)
        if name is not None and name.leg != "e" and (position * change >= 0 or abs(change) > abs(position)):
            yield f"{order.client_id} took {change} of {position} at {entry.time_ms}"
        position += change


def inv_8(h: Histories) -> Found:
    """Flat for orphan_ms of reachable time: no stop, target or exit of ours rests any more. One that is
    triggering cannot be cancelled (-4117), and can only reduce.
    """
    spans, exchange, flat_since = h.reachable(), Exchange(h.terms), None
    told: set[str] = set()
    for time_ms, entry in [*((one.time_ms, one) for one in h.truth), (h.end_ms, None)]:
        if flat_since is not None and within(spans, flat_since, time_ms) > h.terms.orphan_ms:
            for one in exchange.own_open(h.terms.tag) - exchange.triggering() - told:
                name = h.ours(one)
                if name is not None and name.leg != "e":
                    told.add(one)
                    yield f"{one} rests although flat since {flat_since}"
        if entry is not None:
            exchange.take(entry)
        if exchange.position != 0:
            flat_since = None
        elif flat_since is None:
            flat_since = time_ms


def inv_14(h: Histories) -> Found:
    """Symbol, notional, price band, orders a minute and leverage hold at the wire; prices are the bars'."""
    terms, position = h.terms, Decimal(0)
    closes = [
        (h.mark(line.seq), Decimal(repr(line.entry.event.bar.mark_close)))
        for line in h.journal
        if isinstance(line.entry.event, BarClosed)
    ]
    times: list[int] = []
    for entry in h.truth:
        event = entry.payload
        if isinstance(event, OrderEvent) and event.trade is not None:
            position += event.trade.quantity if event.trade.side == "BUY" else -event.trade.quantity
        if entry.seq in h.by_hand:
            continue
        if (
            isinstance(event, Request)
            and event.name == "set_leverage"
            and h.alive
            and entry.time_ms >= h.alive[0][0]
        ) and event.arguments[1] != str(terms.leverage):
            yield f"leverage {event.arguments} at {entry.time_ms}"
        name = h.ours(event.client_id or "") if isinstance(event, NewOrder | NewAlgo) else None
        if name is None or not isinstance(event, NewOrder | NewAlgo):
            continue
        times = [*(one for one in times if entry.time_ms - one < MINUTE_MS), entry.time_ms]
        mark = next((price for at, price in reversed(closes) if at <= entry.seq), None)
        if event.symbol != terms.symbol:
            yield f"{event.client_id} is in {event.symbol}"
        if len(times) > terms.orders_minute_max:
            yield f"{len(times)} orders in a minute at {entry.time_ms}"
        if name.leg == "e" and mark is not None:
            yield from _too_much(terms, event, position, mark)


def _too_much(terms: Terms, order: NewOrder | NewAlgo, position: Decimal, mark: Decimal) -> Found:
    """An entry's notional, and its distance from the mark. A bar is older than the order: a little slack."""
    quantity, price = order.quantity or Decimal(0), order.price or mark
    after = abs(position + (quantity if order.side == "BUY" else -quantity)) * max(price, mark)
    if after > terms.notional_usdt_max * Decimal("1.05"):
        yield f"{order.client_id} makes {after:.2f} USDT"
    if abs(price / mark - 1) > terms.band_ratio:
        yield f"{order.client_id} at {price}, the mark at {mark}"


def inv_15(h: Histories) -> Found:
    """No entry inside a cooldown."""
    if not h.terms.cooldown_ms:
        return
    position, flat_ms = Decimal(0), None
    for entry in h.truth:
        event = entry.payload
        if isinstance(event, OrderEvent) and event.trade is not None:
            position += event.trade.quantity if event.trade.side == "BUY" else -event.trade.quantity
            flat_ms = entry.time_ms if position == 0 else None
        if isinstance(event, NewOrder) and flat_ms is not None and entry.seq not in h.by_hand:
            name = h.ours(event.client_id or "")
            if name is not None and name.leg == "e" and entry.time_ms < flat_ms + h.terms.cooldown_ms:
                after_ms = entry.time_ms - flat_ms
                yield f"{event.client_id} at {entry.time_ms}, {after_ms} ms after the last exit"


def inv_18(h: Histories) -> Found:
    """After a 429 or 418 nothing is sent before the time that was told, not even by a new process."""
    until_ms = 0
    bans = iter(
        [
            (h.mark(line.seq), line.entry.event.until_ms)
            for line in h.journal
            if isinstance(line.entry.event, Banned)
        ]
    )
    upcoming = next(bans, None)
    for entry, command, _, _ in h.sent():
        while upcoming is not None and upcoming[0] <= entry.seq:
            until_ms = max(until_ms, upcoming[1])
            upcoming = next(bans, None)
        if entry.time_ms < until_ms - h.terms.lag_ms:
            yield f"{command.client_id} at {entry.time_ms}, inside a ban until {until_ms}"
    denied = 0
    for contact in h.contacts:
        denied = denied + 1 if contact.status in (418, 429) else 0
        if denied > 5:
            yield f"{denied} requests in a row went on into a ban, the last at {contact.sent_ms}"
            return


def inv_26(h: Histories) -> Found:
    """The tightest stop of a trade is never replaced by a looser one. The price at which a loss limit would
    be hit is further away once a part is closed.
    """
    position, tightest = Decimal(0), None
    taken_over = [h.mark(line.seq) for line in h.journal if isinstance(line.entry.event, Mismatched)]
    for entry in h.truth:
        event = entry.payload
        if isinstance(event, OrderEvent) and event.trade is not None:
            before = position
            position += event.trade.quantity if event.trade.side == "BUY" else -event.trade.quantity
            if position == 0 or before * position < 0 or h.owner(event.order) is None:
                tightest = None
            if h.terms.limit_flattens and abs(position) < abs(before):
                tightest = None
        if taken_over and taken_over[0] <= entry.seq:
            taken_over.pop(0)
            tightest = None
        if isinstance(event, AlgoEvent) and event.algo.status not in ("NEW", "CANCELED"):
            tightest = None  # spent: what comes after it answers another question
        if isinstance(event, AlgoEvent) and event.algo.status == "NEW" and position != 0:
            name = h.ours(event.algo.client_id)
            if name is None or name.leg != "s" or event.algo.created_ms != entry.time_ms:
                continue
            sign = 1 if position > 0 else -1
            price = event.algo.trigger_price
            if tightest is not None and (price - tightest) * sign < 0:
                yield f"{event.algo.client_id} at {price} is looser than {tightest}"
            tightest = price if tightest is None else max(price * sign, tightest * sign) * sign
