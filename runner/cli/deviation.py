"""`runner deviation RUN`: from the backtest of a run's own bars to what the run made, item by item.

In: a recorded run's name. Out: the ledger on stdout.
Refuses to know: how items are found.
"""

import json
from typing import TYPE_CHECKING, NamedTuple

import click

from runner.cli import journals
from runner.cli.rehearse import MODE as REHEARSAL
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.compiler.build import Compiled
    from runner.domain.entry import Entry
    from runner.domain.result import Result
    from runner.journal.rows import Run
    from runner.journal.write import Journal
    from runner.report.deviation import Bridge


class Kept(NamedTuple):
    """A run as the journal has it."""

    run: "Run"
    compiled: "Compiled"
    entries: "list[Entry]"


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--data",
    "data_source",
    type=click.Choice(["store", "sample"]),
    default="store",
    show_default=True,
    help="Where the run's bars are stored; a rehearsal on the sample market needs the sample.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON (version 1).")
def command(run: str, data_source: str, as_json: bool) -> None:
    """Show what made a run's result differ from its backtest's. RUN may be its beginning, or `last`.

    \b
    runner deviation last
    runner deviation btc_trend-20240305 --json
    RUNNER_DB=sqlite:////tmp/runner-rehearsal-x/journal.db runner deviation last --data sample

    The backtest runs over the bars that the run decided on, with the same text, parameters, rules and
    capital. Items and residual add up to the whole difference; the residual is what the run's own account
    says beyond its executions, fees and funding.
    """
    from runner.domain.time import format_time
    from runner.report.deviation_text import ledger_lines, ledger_tree

    with journals.known() as opened:
        journal, found = journals.run_named(opened, run)
        kept = _kept(journal, found)
    closes = _closes(kept)
    result = _expected(kept, data_source, closes)
    ledger = _ledger(kept, result, closes[-1])
    if as_json:
        told = {"run": found.run, "mode": found.mode, "from_ms": closes[0], "to_ms": closes[-1]}
        click.echo(json.dumps(told | ledger_tree(ledger), indent=1))
        return
    length = kept.compiled.plan.timeframe_ms
    first, last = format_time(closes[0] - length), format_time(closes[-1])
    click.echo(f"{found.run}  {found.symbol} {found.timeframe}  {first} → {last} UTC  {len(closes):,} bars")
    if result.facts.synthetic:
        click.echo("SYNTHETIC market")
    click.echo("\n".join(ledger_lines(ledger, "the backtest of the same bars", "the run")))


def _kept(journal: "Journal", run: "Run") -> Kept:
    """The run with the plan that it ran: exchange's rules and capital are in it."""
    from dataclasses import replace

    from runner.cli.recording import compile_text
    from runner.domain.session_event import RunStarted
    from runner.live.takeup import plan_of

    entries = [line.entry for line in journal.read.entries(run=run.run)]
    started = next((one.event for one in entries if isinstance(one.event, RunStarted)), None)
    if started is None or started.data is not None:
        raise UsageError(f"{run.run} is a backtest itself; `runner runs` lists those that are not")
    compiled = compile_text(journal.read.text(started.text_hash), started.file, started.sets)
    return Kept(run, replace(compiled, plan=plan_of(journal, started.plan_hash)), entries)


def _closes(kept: Kept) -> list[int]:
    from runner.report.books import closed_bars

    found = [bar.close_time_ms for bar in closed_bars(kept.entries)]
    if not found:
        raise UsageError(f"{kept.run.run} has not decided at any close yet")
    return found


def _expected(kept: Kept, data_source: str, closes: list[int]) -> "Result":
    """The backtest over the same bars, with the bot's `detail` unless the exchange had nothing finer either;
    DataMissing says what to pull.
    """
    from runner.cli.progress import progress
    from runner.modes import Range, backtest, bench_for

    span = Range(closes[0] - kept.compiled.plan.timeframe_ms, closes[-1])
    bench = bench_for(kept.compiled, data_source, span, detail=kept.run.mode != REHEARSAL)
    with progress(kept.run.bot, "bars") as shown:
        return backtest(kept.compiled, bench, on_progress=shown)


def _ledger(kept: Kept, result: "Result", end_ms: int) -> "Bridge":
    from runner.report.books import books_of_entries, books_of_result, closed_bars
    from runner.report.deviation import bridge

    plan, last = kept.compiled.plan, closed_bars(kept.entries)[-1]
    expected = books_of_result(result, end_ms, last.mark_close)
    actual = books_of_entries(kept.entries, plan.timeframe_ms, plan.capital_usdt)
    return bridge(expected, actual, plan.timeframe_ms)
