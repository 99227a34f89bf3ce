"""Rehearsals in bad weather: whatever the faults, a difference has a reason and the books balance.

    python -m tests.rehearsal.storms --seeds 30               30 seeds, each rough and in a storm
    python -m tests.rehearsal.storms --case storm-7-quick     one of them, told

Odd seeds play with a bot that trades every hour or two, even ones with the bots of the house in turn.

In: a number of seeds. Out: counts, what is wrong; exit code 1 when anything is.
Refuses to know: how the bot works, how differences are found.
"""

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from runner.rehearsal.telling import render_text
from runner.rehearsal.whole import Rehearsed
from tests.proof.figures import write_figures
from tests.proof.matrix import progress
from tests.rehearsal.bills import BOTS, BUSY, bill_of, deviation_of, quick_bot, rehearsed

WEATHERS = ("rough", "storm")
QUICK, QUICK_DAY = "quick", ("2024-03-01", "2024-03-02")
HOUSE = tuple(BUSY)
RESIDUAL_USDT_MAX = 0.001


class Case(NamedTuple):
    """One rehearsal. The bot follows from the seed, unless somebody asks for another."""

    weather: str
    seed: int
    bot: str

    def __str__(self) -> str:
        return "-".join(map(str, self))


class Ran(NamedTuple):
    """What came of it. `wrong`: empty when all is well."""

    case: Case
    wrong: tuple[str, ...]
    struck: dict[str, int]
    explained: int
    closes: int
    trades: tuple[int, int]
    residual_usdt: float
    took_s: float
    told: str


def cases(seeds: Sequence[int]) -> list[Case]:
    """Both weathers for each seed."""
    return [Case(weather, seed, _bot_of(seed)) for seed in seeds for weather in WEATHERS]


def _bot_of(seed: int) -> str:
    return QUICK if seed % 2 else HOUSE[seed // 2 % len(HOUSE)]


def run_case(case: Case) -> Ran:
    """One rehearsal, and what is wrong with it."""
    with tempfile.TemporaryDirectory(prefix="runner-storm-") as folder:
        file = quick_bot(Path(folder)) if case.bot == QUICK else BOTS / f"{case.bot}.yaml"
        stretch = QUICK_DAY if case.bot == QUICK else BUSY[case.bot]
        bill = bill_of(file, *stretch, faults=case.weather, seed=case.seed)
        found = rehearsed(bill, Path(folder))
        wrong = (*_wrong(found), *_wrong_ledger(found, Path(folder)))
    counts, verdict = found.verdict.counts, found.verdict
    return Ran(
        case,
        wrong,
        found.played.struck,
        sum(one.is_explained for one in verdict.differences),
        counts.closes,
        (counts.trades_paired, counts.trades),
        verdict.bridge.residual_usdt,
        found.played.took_s,
        f"{found.script}\n\n{render_text(found)}",
    )


def _wrong(found: Rehearsed) -> Iterator[str]:
    verdict, played = found.verdict, found.played
    for one in verdict.unexplained:
        yield f"unexplained: {one.what}"
    if not sum(played.struck.values()):
        yield "no fault struck"
    if not played.is_protected:
        yield f"the position of {played.quantity} has no stop"
    for problem in played.problems:
        yield f"the exchange's books: {problem}"
    if abs(verdict.bridge.residual_usdt) > RESIDUAL_USDT_MAX:
        yield f"residual {verdict.bridge.residual_usdt:+.4f} USDT"


def _wrong_ledger(found: Rehearsed, folder: Path) -> Iterator[str]:
    """What `runner deviation` says of the same run, out of its journal alone."""
    ledger = deviation_of(folder, "sample")
    if abs(ledger["residual_usdt"]) > RESIDUAL_USDT_MAX:
        yield f"runner deviation: residual {ledger['residual_usdt']:+.4f} USDT"
    if abs(ledger["actual_usdt"] - found.verdict.bridge.actual_usdt) > RESIDUAL_USDT_MAX:
        yield f"runner deviation: {ledger['actual_usdt']:+.4f} USDT, the verdict says otherwise"


def run_cases(found: Sequence[Case], jobs: int) -> Iterator[Ran]:
    """All of them, in whichever order they are done."""
    with multiprocessing.get_context("spawn").Pool(jobs, _quiet) as pool:
        yield from pool.imap_unordered(run_case, found)


def _quiet() -> None:
    """Nobody's own store or rules; no logs."""
    logging.disable(logging.CRITICAL)
    os.environ["RUNNER_HOME"] = str(Path(tempfile.gettempdir()) / "runner-storm-home")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal.storms")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--seed0", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--case", help="one rehearsal, told: weather-seed-bot")
    given = parser.parse_args()
    if given.case:
        weather, seed, bot = given.case.split("-")
        _quiet()
        ran = run_case(Case(weather, int(seed), bot))
        print(ran.told, *ran.wrong, sep="\n")
        return 1 if ran.wrong else 0
    return _report(cases(range(given.seed0, given.seed0 + given.seeds)), given.jobs)


def _report(work: Sequence[Case], jobs: int) -> int:
    began, done = time.monotonic(), list[Ran]()
    red: list[str] = []
    for ran in run_cases(work, jobs):
        done.append(ran)
        if ran.wrong:
            red.append(str(ran.case))
            print(f"\nred  {ran.case}\n     " + "\n     ".join(ran.wrong), flush=True)
            print(f"     repeat: python -m tests.rehearsal.storms --case {ran.case}", flush=True)
        progress(len(done), len(work), f"rehearsals, {len(red)} red")
    struck: Counter[str] = Counter()
    for ran in done:
        struck.update(ran.struck)
    figures = {
        "rehearsals": len(done),
        "seeds": len({ran.case.seed for ran in done}),
        "first_seed": min(ran.case.seed for ran in done),
        "closes": sum(ran.closes for ran in done),
        "trades_of_the_backtests": sum(ran.trades[1] for ran in done),
        "trades_made_alike": sum(ran.trades[0] for ran in done),
        "differences_explained": sum(ran.explained for ran in done),
        "largest_residual_usdt": max((abs(ran.residual_usdt) for ran in done), default=0.0),
        "seconds": time.monotonic() - began,
        "faults_struck": dict(sorted(struck.items())),
        "red": red,
    }
    for name, one in figures.items():
        print(f"{name.replace('_', ' '):<26}{one}")
    write_figures("storms", figures)
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
