"""`runner rehearse BOT`: the session that trades, against an exchange in a box, beside the backtest.

In: a bot's file, a range, faults. Out: the verdict on stdout; exit code 1 when anything is unexplained.
Refuses to know: how a rehearsal works.
"""

import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import bots
from runner.cli.progress import progress
from runner.cli.run import wanted_range
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.compiler.build import Compiled
    from runner.modes import Range
    from runner.rehearsal.whole import Bill, Rehearsed

MODE, ACCOUNT = "rehearsal", "main"
DAYS_MAX = 14  # when nobody said from when


@click.command()
@bots.BOT
@click.option(
    "--from", "begin", metavar="DATE", help="First day or minute, UTC.  [default: 14 days before the end]"
)
@click.option(
    "--to", "end", metavar="DATE", help="Last day (inclusive) or minute, UTC.  [default: the bot's, else all]"
)
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
    "--faults",
    default="calm",
    show_default=True,
    metavar="calm|rough|storm|TEXT|@FILE",
    help="What goes wrong: nothing, 10 or 40 faults drawn by the seed, or a script; see docs/simulator.md.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything that is left to chance.")
@click.option(
    "--speed",
    type=click.Choice(["max"]),
    default="max",
    show_default=True,
    help="Time passes as fast as the bot keeps up.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write rehearsal.json and journal.db here.",
)
@click.option("--keep", is_flag=True, help="Keep the journal, and say where it is.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON (version 1).")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def command(
    ctx: click.Context,
    bot: Path,
    begin: str | None,
    end: str | None,
    sets: tuple[str, ...],
    data_source: str,
    faults: str,
    seed: int,
    speed: str,
    out: Path | None,
    keep: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Rehearse a bot: everything as with real orders, but for the exchange, which is a box on this machine.

    \b
    runner rehearse bots/btc_trend.yaml --data sample --from 2024-01-01 --to 2024-01-14
    runner rehearse bots/btc_trend.yaml --from 2024-05-01 --to 2024-05-31
    runner rehearse bots/btc_trend.yaml --from 2024-05-01 --to 2024-05-07 --faults storm --seed 7 --keep
    runner rehearse bots/btc_trend.yaml --faults "net.drop_after(POST order)" --json

    The box plays the stored bars over real sockets, and the bot trades on it with ccxt, a journal and keys of
    its own, all of them thrown away. Then the run is compared with the backtest of the same bars: decisions
    one by one, executions one to one, and where the money differs, why. Whatever nothing explains ends with
    exit code 1. Both sides use the bot's own bars, without `detail`.
    """
    import logging

    from runner.rehearsal.stage import journal_url
    from runner.rehearsal.telling import render_json, render_text

    logging.getLogger("runner").addHandler(logging.NullHandler())  # the verdict tells what matters of it
    compiled, span = bots.load_compiled(bot, sets), wanted_range(begin, end)
    bill = _bill(
        bot, sets, compiled, data_source, _resolved(compiled, data_source, span), _script(faults), seed
    )
    with _folder(out, keep) as folder:
        rehearsed = _rehearsed(bill, folder, quiet=quiet)
        if out is not None:
            (out / "rehearsal.json").write_text(render_json(rehearsed), encoding="utf-8")
    click.echo(render_json(rehearsed) if as_json else render_text(rehearsed), nl=False)
    if not as_json:
        journal = journal_url(folder) if keep or out is not None else ""
        click.echo("\n".join(("", *_next_steps(rehearsed, journal, _again(ctx, "--faults", "storm")))))
    if not rehearsed.verdict.holds:
        ctx.exit(1)


def _bill(
    bot: Path,
    sets: tuple[str, ...],
    compiled: "Compiled",
    data_source: str,
    span: "Range",
    faults: str,
    seed: int,
) -> "Bill":
    """The bot as it would be deployed, with the bars to be played."""
    from runner.cli.recording import compile_text
    from runner.data.instruments import instrument_for
    from runner.live.takeup import Deployment
    from runner.modes import load_for
    from runner.rehearsal.whole import Bill, history_bars

    market, facts = load_for(compiled, data_source, span, detail=False, warmup_bars=history_bars(compiled))
    text = bot.read_bytes().decode("utf-8")
    deployed = Deployment(
        mode=MODE,
        account=ACCOUNT,
        symbol=compiled.document.market.market_id,
        file=str(bot),
        text=text,
        version_hash=compile_text(text, str(bot), ()).bot_hash if sets else compiled.bot_hash,
        sets=tuple((name, str(number)) for name, number in bots.overrides(sets).items()),
        compiled=compiled,
    )
    brackets = instrument_for(compiled.document.market.symbol).brackets
    return Bill(deployed, market, facts, brackets, faults, seed)


def _rehearsed(bill: "Bill", folder: Path, *, quiet: bool) -> "Rehearsed":
    from runner.backtest.engine import choose_engine
    from runner.data.home import cache_root
    from runner.rehearsal.whole import rehearse

    done, total = 0, bill.facts.bars
    with progress(f"rehearsing {bill.deployed.bot}", "bars", quiet=quiet) as shown:

        def closed(_now_ms: int) -> None:
            nonlocal done
            done += 1
            shown(done, total)

        engine = choose_engine(len(bill.market.bars), cache_root())
        return rehearse(bill, folder, engine, on_close=closed)


def _next_steps(rehearsed: "Rehearsed", journal: str, stormy: str) -> Iterator[str]:
    """What a user would do after this verdict."""
    yield "next"
    if not rehearsed.verdict.holds:
        if journal:
            yield f"  every order and its cause   RUNNER_DB={journal} runner audit last"
        else:
            yield "  every order and its cause   the same again with --keep"
        return
    file = rehearsed.bill.deployed.file
    if not rehearsed.played.faults:
        yield f"  the same while things fail  {stormy}"
    yield f"  live prices, no orders      runner run {file} --paper"
    yield f"  the exchange's demo money   runner run {file} --testnet"


def _again(ctx: click.Context, *others: str) -> str:
    """This command once more, over the same bars, with other options."""
    given = ctx.params
    words = [str(given["bot"]), *(part for one in given["sets"] for part in ("--set", one))]
    for name, option in (("data_source", "--data"), ("begin", "--from"), ("end", "--to")):
        if given[name] and not (name == "data_source" and given[name] == "store"):
            words += [option, given[name]]
    return f"runner rehearse {shlex.join([*words, *others])}"


def _resolved(compiled: "Compiled", data_source: str, span: "Range") -> "Range":
    """What was asked for; without a beginning, the last two weeks before the end."""
    from runner.domain.time import DAY_MS
    from runner.modes import Range, load_for

    if span.start_ms is not None:
        return span
    _, facts = load_for(compiled, data_source, span, detail=False)
    return Range(max(facts.from_ms, facts.to_ms - DAYS_MAX * DAY_MS), span.stop_ms)


def _script(faults: str) -> str:
    """A word for the weather, a script, or a file with one; its faults are found before anything starts."""
    from runner.rehearsal.whole import WEATHER
    from runner.simulator.faults import parse_faults

    if faults.startswith("@"):
        try:
            faults = Path(faults[1:]).read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--faults {faults}: {error.strerror}") from None
    if faults.strip() not in WEATHER:
        parse_faults(faults, 0)
    return faults


@contextmanager
def _folder(out: Path | None, keep: bool) -> "Iterator[Path]":
    """Where the journal lies; gone afterwards unless somebody wants it."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        if (out / "journal.db").exists():
            raise UsageError(f"--out {out}: there is a journal already; choose another folder")
        yield out
        return
    folder = Path(tempfile.mkdtemp(prefix="runner-rehearsal-"))
    try:
        yield folder
    finally:
        if keep:
            click.echo(f"journal: RUNNER_DB=sqlite:///{folder / 'journal.db'}", err=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
