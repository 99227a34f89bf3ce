"""The same rules in `vectorbt`: arrays of signals, one bar later, at the open.

Every bar is given as two rows: its open alone, where orders fill and a gap is noticed, then its range. In
one row it would look at stops before signals, and in the bar of an entry not at all.
"""

from typing import Any

import numpy as np
from rule_sets import FEE_RATIO, Flags, Rules
from trade_lists import Trade

from runner.domain.series import Bars, Floats

CASH = 1e9


def vectorbt_trades(engine: Any, bars: Bars, told: Rules) -> list[Trade]:
    """The trades of `engine`, the imported package."""
    entry = np.append(bars.open[1:], np.nan)
    stop = np.where(told.enter_long, told.stop_long, told.stop_short)
    target = np.where(told.enter_long, told.target_long, told.target_short)
    # The first row's range is empty: nothing lies between infinity and 0, and no best price moves.
    portfolio = engine.Portfolio.from_signals(
        open=in_pairs(bars.open, bars.open),
        high=in_pairs(np.zeros(len(bars)), bars.high),
        low=in_pairs(np.full(len(bars), np.inf), bars.low),
        close=in_pairs(bars.open, bars.close),
        price=in_pairs(bars.open, bars.open),
        entries=at_next_open(told.enter_long),
        exits=at_next_open(told.exit_long),
        short_entries=at_next_open(told.enter_short),
        short_exits=at_next_open(told.exit_short),
        size=1.0,
        fees=FEE_RATIO,
        slippage=0.0,
        init_cash=CASH,
        upon_opposite_entry="reverse" if told.reverse else "ignore",
        sl_stop=in_pairs(shifted(np.abs(entry - stop) / entry), np.full(len(bars), np.nan)),
        tp_stop=in_pairs(shifted(np.abs(entry - target) / entry), np.full(len(bars), np.nan)),
        sl_trail=told.trail_ratio > 0.0,
        stop_entry_price="fillprice",
        stop_exit_price="stopmarket",
        use_stops=True,
    )
    return [
        Trade(
            -1 if row["direction"] else 1,
            int(bars.open_time_ms[row["entry_idx"] // 2]),
            float(row["entry_price"]),
            int(bars.open_time_ms[row["exit_idx"] // 2]),
            float(row["exit_price"]),
            float(row["pnl"]),
            not row["status"],
        )
        for row in portfolio.exit_trades.values
    ]


def in_pairs(first: Floats, second: Floats) -> Floats:
    """(n,) and (n,) → (2n,): the open row and the range row of every bar."""
    return np.column_stack((first, second)).ravel()


def shifted(column: Floats) -> Floats:
    """What was decided at a close, in the row of the next bar."""
    return np.append(np.nan, column[:-1])


def at_next_open(decided: Flags) -> Flags:
    """Signals in the open row of the bar after the decision."""
    return np.column_stack((np.append(False, decided[:-1]), np.zeros(len(decided), bool))).ravel()
