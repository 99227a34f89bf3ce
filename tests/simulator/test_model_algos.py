"""Conditional orders: what makes them fire, what then happens, and what ends them otherwise."""

from decimal import Decimal

import pytest

from runner.simulator.events import AlgoEvent, OrderEvent
from runner.simulator.refusal import Refused
from runner.simulator.rules import Switches
from runner.simulator.types import AlgoOrder
from tests.simulator.model_market import START_MS, SYMBOL, Market, d


def long(**more: object) -> Market:
    """0.02 BTC long at 60000."""
    market = Market(**more)  # type: ignore[arg-type]
    market.order("BUY", "0.02")
    return market


def life(market: Market) -> list[str]:
    """The statuses told of algo orders, in order."""
    return [event.algo.status for event in market.events(AlgoEvent) if isinstance(event, AlgoEvent)]


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "short_of", "through"),
    [
        ("SELL", "STOP_MARKET", "59000.0", "59000.1", "59000.0"),
        ("BUY", "STOP_MARKET", "61000.0", "60999.9", "61000.0"),
        ("SELL", "TAKE_PROFIT_MARKET", "61000.0", "60999.9", "61000.0"),
        ("BUY", "TAKE_PROFIT_MARKET", "59000.0", "59000.1", "59000.0"),
    ],
)
def test_each_kind_fires_on_its_side(side: str, kind: str, trigger: str, short_of: str, through: str) -> None:
    market = Market()
    algo = market.algo(side, kind, trigger, "0.02", client_id="mine")
    market.go(short_of)
    assert market.algo_now(algo).status == "NEW"
    market.events()
    market.go(through)
    done = market.algo_now(algo)
    assert done.status == "FINISHED"
    child = market.exchange.orders.get("me", SYMBOL, done.order_id)
    assert (child.status, child.client_id, child.original_type, child.type) == (
        "FILLED",
        "mine",
        kind,
        "MARKET",
    )
    assert life(market) == ["TRIGGERING", "TRIGGERED", "FINISHED"]
    market.check()


def test_a_gap_fills_at_the_market_not_at_the_trigger() -> None:
    market = long()
    algo = market.algo("SELL", "STOP_MARKET", "59000.0", "0.02", reduce_only=True)
    market.go("57500.0")
    child = market.exchange.orders.get("me", SYMBOL, market.algo_now(algo).order_id)
    assert child.average_price == d("57500.0")
    market.check()


def test_a_mark_stop_looks_at_the_mark_and_a_contract_stop_at_the_last_price() -> None:
    market = long()
    by_mark = market.algo(
        "SELL", "STOP_MARKET", "59000.0", "0.01", reduce_only=True, working_type="MARK_PRICE"
    )
    by_last = market.algo("SELL", "STOP_MARKET", "59000.0", "0.01", reduce_only=True)
    market.go("58900.0", mark="")
    assert (market.algo_now(by_mark).status, market.algo_now(by_last).status) == ("NEW", "FINISHED")
    market.exchange.set_mark(SYMBOL, d("58999.5"))
    assert market.algo_now(by_mark).status == "FINISHED"


def test_price_protection_waits_until_last_and_mark_agree() -> None:
    market = long()
    algo = market.algo("SELL", "STOP_MARKET", "59000.0", "0.02", reduce_only=True, price_protect=True)
    market.go("56000.0", mark="60000.0")
    assert market.algo_now(algo).status == "NEW"
    market.exchange.set_mark(SYMBOL, d("57000"))
    assert market.algo_now(algo).status == "FINISHED"


def test_a_stop_limit_leaves_a_limit_order_that_may_be_jumped_over() -> None:
    market = long()
    algo = market.algo("SELL", "STOP", "59000.0", "0.02", price=d("58900.0"), reduce_only=True)
    market.go("58000.0")
    triggered = market.algo_now(algo)
    child = market.exchange.orders.get("me", SYMBOL, triggered.order_id)
    assert (triggered.status, child.status, child.price) == ("TRIGGERED", "NEW", d("58900.0"))
    market.exchange.orders.cancel("me", SYMBOL, child.order_id)
    assert market.algo_now(algo).status == "FINISHED"  # ended, one way or the other
    assert market.position().quantity == d("0.02")
    market.check()


def test_a_trailing_stop_follows_and_fires() -> None:
    market = long()
    market.events()
    algo = market.algo(
        "SELL",
        "TRAILING_STOP_MARKET",
        quantity="0.02",
        callback_ratio=d("1"),
        activation_price=d("60500.0"),
        reduce_only=True,
    )
    market.go("59000.0")
    assert not market.algo_now(algo).is_activated
    market.go("60600.0")
    market.go("62000.0")
    market.go("61380.1")
    assert market.algo_now(algo).status == "NEW"
    market.go("61380.0")
    done = market.algo_now(algo)
    assert (done.status, done.best_price) == ("FINISHED", d("62000.0"))
    told = [event.algo for event in market.events(AlgoEvent) if isinstance(event, AlgoEvent)]
    assert [(algo.status, algo.is_activated) for algo in told] == [
        ("NEW", False),
        ("NEW", True),
        ("TRIGGERING", True),
        ("TRIGGERED", True),
        ("FINISHED", True),
    ]


def test_a_trailing_stop_without_activation_starts_at_the_latest_price() -> None:
    market = Market()
    algo = market.algo("BUY", "TRAILING_STOP_MARKET", quantity="0.02", callback_ratio=d("0.5"))
    assert (algo.is_activated, algo.best_price, algo.activation_price) == (True, d("60000.0"), d("60000.0"))
    market.go("59000.0")
    market.go("59294.9")
    assert market.algo_now(algo).status == "NEW"
    market.go("59295.0")
    assert market.algo_now(algo).status == "FINISHED"


def test_close_position_closes_the_whole_present_position() -> None:
    market = long()
    algo = market.algo("SELL", "STOP_MARKET", "59000.0", close_position=True)
    assert (algo.time_in_force, algo.reduce_only, algo.quantity) == ("GTE_GTC", True, 0)
    market.order("BUY", "0.03")
    market.go("58999.0")
    assert market.position().quantity == 0
    assert market.algo_now(algo).status == "FINISHED"
    market.check()


def test_one_close_position_order_of_a_kind_and_side() -> None:
    market = long()
    first = market.algo("SELL", "STOP_MARKET", "59000.0", close_position=True)
    market.algo("SELL", "TAKE_PROFIT_MARKET", "61000.0", close_position=True)
    with pytest.raises(Refused, match="-4130"):
        market.algo("SELL", "STOP_MARKET", "58000.0", close_position=True)
    market.algo("SELL", "STOP_MARKET", "58000.0", "0.02", reduce_only=True)
    market.algo("BUY", "STOP_MARKET", "61000.0", close_position=True)
    market.exchange.algos.cancel("me", algo_id=first.algo_id)
    market.algo("SELL", "STOP_MARKET", "58000.0", close_position=True)
    market.check()


def test_close_position_orders_leave_with_the_position_and_plain_stops_stay_as_orphans() -> None:
    market = long()
    gte = market.algo("SELL", "STOP_MARKET", "59000.0", close_position=True)
    plain = market.algo("SELL", "STOP_MARKET", "59000.0", "0.02", reduce_only=True)
    market.order("SELL", "0.02", reduce_only=True)
    assert (market.algo_now(gte).status, market.algo_now(plain).status) == ("EXPIRED", "NEW")
    market.go("58000.0")
    orphan = market.algo_now(plain)
    assert (orphan.status, orphan.order_id) == ("REJECTED", None)
    assert orphan.reason.startswith("-2022")
    market.check()


def test_an_orphan_can_hit_a_new_position() -> None:
    market = long()
    orphan = market.algo("SELL", "STOP_MARKET", "59000.0", "0.02", reduce_only=True)
    market.order("SELL", "0.02", reduce_only=True)
    market.order("BUY", "0.05")
    market.go("58000.0")
    assert (market.algo_now(orphan).status, market.position().quantity) == ("FINISHED", d("0.03"))


def test_switches_decide_whether_plain_close_position_orders_vanish() -> None:
    for vanishes, status in ((True, "EXPIRED"), (False, "NEW")):
        market = long(switches=Switches(close_position_is_gte=False, gtc_close_position_vanishes=vanishes))
        algo = market.algo("SELL", "STOP_MARKET", "59000.0", close_position=True)
        assert algo.time_in_force == "GTC"
        market.order("SELL", "0.02", reduce_only=True)
        assert market.algo_now(algo).status == status


def test_nothing_to_reduce_may_be_called_expired() -> None:
    market = Market(switches=Switches(nothing_to_reduce_status="EXPIRED"))
    algo = market.algo("SELL", "STOP_MARKET", "59000.0", "0.02", reduce_only=True)
    market.go("58000.0")
    assert market.algo_now(algo).status == "EXPIRED"


def test_no_margin_is_checked_before_the_trigger_and_all_of_it_at_the_trigger() -> None:
    market = Market(wallet="100")
    algo = market.algo("BUY", "STOP_MARKET", "61000.0", "1")
    assert market.exchange.desk.view("me").available_usdt == 100
    market.go("61000.0")
    rejected = market.algo_now(algo)
    assert (rejected.status, rejected.reason) == ("REJECTED", "-2019 Margin is insufficient.")
    assert market.exchange.orders.all("me", SYMBOL) == []
    market.check()


def test_resting_targets_do_not_stop_a_stop() -> None:
    market = long()
    target = market.order("SELL", "0.02", "61000.0", reduce_only=True)
    stop = market.algo("SELL", "STOP_MARKET", "59000.0", "0.02", reduce_only=True)
    market.go("58999.0")
    assert (market.algo_now(stop).status, market.now(target).status) == ("FINISHED", "EXPIRED")
    market = long(switches=Switches(resting_reduce_only_counts_at_trigger=True))
    market.order("SELL", "0.02", "61000.0", reduce_only=True)
    stop = market.algo("SELL", "STOP_MARKET", "59000.0", "0.02", reduce_only=True)
    market.go("58999.0")
    assert market.algo_now(stop).reason.startswith("-4118")


def test_the_trigger_has_a_window_in_which_cancelling_is_refused() -> None:
    for code in (-4117, -2011):
        market = long(switches=Switches(trigger_window_ms=300, cancel_while_triggering_code=code))
        algo = market.algo("SELL", "STOP_MARKET", "59000.0", close_position=True)
        market.go("58999.0")
        assert market.algo_now(algo).status == "TRIGGERING"
        with pytest.raises(Refused, match=str(code)):
            market.exchange.algos.cancel("me", algo_id=algo.algo_id)
        market.exchange.advance_to(START_MS + 299)
        market.go("58500.0")
        assert market.position().quantity == d("0.02")
        market.exchange.advance_to(START_MS + 300)
        assert (market.algo_now(algo).status, market.position().quantity) == ("FINISHED", 0)
        market.check()


def test_levers_hang_and_reject_triggers_and_name_children_otherwise() -> None:
    market = long()
    levers = market.exchange.levers
    levers.trigger_hangs, levers.trigger_rejections, levers.foreign_child_ids = 1, 1, 1
    algos = [
        market.algo("SELL", "STOP_MARKET", "59000.0", "0.005", reduce_only=True, client_id=f"s{number}")
        for number in range(3)
    ]
    market.go("58999.0")
    market.exchange.advance_to(START_MS + 3_600_000)
    now = [market.algo_now(algo) for algo in algos]
    assert [algo.status for algo in now] == ["TRIGGERING", "REJECTED", "FINISHED"]
    child = market.exchange.orders.get("me", SYMBOL, now[2].order_id)
    assert child.client_id != "s2"
    market.check()


def test_a_conditional_order_can_be_good_till_a_date() -> None:
    market = Market()
    algo = market.algo(
        "BUY",
        "STOP",
        "61000.0",
        "0.02",
        price=d("61100.0"),
        time_in_force="GTD",
        good_till_ms=START_MS + 700_000,
    )
    market.exchange.advance_to(START_MS + 700_000)
    assert market.algo_now(algo).status == "EXPIRED"


def test_cancel_all_of_one_world_leaves_the_other() -> None:
    market = long()
    order = market.order("BUY", "0.01", "59000.0")
    algo = market.algo("SELL", "STOP_MARKET", "58000.0", close_position=True)
    assert [one.order_id for one in market.exchange.orders.cancel_all("me", SYMBOL)] == [order.order_id]
    assert market.exchange.algos.open("me") == [algo]
    cancelled = market.exchange.algos.cancel_all("me", SYMBOL)
    assert [one.status for one in cancelled] == ["CANCELED"]
    assert market.exchange.algos.open("me", SYMBOL) == []


def test_hedge_mode_stops_close_their_own_leg() -> None:
    market = Market()
    market.exchange.desk.set_dual("me", True)
    market.order("BUY", "0.02", position_side="LONG")
    market.order("SELL", "0.03", position_side="SHORT")
    algo = market.algo("SELL", "STOP_MARKET", "59000.0", close_position=True, position_side="LONG")
    larger = market.algo("BUY", "STOP_MARKET", "61000.0", "0.05", position_side="SHORT")
    market.go("58999.0")
    assert (market.position("LONG").quantity, market.position("SHORT").quantity) == (0, d("-0.03"))
    market.go("61000.0")
    assert market.position("SHORT").quantity == 0
    child = market.exchange.orders.get("me", SYMBOL, market.algo_now(larger).order_id)
    assert (child.status, child.executed) == ("EXPIRED", d("0.03"))
    assert market.algo_now(algo).status == "FINISHED"
    market.check()


def test_a_child_is_told_before_it_fills_and_after_its_algo_order_says_so() -> None:
    market = long()
    market.algo("SELL", "STOP_MARKET", "59000.0", close_position=True)
    market.events()
    market.go("58999.0")
    told = [
        (type(event).__name__, event.algo.status if isinstance(event, AlgoEvent) else event.execution)
        for event in market.events(AlgoEvent, OrderEvent)
        if isinstance(event, AlgoEvent | OrderEvent)
    ]
    assert told == [
        ("AlgoEvent", "TRIGGERING"),
        ("AlgoEvent", "TRIGGERED"),
        ("OrderEvent", "NEW"),
        ("OrderEvent", "TRADE"),
        ("AlgoEvent", "FINISHED"),
    ]


def test_an_algo_order_knows_its_child() -> None:
    market = long()
    algo: AlgoOrder = market.algo("SELL", "STOP_MARKET", "59000.0", "0.02", reduce_only=True)
    market.go("58999.0")
    done = market.algo_now(algo)
    child = market.exchange.orders.get("me", SYMBOL, done.order_id)
    assert child.algo_id == done.algo_id
    assert (child.executed, child.average_price) == (d("0.02"), Decimal("58999.0"))
    assert market.exchange.algos.all("me", SYMBOL)[-1] == done
