"""May this order be opened now? What depends on prices, positions, money and other open orders.

In: an order that is well formed. Out: nothing, or Refused. Changes nothing.
Refuses to know: how it will be matched.
Source: reference sections 5.1, 5.4 (order cost), 5.5 (reduceOnly).
"""

from decimal import Decimal

from runner.simulator.book import best_quotes, synthetic_levels
from runner.simulator.filters import check_limit_band, check_market_band, check_notional
from runner.simulator.margin import NO_NOTIONALS, available, notional_max, open_order_margin, order_notionals
from runner.simulator.matching import only_reduces, reducible
from runner.simulator.refusal import refused
from runner.simulator.types import ZERO, Order
from runner.simulator.world import Account, Market, World

# What a market buy is assumed to cost, and what any sell is, over the best price or the last.
_BUY_MARKET_OVER, _SELL_OVER = Decimal("1.0005"), Decimal("1.0015")


def check_open(world: World, account: Account, order: Order) -> None:
    """All judgements of a new order, the cheapest first."""
    market = world.markets[order.symbol]
    if not market.last_price:
        raise refused(-4140)  # nothing has traded yet
    reduces = only_reduces(account, order)
    _check_levers(world, order, reduces=reduces)
    if order.type == "MARKET":
        bid, ask = best_quotes(market)
        check_market_band(market.rules, order.side, ask if order.side == "BUY" else bid, market.mark_price)
    else:
        check_limit_band(market.rules, order.side, order.price, market.mark_price)
    if not reduces:
        price = order.price if order.type == "LIMIT" else market.mark_price
        check_notional(market.rules, order.quantity * price)
    if len(account.holding(order.symbol).orders) >= market.rules.orders_max:
        raise refused(-2025)
    if order.client_id:
        before = account.order_of_client.get((order.symbol, order.client_id))
        if before is not None and account.orders[before].is_open:
            raise refused(-4116)
    if reduces:
        check_reducing(world, account, order)
    else:
        check_affordable(world, account, order)
    if order.type == "LIMIT":
        _check_immediate(world, order)


def _check_levers(world: World, order: Order, *, reduces: bool) -> None:
    levers = world.levers
    no = levers.orders_refused.get(order.symbol) or levers.orders_refused.get("")
    if no is not None:
        raise no
    if levers.entries_refused is not None and not reduces:
        raise levers.entries_refused


def check_reducing(world: World, account: Account, order: Order, instead_of: Order | None = None) -> None:
    """An order that only reduces needs a position, and one that resting orders have not used up."""
    held = reducible(account, order)
    if not held:
        raise refused(-2022)
    is_child = order.algo_id is not None
    switches = world.switches
    if switches.resting_reduce_only_counts_at_trigger if is_child else switches.resting_reduce_only_counts:
        resting = sum(
            (
                other.remaining
                for other in account.holding(order.symbol).orders.values()
                if other is not instead_of
                and other.side == order.side
                and other.position_side == order.position_side
                and only_reduces(account, other)
            ),
            ZERO,
        )
        if resting and order.remaining > held - resting:
            raise refused(-4118)
    if order.remaining > held and not is_child and (switches.reduce_only_excess_refused or account.is_dual):
        raise refused(-2022)


def check_affordable(world: World, account: Account, order: Order, instead_of: Order | None = None) -> None:
    """Bracket (-2027) and margin (-2019): what the order adds to open-order margin, and its open loss."""
    market, holding = world.markets[order.symbol], account.holding(order.symbol)
    mark = market.mark_price
    assumed = assumed_price(market, order)
    leg = holding.legs.get(order.position_side)
    position = leg.quantity * mark if leg is not None else ZERO
    buys, sells = order_notionals(holding, account.is_dual).get(order.position_side, NO_NOTIONALS)
    before = open_order_margin(position, buys, sells, holding.leverage)
    if instead_of is not None:
        freed = instead_of.price * instead_of.remaining
        buys, sells = (buys - freed, sells) if order.side == "BUY" else (buys, sells - freed)
    added = assumed * order.remaining
    buys, sells = (buys + added, sells) if order.side == "BUY" else (buys, sells + added)
    needed = open_order_margin(position, buys, sells, holding.leverage) - before
    if needed <= 0:
        return
    after = abs(position + buys) if order.side == "BUY" else abs(position - sells)
    if after > notional_max(market.rules, holding.leverage):
        raise refused(-2027)
    opening = max(ZERO, order.remaining - reducible(account, order))
    worse = assumed - mark if order.side == "BUY" else mark - assumed
    if needed + opening * max(ZERO, worse) > available(world, account):
        raise refused(-2019)


def assumed_price(market: Market, order: Order) -> Decimal:
    """What an order is reckoned to cost: a buy its own price, a sell no less than just above the market."""
    if order.side == "BUY":
        return order.price if order.type == "LIMIT" else market.ask_price * _BUY_MARKET_OVER
    floor = max(market.last_price * _SELL_OVER, market.mark_price)
    return max(floor, order.price) if order.type == "LIMIT" else floor


def _check_immediate(world: World, order: Order) -> None:
    """Post-only must not take, fill-or-kill must fill whole."""
    market, is_buy = world.markets[order.symbol], order.side == "BUY"
    if order.time_in_force == "GTX" and would_take(market, order):
        raise refused(-5022)
    if order.time_in_force != "FOK":
        return
    left = order.quantity
    for resting in market.resting.values():
        within = resting.price <= order.price if is_buy else resting.price >= order.price
        if resting.is_buy != is_buy and within and resting.account != order.account:
            left -= resting.remaining
    for level in synthetic_levels(market, world.shape, not is_buy):
        if left <= 0 or (level.price > order.price if is_buy else level.price < order.price):
            break
        left -= level.quantity
    if left > 0 or world.levers.taker_share is not None:
        raise refused(-5021)


def would_take(market: Market, order: Order) -> bool:
    """Whether a limit order meets anybody at once."""
    bid, ask = best_quotes(market)
    return order.price >= ask if order.side == "BUY" else order.price <= bid
