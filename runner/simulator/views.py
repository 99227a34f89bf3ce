"""What the exchange shows of an account: positions and balances, cut to 8 decimals.

In: the world, an account. Out: frozen views. Changes nothing. Refuses to know: JSON.
Source: reference sections 2.5, 5.4 (the exchange truncates).
"""

from runner.simulator.margin import (
    NO_NOTIONALS,
    available,
    break_even,
    cross_wallet,
    cut,
    deleverage_rank,
    liquidation_price,
    maintenance,
    notional_max,
    open_order_margin,
    order_notionals,
    unrealised,
)
from runner.simulator.types import ZERO, AccountView, PositionView, SymbolConfig
from runner.simulator.world import Account, Holding, Leg, World


def view_leg(world: World, account: Account, holding: Holding, leg: Leg) -> PositionView:
    """One leg with its figures at the present mark."""
    market = world.markets[leg.symbol]
    mark = market.mark_price
    notional = leg.quantity * mark
    profit = cut(unrealised(leg, mark))
    buys, sells = order_notionals(holding, account.is_dual).get(leg.position_side, NO_NOTIONALS)
    position_margin = cut(abs(notional) / holding.leverage)
    order_margin = cut(open_order_margin(notional, buys, sells, holding.leverage))
    isolated = holding.is_isolated and bool(leg.quantity)
    return PositionView(
        account=account.name,
        symbol=leg.symbol,
        position_side=leg.position_side,
        quantity=leg.quantity,
        entry_price=leg.entry_price,
        break_even_price=cut(break_even(leg)),
        mark_price=cut(mark),
        unrealised_usdt=profit,
        liquidation_price=cut(liquidation_price(world, account, holding, leg)),
        notional_usdt=cut(notional),
        margin_type="ISOLATED" if holding.is_isolated else "CROSSED",
        leverage=holding.leverage,
        isolated_margin_usdt=leg.isolated_wallet_usdt + profit if isolated else ZERO,
        isolated_wallet_usdt=leg.isolated_wallet_usdt,
        initial_margin_usdt=position_margin + order_margin,
        maintenance_usdt=cut(maintenance(market.rules, leg, mark)) if leg.quantity else ZERO,
        position_margin_usdt=position_margin,
        open_order_margin_usdt=order_margin,
        bid_notional_usdt=cut(buys),
        ask_notional_usdt=cut(sells),
        notional_usdt_max=notional_max(market.rules, holding.leverage),
        realised_usdt=leg.realised_usdt,
        adl=deleverage_rank(world, account, leg),
        updated_ms=leg.updated_ms,
    )


def view_positions(world: World, account: Account, symbol: str | None) -> list[PositionView]:
    """Every leg that the account's mode has: of one symbol, also when flat; of all, where there is
    something.
    """
    sides = ("LONG", "SHORT") if account.is_dual else ("BOTH",)
    if symbol is not None:
        holding = account.holding(symbol)
        return [view_leg(world, account, holding, holding.leg(side)) for side in sides]
    return [
        view_leg(world, account, holding, holding.leg(side))
        for holding in list(account.holdings.values())
        for side in sides
        if holding.leg(side).quantity or side in order_notionals(holding, account.is_dual)
    ]


def view_account(world: World, account: Account) -> AccountView:
    """Sums over all positions; the available balance is never shown below zero."""
    positions = tuple(view_positions(world, account, None))
    wallet, cross = account.wallet_usdt, cross_wallet(account)
    profit = sum((each.unrealised_usdt for each in positions), ZERO)
    cross_profit = sum((each.unrealised_usdt for each in positions if each.margin_type == "CROSSED"), ZERO)
    position_margin = sum((each.position_margin_usdt for each in positions), ZERO)
    order_margin = sum((each.open_order_margin_usdt for each in positions), ZERO)
    free = max(ZERO, cut(available(world, account)))
    return AccountView(
        account=account.name,
        wallet_usdt=wallet,
        cross_wallet_usdt=cross,
        unrealised_usdt=profit,
        cross_unrealised_usdt=cross_profit,
        margin_balance_usdt=wallet + profit,
        initial_margin_usdt=position_margin + order_margin,
        position_margin_usdt=position_margin,
        open_order_margin_usdt=order_margin,
        maintenance_usdt=sum((each.maintenance_usdt for each in positions), ZERO),
        available_usdt=free,
        withdrawable_usdt=min(free, max(ZERO, cross)),
        updated_ms=account.updated_ms,
        positions=positions,
    )


def view_config(world: World, account: Account, symbol: str) -> SymbolConfig:
    """What the account has chosen for a symbol, or would get."""
    holding = account.holdings.get(symbol) or Holding(symbol)
    return SymbolConfig(
        symbol,
        "ISOLATED" if holding.is_isolated else "CROSSED",
        holding.leverage,
        notional_max(world.markets[symbol].rules, holding.leverage),
    )
