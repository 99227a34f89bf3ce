"""`runner alerts`: who is told what, and whether a message gets there.

In: a bot, or names of sinks. Out: text or JSON on stdout; exit code 5 when a sink did not take the message.
Refuses to know: how anything is sent.
"""

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from runner.cli.bots import load_document
from runner.cli.vault import PASSPHRASE_FILE
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.domain.alert import Alert
    from runner.notify.sink import Sink

JSON_VERSION = 1

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON (version 1) instead of text.")


class Outcome(NamedTuple):
    """What became of one message; `why` is empty when it was taken."""

    sink: str
    service: str
    took_ms: int
    why: str


@click.group("alerts")
def group() -> None:
    """Alerts: who hears of what, and a message to try it.

    \b
    runner alerts list bots/btc_trend.yaml
    runner alerts test bots/btc_trend.yaml
    ALERT_URL=slack://… runner alerts test --to env:ALERT_URL

    A bot names where each URL is kept, in a variable (env:NAME) or in the vault (vault:NAME):

    \b
    alerts:
      - {to: env:ALERT_URL, events: [entry, exit, limit, error]}
    """


@group.command("list")
@click.argument("bots", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="BOT...")
@_as_json
def list_sinks(bots: tuple[Path, ...], as_json: bool) -> None:
    """List the sinks of bots, and the events that each hears of. Opens no vault, sends nothing.

    \b
    runner alerts list bots/*.yaml
    runner alerts list bots/btc_trend.yaml --json
    """
    found = [
        {"bot": document.name, "to": sink.to, "events": list(sink.events), "kept": _kept(sink.to)}
        for document in (load_document(bot)[0] for bot in bots)
        for sink in document.alerts
    ]
    if as_json:
        click.echo(json.dumps({"version": JSON_VERSION, "sinks": found}, indent=2))
        return
    for one in found:
        click.echo(f"{one['bot']}  {one['to']}  {', '.join(one['events'])}  ({one['kept']})")
    if not found:
        click.echo("nobody is told anything; add 'alerts: [{to: env:ALERT_URL}]'")


@group.command("test")
@click.argument("bot", required=False, type=click.Path(path_type=Path), metavar="[BOT]")
@click.option("--to", "names", multiple=True, metavar="NAME", help="env:NAME or vault:NAME; may be repeated.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(1, 120),
    default=15.0,
    show_default=True,
    help="Seconds to wait for a sink.",
)
@PASSPHRASE_FILE
@_as_json
def test(
    bot: Path | None, names: tuple[str, ...], timeout_s: float, passphrase_file: str | None, as_json: bool
) -> None:
    """Send one message to each sink of a bot, or to those named, and say which took it.

    \b
    runner alerts test bots/btc_trend.yaml
    runner alerts test --to vault:phone --to env:ALERT_URL

    Exit code 5: a sink did not take it, or its URL is not there.
    """
    from runner.cli.settings import settings_now
    from runner.cli.sinks import checked_name, sinks_of

    if (bot is None) == (not names):
        raise UsageError("name a bot or sinks: runner alerts test BOT, runner alerts test --to env:ALERT_URL")
    if bot is not None:
        names = tuple(sink.to for sink in load_document(bot)[0].alerts)
        if not names:
            raise UsageError(f"{bot} tells nobody anything; add 'alerts: [{{to: env:ALERT_URL}}]'")
    wanted = [checked_name(name) for name in dict.fromkeys(names)]
    settings = settings_now({"vault.passphrase_file": passphrase_file})
    outcomes = sent_to(sinks_of(wanted, settings), round(timeout_s * 1000))
    if as_json:
        records = [outcome._asdict() for outcome in outcomes]
        click.echo(json.dumps({"version": JSON_VERSION, "sinks": records}, indent=2, ensure_ascii=False))
    else:
        for one in outcomes:
            said = f"✗ {one.why}" if one.why else f"✓ took it in {one.took_ms / 1000:.1f} s"
            click.echo(f"{one.sink} ({one.service})  {said}")
    if any(outcome.why for outcome in outcomes):
        raise SystemExit(5)


def sent_to(sinks: "list[Sink]", timeout_ms: int, message: "Alert | None" = None) -> list[Outcome]:
    """One try for each, of this message or of a test."""
    from runner.domain.alert import alert
    from runner.notify.courier import Courier, Pace
    from runner.notify.memory import MemoryOutbox

    began_ms = _now_ms()
    outbox = MemoryOutbox()
    text = "This is a test: alerts of runner arrive here."
    message = message or alert("session", "info", text, run="test", time_ms=began_ms)
    outbox.put(message, [sink.name for sink in sinks])
    courier = Courier(outbox, sinks, os.environ, Pace(timeout_ms=timeout_ms, retry_first_ms=3_600_000))
    took_ms: dict[str, int] = {}
    try:
        while len(took_ms) < len(sinks):
            now_ms = _now_ms()
            courier.step(now_ms)
            waiting = {letter.sink for letter in outbox.waiting()}
            failed = {letter.sink for letter, _ in outbox.faults}
            for sink in sinks:
                if sink.name not in waiting or sink.name in failed:
                    took_ms.setdefault(sink.name, now_ms - began_ms)
            courier.wait(0.02)
    finally:
        courier.close()
    why = {letter.sink: reason for letter, reason in outbox.faults}
    return [Outcome(sink.name, sink.service, took_ms[sink.name], why.get(sink.name, "")) for sink in sinks]


def _kept(name: str) -> str:
    """Whether a variable is set; the vault stays shut."""
    if name.startswith("vault:"):
        return "in the vault"
    return "set" if os.environ.get(name.removeprefix("env:")) else "not set"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
