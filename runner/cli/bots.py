"""What every command does with a bot's file: read it, show its findings, compile it.

In: a path and `--set` texts. Out: a compiled bot, or findings on stderr and exit code 1.
Refuses to know: what the command then does.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.bot.model import Document
    from runner.bot.problem import Problem
    from runner.bot.source import Source
    from runner.compiler.build import Compiled

BOT = click.argument("bot", type=click.Path(path_type=Path), metavar="BOT")
SETS = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Another number for a declared parameter, such as fast=13. May be repeated.",
)


def load_document(
    bot: Path, sets: tuple[str, ...] = (), for_mode: str | None = None
) -> "tuple[Document, Source]":
    """The document with its overrides; with errors, shows them and leaves with exit code 1."""
    from runner.bot.canonical import apply_overrides
    from runner.bot.read import read_bot
    from runner.compiler.check import check_document

    document, problems, source = read_bot(bot, for_mode)
    if document is not None:
        document, refused = apply_overrides(document, overrides(sets))
        problems = [*problems, *refused, *check_document(document, source)]
    stop_on_errors(source, problems)
    assert document is not None
    return document, source


def load_compiled(bot: Path, sets: tuple[str, ...] = (), for_mode: str | None = None) -> "Compiled":
    """The same, compiled."""
    from runner.modes import compile_bot

    document, source = load_document(bot, sets, for_mode)
    compiled, problems = compile_bot(document, source)
    stop_on_errors(source, [problem for problem in problems if problem.severity == "error"])
    assert compiled is not None
    return compiled


def overrides(sets: tuple[str, ...]) -> dict[str, float | str]:
    """`--set` texts as names and numbers."""
    numbers: dict[str, float | str] = {}
    for text in sets:
        name, equals, number = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set {text}: write --set NAME=NUMBER, such as --set fast=13")
        numbers[name.strip()] = number.strip()
    return numbers


def stop_on_errors(source: "Source", problems: "list[Problem]") -> None:
    """Findings go to stderr; an error among them ends the command."""
    from runner.bot.problem import has_errors, ordered
    from runner.bot.read import suppress
    from runner.bot.render import render_text

    problems, _ = suppress(ordered(problems), source)
    if problems:
        click.echo(render_text([(source, problems)]), err=True, nl=False)
    if has_errors(problems):
        click.get_current_context().exit(1)
