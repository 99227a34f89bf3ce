"""`runner versions BOT`: every text of a bot that a recorded run has run.

In: a bot's file or name. Out: a line for each version, the newest first; or JSON.
Refuses to know: version control; the journal remembers by itself.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import journals

if TYPE_CHECKING:
    from runner.journal.rows import BotVersion, Run


@click.command()
@click.argument("bot", metavar="BOT")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(bot: str, as_json: bool) -> None:
    """List the recorded versions of a bot, and the runs of each. BOT is a file or a bot's name.

    \b
    runner versions bots/btc_trend.yaml
    runner show HASH            runner diff HASH HASH
    runner rollback bots/btc_trend.yaml --to HASH --why "the old one did better"
    """
    name, current = name_and_hash(bot)
    with journals.known() as opened:
        versions = [version for journal in opened for version in journal.read.versions(name)]
        runs = [run for journal in opened for run in journal.read.runs(bot=name)]
    versions.sort(key=lambda version: version.last_ms, reverse=True)
    if as_json:
        told = [version._asdict() | {"current": version.text_hash == current} for version in versions]
        click.echo(json.dumps(told, indent=2))
        return
    if not versions:
        click.echo(f"no run of {name} is recorded; {journals.NOTHING_YET}", err=True)
        return
    for version in versions:
        click.echo("\n".join(_lines(version, runs, version.text_hash == current)))
    if current is not None and current not in {version.text_hash for version in versions}:
        click.echo(f"{bot} as it is now ({current[:12]}) has not been recorded")


def name_and_hash(bot: str) -> tuple[str, str | None]:
    """A bot's name, and the hash of its file's text when a file was named."""
    import hashlib

    path = Path(bot)
    if not path.is_file():
        return path.stem if path.suffix else bot, None
    return bot_name(path), hashlib.sha256(path.read_bytes()).hexdigest()


def bot_name(path: Path) -> str:
    """The name that the document gives itself; the file's when it cannot be read."""
    from runner.bot.read import read_bot

    document, _, _ = read_bot(path)
    return document.name if document is not None else path.stem


def _lines(version: "BotVersion", runs: "list[Run]", is_current: bool) -> list[str]:
    from runner.domain.time import format_time

    own = [run for run in runs if run.text_hash == version.text_hash]
    mark = "  ← the file as it is now" if is_current else ""
    when = format_time(version.last_ms // 1000 * 1000)
    count = "1 run" if len(own) == 1 else f"{len(own)} runs"
    lines = [
        f"{version.text_hash[:12]}  bot hash {version.bot_hash[:7] or '–'}  last {when} UTC  {count}{mark}"
    ]
    for run in own[:3]:
        net = "" if run.net_pnl_usdt is None else f"  {run.net_pnl_usdt:+,.2f} USDT, {run.trades} trades"
        sets = "" if run.bot_hash == version.bot_hash else "  with --set"
        lines.append(f"    {run.run}{net}{sets}")
    if len(own) > 3:
        lines.append(f"    … and {len(own) - 3} more")
    return lines
