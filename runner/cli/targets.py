"""Which run an operator means, and whether a process is behind it.

In: a run's or bot's name, or a bot's file. Out: a Target; UsageError when none or several are meant.
Refuses to know: what is done to it.
"""

import getpass
import time
from typing import TYPE_CHECKING, NamedTuple

import click

from runner.errors import JournalFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.domain.session_event import StopLevel
    from runner.journal.lease import Holder
    from runner.journal.rows import Run
    from runner.journal.write import Journal

SILENT_MS = 15_000  # a lease is renewed every 5 s
LOOK_S = 0.1

MODE = click.option(
    "--mode", type=click.Choice(["paper", "testnet", "live"]), help="Where BOT has several runs: which one."
)
REASON = click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
WHO = click.option("--who", metavar="NAME", help="Who does it.  [default: the user of this computer]")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON (version 1).")


class Target(NamedTuple):
    """A run and the process behind it."""

    journal: "Journal"
    run: "Run"
    holder: "Holder | None"
    is_taken: bool

    @property
    def process(self) -> str:
        """`running`, `hangs`, or `none`."""
        if not self.is_taken or self.holder is None:
            return "none"
        return "hangs" if _now_ms() - self.holder.renewed_ms > SILENT_MS else "running"


def targets(journals_open: "list[Journal]", mode: str | None = None) -> "Iterator[Target]":
    """The newest run of each bot in each place, and whether it runs."""
    for journal in journals_open:
        seen = set()
        for run in journal.read.runs():
            place = (run.bot, run.mode, run.account, run.symbol)
            if run.mode == "backtest" or place in seen or mode not in (None, run.mode):
                continue
            seen.add(place)
            yield target_of(journal, run)


def target_of(journal: "Journal", run: "Run") -> Target:
    """The run, and the process behind it at this moment."""
    from runner.journal.lease import holder_of, is_taken, lease_name

    name = lease_name(run.mode, run.account, run.symbol)
    holder = holder_of(journal.database, name)
    is_its = holder is not None and holder.owner == run.bot
    return Target(journal, run, holder if is_its else None, is_its and is_taken(journal.database, name))


def target_named(opened: "list[Journal]", name: str, mode: str | None) -> Target:
    """The one that is meant: by its run, or by its bot where only one runs, or only one is known."""
    from runner.cli.versions import name_and_hash

    bot = name_and_hash(name)[0]
    known = list(targets(opened, mode))
    found = [one for one in known if one.run.run == name] or [one for one in known if one.run.bot == bot]
    found = found or [one for one in known if len(name) > 3 and one.run.run.startswith(name)]
    living = [one for one in found if one.process != "none"]
    if len(found) > 1 and len(living) == 1:
        return living[0]
    if len(found) == 1:
        return found[0]
    if not found:
        told = ", ".join(sorted({one.run.bot for one in known}))
        raise UsageError(
            f"no run of {name} is known{f'; there are {told}' if told else ': nothing has run yet'}"
        )
    lines = "\n".join(f"  {one.run.run}  {one.run.mode}  account {one.run.account}" for one in found)
    raise UsageError(f"{name} has several runs; name one of them, or add --mode:\n{lines}")


def order(
    target: Target, command: str, level: "StopLevel | None", reason: str, who: str | None
) -> JournalFailed | None:
    """Write an operator's word into the run: committed before anything follows from it. Returned is why the
    journal does not take a halt now: it was left beside it then, where the session looks first.
    """
    from runner.domain.entry import Entry
    from runner.domain.session_event import Commanded, Halted, Resumed
    from runner.journal.build import build_id
    from runner.journal.word import clear_words, leave_word, words_left

    name, run = who or getpass.getuser(), target.run
    event = Halted(level, reason, name) if level else Resumed(reason, name)
    commanded, word = (
        Entry(run.run, _now_ms(), one, run.bot_hash, build_id())
        for one in (Commanded(command, (run.run,), name, reason), event)
    )
    database = target.journal.database
    left = words_left(database, run.run)  # before this one, and not written yet
    try:
        target.journal.append(*left, commanded, word)
    except JournalFailed as fault:
        try:
            is_left = leave_word(database, word)
        except OSError as error:
            raise JournalFailed(
                f"{fault}\nand nothing can be left beside it ({error}): the bot has NOT heard of this; "
                "stop its process, its stop rests at the exchange"
            ) from error
        if not is_left:
            raise
        return fault
    clear_words(database, run.run, left, unread=level is None)
    return None


def wait_until(happened: "Callable[[], bool]", longest_s: float) -> bool:
    """Look ten times a second; whether it happened in time."""
    import threading

    pause, until_s = threading.Event(), time.monotonic() + longest_s
    while not happened():
        if time.monotonic() >= until_s:
            return False
        pause.wait(LOOK_S)
    return True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
