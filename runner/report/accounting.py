"""The accounting identity, from fills and payments alone.

In: a Result. Out: the largest difference between its equity and what its records add up to.
Refuses to know: trades, averages, metrics.
Source: execution semantics, "Accounting identity". Money moved = Σ −side × quantity × price, so realised and
unrealised pnl need not be told apart: cash + quantity × price holds both.
"""

import numpy as np

from runner.domain.result import Result
from runner.domain.series import Floats


def identity_gap_usdt(result: Result, valuation: Floats | None = None) -> float:
    """max |equity − (capital + money moved − fees + funding + quantity × price)| over the bar closes, USDT.

    `valuation` (n,) holds the price at which the position was marked at each close; absent: the last price.
    """
    price = result.bars_close if valuation is None else valuation
    gap = recomputed_equity_usdt(result, price)
    np.subtract(result.equity_usdt, gap, out=gap)
    np.abs(gap, out=gap)
    return float(gap.max())


def recomputed_equity_usdt(result: Result, valuation: Floats) -> Floats:
    """Equity (n,) at each close, the position marked at `valuation`."""
    bars = len(result.close_time_ms)
    cash = np.zeros(bars)
    bought = np.zeros(bars)
    for fill in result.fills:
        signed = fill.side * fill.quantity
        bought[fill.bar] += signed
        cash[fill.bar] -= signed * fill.price + fill.fee_usdt
    for payment in result.payments:
        cash[payment.bar] += payment.payment_usdt
    np.cumsum(cash, out=cash)
    np.cumsum(bought, out=bought)
    bought *= valuation
    cash += bought
    cash += result.plan.capital_usdt
    return cash
