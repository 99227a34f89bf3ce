"""The job for `backtesting`.

In: a job. Out: its answer. Refuses to know: runner.
Source: its own documentation; orders of `next` fill at the next open.
"""

import contextlib
import os
import warnings
from typing import Any

import pandas as pd

os.environ.setdefault("TQDM_DISABLE", "1")

from backtesting import Backtest, Strategy
from backtesting.lib import crossover

from benchmarks.peers.job import (
    CAPITAL_USDT,
    NOTIONAL_USDT,
    SLIPPAGE,
    STOP,
    TAKER,
    TARGET,
    read_job,
    read_table,
    timed,
)


def ema(close: Any, length: int) -> Any:
    """Exponential moving average."""
    return pd.Series(close).ewm(span=length, adjust=False).mean()


class Cross(Strategy):  # type: ignore[misc]
    """Cross of two averages with stop and target."""

    fast_length = 1200
    slow_length = 3000

    def init(self) -> None:
        """Both averages, once over all bars."""
        self.fast = self.I(ema, self.data.Close, self.fast_length)
        self.slow = self.I(ema, self.data.Close, self.slow_length)

    def next(self) -> None:
        """At every close: follow a cross."""
        if crossover(self.fast, self.slow):
            price = self.data.Close[-1]
            self.position.close()
            self.buy(size=round(NOTIONAL_USDT / price), sl=price * (1 - STOP), tp=price * (1 + TARGET))
        elif crossover(self.slow, self.fast):
            price = self.data.Close[-1]
            self.position.close()
            self.sell(size=round(NOTIONAL_USDT / price), sl=price * (1 + STOP), tp=price * (1 - TARGET))


def main() -> None:
    """Read, run, tell."""
    job = read_job()
    table = read_table(job)
    table.columns = [name.capitalize() for name in table.columns]
    test = Backtest(
        table,
        Cross,
        cash=CAPITAL_USDT,
        commission=TAKER,
        spread=SLIPPAGE,
        margin=1 / 3,
        finalize_trades=True,
    )
    fast, slow = job.lengths

    def call() -> int:
        return int(test.run(fast_length=fast, slow_length=slow)["# Trades"])

    with warnings.catch_warnings(), contextlib.redirect_stderr(None):
        warnings.simplefilter("ignore")  # of its statistics, which are not read
        timed(call, job)


if __name__ == "__main__":
    main()
