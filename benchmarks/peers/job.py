"""What every engine is given and has to tell: one job, one clock.

In: the command line of a `by_*` module. Out: the bars as a table, and the answer as a JSON file.
Refuses to know: engines, runner.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

# The same in bots/peers_cross.yaml.
CAPITAL_USDT, NOTIONAL_USDT = 1_000_000.0, 500_000.0
STOP, TARGET = 0.02, 0.04
MAKER, TAKER, SLIPPAGE = 0.0002, 0.0005, 0.0002


class Job(NamedTuple):
    """Bars in a Parquet file, two lengths, how often to run, where to tell."""

    bars: Path
    lengths: tuple[int, int]
    calls: int
    answer: Path


def read_job() -> Job:
    """The command line."""
    options = argparse.ArgumentParser()
    options.add_argument("bars", type=Path)
    options.add_argument("fast", type=int)
    options.add_argument("slow", type=int)
    options.add_argument("calls", type=int)
    options.add_argument("answer", type=Path)
    chosen = options.parse_args()
    return Job(chosen.bars, (chosen.fast, chosen.slow), chosen.calls, chosen.answer)


def read_table(job: Job) -> Any:
    """The bars: columns open high low close volume, indexed by their opening."""
    table = pd.read_parquet(job.bars)
    table.index = pd.to_datetime(table.pop("timestamp"), unit="ms", utc=True).dt.tz_localize(None)
    table.index.name = None
    return table


def timed(call: Callable[[], int], job: Job) -> None:
    """Call as often as the job says; tell how long each call took and how many trades the last one made."""
    seconds, trades = [], 0
    for _ in range(job.calls):
        started = time.perf_counter()
        trades = call()
        seconds.append(time.perf_counter() - started)
    job.answer.write_text(json.dumps({"seconds": seconds, "trades": trades}), encoding="utf-8")
