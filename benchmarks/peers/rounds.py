"""Engines measured in rounds: each runs once a round, so that a busy minute slows all of them alike.

In: entrants, each with its commands. Out: medians of what their processes took, held and told.
Refuses to know: what an engine is, who is compared with whom.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.timing import CommandError, Job, Process, run_once


class Measured(NamedTuple):
    """What an engine did; `skipped` says why it did nothing."""

    name: str
    version: str = ""
    whole_s: float = 0.0
    cpu_s: float = 0.0
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


@dataclass(slots=True)
class Entrant:
    """An engine's whole process, which leaves its answer behind; `inside` is a process of many calls, for an
    engine whose first call compiles or whose whole process does not answer.
    """

    name: str
    version: str
    whole: Job
    answer: Path
    slow: bool = False
    differs: str = ""
    inside: Job | None = None
    fault: str = ""
    processes: list[Process] = field(default_factory=list)
    inside_s: list[float] = field(default_factory=list)
    trades: int = 0

    def run(self) -> None:
        """One more round; after a fault, none."""
        if self.fault:
            return
        try:
            process = run_once(*self.whole)
            if self.inside is not None:
                run_once(*self.inside)
        except CommandError as error:
            self.fault = f"its run failed: {str(error).splitlines()[-1]}"
            return
        told = read_answer(self.answer)
        self.processes.append(process)
        self.inside_s.append(told.warm_s)
        self.trades = told.trades

    def measured(self) -> Measured:
        """Medians of all rounds."""
        if self.fault:
            return Measured(self.name, self.version, skipped=self.fault)
        return Measured(
            self.name,
            self.version,
            median(process.seconds for process in self.processes),
            median(process.cpu_s for process in self.processes),
            median(self.inside_s),
            median(process.memory_mb for process in self.processes),
            self.trades,
            self.differs,
        )


def measure_in_rounds(entrants: list[Entrant], rounds: int, slow_rounds: int) -> None:
    """All entrants in turn, `rounds` times; slow ones sit out after `slow_rounds`.

    When there are several rounds, one more of the quick ones goes before them to fill caches.
    """
    if rounds > 1:
        for entrant in entrants:
            if not entrant.slow:
                _fill_caches(entrant)
    for turn in range(rounds):
        for entrant in entrants:
            if not entrant.slow or turn < slow_rounds:
                entrant.run()


def _fill_caches(entrant: Entrant) -> None:
    entrant.run()
    entrant.processes.clear()
    entrant.inside_s.clear()
