"""`runner flatten --force`: in the place of a session that hangs or is dead.

In: a run, a key. Out: whether it is flat. Refuses to know: how it is closed.
"""

import asyncio
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from runner.cli.targets import SILENT_MS, wait_until
from runner.errors import JournalBusy, UsageError

if TYPE_CHECKING:
    from runner.cli.targets import Target
    from runner.journal.turn import Writer
    from runner.live.flatten import Flattened
    from runner.live.takeup import Deployment

GRACE_S = 5.0
PATIENCE_MS = 90_000  # an order of unknown fate takes its time to be believed absent


def force_flat(target: "Target", key: str, passphrase_file: str | None) -> "Flattened":
    """Take the lease away, then close."""
    from runner.cli.settings import settings_now
    from runner.cli.trade import open_door
    from runner.journal.lease import lease_name, seize
    from runner.live.assemble import close_out

    run = target.run
    if run.mode == "paper":
        raise UsageError("nothing of it is at an exchange: there is nothing to force")
    place, door = open_door(settings_now({"vault.passphrase_file": passphrase_file}), run.mode, key)
    if place.account != run.account:
        raise UsageError(f"the key {key!r} opens account {place.account}, and the run is on {run.account}")
    name = lease_name(run.mode, run.account, run.symbol)
    try:
        lease = seize(target.journal.database, name, _now_ms(), owner=run.bot)
    except JournalBusy as busy:
        _end_hanging(target, name, busy)
        _write_left(target)
        lease = seize(target.journal.database, name, _now_ms(), owner=run.bot)
    door = replace(door, banned_until_ms=target.journal.read.banned_until_ms())
    # not released: the row goes on naming the process that hangs
    return asyncio.run(close_out(_deployed(target), run, target.journal, lease, door, PATIENCE_MS))


def _end_hanging(target: "Target", name: str, busy: JournalBusy) -> None:
    """Kill the session when it is the one that holds the journal and does not come round: what it was writing
    is undone, and what rests at the exchange goes on resting. A journal is shared by the sessions of an
    account: one that cannot write may be sound, and another process the one that hangs; then JournalBusy.
    """
    from runner.journal.lease import holder_of, is_taken
    from runner.journal.turn import writer_of

    database = target.journal.database
    holder, writer = holder_of(database, name), writer_of(database)
    if (
        writer is None
        or holder is None
        or (holder.pid, holder.host) != (writer.pid, socket.gethostname())
        or not is_taken(database, name)
    ):
        raise _held_by_another(busy, writer)
    click.echo(f"process {holder.pid} holds the journal; waiting until it is surely silent", err=True)

    def is_silent() -> bool:
        heard = holder_of(database, name)
        return heard == holder and _now_ms() - holder.renewed_ms > SILENT_MS

    if not wait_until(is_silent, SILENT_MS / 1000 + GRACE_S):
        raise JournalBusy(f"{busy}; process {holder.pid} is alive: try again, or stop it first") from None
    writer = writer_of(database)
    if writer is None or writer.pid != holder.pid or not is_silent():
        raise _held_by_another(busy, writer)
    with suppress(ProcessLookupError):
        os.kill(holder.pid, signal.SIGKILL)
    if not wait_until(lambda: not is_taken(database, name), GRACE_S):
        raise JournalBusy(f"{busy}; process {holder.pid} could not be ended") from None
    click.echo(f"process {holder.pid} hung in the midst of writing, and was ended", err=True)


def _held_by_another(busy: JournalBusy, writer: "Writer | None") -> JournalBusy:
    """Who it is, and the way out."""
    if writer is None:
        return JournalBusy(
            f"{busy}; who holds it cannot be told, or has just let go, so no process was ended: try again; "
            "if it stays so, end the processes that use it by hand"
        )
    return JournalBusy(
        f"{busy}; {writer} holds it, which is not this bot's session, so no process was ended: "
        f"end that one (kill {writer.pid}), then try again"
    )


def _write_left(target: "Target") -> None:
    """The words that had to be left beside the journal."""
    from runner.journal.word import clear_words, words_left

    left = words_left(target.journal.database, target.run.run)
    if left:
        target.journal.append(*left)
        clear_words(target.journal.database, target.run.run, left)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _deployed(target: "Target") -> "Deployment":
    """The version that runs, from the journal: the file may have changed, or be gone."""
    from runner.cli.recording import compile_text
    from runner.domain.session_event import RunStarted
    from runner.live.takeup import Deployment

    run, read = target.run, target.journal.read
    first = next(read.entries(run=run.run, kinds=("run_started",)))
    assert isinstance(first.entry.event, RunStarted)
    started, text = first.entry.event, read.text(run.text_hash)
    compiled = compile_text(text, run.file, started.sets)
    return Deployment(
        run.mode, run.account, run.symbol, run.file, text, started.version_hash, started.sets, compiled
    )
