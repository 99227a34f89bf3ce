"""The same job for `backtesting` from PyPI, as near as it allows: a whole process, from file to statistics.

In: a Parquet file of one-minute bars, the two lengths. Out: its statistics on stdout.
Refuses to know: runner. Same rules as bots/minute_cross.yaml; the capital is larger, because it buys whole
coins only.
"""

import sys
from typing import Any

import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover

STOP, TARGET, TRAIL = 0.02, 0.04, 0.02


def ema(close: Any, length: int) -> Any:
    """Exponential moving average."""
    return pd.Series(close).ewm(span=length, adjust=False).mean()


class MinuteCross(Strategy):  # type: ignore[misc]
    """Cross of two averages with stop, target and a trailing stop that starts at 1 R."""

    fast_length = 1200
    slow_length = 3000

    def init(self) -> None:
        """Both averages, once over all bars."""
        self.fast = self.I(ema, self.data.Close, self.fast_length)
        self.slow = self.I(ema, self.data.Close, self.slow_length)

    def next(self) -> None:
        """At every close: trail the stop, follow a cross."""
        price = self.data.Close[-1]
        for trade in self.trades:
            if trade.is_long and price >= trade.entry_price * (1 + STOP):
                trade.sl = max(trade.sl, price * (1 - TRAIL))
            elif trade.is_short and price <= trade.entry_price * (1 - STOP):
                trade.sl = min(trade.sl, price * (1 + TRAIL))
        if crossover(self.fast, self.slow):
            self.position.close()
            self.buy(size=0.16, sl=price * (1 - STOP), tp=price * (1 + TARGET))
        elif crossover(self.slow, self.fast):
            self.position.close()
            self.sell(size=0.16, sl=price * (1 + STOP), tp=price * (1 - TARGET))


def main(path: str, fast: int, slow: int) -> None:
    """Read, run, print."""
    table = pd.read_parquet(path)
    table.index = pd.to_datetime(table.pop("timestamp"), unit="ms")
    table.columns = [name.capitalize() for name in table.columns]
    job = Backtest(
        table,
        MinuteCross,
        cash=10_000_000,
        commission=0.0005,
        spread=0.0002,
        margin=1 / 3,
        finalize_trades=True,
    )
    print(job.run(fast_length=fast, slow_length=slow))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
