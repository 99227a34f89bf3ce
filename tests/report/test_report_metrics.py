"""The headline figures: one run by hand, and any run against a slow second reckoning."""

import math
import statistics
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from report_runs import random_results
from report_tables import make_result, parse_fills, parse_payments

from runner.domain.order import REASONS
from runner.domain.result import Result
from runner.report.document import build_report
from runner.report.metrics import measure
from runner.report.round_trips import build_round_trips
from runner.report.shape import Metrics

DAY = 86_400_000

HAND_FILLS = """
    bar side quantity price after fee slip reason        risk
      0 buy         2   100     2 1   0.5  entry           20
      1 sell        2   120     0 1   0    take_profit      0
      2 sell        1   120    -1 1   0.5  entry           10
      3 buy         3   130     2 3   1.5  reverse         40
      4 sell        2   125     0 2   0    liquidation      0
"""


def hand_run() -> Result:
    """Five daily bars: +38 long, −11.5 short, turned into a long of −14 that is liquidated."""
    fills = parse_fills(HAND_FILLS, timeframe="1d")
    payments = parse_payments("bar usdt\n3 0.5", timeframe="1d")
    return make_result(fills, payments, [110.0, 118.0, 120.0, 128.0, 125.0], timeframe="1d", first_open=100.0)


def measured(result: Result) -> Metrics:
    return measure(result, build_round_trips(result.fills, result.payments))


HAND_FIGURES = {
    # trades: 2×20 − 2 = 38;  −1×10 − 1 − 1 + 0.5 = −11.5;  2×−5 − 2 − 2 = −14
    "start_equity_usdt": 1000.0,
    "end_equity_usdt": 1012.5,
    "net_pnl_usdt": 12.5,
    "net_pnl_ratio": 0.0125,
    "days": 5.0,
    "growth_ratio_annual": 1.0125**73 - 1.0,
    "buy_and_hold_ratio": 0.25,
    # equity at closes: 1019, 1038, 1037, 1020.5, 1012.5
    "max_drawdown_ratio": 25.5 / 1038.0,
    "max_drawdown_intrabar_ratio": 25.5 / 1038.0,
    "longest_drawdown_days": 3.0,
    "calmar": (1.0125**73 - 1.0) / (25.5 / 1038.0),
    "exposure_ratio": 0.6,
    "turnover_ratio": (200 + 240 + 120 + 390 + 250) / ((1019 + 1038 + 1037 + 1020.5 + 1012.5) / 5),
    "fees_usdt": 8.0,
    "funding_usdt": 0.5,
    "slippage_usdt": 2.5,
    "costs_ratio": 10.0 / 22.5,
    "trades": 3,
    "wins": 1,
    "losses": 2,
    "win_rate": 1 / 3,
    "payoff_ratio": 38.0 / 12.75,
    "profit_factor": 38.0 / 25.5,
    "expectancy_r": (1.9 - 1.15 - 0.35) / 3,
    "expectancy_usdt": 12.5 / 3,
    "average_win_usdt": 38.0,
    "average_loss_usdt": -12.75,
    "average_win_r": 1.9,
    "average_loss_r": -0.75,
    "best_trade_usdt": 38.0,
    "worst_trade_usdt": -14.0,
    "best_trade_r": 1.9,
    "worst_trade_r": -1.15,
    "average_bars_in_trade": 1.0,
    "losses_in_row_max": 2,
    "liquidations": 1,
    "net_pnl_usdt_without_best_three": None,
    "last_quarter_net_pnl_usdt": -24.5,  # the last 1.25 days: from the close of the third bar
}


@pytest.mark.parametrize("name", HAND_FIGURES)
def test_a_run_of_five_bars_by_hand(name: str) -> None:
    expected = HAND_FIGURES[name]
    figure = getattr(measured(hand_run()), name)
    assert figure == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected)


def test_every_figure_but_the_daily_ones_and_the_sides_is_worked_out_by_hand() -> None:
    names = set(Metrics._fields)
    assert names - set(HAND_FIGURES) == {"sharpe", "sortino", "long", "short"}


def test_long_and_short_are_told_apart() -> None:
    figures = measured(hand_run())
    assert (figures.long.trades, figures.long.wins, figures.long.net_pnl_usdt) == (2, 1, 24.0)
    assert (figures.short.trades, figures.short.wins, figures.short.net_pnl_usdt) == (1, 0, -11.5)
    assert (figures.short.payoff_ratio, figures.short.profit_factor) == (None, 0.0)


def test_without_trades_what_is_undefined_is_none() -> None:
    figures = measured(make_result([], [], [100.0] * 72))
    undefined = {name for name, figure in figures._asdict().items() if figure is None}
    assert undefined == {
        *("sharpe", "sortino", "calmar", "costs_ratio", "win_rate", "payoff_ratio", "profit_factor"),
        *("expectancy_r", "expectancy_usdt", "average_win_usdt", "average_loss_usdt", "average_win_r"),
        *("average_loss_r", "best_trade_usdt", "worst_trade_usdt", "best_trade_r", "worst_trade_r"),
        *("average_bars_in_trade", "net_pnl_usdt_without_best_three"),
    }
    assert (figures.net_pnl_usdt, figures.exposure_ratio, figures.turnover_ratio) == (0.0, 0.0, 0.0)


def test_without_losses_the_profit_factor_is_undefined_and_not_infinite() -> None:
    fills = "bar side quantity price after\n0 buy 1 100 1\n1 sell 1 110 0"
    figures = measured(make_result(parse_fills(fills), [], [105.0, 110.0]))
    assert (figures.profit_factor, figures.payoff_ratio, figures.win_rate) == (None, None, 1.0)


def test_a_trade_that_ends_at_nothing_is_neither_win_nor_loss() -> None:
    fills = "bar side quantity price after\n0 buy 1 100 1\n1 sell 1 100 0"
    figures = measured(make_result(parse_fills(fills), [], [100.0, 100.0]))
    assert (figures.trades, figures.wins, figures.losses, figures.win_rate) == (1, 0, 0, 0.0)


def slow_days(result: Result) -> list[float]:
    """Daily returns, bar by bar: a day ends with what was before the first close after midnight."""
    start_ms = int(result.close_time_ms[0]) - result.plan.timeframe_ms
    points, equity = [result.plan.capital_usdt], result.plan.capital_usdt
    midnight = start_ms - start_ms % DAY + DAY
    for time, after in zip(result.close_time_ms.tolist(), result.equity_usdt.tolist(), strict=True):
        while time > midnight:
            points.append(equity)
            midnight += DAY
        equity = after
    points.append(equity)
    return [after / before - 1.0 for before, after in pairwise(points)]


def slow_drawdown(result: Result) -> tuple[float, float, int]:
    """Deepest at closes and inside bars; longest time from a peak until it was reached again."""
    peak, peak_time = result.plan.capital_usdt, int(result.close_time_ms[0]) - result.plan.timeframe_ms
    deepest, inside, longest, under = 0.0, 0.0, 0, False
    rows = zip(result.close_time_ms.tolist(), result.equity_usdt, result.worst_equity_usdt, strict=True)
    for time, equity, worst in rows:
        inside = max(inside, (peak - min(worst, equity)) / peak)
        deepest = max(deepest, (peak - equity) / peak)
        if equity < peak or under:
            longest = max(longest, time - peak_time)
        under = equity < peak
        if not under:
            peak, peak_time = equity, time
    return deepest, inside, longest


@settings(max_examples=150, deadline=None)
@given(random_results())
def test_daily_figures_agree_with_a_slow_reckoning(result: Result) -> None:
    figures = measured(result)
    returns = slow_days(result)
    if len(returns) < 2 or statistics.stdev(returns) < 1e-12:
        assert figures.sharpe is None
    elif figures.sharpe is not None:
        expected = statistics.mean(returns) / statistics.stdev(returns) * math.sqrt(365)
        assert figures.sharpe == pytest.approx(expected, rel=1e-6, abs=1e-9)
    losses = math.sqrt(sum(min(one, 0.0) ** 2 for one in returns) / len(returns))
    if figures.sortino is not None:
        expected = statistics.mean(returns) / losses * math.sqrt(365)
        assert figures.sortino == pytest.approx(expected, rel=1e-6, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(random_results())
def test_drawdowns_agree_with_a_slow_reckoning(result: Result) -> None:
    figures = measured(result)
    deepest, deepest_inside, longest_ms = slow_drawdown(result)
    assert figures.max_drawdown_ratio == pytest.approx(deepest, abs=1e-12)
    assert figures.max_drawdown_intrabar_ratio == pytest.approx(deepest_inside, abs=1e-12)
    assert figures.max_drawdown_intrabar_ratio >= figures.max_drawdown_ratio - 1e-12
    assert figures.longest_drawdown_days == pytest.approx(longest_ms / DAY)


@settings(max_examples=150, deadline=None)
@given(random_results())
def test_sums_add_up_and_ratios_stay_in_their_bounds(result: Result) -> None:
    report = build_report(result, mode="backtest", generated_at_ms=0)
    figures = report.metrics
    net = pytest.approx(figures.net_pnl_usdt, abs=1e-6)
    assert sum(trade.pnl_usdt for trade in report.trades) == net
    assert sum(row.net_pnl_usdt for row in report.exits) == net
    assert sum(row.net_pnl_usdt for row in report.monthly) == net
    assert figures.long.net_pnl_usdt + figures.short.net_pnl_usdt == net
    assert figures.end_equity_usdt - figures.start_equity_usdt == net
    assert sum(trade.fees_usdt for trade in report.trades) == pytest.approx(figures.fees_usdt)
    assert sum(trade.funding_usdt for trade in report.trades) == pytest.approx(figures.funding_usdt, abs=1e-9)
    assert sum(trade.slippage_usdt for trade in report.trades) == pytest.approx(figures.slippage_usdt)
    assert len(report.trades) == figures.trades == figures.long.trades + figures.short.trades
    assert (
        sum(row.trades for row in report.exits) == sum(row.trades for row in report.monthly) == figures.trades
    )
    assert figures.wins + figures.losses <= figures.trades
    assert figures.win_rate is None or 0.0 <= figures.win_rate <= 1.0
    assert figures.max_drawdown_ratio >= 0.0
    bars_in_trades = sum(trade.bars_in_trade for trade in report.trades)
    assert figures.exposure_ratio == pytest.approx(bars_in_trades / report.data.bars)
    assert figures.profit_factor is None or figures.profit_factor >= 0.0


@settings(max_examples=60, deadline=None)
@given(random_results())
def test_months_and_exits_agree_with_a_slow_reckoning(result: Result) -> None:
    report = build_report(result, mode="backtest", generated_at_ms=0)
    ended: dict[str, int] = {}
    for trip in build_round_trips(result.fills, result.payments):
        moment = datetime.fromtimestamp(trip.exit_time_ms / 1000, UTC)
        ended[f"{moment:%Y-%m}"] = ended.get(f"{moment:%Y-%m}", 0) + 1
    assert {row.month: row.trades for row in report.monthly if row.trades} == ended
    reasons = [REASONS[fill.reason] for fill in result.fills]
    for row in report.exits:
        assert row.trades <= row.fills <= reasons.count(row.reason)
