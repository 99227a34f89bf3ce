"""Money: margins, isolated wallets, funding, liquidation, deleveraging, margin calls, transfers."""

from decimal import Decimal

import pytest

from runner.simulator.events import (
    AccountEvent,
    ForceOrderEvent,
    LeverageEvent,
    MarginCallEvent,
    MultiAssetsEvent,
    OrderEvent,
)
from runner.simulator.refusal import Refused
from runner.simulator.rules import Switches
from runner.simulator.types import NewOrder, Tick
from tests.simulator.model_market import SYMBOL, Market, d


def isolated(leverage: int = 10, quantity: str = "0.1", side: str = "BUY", **more: str) -> Market:
    market = Market(**more)  # type: ignore[arg-type]
    market.exchange.desk.set_margin_type("me", SYMBOL, "ISOLATED")
    market.exchange.desk.set_leverage("me", SYMBOL, leverage)
    market.order(side, quantity)
    return market


def test_open_orders_take_margin_and_give_it_back() -> None:
    market = Market()
    market.order("BUY", "0.1", "50000.0")
    view = market.exchange.desk.view("me")
    assert (view.open_order_margin_usdt, view.available_usdt) == (250, 9750)  # 5000 at 20×
    market.order("SELL", "0.05", "62000.0")  # the larger of the two directions counts
    assert market.exchange.desk.view("me").open_order_margin_usdt == 250
    market.exchange.orders.cancel_all("me", SYMBOL)
    assert market.exchange.desk.view("me").available_usdt == 10_000
    market.check()


def test_an_order_that_only_closes_needs_no_margin() -> None:
    market = Market(wallet="301")
    market.order("BUY", "0.1", "60000.0")
    market.order("SELL", "0.1", "61000.0")
    assert market.exchange.desk.view("me").open_order_margin_usdt == 0
    with pytest.raises(Refused, match="-2019"):
        market.order("SELL", "0.12", "61000.0")
    market.check()


def test_sells_are_reckoned_a_little_above_the_market() -> None:
    market = Market(wallet="300")
    with pytest.raises(Refused, match="-2019"):  # 6000 / 20, but at 60090
        market.order("SELL", "0.1", "60000.0")
    market.exchange.desk.transfer("me", d("1"))
    assert market.order("SELL", "0.1", "60000.0").status == "NEW"


def test_a_buy_above_the_mark_needs_its_open_loss_too() -> None:
    market = Market(wallet="390")
    with pytest.raises(Refused, match="-2019"):  # 6100 / 20 + 100
        market.order("BUY", "0.1", "61000.0")
    market.exchange.desk.transfer("me", d("16"))
    assert market.order("BUY", "0.1", "61000.0").status == "FILLED"


def test_cross_losses_are_not_available_and_gains_do_not_count() -> None:
    market = Market()
    market.order("BUY", "0.1", "60000.0")
    before = market.exchange.desk.view("me").available_usdt
    market.exchange.set_mark(SYMBOL, d("59000"))
    assert market.exchange.desk.view("me").available_usdt == before - 100 + 5
    market.exchange.set_mark(SYMBOL, d("61000"))
    assert market.exchange.desk.view("me").available_usdt == before - 5


def test_an_isolated_wallet_is_set_aside_and_comes_back_by_parts() -> None:
    market = isolated()
    view = market.exchange.desk.view("me")
    assert (view.wallet_usdt, view.cross_wallet_usdt) == (9997, 9397)
    assert market.position().isolated_wallet_usdt == 600
    market.go("61000.0")
    market.go("60999.9")
    market.order("SELL", "0.025")
    assert market.position().isolated_wallet_usdt == 450
    market.order("SELL", "0.075")
    view = market.exchange.desk.view("me")
    assert view.wallet_usdt == view.cross_wallet_usdt
    market.check()


def test_leverage_can_rise_with_an_isolated_position_and_frees_margin() -> None:
    market = isolated()
    market.events()
    market.exchange.desk.set_leverage("me", SYMBOL, 20)
    assert market.position().isolated_wallet_usdt == 300
    (event,) = market.events(LeverageEvent)
    assert isinstance(event, LeverageEvent)
    assert event.leverage == 20
    market.check()


def test_isolated_liquidation_costs_exactly_the_isolated_wallet() -> None:
    market = isolated()
    market.algo("SELL", "STOP_MARKET", "50000.0", close_position=True)
    level = market.position().liquidation_price
    assert level.quantize(d("0.01")) == d("54216.87")
    market.exchange.set_mark(SYMBOL, level + d("0.1"))
    assert market.position().quantity == d("0.1")
    market.events()
    market.exchange.set_mark(SYMBOL, level)
    assert market.wallet() == 9397  # 10000 − 3 fee − 600
    assert market.position().quantity == 0
    events = market.exchange.take_events()
    filled = [event for event in events if isinstance(event, OrderEvent) and event.trade is not None]
    assert [(event.execution, event.order.client_id[:10]) for event in filled] == [
        ("CALCULATED", "autoclose-")
    ]
    assert any(isinstance(event, ForceOrderEvent) for event in events)
    rows = market.exchange.desk.incomes("me")[-2:]
    assert [row.type for row in rows] == ["REALIZED_PNL", "INSURANCE_CLEAR"]
    assert sum(row.amount_usdt for row in rows) == -600
    assert market.exchange.algos.open("me") == []
    assert len(market.exchange.desk.force_orders("me", SYMBOL)) == 1
    market.check()


def test_a_gap_through_bankruptcy_costs_no_more_than_the_isolated_wallet() -> None:
    for side, price in (("BUY", "40000.0"), ("SELL", "80000.0")):
        market = isolated(side=side)
        paid = market.wallet() - market.position().isolated_wallet_usdt
        market.go(price)
        assert (market.wallet(), market.position().quantity) == (paid, 0)
        market.check()


def test_liquidation_fires_on_the_mark_and_before_a_stop_of_the_same_print() -> None:
    market = isolated(leverage=50)
    stop = market.algo("SELL", "STOP_MARKET", "59000.0", close_position=True)
    market.go("57500.0", mark="")
    assert market.algo_now(stop).status == "FINISHED"
    market = isolated(leverage=50)
    stop = market.algo("SELL", "STOP_MARKET", "59000.0", close_position=True)
    market.go("50000.0")
    assert market.algo_now(stop).status == "EXPIRED"
    assert len(market.exchange.desk.force_orders("me")) == 1


def test_cross_liquidation_cancels_orders_first_and_may_take_the_whole_wallet() -> None:
    market = Market(wallet="1000")
    market.order("BUY", "0.3")
    resting = market.order("SELL", "0.1", "61000.0")
    level = market.position().liquidation_price
    market.exchange.set_mark(SYMBOL, level)
    assert (market.now(resting).status, market.position().quantity) == ("EXPIRED", 0)
    assert 0 <= market.wallet() < 100
    assert market.exchange.desk.incomes("me", kind="INSURANCE_CLEAR")[-1].amount_usdt < 0
    market.check()
    market.go("60000.0")
    market.exchange.desk.transfer("me", d("1000"))
    market.order("SELL", "0.3")
    market.go("70000.0")
    assert market.wallet() == 0
    market.check()


def test_cross_positions_stand_in_for_each_other() -> None:
    market = Market(wallet="2000")
    market.exchange.tick(Tick("ETHUSDT", d("3000"), d("1"), d("3000")))
    market.order("BUY", "0.3")
    market.exchange.orders.place(
        "me", NewOrder(symbol="ETHUSDT", side="SELL", type="MARKET", quantity=d("3"))
    )
    market.exchange.tick(Tick("ETHUSDT", d("2500"), d("1"), d("2500")))
    lower = market.position().liquidation_price
    market.exchange.tick(Tick("ETHUSDT", d("3000"), d("1"), d("3000")))
    assert market.position().liquidation_price > lower
    market.exchange.tick(Tick("ETHUSDT", d("2500"), d("1"), d("2500")))
    market.exchange.set_mark(SYMBOL, lower)
    assert market.position().quantity == 0
    legs = market.exchange.desk.positions("me", "ETHUSDT")
    assert legs[0].quantity == -3  # healthy without the other
    market.check()


def test_hedge_legs_have_one_liquidation_price_in_cross() -> None:
    market = Market(wallet="1000")
    market.exchange.desk.set_dual("me", True)
    market.exchange.desk.set_leverage("me", SYMBOL, 50)
    market.order("BUY", "0.3", position_side="LONG")
    alone = market.position("LONG").liquidation_price
    market.order("SELL", "0.1", position_side="SHORT")
    long, short = market.position("LONG"), market.position("SHORT")
    assert long.liquidation_price == short.liquidation_price < alone
    market.exchange.set_mark(SYMBOL, long.liquidation_price + d("0.1"))
    assert market.position("LONG").quantity == d("0.3")
    market.exchange.set_mark(SYMBOL, long.liquidation_price)
    assert market.position("LONG").quantity == 0
    market.check()


def test_a_margin_call_is_told_once_on_the_way_down() -> None:
    market = Market(wallet="1000")
    market.order("BUY", "0.3")
    level = market.position().liquidation_price
    for away in ("20", "15", "10"):
        market.exchange.set_mark(SYMBOL, level + d(away))
    calls = market.events(MarginCallEvent)
    assert len(calls) == 1


def test_funding_comes_from_the_isolated_wallet_or_from_cross_by_a_switch() -> None:
    for of_isolated, left in ((True, d("594")), (False, d("600"))):
        market = Market(switches=Switches(funding_from_isolated_wallet=of_isolated))
        market.exchange.desk.set_margin_type("me", SYMBOL, "ISOLATED")
        market.exchange.desk.set_leverage("me", SYMBOL, 10)
        market.order("BUY", "0.1")
        market.events()
        market.exchange.settle_funding(SYMBOL, d("0.001"))
        assert market.position().isolated_wallet_usdt == left
        (event,) = market.events(AccountEvent)
        assert isinstance(event, AccountEvent)
        assert (event.reason, event.symbol, event.change_usdt) == ("FUNDING_FEE", SYMBOL, -6)
        assert len(event.positions) == 1
        market.check()


def test_funding_in_cross_tells_balances_only() -> None:
    market = Market()
    market.order("SELL", "0.1")
    market.events()
    market.exchange.settle_funding(SYMBOL, d("0.001"))
    (event,) = market.events(AccountEvent)
    assert isinstance(event, AccountEvent)
    assert event.positions == ()
    assert event.change_usdt == 6


def test_deleveraging_closes_part_of_a_position_at_the_mark() -> None:
    market = Market()
    market.order("BUY", "0.1")
    market.exchange.set_mark(SYMBOL, d("61000"))
    market.exchange.hazards.deleverage("me", SYMBOL, share=Decimal("0.5"))
    assert market.position().quantity == d("0.05")
    (order,) = market.exchange.desk.force_orders("me")
    assert (order.client_id, order.average_price) == ("adl_autoclose", 61_000)
    with pytest.raises(Refused, match="-2022"):
        market.exchange.hazards.deleverage("me", "ETHUSDT")
    market.check()


def test_an_admin_may_liquidate_at_will() -> None:
    market = Market()
    with pytest.raises(Refused, match="-2022"):
        market.exchange.hazards.liquidate("me", SYMBOL)
    market.order("BUY", "0.1")
    market.exchange.hazards.liquidate("me", SYMBOL)
    assert market.position().quantity == 0
    market.check()


def test_transfers_are_incomes_and_events_not_profit() -> None:
    market = Market()
    market.events()
    market.exchange.desk.transfer("me", d("500"))
    market.exchange.desk.transfer("me", d("-200"))
    told = [event for event in market.events(AccountEvent) if isinstance(event, AccountEvent)]
    assert [(event.reason, event.change_usdt) for event in told] == [("DEPOSIT", 500), ("WITHDRAW", -200)]
    rows = market.exchange.desk.incomes("me", kind="TRANSFER")
    assert [row.amount_usdt for row in rows] == [10_000, 500, -200]


def test_settings_are_told_and_shown() -> None:
    market = Market()
    desk = market.exchange.desk
    desk.set_multi_assets("me", True)
    assert [type(event) for event in market.events(MultiAssetsEvent)] == [MultiAssetsEvent]
    assert desk.is_multi_assets("me")
    assert not desk.is_dual("me")
    configs = desk.config("me")
    assert [(config.symbol, config.leverage, config.margin_type) for config in configs] == [
        ("BTCUSDT", 20, "CROSSED"),
        ("ETHUSDT", 20, "CROSSED"),
    ]
    assert desk.config("me", SYMBOL)[0].notional_usdt_max == 100_000_000
    assert desk.fees("me").taker_ratio == d("0.0005")


def test_accounts_are_apart() -> None:
    market = Market()
    market.exchange.open_account("other", d("77"))
    market.order("BUY", "0.1")
    assert market.wallet("other") == 77
    assert market.exchange.orders.open("other") == []
    with pytest.raises(KeyError):
        market.exchange.open_account("other", d("1"))
    with pytest.raises(KeyError):
        market.exchange.desk.view("nobody")
