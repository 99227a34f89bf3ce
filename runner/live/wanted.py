"""From the core's wanted orders to what should rest at the exchange: legs with exact numbers.

In: plan, core state, whether the market is already beyond the stop. Out: the wanted legs.
Refuses to know: what rests now, ids, the wire. The only place where the live side turns floats into Decimals.
Source: core `State.orders`; the exchange's tick and step.
"""

from dataclasses import dataclass
from decimal import Decimal

from runner.domain.order import (
    BUY,
    ENTRY,
    LIMIT,
    MARKET,
    NO_ORDER,
    REVERSE,
    SELL,
    TAKE_PROFIT_MARKET,
    Order,
)
from runner.domain.plan import Plan
from runner.domain.position import State
from runner.domain.venue import Kind
from runner.live.ids import Leg


@dataclass(frozen=True, slots=True)
class Wanted:
    """One order that should rest or be sent; `reason` is the core's word for it."""

    leg: Leg
    place: int
    kind: Kind
    side: int
    quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    reduce_only: bool
    post_only: bool
    triggers_on_mark: bool
    reason: int
    decided_ms: int
    expires_ms: int | None


def exact(figure: float, increment: float) -> Decimal:
    """`figure`, a multiple of `increment` but for float noise, as that exact multiple."""
    step = Decimal(repr(increment))
    return (Decimal(round(figure / increment)) * step).quantize(step)


def held_quantity(plan: Plan, state: State) -> Decimal:
    """The core's position, signed and exact."""
    return exact(state.position.quantity, plan.instrument.step_size)


def wanted_legs(plan: Plan, state: State, *, beyond_stop: bool = False) -> tuple[Wanted, ...]:
    """What should rest now, protection first. `beyond_stop`: the exchange refused the stop because the price
    is already through it, which is the stop's own signal: the position leaves at the market.
    """
    protective = [*_stop(plan, state, beyond_stop), *_exit(plan, state)]
    return (*protective, *_targets(plan, state), *_entry(plan, state))


def wanted_entry(plan: Plan, state: State) -> Wanted | None:
    """The entry leg, if one is wanted."""
    return next(iter(_entry(plan, state)), None)


def _stop(plan: Plan, state: State, beyond_stop: bool) -> list[Wanted]:
    order, held = state.orders.stop, held_quantity(plan, state)
    if order.kind == NO_ORDER or held == 0:
        return []
    now = beyond_stop or order.kind == MARKET
    return [_wanted(plan, order, Leg.STOP, Kind.MARKET if now else Kind.STOP_MARKET, abs(held))]


def _exit(plan: Plan, state: State) -> list[Wanted]:
    """The market exit. A reverse leaves first, with an order that can only reduce, and enters when flat."""
    order, held = state.orders.market, held_quantity(plan, state)
    if order.kind == NO_ORDER or held == 0 or order.side * held > 0:
        return []
    return [_wanted(plan, order, Leg.EXIT, Kind.MARKET, abs(held))]


def _entry(plan: Plan, state: State) -> list[Wanted]:
    market, limit, held = state.orders.market, state.orders.entry, held_quantity(plan, state)
    if market.reason in (ENTRY, REVERSE) and market.kind != NO_ORDER and market.side * held >= 0:
        quantity = exact(market.quantity, plan.instrument.step_size)
        return [_wanted(plan, market, Leg.ENTRY, Kind.MARKET, quantity)] if quantity > 0 else []
    if limit.kind == NO_ORDER:
        return []
    quantity = exact(limit.quantity, plan.instrument.step_size)
    return [_wanted(plan, limit, Leg.ENTRY, Kind.LIMIT, quantity)]


def _targets(plan: Plan, state: State) -> list[Wanted]:
    """The ladder; nothing of it while a market exit is wanted, which needs all that may be reduced."""
    held = held_quantity(plan, state)
    if held == 0 or state.orders.market.kind != NO_ORDER:
        return []
    legs = []
    for place, order in enumerate(state.orders.targets):
        if order.kind == NO_ORDER:
            continue
        kind = Kind.TAKE_PROFIT_MARKET if order.kind == TAKE_PROFIT_MARKET else Kind.LIMIT
        quantity = exact(order.quantity, plan.instrument.step_size)
        legs.append(_wanted(plan, order, Leg.TARGET, kind, quantity, place=place))
    return legs


def _wanted(plan: Plan, order: Order, leg: Leg, kind: Kind, quantity: Decimal, *, place: int = 0) -> Wanted:
    """The leg of one order; its price is a limit or a trigger, as its kind says, and none at the market."""
    assert order.side in (BUY, SELL)
    price = None if kind is Kind.MARKET else exact(order.price, plan.instrument.tick_size)
    entering = leg is Leg.ENTRY
    return Wanted(
        leg=leg,
        place=place,
        kind=kind,
        side=order.side,
        quantity=quantity,
        price=price if kind is Kind.LIMIT else None,
        trigger_price=None if kind is Kind.LIMIT else price,
        reduce_only=not entering,
        post_only=entering and order.kind == LIMIT and plan.entry.post_only,
        triggers_on_mark=plan.stop.on_mark,
        reason=order.reason,
        decided_ms=order.placed_ms,
        expires_ms=order.expires_ms or None,
    )
