"""What keeps a session company on the command line: its lease, who hears its alerts, where health listens.

In: settings, a journal, a place. Out: values for an outfit; the line that says that a run has started.
Refuses to know: how a session works, which kind it is.
"""

import json
import os
import threading
import time
from typing import TYPE_CHECKING

import click

from runner.errors import LeaseHeld

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.compiler.build import Compiled
    from runner.domain.alert import Alert
    from runner.journal.lease import Lease
    from runner.journal.write import Journal
    from runner.live.assemble import HealthPlace
    from runner.modes import Place
    from runner.notify.courier import Courier
    from runner.settings.load import Settings


def lease_for(journal: "Journal", place: "Place", symbol: str, bot: str) -> "Lease":
    """One process for each account and symbol; a look from elsewhere may hold the lock for an instant."""
    from runner.journal.lease import acquire, lease_name

    name = lease_name(place.mode, place.account, symbol)
    try:
        return acquire(journal.database, name, now_ms(), owner=bot)
    except LeaseHeld:
        threading.Event().wait(0.2)
    try:
        return acquire(journal.database, name, now_ms(), owner=bot)
    except LeaseHeld as held:
        raise LeaseHeld(
            f"{held}\n  runner status tells how it is; only one may trade {symbol} there"
        ) from None


def alerts_of(
    journal: "Journal", compiled: "Compiled", settings: "Settings"
) -> "tuple[Courier, Callable[[Alert], tuple[str, ...]]]":
    """Who carries alerts, and who hears which."""
    from runner.cli.sinks import sinks_of
    from runner.notify.courier import Courier

    wanted = compiled.document.alerts
    courier = Courier(journal.outbox, sinks_of([one.to for one in wanted], settings), os.environ)
    return courier, lambda alert: tuple(one.to for one in wanted if alert.event in one.events)


def health_place(settings: "Settings") -> "HealthPlace":
    from runner.domain.secret import Secret
    from runner.live.assemble import HealthPlace

    token, heartbeat = settings.text_or_none("health.token"), settings.text_or_none("health.heartbeat")
    return HealthPlace(
        settings.text("health.address"),
        settings.port("health.port"),
        Secret(token) if token else None,
        Secret(heartbeat) if heartbeat else None,
    )


def say_ready(run: str, port: int | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps(
                {"version": 1, "event": "started", "run": run, "pid": os.getpid(), "health_port": port}
            )
        )
        return
    click.echo(
        f"run {run}; health on port {port}; `runner status {run}`; Ctrl-C ends it, stops go on resting"
    )


def now_ms() -> int:
    """The machine's clock, UTC ms."""
    return time.time_ns() // 1_000_000
