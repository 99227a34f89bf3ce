"""Equity written as text in, figures worked out by hand out."""

import math

import numpy as np
import pytest

from runner.domain.time import TIMEFRAMES, format_moment, parse_time
from runner.report.curve import (
    Curve,
    Drawdown,
    daily_points,
    drawdown,
    growth_ratio_annual,
    last_quarter_usdt,
    monthly_equity,
    sharpe_and_sortino,
)


def curve_of(equity: str, start: str = "2024-01-01", timeframe: str = "1d", capital: float = 100.0) -> Curve:
    points = np.array([float(word) for word in equity.split()])
    length = TIMEFRAMES[timeframe]
    times = parse_time(start) + length * np.arange(1, len(points) + 1, dtype=np.int64)
    return Curve(parse_time(start), capital, times, points)


def days_of(curve: Curve) -> str:
    times, points = daily_points(curve)
    return "  ".join(
        f"{format_moment(time)} {point:g}" for time, point in zip(times.tolist(), points, strict=True)
    )


def falls_of(equity: str, worst: str | None = None) -> Drawdown:
    curve = curve_of(equity)
    return drawdown(curve, curve_of(worst or equity).equity_usdt)


def test_days_end_at_midnight_with_the_bar_that_closes_there() -> None:
    curve = curve_of("101 102 103 104 105 106 107 108", timeframe="6h")
    assert days_of(curve) == "2024-01-01 100  2024-01-02 104  2024-01-03 108"


def test_the_first_and_the_last_day_may_be_shorter() -> None:
    curve = curve_of("101 102 103 104 105", start="2024-01-01T12:00Z", timeframe="6h")
    assert days_of(curve) == "2024-01-01T12:00Z 100  2024-01-02 102  2024-01-02T18:00Z 105"


def test_a_day_takes_the_last_bar_closed_by_midnight_when_none_closes_on_it() -> None:
    curve = curve_of("101 102 103 104", start="2024-01-01T23:00Z", timeframe="2h")
    assert days_of(curve) == "2024-01-01T23:00Z 100  2024-01-02 100  2024-01-02T07:00Z 104"


def test_a_gap_of_days_repeats_the_equity_before_it() -> None:
    curve = curve_of("101 102 103")
    late = curve._replace(time_ms=curve.time_ms + np.array([0, 0, 2 * TIMEFRAMES["1d"]]))
    assert (
        days_of(late)
        == "2024-01-01 100  2024-01-02 101  2024-01-03 102  2024-01-04 102  2024-01-05 102  2024-01-06 103"
    )


def test_daily_returns_compound_to_the_whole_run() -> None:
    curve = curve_of("101 99 104 98 120 117 90", start="2024-01-01T05:00Z", timeframe="8h")
    points = daily_points(curve)[1]
    assert math.prod(points[1:] / points[:-1]) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("equity", "ratio", "days"),
    [
        ("100 100 100", 0.0, 0),  # nothing happens
        ("101 102 103", 0.0, 0),  # only up
        ("110 99 121", 0.1, 2),  # 110 → 99, back at the third close: from the first close to the third
        ("90 80 95", 0.2, 3),  # the start's equity is a peak too, never reached again
        ("110 99 110 88 120", 0.2, 2),  # equalling the peak ends a drawdown
        ("120 90 100 119 60 130", 0.5, 5),
    ],
)
def test_drawdown_is_the_fall_from_the_highest_close_so_far(equity: str, ratio: float, days: float) -> None:
    falls = falls_of(equity)
    assert falls.close_ratio == pytest.approx(ratio)
    assert falls.longest_days == days


@pytest.mark.parametrize(
    ("equity", "worst", "ratio"),
    [
        ("110 120 130", "100 99 120", 0.1),  # 110 → 99 inside the second bar
        ("150 150", "80 150", 0.2),  # inside the first bar only the start is known
        ("110 99 121", "110 99 121", 0.1),  # the same as at closes when nothing is worse inside
        ("110 99 121", "111 112 122", 0.1),  # never less than at closes
    ],
)
def test_intrabar_drawdown_falls_from_an_earlier_close(equity: str, worst: str, ratio: float) -> None:
    assert falls_of(equity, worst).intrabar_ratio == pytest.approx(ratio)


def test_sharpe_is_mean_over_sample_deviation_times_root_365() -> None:
    """Returns +10 %, −10 %, +10 %, +2 %: mean 3 %, squared distances 49 + 169 + 49 + 1 = 268 (%²), ÷ 3."""
    points = np.cumprod(np.array([100.0, 1.1, 0.9, 1.1, 1.02]))
    sharpe, _ = sharpe_and_sortino(points)
    assert sharpe == pytest.approx(3.0 / math.sqrt(268.0 / 3.0) * math.sqrt(365.0))


def test_sortino_divides_by_the_root_mean_square_of_losses_over_all_days() -> None:
    """Returns +10 %, −10 %, +10 %, −2 %: mean 2 %, squared losses 100 + 4 = 104 (%²), ÷ 4 days."""
    points = np.cumprod(np.array([100.0, 1.1, 0.9, 1.1, 0.98]))
    _, sortino = sharpe_and_sortino(points)
    assert sortino == pytest.approx(2.0 / math.sqrt(104.0 / 4.0) * math.sqrt(365.0))


@pytest.mark.parametrize(
    ("points", "defined"),
    [
        ("100", (False, False)),  # no day
        ("100 110", (False, False)),  # one day has no deviation
        ("100 100 100", (False, False)),  # nothing moves
        ("100 101 102.01 103.0301", (False, False)),  # the same return every day, but for rounding
        ("100 110 115", (True, False)),  # no losing day
        ("100 110 0 50", (False, False)),  # no return from nothing
        ("100 110 105", (True, True)),
    ],
)
def test_sharpe_and_sortino_are_none_when_undefined(points: str, defined: tuple[bool, bool]) -> None:
    figures = sharpe_and_sortino(np.array([float(word) for word in points.split()]))
    assert tuple(figure is not None for figure in figures) == defined


def test_growth_compounds_over_calendar_time() -> None:
    """+21 % in 730 days is +10 % a year of 365 days."""
    curve = curve_of("121")._replace(time_ms=np.array([parse_time("2024-01-01") + 730 * TIMEFRAMES["1d"]]))
    assert growth_ratio_annual(curve) == pytest.approx(0.1)


def test_growth_is_none_when_equity_is_negative_or_the_leap_has_no_annual_figure() -> None:
    assert growth_ratio_annual(curve_of("-1")) is None
    assert growth_ratio_annual(curve_of("400", timeframe="1m")) is None
    assert growth_ratio_annual(curve_of("0")) == -1.0


def test_months_begin_at_midnight_of_their_first_day() -> None:
    curve = curve_of("101 102 103 104", start="2024-01-30")
    months = [
        f"{format_moment(part.start_ms)} {part.start_usdt:g} {part.end_usdt:g}"
        for part in monthly_equity(curve)
    ]
    assert months == ["2024-01-30 100 102", "2024-02-01 102 104"]


def test_a_run_that_ends_at_the_months_end_has_no_empty_month() -> None:
    curve = curve_of("101 102", start="2023-12-30")
    assert [format_moment(part.start_ms) for part in monthly_equity(curve)] == ["2023-12-30"]


def test_december_is_followed_by_january() -> None:
    curve = curve_of("101 102 103", start="2023-12-30")
    assert [format_moment(part.start_ms) for part in monthly_equity(curve)] == ["2023-12-30", "2024-01-01"]


def test_the_last_quarter_is_of_calendar_time() -> None:
    assert last_quarter_usdt(curve_of("101 102 103 104 105 106 110 120")) == pytest.approx(14.0)
