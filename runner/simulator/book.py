"""The book of one contract: synthetic depth around the last price, with our accounts' orders in it.

In: prices. Out: quotes, levels, the place a new order takes in its queue. Refuses to know: accounts' money.
The print that made the last price was the aggressor's: after a rise the last price is the ask, after a fall
the bid.
"""

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import islice

from runner.simulator.shape import BookShape
from runner.simulator.types import ZERO, Quote
from runner.simulator.world import Market


def centre(market: Market, shape: BookShape, price: Decimal) -> None:
    """Put both quotes at a new price and fill the levels up again."""
    if market.last_price and price != market.last_price:
        market.is_rising = price > market.last_price
    tick = market.rules.tick_size
    spread = shape.spread_ticks * tick
    if market.is_rising:
        market.ask_price = up_to(price, tick)
        market.bid_price = max(tick, market.ask_price - spread)
    else:
        market.bid_price = max(tick, down_to(price, tick))
        market.ask_price = market.bid_price + spread
    market.taken.clear()
    market.update_id += 1


def down_to(number: Decimal, grid: Decimal) -> Decimal:
    return (number / grid).to_integral_value(ROUND_FLOOR) * grid


def up_to(number: Decimal, grid: Decimal) -> Decimal:
    return (number / grid).to_integral_value(ROUND_CEILING) * grid


def synthetic_levels(market: Market, shape: BookShape, of_bids: bool) -> Iterator[Quote]:
    """From the best price outwards, less what was taken since the last tick."""
    gap = shape.gap_ticks * market.rules.tick_size
    best = market.bid_price if of_bids else market.ask_price
    taken = market.taken
    for level in range(shape.levels):
        price = best - level * gap if of_bids else best + level * gap
        if price <= 0:
            return
        left = shape.level_quantity(level, best, market.rules.step_size, market.update_id)
        if taken:
            left -= taken.get(price, ZERO)
        if left > 0:
            yield Quote(price, left)


def depth(market: Market, shape: BookShape, of_bids: bool, limit: int) -> list[Quote]:
    """The book as others see it: synthetic levels and resting orders together, best first."""
    if not market.last_price:
        return []
    sums = dict(islice(synthetic_levels(market, shape, of_bids), limit))
    for resting in market.resting.values():
        inside = resting.price < market.ask_price if resting.is_buy else resting.price > market.bid_price
        if resting.is_buy == of_bids and inside:
            sums[resting.price] = sums.get(resting.price, ZERO) + resting.remaining
    return [Quote(price, sums[price]) for price in sorted(sums, reverse=of_bids)[:limit]]


def best_quotes(market: Market) -> tuple[Decimal, Decimal]:
    """Bid and ask with resting orders counted in: the synthetic ones unless an order inside is better."""
    bid, ask = market.bid_price, market.ask_price
    for resting in market.resting.values():
        if resting.is_buy and bid < resting.price < market.ask_price:
            bid = resting.price
        elif not resting.is_buy and market.bid_price < resting.price < ask:
            ask = resting.price
    return bid, ask


def queue_ahead(market: Market, shape: BookShape, is_buy: bool, price: Decimal) -> Decimal:
    """What stands before a new order at its price: nothing inside the spread, else the level's quantity."""
    best = market.bid_price if is_buy else market.ask_price
    away = best - price if is_buy else price - best
    if away < 0:
        return ZERO
    gap = shape.gap_ticks * market.rules.tick_size
    level = min(int(away / gap), shape.levels - 1)
    quantity = shape.level_quantity(level, best, market.rules.step_size, market.update_id)
    return max(ZERO, quantity - market.taken.get(price, ZERO))


def matched_price(market: Market, shape: BookShape, is_buy: bool, price_match: str) -> Decimal | None:
    """The price of OPPONENT, OPPONENT_5, QUEUE_10, …; None without such a level."""
    word, _, place = price_match.partition("_")
    of_bids = is_buy == (word == "QUEUE")
    level = int(place) if place else 1
    quotes = depth(market, shape, of_bids, level)
    return quotes[level - 1].price if len(quotes) >= level else None
