"""Margin, maintenance, liquidation and break-even prices: formulas over the present state.

In: accounts, legs, marks. Out: Decimals, unrounded but for `cut`. Changes nothing.
Refuses to know: orders' life, the log.
Source: reference section 5.4; each formula is checked there against recorded figures.
"""

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal

from runner.simulator.rules import Bracket, InstrumentRules
from runner.simulator.types import EIGHT, ZERO
from runner.simulator.world import Account, Holding, Leg, Market, World

NO_NOTIONALS = (ZERO, ZERO)


def cut(number: Decimal) -> Decimal:
    """To 8 decimals towards zero, as the exchange shows all its money."""
    return number.quantize(EIGHT, ROUND_DOWN)


def bracket_of(rules: InstrumentRules, notional_usdt: Decimal) -> Bracket:
    """The bracket of a notional; the last one above all caps."""
    for bracket in rules.brackets:
        if notional_usdt <= bracket.notional_cap:
            return bracket
    return rules.brackets[-1]


def notional_max(rules: InstrumentRules, leverage: int) -> Decimal:
    """The largest notional that a leverage allows."""
    return max(
        (bracket.notional_cap for bracket in rules.brackets if bracket.leverage_max >= leverage), default=ZERO
    )


def unrealised(leg: Leg, mark: Decimal) -> Decimal:
    return leg.quantity * (mark - leg.entry_price)


def maintenance(rules: InstrumentRules, leg: Leg, mark: Decimal) -> Decimal:
    notional = abs(leg.quantity) * mark
    bracket = bracket_of(rules, notional)
    return notional * bracket.maintenance_ratio - bracket.deduction_usdt


def break_even(leg: Leg) -> Decimal:
    """The price at which closing gives back the fees paid and the losses taken since the position opened."""
    if not leg.quantity:
        return ZERO
    return leg.entry_price + (leg.fees_usdt - leg.realised_usdt) / leg.quantity


def cross_wallet(account: Account) -> Decimal:
    """What is not set aside for isolated positions."""
    wallet = account.wallet_usdt
    for holding in account.holdings.values():
        for leg in holding.legs.values():
            wallet -= leg.isolated_wallet_usdt
    return wallet


def order_notionals(holding: Holding, is_dual: bool) -> dict[str, tuple[Decimal, Decimal]]:
    """Notionals of open buys and sells that may open, by position side. Reckoned when orders changed."""
    if holding.notionals is None:
        found: dict[str, tuple[Decimal, Decimal]] = {}
        for order in holding.orders.values():
            if order.reduce_only or (is_dual and closes(order.side, order.position_side)):
                continue
            buys, sells = found.get(order.position_side, NO_NOTIONALS)
            notional = order.price * order.remaining
            found[order.position_side] = (
                (buys + notional, sells) if order.side == "BUY" else (buys, sells + notional)
            )
        holding.notionals = found
    return holding.notionals


def closes(side: str, position_side: str) -> bool:
    """In hedge mode: whether an order of that side makes that leg smaller."""
    return (side == "SELL") == (position_side == "LONG")


def open_order_margin(position_notional: Decimal, buys: Decimal, sells: Decimal, leverage: int) -> Decimal:
    """What open orders need beyond the position: the larger of the two positions they could lead to."""
    if not buys and not sells:
        return ZERO
    largest = max(abs(position_notional + buys), abs(position_notional - sells))
    return max(ZERO, largest - abs(position_notional)) / leverage


def holding_order_margin(account: Account, holding: Holding, mark: Decimal) -> Decimal:
    """Of all open orders of a symbol."""
    if not holding.orders:
        return ZERO
    total = ZERO
    for position_side, (buys, sells) in order_notionals(holding, account.is_dual).items():
        leg = holding.legs.get(position_side)
        position = leg.quantity * mark if leg is not None else ZERO
        total += open_order_margin(position, buys, sells, holding.leverage)
    return total


def open_legs(world: World, account: Account) -> Iterator[tuple[Market, Holding, Leg]]:
    """Legs that are not flat, with their market."""
    for holding in account.holdings.values():
        for leg in holding.legs.values():
            if leg.quantity:
                yield world.markets[holding.symbol], holding, leg


def available(world: World, account: Account) -> Decimal:
    """What may back new orders: cross wallet and cross losses, less margins. May be below zero."""
    left = cross_wallet(account)
    profit = ZERO
    for holding in account.holdings.values():
        mark = world.markets[holding.symbol].mark_price
        left -= holding_order_margin(account, holding, mark)
        if holding.is_isolated:
            continue
        for leg in holding.legs.values():
            if leg.quantity:
                left -= abs(leg.quantity) * mark / holding.leverage
                profit += unrealised(leg, mark)
    return left + min(ZERO, profit)


def cross_health(world: World, account: Account) -> tuple[Decimal, Decimal]:
    """Margin balance and maintenance of all cross legs together."""
    balance, needed = cross_wallet(account), ZERO
    for market, holding, leg in open_legs(world, account):
        if not holding.is_isolated:
            balance += unrealised(leg, market.mark_price)
            needed += maintenance(market.rules, leg, market.mark_price)
    return balance, needed


def liquidation_price(world: World, account: Account, holding: Holding, leg: Leg) -> Decimal:
    """The mark at which maintenance is gone, all else staying; 0 when there is none.

    In cross hedge mode the two legs have one price.
    """
    if not leg.quantity:
        return ZERO
    market = world.markets[holding.symbol]
    if holding.is_isolated:
        return _price_of(market, leg.isolated_wallet_usdt, (leg,))
    backing = cross_wallet(account)
    for other, held, another in open_legs(world, account):
        if held is not holding and not held.is_isolated:
            backing += unrealised(another, other.mark_price)
            backing -= maintenance(other.rules, another, other.mark_price)
    return _price_of(market, backing, tuple(each for each in holding.legs.values() if each.quantity))


def _price_of(market: Market, backing: Decimal, legs: tuple[Leg, ...]) -> Decimal:
    """`(backing + Σcum − Σq·EP) / (Σ|q|·mmr − Σq)` with signed q."""
    above, below = backing, ZERO
    for leg in legs:
        bracket = bracket_of(market.rules, abs(leg.quantity) * market.mark_price)
        above += bracket.deduction_usdt - leg.quantity * leg.entry_price
        below += abs(leg.quantity) * bracket.maintenance_ratio - leg.quantity
    if not below:
        return ZERO
    return max(ZERO, above / below)


def deleverage_rank(world: World, account: Account, leg: Leg) -> int:
    """0 to 4: how near to being deleveraged, from profit × leverage. The exchange ranks all its users; the
    model only this leg.
    """
    if not leg.quantity:
        return 0
    market = world.markets[leg.symbol]
    profit = unrealised(leg, market.mark_price)
    if profit <= 0:
        return 1
    held = abs(leg.quantity) * leg.entry_price / account.holding(leg.symbol).leverage
    return min(4, 1 + int(profit / held * 4))
