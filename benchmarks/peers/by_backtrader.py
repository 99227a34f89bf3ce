"""The job for `backtrader`: bracket orders, its vectorised way of running (`runonce`), no observers.

In: a job. Out: its answer. Refuses to know: runner.
Source: its own documentation; orders of `next` fill at the next open.
"""

from typing import Any

import backtrader as bt

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


class Cross(bt.Strategy):  # type: ignore[misc]
    """Cross of two averages with stop and target."""

    params = (("fast_length", 1200), ("slow_length", 3000))

    def __init__(self) -> None:
        close = self.data.close
        self.cross = bt.ind.CrossOver(
            bt.ind.EMA(close, period=self.p.fast_length), bt.ind.EMA(close, period=self.p.slow_length)
        )
        self.orders: list[Any] = []
        self.closed = 0

    def notify_trade(self, trade: Any) -> None:
        """Count."""
        self.closed += trade.isclosed

    def next(self) -> None:
        """At every close: follow a cross."""
        side = self.cross[0]
        if not side:
            return
        price = self.data.close[0]
        for order in self.orders:
            self.cancel(order)
        if self.position:
            self.close()
        place = self.buy_bracket if side > 0 else self.sell_bracket
        self.orders = place(
            size=NOTIONAL_USDT / price,
            exectype=bt.Order.Market,
            stopprice=price * (1 - side * STOP),
            limitprice=price * (1 + side * TARGET),
        )


def trades_of(table: Any, lengths: tuple[int, int]) -> int:
    """Its engine keeps no bars between runs, so they are handed over in each."""
    engine = bt.Cerebro(stdstats=False)
    engine.adddata(bt.feeds.PandasData(dataname=table, openinterest=None))
    engine.addstrategy(Cross, fast_length=lengths[0], slow_length=lengths[1])
    engine.broker.setcash(CAPITAL_USDT)
    engine.broker.setcommission(commission=TAKER)
    engine.broker.set_slippage_perc(SLIPPAGE)
    (strategy,) = engine.run()
    return int(strategy.closed) + bool(strategy.position)


def main() -> None:
    """Read, run, tell."""
    job = read_job()
    table = read_table(job)
    timed(lambda: trades_of(table, job.lengths), job)


if __name__ == "__main__":
    main()
