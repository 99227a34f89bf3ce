"""How the core is run: as plain Python, or compiled.

In: plan, market and rows as columns. Out: the same loop and the feed that this way of running reads best.
Refuses to know: reports, files. Both engines give equal bits; they differ in start-up and in speed only.

Plain Python leaps over calm bars (`leap.py`), and so is done with most bots before numba would be loaded.
A bot that leaves few bars calm is handed over, in the midst of a run, to the compiled loop, which walks each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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

# Loading numba and its compiled code takes about as long as walking this many bars that need it ...
RELAY_BARS_MIN = 100_000
# ... and compiling for the first time as long as many more; but it is done only once.
COLD_BARS_MIN = 1_000_000
# Compiled code passes every bar, calm or not, and so many of them in the time of one walked by Python.
COMPILED_BARS = 50
# Bars whose indicators are better computed by compiled code, were they all there is to compute.
INDICATOR_BARS_MIN = 2_500_000

_BAR = Bar(0, 0, *(0.0,) * 9)
_ROW = Row(0, 0, 0.0, 0.0, 0.0, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
_FUNDING = Funding(0, 0.0, 0.0)

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Engine:
    """The loop, what it takes a plan as, and how columns become bars, rows and settlements.

    `leaps`: calm bars are passed over instead of walked. `relay(walks, bars)`: who had better go on when so
    many bars are left, of which so many have to be walked; None: nobody.
    """

    name: str
    run: Callable[..., Any]
    plan: Callable[[Plan], Any]
    bars: Callable[[Columns], Any]
    rows: Callable[[Columns], Any]
    settlements: Callable[[Columns], Any]
    places: Callable[[npt.NDArray[Any]], Any]
    indicator: Callable[[str], Callable[..., tuple[npt.NDArray[np.float64], ...]]]
    leaps: bool = False
    relay: "Callable[[int, int], Engine | None]" = lambda _walks, _bars: None


def interpreted_engine() -> Engine:
    """Plain Python over named tuples, made where they are looked at."""
    return Engine(
        name="interpreted",
        run=loop.run,
        plan=lambda plan: plan,
        bars=lambda columns: Lazily(Bar, columns),
        rows=lambda columns: Lazily(Row, columns),
        settlements=lambda columns: Lazily(Funding, columns),
        places=lambda array: array.tolist(),
        indicator=registry.compute,
        leaps=True,
    )


def compiled_engine(cache_root: Path) -> Engine:
    """numba over arrays of records; compiled code is kept under `cache_root`."""
    core = module_of(compiled("runner.core", cache_root), "loop")
    return Engine(
        name="compiled",
        run=core.run,
        plan=record_of,
        bars=lambda columns: records(_BAR, **columns),
        rows=lambda columns: records(_ROW, **columns),
        settlements=lambda columns: records(_FUNDING, **columns),
        places=lambda array: array,
        indicator=_compiled_indicator(cache_root),
    )


def choose_engine(
    bars: int, cache_root: Path, *, runs: int = 1, on_compiling: Callable[[], None] = lambda: None
) -> Engine:
    """The engine for `runs` runs of this many bars; `on_compiling` is called when numba has to compile the
    loop first, which takes half a minute.
    """
    engine = interpreted_engine()
    if not numba_installed():
        return engine

    loaded: list[Engine] = []

    def relay(walks: int, left: int) -> Engine | None:
        spared = (walks - left // COMPILED_BARS) * runs
        if not loaded and spared >= RELAY_BARS_MIN:
            if not cache_is_warm("runner.core", cache_root):
                if spared < COLD_BARS_MIN:
                    return None
                on_compiling()
            loaded.append(compiled_engine(cache_root))
        return loaded[0] if loaded and spared > 0 else None

    many = bars * runs >= INDICATOR_BARS_MIN
    indicator = _compiled_indicator(cache_root) if many else engine.indicator
    return replace(engine, relay=relay, indicator=indicator)


def _compiled_indicator(cache_root: Path) -> Callable[[str], Callable[..., tuple[npt.NDArray[Any], ...]]]:
    compute: Callable[[str], Callable[..., tuple[npt.NDArray[Any], ...]]]
    compute = module_of(compiled("indicators", cache_root), "registry").compute
    return compute


class Lazily(Sequence[Any]):
    """Columns as a sequence of named tuples. A block of them is made when one of its rows is first read: a
    loop that leaps reads few. A 2-d column becomes a field of tuples.
    """

    def __init__(self, make: Callable[..., Any], columns: Columns) -> None:
        self._make, self._columns = make, list(columns.values())
        self._blocks: dict[int, list[Any]] = {}

    def __len__(self) -> int:
        return len(self._columns[0])

    def __getitem__(self, row: Any) -> Any:
        block = self._blocks.get(row >> _SHIFT)
        if block is None:
            block = self._blocks[row >> _SHIFT] = self._filled((row >> _SHIFT) << _SHIFT)
        return block[row & _MASK]

    def _filled(self, start: int) -> list[Any]:
        parts = [column[start : start + _MASK + 1] for column in self._columns]
        return list(map(self._make, *(_listed(part) for part in parts)))


_SHIFT = 4  # 16 rows: enough for whole columns to be read fast, few enough for a lone row
_MASK = (1 << _SHIFT) - 1


def _listed(part: npt.NDArray[Any]) -> list[Any]:
    return list(map(tuple, part.tolist())) if part.ndim > 1 else part.tolist()
