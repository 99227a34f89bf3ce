"""What is measured, and against which target.

In: a folder to work in, and how much work to do. Out: figures, and notes that belong under the table.
Refuses to know: how a process is measured, how the table looks.
"""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.table import Figure
from benchmarks.timing import measure, measure_in_turn, run_once

ROOT = Path(__file__).resolve().parents[1]
BOTS = ROOT / "benchmarks" / "bots"
RUNNER = str(Path(sysconfig.get_path("scripts")) / "runner")


class Work(NamedTuple):
    """How much to do. The defaults are the benchmark; a test does less."""

    days: int = 365
    lengths: tuple[int, int] = (1200, 3000)
    core_runs: int = 5
    process_runs: int = 3
    command_runs: int = 7
    commit_seconds: float = 3.0
    closes: int = 150  # that a session answers, in each of three processes
    quarters: int = 30 * 96  # of an hour that it lives
    entries: int = 10_000  # of a run that is taken up again
    engines: tuple[str, ...] = ("compiled", "interpreted")

    @property
    def sets(self) -> list[str]:
        """The lengths as `--set` takes them."""
        return [f"fast={self.lengths[0]}", f"slow={self.lengths[1]}"]


class Place(NamedTuple):
    """Where the candles are, and how much there is to do with them."""

    folder: Path
    work: Work

    def home(self, name: str) -> dict[str, str]:
        """The environment of a command that reads the home `name`; Python keeps its bytecode, as usual."""
        return {
            "RUNNER_HOME": str(self.folder / name),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def job(self) -> list[str]:
        """The main job: a year of minutes, from the command line."""
        sets = [part for text in self.work.sets for part in ("--set", text)]
        return [RUNNER, "run", str(BOTS / "minute_cross.yaml"), "--backtest", "--quiet", *sets]


def measured_figures(folder: Path, work: Work) -> tuple[list[Figure], list[str]]:
    """Every case in turn."""
    place = Place(folder, work)
    run_module(place, "year", "benchmarks.market", str(folder), str(work.days))
    market = json.loads((folder / "market.json").read_text(encoding="utf-8"))
    (folder / "cache").mkdir()  # of compiled code, for all homes
    for name in ("year", "years"):
        (folder / name / "cache").symlink_to(folder / "cache")
    cases = (_whole_process, _core, _commands, _commits, _simulator, _rehearsals, _session, _startup)
    figures = [figure for case in cases for figure in case(place)]
    runs = f"{work.process_runs} run{'s' if work.process_runs > 1 else ''}"
    note = f"{market['minutes']:,} bars: {market['source']}; medians, of at least {runs}"
    return figures, [note]


def _whole_process(place: Place) -> Iterator[Figure]:
    """The main job, the same on four years, the same by a rival."""
    work = place.work
    rival_job = [sys.executable, "-m", "benchmarks.rival", str(place.folder / "year.parquet")]
    first = run_once(place.job(), place.home("year"))
    year, years, rival = measure_in_turn(
        [
            (place.job(), place.home("year")),
            (place.job(), place.home("years")),
            ([*rival_job, *map(str, work.lengths)], place.home("year")),
        ],
        runs=work.process_runs,
    )
    yield Figure("a year of 1m bars, whole process", year.seconds, "s", at_most=2.0)
    yield Figure("  its memory", year.memory_mb, "MB", at_most=300.0)
    yield Figure("  its very first run, which compiles", first.seconds, "s")
    yield Figure("  four years ÷ one, time", years.seconds / year.seconds, "×", at_most=4.4, ratio=True)
    yield Figure("  four years ÷ one, memory", years.memory_mb / year.memory_mb, "×", at_most=4.4, ratio=True)
    yield Figure("the same job by `backtesting` from PyPI", rival.seconds, "s")
    yield Figure("  its time ÷ ours", rival.seconds / year.seconds, "×", at_least=4.0, ratio=True)


def _core(place: Place) -> Iterator[Figure]:
    work = place.work
    said = run_module(
        place, "year", "benchmarks.core", str(work.core_runs), ",".join(work.engines), *work.sets
    )
    bar_ns = json.loads(said)
    if "compiled" in bar_ns:
        yield Figure("core, compiled, a bar", bar_ns["compiled"], "ns", at_most=60.0)
    if "interpreted" in bar_ns:
        yield Figure("core, interpreted, a bar", bar_ns["interpreted"] / 1e3, "µs", at_most=6.0)
    if len(bar_ns) == len(("compiled", "interpreted")):
        times = bar_ns["interpreted"] / bar_ns["compiled"]
        yield Figure("  interpreted ÷ compiled", times, "×", at_least=20.0, ratio=True)


def _commands(place: Place) -> Iterator[Figure]:
    """What is typed often, and should feel like nothing."""
    hours = [RUNNER, "run", str(BOTS / "hourly_cross.yaml"), "--backtest", "--quiet"]
    commands = [
        ("runner --help", [RUNNER, "--help"], 80.0),
        ("runner check bots/btc_trend.yaml", [RUNNER, "check", str(ROOT / "bots" / "btc_trend.yaml")], 250.0),
        ("a year of 1h bars with report", [*hours, "--from", "2023-01-01", "--to", "2023-12-31"], 800.0),
    ]
    for what, command, target_ms in commands:
        run = measure(command, place.home("year"), runs=place.work.command_runs)
        yield Figure(what, run.seconds * 1e3, "ms", at_most=target_ms)


def _commits(place: Place) -> Iterator[Figure]:
    """What is on the disk before an order may leave."""
    said = run_module(place, "year", "benchmarks.journal", str(place.folder), str(place.work.commit_seconds))
    a_second = json.loads(said)
    yield Figure("durable journal entries, one commit each", a_second["sending"], "/s", at_least=1000.0)
    yield Figure("  fills, with fact, position and run", a_second["fill"], "/s", at_least=1000.0)
    yield Figure("  bare commits of SQLite on this disk", a_second["bare"], "/s")


def _simulator(place: Place) -> Iterator[Figure]:
    """A real client on the look-alike exchange: in memory, and over sockets."""
    cycles, hours = min(2000, 10 * place.work.days), min(720, 24 * place.work.days)
    told = json.loads(run_module(place, "year", "benchmarks.simulator", str(cycles), str(hours)))
    yield Figure(
        "simulator: order lives through ccxt, in memory", 1000 / told["cycle_ms"], "/s", at_least=300.0
    )
    yield Figure(
        "simulator: a month of 1h bars over sockets, a client attached", told["bars_s"], "s", at_most=60.0
    )


def _rehearsals(place: Place) -> Iterator[Figure]:
    """The session that trades, with its backtest and the verdict, from the command line."""
    last_day = min(30, place.work.days)
    span = ["--data", "sample", "--from", "2024-01-01", "--to", f"2024-01-{last_day:02}", "--quiet"]
    hours, quarters = BOTS / "hourly_cross.yaml", ROOT / "bots" / "btc_trend.yaml"
    for what, bot, target_s in (("1h", hours, 60.0), ("15m", quarters, None)):
        run = run_once([RUNNER, "rehearse", str(bot), *span], place.home("year"))
        yield Figure(f"rehearsal: a month of {what} bars", run.seconds, "s", at_most=target_s)


def _session(place: Place) -> Iterator[Figure]:
    """From a close to its order, between two processes; and what a month leaves behind."""
    amounts = (str(place.work.closes), str(place.work.quarters))
    told = json.loads(run_module(place, "year", "benchmarks.session", str(place.folder), *amounts))
    reaction, memory = told["reaction"], told["memory"]
    yield Figure("session: close at the socket to order at the socket, p50", reaction["p50_ms"], "ms", 10.0)
    yield Figure("  p99", reaction["p99_ms"], "ms", at_most=30.0)
    yield Figure("  memory held after a month of 15m bars", memory["late_mb"], "MB")
    growth = memory["late_mb"] / memory["early_mb"]
    yield Figure("  its memory ÷ after two days", growth, "×", at_most=1.05, ratio=True)


def _startup(place: Place) -> Iterator[Figure]:
    """What a restart has to read before it knows what it knew."""
    took = json.loads(
        run_module(place, "year", "benchmarks.startup", str(place.folder), str(place.work.entries))
    )
    yield Figure("start-up: what the journal says, at worst", took["long"], "s", at_most=1.0)
    yield Figure(
        "  a run four times as long ÷ one", took["long"] / took["short"], "×", at_most=1.5, ratio=True
    )
    yield Figure("  the whole journal instead ÷ that", took["whole"] / took["long"], "×")


def run_module(place: Place, home: str, module: str, *arguments: str) -> str:
    """What a module of this package says, run as a process of its own: this one has to stay small."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **place.home(home)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout
