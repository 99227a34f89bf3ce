"""`runner show`: a bot as it will be run, every default filled in; or its hash; or a recorded version.

In: a bot's file, or the hash of a recorded version. Out: YAML, JSON or the hash on stdout.
Refuses to know: what the defaults are.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import bots

if TYPE_CHECKING:
    from runner.bot.model import Document

_HASH = re.compile(r"[0-9a-f]{4,64}")


@click.command()
@click.argument("bot", metavar="BOT|HASH")
@click.option("--resolved", is_flag=True, help="With every default filled in (the default).", default=True)
@click.option("--source", "as_written", is_flag=True, help="As it was written, comments and all.")
@click.option("--hash", "only_hash", is_flag=True, help="Print the bot hash alone.")
@bots.SETS
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(
    bot: str, resolved: bool, as_written: bool, only_hash: bool, sets: tuple[str, ...], as_json: bool
) -> None:
    """Print a bot with every default filled in and units in one spelling.

    \b
    runner show bots/btc_trend.yaml
    runner show bots/btc_trend.yaml --hash
    runner show 3f2a9c --source          a recorded version, see runner versions
    """
    from runner.bot.canonical import bot_hash, resolve
    from runner.bot.write import write_yaml
    from runner.compiler.expression import identity, spelling

    document, text = _read(bot, sets)
    found_hash = bot_hash(document, identity)
    if as_written:
        click.echo(text, nl=False)
    elif only_hash:
        click.echo(found_hash)
    elif as_json:
        click.echo(
            json.dumps(
                {"bot_hash": found_hash, "document": resolve(document, spelling)},
                indent=2,
                ensure_ascii=False,
            )
        )
    else:
        click.echo(f"# bot hash {found_hash}\n{write_yaml(resolve(document, spelling))}", nl=False)


def _read(bot: str, sets: tuple[str, ...]) -> "tuple[Document, str]":
    """A file's document and text, or those of the version that the journal has under this hash."""
    if _HASH.fullmatch(bot) and not Path(bot).exists():
        from runner.cli import journals
        from runner.cli.recording import compile_text

        with journals.known() as opened:
            journal, version = journals.version_named(opened, bot)
            text = journal.read.text(version.text_hash)
        given = tuple((name, str(number)) for name, number in bots.overrides(sets).items())
        return compile_text(text, f"{version.bot} {version.text_hash[:12]}", given).document, text
    document, source = bots.load_document(Path(bot), sets)
    return document, source.text
