"""`runner runs`: what the journal has recorded.

In: filters. Out: a line for each run, the newest first; or JSON.
Refuses to know: how a run was made.
"""

import json
from typing import TYPE_CHECKING

import click

from runner.cli import journals

if TYPE_CHECKING:
    from runner.journal.rows import Run


@click.command()
@click.option("--bot", metavar="NAME", help="Only runs of this bot.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(bot: str | None, limit: int, as_json: bool) -> None:
    """List recorded runs, the newest first.

    \b
    runner runs
    runner runs --bot btc_trend --limit 5
    """
    with journals.known() as opened:
        found = [run for journal in opened for run in journal.read.runs(bot=bot, limit=limit)]
    found = sorted(found, key=lambda run: run.started_ms, reverse=True)[:limit]
    if as_json:
        click.echo(json.dumps([_plain(run) for run in found], indent=2))
    elif found:
        click.echo("\n".join(_table(found)))
    else:
        click.echo(journals.NOTHING_YET, err=True)


def _plain(run: "Run") -> dict[str, object]:
    from decimal import Decimal

    return {name: str(part) if isinstance(part, Decimal) else part for name, part in run._asdict().items()}


def _table(found: "list[Run]") -> list[str]:
    head = ("run", "mode", "market", "range or start, UTC", "version", "net USDT", "trades", "state")
    rows = [head, *(_cells(run) for run in found)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    right = {5, 6}
    return [
        "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cells(run: "Run") -> tuple[str, ...]:
    from runner.domain.time import format_day, format_time

    if run.from_ms is not None and run.to_ms is not None:
        span = f"{format_day(run.from_ms)} → {format_day(run.to_ms - 1)}"
    else:
        span = format_time(run.started_ms // 1000 * 1000)
    net = "–" if run.net_pnl_usdt is None else f"{run.net_pnl_usdt:+,.2f}"
    state = (run.ended_reason or "") if run.ended_ms is not None else run.state or "running or cut off"
    trades = str(run.trades if run.trades is not None else "–")
    market = f"{run.symbol.split(':')[0]} {run.timeframe}"
    return run.run, run.mode, market, span, run.bot_hash[:7], net, trades, state
