"""Who trades with whom: takers walk the book, resting orders wait their turn.

In: an order, or a print. Out: fills, applied and told. Refuses to know: whether an order may be placed.
A taker meets levels best price first; at one price the synthetic quantity stands before our accounts' orders.
A resting order fills when a print is beyond its price, or at its price once what stood ahead has traded.
Prices of our own fills do not move the last price: the market is played, not simulated.
"""

from dataclasses import replace
from decimal import Decimal

from runner.simulator.book import down_to, synthetic_levels
from runner.simulator.ledger import make_good, settle, tell_account
from runner.simulator.margin import closes
from runner.simulator.registry import end_algo, end_order, put_order
from runner.simulator.types import ZERO, Order, Trade
from runner.simulator.world import Account, Market, Resting, World


def reducible(account: Account, order: Order) -> Decimal:
    """How much of a position an order of that side can close."""
    holding = account.holding(order.symbol)
    leg = holding.leg(order.position_side)
    closing = leg.quantity < 0 if order.side == "BUY" else leg.quantity > 0
    return abs(leg.quantity) if closing else ZERO


def only_reduces(account: Account, order: Order) -> bool:
    return order.reduce_only or (account.is_dual and closes(order.side, order.position_side))


def fill(world: World, order: Order, quantity: Decimal, price: Decimal, *, is_maker: bool) -> Order:
    """One execution of one order: trade, position, wallet, events."""
    account = world.accounts[order.account]
    leg = account.holding(order.symbol).leg(order.position_side)
    trade_id = world.next_trade_id()
    fees = account.fees
    settled = settle(
        world,
        account,
        leg,
        quantity if order.side == "BUY" else -quantity,
        price,
        fees.maker_ratio if is_maker else fees.taker_ratio,
        trade_id,
    )
    trade = Trade(
        account=account.name,
        trade_id=trade_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        price=price,
        quantity=quantity,
        realised_usdt=settled.realised_usdt,
        commission_usdt=settled.commission_usdt,
        is_maker=is_maker,
        time_ms=world.now_ms,
    )
    account.trades.append(trade)
    executed = order.executed + quantity
    filled = replace(
        order,
        executed=executed,
        cost_usdt=order.cost_usdt + quantity * price,
        status="FILLED" if executed == order.quantity else "PARTIALLY_FILLED",
        updated_ms=world.now_ms,
    )
    make_good(world, account, order.symbol)
    tell_account(world, account, "ORDER", (leg,), symbol=order.symbol)
    put_order(world, filled, "TRADE", trade)
    return filled


def take(world: World, order: Order, limit: Decimal | None) -> Order:
    """Fill as much as the book has within the limit; the rest stays open for the caller to end or rest."""
    account, market = world.accounts[order.account], world.markets[order.symbol]
    reduces = only_reduces(account, order)
    left = order.remaining
    if world.levers.taker_share is not None:
        left = down_to(left * world.levers.taker_share, market.rules.step_size)
    bound = _bound(market, order) if limit is None else limit
    makers: list[str] = []
    while left > 0 and order.is_open:
        most = min(left, reducible(account, order)) if reduces else left
        if most <= 0:
            break
        price, quantity, resting = _best_counterparty(world, market, order.side == "BUY")
        if price is None or (price > bound if order.side == "BUY" else price < bound):
            break
        quantity = min(most, quantity)
        if resting is None:
            market.taken[price] = market.taken.get(price, ZERO) + quantity
        elif resting.account == order.account and order.self_trade_prevention != "NONE":
            order = _prevent(world, order, resting)
            continue
        else:
            maker = world.accounts[resting.account].orders[resting.order_id]
            quantity = _maker_fill(world, maker, quantity)
            makers.append(resting.account)
            if not quantity:
                continue
        order = fill(world, order, quantity, price, is_maker=False)
        left -= quantity
    for name in makers:
        if name != order.account:  # the taker's own is for the caller, who still holds the order
            tidy_up(world, world.accounts[name], order.symbol)
    return order


def _bound(market: Market, order: Order) -> Decimal:
    """A market order goes no further from the mark than the contract's take bound."""
    ratio = market.rules.market_take_bound_ratio
    return market.mark_price * (1 + ratio if order.side == "BUY" else 1 - ratio)


def _best_counterparty(
    world: World, market: Market, is_buy: bool
) -> tuple[Decimal | None, Decimal, Resting | None]:
    """Price, quantity and, if it is one of ours, the order that a taker meets first."""
    level = next(synthetic_levels(market, world.shape, not is_buy), None)
    best: Resting | None = None
    for resting in market.resting.values():
        if resting.is_buy == is_buy:
            continue
        if best is None or (resting.price < best.price if is_buy else resting.price > best.price):
            best = resting
    if best is not None and (
        level is None or (best.price < level.price if is_buy else best.price > level.price)
    ):
        return best.price, best.remaining, best
    if level is None:
        return None, ZERO, None
    return level.price, level.quantity, None


def _prevent(world: World, order: Order, resting: Resting) -> Order:
    """Self-trade prevention: the maker, the taker or both expire."""
    if order.self_trade_prevention in {"EXPIRE_MAKER", "EXPIRE_BOTH"}:
        end_order(world, world.accounts[resting.account].orders[resting.order_id], "EXPIRED_IN_MATCH")
    if order.self_trade_prevention in {"EXPIRE_TAKER", "EXPIRE_BOTH"}:
        return end_order(world, order, "EXPIRED_IN_MATCH")
    return order


def _maker_fill(world: World, maker: Order, quantity: Decimal) -> Decimal:
    """Fill a resting order, no further than its position where it only reduces; how much was filled."""
    account = world.accounts[maker.account]
    if only_reduces(account, maker):
        quantity = min(quantity, reducible(account, maker))
        if quantity <= 0:
            end_order(world, maker, "EXPIRED")
            return ZERO
    fill(world, maker, quantity, maker.price, is_maker=True)
    return quantity


def print_through(world: World, market: Market, price: Decimal, quantity: Decimal) -> None:
    """Resting orders that a print reaches: beyond their price wholly, at it after those ahead of them."""
    reached = [
        resting
        for resting in market.resting.values()
        if (price <= resting.price if resting.is_buy else price >= resting.price)
    ]
    reached.sort(key=lambda one: (abs(one.price - price), -one.order_id), reverse=True)
    share = world.levers.maker_share
    left = quantity
    for resting in reached:
        if resting.order_id not in market.resting:
            continue  # ended by a fill before it
        most = resting.remaining
        if resting.price == price:
            passed = min(left, resting.ahead)
            resting.ahead -= passed
            most = min(most, left - passed)
            left -= passed
        if share is not None:
            most = down_to(most * share, market.rules.step_size)
        if most <= 0:
            continue
        maker = world.accounts[resting.account].orders[resting.order_id]
        filled = _maker_fill(world, maker, most)
        if resting.price == price:
            left -= filled
        tidy_up(world, world.accounts[maker.account], maker.symbol)


def tidy_up(world: World, account: Account, symbol: str) -> None:
    """After fills: whatever needs a position and has lost it leaves by itself."""
    holding = account.holding(symbol)
    if not holding.orders and not holding.algos:
        return
    for order in list(holding.orders.values()):
        vanishes = only_reduces(account, order) and world.switches.reduce_only_expires_when_flat
        if vanishes and not reducible(account, order) and order.is_open:
            end_order(world, order, "EXPIRED")
    for algo in list(holding.algos.values()):
        if algo.status != "NEW" or not _follows_position(world, algo.close_position, algo.time_in_force):
            continue
        leg = holding.leg(algo.position_side)
        closing = leg.quantity < 0 if algo.side == "BUY" else leg.quantity > 0
        if not closing:
            end_algo(world, algo, "EXPIRED", "position closed")


def _follows_position(world: World, close_position: bool, time_in_force: str) -> bool:
    if time_in_force == "GTE_GTC":
        return True
    return close_position and world.switches.gtc_close_position_vanishes
