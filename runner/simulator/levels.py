"""The prices at which something will happen: where a walk along a path must not step over.

In: a market, its orders, its positions. Out: levels of the last price and of the mark. Changes nothing.
Refuses to know: the path.
"""

from decimal import Decimal
from typing import NamedTuple

from runner.simulator.margin import liquidation_price
from runner.simulator.triggers import next_level
from runner.simulator.types import ZERO
from runner.simulator.world import Market, World


class Reach(NamedTuple):
    """Levels, unsorted. `is_low_adverse`: whether the low is the extreme that hurts: a long is open, or, all
    being flat, what waits is a sell (its helping extreme, the high, comes last).
    """

    last: list[Decimal]
    mark: list[Decimal]
    is_low_adverse: bool


def reach_of(world: World, market: Market) -> Reach:
    """Limit orders one tick beyond their price, triggers and activations at theirs, liquidations at the
    mark.
    """
    last: list[Decimal] = []
    mark: list[Decimal] = []
    tick = market.rules.tick_size
    waiting = ZERO
    for resting in market.resting.values():
        last.append(resting.price - tick if resting.is_buy else resting.price + tick)
        waiting += resting.remaining if resting.is_buy else -resting.remaining
    for algo_id, name in market.algos.items():
        algo = world.accounts[name].algos[algo_id]
        level = next_level(algo)
        if level is not None:
            (mark if algo.working_type == "MARK_PRICE" else last).append(level)
    held = ZERO
    for account in world.accounts.values():
        holding = account.holdings.get(market.rules.symbol)
        if holding is None:
            continue
        for leg in holding.legs.values():
            if leg.quantity:
                held += leg.quantity
                level = liquidation_price(world, account, holding, leg)
                if level:
                    mark.append(level)
    return Reach(last, mark, held > 0 if held else waiting < 0)
