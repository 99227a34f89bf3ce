"""When a conditional order fires: pure rules over prices.

In: an algo order, a market's prices. Out: yes or no, the order with its trail moved, the next price that
matters.
Refuses to know: what happens then.
Source: reference section 5.6.
"""

from dataclasses import replace
from decimal import Decimal

from runner.simulator.types import AlgoOrder
from runner.simulator.world import Market

_HUNDRED = Decimal(100)


def watched_price(market: Market, working_type: str) -> Decimal:
    """The last price, or the mark."""
    return market.mark_price if working_type == "MARK_PRICE" else market.last_price


def fires_upwards(algo: AlgoOrder) -> bool:
    """Whether it fires at or above its trigger: stops that buy, targets that sell."""
    return (algo.side == "BUY") != algo.type.startswith("TAKE_PROFIT")


def would_trigger(algo: AlgoOrder, price: Decimal) -> bool:
    """Whether its condition, other than a trailing one, is true at a price."""
    return price >= algo.trigger_price if fires_upwards(algo) else price <= algo.trigger_price


def trail_price(algo: AlgoOrder) -> Decimal | None:
    """Where an activated trailing stop fires now."""
    if not algo.is_activated or algo.best_price is None or algo.callback_ratio is None:
        return None
    share = algo.callback_ratio / _HUNDRED
    return algo.best_price * (1 - share if algo.side == "SELL" else 1 + share)


def followed(algo: AlgoOrder, price: Decimal) -> AlgoOrder:
    """A trailing stop after a price: activated, its best price moved; the same object when nothing
    changed.
    """
    if algo.type != "TRAILING_STOP_MARKET":
        return algo
    if not algo.is_activated:
        reached = algo.activation_price is not None and (
            price <= algo.activation_price if algo.side == "BUY" else price >= algo.activation_price
        )
        return replace(algo, is_activated=True, best_price=price) if reached else algo
    best = algo.best_price
    if best is None or (price < best if algo.side == "BUY" else price > best):
        return replace(algo, best_price=price)
    return algo


def is_due(algo: AlgoOrder, market: Market) -> bool:
    """Whether it fires now; with priceProtect not while last and mark are far apart."""
    price = watched_price(market, algo.working_type)
    if algo.type == "TRAILING_STOP_MARKET":
        trail = trail_price(algo)
        if trail is None or not (price <= trail if algo.side == "SELL" else price >= trail):
            return False
    elif not would_trigger(algo, price):
        return False
    if not algo.price_protect or not market.mark_price:
        return True
    gap = abs(market.last_price - market.mark_price) / market.mark_price
    return gap <= market.rules.trigger_protect_ratio


def next_level(algo: AlgoOrder) -> Decimal | None:
    """The watched price at which this order will next do something."""
    if algo.status != "NEW":
        return None
    if algo.type != "TRAILING_STOP_MARKET":
        return algo.trigger_price
    return trail_price(algo) if algo.is_activated else algo.activation_price
