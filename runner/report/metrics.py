"""The headline figures of a run.

In: a Result and the trades that its fills made. Out: `Metrics`, None where a figure is undefined.
Refuses to know: the document, how figures are printed.
Source: execution semantics, "Metrics and their conventions"; each basis stands beside its name in `shape.py`.
"""

import math
from collections.abc import Iterable
from itertools import groupby

from runner.domain.order import LIQUIDATION
from runner.domain.result import Result
from runner.report.curve import (
    Curve,
    daily_points,
    drawdown,
    equity_curve,
    growth_ratio_annual,
    last_quarter_usdt,
    sharpe_and_sortino,
)
from runner.report.round_trips import RoundTrip
from runner.report.shape import Metrics, SideMetrics


def measure(result: Result, trips: list[RoundTrip]) -> Metrics:
    """All figures; `trips` are the trades of `result.fills`, in the order of their exits."""
    curve = equity_curve(result)
    falls = drawdown(curve, result.worst_equity_usdt)
    sharpe, sortino = sharpe_and_sortino(daily_points(curve)[1])
    growth = growth_ratio_annual(curve)
    fees = math.fsum(fill.fee_usdt for fill in result.fills)
    slippage = math.fsum(fill.slippage_usdt for fill in result.fills)
    funding = math.fsum(payment.payment_usdt for payment in result.payments)
    net = math.fsum(trip.pnl_usdt for trip in trips)
    costs = fees + slippage - funding
    every = side_metrics(trips)
    wins = [trip for trip in trips if trip.pnl_usdt > 0.0]
    losses = [trip for trip in trips if trip.pnl_usdt < 0.0]
    pnls = sorted(trip.pnl_usdt for trip in trips)
    multiples = r_multiples(trips)
    return Metrics(
        start_equity_usdt=curve.start_usdt,
        end_equity_usdt=float(curve.equity_usdt[-1]),
        net_pnl_usdt=net,
        net_pnl_ratio=net / curve.start_usdt,
        days=curve.days,
        growth_ratio_annual=growth,
        buy_and_hold_ratio=float(result.bars_close[-1]) / result.first_open - 1.0,
        max_drawdown_ratio=falls.close_ratio,
        max_drawdown_intrabar_ratio=falls.intrabar_ratio,
        longest_drawdown_days=falls.longest_days,
        sharpe=sharpe,
        sortino=sortino,
        calmar=ratio(growth, falls.close_ratio),
        exposure_ratio=float(result.position_open.mean()),
        turnover_ratio=_turnover(result, curve),
        fees_usdt=fees,
        funding_usdt=funding,
        slippage_usdt=slippage,
        costs_ratio=ratio(costs, net + costs),
        trades=every.trades,
        wins=every.wins,
        losses=every.losses,
        win_rate=every.win_rate,
        payoff_ratio=every.payoff_ratio,
        profit_factor=every.profit_factor,
        expectancy_r=every.expectancy_r,
        expectancy_usdt=mean(pnls),
        average_win_usdt=mean(trip.pnl_usdt for trip in wins),
        average_loss_usdt=mean(trip.pnl_usdt for trip in losses),
        average_win_r=mean(r_multiples(wins)),
        average_loss_r=mean(r_multiples(losses)),
        best_trade_usdt=max(pnls, default=None),
        worst_trade_usdt=min(pnls, default=None),
        best_trade_r=max(multiples, default=None),
        worst_trade_r=min(multiples, default=None),
        average_bars_in_trade=every.average_bars_in_trade,
        losses_in_row_max=_losses_in_row_max(trips),
        liquidations=sum(trip.exit_reason == LIQUIDATION for trip in trips),
        net_pnl_usdt_without_best_three=math.fsum(pnls[:-3]) if len(pnls) > 3 else None,
        last_quarter_net_pnl_usdt=last_quarter_usdt(curve),
        long=side_metrics([trip for trip in trips if trip.side > 0]),
        short=side_metrics([trip for trip in trips if trip.side < 0]),
    )


def side_metrics(trips: list[RoundTrip]) -> SideMetrics:
    """The figures that are told for all trades and for each side."""
    wins = [trip.pnl_usdt for trip in trips if trip.pnl_usdt > 0.0]
    losses = [-trip.pnl_usdt for trip in trips if trip.pnl_usdt < 0.0]
    return SideMetrics(
        trades=len(trips),
        wins=len(wins),
        losses=len(losses),
        net_pnl_usdt=math.fsum(trip.pnl_usdt for trip in trips),
        win_rate=ratio(len(wins), len(trips)),
        payoff_ratio=ratio(mean(wins), mean(losses)),
        profit_factor=ratio(math.fsum(wins), math.fsum(losses)),
        expectancy_r=mean(r_multiples(trips)),
        average_bars_in_trade=mean(trip.bars_in_trade for trip in trips),
    )


def r_multiples(trips: list[RoundTrip]) -> list[float]:
    """Those of the trades that had a stop."""
    return [trip.r_multiple for trip in trips if trip.r_multiple is not None]


def mean(numbers: Iterable[float]) -> float | None:
    """None of nothing."""
    listed = list(numbers)
    return math.fsum(listed) / len(listed) if listed else None


def ratio(part: float | None, whole: float | None) -> float | None:
    """None when either is undefined or the whole is not above 0."""
    if part is None or whole is None or whole <= 0.0:
        return None
    quotient = part / whole
    return quotient if math.isfinite(quotient) else None


def _turnover(result: Result, curve: Curve) -> float | None:
    notional_usdt = math.fsum(fill.quantity * fill.price for fill in result.fills)
    return ratio(notional_usdt, float(curve.equity_usdt.mean()))


def _losses_in_row_max(trips: list[RoundTrip]) -> int:
    runs = groupby(trips, key=lambda trip: trip.pnl_usdt < 0.0)
    return max((sum(1 for _ in run) for lost, run in runs if lost), default=0)
