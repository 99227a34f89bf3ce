"""Is a command well formed, and within the rules of its contract? One refusal per fault, in a fixed order.

In: a command, rules, prices. Out: nothing, or Refused. Changes nothing.
Refuses to know: accounts' positions and money.
Source: reference sections 4.1 and 5.1.
"""

import re
from decimal import Decimal

from runner.simulator.refusal import refused
from runner.simulator.rules import InstrumentRules, Switches
from runner.simulator.types import CONDITIONAL_TYPES, ZERO, NewAlgo, NewOrder

CLIENT_ID = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
TIMES_IN_FORCE = frozenset({"GTC", "IOC", "FOK", "GTX", "GTD"})
ALGO_TIMES_IN_FORCE = TIMES_IN_FORCE | {"GTE_GTC"}
PRICE_MATCHES = frozenset(
    word + place for word in ("OPPONENT", "QUEUE") for place in ("", "_5", "_10", "_20")
)
PREVENTIONS = frozenset({"NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"})
GOOD_TILL_AHEAD_MS, GOOD_TILL_MAX_MS = 600_000, 253_402_300_799_000
CALLBACK_MIN = Decimal("0.1")


def check_order(rules: InstrumentRules, command: NewOrder, *, is_dual: bool, now_ms: int) -> None:
    """All that can be said of a plain order without looking at account or book."""
    _check_symbol(rules)
    _check_words(command)
    if command.type in CONDITIONAL_TYPES:
        raise refused(-4120)
    if command.type not in {"LIMIT", "MARKET"}:
        raise refused(-1116)
    if command.close_position:
        raise refused(-4136)
    check_position_side(command.position_side, command.reduce_only, is_dual=is_dual)
    _check_client_id(command.client_id)
    if command.quantity is None:
        raise refused(-1102, "quantity")
    if command.type == "MARKET":
        _check_market_extras(command)
    else:
        _check_limit_extras(command, now_ms)
    check_quantity(rules, command.quantity, is_market=command.type == "MARKET")
    if command.price is not None:
        check_price(rules, command.price)


def _check_symbol(rules: InstrumentRules) -> None:
    if rules.status in {"CLOSE", "SETTLING", "PENDING_TRADING", "BREAK"}:
        raise refused(-4141)
    if rules.status != "TRADING":
        raise refused(-4140)


def _check_words(command: NewOrder | NewAlgo) -> None:
    if command.side not in {"BUY", "SELL"}:
        raise refused(-1117)
    if command.time_in_force is not None and command.time_in_force not in ALGO_TIMES_IN_FORCE:
        raise refused(-1115)
    if command.self_trade_prevention not in PREVENTIONS:
        raise refused(-5039)
    if command.price_match != "NONE" and command.price_match not in PRICE_MATCHES:
        raise refused(-5037)


def check_position_side(position_side: str | None, reduce_only: bool | None, *, is_dual: bool) -> None:
    """One-way: BOTH or nothing. Hedge: LONG or SHORT, and never reduceOnly."""
    if position_side not in {None, "BOTH", "LONG", "SHORT"}:
        raise refused(-4060)
    if is_dual != (position_side in {"LONG", "SHORT"}):
        raise refused(-4061)
    if is_dual and reduce_only is not None:
        raise refused(-1106, "reduceonly")


def _check_client_id(client_id: str | None) -> None:
    if client_id is not None and not CLIENT_ID.fullmatch(client_id):
        raise refused(-4015)


def _check_market_extras(command: NewOrder) -> None:
    if command.price_match != "NONE":
        raise refused(-5038)
    if command.price is not None:
        raise refused(-1106, "price")
    if command.time_in_force is not None:
        raise refused(-1106, "timeInForce")


def _check_limit_extras(command: NewOrder, now_ms: int) -> None:
    if command.time_in_force is None:
        raise refused(-1102, "timeInForce")
    if command.time_in_force not in TIMES_IN_FORCE:
        raise refused(-1115)
    check_priced(command.price, command.price_match)
    check_good_till(command.time_in_force, command.good_till_ms, now_ms)


def check_priced(price: Decimal | None, price_match: str) -> None:
    """A price, or a way to find one, and not both."""
    if price_match != "NONE":
        if price is not None:
            raise refused(-1106, "price")
    elif price is None:
        raise refused(-1102, "price")


def check_good_till(time_in_force: str | None, good_till_ms: int | None, now_ms: int) -> None:
    if time_in_force != "GTD":
        if good_till_ms:
            raise refused(-1106, "goodTillDate")
        return
    if good_till_ms is None:
        raise refused(-1102, "goodTillDate")
    if not now_ms + GOOD_TILL_AHEAD_MS < good_till_ms < GOOD_TILL_MAX_MS:
        raise refused(-5040)


def check_quantity(rules: InstrumentRules, quantity: Decimal, *, is_market: bool) -> None:
    """LOT_SIZE and MARKET_LOT_SIZE."""
    if quantity <= 0:
        raise refused(-4003)
    if quantity > (rules.market_quantity_max if is_market else rules.quantity_max):
        raise refused(-4005)
    off_step = quantity % rules.step_size
    if off_step and decimals(quantity) > rules.quantity_precision:
        raise refused(-1111)
    if quantity < rules.quantity_min:
        raise refused(-4004)
    if off_step:
        raise refused(-4023)


def check_price(rules: InstrumentRules, price: Decimal) -> None:
    """PRICE_FILTER, of a limit price."""
    if price <= 0:
        raise refused(-4001)
    if price > rules.price_max:
        raise refused(-4002)
    off_tick = price % rules.tick_size
    if off_tick and decimals(price) > rules.price_precision:
        raise refused(-1111)
    if price < rules.price_min:
        raise refused(-4013)
    if off_tick:
        raise refused(-4014)


def check_stop_price(rules: InstrumentRules, price: Decimal) -> None:
    """PRICE_FILTER, of a trigger or activation price."""
    if price <= 0:
        raise refused(-4006)
    if price > rules.price_max:
        raise refused(-4007)
    off_tick = price % rules.tick_size
    if off_tick and decimals(price) > rules.price_precision:
        raise refused(-1111)
    if off_tick:
        raise refused(-4014)


def check_limit_band(rules: InstrumentRules, side: str, price: Decimal, mark: Decimal) -> None:
    """PERCENT_PRICE of a limit order: no buy far above the mark, no sell far below it."""
    if side == "BUY" and price > mark * rules.percent_up:
        raise refused(-4016, shown(mark * rules.percent_up, rules.tick_size))
    if side == "SELL" and price < mark * rules.percent_down:
        raise refused(-4024, shown(mark * rules.percent_down, rules.tick_size))


def check_market_band(rules: InstrumentRules, side: str, counterparty: Decimal, mark: Decimal) -> None:
    """PERCENT_PRICE of a market order: the best price of the other side."""
    if side == "BUY" and counterparty > mark * rules.percent_up:
        raise refused(-4131)
    if side == "SELL" and counterparty < mark * rules.percent_down:
        raise refused(-4131)


def check_notional(rules: InstrumentRules, notional_usdt: Decimal) -> None:
    """MIN_NOTIONAL; not for orders that only reduce."""
    if notional_usdt < rules.notional_usdt_min:
        raise refused(-4164, f"{rules.notional_usdt_min.normalize():f}")


def check_algo(
    rules: InstrumentRules, command: NewAlgo, switches: Switches, *, is_dual: bool, now_ms: int
) -> None:
    """All that can be said of a conditional order without looking at account or prices."""
    _check_symbol(rules)
    _check_words(command)
    if command.type not in CONDITIONAL_TYPES:
        raise refused(-1116)
    check_position_side(command.position_side, command.reduce_only, is_dual=is_dual)
    _check_client_id(command.client_id)
    if command.working_type not in {"CONTRACT_PRICE", "MARK_PRICE"}:
        raise refused(-1102, "workingType")
    if command.close_position:
        _check_close_position(command, switches)
    elif command.quantity is None:
        raise refused(-1102, "quantity")
    if command.type == "TRAILING_STOP_MARKET":
        _check_trailing(rules, command, switches)
    else:
        _check_trigger(rules, command)
    check_good_till(command.time_in_force, command.good_till_ms, now_ms)
    if command.quantity is not None and not command.close_position:
        is_market = command.type.endswith("_MARKET")
        check_quantity(rules, command.quantity, is_market=is_market)


def _check_close_position(command: NewAlgo, switches: Switches) -> None:
    if command.type not in {"STOP_MARKET", "TAKE_PROFIT_MARKET"}:
        raise refused(-4136)
    if command.quantity is not None and command.quantity != ZERO:
        raise refused(-4137)
    if command.reduce_only is not None:
        raise refused(switches.close_position_reduce_only_code, "reduceonly")


def _check_trailing(rules: InstrumentRules, command: NewAlgo, switches: Switches) -> None:
    if command.callback_ratio is None:
        raise refused(-1102, "callbackRate")
    if not CALLBACK_MIN <= command.callback_ratio <= switches.trailing_ratio_max:
        raise refused(-2007)
    if command.price is not None:
        raise refused(-1106, "price")
    if command.activation_price is not None:
        check_stop_price(rules, command.activation_price)


def _check_trigger(rules: InstrumentRules, command: NewAlgo) -> None:
    if command.trigger_price is None:
        raise refused(-1102, "triggerPrice")
    if command.callback_ratio is not None:
        raise refused(-1106, "callbackRate")
    check_stop_price(rules, command.trigger_price)
    if command.type.endswith("_MARKET"):
        if command.price_match != "NONE":
            raise refused(-5038)
        if command.price is not None:
            raise refused(-1106, "price")
        return
    check_priced(command.price, command.price_match)
    if command.price is not None:
        check_price(rules, command.price)
        _check_stop_band(rules, command.side, command.price, command.trigger_price)


def _check_stop_band(rules: InstrumentRules, side: str, price: Decimal, trigger: Decimal) -> None:
    """The limit price of a stop lies in the same band around its trigger as others do around the mark."""
    if side == "BUY" and price > trigger * rules.percent_up:
        raise refused(-4183, shown(trigger * rules.percent_up, rules.tick_size))
    if side == "SELL" and price < trigger * rules.percent_down:
        raise refused(-4184, shown(trigger * rules.percent_down, rules.tick_size))


def decimals(number: Decimal) -> int:
    """Places behind the point, trailing zeros not counted; of any length."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return 0
    for digit in reversed(digits):
        if digit or exponent >= 0:
            break
        exponent += 1
    return max(0, -exponent)


def shown(number: Decimal, tick: Decimal) -> str:
    """A price as messages show it."""
    return f"{number // tick * tick:f}"
