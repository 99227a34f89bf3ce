"""Who runs the job, how it is measured, and what of it was promised.

In: where the candles are, how much work to do, the Python that has the peers. Out: one result an engine, and
the ratios.
Refuses to know: how a table looks. This process stays small (see benchmarks.timing), so it imports no engine.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.cases import BOTS, RUNNER, Place, Work, run_module
from benchmarks.peers.rounds import Answer, Entrant, Measured, measure_in_rounds, read_answer
from benchmarks.table import Figure
from benchmarks.timing import CommandError, Job, measure_in_turn

OURS = "this project"
OURS_DIFFERS = "walks two paths, tells both; {warmup:,} of the bars only warm up; maker fee on targets"


class Peer(NamedTuple):
    """An engine: what to import, how it deviates from the job, whether its first call compiles, whether it is
    slow.
    """

    name: str
    package: str
    differs: str
    compiles: bool = False
    slow: bool = False


PEERS = (
    Peer(
        "backtesting",
        "backtesting",
        "whole coins; taker fee on targets too; statistics are part of its run; seeds the average at bar 1",
    ),
    Peer(
        "vectorbt",
        "vectorbt",
        "signals are arrays, not rules; a stop is not looked at in the bar of the entry; one order a bar; "
        "taker fee on targets too; inside: averages, from_signals, value()",
        compiles=True,
    ),
    Peer(
        "backtrader",
        "backtrader",
        "taker fee on targets too; no observers; no curve of equity; its run reads the bars in",
        slow=True,
    ),
    Peer(
        "nautilus_trader",
        "nautilus",
        "market orders fill at the close that made the signal, not at the next open; no slippage; "
        "no log, no statistics",
        slow=True,
    ),
)

PEER_NAMES = tuple(peer.name for peer in PEERS)


class Scope(NamedTuple):
    """Rounds, and of those how many with the slow engines; calls inside one process; which peers."""

    rounds: int = 5
    slow_rounds: int = 3
    calls: int = 6
    quarter_lengths: tuple[int, int] = (80, 200)
    names: tuple[str, ...] = PEER_NAMES


class Contest(NamedTuple):
    """Everything measured; the first engine is ours."""

    engines: list[Measured]
    figures: list[Figure]
    notes: list[str]


def run_contest(folder: Path, work: Work, python: str, scope: Scope) -> Contest:
    """Candles, then all engines in rounds, then what detail costs."""
    place = Place(folder, work)
    run_module(place, "year", "benchmarks.market", str(folder), str(work.days))
    run_module(place, "year", "benchmarks.peers.quarters", str(folder))
    market = json.loads((folder / "market.json").read_text(encoding="utf-8"))
    (folder / "cache").mkdir()  # of compiled code, for all homes
    for name in ("year", "quarters"):
        (folder / name / "cache").symlink_to(folder / "cache")
    entrants = [our_entrant(place, scope), *peer_entrants(place, python, scope)]
    measure_in_rounds(entrants, scope.rounds, scope.slow_rounds)
    ours, *peers = [entrant.measured() for entrant in entrants]
    if ours.skipped:
        raise CommandError(ours.skipped)
    ours = ours._replace(differs=OURS_DIFFERS.format(warmup=read_answer(place.folder / "ours.json").warmup))
    figures = [*peer_figures(ours, peers), *detail_figures(place, scope)]
    notes = [
        f"{market['minutes']:,} bars: {market['source']}; EMA {work.lengths[0]} and {work.lengths[1]}, "
        "long and short, stop 2 %, target 4 %",
        f"medians of {scope.rounds} rounds ({scope.slow_rounds} for the slow engines), in each of which "
        "every engine runs once",
        "whole: a process from the file to the result, on the clock; cpu: its processor time, which a busy "
        "machine blurs less; inside: the engine's run call in memory, on the clock, "
        f"of engines that compile the median of {max(1, scope.calls - 1)} further calls in one process",
    ]
    return Contest([ours, *peers], figures, notes)


def our_entrant(place: Place, scope: Scope) -> Entrant:
    """The command that a user types, report and all; inside as `by_runner` tells it."""
    bot, sets, answer = str(BOTS / "peers_cross.yaml"), _sets(place.work.lengths), place.folder / "ours.json"
    command = [RUNNER, "run", bot, "--backtest", "--quiet", *sets]
    module = [sys.executable, "-m", "benchmarks.peers.by_runner", bot, str(scope.calls), str(answer), *sets]
    home = place.home("year")
    return Entrant(OURS, "", (command, home), answer, inside=(module, home))


def peer_entrants(place: Place, python: str, scope: Scope) -> list[Entrant]:
    """Each peer, from the environment of `python`."""
    entrants = []
    for peer in PEERS:
        if peer.name not in scope.names:
            continue
        version, fault = _import(peer, python)
        answer = place.folder / f"{peer.package}.json"
        job = partial(_job, place, python, peer, answer)
        entrant = Entrant(peer.name, version, job(1), answer, slow=peer.slow, differs=peer.differs)
        entrant.inside = job(scope.calls) if peer.compiles else None
        entrant.fault = fault
        entrants.append(entrant)
    return entrants


def _job(place: Place, python: str, peer: Peer, answer: Path, calls: int) -> Job:
    figures = [*map(str, place.work.lengths), str(calls)]
    module = f"benchmarks.peers.by_{peer.package}"
    return [python, "-m", module, str(place.folder / "year.parquet"), *figures, str(answer)], place.home(
        "year"
    )


def _import(peer: Peer, python: str) -> tuple[str, str]:
    """(version, why it cannot be imported): an empty reason when it can."""
    say = f"import {peer.name}, importlib.metadata as m; print(m.version('{peer.name}'))"
    done = subprocess.run([python, "-c", say], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip().splitlines()[-1], ""
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith(" ")]
    fault = next((line for line in lines if "Error" in line), "import failed")
    return "", "not installed" if fault.startswith("ModuleNotFoundError") else f"import: {fault}"


def detail_figures(place: Place, scope: Scope) -> Iterator[Figure]:
    """Fifteen-minute bars with `detail: 1m` and without it; both are in the store."""
    bots = ("quarter_cross", "quarter_cross_detail")
    home, sets = place.home("quarters"), _sets(scope.quarter_lengths)
    jobs: list[Job] = [
        ([RUNNER, "run", str(BOTS / f"{bot}.yaml"), "--backtest", "--quiet", *sets], home) for bot in bots
    ]
    plain, detailed = measure_in_turn(jobs, runs=scope.rounds)
    yield Figure("15m bars, whole process", plain.seconds, "s")
    yield Figure(
        "  with detail: 1m ÷ without", detailed.seconds / plain.seconds, "×", at_most=2.0, ratio=True
    )
    rounds = [[_inside(place, scope, bot, sets) for bot in bots] for _ in range(scope.rounds)]
    loops = [median(answer.warm_s for answer in of_one) for of_one in zip(*rounds, strict=True)]
    yield Figure("15m bars, inside", loops[0] * 1e3, "ms")
    yield Figure("  with detail: 1m ÷ without", loops[1] / loops[0], "×", at_most=2.0, ratio=True)


def peer_figures(ours: Measured, peers: list[Measured]) -> Iterator[Figure]:
    """Ratios to the best of the peers, each in what it is best at."""
    ran = [peer for peer in peers if not peer.skipped]
    if not ran:
        return
    whole, inside = min(ran, key=lambda peer: peer.whole_s), min(ran, key=lambda peer: peer.inside_s)
    least = min(ran, key=lambda peer: peer.memory_mb)
    yield Figure(
        f"whole process, {whole.name} ÷ ours", whole.whole_s / ours.whole_s, "×", at_least=4.0, ratio=True
    )
    yield Figure(
        f"inside, {inside.name} ÷ ours", inside.inside_s / ours.inside_s, "×", at_least=50.0, ratio=True
    )
    yield Figure(
        f"memory, {least.name} ÷ ours", least.memory_mb / ours.memory_mb, "×", at_least=1.0, ratio=True
    )


def _inside(place: Place, scope: Scope, bot: str, sets: list[str]) -> Answer:
    """What `by_runner` tells of a bot on fifteen-minute bars."""
    answer = place.folder / f"{bot}.json"
    figures = [str(BOTS / f"{bot}.yaml"), str(scope.calls), str(answer)]
    run_module(place, "quarters", "benchmarks.peers.by_runner", *figures, *sets)
    return read_answer(answer)


def _sets(lengths: tuple[int, int]) -> list[str]:
    """The lengths as options."""
    return ["--set", f"fast={lengths[0]}", "--set", f"slow={lengths[1]}"]
