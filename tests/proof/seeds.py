"""Thousands of random lives, each judged by the checker.

    python -m tests.proof.seeds --runs 5000 --seed0 1      5,000 plays (about twenty minutes on two cores)
    python -m tests.proof.seeds --play 4711                one of them, told from both sides
    python -m tests.proof.seeds --runs 20 --hashes         seed and journal hash, for comparing machines

A red play is written to tests/proof/regressions/, whence `make test` replays it for ever.

In: a number of plays. Out: counts, faults by state, violations; exit code 1 when there are any.
Refuses to know: how the bot works.
"""

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.proof.checker import check
from tests.proof.figures import write_figures
from tests.proof.matrix import progress, scratch
from tests.proof.plays import LIVENESS, Play, Seen, drawn, perform_play, play_from
from tests.proof.shelf import Shelf
from tests.proof.stage import is_ours

REGRESSIONS = Path(__file__).parent / "regressions"
KEPT_MAX = 20  # red plays written by one command
STATES = ("starting", "running", "protect_only", "halted", "down")


class Verdict(NamedTuple):
    """One play judged."""

    seed: int
    mode: str
    violations: tuple[str, ...]
    head: str
    met: dict[tuple[str, str], int]
    took_s: float
    trades: int


def judged(seen: Seen) -> tuple[str, ...]:
    """What is wrong with it. A process may end by a named error; in calm weather even that is wrong."""
    faults = [fault for fault in seen.faults if not is_ours(fault)]
    return (*check(seen.histories), *(f"FAULT: {type(fault).__name__}: {fault}"[:300] for fault in faults))


_SHELVES: list[Shelf] = []


def shelf() -> Shelf:
    """This process's."""
    if not _SHELVES:
        logging.disable(logging.CRITICAL)
        _SHELVES.append(Shelf(scratch()))
    return _SHELVES[0]


def run_play(play: Play) -> Verdict:
    """One play and its verdict."""
    began = time.perf_counter()
    seen = perform_play(shelf(), play)
    trades = sum(1 for _ in seen.histories.trades())
    return Verdict(
        play.seed, play.mode, judged(seen), seen.head, seen.met, time.perf_counter() - began, trades
    )


def run_seed(seed: int) -> Verdict:
    """The play of a number."""
    return run_play(drawn(seed))


def run_seeds(seeds: range, jobs: int) -> Iterator[Verdict]:
    """All of them, in whichever order they are done."""
    if jobs == 1:
        yield from map(run_seed, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(run_seed, seeds, chunksize=4)


def keep(play: Play, violations: tuple[str, ...]) -> Path:
    """Write a red play down."""
    REGRESSIONS.mkdir(exist_ok=True)
    file = REGRESSIONS / f"play_{play.seed}_{violations[0].split(':')[0].lower()}.json"
    file.write_text(play.text() + "\n", encoding="utf-8")
    return file


def kept() -> list[tuple[str, Play]]:
    """All red plays ever written down."""
    return [
        (file.stem, play_from(file.read_text(encoding="utf-8")))
        for file in sorted(REGRESSIONS.glob("*.json"))
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.seeds")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed0", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--play", type=int, help="one play, told")
    parser.add_argument("--hashes", action="store_true", help="print seed and hash only")
    parser.add_argument("--no-keep", action="store_true", help="write no regression files")
    given = parser.parse_args()
    if given.play is not None:
        return _show(drawn(given.play))
    seeds = range(given.seed0, given.seed0 + given.runs)
    if given.hashes:
        for verdict in sorted(run_seeds(seeds, 1)):
            print(verdict.seed, verdict.head)
        return 0
    return _report(seeds, given.jobs, is_keeping=not given.no_keep)


def _report(seeds: range, jobs: int, *, is_keeping: bool) -> int:
    began, red = time.monotonic(), list[Verdict]()
    met: Counter[tuple[str, str]] = Counter()
    modes: Counter[str] = Counter()
    took = 0.0
    trades, slowest = 0, (0.0, 0)
    for done, one in enumerate(run_seeds(seeds, jobs), 1):
        met.update(one.met)
        modes[one.mode] += 1
        took, trades = took + one.took_s, trades + one.trades
        slowest = max(slowest, (one.took_s, one.seed))
        if one.violations:
            red.append(one)
            print(f"\nred  {one.seed} ({one.mode})\n     " + "\n     ".join(one.violations), flush=True)
            print(f"     repeat: python -m tests.proof.seeds --play {one.seed}", flush=True)
            if is_keeping and len(red) <= KEPT_MAX:
                print(f"     kept: {keep(drawn(one.seed), one.violations).name}")
        progress(done, len(seeds), f"plays, {len(red)} red")
    print(coverage(met))
    print(
        f"{len(seeds)} plays ({modes['safety']} safety, {modes[LIVENESS]} liveness) "
        f"in {time.monotonic() - began:.0f} s, "
        f"{took / max(len(seeds), 1) * 1000:.0f} ms each; {trades} executions; "
        f"slowest {slowest[0]:.1f} s: {slowest[1]}; "
        f"{len(red)} red"
    )
    write_figures(
        "seeds",
        {
            "plays": len(seeds),
            "first": seeds.start,
            "safety": modes["safety"],
            "liveness": modes[LIVENESS],
            "executions": trades,
            "seconds": time.monotonic() - began,
            "states": STATES,
            "met": {
                name: {state: met[name, state] for state in STATES if met[name, state]}
                for name in sorted({name for name, _ in met})
            },
            "red": [one.seed for one in red],
        },
    )
    return 1 if red else 0


def coverage(met: Counter[tuple[str, str]]) -> str:
    """Fault by state, as a table."""
    names = sorted({name for name, _ in met})
    lines = [f"{'fault':<20}" + "".join(f"{state:>14}" for state in STATES)]
    lines += [f"{name:<20}" + "".join(f"{met[name, state]:>14}" for state in STATES) for name in names]
    return "\n".join(lines)


def _show(play: Play) -> int:
    from tests.proof.telling import told

    seen = perform_play(shelf(), play)
    violations = judged(seen)
    print(told(seen.histories))
    print(play._replace(closes=(), bot=play.bot.split("costs")[0]))
    print(*violations, sep="\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
