"""The job for `vectorbt`: signals as arrays, one bar later, at the open.

In: a job. Out: its answer. Refuses to know: runner.
Source: its own documentation of Portfolio.from_signals.
"""

from typing import Any

import numpy as np
import vectorbt as vbt
from vectorbt.portfolio.enums import OppositeEntryMode, SizeType, StopEntryPrice, StopExitPrice

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


def crosses(fast: Any, slow: Any) -> Any:
    """Where `fast` was not above `slow` and now is, told one bar later: that is when an order can fill."""
    above = fast > slow
    crossed = np.zeros(len(above), np.bool_)
    crossed[2:] = above[1:-1] & ~above[:-2]
    return crossed


def trades_of(table: Any, lengths: tuple[int, int]) -> int:
    """From bars in memory to trades and a curve of equity."""
    averages = [table["close"].ewm(span=length, adjust=False).mean().to_numpy() for length in lengths]
    portfolio = vbt.Portfolio.from_signals(
        open=table["open"],
        high=table["high"],
        low=table["low"],
        close=table["close"],
        entries=crosses(*averages),
        short_entries=crosses(*reversed(averages)),
        price=table["open"],
        size=NOTIONAL_USDT,
        size_type=SizeType.Value,
        sl_stop=STOP,
        tp_stop=TARGET,
        stop_entry_price=StopEntryPrice.FillPrice,
        stop_exit_price=StopExitPrice.StopMarket,
        upon_opposite_entry=OppositeEntryMode.Reverse,
        fees=TAKER,
        slippage=SLIPPAGE,
        init_cash=CAPITAL_USDT,
        freq="1min",
    )
    portfolio.value()
    return int(portfolio.trades.count())


def main() -> None:
    """Read, run, tell."""
    job = read_job()
    table = read_table(job)
    timed(lambda: trades_of(table, job.lengths), job)


if __name__ == "__main__":
    main()
