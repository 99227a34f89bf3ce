"""Killed wherever, with a real journal: every alert arrives with the same id, and no process is left."""

import os
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from receivers import http_receiver

from runner.domain.alert import alert
from runner.domain.entry import Entry
from runner.domain.secret import Secret
from runner.domain.session_event import Alerted
from runner.journal.write import open_journal
from runner.notify.courier import Courier
from runner.notify.sink import Sink

PROGRAM = Path(__file__).with_name("courier_process.py")
EACH = 4  # alerts journaled by each process
KILLS = max(6, int(os.environ.get("RUNNER_EXAMPLES", "0")) // 500)


def started(folder: Path, port: int, first: int, end: int) -> subprocess.Popen[str]:
    journal, sink = f"sqlite:///{folder / 'journal.db'}", f"json://127.0.0.1:{port}"
    command = [sys.executable, str(PROGRAM), journal, sink, str(first), str(end)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def is_there(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_killed_after_the_sink_took_it_and_before_it_was_marked(tmp_path: Path) -> None:
    with http_receiver() as received:
        received.wait = threading.Event()
        with started(tmp_path, received.port, 0, 1) as process:
            received.await_bodies(1)
            assert process.stdout is not None
            worker = int(process.stdout.readline().split()[1])
            process.kill()
        until = time.monotonic() + 5
        while is_there(worker) and time.monotonic() < until:
            threading.Event().wait(0.02)
        assert not is_there(worker), "the worker goes with its bot"
        received.wait.set()
        with started(tmp_path, received.port, 0, 0) as process:
            assert process.wait(30) == 0
        first, second = received.await_bodies(2)
    ids = re.findall(r"#([a-z2-7]{16})", first)
    assert ids == re.findall(r"#([a-z2-7]{16})", second)
    assert len(ids) == 1


def test_killed_at_random_again_and_again_nothing_is_lost(tmp_path: Path) -> None:
    chance = random.Random(20240314)
    with http_receiver() as received:
        for kill in range(KILLS):
            with started(tmp_path, received.port, kill * EACH, (kill + 1) * EACH) as process:
                assert process.stdout is not None
                assert process.stdout.readline().startswith("ready")
                threading.Event().wait(chance.uniform(0.0, 1.2))
                process.kill()
        with started(tmp_path, received.port, 0, 0) as process:
            assert process.wait(60) == 0
    arrived = set(re.findall(r"message (\d{3})", "".join(received.bodies)))
    assert arrived == {f"{number:03}" for number in range(KILLS * EACH)}
    ids = set(re.findall(r"#([a-z2-7]{16})", "".join(received.bodies)))
    assert len(ids) == KILLS * EACH


def test_a_hanging_sink_delays_no_append_by_10_ms(tmp_path: Path) -> None:
    """INV-24 where it matters: the commit before an order, with steps of the courier in between."""
    with http_receiver() as hanging, open_journal(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        hanging.wait = threading.Event()
        sink = Sink("env:ALERT_URL", Secret(f"json://127.0.0.1:{hanging.port}"))
        courier = Courier(journal.outbox, [sink], os.environ)
        courier.start()

        def commit(number: int) -> float:
            told = alert("error", "critical", f"m{number}", run="r1", time_ms=number)
            began = time.perf_counter()
            journal.append(Entry("r1", number, Alerted(told, (sink.name,))))
            return time.perf_counter() - began

        try:
            alone = sorted(commit(number) for number in range(200))
            steps, beside = [], []
            for number in range(200, 400):
                began = time.perf_counter()
                courier.step(time.time_ns() // 1_000_000)
                steps.append(time.perf_counter() - began)
                beside.append(commit(number))
            hanging.await_bodies(1)
        finally:
            courier.close()
    beside.sort()
    steps.sort()
    middle, late = 100, 190
    assert beside[middle] - alone[middle] < 0.010, (alone[middle], beside[middle])
    assert beside[late] - alone[late] < 0.010, (alone[late], beside[late])
    assert steps[late] < 0.010, steps[late]


@pytest.mark.parametrize("word", ["token-4711"])
def test_the_journal_keeps_no_address(tmp_path: Path, word: str) -> None:
    with http_receiver() as received, open_journal(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        received.replies = [403]
        sink = Sink("env:ALERT_URL", Secret(f"json://127.0.0.1:{received.port}/{word}"))
        told = alert("error", "info", "m", run="r1", time_ms=1)
        journal.append(Entry("r1", 1, Alerted(told, (sink.name,))))
        courier = Courier(journal.outbox, [sink], os.environ)
        try:
            until = time.monotonic() + 20
            while journal.outbox.due(sink.name, time.time_ns() // 1_000_000, 9):
                assert time.monotonic() < until
                courier.step(time.time_ns() // 1_000_000)
                threading.Event().wait(0.01)
        finally:
            courier.close()
    for file in tmp_path.iterdir():
        assert word.encode() not in file.read_bytes()
