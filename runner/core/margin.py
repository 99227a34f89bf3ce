"""Isolated margin: where the exchange takes the position away.

In: plan (brackets), quantity, entry price, margin. Out: prices in USDT; 0 means "none".
Refuses to know: bars, orders.
Source: Binance, "How to calculate liquidation price of USDⓈ-M futures":
LP = (WB + cum − s·q·EP) ÷ (q·mmr − s·q), with the bracket that holds q·LP. Maintenance has no jump at a
floor and gets steeper from bracket to bracket, so the bracket that holds q·LP is the one whose LP comes
first: the highest for a long, the lowest for a short. That needs no comparison with the floors, where
rounding could leave a position in no bracket at all; above the last cap the last bracket holds on.
"""

from runner.domain.plan import Plan

from .kernel import inner_kernel


@inner_kernel
def liquidation_price(plan: Plan, quantity: float, entry_price: float, margin_usdt: float) -> float:
    """The mark price at which maintenance margin is gone; `quantity` is signed. 0: cannot be liquidated."""
    side = 1.0 if quantity > 0.0 else -1.0
    held = abs(quantity)
    nearest = 0.0
    for bracket in plan.brackets:
        if bracket.notional_usdt_max <= 0.0:
            break
        gap = held * bracket.maintenance_ratio - side * held
        price = (margin_usdt + bracket.deduction_usdt - side * held * entry_price) / gap
        if nearest == 0.0 or (price - nearest) * side > 0.0:
            nearest = price
    return max(nearest, 0.0)


@inner_kernel
def margin_behind(plan: Plan, quantity: float, price: float, cash_usdt: float) -> float:
    """What stands behind a position: its own margin, or under cross margin the whole wallet."""
    if plan.sizing.cross:
        return cash_usdt
    return abs(quantity) * price / plan.sizing.leverage


@inner_kernel
def bankruptcy_price(quantity: float, entry_price: float, margin_usdt: float) -> float:
    """The price at which the loss equals the whole isolated margin; `quantity` is signed and not 0."""
    return entry_price - margin_usdt / quantity
