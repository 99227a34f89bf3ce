"""The settings for whichever command asks: of this process, this folder, this home.

In: the options that were given, by the setting's name. Out: Settings; a strange variable is told on stderr.
Refuses to know: what they are for.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.settings.load import Settings


def settings_now(flags: dict[str, str | None] | None = None) -> "Settings":
    """Flag over environment over runner.toml over default; options that are None were not given."""
    from runner.cli.vault import hide
    from runner.data.home import runner_home
    from runner.settings.load import load_settings

    given = {name: text for name, text in (flags or {}).items() if text is not None}
    settings = load_settings(home=runner_home(), folder=Path.cwd(), environ=os.environ, flags=given)
    for secret in settings.secrets():
        hide(secret)
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    return settings
