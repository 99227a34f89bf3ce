"""Where orders are kept: by id, by client id, open ones by symbol, resting ones in the book.

In: an order as it now is. Out: every index brought up to date, the event told.
Refuses to know: why it changed.
"""

from dataclasses import replace
from decimal import Decimal

from runner.simulator.events import AlgoEvent, OrderEvent
from runner.simulator.types import AlgoOrder, Order, Trade
from runner.simulator.world import Resting, World


def put_order(world: World, order: Order, execution: str, trade: Trade | None = None) -> None:
    """Keep the new state of an order and tell it. A final state takes it out of the book."""
    account = world.accounts[order.account]
    holding = account.holding(order.symbol)
    market = world.markets[order.symbol]
    account.orders[order.order_id] = order
    holding.notionals = None
    if execution == "NEW":
        account.order_of_client[order.symbol, order.client_id] = order.order_id
    if order.is_open:
        holding.orders[order.order_id] = order
        resting = market.resting.get(order.order_id)
        if resting is not None:
            resting.remaining = order.remaining
    else:
        holding.orders.pop(order.order_id, None)
        market.resting.pop(order.order_id, None)
    world.tell(OrderEvent(order.account, world.now_ms, execution, order, trade), order.account)
    if order.algo_id is not None and not order.is_open:
        finish_algo(world, order)


def rest_order(world: World, order: Order, ahead: Decimal) -> None:
    """Put an open limit order into the book, behind `ahead` of others."""
    world.markets[order.symbol].resting[order.order_id] = Resting(
        order.account, order.order_id, order.side == "BUY", order.price, ahead, order.remaining
    )


def end_order(world: World, order: Order, status: str, *, reason: int = 0) -> Order:
    """CANCELED, EXPIRED or EXPIRED_IN_MATCH, with whatever was executed."""
    ended = replace(order, status=status, updated_ms=world.now_ms, expiry_reason=reason)
    put_order(world, ended, "CANCELED" if status == "CANCELED" else "EXPIRED")
    return ended


def put_algo(world: World, algo: AlgoOrder, child: Order | None = None) -> None:
    """Keep the new state of a conditional order and tell it."""
    account = world.accounts[algo.account]
    if algo.algo_id not in account.algos:
        account.algo_of_client[algo.client_id] = algo.algo_id
    account.algos[algo.algo_id] = algo
    holding, market = account.holding(algo.symbol), world.markets[algo.symbol]
    if algo.is_open:
        holding.algos[algo.algo_id] = algo
        market.algos[algo.algo_id] = algo.account
    else:
        holding.algos.pop(algo.algo_id, None)
        market.algos.pop(algo.algo_id, None)
    world.tell(AlgoEvent(algo.account, world.now_ms, algo, child), algo.account)


def end_algo(world: World, algo: AlgoOrder, status: str, reason: str = "") -> AlgoOrder:
    """CANCELED, EXPIRED or REJECTED."""
    ended = replace(algo, status=status, updated_ms=world.now_ms, reason=reason)
    put_algo(world, ended)
    return ended


def finish_algo(world: World, child: Order) -> None:
    """The child order is done, one way or the other."""
    algo = world.accounts[child.account].algos[child.algo_id or 0]
    if algo.status == "TRIGGERED":
        put_algo(world, replace(algo, status="FINISHED", updated_ms=world.now_ms), child)
