"""What the equity curve says: daily returns, drawdowns, growth, months.

In: a Result's arrays, one place per bar. Out: numbers, None where undefined.
Refuses to know: fills, trades, the document.
Source: execution semantics, "Metrics and their conventions".
Whole arrays at a time: a year of one-minute bars takes a few milliseconds and two copies of the curve.
"""

import math
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from runner.domain.result import Result
from runner.domain.series import Floats, Times
from runner.domain.time import DAY_MS

DAYS_PER_YEAR = 365
DEVIATION_RATIO_MIN = 1e-9  # of the largest return: a smaller deviation is rounding, not risk


class Curve(NamedTuple):
    """Equity of shape (n,) at `time_ms`, the bars' closes, from `start_usdt` at `start_ms`."""

    start_ms: int
    start_usdt: float
    time_ms: Times
    equity_usdt: Floats

    @property
    def days(self) -> float:
        return (int(self.time_ms[-1]) - self.start_ms) / DAY_MS


class Drawdown(NamedTuple):
    """Ratios are ≥ 0."""

    close_ratio: float
    intrabar_ratio: float
    longest_days: float


class Month(NamedTuple):
    """Equity at both ends of one UTC calendar month, as far as the data reach."""

    start_ms: int
    start_usdt: float
    end_usdt: float


def equity_curve(result: Result) -> Curve:
    """The curve of a run, with the point before its first close: the capital at the first bar's open."""
    start_ms = int(result.close_time_ms[0]) - result.plan.timeframe_ms
    return Curve(start_ms, result.plan.capital_usdt, result.close_time_ms, result.equity_usdt)


def equity_at(curve: Curve, times: Times) -> Floats:
    """Equity at the last bar closed at or before each time; the start's where none had."""
    place = np.searchsorted(curve.time_ms, times, side="right")
    return np.where(place > 0, curve.equity_usdt[np.maximum(place - 1, 0)], curve.start_usdt)


def daily_points(curve: Curve) -> tuple[Times, Floats]:
    """The start, every 00:00 UTC after it, and the end when that is not 00:00 itself."""
    end_ms = int(curve.time_ms[-1])
    midnights = np.arange((curve.start_ms // DAY_MS + 1) * DAY_MS, end_ms + 1, DAY_MS, dtype=np.int64)
    last = [] if end_ms % DAY_MS == 0 else [end_ms]
    times = np.concatenate(([curve.start_ms], midnights, last)).astype(np.int64)
    return times, equity_at(curve, times)


def drawdown(curve: Curve, worst_usdt: Floats) -> Drawdown:
    """Falls from the highest equity so far, the start's among them."""
    equity = curve.equity_usdt
    peak = np.maximum.accumulate(equity)
    np.maximum(peak, curve.start_usdt, out=peak)
    fall = (peak - equity) / peak
    close_ratio = float(fall.max())
    longest_days = _longest_under_water_ms(curve, fall) / DAY_MS
    peak[1:] = peak[:-1]  # inside a bar, only earlier closes are known
    peak[0] = curve.start_usdt
    np.minimum(worst_usdt, equity, out=fall)
    np.subtract(peak, fall, out=fall)
    fall /= peak
    return Drawdown(close_ratio, max(float(fall.max()), 0.0), longest_days)


def _longest_under_water_ms(curve: Curve, fall: Floats) -> int:
    """From the bar that set a peak to the bar that reached it again, or to the end."""
    bars = len(fall)
    at_peak = np.flatnonzero(fall <= 0.0)
    places = np.concatenate(([-1], at_peak, [bars]))  # −1 stands for the start, `bars` for the end
    times = np.concatenate(([curve.start_ms], curve.time_ms[at_peak], [curve.time_ms[-1]]))
    between = np.diff(places) > 1
    return int(np.max(np.diff(times)[between], initial=0))


def growth_ratio_annual(curve: Curve) -> float | None:
    """(end ÷ start)^(365 ÷ days) − 1."""
    end_usdt = float(curve.equity_usdt[-1])
    if end_usdt < 0.0:
        return None
    try:
        return float((end_usdt / curve.start_usdt) ** (DAYS_PER_YEAR / curve.days) - 1.0)
    except OverflowError:  # a leap within minutes has no annual figure
        return None


def sharpe_and_sortino(points_usdt: Floats) -> tuple[float | None, float | None]:
    """Annualised with √365, risk-free 0, from the equity at each day's end."""
    if len(points_usdt) < 3 or bool(np.any(points_usdt <= 0.0)):
        return None, None
    returns = np.diff(points_usdt) / points_usdt[:-1]
    mean = float(returns.mean())
    floor = DEVIATION_RATIO_MIN * float(np.abs(returns).max())
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return _annualised(mean, float(returns.std(ddof=1)), floor), _annualised(mean, downside, floor)


def _annualised(mean: float, deviation: float, floor: float) -> float | None:
    return mean / deviation * math.sqrt(DAYS_PER_YEAR) if deviation > floor else None


def last_quarter_usdt(curve: Curve) -> float:
    """Change of equity over the last quarter of the calendar time."""
    end_ms = int(curve.time_ms[-1])
    from_ms = end_ms - (end_ms - curve.start_ms) // 4
    return float(curve.equity_usdt[-1] - equity_at(curve, np.array([from_ms]))[0])


def monthly_equity(curve: Curve) -> list[Month]:
    """Every calendar month that the run touches."""
    end_ms = int(curve.time_ms[-1])
    starts = [curve.start_ms]
    while (following := _next_month_ms(starts[-1])) < end_ms:
        starts.append(following)
    points = equity_at(curve, np.array([*starts, end_ms]))
    ends = pairwise(float(point) for point in points)
    return [Month(start, before, after) for start, (before, after) in zip(starts, ends, strict=True)]


def _next_month_ms(time_ms: int) -> int:
    """00:00 UTC on the first day of the month after this one."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    year, month = moment.year + moment.month // 12, moment.month % 12 + 1
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
