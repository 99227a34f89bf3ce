"""`runner halt`, `runner resume`, `runner flatten`: an operator's word to a bot, from any terminal.

In: a run's or bot's name, a reason. Out: an entry in the journal first; then whether the session took
notice.
Refuses to know: how a session halts.

What is written holds across restarts. A session that runs hears it within a second; one that hangs, or is
dead, is replaced by `flatten --force`.


"""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runner.cli import journals
from runner.cli.targets import AS_JSON, MODE, REASON, WHO, order, target_named, target_of, wait_until
from runner.cli.vault import PASSPHRASE_FILE
from runner.errors import JournalBusy, JournalFailed

if TYPE_CHECKING:
    from runner.cli.targets import Target
    from runner.live.flatten import Flattened

NOTICE_S = 5.0
FLAT_S = 30.0


class Outcome(NamedTuple):
    """What became of a command."""

    run: str
    done: bool
    words: str


@click.command("halt")
@click.argument("bot", metavar="BOT|RUN")
@REASON
@WHO
@MODE
@AS_JSON
@click.pass_context
def halt(
    ctx: click.Context, /, bot: str, reason: str, who: str | None, mode: str | None, as_json: bool
) -> None:
    """Open nothing new until `runner resume`. A position stays protected, and its exits go on working.

    \b
    runner halt btc_trend --reason "election night"
    runner halt btc_trend-20261122-200400-c6f7a18 --reason "fills look wrong" --json

    It is written down before anything else, and holds across restarts. `runner flatten` closes the position
    too.


    """
    with journals.known() as opened:
        target = target_named(opened, bot, mode)
        fault = order(target, "halt", "no_entries", reason, who)
        if fault is None:
            outcome = _noticed(target, "halted: nothing new is opened", is_halting=True)
        else:
            outcome = _left_beside(target, fault)
        _tell(ctx, outcome, as_json)


@click.command("resume")
@click.argument("bot", metavar="BOT|RUN")
@REASON
@WHO
@MODE
@AS_JSON
@click.pass_context
def resume(
    ctx: click.Context, /, bot: str, reason: str, who: str | None, mode: str | None, as_json: bool
) -> None:
    """Let a halted bot trade again. Limits that wait for an operator start anew; those of the day still hold.

    \b
    runner resume btc_trend --reason "checked the fills by hand"
    """
    with journals.known() as opened:
        target = target_named(opened, bot, mode)
        order(target, "resume", None, reason, who)
        _tell(ctx, _noticed(target, "resumed", is_halting=False), as_json)


@click.command("flatten")
@click.argument("bot", metavar="BOT|RUN")
@REASON
@WHO
@MODE
@click.option("--force", is_flag=True, help="Where the session hangs or is dead: do it from here.")
@click.option("--key", default="main", metavar="NAME", help="With --force: the key.  [default: main]")
@PASSPHRASE_FILE
@AS_JSON
@click.pass_context
def flatten(
    ctx: click.Context,
    /,
    bot: str,
    reason: str,
    who: str | None,
    mode: str | None,
    as_json: bool,
    **forced: Any,
) -> None:
    """Close the position at the market, take the bot's orders away, and open nothing until `runner resume`.

    \b
    runner flatten btc_trend --reason "exchange announces maintenance"
    runner flatten btc_trend --reason "it hangs" --force

    The session does it: entries and targets are cancelled, a market order that can only reduce closes the
    position, the stop is cancelled last. --force takes the session's place (it can write nothing from then
    on) and does the same from here, whatever is held in the symbol. Where that session hangs in the midst of
    writing, and so keeps the journal from everybody, it is killed; another process that does is only named.


    """
    with journals.known() as opened:
        target = target_named(opened, bot, mode)
        command = "flatten --force" if forced["force"] else "flatten"
        fault = order(target, command, "flatten", reason, who)
        if forced["force"]:
            outcome = _forced(target, forced)
        else:
            outcome = _flattened(target) if fault is None else _left_beside(target, fault)
        _tell(ctx, outcome, as_json)


def _noticed(target: "Target", words: str, *, is_halting: bool) -> Outcome:
    """Whether the session has taken notice."""
    run = target.run.run
    if target.process == "none":
        return Outcome(run, True, f"{words}; no process runs it now, the next start finds it so")

    def has() -> bool:
        found = target.journal.read.run(run)
        return found is not None and (found.state == "halted") is is_halting

    if wait_until(has, NOTICE_S):
        return Outcome(run, True, words)
    later = (
        f"it opens nothing once it comes round; `runner flatten {run} --reason … --force` closes without it"
        if is_halting
        else "it goes on once it comes round"
    )
    return Outcome(
        run, False, f"written down, but the session does not take notice ({_process(target)}); {later}"
    )


def _left_beside(target: "Target", fault: JournalFailed) -> Outcome:
    """The journal takes nothing: a process holds it in the midst of writing, or its disk fails."""
    run, holder = target.run.run, target.holder
    left = "left beside the journal, where the session looks"
    if not isinstance(fault, JournalBusy):
        return Outcome(run, False, f"{left} ({_process(target)}); the journal takes nothing: {fault}")

    from runner.journal.turn import writer_of

    writer = writer_of(target.journal.database)
    if writer is None:
        return Outcome(run, False, f"{left} ({_process(target)}); try again: {fault}")
    if holder is None or not target.is_taken or writer.pid != holder.pid:
        return Outcome(
            run,
            False,
            f"{left} ({_process(target)}): the journal is held by {writer}, which is not this bot's session; "
            f"end that one (kill {writer.pid})",
        )
    return Outcome(
        run,
        False,
        f"{left} once it comes round: it holds the journal in the midst of writing ({_process(target)}); "
        f"`runner flatten {run} --reason … --force` ends it if it hangs, and closes from here",
    )


def _flattened(target: "Target") -> Outcome:
    run = target.run.run
    if target.process == "none":
        return Outcome(
            run,
            _is_flat(target),
            "nothing is held"
            if _is_flat(target)
            else "written down, but no process runs it: its stop rests at the exchange; "
            f"`runner flatten {run} --reason … --force` closes from here",
        )
    if wait_until(lambda: _is_flat(target), FLAT_S):
        return Outcome(run, True, "flat; nothing is opened until `runner resume`")
    return Outcome(
        run,
        False,
        f"not flat after {FLAT_S:.0f} s ({_process(target)}); `runner status {run}` tells how it stands, "
        "--force closes without the session",
    )


def _is_flat(target: "Target") -> bool:
    """By the journal: nothing held, no order open but a stop that triggered, which can only reduce."""
    read, run = target.journal.read, target.run.run
    resting = [row for row in read.orders(run, only_open=True) if row.status != "triggered"]
    return all(row.quantity == 0 for row in read.positions(run)) and not resting


def _forced(target: "Target", chosen: dict[str, Any]) -> Outcome:
    from runner.cli.force import force_flat
    from runner.journal.lease import is_taken, lease_name

    done: Flattened = force_flat(target, chosen["key"], chosen["passphrase_file"])
    run = target.run.run
    if done.is_flat:
        name = lease_name(target.run.mode, target.run.account, target.run.symbol)
        hangs = target.holder is not None and is_taken(target.journal.database, name)
        after = (
            f"; process {target.holder.pid} can write nothing more: end it" if hangs and target.holder else ""
        )
        return Outcome(run, True, f"flat{after}")
    held = "not known" if done.held is None else f"{done.held}"
    return Outcome(
        run,
        False,
        f"NOT FLAT: held {held}, {done.resting} orders of ours open: {done.why}; try again, or close by hand",
    )


def _process(target: "Target") -> str:
    """As it is now, which is not how it was when the command began to wait."""
    now = target_of(target.journal, target.run)
    if now.holder is None:
        return "no process"
    state = "has ended" if now.process == "none" else now.process
    return f"process {now.holder.pid} on {now.holder.host} {state}"


def _tell(ctx: click.Context, outcome: Outcome, as_json: bool) -> None:
    """Exit code 5 when the command is written down but not carried out."""
    if as_json:
        click.echo(json.dumps({"version": 1, **outcome._asdict()}))
    else:
        click.echo(f"{'✓' if outcome.done else '✗'} {outcome.run}: {outcome.words}")
    ctx.exit(0 if outcome.done else 5)
