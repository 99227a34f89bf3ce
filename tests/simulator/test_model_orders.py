"""Plain orders from placing to their end: books walked, queues waited in, time in force, amendments."""

from decimal import Decimal

import pytest

from runner.simulator.events import AccountEvent, OrderEvent
from runner.simulator.history import Span
from runner.simulator.refusal import Refused
from runner.simulator.rules import Switches
from runner.simulator.types import AmendOrder
from tests.simulator.model_market import START_MS, SYMBOL, Market, d

# The book of these tests: after a rise to 60000.0 the ask is 60000.0, the bid 59999.9; 1 BTC on every tick.


def test_a_market_order_walks_the_book_level_by_level() -> None:
    market = Market(wallet="1000000")
    market.events()
    order = market.order("BUY", "2.5")
    assert (order.status, order.executed) == ("FILLED", d("2.5"))
    trades = market.exchange.orders.trades("me", SYMBOL)
    assert [(trade.price, trade.quantity) for trade in trades] == [
        (d("60000.0"), d("1")),
        (d("60000.1"), d("1")),
        (d("60000.2"), d("0.5")),
    ]
    told = [(event.execution, event.order.status) for event in market.events(OrderEvent)]
    assert told == [
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "FILLED"),
    ]
    market.check()


def test_what_takers_ate_is_back_at_the_next_tick() -> None:
    market = Market(wallet="1000000")
    market.order("BUY", "1")
    assert market.order("BUY", "0.5").average_price == d("60000.1")
    market.go("60000.0")
    assert market.order("BUY", "0.5").average_price == d("60000.0")


def test_a_market_order_beyond_the_book_expires_with_what_it_got() -> None:
    market = Market(wallet="10000000")
    order = market.order("BUY", "50")
    assert (order.status, order.executed) == ("EXPIRED", d("10"))
    market.check()


def test_a_marketable_limit_order_takes_at_better_prices_and_rests_with_the_rest() -> None:
    market = Market(wallet="1000000")
    order = market.order("BUY", "3", "60000.1")
    assert (order.status, order.executed) == ("PARTIALLY_FILLED", d("2"))
    bid, _ = market.exchange.book_ticker(SYMBOL)
    assert bid.price == d("59999.9")  # nothing rests at or above the synthetic ask
    market.go("60000.0")
    assert market.now(order).status == "FILLED"
    last = market.exchange.orders.trades("me", SYMBOL)[-1]
    assert (last.is_maker, last.price, last.quantity) == (True, d("60000.1"), d("1"))
    market.check()


def test_immediate_or_cancel_expires_with_what_it_got() -> None:
    market = Market(wallet="1000000")
    order = market.order("BUY", "3", "60000.1", time_in_force="IOC")
    assert (order.status, order.executed) == ("EXPIRED", d("2"))
    nothing = market.order("BUY", "1", "59000.0", time_in_force="IOC")
    assert (nothing.status, nothing.executed) == ("EXPIRED", 0)
    market.check()


def test_fill_or_kill_fills_whole() -> None:
    market = Market(wallet="1000000")
    assert market.order("BUY", "2", "60000.1", time_in_force="FOK").status == "FILLED"


def test_post_only_rests_inside_the_spread_and_improves_the_best_price() -> None:
    market = Market()
    market.exchange.requote(SYMBOL, d("60000.0"))
    order = market.order("SELL", "0.01", "60000.0", time_in_force="GTX")
    assert order.status == "NEW"
    low = market.order("BUY", "0.01", "59999.9", time_in_force="GTX")
    assert low.status == "NEW"
    bids, asks = market.exchange.depth(SYMBOL, 5)
    assert bids[0].price == d("59999.9")
    assert bids[0].quantity > d("1")  # the synthetic level and ours
    assert asks[0].price == d("60000.0")


def test_a_resting_order_fills_whole_when_the_market_trades_through_it() -> None:
    market = Market()
    order = market.order("BUY", "0.05", "59990.0")
    market.go("59990.1")
    assert market.now(order).status == "NEW"
    market.go("59989.9")
    filled = market.now(order)
    assert (filled.status, filled.average_price) == ("FILLED", d("59990.0"))
    (trade,) = market.exchange.orders.trades("me", SYMBOL)
    assert trade.is_maker
    assert trade.commission_usdt == d("0.05") * d("59990.0") * d("0.0002")
    market.check()


def test_a_touched_order_waits_for_those_ahead_of_it() -> None:
    market = Market()
    order = market.order("BUY", "0.05", "59990.0")  # beyond the tenth level: as much ahead as there
    market.go("59990.0", traded="0.9")
    assert market.now(order).executed == 0
    market.go("59990.0", traded="0.13")
    assert market.now(order).executed == d("0.03")
    market.go("59990.0", traded="0.01")
    assert market.now(order).executed == d("0.04")
    market.go("59990.0", traded="5")
    assert market.now(order).status == "FILLED"
    market.check()


def test_two_accounts_trade_with_each_other_at_the_better_price() -> None:
    market = Market()
    market.exchange.open_account("maker", d("10000"))
    market.exchange.requote(SYMBOL, d("60000.0"))
    wide = market.exchange.world.markets[SYMBOL]
    wide.ask_price += 1
    resting = market.order("SELL", "0.02", "60000.5", account="maker")
    order = market.order("BUY", "0.05")
    assert market.now(resting).status == "FILLED"
    trades = market.exchange.orders.trades("me", SYMBOL)
    assert [trade.price for trade in trades] == [d("60000.5"), d("60001.0")]
    assert order.status == "FILLED"
    market.check()


def test_a_maker_who_was_closed_by_a_taker_loses_his_reduce_only_orders() -> None:
    market = Market()
    market.exchange.open_account("maker", d("10000"))
    market.order("BUY", "0.02", account="maker")
    market.exchange.world.markets[SYMBOL].ask_price += 1
    orphan = market.order("SELL", "0.02", "61000.0", account="maker", reduce_only=True)
    stop = market.algo("SELL", "STOP_MARKET", "59000.0", account="maker", close_position=True)
    market.order("SELL", "0.02", "60000.5", account="maker")
    assert market.order("BUY", "0.02").average_price == d("60000.5")
    assert (market.now(orphan).status, market.algo_now(stop).status) == ("EXPIRED", "EXPIRED")
    market.check()


def test_an_account_does_not_trade_with_itself() -> None:
    for prevention, taker, maker in (
        ("EXPIRE_MAKER", "FILLED", "EXPIRED_IN_MATCH"),
        ("EXPIRE_TAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "FILLED", "FILLED"),
    ):
        market = Market()
        market.exchange.world.markets[SYMBOL].ask_price += 1
        resting = market.order("SELL", "0.02", "60000.5")
        order = market.order("BUY", "0.02", self_trade_prevention=prevention)
        assert (order.status, market.now(resting).status) == (taker, maker)
        market.check()


def test_a_good_till_order_expires_at_its_time() -> None:
    market = Market()
    order = market.order("BUY", "0.01", "59000.0", time_in_force="GTD", good_till_ms=START_MS + 601_000)
    market.exchange.advance_to(START_MS + 600_999)
    assert market.now(order).status == "NEW"
    market.exchange.advance_to(START_MS + 700_000)
    expired = market.now(order)
    assert (expired.status, expired.updated_ms) == ("EXPIRED", START_MS + 601_000)
    market.check()


def test_countdown_cancels_all_plain_orders_unless_it_is_said_again() -> None:
    market = Market()
    order = market.order("BUY", "0.01", "59000.0")
    stop = market.algo("SELL", "STOP_MARKET", "58000.0", "0.01")
    desk = market.exchange.orders
    desk.countdown("me", SYMBOL, 1000)
    market.exchange.advance_to(START_MS + 900)
    desk.countdown("me", SYMBOL, 1000)
    market.exchange.advance_to(START_MS + 1800)
    assert market.now(order).status == "NEW"
    desk.countdown("me", SYMBOL, 0)
    market.exchange.advance_to(START_MS + 5000)
    assert market.now(order).status == "NEW"
    desk.countdown("me", SYMBOL, 1000)
    market.exchange.advance_to(START_MS + 6000)
    assert (market.now(order).status, market.algo_now(stop).status) == ("CANCELED", "NEW")


def test_a_switch_lets_the_countdown_cancel_conditional_orders_too() -> None:
    market = Market(switches=Switches(countdown_cancels_algos=True))
    stop = market.algo("SELL", "STOP_MARKET", "58000.0", "0.01")
    market.exchange.orders.countdown("me", SYMBOL, 1000)
    market.exchange.advance_to(START_MS + 1000)
    assert market.algo_now(stop).status == "CANCELED"


def test_an_amended_order_keeps_its_id_and_goes_to_the_end_of_its_queue() -> None:
    market = Market()
    order = market.order("BUY", "0.05", "59990.0")
    market.go("59990.0", traded="0.9")
    market.events()
    amended = market.exchange.orders.amend(
        "me", AmendOrder(symbol=SYMBOL, side="BUY", order_id=order.order_id, quantity=d("0.06"))
    )
    assert (amended.order_id, amended.quantity, amended.amendments) == (order.order_id, d("0.06"), 1)
    (event,) = market.events(OrderEvent)
    assert isinstance(event, OrderEvent)
    assert event.execution == "AMENDMENT"
    market.go("59990.0", traded="0.2")
    assert market.now(order).executed == 0
    market.check()


def test_an_amendment_may_take_and_one_below_what_is_filled_cancels() -> None:
    market = Market()
    order = market.order("BUY", "0.05", "59990.0")
    market.go("59990.0", traded="1.03")
    assert market.now(order).executed == d("0.03")
    cancelled = market.exchange.orders.amend(
        "me", AmendOrder(symbol=SYMBOL, side="BUY", order_id=order.order_id, quantity=d("0.003"))
    )
    assert cancelled.status == "CANCELED"
    order = market.order("BUY", "0.05", "59000.0")
    taken = market.exchange.orders.amend(
        "me", AmendOrder(symbol=SYMBOL, side="BUY", order_id=order.order_id, price=d("60005.0"))
    )
    assert taken.status == "FILLED"
    post_only = market.order("BUY", "0.05", "59000.0", time_in_force="GTX")
    ended = market.exchange.orders.amend(
        "me", AmendOrder(symbol=SYMBOL, side="BUY", order_id=post_only.order_id, price=d("60005.0"))
    )
    assert ended.status == "CANCELED"
    market.check()


def test_price_match_takes_its_price_from_the_book() -> None:
    market = Market()
    more = {"type": "LIMIT", "time_in_force": "GTC"}
    assert market.order("BUY", "0.01", price_match="QUEUE_5", **more).price == d("59999.5")
    assert market.order("SELL", "0.01", price_match="QUEUE", **more).price == d("60000.0")
    taker = market.order("BUY", "0.01", price_match="OPPONENT_5", **more)
    assert (taker.price, taker.status) == (d("60000.4"), "FILLED")


def test_histories_come_a_page_at_a_time_oldest_first() -> None:
    market = Market()
    made = []
    for number in range(6):
        market.exchange.advance_to(START_MS + number * 1000)
        made.append(market.order("BUY", "0.01" if number % 2 else "0.002", client_id=f"n{number}").order_id)
    desk = market.exchange.orders
    ids = [order.order_id for order in desk.all("me", SYMBOL, Span(limit=2))]
    assert ids == made[-2:]
    ids = [order.order_id for order in desk.all("me", SYMBOL, Span(from_id=made[1], limit=2))]
    assert ids == made[1:3]
    times = Span(start_ms=START_MS + 1000, end_ms=START_MS + 3000)
    assert [trade.order_id for trade in desk.trades("me", SYMBOL, times)] == made[1:4]
    assert [row.type for row in market.exchange.desk.incomes("me", kind="COMMISSION")] == ["COMMISSION"] * 6
    assert desk.all("me", "ETHUSDT") == []


def test_reduce_only_never_flips_and_expires_with_the_rest() -> None:
    market = Market()
    market.order("BUY", "0.02")
    order = market.order("SELL", "0.05", reduce_only=True)
    assert (order.status, order.executed) == ("EXPIRED", d("0.02"))
    assert market.position().quantity == 0
    market.check()


def test_resting_reduce_only_orders_use_the_position_up_and_leave_with_it() -> None:
    market = Market()
    market.order("BUY", "0.02")
    resting = market.order("SELL", "0.02", "61000.0", reduce_only=True)
    with pytest.raises(Refused, match="-4118"):
        market.order("SELL", "0.02", reduce_only=True)
    market.order("SELL", "0.02")  # closes without saying so
    assert market.now(resting).status == "EXPIRED"
    market.check()


def test_switches_refuse_what_is_more_than_the_position_and_let_orphans_stay() -> None:
    market = Market(
        switches=Switches(
            reduce_only_excess_refused=True,
            resting_reduce_only_counts=False,
            reduce_only_expires_when_flat=False,
        )
    )
    market.order("BUY", "0.02")
    with pytest.raises(Refused, match="-2022"):
        market.order("SELL", "0.03", reduce_only=True)
    resting = market.order("SELL", "0.02", "61000.0", reduce_only=True)
    market.order("SELL", "0.02", reduce_only=True)
    assert market.now(resting).status == "NEW"  # an orphan
    market.go("61000.1")
    assert (market.now(resting).status, market.position().quantity) == ("EXPIRED", 0)
    market.check()


def test_levers_make_fills_partial() -> None:
    market = Market()
    market.exchange.levers.taker_share = Decimal("0.4")
    order = market.order("BUY", "0.05")
    assert (order.status, order.executed) == ("EXPIRED", d("0.02"))
    limit = market.order("BUY", "0.05", "60000.0")
    assert (limit.status, limit.executed) == ("PARTIALLY_FILLED", d("0.02"))
    market.exchange.levers.maker_share = Decimal("0.5")
    market.go("59999.0")
    assert market.now(limit).executed == d("0.035")
    market.check()


def test_a_position_grows_shrinks_and_flips_as_the_exchange_counts_it() -> None:
    market = Market()
    market.order("BUY", "0.02")
    market.go("63000.0")
    market.order("BUY", "0.01")
    assert market.position().entry_price == d("61000")
    market.go("64000.0")
    market.order("SELL", "0.01", "63950.0")  # takes at the bid
    view = market.position()
    assert (view.quantity, view.entry_price) == (d("0.02"), d("61000"))
    assert market.exchange.orders.trades("me", SYMBOL)[-1].realised_usdt == d("29.999")
    market.go("62000.0")
    order = market.order("SELL", "0.05")
    view = market.position()
    assert (view.quantity, view.entry_price) == (d("-0.03"), order.average_price)
    assert view.break_even_price < view.entry_price
    changes = market.events(AccountEvent)
    assert isinstance(changes[-1], AccountEvent)
    assert changes[-1].positions[0].quantity == d("-0.03")
    market.check()
