"""One tradable contract: its increments, floors and maintenance-margin brackets.

In: nothing. Out: plain values that numba can hold.
Refuses to know: where the numbers were stored or fetched.
Source: Binance USDⓈ-M `exchangeInfo` filters and `leverageBracket`.
"""

from typing import NamedTuple

BRACKETS_MAX = 16  # Binance shows 10 to 12; a fixed length keeps one compiled type


class Instrument(NamedTuple):
    """Increments and floors; prices and notionals in USDT, quantities in the base asset."""

    tick_size: float
    step_size: float
    quantity_min: float
    quantity_max: float
    market_quantity_max: float
    notional_usdt_min: float
    liquidation_fee_ratio: float


class Bracket(NamedTuple):
    """Maintenance = notional × `maintenance_ratio` − `deduction_usdt`, for notionals up to
    `notional_usdt_max`.
    """

    notional_usdt_max: float
    maintenance_ratio: float
    deduction_usdt: float
    leverage_max: float


NO_BRACKET = Bracket(0.0, 0.0, 0.0, 0.0)
