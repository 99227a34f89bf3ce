"""docs/live.md tells the truth: its commands parse, its settings exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from runner.cli import COMMANDS, cli
from runner.settings.table import BY_NAME, BY_VARIABLE

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")


def command_lines() -> list[str]:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    lines += re.findall(r"`(runner [a-z][^`]*)`", PAGE)
    found = [re.sub(r"^(\w+=\S+ )+", "", line.split("  #")[0].split(" | ")[-1]).strip() for line in lines]
    return [line for line in found if line.startswith("runner ")]


@pytest.mark.parametrize("line", command_lines())
def test_every_command_of_the_page_parses(line: str) -> None:
    words = shlex.split(line)[1:]
    command: click.Command | None = cli
    context = click.Context(cli, info_name="runner")
    while isinstance(command, click.Group) and words:
        command = command.get_command(context, words.pop(0))
        assert command is not None, line
    assert command is not None
    options = {name for parameter in command.params for name in parameter.opts}
    for option in (part for word in words if word.startswith("--") for part in word.split("|")):
        assert option.split("=")[0] in options, f"{line}: {option}"


def test_every_setting_of_the_page_exists() -> None:
    for name in re.findall(r"`((?:session|account|health|vault|exchange)\.[a-z_]+)`", PAGE):
        assert name in BY_NAME, name
    for variable in re.findall(r"\b(RUNNER_[A-Z_]+)", PAGE):
        assert variable in BY_VARIABLE, variable


def test_the_page_knows_the_commands_of_a_running_bot() -> None:
    for command in ("doctor", "up", "status", "halt", "resume", "flatten"):
        assert command in COMMANDS
        assert f"runner {command}" in PAGE
