"""The result cut into parts: by exit reason and by month.

In: trades and the equity curve. Out: rows of the document.
Refuses to know: the headline figures, how rows are printed.
Source of numbers: the trades' net pnl for exits, bar-close equity for months.
"""

import math
from bisect import bisect_right
from collections import Counter

from runner.domain.order import REASONS
from runner.domain.time import format_day
from runner.report.curve import Curve, monthly_equity
from runner.report.metrics import mean, r_multiples, ratio
from runner.report.round_trips import RoundTrip
from runner.report.shape import ExitRow, MonthRow, RefusalRow


def exit_rows(trips: list[RoundTrip]) -> list[ExitRow]:
    """By the last closing fill's reason, most trades first; a reason that only closed parts has 0 trades."""
    fills = Counter(reason for trip in trips for reason in trip.exit_reasons)
    by_reason: dict[int, list[RoundTrip]] = {reason: [] for reason in sorted(fills)}
    for trip in trips:
        by_reason[trip.exit_reason].append(trip)
    rows = [_exit_row(reason, ended, fills[reason]) for reason, ended in by_reason.items()]
    return sorted(rows, key=lambda row: (-row.trades, -row.fills))


def _exit_row(reason: int, trips: list[RoundTrip], fills: int) -> ExitRow:
    wins = sum(trip.pnl_usdt > 0.0 for trip in trips)
    multiples = r_multiples(trips)
    return ExitRow(
        reason=REASONS[reason],
        trades=len(trips),
        fills=fills,
        wins=wins,
        win_rate=ratio(wins, len(trips)),
        net_pnl_usdt=math.fsum(trip.pnl_usdt for trip in trips),
        r_sum=math.fsum(multiples) if multiples else None,
        average_bars_in_trade=mean(trip.bars_in_trade for trip in trips),
    )


def month_rows(curve: Curve, trips: list[RoundTrip], timeframe_ms: int) -> list[MonthRow]:
    """Every month of the run. A trade counts in the month of the bar in which it ended, so that a fill at the
    close of a month's last bar belongs to the month whose equity it made."""
    months = monthly_equity(curve)
    starts = [month.start_ms for month in months]
    opens = (int(curve.time_ms[trip.exit_bar]) - timeframe_ms for trip in trips)
    ended = Counter(bisect_right(starts, open_ms) - 1 for open_ms in opens)
    return [
        MonthRow(
            month=format_day(month.start_ms)[:7],
            net_pnl_usdt=month.end_usdt - month.start_usdt,
            net_pnl_ratio=ratio(month.end_usdt - month.start_usdt, month.start_usdt),
            trades=ended[place],
        )
        for place, month in enumerate(months)
    ]


def refusal_rows(refusals: dict[str, int]) -> list[RefusalRow]:
    """Most signals first, then by name; reasons that refused nothing are left out."""
    told = sorted(refusals.items(), key=lambda item: (-item[1], item[0]))
    return [RefusalRow(reason, signals) for reason, signals in told if signals > 0]
