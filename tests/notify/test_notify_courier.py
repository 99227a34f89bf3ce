"""Letters get there, at least once, whatever the sinks and the worker do; and nobody waits for them."""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from receivers import http_receiver

from runner.domain.alert import Alert, Severity, alert
from runner.domain.secret import Secret
from runner.notify.courier import Courier, Pace
from runner.notify.memory import MemoryOutbox
from runner.notify.sink import Sink, strike

A, B = "env:ALERT_A", "vault:alert_b"


PACE = Pace()


def clock() -> int:
    return time.time_ns() // 1_000_000


def told(number: int, severity: Severity = "info") -> Alert:
    return alert("error", severity, f"message {number}", run="r1", time_ms=1_700_000_000_000 + number)


@contextmanager
def courier_of(outbox: MemoryOutbox, pace: Pace = PACE, **urls: str) -> Iterator[Courier]:
    names = {"a": A, "b": B}
    courier = Courier(outbox, [Sink(names[key], Secret(url)) for key, url in urls.items()], os.environ, pace)
    try:
        yield courier
    finally:
        courier.close()


def json_url(port: int) -> str:
    return f"json://127.0.0.1:{port}/hook"


def step_until(courier: Courier, outbox: MemoryOutbox, left: int, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while outbox.backlog() > left:
        assert time.monotonic() < until, outbox.faults
        courier.step(clock())
        threading.Event().wait(0.01)


def test_each_sink_gets_each_alert_once() -> None:
    outbox = MemoryOutbox()
    with (
        http_receiver() as one,
        http_receiver() as two,
        courier_of(outbox, a=json_url(one.port), b=json_url(two.port)) as courier,
    ):
        for number in range(3):
            outbox.put(told(number), [A, B])
        outbox.put(told(0), [A, B])  # the same again
        assert courier.drain(clock, clock() + 20_000) == 0
    for received in (one, two):
        assert len(received.bodies) == 3
        assert [f"message {number}" in body for number, body in enumerate(received.bodies)] == [True] * 3


def test_a_sink_that_answers_500_gets_the_same_alert_again() -> None:
    outbox = MemoryOutbox()
    with http_receiver() as received:
        received.replies = [500, 503]
        with courier_of(outbox, Pace(retry_first_ms=50), a=json_url(received.port)) as courier:
            outbox.put(told(1), [A])
            step_until(courier, outbox, 0)
        assert len(received.bodies) == 3
        assert len({received.json(place)["message"] for place in range(3)}) == 1
        assert f"#{told(1).id}" in received.bodies[-1]
        assert [letter.tries for letter, _ in outbox.faults] == [1, 2]
        assert "500" in outbox.faults[0][1]


def test_a_failing_sink_is_left_alone_twice_as_long_each_time() -> None:
    outbox = MemoryOutbox()
    with http_receiver() as received, courier_of(outbox, a=json_url(received.port)) as courier:
        received.replies = [500] * 10
        outbox.put(told(1), [A])
        now_ms, waits = 1_800_000_000_000, []
        for _ in range(10):
            count = len(outbox.faults)
            courier.step(now_ms)
            while len(outbox.faults) == count:
                courier.step(now_ms)
            began_ms = now_ms
            while not outbox.due(A, now_ms, 1):
                now_ms += 1_000
            waits.append((now_ms - began_ms) // 1_000)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_a_dead_sink_keeps_its_letters_and_delays_no_other() -> None:
    outbox = MemoryOutbox()
    with http_receiver() as received:
        with courier_of(outbox, a="json://127.0.0.1:9/hook", b=json_url(received.port)) as courier:
            for number in range(3):
                outbox.put(told(number), [A, B])
            step_until(courier, outbox, 3)
        assert len(received.bodies) == 3
    assert {letter.sink for letter, _ in outbox.faults} == {A}
    assert {letter.sink for letter in outbox.due(A, clock() + 10_000_000, 9)} == {A}


def test_a_hanging_sink_is_given_up_and_delays_no_other_and_no_step() -> None:
    outbox = MemoryOutbox()
    took: list[float] = []
    with http_receiver() as hanging, http_receiver() as received:
        hanging.wait = threading.Event()
        pace = Pace(timeout_ms=1_500, retry_first_ms=300)
        with courier_of(outbox, pace, a=json_url(hanging.port), b=json_url(received.port)) as courier:
            courier.start()
            for number in range(3):
                outbox.put(told(number), [A, B])
            until = time.monotonic() + 6
            pids = set()
            while time.monotonic() < until:
                began = time.perf_counter()
                courier.step(clock())
                took.append(time.perf_counter() - began)
                pids.add(courier.pid)
                threading.Event().wait(0.002)
        assert len(received.bodies) == 3
        assert outbox.backlog() == 3
        assert outbox.faults[0][1] == "no answer within 1.5 s"
        assert len(pids) >= 2, "the worker that hangs is replaced"
    took.sort()
    assert took[int(len(took) * 0.99)] < 0.010, f"99 of 100 steps took less, the longest {took[-1]:.4f} s"


def test_a_late_answer_still_counts() -> None:
    outbox = MemoryOutbox()
    with http_receiver() as slow:
        slow.wait = threading.Event()
        pace = Pace(timeout_ms=2_000, retry_first_ms=60_000)
        with courier_of(outbox, pace, a=json_url(slow.port)) as courier:
            outbox.put(told(1), [A])
            courier.step(clock())
            slow.await_bodies(1)
            courier.step(clock() + 2_001)
            assert outbox.faults[0][1] == "no answer within 2 s"
            slow.wait.set()
            step_until(courier, outbox, 0)
    assert len(slow.bodies) == 1


def test_killed_between_send_and_mark_it_goes_out_again_with_the_same_id() -> None:
    outbox = MemoryOutbox()
    with http_receiver() as received:
        with courier_of(outbox, a=json_url(received.port)) as courier:
            outbox.put(told(1), [A])
            courier.step(clock())
            received.await_bodies(1)  # the sink has it; nobody has marked it
        assert outbox.backlog() == 1
        with courier_of(outbox, a=json_url(received.port)) as courier:
            assert courier.drain(clock, clock() + 20_000) == 0
        assert len(received.bodies) == 2
        assert received.json(0)["message"] == received.json(1)["message"]


def test_a_killed_worker_is_replaced() -> None:
    outbox = MemoryOutbox()
    with http_receiver() as received:
        received.wait = threading.Event()
        with courier_of(outbox, Pace(retry_first_ms=50), a=json_url(received.port)) as courier:
            outbox.put(told(1), [A])
            courier.step(clock())
            received.await_bodies(1)
            assert courier.pid is not None
            os.kill(courier.pid, 9)
            received.wait.set()
            step_until(courier, outbox, 0)
        assert outbox.faults[0][1] == "the worker ended"
        assert len(received.bodies) == 2


def test_many_alerts_at_once_are_one_digest_with_the_gravest_first() -> None:
    outbox = MemoryOutbox()
    with http_receiver() as received:
        with courier_of(outbox, a=json_url(received.port)) as courier:
            for number in range(400):
                outbox.put(told(number, "warning" if number == 300 else "info"), [A])
            assert courier.drain(clock, clock() + 20_000) == 0
        assert len(received.bodies) == 1
        tree = received.json()
    assert tree["title"] == "WARNING 400 alerts · r1"
    assert "WARNING error: message 300" in tree["message"].splitlines()[0]
    shown = tree["message"].count("#")
    assert f"… and {400 - shown} more; all of them are in the journal" in tree["message"]


def test_more_than_the_pace_allows_waits_for_a_digest_but_the_critical_do_not() -> None:
    outbox = MemoryOutbox()
    start_ms = 1_800_000_000_000
    with http_receiver() as received, courier_of(outbox, a=json_url(received.port)) as courier:
        for number in range(8):
            outbox.put(told(number), [A])
            for _ in range(100):
                courier.step(start_ms + number)
                if number >= 5 or not outbox.backlog():
                    break
                threading.Event().wait(0.05)
        assert len(received.bodies) == 5
        assert outbox.backlog() == 3
        outbox.put(told(9, "critical"), [A])
        while outbox.backlog() > 3:
            courier.step(start_ms + 10)
            threading.Event().wait(0.01)
        assert len(received.bodies) == 6
        assert "message 9" in received.bodies[-1]
        for number in range(20, 23):
            outbox.put(told(number), [A])
        courier.step(start_ms + 59_000)
        assert outbox.backlog() == 6
        while outbox.backlog():
            courier.step(start_ms + 61_000)
            threading.Event().wait(0.01)
        assert received.json()["title"] == "6 alerts · r1"
        assert len(received.bodies) == 7


def test_a_clock_that_is_set_back_silences_no_sink() -> None:
    outbox = MemoryOutbox()
    start_ms = 1_800_000_000_000
    with http_receiver() as received, courier_of(outbox, a=json_url(received.port)) as courier:
        for number in range(5):  # all that a minute allows
            outbox.put(told(number), [A])
            while outbox.backlog():
                courier.step(start_ms)
                threading.Event().wait(0.01)
        outbox.put(told(6), [A])
        courier.step(start_ms)
        assert outbox.backlog() == 1
        until = time.monotonic() + 20
        while outbox.backlog():
            assert time.monotonic() < until
            courier.step(start_ms - 3_600_000)
            threading.Event().wait(0.01)
        assert len(received.bodies) == 6


def test_a_redirect_is_not_followed() -> None:
    outbox = MemoryOutbox()
    with http_receiver() as received:
        received.replies = [307]
        with courier_of(outbox, a=json_url(received.port)) as courier:
            outbox.put(told(1), [A])
            while not outbox.faults:
                courier.step(clock())
                threading.Event().wait(0.01)
        assert received.paths == ["/hook"]


def test_what_is_no_url_is_told_and_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    outbox = MemoryOutbox()
    with courier_of(outbox, a="hunter2-token-of-something") as courier, caplog.at_level(logging.DEBUG):
        outbox.put(told(1), [A])
        while not outbox.faults:
            courier.step(clock())
            threading.Event().wait(0.01)
    assert outbox.faults[0][1] == "not a URL that apprise understands"
    assert "hunter2" not in caplog.text
    assert "env:ALERT_A" in caplog.text


def test_no_piece_of_a_url_is_left_in_a_text() -> None:
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?secret=p%40ss-word"
    said = f"cannot reach https://hooks/services/t1jj3t3l2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ p@ss-word {url}"
    struck = strike(said, url)
    for piece in ("T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ", "p@ss-word", "p%40ss"):
        assert piece.lower() not in struck.lower()
    assert "hunter2" not in repr(Sink("env:X", Secret("json://hunter2@host")))


def test_the_worker_knows_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_A", "json://token-in-the-environment")
    outbox = MemoryOutbox()
    with courier_of(outbox, a="json://127.0.0.1:9/hook") as courier:
        courier.start()
        assert courier.pid is not None
        deadline = time.monotonic() + 5
        while b"notify.worker" not in _proc(courier.pid, "cmdline") and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        assert b"token-in-the-environment" not in _proc(courier.pid, "environ")
        assert b"token" not in _proc(courier.pid, "cmdline")


def _proc(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


def test_a_worker_that_talks_nonsense_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nonsense = tmp_path / "python"
    nonsense.write_text('#!/bin/sh\nread line\necho \'{"no": "answer"}\'\nexec sleep 60\n')
    nonsense.chmod(0o755)
    outbox = MemoryOutbox()
    with http_receiver() as received:
        with courier_of(outbox, Pace(retry_first_ms=50), a=json_url(received.port)) as courier:
            with monkeypatch.context() as patch:
                patch.setattr(sys, "executable", str(nonsense))
                outbox.put(told(1), [A])
                while not outbox.faults:
                    courier.step(clock())
                    threading.Event().wait(0.01)
            step_until(courier, outbox, 0)
        assert outbox.faults[0][1] == "the worker ended"
        assert len(received.bodies) == 1
