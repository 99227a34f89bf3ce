"""`runner run BOT --backtest`: the main job.

In: a bot's file, a mode, a range, overrides. Out: the report on stdout; progress on stderr.
Refuses to know: how a mode is built.
"""

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli import bots
from runner.cli.paper import trade_on_paper
from runner.cli.progress import progress
from runner.cli.trade import NAMES, trade, trading_options
from runner.errors import DataMissing, ExchangeFailed, UsageError

if TYPE_CHECKING:
    from runner.compiler.build import Compiled
    from runner.domain.result import Result
    from runner.domain.stress import StressResult
    from runner.modes import Bench, Range
    from runner.report.shape import Report

STORED_ONLY = ("begin", "end", "data_source", "is_pulling", "out", "stress", "record")


@click.command()
@bots.BOT
@click.option("--backtest", "mode", flag_value="backtest", help="On stored candles.")
@click.option("--paper", "mode", flag_value="paper", help="On live prices, simulated fills; no keys.")
@click.option(
    "--testnet", "mode", flag_value="testnet", help="On Binance demo trading: real orders, play money."
)
@click.option("--live", "mode", flag_value="live", help="With real money; asks before it starts.")
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
@click.option("--pull", "is_pulling", is_flag=True, help="First pull from Binance what the run lacks.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write report.json and trades.csv here."
)
@click.option(
    "--stress", is_flag=True, help="Run it again under worse conditions and tell what becomes of the result."
)
@click.option("--record", is_flag=True, help="Keep the run in the journal: runner runs, report, verify.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON (schemas/report.v1.json).")
@click.option("--quiet", is_flag=True, help="No progress.")
@trading_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    bot: Path,
    mode: str | None,
    begin: str | None,
    end: str | None,
    sets: tuple[str, ...],
    data_source: str,
    is_pulling: bool,
    out: Path | None,
    stress: bool,
    record: bool,
    as_json: bool,
    quiet: bool,
    **trading: Any,
) -> int | None:
    """Run a bot: over stored candles, or at an exchange until it is stopped.

    \b
    runner run bots/btc_trend.yaml --backtest --data sample
    runner run bots/btc_trend.yaml --backtest --from 2024-01-01 --to 2024-06-30 --set fast=13 --json
    runner run bots/btc_trend.yaml --backtest --stress
    runner run bots/btc_trend.yaml --backtest --pull
    runner run bots/btc_trend.yaml --backtest --record
    runner run bots/btc_trend.yaml --paper              live prices, nothing is sent
    runner run bots/btc_trend.yaml --testnet            needs `runner keys add --mode testnet`
    runner run bots/btc_trend.yaml --live --capital 2000

    The headline is the adverse path: inside a bar, what hurts happens first. --stress doubles fees and
    slippage, enters one bar late, moves each parameter by 10 %, removes the best trades and shuffles them.
    """
    from runner.modes import backtest
    from runner.report.document import build_report
    from runner.report.files import write_report

    if mode is None:
        raise click.UsageError("say how to run: --backtest, --paper, --testnet or --live")
    _refuse_foreign(ctx, mode)
    if mode != "backtest":
        return _traded(bot, mode, sets, as_json, trading)
    compiled = bots.load_compiled(bot, sets, mode)
    span = wanted_range(begin, end)
    if out is not None:
        _make_writable(out)
    compiled, bench = _bench(compiled, data_source, span, is_pulling, stress, quiet)
    _say_interpreted(quiet)
    with progress(compiled.document.name, "bars", quiet=quiet) as shown:
        result = backtest(compiled, bench, on_progress=shown)
    stressed = _stressed(compiled, bench, result, quiet) if stress else None
    now_ms = time.time_ns() // 1_000_000
    report = build_report(result, mode=mode, generated_at_ms=now_ms, stress=stressed)
    if record:
        _record(bot, sets, compiled, bench, result, report)
    _show(report, as_json)
    if out is not None:
        write_report(out, report)
        click.echo(f"wrote {out / 'report.json'} and {out / 'trades.csv'}", err=True)
    return None


def _traded(bot: Path, mode: str, sets: tuple[str, ...], as_json: bool, chosen: dict[str, Any]) -> int:
    """A session, until it ends."""
    if mode == "paper":
        return trade_on_paper(bot, sets, as_json=as_json, chosen=chosen)
    return trade(bot, mode, sets, as_json=as_json, chosen=chosen)


def _stressed(compiled: "Compiled", bench: "Bench", result: "Result", quiet: bool) -> "StressResult":
    """The same run under worse conditions."""
    from runner.modes import stress_test

    with progress(f"{compiled.document.name} under stress", "scenarios", quiet=quiet) as shown:
        return stress_test(compiled, bench, result, on_progress=shown)


def _refuse_foreign(ctx: click.Context, mode: str) -> None:
    """An option of the other kind of run is a misunderstanding, and may be an expensive one."""
    theirs = NAMES if mode == "backtest" else STORED_ONLY
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if name in theirs and ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            others = "--paper, --testnet and --live" if mode == "backtest" else "--backtest"
            raise click.UsageError(f"{parameter.opts[0]} belongs to {others}, not to --{mode}")


def _show(report: "Report", as_json: bool) -> None:
    """On stdout, for people or for machines."""
    from runner.report.document import render_json
    from runner.report.stress import render_stress
    from runner.report.terminal import render_terminal, wants_style

    if as_json:
        click.echo(render_json(report), nl=False)
        return
    styled = wants_style(os.environ, is_terminal=sys.stdout.isatty())
    click.echo(render_terminal(report, styled=styled), nl=False, color=styled)
    if report.stress is not None:
        click.echo("\n" + render_stress(report.stress), nl=False)


def _record(
    bot: Path, sets: tuple[str, ...], compiled: "Compiled", bench: "Bench", result: "Result", report: "Report"
) -> None:
    """Into the journal, and how to find it again."""
    from runner.cli import journals
    from runner.cli.recording import record_run

    given = tuple((name, str(number)) for name, number in bots.overrides(sets).items())
    with journals.writable() as journal:
        name = record_run(journal, bot, given, compiled, bench, result, report)
    click.echo(f"recorded as {name}: runner report {name}", err=True)


def _bench(
    compiled: "Compiled", data_source: str, span: "Range", is_pulling: bool, stress: bool, quiet: bool
) -> "tuple[Compiled, Bench]":
    """The market and the engine, with what is lacking pulled first where that is wanted."""
    from runner.modes import bench_for

    on_compiling = partial(_say_compiling, quiet)
    if is_pulling:
        compiled = _supplied(compiled, data_source, span, quiet)
    try:
        return compiled, bench_for(compiled, data_source, span, stress=stress, on_compiling=on_compiling)
    except DataMissing as missing:
        if is_pulling or data_source != "store" or not _wants_pull(missing):
            raise
    compiled = _supplied(compiled, data_source, span, quiet)
    return compiled, bench_for(compiled, data_source, span, stress=stress, on_compiling=on_compiling)


def _supplied(compiled: "Compiled", data_source: str, span: "Range", quiet: bool) -> "Compiled":
    """The bot with all it needs in the store, compiled with the rules that came along."""
    from runner.cli.data_pull import pull_supply
    from runner.modes import compile_bot, supply_of

    if data_source != "store":
        raise click.UsageError("--pull fills the candle store; --data sample does not read it")
    try:
        if not pull_supply(supply_of(compiled, span), quiet=quiet):
            return compiled
    except ExchangeFailed:
        click.echo("note: without --pull the run reads what is stored", err=True)
        raise
    again, problems = compile_bot(compiled.document, None)
    if again is None:
        raise UsageError("\n".join(problem.message for problem in problems))
    return again


def _wants_pull(missing: DataMissing) -> bool:
    """Ask on a terminal; elsewhere the error says what to type."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    click.echo(missing.message, err=True)
    return click.confirm("pull it from Binance now?", default=False, err=True)


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


def _say_compiling(quiet: bool) -> None:
    """Why this run is slower than the next."""
    if not quiet:
        click.echo("note: compiling the core, once for this version: about half a minute", err=True)


def _say_interpreted(quiet: bool) -> None:
    """Why long runs are slower than they need to be."""
    from runner.core.kernel import numba_installed

    if not quiet and not numba_installed():
        click.echo("note: running interpreted; `pip install 'runner[fast]'` makes long runs faster", err=True)
