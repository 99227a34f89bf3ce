"""The layers of ARCHITECTURE.md, as data. Imports point down only; a module that is in no layer fails."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From top to bottom. A package may import packages of lower rows; of its own row only what `WITHIN` allows.
LAYERS = [
    ["runner.__main__"],
    ["runner.cli"],
    ["runner.modes"],
    ["runner.rehearsal"],
    ["runner.backtest", "runner.live", "runner.replay"],
    [
        "runner.data",
        "runner.exchange",
        "runner.health",
        "runner.journal",
        "runner.logs",
        "runner.notify",
        "runner.report",
        "runner.settings",
        "runner.simulator",
        "runner.vault",
    ],
    ["runner.compiler", "runner.core"],
    ["runner.bot"],
    ["runner.domain", "runner.durable", "runner.errors", "indicators", "schemas"],
]
WITHIN = {("runner.domain", "runner.errors")}
# What some packages may import at all, of ours.
ONLY = {
    "runner.core": {"runner.domain"},
    "runner.data": {"runner.domain", "runner.durable", "runner.errors"},
    "runner.exchange": {"runner.domain", "runner.errors"},
    "runner.health": {"runner.domain", "runner.errors"},
    "runner.journal": {"runner.domain", "runner.durable", "runner.errors"},
    "runner.logs": {"runner.domain", "runner.errors"},
    "runner.notify": {"runner.domain", "runner.errors"},
    "runner.report": {"runner.domain", "runner.errors"},
    "runner.settings": {"runner.domain", "runner.errors"},
    "runner.simulator": {"runner.domain", "runner.errors"},
    "runner.vault": {"runner.domain", "runner.errors"},
    "runner.domain": {"runner.errors"},
    "runner.durable": set(),
    "indicators": set(),
    "schemas": set(),
}
# One home for each third-party package.
HOMES = {
    "yaml": {"runner.bot"},
    "jsonschema": {"runner.bot"},
    "pydantic": {"runner.bot"},
    "pydantic_core": {"runner.bot"},
    "numba": {"runner.core.kernel"},
    "pyarrow": {"runner.data"},
    "pandas": {"runner.data"},
    "ccxt": {"runner.exchange"},
    "aiohttp": {"runner.data.archive", "runner.exchange", "runner.health", "runner.simulator"},
    "sqlalchemy": {"runner.journal"},
    "alembic": {"runner.journal"},
    "psycopg": {"runner.journal"},
    "cryptography": {"runner.vault"},
    "keyring": {"runner.vault"},
    "apprise": {"runner.notify.worker"},
    "structlog": {"runner.logs"},
    "prometheus_client": {"runner.health.measures"},
    "click": {"runner.cli"},
    "rich": {"runner.cli.progress"},
}
ANYWHERE = {"numpy"}
PACKAGES = ("runner", "indicators", "schemas")


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


def layer_of(module: str) -> int | None:
    """The row of a module; None when it is in no layer."""
    for row, packages in enumerate(LAYERS):
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            return row
    return None


def package_of(module: str) -> str:
    """The package of the diagram that a module belongs to."""
    return next(
        package
        for packages in LAYERS
        for package in packages
        if module == package or module.startswith(f"{package}.")
    )


def imports_of(module: str, path: Path) -> set[str]:
    """What a module imports, inside functions and under TYPE_CHECKING too; relative ones made absolute."""
    found = set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else base for name in names}
    return found


MODULES = {name: path for name, path in modules().items() if name != "runner"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down_only(module: str) -> None:
    row = layer_of(module)
    assert row is not None, f"{module} is in no layer: put it into one of LAYERS"
    home = package_of(module)
    for imported in imports_of(module, MODULES[module]):
        if imported.split(".")[0] not in PACKAGES or imported == "runner":
            continue
        below = layer_of(imported)
        assert below is not None, f"{module} imports {imported}, which is in no layer"
        other = package_of(imported)
        if other == home:
            continue
        assert below > row or (home, other) in WITHIN, f"{module} must not import {imported}"
        assert home not in ONLY or other in ONLY[home], f"{home} may import only {ONLY[home]}, not {other}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_third_party_package_has_one_home(module: str) -> None:
    import sys

    for imported in imports_of(module, MODULES[module]):
        top = imported.split(".")[0]
        if top in PACKAGES or top in ANYWHERE or top in sys.stdlib_module_names:
            continue
        homes = HOMES.get(top)
        assert homes is not None, f"{module} imports {imported}, which has no home"
        assert any(module == home or module.startswith(f"{home}.") for home in homes), (
            f"{module} imports {imported}, whose home is {sorted(homes)}"
        )


def test_an_import_upwards_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "match.py"
    path.write_text("def f() -> None:\n    from runner.bot import model\n")
    assert imports_of("runner.core.match", path) == {"runner.bot.model"}
    assert layer_of("runner.bot.model") > layer_of("runner.core.match")  # type: ignore[operator]
    assert "runner.bot" not in ONLY["runner.core"]
