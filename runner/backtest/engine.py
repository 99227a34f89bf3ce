"""How the core is run: as plain Python, or compiled.

In: plan, market and rows as columns. Out: the same loop and the feed that this way of running reads best.
Refuses to know: reports, files. Both engines give equal bits; they differ in start-up and in speed only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from indicators import registry
from runner.core import loop
from runner.core.kernel import cache_is_warm, compiled, module_of, numba_installed
from runner.domain.bar import Bar, Funding, Row
from runner.domain.plan import Plan
from runner.domain.record import record_of, records

# Loading numba costs about as much as interpreting this many bars.
COMPILED_BARS_MIN = 100_000
# Compiling for the first time costs as much as interpreting many more.
COLD_BARS_MIN = 400_000

_BAR = Bar(0, 0, *(0.0,) * 9)
_ROW = Row(0, 0, 0.0, 0.0, 0.0, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
_FUNDING = Funding(0, 0.0, 0.0)

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Engine:
    """The loop, what it takes a plan as, and how columns become bars, rows and settlements."""

    name: str
    run: Callable[..., Any]
    plan: Callable[[Plan], Any]
    bars: Callable[[Columns], Any]
    rows: Callable[[Columns], Any]
    settlements: Callable[[Columns], Any]
    places: Callable[[npt.NDArray[Any]], Any]
    indicator: Callable[[str], Callable[..., tuple[npt.NDArray[np.float64], ...]]]


def interpreted_engine() -> Engine:
    """Plain Python over lists of named tuples."""
    return Engine(
        name="interpreted",
        run=loop.run,
        plan=lambda plan: plan,
        bars=lambda columns: list(map(Bar, *_lists(columns))),
        rows=lambda columns: list(map(Row, *_lists(columns))),
        settlements=lambda columns: list(map(Funding, *_lists(columns))),
        places=lambda array: array.tolist(),
        indicator=registry.compute,
    )


def compiled_engine(cache_root: Path) -> Engine:
    """numba over arrays of records; compiled code is kept under `cache_root`."""
    core = module_of(compiled("runner.core", cache_root), "loop")
    compiled_registry = module_of(compiled("indicators", cache_root), "registry")
    return Engine(
        name="compiled",
        run=core.run,
        plan=record_of,
        bars=lambda columns: records(_BAR, **columns),
        rows=lambda columns: records(_ROW, **columns),
        settlements=lambda columns: records(_FUNDING, **columns),
        places=lambda array: array,
        indicator=compiled_registry.compute,
    )


def choose_engine(bars: int, cache_root: Path) -> Engine:
    """The faster engine for a run of this many bars."""
    if bars >= COMPILED_BARS_MIN and numba_installed():
        for_certain = bars >= COLD_BARS_MIN
        if for_certain or cache_is_warm("runner.core", cache_root):
            return compiled_engine(cache_root)
    return interpreted_engine()


def _lists(columns: Columns) -> list[list[Any]]:
    """Columns as lists; a 2-d column becomes a list of tuples."""
    return [
        list(map(tuple, column.tolist())) if column.ndim > 1 else column.tolist()
        for column in columns.values()
    ]
