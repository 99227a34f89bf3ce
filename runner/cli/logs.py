"""The log of a command that runs for long: what the settings say, on standard error and in RUNNER_HOME/logs.

In: settings, the options of a command. Out: a log that is open until the command ends.
Refuses to know: what is logged.
"""

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.logs.output import LogOutput
    from runner.settings.load import Settings

    _Command = TypeVar("_Command", bound=Callable[..., Any])


def log_options(command: "_Command") -> "_Command":
    """`--log-level` and `--log-format`, handed on as `log_level` and `log_format`; None: not given."""
    level = click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        help="The least important messages that are logged.  [default: log.level, info]",
    )
    form = click.option(
        "--log-format",
        type=click.Choice(["auto", "text", "json"]),
        help="text for people, json for machines; auto: text on a terminal.  [default: log.format, auto]",
    )
    return level(form(command))


def open_log(settings: "Settings", name: str) -> "LogOutput":
    """The log of a bot's process; what the settings hold as secret stands in no line of it."""
    from runner.data.home import runner_home
    from runner.logs.output import set_up
    from runner.logs.redact import redact

    for secret in settings.secrets():
        redact.register(secret)
    form = settings.text("log.format")
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    return set_up(
        level=settings.text("log.level"),
        form="text" if as_text else "json",
        stream=sys.stderr,
        folder=runner_home() / "logs",
        name=name,
    )
