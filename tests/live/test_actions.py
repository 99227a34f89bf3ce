"""Wanted against actual: what rests becomes what should rest, and never through a naked moment."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from runner.domain.venue import Kind, Request
from runner.live.actions import (
    EXIT_UNKNOWN_MS_MAX,
    EXIT_WAITS_MS_MAX,
    STOP_UNKNOWN_MS_MAX,
    Cancel,
    Holding,
    Own,
    Phase,
    Place,
    is_protected,
    next_actions,
)
from runner.live.ids import ClientId, Leg
from runner.live.wanted import Wanted

LONG_10 = Holding(Decimal(10), Decimal(10))
FLAT = Holding(Decimal(0), Decimal(0))


def wanted(
    leg: Leg, quantity: int, price: int | None = None, *, kind: Kind | None = None, place: int = 0
) -> Wanted:
    kinds = {
        Leg.ENTRY: Kind.MARKET,
        Leg.EXIT: Kind.MARKET,
        Leg.STOP: Kind.STOP_MARKET,
        Leg.TARGET: Kind.LIMIT,
    }
    chosen = kind or kinds[leg]
    figure = None if price is None else Decimal(price)
    return Wanted(
        leg=leg,
        place=place,
        kind=chosen,
        side=1 if leg is Leg.ENTRY else -1,
        quantity=Decimal(quantity),
        price=figure if chosen is Kind.LIMIT else None,
        trigger_price=figure if chosen is Kind.STOP_MARKET else None,
        reduce_only=leg is not Leg.ENTRY,
        post_only=False,
        triggers_on_mark=True,
        reason=1,
        decided_ms=0,
        expires_ms=None,
    )


def sent(
    leg: Wanted, attempt: int = 1, *, phase: Phase = Phase.OPEN, filled: int = 0, sent_ms: int = 0
) -> Own:
    name = ClientId("aaaaaa", "a" * 16, leg.leg, leg.place, attempt)
    request = Request(
        str(name),
        "BTCUSDT",
        leg.kind,
        leg.side,
        leg.quantity,
        leg.price,
        leg.trigger_price,
        True,
        leg.reduce_only,
    )
    return Own(name, request, phase, Decimal(filled), sent_ms)


STOP_90, STOP_95 = wanted(Leg.STOP, 10, 90), wanted(Leg.STOP, 10, 95)
TARGET = wanted(Leg.TARGET, 10, 120)
EXIT = wanted(Leg.EXIT, 10)
ENTRY = wanted(Leg.ENTRY, 5)


def test_a_position_without_a_stop_gets_one_before_anything_else() -> None:
    assert next_actions((STOP_90, TARGET), (), LONG_10, 0) == [Place(STOP_90), Place(TARGET)]


def test_a_moved_stop_is_created_before_the_old_one_is_cancelled() -> None:
    old = sent(STOP_90)
    assert next_actions((STOP_95,), (old,), LONG_10, 0) == [Place(STOP_95)]
    new = sent(STOP_95, 2, phase=Phase.SENDING)
    assert next_actions((STOP_95,), (old, new), LONG_10, 0) == []
    assert next_actions((STOP_95,), (old, replace(new, phase=Phase.OPEN)), LONG_10, 0) == [Cancel(old)]


def test_a_naked_position_does_not_wait_for_a_stop_of_unknown_fate() -> None:
    lost = sent(STOP_90, phase=Phase.UNKNOWN, sent_ms=0)
    assert next_actions((STOP_90,), (lost,), LONG_10, STOP_UNKNOWN_MS_MAX - 1) == []
    assert next_actions((STOP_90,), (lost,), LONG_10, STOP_UNKNOWN_MS_MAX) == [Place(STOP_90)]


def test_a_stop_too_small_for_the_position_is_replaced() -> None:
    small = sent(wanted(Leg.STOP, 4, 90))
    assert next_actions((STOP_90,), (small,), LONG_10, 0) == [Place(STOP_90)]


def test_stops_go_only_when_the_exchange_says_flat_too() -> None:
    stop = sent(STOP_90)
    assert next_actions((), (stop,), Holding(Decimal(0), Decimal(3)), 0) == []
    assert next_actions((), (stop,), Holding(Decimal(0), None), 0) == []
    assert next_actions((), (stop,), FLAT, 0) == [Cancel(stop)]


def test_an_exit_waits_for_the_targets_that_hold_its_quantity_but_not_for_long() -> None:
    stop, target = sent(STOP_90), sent(TARGET)
    assert next_actions((STOP_90, EXIT), (stop, target), LONG_10, 0) == [Cancel(target)]
    asked = replace(target, cancel_ms=100)
    assert next_actions((STOP_90, EXIT), (stop, asked), LONG_10, 200) == []
    assert next_actions((STOP_90, EXIT), (stop, asked), LONG_10, 100 + EXIT_WAITS_MS_MAX) == [Place(EXIT)]
    gone = replace(asked, phase=Phase.ENDED)
    assert next_actions((STOP_90, EXIT), (stop, gone), LONG_10, 200) == [Place(EXIT)]


def test_a_lost_exit_is_sent_again_once_it_cannot_arrive_any_more() -> None:
    lost = sent(EXIT, phase=Phase.UNKNOWN, sent_ms=0)
    wish, rests = (STOP_90, EXIT), (sent(STOP_90), lost)
    assert next_actions(wish, rests, LONG_10, EXIT_UNKNOWN_MS_MAX - 1) == []
    assert next_actions(wish, rests, LONG_10, EXIT_UNKNOWN_MS_MAX) == [Place(EXIT)]


def test_each_further_exit_without_an_answer_is_awaited_longer() -> None:
    first = sent(EXIT, 1, phase=Phase.UNKNOWN, sent_ms=0)
    second = sent(EXIT, 2, phase=Phase.UNKNOWN, sent_ms=4_000)
    wish, rests = (STOP_90, EXIT), (sent(STOP_90), first, second)
    assert next_actions(wish, rests, LONG_10, 4_000 + 2 * EXIT_UNKNOWN_MS_MAX - 1) == []
    assert next_actions(wish, rests, LONG_10, 4_000 + 2 * EXIT_UNKNOWN_MS_MAX) == [Place(EXIT)]


def test_a_small_stop_at_rest_does_not_make_a_big_one_of_unknown_fate_wait() -> None:
    small, lost = sent(wanted(Leg.STOP, 1, 90)), sent(STOP_90, 2, phase=Phase.UNKNOWN, sent_ms=0)
    assert next_actions((STOP_90,), (small, lost), LONG_10, STOP_UNKNOWN_MS_MAX) == [Place(STOP_90)]


def test_a_triggered_stop_is_left_to_execute_unless_it_failed() -> None:
    triggered = sent(STOP_90, phase=Phase.TRIGGERED)
    now = wanted(Leg.STOP, 10, kind=Kind.MARKET)
    assert next_actions((STOP_95,), (triggered,), LONG_10, 0) == []
    assert next_actions((now,), (triggered,), LONG_10, 0) == []
    assert next_actions((now,), (triggered,), LONG_10, 0, stop_failed=True) == [Place(now)]


def test_new_risk_waits_until_nothing_is_unknown() -> None:
    lost = sent(STOP_90, phase=Phase.UNKNOWN)
    assert next_actions((ENTRY,), (lost,), FLAT, 0) == []
    assert next_actions((ENTRY,), (), FLAT, 0) == [Place(ENTRY)]


def test_a_limit_entry_that_is_not_wanted_any_more_is_cancelled() -> None:
    resting = sent(wanted(Leg.ENTRY, 5, 99, kind=Kind.LIMIT))
    assert next_actions((), (resting,), FLAT, 0) == [Cancel(resting)]


# --- any start, any wish: the actions converge, and a stop once resting is never missed ---

prices = st.integers(80, 99)
stops = st.builds(lambda price, quantity: wanted(Leg.STOP, quantity, price), prices, st.integers(1, 10))
targets = st.builds(
    lambda price, place: wanted(Leg.TARGET, 2, price, place=place), st.integers(101, 120), st.integers(0, 3)
)
phases = st.sampled_from([Phase.OPEN, Phase.OPEN, Phase.OPEN, Phase.SENDING, Phase.UNKNOWN])


@st.composite
def resting(draw: st.DrawFn) -> tuple[Own, ...]:
    legs = draw(st.lists(st.one_of(stops, targets), max_size=6))
    return tuple(sent(leg, at + 1, phase=draw(phases)) for at, leg in enumerate(legs))


@given(resting(), prices, st.lists(st.integers(101, 120), max_size=4), st.booleans())
def test_actions_converge_and_never_leave_a_protected_position_naked(
    own: tuple[Own, ...], stop_price: int, rungs: list[int], leaving: bool
) -> None:
    stop = wanted(Leg.STOP, 10, stop_price)
    ladder = tuple(wanted(Leg.TARGET, 2, price, place=place) for place, price in enumerate(rungs))
    wish = (stop, EXIT) if leaving else (stop, *ladder)
    orders, held, now = list(own), Decimal(10), 0
    was_protected = is_protected(orders, held)
    for _ in range(60):
        actions = next_actions(wish, orders, Holding(held, held), now)
        for action in actions:
            if isinstance(action, Place):
                orders.append(sent(action.wanted, 100 + len(orders), phase=Phase.OPEN, sent_ms=now))
            else:
                at = orders.index(action.own)
                orders[at] = replace(orders[at], phase=Phase.ENDED)
            assert not was_protected or is_protected(orders, held)
            was_protected = was_protected or is_protected(orders, held)
        if any(order.id.leg is Leg.EXIT for order in orders):
            return  # it leaves
        orders = [replace(one, phase=Phase.OPEN) if one.phase is Phase.SENDING else one for one in orders]
        orders = [
            replace(one, phase=Phase.ENDED) if one.phase is Phase.UNKNOWN and now else one for one in orders
        ]
        if not actions and now > STOP_UNKNOWN_MS_MAX + EXIT_WAITS_MS_MAX:
            break
        now += 500
    live = [order for order in orders if order.phase is not Phase.ENDED]
    assert not leaving
    assert [order.request.trigger_price for order in live if order.id.leg is Leg.STOP] == [stop.trigger_price]
    assert sorted(
        (order.id.place, order.request.price) for order in live if order.id.leg is Leg.TARGET
    ) == sorted((leg.place, leg.price) for leg in ladder)
