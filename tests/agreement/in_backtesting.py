"""The same rules in `backtesting`: a strategy that hears the precomputed verdicts, bar by bar.

Its assumptions as we set them: market orders at the next open, whole units, a fee on each side, no spread.
It wants stop and target together with the order, when the entry price is not known yet; the rules hand it the
levels that the next open will give.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from rule_sets import FEE_RATIO, Rules
from trade_lists import Trade

from runner.domain.series import Bars

CASH = 1e9


def backtesting_trades(engine: Any, bars: Bars, told: Rules) -> list[Trade]:
    """The trades of `engine`, the imported package."""
    table = pd.DataFrame(
        {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close},
        index=pd.to_datetime(bars.open_time_ms, unit="ms"),
    )
    desk = Desk(told, bars)

    class Told(engine.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            """Everything is computed already."""

        def next(self) -> None:
            desk.decide(self, len(self.data) - 1)

    test = engine.Backtest(table, Told, cash=CASH, commission=FEE_RATIO, finalize_trades=True)
    with warnings.catch_warnings():  # of its statistics, which we do not read
        warnings.filterwarnings("ignore", "DatetimeIndex.dayofweek is deprecated", DeprecationWarning)
        done = test.run()["_trades"].sort_values("EntryBar")
    times = bars.open_time_ms
    return [
        Trade(
            1 if row.Size > 0 else -1,
            int(times[row.EntryBar]),
            row.EntryPrice,
            int(times[row.ExitBar]),
            row.ExitPrice,
            row.PnL,
            row.EntryBar == desk.open_at_end,
        )
        for row in done.itertuples()
    ]


class Desk:
    """Turns the verdicts of each close but the last into orders; no order of the last close can fill."""

    def __init__(self, told: Rules, bars: Bars) -> None:
        self.told, self.bars = told, bars
        self.placed_row = -1
        self.best = 0.0
        self.open_at_end = -1  # the entry bar of the trade that the end of the data closes

    def decide(self, strategy: Any, row: int) -> None:
        if row == len(self.bars) - 1:
            self.open_at_end = strategy.trades[0].entry_bar if strategy.trades else -1
        elif strategy.trades:
            self.manage(strategy, row, strategy.trades[0])
        else:
            self.enter(strategy, row)

    def signal(self, row: int) -> int:
        return int(self.told.enter_long[row]) - int(self.told.enter_short[row])

    def manage(self, strategy: Any, row: int, trade: Any) -> None:
        told, side = self.told, 1 if trade.is_long else -1
        if told.trail_ratio:
            self.trail(row, trade, side)
        leaves = told.exit_long if side > 0 else told.exit_short
        aged = 0 < told.time_stop_bars <= row - trade.entry_bar + 1
        if leaves[row] or aged:
            trade.close()
        elif told.reverse and self.signal(row) == -side:
            trade.close()
            self.order(strategy, row, -side)

    def trail(self, row: int, trade: Any, side: int) -> None:
        if trade.entry_bar == row:
            self.best = trade.entry_price
        seen = self.bars.high[row] if side > 0 else self.bars.low[row]
        if (seen - self.best) * side > 0:
            self.best = seen
        level = self.best * (1 - side * self.told.trail_ratio)
        if (level - trade.sl) * side > 0:
            trade.sl = level

    def enter(self, strategy: Any, row: int) -> None:
        """Flat: a resting entry stays until it expires or the other side is wanted."""
        signal = self.signal(row)
        for order in strategy.orders:
            expired = row - self.placed_row >= self.told.expires_bars
            if expired or (signal != 0 and order.is_long != (signal > 0)):
                order.cancel()
        if signal != 0 and not strategy.orders:
            self.order(strategy, row, signal)

    def order(self, strategy: Any, row: int, side: int) -> None:
        told = self.told
        stop = (told.stop_long if side > 0 else told.stop_short)[row]
        target = (told.target_long if side > 0 else told.target_short)[row]
        limit = None
        if told.expires_bars:
            limit = self.bars.close[row] * (1 - side * told.offset_ratio)
            self.placed_row = row
        place = strategy.buy if side > 0 else strategy.sell
        place(
            size=1,
            limit=limit,
            sl=None if np.isnan(stop) else stop,
            tp=None if np.isnan(target) else target,
        )
