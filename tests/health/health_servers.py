"""A health server of a made-up session, in a thread of its own, and plain requests to it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

from runner.domain.secret import Secret
from runner.health.server import HealthServer, serve_health
from runner.health.vitals import Health

STATES = ("starting", "running", "protect_only", "halted", "closed")
FEEDS = ("bars", "account")


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


def health_of(clock: Clock) -> Health:
    return Health(clock, states=STATES, feeds=FEEDS)


@contextmanager
def served(health: Health, address: str = "127.0.0.1", token: Secret | None = None) -> Iterator[HealthServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(serve_health(health, address, 0, token), loop).result(10)
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def get(
    server: HealthServer, path: str, *, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = HTTPConnection(server.address, server.port, timeout=5)
    try:
        connection.request(
            method, path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()
