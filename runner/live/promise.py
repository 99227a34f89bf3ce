"""The stop that goes with an entry: promised in the very commit that lets the entry leave.

In: plan, core state, the entry's leg. Out: the stop that its execution at the expected price will want; after
a crash, the promise again.
Refuses to know: the wire. A promise holds the rule's outcome at the expected price; the stop that is sent
follows the price that was paid, and what was filled.
Source: design "an intent with its client order ids, the stop included"; the core's own `apply`.
"""

from decimal import Decimal

from runner.core.apply import apply
from runner.core.exits import tightened
from runner.domain.order import LEG_ENTRY, LEG_MARKET, Fill
from runner.domain.plan import BY_DISTANCE, BY_PRICE, BY_RATIO, Plan
from runner.domain.position import State
from runner.domain.venue import Kind
from runner.live.book import Book
from runner.live.ids import Leg, parse_client_id
from runner.live.wanted import Wanted, held_quantity, wanted_legs

_RULES = {
    BY_RATIO: "{:.4%} from the average entry price",
    BY_DISTANCE: "{:g} from the average entry price",
    BY_PRICE: "at {:g}",
}


def promised_stop(plan: Plan, state: State, entry: Wanted, last_close: float) -> Wanted | None:
    """The stop that the core will want when all of the entry fills at its limit, or at the last close; None:
    it will want none.
    """
    price = float(entry.price) if entry.price is not None else last_close
    if price <= 0.0:
        return None
    leg = LEG_MARKET if entry.kind is Kind.MARKET else LEG_ENTRY
    figures = (float(entry.quantity), price, 0.0, 0.0)
    fill = Fill(leg, entry.side, *figures, entry.reason, entry.decided_ms, False, True, True)
    after = apply(plan, state, fill)
    return next((one for one in wanted_legs(plan, after) if one.leg is Leg.STOP), None)


def stop_rule(plan: Plan, state: State) -> str:
    """Where the stop will lie, whatever is paid and however much is filled."""
    words = _RULES.get(plan.stop.kind)
    return f"its stop: {words.format(state.trade.setup)}, for what is filled" if words else ""


def promised_trigger(book: Book, side: int, mark: float) -> Decimal | None:
    """What was promised to a position that the core does not know yet, where an entry of ours may have
    opened it and the price has not passed it; None: nothing was.
    """
    entering = any(
        own.id.leg is Leg.ENTRY and own.id.intent == book.trade_intent and own.request.side == side
        for own in book.orders.values()
    )
    if not entering or held_quantity(book.plan, book.state) != 0:
        return None
    for name, request in book.requests.items():
        parts, trigger = parse_client_id(name), request.trigger_price
        is_it = parts is not None and parts.leg is Leg.STOP and parts.intent == book.trade_intent
        if is_it and trigger is not None and tightened(side, float(trigger), mark):
            return trigger
    return None
