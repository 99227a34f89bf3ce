"""This project, inside: rules evaluated, both paths walked, the result put together; no files, no report.

In: the two lengths and a job's end; candles from RUNNER_HOME. Out: the answer of a job.
Refuses to know: the other engines.
"""

import argparse
import json
import time
from pathlib import Path

from runner.backtest.engine import choose_engine
from runner.backtest.run import run_backtest
from runner.cli.bots import load_compiled
from runner.data.home import cache_root
from runner.domain.order import END_OF_DATA
from runner.domain.result import Result
from runner.modes import Range, load_for


def main() -> None:
    """Load once, run several times."""
    options = argparse.ArgumentParser()
    options.add_argument("bot", type=Path)
    options.add_argument("calls", type=int)
    options.add_argument("answer", type=Path)
    options.add_argument("--set", dest="sets", action="append", default=[])
    job = options.parse_args()
    compiled = load_compiled(job.bot, tuple(job.sets))
    market, facts = load_for(compiled, "store", Range(None, None))
    engine = choose_engine(len(market.bars), cache_root(), runs=job.calls)  # as `runner run --stress` does
    seconds, trades = [], 0
    for _ in range(job.calls):
        started = time.perf_counter()
        result = run_backtest(compiled, market, facts, engine=engine)
        seconds.append(time.perf_counter() - started)
        trades = trades_of(result)
    job.answer.write_text(
        json.dumps({"seconds": seconds, "trades": trades, "warmup": facts.warmup_bars}),
        encoding="utf-8",
    )


def trades_of(result: Result) -> int:
    """Round trips: each ends where the position is flat or on the other side."""
    before, trades = 0.0, 0
    for fill in result.fills:
        trades += before != 0.0 and before * fill.position_after <= 0.0
        before = fill.position_after
    return trades + (before != 0.0 and result.fills[-1].reason == END_OF_DATA)


if __name__ == "__main__":
    main()
