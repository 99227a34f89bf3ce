"""`runner up BOT...`: several bots at once, each a process of its own, started again when it dies.

In: bot files, a mode. Out: a line for whatever happens, or JSON lines; the worst exit code.
Refuses to know: how processes are kept, what bots do.
"""

import asyncio
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from runner.cli import bots as bot_files
from runner.cli.company import now_ms
from runner.cli.vault import PASSPHRASE_FILE
from runner.errors import JournalFailed, UsageError

if TYPE_CHECKING:
    from runner.compiler.build import Compiled
    from runner.journal.write import Journal
    from runner.live.supervise import Child, Happened
    from runner.notify.sink import Sink
    from runner.settings.load import Settings

LOOK_EVERY = 5  # seconds between looks at what the account lost
WHO = "runner up"
COMMAND = "account limit"
ALARM_MS = 15_000


class Wanted(NamedTuple):
    """What the command was told."""

    mode: str
    key: str
    passphrase_file: str | None
    failures: int
    as_json: bool


@click.command("up")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="BOT...")
@click.option("--paper", "mode", flag_value="paper", help="All on paper.")
@click.option("--testnet", "mode", flag_value="testnet", help="All on Binance demo trading.")
@click.option("--live", "mode", flag_value="live", help="All with real money; wants --yes.")
@click.option("--key", default="main", show_default=True, metavar="NAME", help="Which key of the vault.")
@click.option("--yes", is_flag=True, help="With --live: no bot asks before it trades.")
@click.option(
    "--give-up-after",
    "failures",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    metavar="N",
    help="Failures of one bot in a row.",
)
@PASSPHRASE_FILE
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON (version 1) for each event.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    mode: str | None,
    yes: bool,
    **chosen: str,
) -> None:
    """Run several bots, each in a process of its own, until they are stopped.

    \b
    runner up bots/*.yaml --paper
    runner up bots/btc_trend.yaml bots/eth_dip.yaml --testnet
    RUNNER_ACCOUNT_DAILY_LOSS=200 runner up bots/*.yaml --testnet

    A bot that dies is started again, after 1 s, 2 s, 4 s and so on up to a minute; after too many failures
    in a row it is given up and its alert sinks are told. A bot that is halted, was stopped, or has a fault in
    its file is not started again. Ctrl-C or SIGTERM stops all of them; their stops go on resting at the
    exchange. With the setting account.daily_loss, all are closed and halted when they have lost as much since
    midnight UTC together.
    """
    from runner.cli.settings import settings_now

    if mode is None:
        raise click.UsageError("say how to run: --paper or --testnet (--live with --yes)")
    if mode == "live" and not yes:
        raise click.UsageError("--live trades real money, and up asks nobody: --yes answers for all bots")
    wanted = Wanted(
        mode, chosen["key"], chosen["passphrase_file"], int(chosen["failures"]), bool(chosen["as_json"])
    )
    settings = settings_now({"vault.passphrase_file": wanted.passphrase_file})
    compiled = [bot_files.load_compiled(file, (), mode) for file in files]
    _refuse_rivals(compiled, mode)
    with ExitStack() as stack:
        ctx.exit(asyncio.run(_supervised(files, compiled, wanted, settings, stack)))


def _refuse_rivals(compiled: "list[Compiled]", mode: str) -> None:
    """Two bots of one name are one run; two on one symbol of one account would trade against each other."""
    names: dict[str, str] = {}
    for one in compiled:
        name, symbol = one.document.name, one.document.market.market_id
        if name in names:
            raise UsageError(f"two of the files are called {name}; each bot needs a name of its own")
        rival = next((bot for bot, its in names.items() if its == symbol), None)
        if rival is not None and mode != "paper":
            raise UsageError(
                f"{rival} and {name} both trade {symbol}: one account has one bot for each symbol"
            )
        names[name] = symbol


async def _supervised(
    files: tuple[Path, ...],
    compiled: "list[Compiled]",
    wanted: Wanted,
    settings: "Settings",
    stack: ExitStack,
) -> int:
    from runner.live.supervise import Patience, Supervisor

    names = [one.document.name for one in compiled]
    desk = Desk(names, wanted, settings, _sinks(compiled, settings), stack)
    supervisor = Supervisor(
        _children(files, names, wanted, settings),
        desk.hear,
        Patience(failures=wanted.failures),
        desk.watch,
    )
    code = await supervisor.run()
    await asyncio.gather(*desk.alarms)
    return code


def _children(
    files: tuple[Path, ...], names: list[str], wanted: Wanted, settings: "Settings"
) -> "list[Child]":
    """Their command lines; the ports of health follow one another."""
    from runner.live.supervise import Child

    port, children = settings.port("health.port"), []
    for place, (file, name) in enumerate(zip(files, names, strict=True)):
        words = [sys.executable, "-m", "runner", "run", str(file), f"--{wanted.mode}", "--json"]
        words += ["--health-port", str(port + place if port else 0)]
        if wanted.mode != "paper":
            words += ["--key", wanted.key]
        if wanted.mode == "live":
            words.append("--yes")
        if wanted.passphrase_file:
            words += ["--passphrase-file", wanted.passphrase_file]
        children.append(Child(name, words))
    return children


def _sinks(compiled: "list[Compiled]", settings: "Settings") -> "dict[str, list[Sink]]":
    """Who hears when a bot is given up: whoever hears of its errors."""
    from runner.cli.sinks import sinks_of

    found = {}
    for one in compiled:
        to = [sink.to for sink in one.document.alerts if "error" in sink.events]
        found[one.document.name] = sinks_of(to, settings) if to else []
    return found


class Desk:
    """Hears what happens to the bots, says so, and looks at what they lose together."""

    def __init__(
        self,
        names: list[str],
        wanted: Wanted,
        settings: "Settings",
        sinks: "dict[str, list[Sink]]",
        stack: ExitStack,
    ) -> None:
        from runner.live.account_loss import AccountDay

        limit = settings.text_or_none("account.daily_loss")
        self.limit_usdt = float(limit) if limit else None
        self.alarms: list[asyncio.Task[None]] = []
        self._names, self._wanted, self._sinks = names, wanted, sinks
        self._day, self._looks, self._unfollowed = AccountDay(), 0, set[str]()
        self._journals: dict[str, Journal] = {}
        self._stack = stack

    def hear(self, happened: "Happened") -> None:
        """Something happened to a bot."""
        if happened.what == "said":
            self._said(happened)
            return
        self.say(happened.bot, happened.what, **_figures(happened))
        if happened.what == "gave_up":
            self.alarm(happened.bot, f"given up after {happened.figure:.0f} failures in a row")

    def say(self, bot: str, event: str, **more: object) -> None:
        """One line."""
        if self._wanted.as_json:
            click.echo(json.dumps({"version": 1, "bot": bot, "event": event, **more}))
            return
        words = ", ".join(f"{name.replace('_', ' ')} {figure}" for name, figure in more.items())
        click.echo(f"{bot:<20} {event.replace('_', ' ')}{f': {words}' if words else ''}")

    def alarm(self, bot: str, text: str) -> None:
        """Tell whoever hears of the bot's errors; without waiting for it."""
        from runner.cli.alerts import sent_to
        from runner.domain.alert import alert

        sinks = self._sinks.get(bot)
        if not sinks:
            return
        message = alert("error", "critical", f"{bot}: {text}", run=WHO, time_ms=now_ms(), about=text)

        async def send() -> None:
            for outcome in await asyncio.to_thread(sent_to, sinks, ALARM_MS, message):
                if outcome.why:
                    self.say(bot, "alarm_failed", sink=outcome.sink, why=outcome.why)

        self.alarms.append(asyncio.get_running_loop().create_task(send()))

    async def watch(self) -> None:
        """Every second: now and then, what the account lost."""
        self._looks += 1
        if self.limit_usdt is None or self._looks % LOOK_EVERY:
            return
        try:
            self._follow()
            day, made_usdt = self._day.read()
            if made_usdt <= -self.limit_usdt:
                self._trip(day, -made_usdt)
        except JournalFailed as fault:
            self.say("", "account_unknown", why=str(fault))

    def _said(self, happened: "Happened") -> None:
        """A bot's own line: its run is followed from here on."""
        try:
            told = json.loads(happened.text)
        except ValueError:
            click.echo(f"{happened.bot}: {happened.text}", err=True)
            return
        if told.get("event") == "started":
            self._unfollowed.add(told["run"])
            self.say(happened.bot, "runs", run=told["run"], health_port=told["health_port"])

    def _follow(self) -> None:
        """Find the journal of each new run."""
        from runner.cli.journals import journal_urls
        from runner.journal.write import open_journal

        for url in journal_urls() if self._unfollowed else ():
            if url not in self._journals:
                self._journals[url] = self._stack.enter_context(open_journal(url))
            for run in sorted(self._unfollowed):
                if self._journals[url].read.run(run) is not None:
                    self._day.follow(self._journals[url], run)
                    self._unfollowed.discard(run)

    def _trip(self, day: int, lost_usdt: float) -> None:
        """Close and halt all of them, once a day: who resumes on the same day has been told."""
        from runner.domain.entry import Entry
        from runner.domain.session_event import Commanded, Halted
        from runner.journal.build import build_id

        why = f"the bots lost {lost_usdt:,.2f} USDT together today, the limit is {self.limit_usdt:,.2f} USDT"
        for name, one in self._day.runs.items():
            run = one.journal.read.run(name)
            if run is None or _is_tripped(one.journal, name, day):
                continue
            events = (Commanded(COMMAND, (str(day),), WHO, why), Halted("flatten", why, WHO))
            one.journal.append(*(Entry(name, now_ms(), event, run.bot_hash, build_id()) for event in events))
            self.say(run.bot, "halted", why=why)
            self.alarm(run.bot, why)


def _is_tripped(journal: "Journal", run: str, day: int) -> bool:
    from runner.domain.session_event import Commanded

    return any(
        isinstance(line.entry.event, Commanded)
        and line.entry.event.command == COMMAND
        and line.entry.event.arguments == (str(day),)
        for line in journal.read.entries(run=run, kinds=("commanded",))
    )


def _figures(happened: "Happened") -> dict[str, object]:
    match happened.what:
        case "started":
            return {"pid": int(happened.figure)}
        case "ended":
            return {"exit_code": int(happened.figure)}
        case "waits":
            return {"seconds": happened.figure}
        case _:
            return {"failures": int(happened.figure)}
