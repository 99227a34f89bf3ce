"""Processes as a user starts them: wall time and the most memory held.

In: a command and its environment. Out: medians over several runs; CommandError when one fails.
Refuses to know: what is measured, targets.

On Linux a new process inherits its parent's mark of most memory held, so whoever calls this must stay small:
the package's main process imports no NumPy, and what does runs as a process of its own.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


Job = tuple[Sequence[str], Mapping[str, str]]  # a command and its environment


class Process(NamedTuple):
    """Medians of a command's runs: on the clock, on all processors together, and of the most memory held."""

    seconds: float
    memory_mb: float
    cpu_s: float = 0.0


class CommandError(Exception):
    """A measured command ended with an exit code other than 0."""


def measure(command: Sequence[str], environment: Mapping[str, str], *, runs: int) -> Process:
    """Medians of `runs` runs, one after another."""
    return measure_in_turn([(command, environment)], runs=runs)[0]


def measure_in_turn(jobs: Sequence[Job], *, runs: int) -> list[Process]:
    """Medians of `runs` runs of each job. The jobs take turns, so that a busy minute slows all of them alike.

    When there are several runs, one more goes before them to fill caches.
    """
    if runs > 1:
        for job in jobs:
            run_once(*job)
    rounds = [[run_once(*job) for job in jobs] for _ in range(runs)]
    return [_medians(of_one) for of_one in zip(*rounds, strict=True)]


def _medians(runs: Sequence[Process]) -> Process:
    return Process(*(median(figures) for figures in zip(*runs, strict=True)))


def run_once(command: Sequence[str], environment: Mapping[str, str]) -> Process:
    """One run; its output is thrown away."""
    started = time.perf_counter()
    child = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    with child.stderr:
        said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise CommandError(f"{' '.join(command)}\n{said.decode(errors='replace')}")
    return Process(seconds, usage.ru_maxrss * BYTES_PER_UNIT / 1e6, usage.ru_utime + usage.ru_stime)
