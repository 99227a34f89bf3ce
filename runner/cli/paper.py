"""`runner run BOT --paper`: live prices, simulated fills, no keys, nobody's money.

In: a bot's file, options. Out: a session until it ends; its exit code.
Refuses to know: how a session works.
"""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli import bots
from runner.cli.company import alerts_of, health_place, lease_for, now_ms, say_ready
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.journal.lease import Lease
    from runner.journal.rows import Run
    from runner.journal.write import Journal
    from runner.live.connection import Door
    from runner.live.takeup import Deployment
    from runner.modes import Place
    from runner.settings.load import Settings

REALM = "paper"  # whose journal it is: no account's
THEIRS = ("key", "on_mismatch", "yes")  # options that paper has no use for


def trade_on_paper(bot: Path, sets: tuple[str, ...], *, as_json: bool, chosen: dict[str, Any]) -> int:
    """Start the bot, or go on with it; the session's exit code."""
    from runner.cli.logs import open_log
    from runner.cli.settings import settings_now
    from runner.journal.write import Binding, open_journal
    from runner.logs.output import about

    _refuse_theirs()
    settings = settings_now(
        {
            "health.port": chosen["health_port"],
            "vault.passphrase_file": chosen["passphrase_file"],
            "log.level": chosen["log_level"],
            "log.format": chosen["log_format"],
        }
    )
    compiled = bots.load_compiled(bot, sets, "paper")
    place, door = _place(settings, compiled.document.name)
    name, symbol = compiled.document.name, compiled.document.market.market_id
    with ExitStack() as stack:
        stack.enter_context(open_log(settings, name))
        stack.enter_context(about(bot=name))
        journal = stack.enter_context(open_journal(place.journal_url, binding=Binding(place.mode, REALM)))
        lease = lease_for(journal, place, symbol, name)
        stack.callback(lambda: lease.release(now_ms()))
        deployed = _deployed(place, bot, sets, symbol)
        known, deployed = _taken_up(
            journal, deployed, capital_usdt=chosen["capital"], is_fresh=chosen["fresh"]
        )
        _say_start(door, deployed, known, as_json=as_json)
        code = _live(journal, lease, door, deployed, known, settings, as_json=as_json)
    if as_json:
        click.echo(json.dumps({"version": 1, "event": "ended", "exit_code": code}))
    return code


def _refuse_theirs() -> None:
    """An option that does nothing is a misunderstanding."""
    ctx = click.get_current_context()
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if name in THEIRS and ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = parameter.opts[0]
            raise click.UsageError(f"{option} belongs to --testnet and --live; --paper sends nothing")


def _place(settings: "Settings", bot: str) -> "tuple[Place, Door]":
    """Each bot has an account of its own here, and a journal of its own where nobody chose one."""
    from runner.data.home import runner_home
    from runner.journal.location import default_url
    from runner.live.connection import Door
    from runner.modes import place_for

    home, db, url = runner_home(), settings.text("db"), settings.text_or_none("exchange.url")
    chosen = None if db == default_url(home) else db
    place = place_for("paper", bot, home, exchange_url=url, db=chosen)
    return place, Door(place.profile, None, float(settings.text("exchange.speed")) if url else 1.0)


def _deployed(place: "Place", bot: Path, sets: tuple[str, ...], symbol: str) -> "Deployment":
    """The bot compiled with the rules that a backtest of it would use."""
    from runner.bot.canonical import bot_hash
    from runner.bot.read import read_bot
    from runner.compiler.expression import identity
    from runner.live.takeup import Deployment

    compiled = bots.load_compiled(bot, sets, place.mode)
    written, problems, source = read_bot(bot)
    bots.stop_on_errors(source, [problem for problem in problems if problem.severity == "error"])
    assert written is not None
    given = tuple((name, str(number)) for name, number in bots.overrides(sets).items())
    text = bot.read_bytes().decode("utf-8")
    version_hash = bot_hash(written, identity)
    return Deployment(place.mode, place.account, symbol, str(bot), text, version_hash, given, compiled)


def _taken_up(
    journal: "Journal", deployed: "Deployment", *, capital_usdt: float | None, is_fresh: bool
) -> "tuple[Run | None, Deployment]":
    """The run to go on with, and what it reckons with: the bot's own capital, or what a new one was told."""
    from runner.live.takeup import capital_of, latest_run, with_capital

    known = None if is_fresh else latest_run(journal, deployed)
    if known is None:
        return None, with_capital(deployed, capital_usdt or deployed.compiled.plan.capital_usdt)
    began_usdt = capital_of(journal, known)
    if capital_usdt is not None and capital_usdt != began_usdt:
        raise UsageError(
            f"--capital belongs to a new run; {known.run} goes on with what it has (--fresh begins one)"
        )
    return known, with_capital(deployed, began_usdt)


def _live(
    journal: "Journal",
    lease: "Lease",
    door: "Door",
    deployed: "Deployment",
    known: "Run | None",
    settings: "Settings",
    *,
    as_json: bool,
) -> int:
    from runner.live.assemble import Outfit
    from runner.live.paper_start import live_on_paper

    courier, sinks = alerts_of(journal, deployed.compiled, settings)
    outfit = Outfit(
        deployed=deployed,
        journal=journal,
        lease=lease,
        known=known,
        handover=None,
        policy="halt",
        cap_usdt=None,
        faults=(),
        sinks=sinks,
        courier=courier,
        health=health_place(settings),
        on_ready=lambda run, port: say_ready(run, port, as_json=as_json),
    )
    return asyncio.run(live_on_paper(outfit, door))


def _say_start(door: "Door", deployed: "Deployment", known: "Run | None", *, as_json: bool) -> None:
    capital_usdt = deployed.compiled.plan.capital_usdt
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
            "capital_usdt": capital_usdt,
        }
        click.echo(json.dumps(told))
        return
    begins = f"goes on with {known.run}" if known else f"a new run with {capital_usdt:,.2f} USDT"
    click.echo(f"{deployed.bot} on {deployed.symbol}, on paper, prices of {door.profile.rest_url}: {begins}")
    click.echo("  nothing is sent; fills are known at each bar's close, as a backtest reckons them")
