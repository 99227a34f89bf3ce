"""The ledger adds up, whatever two runs did, and names what they did."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.domain.entry import Entry
from runner.domain.order import LEG_MARKET, LEG_STOP
from runner.domain.order_event import Filled, Sending
from runner.domain.venue import Kind as VenueKind
from runner.domain.venue import Request
from runner.report.books import Books
from runner.report.deviation import ITEMS, bridge
from runner.report.deviation_text import ledger_lines, ledger_tree
from runner.report.executions import Execution, Payment, Trade, of_entries, trades_of

HOUR_MS = 3_600_000
END_MS = 100 * HOUR_MS


def executed(
    hour: float,
    side: int,
    quantity: float,
    price: float,
    *,
    leg: int = LEG_MARKET,
    reference: float = 0.0,
    fee_usdt: float = 0.0,
    asked: float = 0.0,
    own: bool = True,
    order: str = "",
) -> Execution:
    time_ms = round(hour * HOUR_MS)
    return Execution(
        time_ms=time_ms,
        bar_ms=time_ms // HOUR_MS * HOUR_MS,
        leg=leg,
        reason="rule",
        side=side,
        quantity=quantity,
        price=price,
        reference=reference or price,
        fee_usdt=fee_usdt,
        maker=False,
        asked=asked or quantity,
        own=own,
        order=order,
    )


def books(executions: Sequence[Execution], *payments: float) -> Books:
    trades = trades_of(executions, END_MS, 100.0)
    paid = [Payment(place * HOUR_MS, usdt) for place, usdt in enumerate(payments)]
    return Books(trades, paid, sum(one.gross_usdt - one.fees_usdt for one in trades) + sum(payments))


def items(expected: Books, actual: Books) -> dict[str, float]:
    """The items that are not nothing."""
    found = bridge(expected, actual, HOUR_MS)
    assert found.residual_usdt == pytest.approx(0.0, abs=1e-6)
    told = sum(item.usdt for item in found.items)
    assert found.expected_usdt + told == pytest.approx(found.actual_usdt)
    return {item.name: round(item.usdt, 6) for item in found.items if abs(item.usdt) > 1e-9}


def test_equal_runs_have_nothing_to_explain() -> None:
    one = books([executed(1, 1, 2.0, 100.0), executed(5, -1, 2.0, 110.0)], 0.5)
    assert items(one, one) == {}


def test_slippage_is_what_executions_cost_against_their_references() -> None:
    before = [executed(1, 1, 2.0, 100.2, reference=100.0), executed(5, -1, 2.0, 109.8, reference=110.0)]
    after = [executed(1, 1, 2.0, 100.1, reference=100.0), executed(5, -1, 2.0, 109.9, reference=110.0)]
    assert items(books(before), books(after)) == {"slippage": 0.4}


def sent_and_filled(name: str, hour: float, side: int, price: str, reason: str) -> list[Entry]:
    """One market order of ours, executed at once."""
    time_ms, two = round(hour * HOUR_MS), Decimal(2)
    sending = Sending("place", time_ms, 3_000, Request(name, "BTCUSDT", VenueKind.MARKET, side, two))
    fill = Filled("BTCUSDT", side, two, Decimal(price), Decimal(0), False, reason, name)
    return [Entry("run", time_ms, one, client_id=name) for one in (sending, fill)]


@pytest.mark.parametrize(
    ("reason", "item"),
    [("operator", "operator"), ("recovery", "operator"), ("rule", "path"), ("time_stop", "path")],
)
def test_what_a_hand_closed_is_the_operators(reason: str, item: str) -> None:
    before = [executed(1, 1, 2.0, 100.0), executed(5, -1, 2.0, 110.0, leg=LEG_STOP)]
    lines = [
        *sent_and_filled("e1", 1, 1, "100", "entry"),
        *sent_and_filled("x1", 3, -1, "104", reason),
    ]
    after = of_entries(lines, HOUR_MS, {}, END_MS)
    after = [one._replace(leg=LEG_MARKET) for one in after]
    assert items(books(before), books(after)) == {item: -12.0}


def test_a_reversal_is_an_exit_and_an_entry_each_for_its_own_quantity() -> None:
    at = {"hour": 5.0, "side": 1}
    before = [executed(1, -1, 2.0, 100.0), executed(**at, quantity=5.0, price=110.0)]
    after = [
        executed(1, -1, 2.0, 100.0, order="a-e1"),
        executed(**at, quantity=2.0, price=110.0, asked=2.0, order="a-x1"),
        *(executed(**at, quantity=part, price=110.0, asked=3.0, order="b-e1") for part in (0.5, 1.5, 1.0)),
    ]
    turned = trades_of(after, END_MS, 100.0)[1]
    assert (turned.asked, turned.opened, len(turned.executions)) == (3.0, 3.0, 2)
    assert items(books(before), books(after)) == {}
    dropped = trades_of(after[:-1], END_MS, 100.0)[1]
    assert (dropped.asked, dropped.opened) == (3.0, 2.0)


def test_what_a_second_order_asks_for_is_what_the_first_left() -> None:
    parts = [("e1", 10.0, 4.0), ("e2", 6.0, 1.0), ("e2", 6.0, 5.0)]
    again = [executed(1, 1, part, 100.0, asked=asked, order=order) for order, asked, part in parts]
    (trade,) = trades_of(again, END_MS, 100.0)
    assert (trade.asked, trade.opened, len(trade.executions)) == (10.0, 10.0, 2)
    later = [one._replace(bar_ms=one.bar_ms + HOUR_MS * (place == 2)) for place, one in enumerate(again)]
    (trade,) = trades_of(later, END_MS, 100.0)
    assert (trade.asked, trade.opened, len(trade.executions)) == (10.0, 10.0, 3)


def test_a_stop_that_lay_elsewhere_is_path() -> None:
    before = [executed(1, 1, 2.0, 100.0), executed(5, -1, 2.0, 95.0, leg=LEG_STOP)]
    after = [executed(1, 1, 2.0, 100.0), executed(5, -1, 2.0, 95.5, leg=LEG_STOP)]
    assert items(books(before), books(after)) == {"path": 1.0}


def test_a_missed_trade_is_worth_what_it_would_have_made() -> None:
    before = [executed(1, 1, 2.0, 100.0, fee_usdt=0.1), executed(5, -1, 2.0, 110.0, fee_usdt=0.1)]
    assert items(books(before), books([])) == {"missed": -19.8}
    assert items(books([]), books(before)) == {"missed": 19.8}


def test_an_order_long_after_its_open_is_late() -> None:
    before = [executed(1, 1, 1.0, 100.0), executed(5, -1, 1.0, 110.0)]
    after = [executed(1.5, 1, 1.0, 103.0, reference=100.0), executed(5, -1, 1.0, 110.0)]
    assert items(books(before), books(after)) == {"late bar": -3.0}


def test_a_smaller_position_is_sizing_and_a_part_of_an_order_is_a_partial_fill() -> None:
    before = [executed(1, 1, 2.0, 100.0), executed(5, -1, 2.0, 110.0)]
    smaller = [executed(1, 1, 1.0, 100.0), executed(5, -1, 1.0, 110.0)]
    part = [executed(1, 1, 1.0, 100.0, asked=2.0), executed(5, -1, 1.0, 110.0)]
    assert items(books(before), books(smaller)) == {"sizing": -10.0}
    assert items(books(before), books(part)) == {"partial fill": -10.0}


@pytest.mark.parametrize("orders", [("e1", "e1"), ("e1", "e2")])
def test_an_entry_that_fills_over_several_bars_is_one_entry(orders: tuple[str, str]) -> None:
    before = [executed(1, 1, 2.0, 100.0), executed(9, -1, 2.0, 110.0)]
    first, then = (
        executed(hour, 1, part, 100.0, asked=asked, order=order)
        for hour, part, asked, order in zip((1, 3), (1.5, 0.5), (2.0, 0.5), orders, strict=True)
    )
    target = [executed(hour, -1, 1.0, 110.0, order="t1", asked=2.0) for hour in (9, 11)]
    assert items(books(before), books([first, then, executed(9, -1, 2.0, 110.0)])) == {}
    assert items(books(before), books([first, then, *target])) == {}


def test_fees_funding_and_hands_have_lines_of_their_own() -> None:
    before = [executed(1, 1, 1.0, 100.0, fee_usdt=1.0), executed(5, -1, 1.0, 110.0)]
    dearer = [executed(1, 1, 1.0, 100.0, fee_usdt=3.0), executed(5, -1, 1.0, 110.0)]
    by_hand = [executed(1, 1, 1.0, 100.0, fee_usdt=1.0), executed(3, -1, 1.0, 90.0, own=False)]
    assert items(books(before, -1.0), books(dearer, -1.5)) == {"fees": -2.0, "funding": -0.5}
    assert items(books(before), books(by_hand)) == {"operator": -20.0}


def test_what_the_records_leave_out_is_the_residual() -> None:
    one = books([executed(1, 1, 1.0, 100.0), executed(5, -1, 1.0, 110.0)])
    found = bridge(one, one._replace(net_usdt=one.net_usdt - 7.0), HOUR_MS)
    assert found.residual_usdt == pytest.approx(-7.0)
    lines = ledger_lines(found, "the backtest", "the run")
    assert any(line.strip().startswith("-7.00  residual") for line in lines)
    assert ledger_tree(found)["residual_usdt"] == -7.0


def test_a_position_that_is_still_open_is_closed_at_the_same_price_for_both() -> None:
    before = [executed(1, 1, 1.0, 90.0)]
    after = [executed(1, 1, 1.0, 91.0, reference=90.0)]
    assert items(books(before), books(after)) == {"slippage": -1.0}


def test_a_reverse_is_the_end_of_one_trade_and_the_beginning_of_another() -> None:
    flip = [executed(1, 1, 1.0, 100.0), executed(5, -1, 3.0, 110.0, fee_usdt=3.0), executed(9, 1, 2.0, 105.0)]
    first, second = trades_of(flip, END_MS, 100.0)
    assert [one.quantity for one in first.executions] == [1.0, 1.0]
    assert second.opened == 2.0
    assert first.fees_usdt + second.fees_usdt == pytest.approx(3.0)


@st.composite
def runs(draw: st.DrawFn) -> list[Execution]:
    """A run of trades, each with an entry and one or two exits."""
    found, hour = [], 0.0
    for _ in range(draw(st.integers(0, 5))):
        side = draw(st.sampled_from([1, -1]))
        quantity = draw(st.integers(1, 20)) / 10
        hour += draw(st.integers(1, 4)) + draw(st.sampled_from([0.0, 0.4]))
        asked = quantity * draw(st.sampled_from([1.0, 1.0, 2.0]))
        price = draw(st.integers(90, 110))
        found.append(executed(hour, side, quantity, price, reference=100.0, fee_usdt=0.05, asked=asked))
        parts = draw(st.sampled_from([(1.0,), (0.5, 0.5)]))
        for part in parts:
            hour += draw(st.integers(0, 2))
            leg = draw(st.sampled_from([LEG_MARKET, LEG_STOP]))
            price = draw(st.integers(90, 110))
            own = draw(st.booleans())
            found.append(executed(hour, -side, quantity * part, price, leg=leg, fee_usdt=0.05, own=own))
    return found


@given(runs(), runs())
def test_the_items_add_up_to_the_whole_difference(before: list[Execution], after: list[Execution]) -> None:
    found = bridge(books(before), books(after), HOUR_MS)
    assert [item.name for item in found.items] == list(ITEMS)
    assert found.residual_usdt == pytest.approx(0.0, abs=1e-6)


def test_a_trade_is_closed_only_by_what_takes_it_down() -> None:
    trade = Trade((executed(1, 1, 1.0, 100.0), executed(2, -1, 1.0, 101.0)))
    assert (trade.side, trade.opened, trade.gross_usdt) == (1, 1.0, 1.0)
