"""The report on one screen of text, at most 88 columns.

In: a `Report`; for styling, what the caller knows of its terminal. Out: text.
Refuses to know: files, clocks, the Result: all it shows stands in report.json too.
Styles are four ANSI codes written here: loading a library for them would cost more than making the report.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Literal

from runner.domain.time import format_day, format_moment
from runner.report.figures import as_percent, count, multiple, plain_number, sparkline, usdt
from runner.report.shape import Bounds, Metrics, Report

WIDTH = 88
CELL = 41  # two cells, a margin before each and a gap between them fill a line
GAP = "   "
MENTIONS_MAX = 5  # notes, gaps and reasons shown in full; the rest are in report.json

Colour = Literal["auto", "always", "never"]

BOLD, DIM, RED, GREEN = "1", "2", "31", "32"


def wants_style(environment: Mapping[str, str], *, is_terminal: bool, colour: Colour = "auto") -> bool:
    """`--color` first, then NO_COLOR, FORCE_COLOR and TERM=dumb, then whether it is a terminal."""
    if colour != "auto":
        return colour == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


def render_terminal(report: Report, *, styled: bool = False) -> str:
    """The screen, ending in a line break; without `styled` there is no escape code in it."""
    paint = _styled if styled else _unstyled
    blocks = [
        _head(report, paint),
        _pairs(report, paint),
        _costs_and_bounds(report),
        _exits(report),
        _limits(report, paint),
        _remarks(report, paint),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


class _Paint:
    """Wraps a text in a style, or leaves it alone."""

    def __init__(self, styled: bool) -> None:
        self.styled = styled

    def __call__(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.styled and codes else text


_styled, _unstyled = _Paint(True), _Paint(False)


def _head(report: Report, paint: _Paint) -> list[str]:
    data, metrics = report.data, report.metrics
    dates = f"{format_day(data.from_ms)} → {format_day(data.to_ms - 1)}"
    parts = (f"{data.symbol} {data.timeframe}", dates, count(data.bars, "bar"), report.bot_hash[:7])
    first, *rest = _flow([report.bot, *parts])
    lines = [paint(first, BOLD), *rest]
    if data.synthetic:
        banner = "SYNTHETIC DATA: AN INVENTED MARKET, IT SAYS NOTHING ABOUT A REAL ONE"
        lines.append(paint(f" {banner} ".center(WIDTH, "*"), BOLD, RED))
    ends = f"  {metrics.start_equity_usdt:,.0f} → {metrics.end_equity_usdt:,.0f} USDT"
    curve = sparkline(report.equity_daily.equity_usdt, WIDTH - len("equity  ") - len(ends))
    return [*lines, f"equity  {curve}{ends}"]


def _flow(parts: list[str]) -> list[str]:
    """Parts two spaces apart, on as many lines as they need; no part is broken."""
    lines = [parts[0]]
    for part in parts[1:]:
        joined = f"{lines[-1]}  {part}"
        if len(joined) <= WIDTH:
            lines[-1] = joined
        else:
            lines.append(f"  {part}")
    return lines


def _pairs(report: Report, paint: _Paint) -> list[str]:
    metrics = report.metrics
    net = metrics.net_pnl_usdt
    lines = [line for left, right in _figures(metrics) for line in _row(_cell(*left), _cell(*right))]
    lines[0] = paint(lines[0], BOLD, GREEN if net > 0.0 else RED) if net else paint(lines[0], BOLD)
    return lines


def _cell(label: str, figure: str) -> str:
    return f" {label} {figure:>{CELL - len(label) - 1}}"


def _row(left: str, right: str) -> list[str]:
    """Side by side, or one under the other when figures are very long."""
    if max(len(left), len(right)) > CELL + 1:
        return [left, right]
    return [f"{left}{GAP}{right}"]


def _figures(metrics: Metrics) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Label and figure, left and right."""
    net = f"{usdt(metrics.net_pnl_usdt)} USDT  {as_percent(metrics.net_pnl_ratio, sign=True)}"
    yield ("Net profit", net), ("Buy and hold", as_percent(metrics.buy_and_hold_ratio, sign=True))
    growth = as_percent(metrics.growth_ratio_annual, sign=True)
    yield ("Annual growth", growth), ("Calmar", plain_number(metrics.calmar))
    yield (
        ("Max drawdown, bar closes", as_percent(-metrics.max_drawdown_ratio)),
        ("Max drawdown, inside bars", as_percent(-metrics.max_drawdown_intrabar_ratio)),
    )
    longest = f"{metrics.longest_drawdown_days:,.1f} days"
    yield ("Longest drawdown", longest), ("Time in position", as_percent(metrics.exposure_ratio))
    yield ("Sharpe", plain_number(metrics.sharpe)), ("Sortino", plain_number(metrics.sortino))
    yield ("Trades", f"{metrics.trades:,}"), ("Win rate", as_percent(metrics.win_rate))
    yield (
        ("Profit factor", plain_number(metrics.profit_factor)),
        ("Expectancy", multiple(metrics.expectancy_r)),
    )
    yield (
        ("Average win / loss", f"{multiple(metrics.average_win_r)} / {multiple(metrics.average_loss_r)}"),
        ("Best / worst trade", f"{multiple(metrics.best_trade_r)} / {multiple(metrics.worst_trade_r)}"),
    )
    yield _side("Long", metrics), _side("Short", metrics)
    bars = plain_number(metrics.average_bars_in_trade, 1)
    yield ("Average bars in trade", bars), ("Losses in a row, most", f"{metrics.losses_in_row_max:,}")
    turnover = plain_number(metrics.turnover_ratio, 1)
    yield ("Turnover ÷ mean equity", turnover), ("Liquidations", f"{metrics.liquidations:,}")


def _side(label: str, metrics: Metrics) -> tuple[str, str]:
    side = metrics.long if label == "Long" else metrics.short
    if side.trades == 0:
        return label, "no trades"
    return f"{label}, {count(side.trades, 'trade')}", f"{usdt(side.net_pnl_usdt)} USDT"


def _costs_and_bounds(report: Report) -> list[str]:
    metrics, bounds = report.metrics, report.bounds
    costs = [
        f" Fees {usdt(-metrics.fees_usdt)}",
        f" Funding {usdt(metrics.funding_usdt)}",
        f" Slippage {usdt(-metrics.slippage_usdt)}",
        f" Costs ÷ profit before them {as_percent(metrics.costs_ratio, digits=0)}",
    ]
    nets = [
        f" Inside bars: adverse {usdt(bounds.adverse_net_pnl_usdt)}{_headline(bounds, 'adverse')}",
        f" favourable {usdt(bounds.favourable_net_pnl_usdt)}{_headline(bounds, 'favourable')}",
        f" {count(bounds.ambiguous_bars, 'bar')} unclear",
    ]
    if bounds.path == "nearest":
        nets.append(f" nearest extreme first {usdt(metrics.net_pnl_usdt)} (the headline)")
    if bounds.resolved_bars:
        nets.append(f" {count(bounds.resolved_bars, 'bar')} resolved")
    note = _wrapped(f"note: {bounds.note}") if bounds.note else []
    return [*_flow(costs), *_flow(nets), *note]


def _headline(bounds: Bounds, path: str) -> str:
    return " (the headline)" if bounds.path == path else ""


def _exits(report: Report) -> list[str]:
    if not report.exits:
        return []
    lines = [
        f" {'exit':<20}{'trades':>9}{'fills':>8}{'win %':>8}{'sum R':>11}{'net USDT':>16}{'avg bars':>12}"
    ]
    for row in report.exits:
        win = as_percent(row.win_rate, digits=0).removesuffix(" %")
        total = multiple(row.r_sum).removesuffix(" R")
        bars = plain_number(row.average_bars_in_trade, 1)
        lines.append(
            f" {row.reason:<20}{row.trades:>9,}{row.fills:>8,}{win:>8}{total:>11}"
            f"{usdt(row.net_pnl_usdt):>16}{bars:>12}"
        )
    return lines


def _limits(report: Report, paint: _Paint) -> list[str]:
    lines = []
    if report.halted:
        lines += [paint(line, BOLD, RED) for line in _wrapped(f"HALTED: {report.halted}")]
    if report.refusals:
        reasons = [f"{row.reason} {row.signals:,}" for row in report.refusals]
        lines += _wrapped("signals refused: " + _some(reasons))
    return lines


def _remarks(report: Report, paint: _Paint) -> list[str]:
    warnings = [line for text in report.warnings for line in _wrapped(f"warning: {text}")]
    notes = [*_data_notes(report), *report.notes[:MENTIONS_MAX]]
    if len(report.notes) > MENTIONS_MAX:
        notes.append(f"{count(len(report.notes) - MENTIONS_MAX, 'more note')} in report.json")
    shown = [*_wrapped(_origin(report)), *(line for text in notes for line in _wrapped(f"note: {text}"))]
    basis = (
        "basis: daily equity at 00:00 UTC, × √365, risk-free 0; growth over calendar time; R is the USDT at "
        "risk at entry; a trade is net of fees, with funding; – is undefined"
    )
    dim = [paint(line, DIM) for line in _wrapped(basis)]
    return [*(paint(line, RED) for line in warnings), *shown, *dim]


def _origin(report: Report) -> str:
    data = report.data
    warmup = f"{count(data.warmup_bars, 'bar')} of warm-up before the start"
    detail = f"; {data.detail} bars walked inside each" if data.detail else ""
    return f"data: {data.source}, {data.venue}; {warmup}{detail}"


def _data_notes(report: Report) -> Iterator[str]:
    data = report.data
    if data.gaps:
        gaps = [f"{format_moment(gap.from_ms)} ({gap.bars:,})" for gap in data.gaps]
        missing = sum(gap.bars for gap in data.gaps)
        yield f"{count(len(data.gaps), 'gap')}, {count(missing, 'bar')} missing: {_some(gaps)}"
    if data.moved_start:
        yield "the start was moved: the store has too little before it for the warm-up"
    if data.detail_missing:
        yield f"{count(data.detail_missing, 'bar')} without all finer bars"
    if data.funding_missing:
        yield f"{count(data.funding_missing, 'funding rate')} missing, nothing was paid for them"
    if data.mark_missing:
        yield f"{count(data.mark_missing, 'bar')} without a mark price, the last price stood in"
    if data.payments_without_mark:
        payments = count(data.payments, "funding payment")
        yield f"{data.payments_without_mark:,} of {payments} reckoned from the last price, not the mark"
    if data.instrument_source:
        yield f"tick, step, minimums and margin brackets: {data.instrument_source}"


def _some(texts: list[str]) -> str:
    more = len(texts) - MENTIONS_MAX
    return ", ".join(texts[:MENTIONS_MAX]) + (f" and {more:,} more" if more > 0 else "")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=True, break_on_hyphens=False)
