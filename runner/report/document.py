"""A Result becomes the report.v1 document.

In: a Result, the mode's name, the time of making. Out: a `Report`, and its JSON text.
Refuses to know: files, terminals, the clock.
Same Result → same bytes, but for `generated_at_ms`: keys in the order of `shape.py`, floats as Python's repr.
"""

import json
import math
from datetime import UTC, datetime
from typing import cast

from runner.domain.order import REASONS
from runner.domain.result import Result
from runner.domain.stress import StressResult
from runner.report.breakdown import exit_rows, month_rows, refusal_rows
from runner.report.curve import daily_points, equity_curve
from runner.report.metrics import measure
from runner.report.round_trips import RoundTrip, build_round_trips
from runner.report.shape import (
    SCHEMA_VERSION,
    Bounds,
    Costs,
    Data,
    EquityDaily,
    Gap,
    Metrics,
    Report,
    TradeRow,
)
from runner.report.stress import build_stress

GAP_RATIO_MAX = 1e-9  # of equity: trades and curve are two ways to one figure
TRADES_MIN = 100


def build_report(
    result: Result, *, mode: str, generated_at_ms: int, stress: StressResult | None = None
) -> Report:
    """The whole document as typed values."""
    trips = build_round_trips(result.fills, result.payments)
    metrics = measure(result, trips)
    _assert_agreement(metrics)
    curve = equity_curve(result)
    times, points = daily_points(curve)
    return Report(
        schema_version=SCHEMA_VERSION,
        bot=result.bot,
        bot_hash=result.bot_hash,
        mode=mode,
        generated_at_ms=generated_at_ms,
        data=_data(result),
        costs=Costs(**result.plan.costs._asdict()),
        metrics=metrics,
        bounds=_bounds(result),
        stress=build_stress(stress) if stress else None,
        exits=exit_rows(trips),
        monthly=month_rows(curve, trips, result.plan.timeframe_ms),
        refusals=refusal_rows(result.refusals),
        halted=result.halted,
        notes=list(dict.fromkeys((*result.facts.notes, *result.notes))),
        warnings=_warnings(result, metrics),
        equity_daily=EquityDaily(times.tolist(), points.tolist()),
        trades=[trade_row(trip) for trip in trips],
    )


def plain(part: object) -> object:
    """The JSON value of a part of the document."""
    if isinstance(part, list):
        return [plain(member) for member in part]
    if hasattr(part, "_asdict"):
        return {name.rstrip("_"): plain(member) for name, member in part._asdict().items()}
    return part + 0.0 if isinstance(part, float) else part  # −0.0 becomes 0.0


def render_json(report: Report) -> str:
    """The document's text: a line per key, a line per member of a list; NaN and infinity are refused."""
    document = cast(dict[str, object], plain(report))
    lines = ",\n".join(f"  {_json(key)}: {_lines(part)}" for key, part in document.items())
    return f"{{\n{lines}\n}}\n"


def _lines(part: object) -> str:
    if isinstance(part, list) and part:
        return "[\n    " + ",\n    ".join(_json(member) for member in part) + "\n  ]"
    return _json(part)


def _json(part: object) -> str:
    return json.dumps(part, ensure_ascii=False, allow_nan=False)


def _assert_agreement(metrics: Metrics) -> None:
    """Net pnl from the fills and from the equity curve are one number."""
    gap = abs(metrics.end_equity_usdt - metrics.start_equity_usdt - metrics.net_pnl_usdt)
    assert gap <= GAP_RATIO_MAX * (metrics.start_equity_usdt + abs(metrics.end_equity_usdt)), gap


def _data(result: Result) -> Data:
    facts = result.facts
    paid = [payment for payment in result.payments if payment.payment_usdt != 0.0]
    from_ms = int(result.close_time_ms[0]) - result.plan.timeframe_ms
    to_ms = int(result.close_time_ms[-1])
    return Data(
        venue=facts.venue,
        symbol=facts.symbol,
        timeframe=facts.timeframe,
        from_=utc_text(from_ms),
        to=utc_text(to_ms),
        from_ms=from_ms,
        to_ms=to_ms,
        bars=len(result.close_time_ms),
        warmup_bars=facts.warmup_bars,
        gaps=[Gap(utc_text(gap.from_ms), gap.from_ms, gap.bars) for gap in facts.gaps],
        synthetic=facts.synthetic,
        source=facts.source,
        instrument_source=facts.instrument_source,
        detail=facts.detail_timeframe,
        detail_missing=facts.detail_missing,
        moved_start=facts.moved_start,
        funding_missing=facts.funding_missing,
        mark_missing=facts.mark_missing,
        payments=len(paid),
        payments_without_mark=sum(payment.mark_missing for payment in paid),
    )


def utc_text(time_ms: int) -> str:
    """`2024-03-05T14:00:00Z`, with milliseconds when there are any."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    thousandths = f".{time_ms % 1000:03d}" if time_ms % 1000 else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + thousandths + "Z"


def _bounds(result: Result) -> Bounds:
    adverse_usdt = result.adverse_net_pnl_usdt
    favourable_usdt = result.favourable_net_pnl_usdt
    if not math.isfinite(favourable_usdt):
        missing = "the favourable path was not run"
        return Bounds(result.path, adverse_usdt, None, result.ambiguous_bars, result.resolved_bars, missing)
    note = None
    if favourable_usdt < adverse_usdt - GAP_RATIO_MAX * result.plan.capital_usdt:
        note = (
            "the favourable path ended lower: another way through one bar changed a price, or which "
            "trades came after it, so it is no upper bound for this run"
        )
    return Bounds(
        result.path, adverse_usdt, favourable_usdt, result.ambiguous_bars, result.resolved_bars, note
    )


def _warnings(result: Result, metrics: Metrics) -> list[str]:
    warnings = []
    if result.facts.synthetic:
        warnings.append("SYNTHETIC DATA: the figures say nothing about a real market")
    if metrics.trades == 0:
        warnings.append("no trades: the figures describe an idle account")
    elif metrics.trades < TRADES_MIN:
        trades = "1 trade" if metrics.trades == 1 else f"{metrics.trades} trades"
        warnings.append(f"only {trades}: under {TRADES_MIN} the figures are mostly chance")
    rest_usdt = metrics.net_pnl_usdt_without_best_three
    if rest_usdt is not None and rest_usdt <= 0.0 < metrics.net_pnl_usdt:
        warnings.append(f"without its three best trades the run made {rest_usdt:+,.2f} USDT")
    if metrics.liquidations > 0:
        warnings.append(f"liquidated {metrics.liquidations}×: the leverage is too high for the stop")
    return warnings


def trade_row(trip: RoundTrip) -> TradeRow:
    """One member of `trades`."""
    return TradeRow(
        entry_time_ms=trip.entry_time_ms,
        exit_time_ms=trip.exit_time_ms,
        side="long" if trip.side > 0 else "short",
        quantity=trip.quantity,
        entry_price=trip.entry_price,
        exit_price=trip.exit_price,
        pnl_usdt=trip.pnl_usdt,
        fees_usdt=trip.fees_usdt,
        funding_usdt=trip.funding_usdt,
        slippage_usdt=trip.slippage_usdt,
        exit_reason=REASONS[trip.exit_reason],
        r_multiple=trip.r_multiple,
        risk_usdt=trip.risk_usdt if trip.risk_usdt > 0.0 else None,
        bars_in_trade=trip.bars_in_trade,
    )
