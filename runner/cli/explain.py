"""`runner explain`: what a bot does, in plain sentences.

In: a bot's file. Out: sentences on stdout. Refuses to know: how they are made.
"""

import json
from pathlib import Path

import click

from runner.cli import bots


@click.command()
@bots.BOT
@bots.SETS
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list of lines.")
def command(bot: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Say in plain sentences what a bot does: entries, size, exits, worst case, warm-up, liquidation.

    \b
    runner explain bots/btc_trend.yaml
    """
    from runner.compiler.explain import explain

    compiled = bots.load_compiled(bot, sets)
    lines = explain(compiled)
    if as_json:
        click.echo(json.dumps({"bot": compiled.document.name, "lines": lines}, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(lines))
