"""`runner verify RUN`: is the journal what was written, and does the run come out the same again?

In: a run's name, or none for the chain alone. Out: findings on stdout; exit code 1 when a run differs, 4 when
the journal is damaged.
Refuses to know: how a chain is checked, how a run is replayed.
"""

from typing import TYPE_CHECKING

import click

from runner.cli import journals
from runner.errors import DataMissing, JournalDamaged, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.backtest.record import Ran
    from runner.domain.plan import Plan
    from runner.domain.session_event import RunStarted
    from runner.journal.rows import Run
    from runner.journal.write import Journal


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--chain-only", is_flag=True, help="Check the journal alone; run nothing again.")
@click.pass_context
def command(ctx: click.Context, run: str | None, chain_only: bool) -> None:
    """Check the journal's chain, then run RUN again and compare every decision and fill.

    \b
    runner verify last
    runner verify btc_trend-20240305 --chain-only

    Keep the hash of the last entry somewhere else: whoever owns the disk could write a whole new journal, but
    not one that ends in that hash.
    """
    with journals.known() as opened:
        if not opened:
            raise UsageError(journals.NOTHING_YET)
        if run is None:
            for journal in opened:
                _check(journal)
            return
        journal, found = journals.run_named(opened, run)
        _check(journal)
        if chain_only:
            return
        differences = list(_again(journal, found))
    for difference in differences:
        click.echo(f"✗ {difference}")
    ctx.exit(1 if differences else 0)


def _check(journal: "Journal") -> None:
    from runner.journal.check import check

    seen = check(journal.database)
    if seen.faults:
        told = "\n".join(f"  {fault}" for fault in seen.faults)
        raise JournalDamaged(f"the journal {journal.database.place} is not what was written:\n{told}")
    click.echo(
        f"✓ {journal.database.place}: {seen.entries:,} entries in an unbroken chain, {seen.rows:,} rows and "
        f"{seen.texts:,} texts agree with them; last hash {seen.head}"
    )


def _again(journal: "Journal", run: "Run") -> "Iterator[str]":
    from runner.domain.session_event import RunStarted

    first = next(journal.read.entries(run=run.run, kinds=("run_started",)), None)
    if first is None or not isinstance(first.entry.event, RunStarted):
        raise UsageError(f"the run {run.run} has no beginning in the journal")
    started = first.entry.event
    plan = _plan(journal, started.plan_hash)
    if started.data is None:
        yield from _replayed(journal, run, plan)
    else:
        yield from _rerun(journal, run, started, plan)


def _plan(journal: "Journal", plan_hash: str) -> "Plan":
    from runner.domain.plan import Plan
    from runner.journal.codec import structure_of

    plan: Plan = structure_of(Plan, journal.read.text(plan_hash))
    return plan


def _replayed(journal: "Journal", run: "Run", plan: "Plan") -> "Iterator[str]":
    """A run whose bars came one by one: its recorded inputs through the core."""
    from runner.live.kept import misfit
    from runner.replay import replay

    def plan_of(wanted: str) -> "Plan":
        return _plan(journal, wanted)

    done = replay(plan, journal.read.entries(run=run.run), plan_of)
    difference = done.difference or misfit(plan, journal.read.entries(run=run.run), plan_of)
    if difference is not None:
        yield difference
        return
    click.echo(f"✓ {run.run}: {done.decisions:,} decisions and {done.fills:,} fills replayed, none differs")


def _rerun(journal: "Journal", run: "Run", started: "RunStarted", plan: "Plan") -> "Iterator[str]":
    """A run over stored bars: the same bars again, every decision and fill compared."""
    from dataclasses import replace

    from runner.backtest.record import market_digest
    from runner.cli.recording import compile_text, run_again
    from runner.journal.codec import text_of

    data = started.data
    assert data is not None
    compiled = compile_text(journal.read.text(started.text_hash), started.file, started.sets)
    if compiled.bot_hash != run.bot_hash:
        yield f"the recorded text is the bot {compiled.bot_hash[:12]} today, it was {run.bot_hash[:12]}: " + (
            "an indicator has a new version since"
        )
        return
    if text_of(compiled.plan) != text_of(plan):
        click.echo("note: instrument rules or the compiler changed since; the recorded plan is run", err=True)
    try:
        fresh = run_again(replace(compiled, plan=plan), started)
    except DataMissing as missing:
        yield f"its bars are not stored any more: {missing}"
        return
    if market_digest(fresh.market) != data.digest:
        yield "the stored bars are not those of the run: something was imported or replaced since"
        return
    yield from _compared(journal, run, fresh)


def _compared(journal: "Journal", run: "Run", fresh: "Ran") -> "Iterator[str]":
    from runner.backtest.record import differences
    from runner.domain.session_event import Reported

    kept = [line.entry.event for line in journal.read.entries(run=run.run)]
    reported = next((event for event in kept if isinstance(event, Reported)), None)
    decisions = journal.read.text(reported.decisions_hash) if reported else ""
    found = list(differences(fresh, kept, decisions))
    yield from found
    if not found:
        bars, signals = len(fresh.result.close_time_ms), len(decisions.splitlines())
        click.echo(
            f"✓ {run.run}: run again over {bars:,} bars; {signals:,} signals and {run.fills:,} fills, "
            "none differs"
        )
