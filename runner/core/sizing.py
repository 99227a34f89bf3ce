"""How many units an entry asks for.

In: plan, equity, the price to size at and the stop distance at the decision.
Out: a quantity rounded down to the step, or 0 with the reason.
Refuses to know: positions, bars, rules.
Source: execution semantics "Sizing"; rounding as the exchange's LOT_SIZE and MIN_NOTIONAL filters want it.
"""

import math

from runner.domain.plan import SIZE_EQUITY, SIZE_NOTIONAL, SIZE_RISK, Plan
from runner.domain.position import ACCEPTED, REFUSED_NOTIONAL, REFUSED_QUANTITY

from .kernel import hot_kernel, inner_kernel


@hot_kernel
def multiple(count: float, increment: float) -> float:
    """`count` increments, as the very float that the decimal number is read as.

    3 × 0.1 is not 0.3 in floats but 3 ÷ 10 is: a stop at 95.1 must be touched by a bar whose high reads 95.1.
    """
    inverse = math.floor(1.0 / increment + 0.5)
    if inverse >= 1 and abs(inverse * increment - 1.0) < 1e-9:
        return count / inverse
    return count * increment


@hot_kernel
def round_down(number: float, increment: float) -> float:
    """The largest multiple of `increment` not above `number`, float error of a hair forgiven."""
    return multiple(math.floor(number / increment + 1e-9), increment)


@hot_kernel
def round_up(number: float, increment: float) -> float:
    """The smallest multiple of `increment` not below `number`, float error of a hair forgiven."""
    return multiple(math.ceil(number / increment - 1e-9), increment)


@inner_kernel
def bracket_notional_max(plan: Plan, leverage: float) -> float:
    """The largest notional in USDT that the brackets allow at this leverage; 0 when no bracket does."""
    highest = 0.0
    for bracket in plan.brackets:
        if bracket.notional_usdt_max > highest and bracket.leverage_max >= leverage:
            highest = bracket.notional_usdt_max
    return highest


@inner_kernel
def wanted_notional(plan: Plan, equity_usdt: float, price: float, stop_distance: float) -> float:
    """What the sizing rule asks for in USDT, before any cap."""
    kind = plan.sizing.kind
    measure = plan.sizing.measure
    if kind == SIZE_RISK:
        if stop_distance <= 0.0:
            return 0.0
        return equity_usdt * measure / stop_distance * price
    if kind == SIZE_EQUITY:
        return equity_usdt * measure
    if kind == SIZE_NOTIONAL:
        return measure
    return measure * price


@inner_kernel
def capped_notional(plan: Plan, equity_usdt: float, notional_usdt: float) -> float:
    """Capped by leverage × equity, the document's maximum and the bracket's."""
    sizing = plan.sizing
    cap = sizing.leverage * equity_usdt
    if sizing.notional_ratio_max > 0.0 and sizing.notional_ratio_max * equity_usdt < cap:
        cap = sizing.notional_ratio_max * equity_usdt
    if sizing.notional_usdt_max > 0.0 and sizing.notional_usdt_max < cap:
        cap = sizing.notional_usdt_max
    bracket_cap = bracket_notional_max(plan, sizing.leverage)
    cap = min(cap, bracket_cap)
    return min(notional_usdt, cap)


@inner_kernel
def entry_quantity(plan: Plan, equity_usdt: float, price: float, stop_distance: float) -> tuple[float, int]:
    """(quantity, ACCEPTED), or (0, why not). `price` is the close, or the limit price of a limit entry."""
    instrument = plan.instrument
    if price <= 0.0:
        return 0.0, REFUSED_QUANTITY
    wanted = wanted_notional(plan, equity_usdt, price, stop_distance)
    quantity = capped_notional(plan, equity_usdt, wanted) / price
    quantity_max = instrument.quantity_max if plan.entry.limit else instrument.market_quantity_max
    quantity = round_down(min(quantity, quantity_max), instrument.step_size)
    if quantity <= 0.0 or quantity < instrument.quantity_min:
        return 0.0, REFUSED_QUANTITY
    if quantity * price < instrument.notional_usdt_min:
        return 0.0, REFUSED_NOTIONAL
    return quantity, ACCEPTED
