"""`runner show`: a bot as it will be run, every default filled in; or its hash.

In: a bot's file. Out: YAML, JSON or the hash on stdout.
Refuses to know: what the defaults are.
"""

import json
from pathlib import Path

import click

from runner.cli import bots


@click.command()
@bots.BOT
@click.option("--resolved", is_flag=True, help="With every default filled in (the default).", default=True)
@click.option("--hash", "only_hash", is_flag=True, help="Print the bot hash alone.")
@bots.SETS
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(bot: Path, resolved: bool, only_hash: bool, sets: tuple[str, ...], as_json: bool) -> None:
    """Print a bot with every default filled in and units in one spelling.

    \b
    runner show bots/btc_trend.yaml
    runner show bots/btc_trend.yaml --hash
    """
    from runner.bot.canonical import bot_hash, resolve
    from runner.bot.write import write_yaml
    from runner.compiler.expression import identity, spelling

    document, _ = bots.load_document(bot, sets)
    found_hash = bot_hash(document, identity)
    if only_hash:
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
