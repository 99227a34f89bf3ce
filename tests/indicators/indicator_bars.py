"""Bars for the indicator tests: a seeded walk with fat tails, and real ones where they are at hand.

In: a seed, a name. Out: {column: array (n,)}, read-only, so that an indicator that writes to its input fails.
Refuses to know: single indicators; what they take and need is read from REGISTRY.
"""

import importlib.util
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import indicators
from indicators import REGISTRY

Table = Mapping[str, np.ndarray]
Settings = dict[str, float]

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
USUAL_LENGTH = 21


def walk(rows: int, seed: int = 7) -> Table:
    """A random walk: Student's t with three degrees of freedom, calm and wild stretches, fat volumes."""
    random = np.random.default_rng(seed)
    wildness = np.exp(np.cumsum(random.normal(0.0, 0.05, rows)) * 0.3)
    close = 20_000.0 * np.exp(np.cumsum(random.standard_t(3, rows) * 0.002 * wildness))
    opened = np.concatenate(([20_000.0], close[:-1]))
    high = np.maximum(opened, close) * (1.0 + np.abs(random.standard_t(3, rows)) * 0.001)
    low = np.minimum(opened, close) / (1.0 + np.abs(random.standard_t(3, rows)) * 0.001)
    prices = {"open": opened, "high": high, "low": low, "close": close}
    ticked = {name: np.round(column * 1024.0) / 1024.0 for name, column in prices.items()}  # × 10 stays exact
    return frozen({**ticked, "volume": random.pareto(2.0, rows)})


def real(name: str, start: int, stop: int) -> Table:
    """Rows [start, stop) of a file of real candles; skips the test where there is none."""
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"no real candles here: ../shared/data/{name}.parquet is not beside the repository")
    from pyarrow import parquet

    table = parquet.read_table(path)
    columns = ("open", "high", "low", "close", "volume")
    return frozen({column: table[column].to_numpy()[start:stop].astype(np.float64) for column in columns})


def frozen(table: Table) -> Table:
    for column in table.values():
        column.flags.writeable = False
    return table


def rows_of(table: Table, start: int, stop: int) -> Table:
    return {name: column[start:stop] for name, column in table.items()}


def run(
    kind: str, settings: Settings, table: Table, compute: Callable[[str], Any] = indicators.compute
) -> Any:
    """The outputs of a kind on a table; "input" reads the close."""
    columns = (table["close" if name == "input" else name] for name in REGISTRY[kind].inputs)
    return compute(kind)(*columns, **settings)


def settings_of(kind: str, scale: float = 1.0) -> Settings:
    """The default settings, or these made shorter or longer; always within the limits of the record."""
    settings: Settings = {}
    for parameter in REGISTRY[kind].parameters:
        number = (USUAL_LENGTH if parameter.default is None else parameter.default) * scale
        number = math.ceil(number) if parameter.whole else number
        settings[parameter.name] = min(max(number, parameter.minimum), parameter.maximum)
    return settings


CASES = [
    pytest.param(kind, settings_of(kind, scale), id=f"{kind}-{word}")
    for kind in REGISTRY
    for word, scale in (("least", 0.0), ("short", 0.25), ("usual", 1.0), ("long", 4.0))
]
"""Every kind of the registry with four sets of settings. A new record is in here by itself."""


def load_compiled() -> ModuleType:
    """The package a second time under another name, its loops compiled; skips where numba is missing."""
    name = "indicators_compiled_by_test"
    if name not in sys.modules:
        numba = pytest.importorskip(
            "numba", reason="numba is not installed (extra `fast`): nothing to compare with"
        )
        spec = importlib.util.spec_from_file_location(name, str(indicators.__file__))
        assert spec is not None
        assert spec.loader is not None
        kernel = ModuleType(f"{name}.kernel")
        kernel.kernel = numba.njit  # type: ignore[attr-defined]
        package = importlib.util.module_from_spec(spec)
        sys.modules |= {name: package, kernel.__name__: kernel}
        spec.loader.exec_module(package)
    return sys.modules[name]
