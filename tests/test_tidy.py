"""House rules that a reader cannot see at a glance, each with what to do instead."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PURE = ("runner/domain", "runner/core", "runner/compiler", "indicators")
OURS = sorted(
    path for package in ("runner", "indicators", "schemas") for path in (ROOT / package).rglob("*.py")
)

BANNED_IN_PURE = {
    "open": "take the text as an argument",
    "print": "return what should be said",
    "input": "take it as an argument",
    "time": "take an instant in UTC milliseconds",
    "random": "take a seed or the numbers",
    "os": "take the setting as an argument",
    "logging": "return what happened",
    "threading": "the core is single-threaded",
    "asyncio": "async only at the edge",
    "socket": "no I/O in a pure package",
}
BANNED_NAMES = {"amount", "size", "value", "rate", "pct", "percent"}
NAMED_IN = (
    "runner/domain",
    "runner/core",
    "runner/compiler",
    "runner/bot",
    "runner/report",
    "runner/backtest",
)
MODE_WORDS = re.compile(r"\b(backtest|paper|testnet|live|dry_run)\b")
FILE_LINES_MAX, FUNCTION_LINES_MAX = 400, 60
BANNED_FILES = {"utils", "helpers", "common", "manager", "base"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def under(path: Path, folders: tuple[str, ...]) -> bool:
    return relative(path).startswith(tuple(f"{folder}/" for folder in folders))


@pytest.mark.parametrize("path", [path for path in OURS if under(path, PURE)], ids=relative)
def test_pure_packages_have_no_input_output_clock_or_chance(path: Path) -> None:
    # kernel.py is the one door to numba's disk cache; it computes nothing
    if path.name == "kernel.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = []
        if isinstance(node, ast.Import):
            named = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            named = [(node.module or "").split(".")[0]]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            named = [node.func.id]
        for name in named:
            assert name not in BANNED_IN_PURE, f"{relative(path)}: {name}: {BANNED_IN_PURE[name]}"


@pytest.mark.parametrize("path", [path for path in OURS if under(path, NAMED_IN)], ids=relative)
def test_names_say_their_unit(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        bound = []
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound = [node.id]
        elif isinstance(node, ast.arg):
            bound = [node.arg]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound = [node.name]
        for name in bound:
            # the document's own keys are what the language calls them
            if relative(path) == "runner/bot/model.py" and name == "size":
                continue
            assert name not in BANNED_NAMES, f"{relative(path)}:{node.lineno}: '{name}' means several things"


@pytest.mark.parametrize("path", OURS, ids=relative)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES_MAX, f"{relative(path)}: is there a second noun in it?"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{relative(path)}: {node.name} has {lines} lines"


@pytest.mark.parametrize("path", OURS, ids=relative)
def test_every_module_says_what_it_is(path: Path) -> None:
    if path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip():
        return
    document = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert document, f"{relative(path)} has no docstring"
    assert path.stem not in BANNED_FILES, f"{relative(path)}: a noun is missing"


@pytest.mark.parametrize("path", OURS, ids=relative)
def test_nothing_below_the_modes_knows_a_mode(path: Path) -> None:
    # the language names the modes it can be checked for; the folder of the backtest is called so
    if under(path, ("runner/cli", "runner/bot", "runner/backtest")) or relative(path) == "runner/modes.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assert not MODE_WORDS.fullmatch(node.id), f"{relative(path)}:{node.lineno}: {node.id}"
        if isinstance(node, ast.Compare):
            words = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            assert not any(isinstance(word, str) and MODE_WORDS.fullmatch(word) for word in words), (
                f"{relative(path)}:{node.lineno} asks for a mode"
            )


def test_only_the_command_line_catches_everything() -> None:
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
                assert not broad or relative(path) == "runner/cli/__init__.py", (
                    f"{relative(path)}:{node.lineno}"
                )


def test_nothing_names_a_registry_or_a_machine() -> None:
    """Registry settings, and the places of whichever machine the tests run on."""
    places = [re.escape(f"{place}/") for place in (ROOT, Path.home()) if len(place.parts) > 1]
    here = re.compile("|".join([r"index-url", r"extra-index", *places]))
    skipped = {".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis"}
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if any(part in skipped or part.startswith(".venv") for part in parts):
            continue
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".json", ".cfg", ""}:
            found = here.search(path.read_text(encoding="utf-8", errors="replace"))
            assert found is None or path.name == "test_tidy.py", f"{relative(path)}: {found}"
