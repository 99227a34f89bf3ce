"""`runner rollback BOT --to HASH`: a bot's file as it was.

In: a file, a recorded version, who and why. Out: an entry in the journal, then the file, written whole.
Refuses to know: how a session takes over a position (it follows what the entry says).
"""

import hashlib
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import journals
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.domain.session_event import Handover, RolledBack
    from runner.journal.rows import PositionRow
    from runner.journal.write import Journal

MEANINGS = {
    "adopt": "the version written now takes it over, with its own stop and exits",
    "run-off": "the version it was opened by keeps its stop and exits until it is flat; no new entry before",
    "flatten": "it is closed at the market when the bot starts again",
}


@click.command()
@click.argument("bot", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="BOT")
@click.option(
    "--to", "prefix", required=True, metavar="HASH", help="The version, or the beginning of its hash."
)
@click.option("--why", required=True, metavar="TEXT", help="The reason; it is recorded.")
@click.option("--who", metavar="NAME", help="Who does it.  [default: the user of this computer]")
@click.option(
    "--position", type=click.Choice(list(MEANINGS)), help="What becomes of a position that the bot holds."
)
@click.option("--force", is_flag=True, help="Also over edits that are neither recorded nor committed.")
def command(
    bot: Path, prefix: str, why: str, who: str | None, position: "Handover | None", force: bool
) -> None:
    """Write a recorded version back into a bot's file.

    \b
    runner versions bots/btc_trend.yaml
    runner rollback bots/btc_trend.yaml --to 3f2a9c --why "the new exit loses in calm weeks"

    What the file holds now is kept in the journal, so that a rollback can be rolled back. A running session
    goes on with what it has; the next one reads the file. With an open position, --position says what becomes
    of it: adopt (the version written now takes it over), run-off (the old rules keep it until it is flat, no
    new entry before), flatten (it is closed when the bot starts again).
    """
    import getpass

    from runner.cli.versions import bot_name
    from runner.domain.session_event import RolledBack

    name, before = bot_name(bot), bot.read_bytes().decode("utf-8")
    with journals.known() as opened:
        journal, version = journals.version_named(opened, prefix, name)
        text = journal.read.text(version.text_hash)
        if text == before:
            click.echo(f"{bot} is this version already; nothing was written")
            return
        if not force:
            _refuse_unrecorded(bot, before, opened)
        held = [row for each in opened for row in each.read.open_positions(name)]
        _refuse_undecided(held, position)
        event = RolledBack(
            bot=name,
            file=str(bot),
            before_hash=_hash(before),
            text_hash=version.text_hash,
            who=who or getpass.getuser(),
            why=why,
            position=position if held else None,
        )
        _record(opened, event, version.bot_hash, (before, text))
    _write(bot, text)
    click.echo(
        f"{bot} is version {version.text_hash[:12]} again; what it was is kept as {_hash(before)[:12]}"
    )
    if held and position is not None:
        click.echo(f"the open position: {MEANINGS[position]}")


def _record(opened: "list[Journal]", event: "RolledBack", bot_hash: str, texts: tuple[str, str]) -> None:
    """Before the file is touched, in every journal that knows the bot: a file that changed has a reason."""
    from runner.domain.entry import Entry
    from runner.journal.build import build_id
    from runner.journal.write import Text

    kept = [Text("document", text) for text in texts]
    entry = Entry("", time.time_ns() // 1_000_000, event, bot_hash, build_id())
    for journal in opened:
        if journal.read.versions(event.bot):
            journal.append(entry, texts=kept)


def _write(bot: Path, text: str) -> None:
    from runner.durable import sync_directory, write_whole

    path = bot.resolve()
    mode = path.stat().st_mode
    write_whole(path, text.encode("utf-8"))
    path.chmod(mode)
    sync_directory(path.parent)


def _refuse_unrecorded(bot: Path, before: str, opened: "list[Journal]") -> None:
    recorded = {version.text_hash for journal in opened for version in journal.read.versions()}
    if _hash(before) in recorded or _is_committed(bot):
        return
    raise UsageError(
        f"{bot} holds edits that are neither recorded (by a run with --record) nor committed to git; "
        "commit them, or add --force: the journal then keeps them"
    )


def _is_committed(bot: Path) -> bool:
    """Whether git has this very text."""
    git = shutil.which("git")
    if git is None:
        return False
    asked = [git, "-C", str(bot.resolve().parent), "status", "--porcelain", "--ignored", "--", bot.name]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    return told.returncode == 0 and told.stdout.strip() == ""


def _refuse_undecided(held: "list[PositionRow]", position: "Handover | None") -> None:
    if not held or position is not None:
        return
    lines = [f"  {row.symbol}: {row.quantity} since run {row.run}" for row in held]
    lines += [f"  --position {name}: {meaning}" for name, meaning in MEANINGS.items()]
    raise UsageError("the bot holds a position; say what becomes of it:\n" + "\n".join(lines))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
