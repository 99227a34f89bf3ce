"""The documents tell the truth: every command, option, key, indicator and limit, and no other."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from indicators import REGISTRY
from runner.bot.model import LATER_KEYS
from runner.bot.read import read_text
from runner.cli import COMMANDS, cli
from runner.compiler.check import check_document

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LANGUAGE = (ROOT / "bots" / "README.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "schemas" / "bot.v1.json").read_text(encoding="utf-8"))
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(text) if kind == language]


def keys_of(schema: object) -> set[str]:
    """Every key that a document may have, but for the settings of indicators and free names."""
    if isinstance(schema, list):
        return set().union(*map(keys_of, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    found = set(schema.get("properties", {}))
    return found.union(*(keys_of(part) for part in schema.values()))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_names_every_command(command: str) -> None:
    assert re.search(rf"`{command}[ `]|runner {command}\b", README), command


@pytest.mark.parametrize("kind", REGISTRY)
def test_the_language_page_names_every_indicator(kind: str) -> None:
    assert f"`{kind}`" in LANGUAGE


def test_the_language_page_names_every_key() -> None:
    settings = {parameter.name for indicator in REGISTRY.values() for parameter in indicator.parameters}
    missing = [
        key for key in keys_of(SCHEMA) - settings - set(LATER_KEYS) if not re.search(rf"\b{key}\b", LANGUAGE)
    ]
    assert not missing


def example_lines() -> list[str]:
    lines = []
    for text in (README, LANGUAGE):
        for block in blocks(text, "sh"):
            lines += [
                line.split("  #")[0].strip() for line in block.splitlines() if line.startswith("runner ")
            ]
        lines += re.findall(r"`(runner [a-z][^`]*)`", text)
    return lines


@pytest.mark.parametrize("line", example_lines())
def test_every_command_line_in_the_documents_parses(line: str) -> None:
    words = shlex.split(line.replace("\\|", "|"))[1:]
    command: click.Command | None = cli
    context = click.Context(cli, info_name="runner")
    while isinstance(command, click.Group) and words:
        command = command.get_command(context, words.pop(0))
        assert command is not None, line
    assert command is not None
    options = {name for parameter in command.params for name in parameter.opts}
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in options, f"{line}: {word}"


def test_make_targets_in_the_readme_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for target in re.findall(r"\bmake ([a-z-]+)", README):
        assert target in targets


def test_the_examples_of_the_language_page_make_one_bot_without_a_fault() -> None:
    """Its blocks, put together, are a document: what a reader copies works."""
    merged: dict[str, list[str]] = {}
    for block in blocks(LANGUAGE, "yaml"):
        section = ""
        for line in block.splitlines():
            top = re.match(r"([a-z_]+):", line)
            if top:
                section = top[1]
                merged.setdefault(section, [line])
            elif section and line.strip():
                merged[section].append(line)
    text = "\n".join(line for lines in merged.values() for line in lines) + "\n"
    text = text.replace(
        "indicators:",
        "indicators:\n  ema_slow: {kind: ema, length: 55}\n  adx: {kind: adx}\n  atr: {kind: atr}",
    )
    text = text.replace("parameters:", "parameters:\n  adx_floor: {default: 22, min: 15, max: 35}")
    document, problems, source = read_text(text, "page.yaml")
    assert document is not None, problems
    problems += check_document(document, source)
    assert not [problem for problem in problems if problem.severity == "error"], problems


def test_the_report_in_the_readme_has_the_shape_of_today() -> None:
    report = next(block for block in blocks(README, "text") if "Net profit" in block)
    for words in ("favourable", "Buy and hold", "signals refused", "note:", "Sortino"):
        assert words in report
