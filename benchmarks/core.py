"""The core's loop alone: nanoseconds a bar, interpreted and compiled.

In: how often to measure, engines to measure, and `--set` texts; candles and caches from RUNNER_HOME.
Out: JSON on stdout, {engine: nanoseconds a bar of one path}, medians.
Refuses to know: targets, processes.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from runner.backtest.engine import Engine, compiled_engine, interpreted_engine
from runner.backtest.feed import payable
from runner.backtest.run import walked
from runner.cli.bots import load_compiled
from runner.compiler.build import Compiled
from runner.compiler.columns import Rows, evaluate
from runner.data.home import cache_root
from runner.domain.series import Market
from runner.modes import Range, load_for

BOT = Path(__file__).with_name("bots") / "minute_cross.yaml"
PATHS = 2  # a backtest walks the adverse and the favourable path
ENGINES: dict[str, Callable[[], Engine]] = {
    "compiled": lambda: compiled_engine(cache_root()),
    "interpreted": interpreted_engine,
}


class Stopwatch:
    """A function and the time spent in it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> Any:
        """Call through."""
        started = time.perf_counter()
        answer = self._function(*arguments)
        self.seconds += time.perf_counter() - started
        return answer


def bar_ns(engine: Engine, compiled: Compiled, market: Market, rows: Rows) -> float:
    """Nanoseconds a bar of one path in the loop of one whole backtest that walks every bar."""
    stopwatch = Stopwatch(engine.run)
    walked(compiled.plan, market, rows, payable(market), replace(engine, run=stopwatch, leaps=False))
    return stopwatch.seconds * 1e9 / PATHS / (len(market.bars) - market.first)


def measured(names: list[str], runs: int, sets: tuple[str, ...]) -> dict[str, float]:
    """Medians for each engine; compiled code is loaded before the clock starts."""
    compiled = load_compiled(BOT, sets)
    market, _ = load_for(compiled, "store", Range(None, None))
    rows = evaluate(compiled.program, market)
    found = {}
    for name in names:
        engine = ENGINES[name]()
        bar_ns(engine, compiled, market, rows)
        found[name] = median(bar_ns(engine, compiled, market, rows) for _ in range(runs))
    return found


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[2].split(","), int(sys.argv[1]), tuple(sys.argv[3:]))))
