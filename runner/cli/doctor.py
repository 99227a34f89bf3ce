"""`runner doctor BOT --testnet|--live`: can this bot be let loose on this account?

In: a bot's file, a mode, the vault. Out: a line for each check, or JSON; exit code 5 when one failed.
Refuses to know: how anything is checked.
"""

import asyncio
import getpass
import json
import secrets
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runner.cli import bots
from runner.cli.company import lease_for, now_ms
from runner.cli.vault import PASSPHRASE_FILE
from runner.errors import ExchangeRefused, JournalFailed, KeysFailed, LeaseHeld, RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.compiler.build import Compiled
    from runner.journal.write import Journal
    from runner.live.connection import Door
    from runner.live.doctor.examine import Patient
    from runner.live.doctor.finding import Finding
    from runner.live.doctor.questions import Answered
    from runner.live.survey import Survey
    from runner.live.takeup import Deployment
    from runner.modes import Place
    from runner.settings.load import Settings

MARKS = {"ok": ("✓", "green"), "failed": ("✗", "red"), "not_here": ("–", "yellow")}
FAILED_EXIT = 5


class Asked(NamedTuple):
    """What the command was told."""

    bot: Path
    mode: str
    sets: tuple[str, ...]
    key: str
    capital_usdt: float | None
    sends_test: bool
    settles: bool


@click.command("doctor")
@bots.BOT
@click.option("--testnet", "mode", flag_value="testnet", help="On Binance demo trading.")
@click.option(
    "--live", "mode", flag_value="live", help="On the real account; no order there is left or filled."
)
@bots.SETS
@click.option("--key", default="main", show_default=True, metavar="NAME", help="Which key of the vault.")
@click.option(
    "--capital",
    type=click.FloatRange(min=0, min_open=True),
    metavar="USDT",
    help="What the bot would reckon with.  [default: the account's wallet]",
)
@click.option("--send-test", is_flag=True, help="Also send each alert sink of the bot a test message.")
@click.option(
    "--settle",
    is_flag=True,
    help="With --testnet: trade the least there is and answer what only the exchange can answer.",
)
@PASSPHRASE_FILE
@click.option("--json", "as_json", is_flag=True, help="Print JSON (version 1) instead of text.")
@click.pass_context
def command(ctx: click.Context, /, bot: Path, mode: str | None, as_json: bool, **chosen: Any) -> None:
    """Check everything that can be known before the first order; each failure says what to do.

    \b
    runner doctor bots/btc_trend.yaml --testnet
    runner doctor bots/btc_trend.yaml --live --capital 2000 --send-test
    runner doctor bots/btc_trend.yaml --testnet --settle

    It sets leverage and margin mode as the bot wants them, and places one far stop of the smallest size that
    can only reduce, and takes it away again. `runner run --live` wants a pass of the last 24 hours, or runs
    the same checks first.
    """
    from runner.cli.settings import settings_now

    if mode is None:
        raise click.UsageError("say where: --testnet or --live")
    if chosen["settle"] and mode != "testnet":
        raise click.UsageError("--settle trades, if only a little: it belongs to --testnet")
    settings = settings_now({"vault.passphrase_file": chosen["passphrase_file"]})
    asked = Asked(
        bot, mode, chosen["sets"], chosen["key"], chosen["capital"], chosen["send_test"], chosen["settle"]
    )
    compiled = bots.load_compiled(bot, asked.sets, mode)
    told: list[Finding] = []

    def tell(finding: "Finding") -> None:
        told.append(finding)
        if not as_json:
            _show(finding)

    answers = _examined(asked, compiled, settings, tell)
    if as_json:
        _show_json(compiled, mode, told, answers)
    else:
        _show_end(told, answers)
    ctx.exit(FAILED_EXIT if any(finding.state == "failed" for finding in told) else 0)


def _examined(
    asked: Asked, compiled: "Compiled", settings: "Settings", tell: "Callable[[Finding], None]"
) -> "list[Answered]":
    """All checks: of the machine, of the keys, of the exchange."""
    from runner.cli.trade import open_door
    from runner.journal.write import Binding, open_journal
    from runner.live.doctor.finding import failed, fine

    try:
        place, door = open_door(settings, asked.mode, asked.key)
    except KeysFailed as fault:
        tell(failed("keys", str(fault), "see `runner keys`"))
        return []
    tell(fine("keys", f"the key {asked.key!r} for {asked.mode} was decrypted; account {place.account}"))
    _sinks(asked, compiled, settings, tell)
    with ExitStack() as stack:
        try:
            binding = Binding(place.mode, place.account)
            journal = stack.enter_context(open_journal(place.journal_url, binding=binding))
        except JournalFailed as fault:
            tell(failed("journal", str(fault), "see to it, or set RUNNER_DB to another"))
            return []
        try:
            lease = lease_for(journal, place, compiled.document.market.market_id, compiled.document.name)
        except LeaseHeld as held:
            tell(failed("lease", str(held), "stop the bot that runs there: nothing may be tried beside it"))
            return []
        stack.callback(lambda: lease.release(now_ms()))
        tell(fine("lease", f"{lease.name} is free"))
        return _at_exchange(asked, compiled, journal, place, door, tell)


def _at_exchange(
    asked: Asked,
    compiled: "Compiled",
    journal: "Journal",
    place: "Place",
    door: "Door",
    tell: "Callable[[Finding], None]",
) -> "list[Answered]":
    from runner.cli.trade import deployed_at
    from runner.live.doctor.examine import Patient

    door = replace(door, banned_until_ms=journal.read.banned_until_ms())
    symbol, text = compiled.document.market.market_id, asked.bot.read_bytes().decode("utf-8")
    given = tuple((name, str(number)) for name, number in bots.overrides(asked.sets).items())

    def with_rules(seen: "Survey") -> "Compiled":
        return deployed_at(place, symbol, str(asked.bot), text, given, seen).compiled

    patient = Patient(symbol, with_rules, asked.capital_usdt, new_probe_id())
    return _recorded(journal, compiled, patient, door, tell, settles=asked.settles)


def new_probe_id() -> str:
    """A name for the far stop, of no bot."""
    from runner.live.doctor.probes import PREFIX

    return f"{PREFIX}{secrets.token_hex(8)}"


def _recorded(
    journal: "Journal",
    compiled: "Compiled",
    patient: "Patient",
    door: "Door",
    tell: "Callable[[Finding], None]",
    *,
    settles: bool = False,
) -> "list[Answered]":
    """The examination between two entries of the journal."""
    from runner.data.home import runner_home
    from runner.live.doctor.machine import about_disk, about_journal
    from runner.live.doctor.record import note_begun, note_ended

    told: list[Finding] = []

    def heard(finding: "Finding") -> None:
        told.append(finding)
        tell(finding)

    name, who = compiled.document.name, getpass.getuser()
    heard(about_disk(runner_home()))
    heard(about_journal(journal))
    note_begun(journal, name, compiled.bot_hash, who, patient.probe_id, now_ms())
    answers = asyncio.run(_visit(patient, door, heard, settles=settles))
    note_ended(journal, name, compiled.bot_hash, who, told, now_ms())
    return answers


async def _visit(
    patient: "Patient", door: "Door", tell: "Callable[[Finding], None]", *, settles: bool
) -> "list[Answered]":
    from runner.live.connection import connected
    from runner.live.doctor.examine import examine
    from runner.live.doctor.questions import settle

    async with connected(door) as connection:
        seen = await examine(patient, connection, tell)
        if seen is None or not settles:
            return []
        return await settle(connection, seen, patient.symbol)


def _sinks(
    asked: Asked, compiled: "Compiled", settings: "Settings", tell: "Callable[[Finding], None]"
) -> None:
    """Whether alerts have somewhere to go, and with --send-test whether they arrive."""
    from runner.cli.alerts import sent_to
    from runner.cli.sinks import sinks_of
    from runner.live.doctor.finding import failed, fine, not_here

    names = list(dict.fromkeys(sink.to for sink in compiled.document.alerts))
    if not names:
        tell(not_here("alerts", "the bot tells nobody anything; add 'alerts: [{to: env:ALERT_URL}]'"))
        return
    try:
        sinks = sinks_of(names, settings)
    except RunnerError as fault:
        tell(failed("alerts", str(fault), "set it, or take the sink out of the bot"))
        return
    if not asked.sends_test:
        tell(fine("alerts", f"{', '.join(names)}: known; --send-test tries them"))
        return
    for outcome in sent_to(sinks, 15_000):
        if outcome.why:
            tell(failed("alerts", f"{outcome.sink}: {outcome.why}", "see `runner alerts test`"))
        else:
            tell(fine("alerts", f"{outcome.sink} took a test message"))


def require_passed(
    journal: "Journal", deployed: "Deployment", door: "Door", capital_usdt: float | None
) -> None:
    """For real money: a recent pass of this very bot, or one now; ExchangeRefused when it fails."""
    from runner.live.doctor.examine import Patient
    from runner.live.doctor.record import RECENT_MS, passed_ms

    if deployed.mode != "live":
        return
    if now_ms() - passed_ms(journal, deployed.bot, deployed.compiled.bot_hash) < RECENT_MS:
        return
    click.echo("no `runner doctor` of this very bot in the last 24 hours: it runs first", err=True)
    told: list[Finding] = []
    patient = Patient(deployed.symbol, lambda seen: deployed.compiled, capital_usdt, new_probe_id())
    _recorded(journal, deployed.compiled, patient, door, told.append)
    faults = [f"{one.check}: {one.text}\n  {one.remedy}" for one in told if one.state == "failed"]
    if faults:
        raise ExchangeRefused("\n".join(["not started; runner doctor found:", *faults]))


def _show(finding: "Finding") -> None:
    mark, colour = MARKS[finding.state]
    click.echo(f"{click.style(mark, fg=colour)} {finding.check:<17} {finding.text}")
    if finding.remedy:
        click.echo(f"  {'':<17} → {finding.remedy}")


def _show_end(told: "list[Finding]", answers: "list[Answered]") -> None:
    if answers:
        click.echo("\nanswers of this exchange:")
    for answer in answers:
        click.echo(f"  {answer.number:<4} {answer.question}\n       {answer.answer}")
    failures = sum(finding.state == "failed" for finding in told)
    unknown = sum(finding.state == "not_here" for finding in told)
    left = f", {unknown} not possible here" if unknown else ""
    if failures:
        click.echo(f"\n{failures} of {len(told)} checks failed{left}: do not start this bot")
    else:
        click.echo(f"\n{len(told) - unknown} checks passed{left}")


def _show_json(compiled: "Compiled", mode: str, told: "list[Finding]", answers: "list[Answered]") -> None:
    click.echo(
        json.dumps(
            {
                "version": 1,
                "bot": compiled.document.name,
                "bot_hash": compiled.bot_hash,
                "mode": mode,
                "passed": all(finding.state != "failed" for finding in told),
                "checks": [finding._asdict() for finding in told],
                "answers": [answer._asdict() for answer in answers],
            },
            indent=2,
            ensure_ascii=False,
        )
    )
