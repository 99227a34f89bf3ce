"""`runner run BOT --backtest`: the main job.

In: a bot's file, a mode, a range, overrides. Out: the report on stdout; progress on stderr.
Refuses to know: how a mode is built.
"""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import bots
from runner.cli.progress import progress

if TYPE_CHECKING:
    from runner.modes import Bench, Range


@click.command()
@bots.BOT
@click.option("--backtest", "mode", flag_value="backtest", help="On stored candles.")
@click.option("--paper", "mode", flag_value="paper", help="On live prices, simulated fills (comes later).")
@click.option("--testnet", "mode", flag_value="testnet", help="On Binance demo trading (comes later).")
@click.option("--live", "mode", flag_value="live", help="With real money (comes later).")
@click.option(
    "--from", "begin", metavar="DATE", help="First day or minute, UTC.  [default: the bot's, else all]"
)
@click.option("--to", "end", metavar="DATE", help="Last day (inclusive) or minute, UTC.")
@bots.SETS
@click.option(
    "--data",
    "data_source",
    type=click.Choice(["store", "sample"]),
    default="store",
    show_default=True,
    help="The candle store, or a SYNTHETIC market made on the fly.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write report.json and trades.csv here."
)
@click.option(
    "--stress", is_flag=True, help="Run it again under worse conditions and tell what becomes of the result."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON (schemas/report.v1.json).")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(
    bot: Path,
    mode: str | None,
    begin: str | None,
    end: str | None,
    sets: tuple[str, ...],
    data_source: str,
    out: Path | None,
    stress: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run a bot.

    \b
    runner run bots/btc_trend.yaml --backtest
    runner run bots/btc_trend.yaml --backtest --data sample
    runner run bots/btc_trend.yaml --backtest --from 2024-01-01 --to 2024-06-30 --set fast=13 --json
    runner run bots/btc_trend.yaml --backtest --stress

    The headline is the adverse path: inside a bar, what hurts happens first. --stress doubles fees and
    slippage, enters one bar late, moves each parameter by 10 %, removes the best trades and shuffles them.
    """
    from runner.modes import MODES, backtest, bench_for, stress_test
    from runner.report.document import build_report, render_json
    from runner.report.files import write_report
    from runner.report.stress import render_stress
    from runner.report.terminal import render_terminal, wants_style

    if mode is None:
        raise click.UsageError("say how to run: --backtest (--paper, --testnet and --live come later)")
    if not MODES[mode].ready:
        raise click.UsageError(f"--{mode} is not built yet; this version runs --backtest")
    compiled = bots.load_compiled(bot, sets, mode)
    span = wanted_range(begin, end)
    if out is not None:
        _make_writable(out)
    bench = bench_for(compiled, data_source, span, stress=stress)
    _say(bench, quiet)
    with progress(compiled.document.name, "bars", quiet=quiet) as shown:
        result = backtest(compiled, bench, on_progress=shown)
    stressed = None
    if stress:
        with progress(f"{compiled.document.name} under stress", "scenarios", quiet=quiet) as shown:
            stressed = stress_test(compiled, bench, result, on_progress=shown)
    generated_at_ms = time.time_ns() // 1_000_000
    report = build_report(result, mode=mode, generated_at_ms=generated_at_ms, stress=stressed)
    if out is not None:
        write_report(out, report)
    if as_json:
        click.echo(render_json(report), nl=False)
        return
    styled = wants_style(os.environ, is_terminal=sys.stdout.isatty())
    click.echo(render_terminal(report, styled=styled), nl=False, color=styled)
    if report.stress is not None:
        click.echo("\n" + render_stress(report.stress), nl=False)
    if out is not None:
        click.echo(f"wrote {out / 'report.json'} and {out / 'trades.csv'}", err=True)


def _make_writable(folder: Path) -> None:
    """Before the run, so that its result is not lost to a typing error."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise click.UsageError(f"--out {folder}: this folder cannot be written")


def wanted_range(begin: str | None, end: str | None) -> "Range":
    """`--from` and `--to`; a date alone as `--to` takes its whole day in."""
    from runner.domain.units import parse_instant
    from runner.modes import Range

    moments = []
    for name, text in (("--from", begin), ("--to", end)):
        moment = parse_instant(text) if text is not None else None
        if text is not None and moment is None:
            raise click.UsageError(f"{name} {text}: write a day, 2024-01-31, or a minute, 2024-01-31T08:00Z")
        moments.append(moment)
    start, stop = moments
    if start and stop and start.ms >= stop.stop_ms:
        raise click.UsageError("--from is not before --to")
    return Range(start.ms if start else None, stop.stop_ms if stop else None)


def _say(bench: "Bench", quiet: bool) -> None:
    """What makes this run slower than the next, or than it needs to be."""
    from runner.core.kernel import numba_installed

    if quiet:
        return
    if bench.cold:
        click.echo("note: compiling the core, once for this version: about half a minute", err=True)
    elif not numba_installed():
        click.echo("note: running interpreted; `pip install 'runner[fast]'` makes long runs faster", err=True)
