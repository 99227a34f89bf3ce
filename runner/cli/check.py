"""`runner check`: every finding of every bot file, at once.

In: files (default: bots/*.yaml). Out: findings on stdout; exit code 1 when there is an error.
Refuses to know: what is looked for.
"""

import os
from pathlib import Path

import click

FORMATS = ("text", "json", "github", "sarif")


@click.command()
@click.argument("bots", nargs=-1, type=click.Path(path_type=Path), metavar="[BOT...]")
@click.option(
    "--for",
    "for_mode",
    type=click.Choice(["backtest", "paper", "testnet", "live"]),
    help="Judge for this mode: testnet and live turn warnings that cost money into errors.",
)
@click.option(
    "--format", "shape", type=click.Choice(FORMATS), help="[default: text; github inside GitHub Actions]"
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(bots: tuple[Path, ...], for_mode: str | None, shape: str | None, as_json: bool) -> None:
    """Find every fault in bot files, each with its line, column and a hint.

    \b
    runner check                            all of bots/
    runner check bots/btc_trend.yaml --for live
    runner check --format sarif > findings.sarif
    """
    from runner.bot import render
    from runner.bot.problem import has_errors, ordered
    from runner.bot.read import read_bot, suppress
    from runner.compiler.check import check_document

    files = bots or tuple(
        path for path in sorted(Path("bots").glob("*.yaml")) if not path.name.endswith(".test.yaml")
    )
    if not files:
        raise click.UsageError("no bot named, and there is no bots/*.yaml here; 'runner new NAME' writes one")
    checked = []
    for path in files:
        document, problems, source = read_bot(path, for_mode)
        if document is not None:
            problems = problems + check_document(document, source)
        checked.append((source, suppress(ordered(problems), source)[0]))
    shape = "json" if as_json else shape or ("github" if os.environ.get("GITHUB_ACTIONS") else "text")
    renderers = {
        "text": render.render_text,
        "json": render.render_json,
        "github": render.render_github,
        "sarif": render.render_sarif,
    }
    click.echo(renderers[shape](checked), nl=False)
    if shape == "text" and not any(problems for _, problems in checked):
        click.echo(f"{len(files)} bot{'s' if len(files) > 1 else ''}: nothing to find")
    if any(has_errors(problems) for _, problems in checked):
        click.get_current_context().exit(1)
