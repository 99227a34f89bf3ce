"""Isolated margin: where the exchange takes the position away.

In: plan (brackets), quantity, entry price, margin. Out: prices in USDT; 0 means "none".
Refuses to know: bars, orders.
Source: Binance, "How to calculate liquidation price of USDⓈ-M futures":
LP = (WB + cum − s·q·EP) ÷ (q·mmr − s·q), with the bracket that holds q·LP.
"""

from runner.domain.plan import Plan

from .kernel import kernel


@kernel
def liquidation_price(plan: Plan, quantity: float, entry_price: float, margin_usdt: float) -> float:
    """The mark price at which maintenance margin is gone; `quantity` is signed. 0: cannot be liquidated."""
    side = 1.0 if quantity > 0.0 else -1.0
    held = abs(quantity)
    floor_usdt = 0.0
    for bracket in plan.brackets:
        if bracket.notional_usdt_max <= 0.0:
            break
        gap = held * bracket.maintenance_ratio - side * held
        price = (margin_usdt + bracket.deduction_usdt - side * held * entry_price) / gap
        notional = held * price
        if floor_usdt < notional <= bracket.notional_usdt_max:
            return price
        floor_usdt = bracket.notional_usdt_max
    return 0.0


@kernel
def bankruptcy_price(quantity: float, entry_price: float, margin_usdt: float) -> float:
    """The price at which the loss equals the whole isolated margin; `quantity` is signed and not 0."""
    return entry_price - margin_usdt / quantity
