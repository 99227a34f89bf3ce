"""`runner diff A B`: what changed between two versions of a bot.

In: files or hashes. Out: a unified diff on stdout; exit code 1 when there is one, as diff has it.
Refuses to know: version control.
"""

import difflib
from pathlib import Path

import click

from runner.cli import journals


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--resolved", is_flag=True, help="Compare with every default filled in and comments left out.")
@click.pass_context
def command(ctx: click.Context, before: str, after: str, resolved: bool) -> None:
    """Compare two versions of a bot; A and B are files or hashes of recorded versions.

    \b
    runner diff 3f2a9c bots/btc_trend.yaml
    runner diff 3f2a9c 81d0e4 --resolved
    """
    texts = []
    for named in (before, after):
        text, label = text_named(named)
        texts.append((_resolved(text, label) if resolved else text, label))
    (old, old_label), (new, new_label) = texts
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), old_label, new_label
    )
    said = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
    if not said:
        click.echo("no difference", err=True)
        return
    click.echo(said, nl=False)
    if not resolved and _resolved(old, old_label) == _resolved(new, new_label):
        click.echo("only comments and spelling differ: it is the same bot", err=True)
    ctx.exit(1)


def text_named(named: str) -> tuple[str, str]:
    """A file's text, or a recorded version's; and what to call it."""
    path = Path(named)
    if path.is_file():
        return path.read_text(encoding="utf-8"), named
    with journals.known() as opened:
        journal, version = journals.version_named(opened, named)
        return journal.read.text(version.text_hash), f"{version.bot} {version.text_hash[:12]}"


def _resolved(text: str, label: str) -> str:
    from runner.bot.canonical import resolve
    from runner.bot.read import read_text
    from runner.bot.write import write_yaml
    from runner.cli import bots
    from runner.compiler.expression import spelling

    document, problems, source = read_text(text, label)
    bots.stop_on_errors(source, problems)
    assert document is not None
    return write_yaml(resolve(document, spelling))
