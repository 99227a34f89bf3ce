"""`runner fmt`: the canonical spelling of a bot file; comments stay, the bot's hash too.

In: files. Out: the same files rewritten whole, or with --check a list of those that would change.
Refuses to know: what is canonical.
"""

import os
import tempfile
from pathlib import Path

import click


@click.command()
@click.argument("bots", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="BOT...")
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; exit code 1 when a file would change."
)
def command(bots: tuple[Path, ...], only_check: bool) -> None:
    """Rewrite bot files in the canonical spelling. Comments and the bot's hash stay as they are.

    \b
    runner fmt bots/btc_trend.yaml
    runner fmt --check bots/*.yaml
    """
    from runner.bot.format import format_text
    from runner.bot.problem import has_errors, ordered
    from runner.bot.read import read_bot
    from runner.bot.render import render_text
    from runner.compiler.expression import spelling

    changed, refused = [], False
    for path in bots:
        _, problems, source = read_bot(path)
        if has_errors(problems):
            click.echo(render_text([(source, ordered(problems))]), err=True, nl=False)
            refused = True
            continue
        formatted, _ = format_text(source.text, source.file, spelling)
        if formatted == source.text:
            continue
        changed.append(path)
        if not only_check:
            _replace(path, formatted)
        click.echo(f"{'would rewrite' if only_check else 'rewrote'} {path}")
    if not changed and not refused:
        click.echo("nothing to change")
    if refused or (changed and only_check):
        click.get_current_context().exit(1)


def _replace(path: Path, text: str) -> None:
    """All of the new text or all of the old."""
    mode = path.stat().st_mode
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
