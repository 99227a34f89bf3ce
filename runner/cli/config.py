"""`runner config`: every setting with its value, and who said it.

In: nothing but the environment and runner.toml. Out: text or JSON on stdout, secrets hidden.
Refuses to know: what the settings are for.
"""

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.settings.load import Settings

JSON_VERSION = 1


@click.command()
@click.option("--origin", is_flag=True, help="Also say where each value comes from.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (version 1), origins included.")
def command(origin: bool, as_json: bool) -> None:
    """Show the settings in force. Secrets are hidden.

    \b
    runner config
    runner config --origin
    RUNNER_LOG_LEVEL=debug runner config --origin

    A setting is an option of a command, else a variable (RUNNER_LOG_LEVEL), else a line of ./runner.toml,
    else a line of runner.toml in RUNNER_HOME, else the default:

    \b
    [log]
    level = "debug"

    Where keys, records and addresses lie is not taken from ./runner.toml, which may be somebody else's.
    """
    from runner.cli.settings import settings_now

    settings = settings_now()
    click.echo(_as_json(settings) if as_json else _as_text(settings, origin), nl=False)


def _as_text(settings: "Settings", with_origin: bool) -> str:
    from runner.settings.table import SETTINGS

    rows = [(one, _spelled(settings.shown(one.name)), settings.origin(one.name)) for one in SETTINGS]
    wide = max(len(shown) for _, shown, _ in rows)
    lines = []
    for setting, shown, said in rows:
        tail = (said.where if said.layer != "default" else "default") if with_origin else setting.help
        lines.append(f"{setting.name:<22} {shown:<{wide}}  {tail}".rstrip())
    return "\n".join(lines) + "\n"


def _as_json(settings: "Settings") -> str:
    from runner.settings.table import SETTINGS

    said = {
        one.name: {
            "value": settings.shown(one.name),
            "layer": settings.origin(one.name).layer,
            "where": settings.origin(one.name).where,
            "variable": one.variable,
            "help": one.help,
        }
        for one in SETTINGS
    }
    body = {"version": JSON_VERSION, "settings": said, "warnings": list(settings.warnings)}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _spelled(shown: str | int | bool | None) -> str:
    if shown is None:
        return "-"
    return str(shown).lower() if isinstance(shown, bool) else str(shown)
