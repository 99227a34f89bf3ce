"""`runner flatten --force`: in the place of a session that hangs or is dead.

In: a run, a key. Out: whether it is flat. Refuses to know: how it is closed.
"""

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import JournalBusy, UsageError

if TYPE_CHECKING:
    from runner.cli.targets import Target
    from runner.live.flatten import Flattened
    from runner.live.takeup import Deployment

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
    now_ms = time.time_ns() // 1_000_000
    try:
        lease = seize(target.journal.database, name, now_ms, owner=run.bot)
    except JournalBusy as busy:
        pid = target.holder.pid if target.holder else "that runs it"
        raise JournalBusy(
            f"{busy}; the session holds it while it hangs: end process {pid}, then try again"
        ) from None
    door = replace(door, banned_until_ms=target.journal.read.banned_until_ms())
    # not released: the row goes on naming the process that hangs
    return asyncio.run(close_out(_deployed(target), run, target.journal, lease, door, PATIENCE_MS))


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
