"""`runner run BOT --testnet|--live`: from a command to a session that trades.

In: a bot's file, a mode, options. Out: what may be lost, before anything is; then a session until it ends;
its exit code. Refuses to know: how a session works.


"""

import asyncio
import json
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runner.cli import bots
from runner.cli.company import alerts_of, health_place, lease_for, say_ready
from runner.cli.doctor import require_passed
from runner.cli.logs import log_options
from runner.cli.vault import PASSPHRASE_FILE
from runner.errors import ExchangeRefused, KeyUnknown, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.domain.session_event import Handover
    from runner.journal.lease import Lease
    from runner.journal.rows import Run
    from runner.journal.write import Journal
    from runner.live.connection import Door
    from runner.live.exposure import Exposure
    from runner.live.survey import Survey
    from runner.live.takeup import Deployment
    from runner.modes import Place
    from runner.settings.load import Settings

NAMES = (
    *("key", "capital", "on_mismatch", "fresh", "yes", "health_port", "passphrase_file"),
    *("log_level", "log_format"),
)


class Asked(NamedTuple):
    """What the command was told."""

    bot: Path
    mode: str
    sets: tuple[str, ...]
    key: str
    capital_usdt: float | None
    is_fresh: bool
    is_sure: bool
    as_json: bool


def trading_options(command: "Callable[..., Any]") -> "Callable[..., Any]":
    """The options of a run whose orders are real."""
    for option in (
        click.option(
            "--key", default="main", metavar="NAME", help="Which key of the vault.  [default: main]"
        ),
        click.option(
            "--capital",
            type=click.FloatRange(min=0, min_open=True),
            metavar="USDT",
            help="What a new run reckons with.  [default: the account's wallet]",
        ),
        click.option(
            "--on-mismatch",
            type=click.Choice(["halt", "adopt", "flatten"]),
            help="A position nobody can explain: protected, then this.  [default: session.on_mismatch, halt]",
        ),
        click.option("--fresh", is_flag=True, help="A new run instead of going on with the last one."),
        click.option("--yes", is_flag=True, help="With real money: do not ask."),
        click.option(
            "--health-port", metavar="PORT", help="0 takes a free one.  [default: health.port, 9464]"
        ),
        PASSPHRASE_FILE,
    ):
        command = option(command)
    return log_options(command)


def trade(bot: Path, mode: str, sets: tuple[str, ...], *, as_json: bool, chosen: dict[str, Any]) -> int:
    """Start the bot, or go on with it; the session's exit code."""
    from runner.cli.settings import settings_now

    asked = Asked(
        bot=bot,
        mode=mode,
        sets=sets,
        key=chosen["key"],
        capital_usdt=chosen["capital"],
        is_fresh=chosen["fresh"],
        is_sure=chosen["yes"],
        as_json=as_json,
    )
    settings = settings_now(
        {
            "session.on_mismatch": chosen["on_mismatch"],
            "health.port": chosen["health_port"],
            "vault.passphrase_file": chosen["passphrase_file"],
            "log.level": chosen["log_level"],
            "log.format": chosen["log_format"],
        }
    )
    bots.load_compiled(bot, sets, mode)  # every fault of the file, before anybody is asked for a passphrase
    place, door = open_door(settings, mode, asked.key)
    return _at(place, door, asked, settings)


def open_door(settings: "Settings", mode: str, key: str) -> "tuple[Place, Door]":
    """Where the mode's orders go, with the key that opens it; KeyUnknown says how to come by one."""
    from runner.cli.vault import access_to
    from runner.data.home import runner_home
    from runner.exchange.client import Keys
    from runner.journal.location import default_url
    from runner.live.connection import Door
    from runner.modes import place_for
    from runner.vault.vault import open_vault

    try:
        pair = open_vault(access_to(settings)).key(mode, key)
    except KeyUnknown as unknown:
        name = "" if key == "main" else f" --name {key}"
        raise KeyUnknown(
            f"{unknown}\n  runner keys add --mode {mode}{name} --online\n"
            "  (the key needs the right to trade futures, and must not have the right to withdraw)"
        ) from None
    home, db = runner_home(), settings.text("db")
    url = settings.text_or_none("exchange.url")
    place = place_for(mode, pair.account, home, exchange_url=url, db=None if db == default_url(home) else db)
    speed = float(settings.text("exchange.speed")) if url else 1.0
    return place, Door(place.profile, Keys(pair.api_key.reveal(), pair.secret.reveal()), speed)


def _at(place: "Place", door: "Door", asked: Asked, settings: "Settings") -> int:
    from runner.cli.logs import open_log
    from runner.journal.write import Binding, open_journal
    from runner.logs.output import about

    document, _ = bots.load_document(asked.bot, asked.sets, asked.mode)
    binding = Binding(place.mode, place.account)
    with ExitStack() as stack:
        stack.enter_context(open_log(settings, document.name))
        stack.enter_context(about(bot=document.name))
        journal = stack.enter_context(open_journal(place.journal_url, binding=binding))
        lease = lease_for(journal, place, document.market.market_id, document.name)
        stack.callback(lambda: lease.release(_now_ms()))
        return _under_lease(journal, lease, place, door, asked, settings)


def _under_lease(
    journal: "Journal", lease: "Lease", place: "Place", door: "Door", asked: Asked, settings: "Settings"
) -> int:
    """Look at the exchange, say what may be lost, then trade."""
    from runner.live.assemble import look

    door = replace(door, banned_until_ms=journal.read.banned_until_ms())
    symbol = lease.name.rpartition("/")[2]
    seen = asyncio.run(look(door, symbol))
    text = asked.bot.read_bytes().decode("utf-8")
    given = tuple((name, str(number)) for name, number in bots.overrides(asked.sets).items())
    deployed = deployed_at(place, symbol, str(asked.bot), text, given, seen)
    known = _known(journal, deployed, seen, asked)
    handover = _handover(journal, deployed, known)
    if known is not None and handover == "run-off" and not seen.is_flat:
        older = deployed_at(place, symbol, known.file, journal.read.text(known.text_hash), given, seen)
        click.echo(
            "the position is left to the version that opened it; then the new one takes over", err=True
        )
        code = _live(journal, lease, door, asked, settings, (older, known, None, seen), runs_off=True)
        if code:
            return code
        seen = asyncio.run(look(door, symbol))
    return _live(journal, lease, door, asked, settings, (deployed, known, handover, seen), runs_off=False)


def _live(
    journal: "Journal",
    lease: "Lease",
    door: "Door",
    asked: Asked,
    settings: "Settings",
    what: "tuple[Deployment, Run | None, Handover | None, Survey]",
    *,
    runs_off: bool,
) -> int:
    from runner.domain.order_event import EquityMarked
    from runner.live.assemble import Outfit, live_on
    from runner.live.exposure import exposure_of

    deployed, known, handover, seen = what
    deployed = _with_capital(journal, deployed, known, seen, asked)
    marked = journal.read.last(known.run, "equity_marked") if known else None
    equity_usdt = deployed.compiled.plan.capital_usdt
    if marked is not None and isinstance(marked.entry.event, EquityMarked):
        equity_usdt = float(marked.entry.event.equity_usdt)
    cap = settings.text_or_none("session.notional_max")
    cap_usdt = 0.0 if runs_off else float(cap) if cap else None
    exposure = exposure_of(deployed.compiled, equity_usdt, float(seen.mark_price), cap_usdt)
    _say_start(door, deployed, known, exposure, as_json=asked.as_json)
    _confirm(deployed, exposure, asked)
    if known is None or seen.is_flat:  # with a position of ours open, protecting it comes first
        require_passed(journal, deployed, door, asked.capital_usdt)
    courier, sinks = alerts_of(journal, deployed.compiled, settings)
    outfit = Outfit(
        deployed=deployed,
        journal=journal,
        lease=lease,
        known=known,
        handover=handover,
        policy=settings.text("session.on_mismatch"),  # type: ignore[arg-type]
        cap_usdt=cap_usdt,
        faults=_faults(seen, is_resuming=known is not None),
        sinks=sinks,
        courier=courier,
        health=health_place(settings),
        runs_off=runs_off,
        on_ready=lambda run, port: say_ready(run, port, as_json=asked.as_json),
    )
    code = asyncio.run(live_on(outfit, door))
    if asked.as_json:
        click.echo(json.dumps({"version": 1, "event": "ended", "exit_code": code}))
    return code


def deployed_at(
    place: "Place",
    symbol: str,
    file: str,
    text: str,
    sets: tuple[tuple[str, str], ...],
    seen: "Survey",
) -> "Deployment":
    """The bot compiled with the exchange's own rules."""
    from runner.bot.canonical import apply_overrides, bot_hash
    from runner.bot.read import read_text
    from runner.compiler.build import build
    from runner.compiler.expression import identity
    from runner.live.takeup import Deployment

    document, problems, source = read_text(text, file)
    bots.stop_on_errors(source, problems)
    assert document is not None
    version_hash = bot_hash(document, identity)
    document, refused = apply_overrides(document, dict(sets))
    compiled, found = build(document, source, seen.instrument, seen.brackets)
    bots.stop_on_errors(source, [*refused, *(problem for problem in found if problem.severity == "error")])
    assert compiled is not None
    return Deployment(place.mode, place.account, symbol, file, text, version_hash, sets, compiled)


def _known(journal: "Journal", deployed: "Deployment", seen: "Survey", asked: Asked) -> "Run | None":
    """The run to go on with."""
    from runner.live.ids import bot_tag, parse_client_id
    from runner.live.takeup import latest_run

    known = latest_run(journal, deployed)
    if not asked.is_fresh or known is None:
        return known
    tag = bot_tag(deployed.bot, deployed.account)
    ours = [parse_client_id(order.client_id) for order in seen.snapshot.orders]
    if not seen.is_flat or any(parts is not None and parts.bot == tag for parts in ours):
        raise UsageError(
            f"--fresh: {deployed.symbol} is not flat there, and only the last run knows why; "
            f"start without --fresh, or `runner flatten {deployed.bot}` first"
        )
    return None


def _with_capital(
    journal: "Journal", deployed: "Deployment", known: "Run | None", seen: "Survey", asked: Asked
) -> "Deployment":
    """A new run reckons with the wallet, or with less; one that goes on, with what it began with."""
    from runner.live.takeup import capital_of, with_capital

    if known is not None:
        if asked.capital_usdt is not None and asked.capital_usdt != capital_of(journal, known):
            raise UsageError(
                f"--capital belongs to a new run; {known.run} goes on with what it has (--fresh begins one)"
            )
        return with_capital(deployed, capital_of(journal, known))
    wallet_usdt = float(seen.snapshot.account.wallet_usdt)
    if wallet_usdt <= 0.0:
        raise ExchangeRefused("the account holds no USDT; move some into its futures wallet first")
    if asked.capital_usdt is not None and asked.capital_usdt > wallet_usdt:
        raise UsageError(f"--capital {asked.capital_usdt:g}: the account holds {wallet_usdt:,.2f} USDT")
    return with_capital(deployed, asked.capital_usdt or wallet_usdt)


def _handover(journal: "Journal", deployed: "Deployment", known: "Run | None") -> "Handover | None":
    """What a rollback to this very text said about an open position."""
    import hashlib

    from runner.domain.session_event import RolledBack

    text_hash = hashlib.sha256(deployed.text.encode("utf-8")).hexdigest()
    if known is None or known.text_hash == text_hash:
        return None
    last = journal.read.last_rollback(deployed.bot)
    event = last.entry.event if last else None
    return event.position if isinstance(event, RolledBack) and event.text_hash == text_hash else None


def _faults(seen: "Survey", *, is_resuming: bool) -> tuple[str, ...]:
    """Why the bot may not start. With a position of its own open it starts all the same, halted: what is
    open is protected first.


    """
    found = seen.refusals()
    if found and (seen.is_flat or not is_resuming or not seen.snapshot.account.one_way):
        raise ExchangeRefused("\n".join(found))
    return tuple(found)


def _say_start(
    door: "Door", deployed: "Deployment", known: "Run | None", exposure: "Exposure", *, as_json: bool
) -> None:
    if as_json:
        told = {
            "version": 1,
            "event": "starting",
            "bot": deployed.bot,
            "mode": deployed.mode,
            "account": deployed.account,
            "symbol": deployed.symbol,
            "exchange": door.profile.rest_url,
            "resumes": known.run if known else None,
            "worst_case": exposure._asdict(),
        }
        click.echo(json.dumps(told))
        return
    begins = f"goes on with {known.run}" if known else "a new run"
    click.echo(
        f"{deployed.bot} on {deployed.symbol}, {deployed.mode}, account {deployed.account} at "
        f"{door.profile.rest_url}: {begins}"
    )
    click.echo("\n".join(f"  {line}" for line in worst_case_lines(exposure)))


def worst_case_lines(exposure: "Exposure") -> list[str]:
    """What may be lost, in words."""

    def usdt(figure: float) -> str:
        return f"{figure:,.2f} USDT"

    day = (
        "no daily loss limit"
        if exposure.day_usdt is None
        else f"{usdt(exposure.day_usdt)}, then entries stop"
    )
    stop = "told by its rule at each entry" if exposure.stop_usdt is None else usdt(exposure.stop_usdt)
    drawdown = "no limit" if exposure.drawdown_usdt is None else usdt(exposure.drawdown_usdt)
    behind = "its own margin" if exposure.isolated else "the whole wallet"
    return [
        f"reckons with          {usdt(exposure.equity_usdt)}",
        f"largest position      {usdt(exposure.notional_usdt)} notional, leverage {exposure.leverage:g}",
        f"a trade loses         {stop} at its first stop; a gap in the price loses more",
        f"a UTC day loses       {day}",
        f"the bot halts after   {drawdown} below its peak",
        f"a liquidation takes   {usdt(exposure.margin_usdt)} ({behind})",
    ]


def _confirm(deployed: "Deployment", exposure: "Exposure", asked: Asked) -> None:
    """With real money somebody has to say so."""
    if deployed.mode != "live" or asked.is_sure:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "--live asks before it trades real money, and nobody is here to answer; --yes answers"
        )
    said = click.prompt(
        f"real money: up to {exposure.margin_usdt:,.2f} USDT may be lost. Type {deployed.bot} to start",
        err=True,
        default="",
        show_default=False,
    )
    if said.strip() != deployed.bot:
        raise UsageError("not started; the bot sent nothing")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
