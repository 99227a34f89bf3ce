"""Every refusal that the model knows, by the exchange's own code; a refused command changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from runner.simulator.refusal import MESSAGES, Refused
from runner.simulator.rules import Switches
from runner.simulator.types import AmendOrder
from tests.simulator.model_market import START_MS, SYMBOL, Market, d

LIMIT = {"side": "BUY", "quantity": "0.01", "price": "59000.0"}
STOP = {"side": "SELL", "kind": "STOP_MARKET", "trigger": "59000.0", "quantity": "0.01"}
TRAIL = {"side": "SELL", "kind": "TRAILING_STOP_MARKET", "quantity": "0.01", "callback_ratio": d("1")}

# what is sent instead of, or beside, an order that would be accepted → its refusal
PLAIN: list[tuple[int, dict[str, Any]]] = [
    (-1121, {"symbol": "NOPEUSDT"}),
    (-1117, {"side": "LONG"}),
    (-1116, {"type": "ICEBERG"}),
    (-4120, {"type": "STOP_MARKET"}),
    (-4120, {"type": "TRAILING_STOP_MARKET"}),
    (-4136, {"close_position": True}),
    (-1115, {"time_in_force": "DAY"}),
    (-1115, {"time_in_force": "GTE_GTC"}),
    (-1102, {"time_in_force": None}),
    (-1102, {"quantity": ""}),
    (-1102, {"price": None, "type": "LIMIT", "time_in_force": "GTC"}),
    (-1106, {"type": "MARKET", "time_in_force": None}),
    (-1106, {"price": None, "time_in_force": "GTC"}),
    (-1106, {"price_match": "QUEUE"}),
    (-1106, {"good_till_ms": START_MS + 700_000}),
    (-1102, {"time_in_force": "GTD"}),
    (-5040, {"time_in_force": "GTD", "good_till_ms": START_MS + 600_000}),
    (-5037, {"price_match": "BEST"}),
    (-5038, {"price": None, "price_match": "QUEUE", "time_in_force": None}),
    (-5041, {"price": None, "type": "LIMIT", "time_in_force": "GTC", "price_match": "OPPONENT_20"}),
    (-5039, {"self_trade_prevention": "PERHAPS"}),
    (-4015, {"client_id": "a b"}),
    (-4015, {"client_id": "x" * 37}),
    (-4060, {"position_side": "NET"}),
    (-4061, {"position_side": "LONG"}),
    (-4003, {"quantity": "0"}),
    (-4003, {"quantity": "-1"}),
    (-1111, {"quantity": "0.0105"}),
    (-4005, {"quantity": "1000.001"}),
    (-4005, {"quantity": "120.001", "price": None, "time_in_force": None}),
    (-4005, {"quantity": "1E+400"}),
    (-4001, {"price": "0"}),
    (-1111, {"price": "59000.001"}),
    (-4014, {"price": "59000.05"}),
    (-4013, {"price": "500.0"}),
    (-4002, {"price": "4529764.1"}),
    (-4016, {"price": "63000.1"}),
    (-4024, {"side": "SELL", "price": "56999.9"}),
    (-4164, {"quantity": "0.001"}),
    (-2019, {"quantity": "5"}),
    (-2022, {"reduce_only": True}),
    (-5022, {"price": "60000.1", "time_in_force": "GTX"}),
    (-5021, {"price": "60000.0", "quantity": "3", "time_in_force": "FOK"}),
]
CONDITIONAL: list[tuple[int, dict[str, Any]]] = [
    (-1121, {"symbol": "NOPEUSDT"}),
    (-1117, {"side": "SHORT"}),
    (-1116, {"kind": "LIMIT"}),
    (-1102, {"trigger": None}),
    (-1102, {"quantity": ""}),
    (-1102, {"working_type": "INDEX"}),
    (-4006, {"trigger": "0"}),
    (-4007, {"trigger": "4529764.1"}),
    (-4014, {"trigger": "59000.05"}),
    (-1111, {"trigger": "59000.001"}),
    (-1106, {"price": d("59000")}),
    (-1106, {"callback_ratio": d("1")}),
    (-5038, {"price_match": "QUEUE"}),
    (-1102, {"kind": "STOP"}),
    (-4014, {"kind": "STOP", "price": d("59000.05")}),
    (-4183, {"kind": "STOP", "side": "BUY", "trigger": "61000.0", "price": d("64050.1")}),
    (-4184, {"kind": "STOP", "price": d("56049.9")}),
    (-2021, {"trigger": "60000.0"}),
    (-2021, {"side": "BUY", "trigger": "59999.9"}),
    (-2021, {"kind": "TAKE_PROFIT_MARKET"}),
    (-4136, {"kind": "STOP", "price": d("59000"), "close_position": True}),
    (-4137, {"close_position": True}),
    (-1106, {"close_position": True, "quantity": "", "reduce_only": True}),
    (-4509, {"time_in_force": "GTE_GTC", "reduce_only": True}),
    (-4061, {"position_side": "SHORT"}),
    (-4015, {"client_id": "ä"}),
    (-4164, {"quantity": "0.001"}),
    (-4005, {"quantity": "121"}),
]
TRAILING: list[tuple[int, dict[str, Any]]] = [
    (-1102, {"callback_ratio": None}),
    (-2007, {"callback_ratio": d("0.09")}),
    (-2007, {"callback_ratio": d("20.1")}),
    (-4136, {"close_position": True, "quantity": ""}),
    (-2021, {"activation_price": d("59000")}),
    (-4014, {"activation_price": d("61000.05")}),
]


def refused(market: Market, work: Callable[[], object]) -> int:
    """The code; the log ends with it, and all else is as it was."""
    before = market.exchange.desk.view("me")
    orders, algos = market.exchange.orders.open("me"), market.exchange.algos.open("me")
    with pytest.raises(Refused) as refusal:
        work()
    assert market.exchange.desk.view("me") == before
    assert (market.exchange.orders.open("me"), market.exchange.algos.open("me")) == (orders, algos)
    payload = market.exchange.log.entries[-1].payload
    assert getattr(payload, "code", None) == refusal.value.code
    assert refusal.value.msg.startswith(MESSAGES[refusal.value.code].partition("{")[0])
    market.check()
    return refusal.value.code


@pytest.mark.parametrize(("code", "sent"), PLAIN, ids=str)
def test_a_plain_order_is_refused_by_its_code(code: int, sent: dict[str, Any]) -> None:
    market = Market()
    if sent.get("price_match") == "BEST":
        sent = {**sent, "price": None, "type": "LIMIT", "time_in_force": "GTC"}
    assert refused(market, lambda: market.order(**{**LIMIT, **sent})) == code


@pytest.mark.parametrize(("code", "sent"), CONDITIONAL, ids=str)
def test_a_conditional_order_is_refused_by_its_code(code: int, sent: dict[str, Any]) -> None:
    market = Market()
    assert refused(market, lambda: market.algo(**{**STOP, **sent})) == code


@pytest.mark.parametrize(("code", "sent"), TRAILING, ids=str)
def test_a_trailing_stop_is_refused_by_its_code(code: int, sent: dict[str, Any]) -> None:
    market = Market()
    assert refused(market, lambda: market.algo(**{**TRAIL, **sent})) == code


def test_what_the_tables_start_from_is_accepted() -> None:
    market = Market()
    assert market.order(**LIMIT).status == "NEW"  # type: ignore[arg-type]
    assert market.algo(**STOP).status == "NEW"  # type: ignore[arg-type]
    assert market.algo(**TRAIL).status == "NEW"  # type: ignore[arg-type]
    market.check()


def test_a_switch_changes_the_code_where_both_were_seen() -> None:
    market = Market(switches=Switches(activation_code=-4135, close_position_reduce_only_code=-4138))
    closing = {**STOP, "quantity": "", "close_position": True, "reduce_only": True}
    assert refused(market, lambda: market.algo(**closing)) == -4138  # type: ignore[arg-type]
    late = {**TRAIL, "activation_price": d("59000")}
    assert refused(market, lambda: market.algo(**late)) == -4135
    market = Market(switches=Switches(close_position_needs_position=True))
    closing = {**STOP, "quantity": "", "close_position": True}
    assert refused(market, lambda: market.algo(**closing)) == -4509  # type: ignore[arg-type]


@pytest.mark.parametrize(("status", "code"), [("CLOSE", -4141), ("SETTLING", -4141), ("DELIVERING", -4140)])
def test_a_contract_that_does_not_trade_takes_no_orders(status: str, code: int) -> None:
    market = Market()
    resting = market.order(**LIMIT)  # type: ignore[arg-type]
    market.exchange.change_rules(replace(market.exchange.rules(SYMBOL), status=status))
    assert refused(market, lambda: market.order("BUY", "0.01")) == code
    assert refused(market, lambda: market.algo(**STOP)) == code  # type: ignore[arg-type]
    amend = AmendOrder(symbol=SYMBOL, side="BUY", order_id=resting.order_id, price=d("58000"))
    assert refused(market, lambda: market.exchange.orders.amend("me", amend)) == -5024


def test_a_contract_without_a_price_yet_takes_no_orders() -> None:
    market = Market()
    for sent in ({}, {"price": "3000.0", "side": "SELL"}, {"price": "3000.0", "quantity": "1"}):
        new = {"side": "BUY", "quantity": "0.1", "symbol": "ETHUSDT", **sent}
        assert refused(market, lambda new=new: market.order(**new)) == -4140
    assert refused(market, lambda: market.algo(**STOP, symbol="ETHUSDT")) == -4140  # type: ignore[arg-type]
    assert market.exchange.depth("ETHUSDT", 5) == ([], [])


def test_rules_that_change_are_in_force_at_once() -> None:
    market = Market()
    coarse = replace(market.exchange.rules(SYMBOL), tick_size=d("10"), notional_usdt_min=d("700"))
    market.exchange.change_rules(coarse)
    assert refused(market, lambda: market.order("BUY", "0.01", "59001.0")) == -4014
    assert refused(market, lambda: market.order("BUY", "0.01", "59000.0")) == -4164
    assert market.order("BUY", "0.02", "59000.0").status == "NEW"


def test_a_client_id_is_unique_among_open_orders_only() -> None:
    market = Market()
    first = market.order(**LIMIT, client_id="bot-1")  # type: ignore[arg-type]
    assert refused(market, lambda: market.order(**LIMIT, client_id="bot-1")) == -4116  # type: ignore[arg-type]
    market.exchange.orders.cancel("me", SYMBOL, client_id="bot-1")
    second = market.order(**LIMIT, client_id="bot-1")  # type: ignore[arg-type]
    assert market.exchange.orders.get("me", SYMBOL, client_id="bot-1") == second != first
    market.algo(**STOP, client_id="bot-1")  # type: ignore[arg-type]
    assert refused(market, lambda: market.algo(**STOP, client_id="bot-1")) == -4116  # type: ignore[arg-type]


def test_the_number_of_open_orders_is_limited() -> None:
    market = Market(wallet="100000")
    market.exchange.change_rules(replace(market.exchange.rules(SYMBOL), orders_max=3))
    for _ in range(3):
        market.order(**LIMIT)  # type: ignore[arg-type]
    assert refused(market, lambda: market.order(**LIMIT)) == -2025  # type: ignore[arg-type]
    market = Market(switches=Switches(algo_orders_max=2))
    for _ in range(2):
        market.algo(**STOP)  # type: ignore[arg-type]
    assert refused(market, lambda: market.algo(**STOP)) == -4045  # type: ignore[arg-type]


def test_an_order_that_is_not_there_has_two_codes() -> None:
    market = Market()
    desk = market.exchange.orders
    assert refused(market, lambda: desk.cancel("me", SYMBOL, 1)) == -2011
    with pytest.raises(Refused, match="-2013"):
        desk.get("me", SYMBOL, 1)
    with pytest.raises(Refused, match="-2013"):
        market.exchange.algos.get("me", client_id="nothing")
    assert refused(market, lambda: market.exchange.algos.cancel("me", algo_id=1)) == -2011
    filled = market.order("BUY", "0.01")
    assert refused(market, lambda: desk.cancel("me", SYMBOL, filled.order_id)) == -2011
    amend = AmendOrder(symbol=SYMBOL, side="BUY", order_id=filled.order_id, price=d("58000"))
    assert refused(market, lambda: desk.amend("me", amend)) == -2013


def test_an_amendment_is_judged_and_the_old_order_stands() -> None:
    market = Market()
    order = market.order(**LIMIT)  # type: ignore[arg-type]
    wishes: list[tuple[int, dict[str, Any]]] = [
        (-5027, {}),
        (-5027, {"price": d("59000")}),
        (-1117, {"side": "SELL", "price": d("58000")}),
        (-4014, {"price": d("58000.05")}),
        (-4016, {"price": d("63000.1")}),
        (-4164, {"quantity": d("0.001")}),
        (-2019, {"quantity": d("5")}),
        (-4003, {"quantity": d("0")}),
    ]
    for code, wish in wishes:
        amend = AmendOrder(**{"symbol": SYMBOL, "side": "BUY", "order_id": order.order_id, **wish})
        assert refused(market, lambda amend=amend: market.exchange.orders.amend("me", amend)) == code
        assert market.now(order) == order
    market.exchange.change_rules(replace(market.exchange.rules(SYMBOL), amendments_max=1))
    amend = AmendOrder(symbol=SYMBOL, side="BUY", order_id=order.order_id, price=d("58000"))
    assert market.exchange.orders.amend("me", amend).amendments == 1
    again = AmendOrder(symbol=SYMBOL, side="BUY", order_id=order.order_id, price=d("58001"))
    assert refused(market, lambda: market.exchange.orders.amend("me", again)) == -5026


def test_leverage_is_refused_by_its_code() -> None:
    market = Market(wallet="100000")
    desk = market.exchange.desk
    assert refused(market, lambda: desk.set_leverage("me", SYMBOL, 126)) == -4028
    assert refused(market, lambda: desk.set_leverage("me", SYMBOL, 0)) == -4028
    market.order("BUY", "1")
    assert refused(market, lambda: desk.set_leverage("me", SYMBOL, 101)) == -2027
    market.exchange.desk.transfer("me", d("-90000"))
    assert refused(market, lambda: desk.set_leverage("me", SYMBOL, 1)) == -2028
    assert desk.set_leverage("me", SYMBOL, 50).leverage == 50


def test_an_order_beyond_the_bracket_of_its_leverage_is_refused() -> None:
    market = Market(wallet="1000000")
    market.exchange.desk.set_leverage("me", SYMBOL, 125)
    assert refused(market, lambda: market.order("BUY", "1", "59000.0")) == -2027
    market.order("BUY", "0.8", "59000.0")
    assert refused(market, lambda: market.order("BUY", "0.1", "59000.0")) == -2027


def test_margin_type_is_refused_by_its_code() -> None:
    market = Market()
    desk = market.exchange.desk
    assert refused(market, lambda: desk.set_margin_type("me", SYMBOL, "CROSSED")) == -4046
    market.order(**LIMIT)  # type: ignore[arg-type]
    assert refused(market, lambda: desk.set_margin_type("me", SYMBOL, "ISOLATED")) == -4047
    market.exchange.orders.cancel_all("me", SYMBOL)
    market.algo(**STOP)  # type: ignore[arg-type]
    assert refused(market, lambda: desk.set_margin_type("me", SYMBOL, "ISOLATED")) == -4047
    market.exchange.algos.cancel_all("me", SYMBOL)
    market.order("BUY", "0.01")
    assert refused(market, lambda: desk.set_margin_type("me", SYMBOL, "ISOLATED")) == -4048
    market.order("SELL", "0.01")
    desk.set_margin_type("me", SYMBOL, "ISOLATED")
    market.order("BUY", "0.01")
    assert refused(market, lambda: desk.set_leverage("me", SYMBOL, 10)) == -4161
    assert refused(market, lambda: desk.set_multi_assets("me", True)) == -4167


def test_position_mode_is_refused_by_its_code() -> None:
    market = Market()
    desk = market.exchange.desk
    assert refused(market, lambda: desk.set_dual("me", False)) == -4059
    market.order(**LIMIT)  # type: ignore[arg-type]
    assert refused(market, lambda: desk.set_dual("me", True)) == -4067
    market.exchange.orders.cancel_all("me", SYMBOL)
    market.order("BUY", "0.01")
    assert refused(market, lambda: desk.set_dual("me", True)) == -4068
    market.order("SELL", "0.01")
    desk.set_dual("me", True)
    assert refused(market, lambda: market.order("BUY", "0.01")) == -4061
    long = {"position_side": "LONG"}
    assert refused(market, lambda: market.order("BUY", "0.01", reduce_only=True, **long)) == -1106
    assert refused(market, lambda: market.order("SELL", "0.01", **long)) == -2022
    market.order("BUY", "0.01", **long)
    assert refused(market, lambda: market.order("SELL", "0.02", **long)) == -2022


def test_multi_assets_is_a_flag_with_its_codes() -> None:
    market = Market()
    desk = market.exchange.desk
    assert refused(market, lambda: desk.set_multi_assets("me", False)) == -4171
    desk.set_multi_assets("me", True)
    assert refused(market, lambda: desk.set_margin_type("me", SYMBOL, "ISOLATED")) == -4168


def test_position_margin_is_refused_by_its_code() -> None:
    market = Market(wallet="1000")
    desk = market.exchange.desk
    assert refused(market, lambda: desk.add_margin("me", SYMBOL, d("0"))) == -4055
    assert refused(market, lambda: desk.add_margin("me", SYMBOL, d("10"))) == -4054
    desk.set_margin_type("me", SYMBOL, "ISOLATED")
    market.order("BUY", "0.1")
    assert refused(market, lambda: desk.add_margin("me", SYMBOL, d("10"), "LONG")) == -4061
    assert refused(market, lambda: desk.add_margin("me", SYMBOL, d("5000"))) == -2019
    assert refused(market, lambda: desk.add_margin("me", SYMBOL, d("-10"))) == -4051
    desk.add_margin("me", SYMBOL, d("100"))
    desk.add_margin("me", SYMBOL, d("-100"))
    assert market.position().isolated_wallet_usdt == 300
    assert refused(market, lambda: desk.transfer("me", d("-900"))) == -2018


def test_levers_refuse_what_they_are_set_to() -> None:
    market = Market()
    market.order("BUY", "0.02")
    levers = market.exchange.levers
    levers.entries_refused = Refused(-1008, "Server is currently overloaded.")
    with pytest.raises(Refused, match="-1008"):
        market.order("BUY", "0.01")
    with pytest.raises(Refused, match="-1008"):
        market.algo(**{**STOP, "side": "BUY", "trigger": "61000"})  # type: ignore[arg-type]
    assert market.order("SELL", "0.01", reduce_only=True).status == "FILLED"
    assert market.algo("SELL", "STOP_MARKET", "59000", close_position=True).status == "NEW"
    levers.entries_refused = None
    levers.orders_refused[SYMBOL] = Refused(-1111, MESSAGES[-1111])
    assert refused(market, lambda: market.order("SELL", "0.01", reduce_only=True)) == -1111
    levers.orders_refused.clear()
    assert market.order("SELL", "0.01").status == "FILLED"


def test_every_message_belongs_to_a_code_that_is_used() -> None:
    from pathlib import Path

    import runner.simulator

    package = Path(str(runner.simulator.__file__)).parent
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in package.glob("*.py") if path.name != "refusal.py"
    )
    unused = [code for code in MESSAGES if f"{code}" not in text]
    assert unused == []


def test_a_number_too_long_for_the_context_is_refused_not_a_crash() -> None:
    market = Market()
    long = "0.01" + "0" * 40 + "1"
    assert refused(market, lambda: market.order("BUY", long)) == -1111
    assert refused(market, lambda: market.order("BUY", "0.01", "59000.0" + "0" * 40 + "1")) == -1111
    assert Decimal(long) != Decimal("0.01")
