"""Who runs the job, how it is measured, and what of it was promised.

In: where the candles are, how much work to do, the Python that has the peers. Out: one result an engine, and
the ratios.
Refuses to know: how a table looks. This process stays small (see benchmarks.timing), so it imports no engine.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.cases import BOTS, RUNNER, Place, Work, run_module
from benchmarks.table import Figure
from benchmarks.timing import CommandError, Job, measure_in_turn, run_once

OURS = "this project"


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


class Measured(NamedTuple):
    """What an engine did; `skipped` says why it did nothing."""

    name: str
    version: str = ""
    whole_s: float = 0.0
    inside_s: float = 0.0
    memory_mb: float = 0.0
    trades: int = 0
    differs: str = ""
    skipped: str = ""


class Answer(NamedTuple):
    """What a `by_*` process tells."""

    seconds: list[float]
    trades: int
    warmup: int = 0

    @property
    def warm_s(self) -> float:
        """Without the first call, in which code may be compiled or loaded."""
        return median(self.seconds[1:] or self.seconds)


def read_answer(path: Path) -> Answer:
    """From its file."""
    return Answer(**json.loads(path.read_text(encoding="utf-8")))


class Scope(NamedTuple):
    """How much is run: processes of quick and of slow engines, calls inside one process, which peers."""

    quick_runs: int = 5
    slow_runs: int = 3
    calls: int = 6
    quarter_lengths: tuple[int, int] = (80, 200)
    names: tuple[str, ...] = PEER_NAMES


class Contest(NamedTuple):
    """Everything measured; the first engine is ours."""

    engines: list[Measured]
    figures: list[Figure]
    notes: list[str]


def run_contest(folder: Path, work: Work, python: str, scope: Scope) -> Contest:
    """Candles, then this project, then the peers, then what detail costs."""
    place = Place(folder, work)
    run_module(place, "year", "benchmarks.market", str(folder), str(work.days))
    run_module(place, "year", "benchmarks.peers.quarters", str(folder))
    market = json.loads((folder / "market.json").read_text(encoding="utf-8"))
    (folder / "cache").mkdir()  # of compiled code, for all homes
    for name in ("year", "quarters"):
        (folder / name / "cache").symlink_to(folder / "cache")
    ours = measured_ours(place, scope)
    peers = list(measured_peers(place, python, scope))
    figures = [*peer_figures(ours, peers), *detail_figures(place, scope)]
    runs = f"medians of {scope.quick_runs} processes ({scope.slow_runs} of the slow engines)"
    notes = [
        f"{market['minutes']:,} bars: {market['source']}; EMA {work.lengths[0]} and {work.lengths[1]}, "
        "long and short, stop 2 %, target 4 %",
        f"{runs}; whole: from the file to the result; inside: the engine's run call, warm, bars in memory",
    ]
    return Contest([ours, *peers], figures, notes)


def measured_peers(place: Place, python: str, scope: Scope) -> Iterator[Measured]:
    """Each peer in turn, from the environment of `python`."""
    for peer in PEERS:
        if peer.name not in scope.names:
            continue
        version, fault = _import(peer, python)
        if fault:
            yield Measured(peer.name, skipped=fault)
            continue
        try:
            yield _measured(place, python, scope, peer, version)
        except CommandError as error:
            yield Measured(peer.name, version, skipped=f"its run failed: {str(error).splitlines()[-1]}")


def _import(peer: Peer, python: str) -> tuple[str, str]:
    """(version, why it cannot be imported): an empty reason when it can."""
    say = f"import {peer.name}, importlib.metadata as m; print(m.version('{peer.name}'))"
    done = subprocess.run([python, "-c", say], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip().splitlines()[-1], ""
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith(" ")]
    fault = next((line for line in lines if "Error" in line), "import failed")
    return "", "not installed" if fault.startswith("ModuleNotFoundError") else f"import: {fault}"


def _measured(place: Place, python: str, scope: Scope, peer: Peer, version: str) -> Measured:
    """Whole processes; inside from the same ones, or from many calls in one where the first one compiles."""
    answer = place.folder / f"{peer.package}.json"

    def job(calls: int) -> Job:
        module = f"benchmarks.peers.by_{peer.package}"
        figures = [*map(str, place.work.lengths), str(calls)]
        return [python, "-m", module, str(place.folder / "year.parquet"), *figures, str(answer)], place.home(
            "year"
        )

    if not peer.slow and scope.quick_runs > 1:
        run_once(*job(1))  # fills caches
    processes, inside = [], []
    for _ in range(scope.slow_runs if peer.slow else scope.quick_runs):
        processes.append(run_once(*job(1)))
        inside += read_answer(answer).seconds
    if peer.compiles:
        run_once(*job(scope.calls))
        inside = [read_answer(answer).warm_s]
    return Measured(
        peer.name,
        version,
        median(process.seconds for process in processes),
        median(inside),
        median(process.memory_mb for process in processes),
        read_answer(answer).trades,
        peer.differs,
    )


def measured_ours(place: Place, scope: Scope) -> Measured:
    """The command that a user types, report and all; inside as `by_runner` tells it."""
    bot = str(BOTS / "peers_cross.yaml")
    command = [RUNNER, "run", bot, "--backtest", "--quiet", *_sets(place.work.lengths)]
    (whole,) = measure_in_turn([(command, place.home("year"))], runs=scope.quick_runs)
    told = _inside(place, scope, "peers_cross", _sets(place.work.lengths))
    return Measured(
        OURS,
        "",
        whole.seconds,
        told.warm_s,
        whole.memory_mb,
        told.trades,
        f"walks two paths, tells both; {told.warmup:,} of the bars only warm up; maker fee on targets",
    )


def detail_figures(place: Place, scope: Scope) -> Iterator[Figure]:
    """Fifteen-minute bars with `detail: 1m` and without it; both are in the store."""
    bots = ("quarter_cross", "quarter_cross_detail")
    home, sets = place.home("quarters"), _sets(scope.quarter_lengths)
    jobs: list[Job] = [
        ([RUNNER, "run", str(BOTS / f"{bot}.yaml"), "--backtest", "--quiet", *sets], home) for bot in bots
    ]
    plain, detailed = measure_in_turn(jobs, runs=scope.quick_runs)
    yield Figure("15m bars, whole process", plain.seconds, "s")
    yield Figure(
        "  with detail: 1m ÷ without", detailed.seconds / plain.seconds, "×", at_most=2.0, ratio=True
    )
    loops = [_inside(place, scope, bot, sets, "quarters").warm_s for bot in bots]
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


def _inside(place: Place, scope: Scope, bot: str, sets: list[str], home: str = "year") -> Answer:
    """What `by_runner` tells of a bot."""
    answer = place.folder / f"{bot}.json"
    run_module(
        place,
        home,
        "benchmarks.peers.by_runner",
        str(BOTS / f"{bot}.yaml"),
        str(scope.calls),
        str(answer),
        *sets,
    )
    return read_answer(answer)


def _sets(lengths: tuple[int, int]) -> list[str]:
    """The lengths as options."""
    return ["--set", f"fast={lengths[0]}", "--set", f"slow={lengths[1]}"]
