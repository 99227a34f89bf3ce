"""The exchange in a box as a process that watches one bot's processes, and kills them where it is told to.

    python -m tests.live.watching_exchange SPEED SEED JOURNAL_URL

In: besides the exchange's own calls, POST /admin/begin (a process is born, and when it dies), POST
/admin/end, POST /admin/dump (everything that was seen, pickled into a file).
Refuses to know: what is right, how the bot works.

The exchange is the one place that knows to the instant when an order has arrived, was executed, and was
answered; so it is the exchange that kills. At each request, and fifty times a second, it looks how long the
journal is: that is how it knows what was committed before an order arrived.
"""

import asyncio
import json
import os
import pickle
import random
import signal
import sqlite3
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from sqlalchemy.engine import make_url

from runner.simulator.audit import audit
from runner.simulator.box import MAIN, Box
from runner.simulator.pacing import Pace, Pacer
from runner.simulator.server import Server
from tests.live.exchange_process import HISTORY_BARS, opened_box
from tests.live.rig import MINUTE_MS, SYMBOL
from tests.proof.histories import Contact

PLAYED_BARS = 3_000
# In every twenty minutes of the exchange: answers that are lost, a stream that breaks, an exchange that is
# busy. What finds no request within two minutes does not wait for one: faults would pile up.
FAULTS = (
    "net.drop_after(POST order) at +{}m for 2m x1",
    "ws.kill(all, 1006) at +{}m",
    "http.overload(POST order) at +{}m for 2m x2",
    "net.drop_before(POST algoOrder) at +{}m for 2m x1",
    "http.unknown(POST algoOrder) at +{}m for 2m x1",
    "ws.drop(ORDER_TRADE_UPDATE) at +{}m for 2m x1",
    "net.truncate(POST order) at +{}m for 2m x1",
    "net.drop_after(DELETE algoOrder) at +{}m for 2m x1",
)
FAULTS_MINUTES = 20
LOOK_S = 0.02
WRITES = {(method, path) for method in ("POST", "DELETE") for path in ("order", "algoOrder")}
NO_ANSWER = (403, 408, 418, 429)

Trigger = Literal["request", "write", "close", "while"]
Stage = Literal["lost", "arrived", "executed", "answered"]


@dataclass(frozen=True, slots=True)
class Doom:
    """When a process dies: at its `nth` request of any kind (`request`) or that changes orders (`write`);
    after the next close of a bar (`close`); so long after its first request (`while`). `wait_s`, of the
    machine's time, goes before it. Of a request: it is lost on the wire, has arrived, was executed, or was
    answered. Who does not come there in `latest_s` dies all the same.
    """

    trigger: Trigger
    nth: int = 1
    stage: Stage = "answered"
    wait_s: float = 0.0
    latest_s: float = 8.0


@dataclass(slots=True)
class Life:
    """One process, in the exchange's times. At most `rest_ms` pass before its first request, however long the
    machine takes to start it. `held` and `under_way`: the position, and writes that had arrived
    and were not answered, when it was killed. `born_seq`: how long the journal was when it was born.
    """

    pid: int
    begun_ms: int
    born_seq: int
    doom: Doom | None
    rest_ms: int
    died_ms: int = 0
    requests: int = 0
    writes: int = 0
    first_s: float = 0.0
    is_killed: bool = False
    is_timely: bool = False
    held: Decimal = Decimal(0)
    under_way: int = 0


@dataclass(slots=True)
class Seen:
    """All of it. `looks`: the length of the exchange's log and of the journal, at the same moment."""

    contacts: list[Contact] = field(default_factory=list)
    looks: list[tuple[int, int]] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    truth: tuple[Any, ...] = ()
    end_ms: int = 0


class JournalLength:
    """How many entries a journal has that others write."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._postgres: Any = None
        self._known = 0

    def read(self) -> int:
        """What is committed now; before it is made, nothing is. A file that was left by a crash and that
        nobody has opened since is as long as it was.
        """
        if self._url.get_backend_name() == "sqlite":
            with suppress(sqlite3.OperationalError):
                uri = f"file:{self._url.database}?mode=ro"
                with closing(sqlite3.connect(uri, uri=True, timeout=0.2)) as connection:
                    self._take(connection.execute("SELECT seq FROM head WHERE id = 1").fetchone())
        else:
            self._read_postgres()
        return self._known

    def _read_postgres(self) -> None:
        import psycopg

        if self._postgres is None:
            plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
            self._postgres = psycopg.connect(plain, autocommit=True)
        with suppress(psycopg.errors.UndefinedTable):
            self._take(self._postgres.execute("SELECT seq FROM head WHERE id = 1").fetchone())

    def _take(self, row: Any) -> None:
        if row is not None:
            self._known = int(row[0])

    def close(self) -> None:
        """Let go of the connection."""
        if self._postgres is not None:
            self._postgres.close()


class StandingPacer(Pacer):
    """Time can stand still while nobody lives whose clock would notice."""

    is_standing = False

    def catch_up(self) -> None:
        if self.is_standing:
            self._started_s, self._started_ms = self._loop.time(), self._box.now_ms
        else:
            super().catch_up()


class WatchingServer(Server):
    """The exchange's server with eyes and a hand."""

    def __init__(self, box: Box, pace: Pace, journal: JournalLength) -> None:
        super().__init__(box, pace)
        self.seen, self._journal = Seen(), journal
        self._under_way_writes = 0
        self._watching: asyncio.Task[None] | None = None

    @property
    def pacer(self) -> "StandingPacer":
        assert isinstance(self._pacer, StandingPacer)
        return self._pacer

    async def start(self) -> None:
        await super().start()
        assert self._pacer is not None
        await self._pacer.stop()
        self._pacer = StandingPacer(self.box, self._pace, self._is_busy)
        self._pacer.start()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        await super().close()
        self._journal.close()

    @property
    def _life(self) -> Life | None:
        """Who lives now."""
        last = self.seen.lives[-1] if self.seen.lives else None
        return last if last is not None and not last.died_ms else None

    def _look(self) -> int:
        now = (len(self.box.exchange.log), self._journal.read())
        if not self.seen.looks or self.seen.looks[-1] != now:
            self.seen.looks.append(now)
        return now[1]

    async def _watch(self) -> None:
        """Deaths that no request leads to."""
        close_ms = 0
        while True:
            await asyncio.sleep(LOOK_S)
            life = self._life
            self.pacer.catch_up()
            if life is not None and not life.first_s and self.box.now_ms >= life.begun_ms + life.rest_ms:
                self.pacer.is_standing = True
            self._look()
            closed_ms = self.box.now_ms // MINUTE_MS
            is_close, close_ms = closed_ms != close_ms, closed_ms
            doom = life.doom if life is not None else None
            if life is None or doom is None or not life.first_s:
                continue
            lived_s = time.monotonic() - life.first_s
            if (doom.trigger == "close" and is_close) or (doom.trigger == "while" and lived_s > doom.wait_s):
                self._kill_later(life, doom.wait_s if doom.trigger == "close" else 0.0)
            elif lived_s > doom.latest_s:
                self._kill(life, is_timely=False)

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.pacer.catch_up()
        self.pacer.is_standing = False
        self._look()
        path = request.path.split("/", 3)[-1]
        is_write = (request.method, path) in WRITES
        life, sent_ms = self._life, self.box.now_ms
        stage = self._stage_of_death(is_write)
        self._under_way_writes += is_write
        try:
            if stage in ("lost", "arrived") and life is not None:
                self._kill(life)
            reply = await self._abort(request) if stage == "lost" else await super()._rest(request)
            if stage == "executed" and life is not None:
                self._kill(life)
        finally:
            self._under_way_writes -= is_write
        if stage == "answered" and life is not None and life.doom is not None:
            self._kill_later(life, life.doom.wait_s)
        is_private = b"signature=" in await request.read() or "signature=" in request.raw_path
        is_private = is_private or path == "listenKey"
        answered = isinstance(reply, web.Response) and reply.status < 500 and reply.status not in NO_ANSWER
        self.seen.contacts.append(
            Contact(sent_ms, self.box.now_ms, request.method, path, is_private, answered, reply.status)
        )
        return reply

    async def _abort(self, request: web.Request) -> web.StreamResponse:
        """The bytes never came whole: nothing is done, nobody is answered."""
        if request.transport is not None:
            request.transport.abort()
        return web.StreamResponse(status=599)

    def _stage_of_death(self, is_write: bool) -> Stage | None:
        """Count the request; where this is the one that a process dies of: when."""
        life = self._life
        if life is None:
            return None
        life.first_s = life.first_s or time.monotonic()
        life.requests += 1
        life.writes += is_write
        doom = life.doom
        if doom is None:
            return None
        is_it = (doom.trigger == "request" and life.requests == doom.nth) or (
            doom.trigger == "write" and is_write and life.writes == doom.nth
        )
        return doom.stage if is_it else None

    def _kill_later(self, life: Life, wait_s: float) -> None:
        life.first_s = float("inf")  # what is decided is not decided again
        asyncio.get_running_loop().call_later(wait_s, self._kill, life)

    def _kill(self, life: Life, *, is_timely: bool = True) -> None:
        """It has not been waited for yet, so that the number is nobody else's."""
        if life.is_killed or life.died_ms:
            return
        os.kill(life.pid, signal.SIGKILL)
        self.pacer.catch_up()
        life.is_killed, life.is_timely, life.died_ms = True, is_timely, self.box.now_ms
        legs = self.box.exchange.desk.positions(MAIN, SYMBOL)
        life.held = sum((leg.quantity for leg in legs), Decimal(0))
        life.under_way = self._under_way_writes

    async def _admin(self, request: web.Request) -> web.StreamResponse:
        call = request.path.removeprefix("/admin/")
        if call not in ("begin", "end", "dump"):
            return await super()._admin(request)
        text = await request.text()
        return web.json_response(self._told(call, json.loads(text) if text else {}))

    def _told(self, call: str, sent: dict[str, Any]) -> dict[str, Any]:
        self.pacer.catch_up()
        match call:
            case "begin":
                doom = Doom(**sent["doom"]) if sent["doom"] else None
                self.seen.lives.append(
                    Life(sent["pid"], self.box.now_ms, self._look(), doom, sent["rest_ms"])
                )
            case "end":
                life = self._life
                if life is not None:
                    life.died_ms = self.box.now_ms
            case "dump":
                self._dump(Path(sent["path"]))
        killed = sum(life.is_killed for life in self.seen.lives)
        return {"lives": len(self.seen.lives), "killed": killed, "time_ms": self.box.now_ms}

    def _dump(self, path: Path) -> None:
        seen, exchange = self.seen, self.box.exchange
        self._look()
        seen.truth, seen.problems, seen.end_ms = exchange.log.entries, audit(exchange), self.box.now_ms
        path.write_bytes(pickle.dumps(seen))


def restless(seed: int) -> list[float]:
    """Closes that turn often enough for stops, targets and rules to act every few bars."""
    chance = random.Random(seed)
    price, closes = 40_000.0, list[float]()
    for _ in range(HISTORY_BARS + PLAYED_BARS):
        price *= 1 + chance.gauss((40_000.0 - price) / 400_000.0, 0.002)
        closes.append(price)
    return closes


def rough(seed: int) -> str:
    """Faults of the wire, each at its own minute of every stretch."""
    chance, script = random.Random(seed), ["net.drop_after(POST marginType)"]
    for begin in range(0, PLAYED_BARS, FAULTS_MINUTES):
        minutes = chance.sample(range(begin + 2, begin + FAULTS_MINUTES), len(FAULTS))
        script += [fault.format(minute) for fault, minute in zip(FAULTS, minutes, strict=True)]
    return "; ".join(script)


async def serve(speed: float, seed: int, journal_url: str) -> None:
    """Until the process is ended."""
    box = opened_box(restless(seed), script=rough(seed), seed=seed)
    server = WatchingServer(box, Pace(speed), JournalLength(journal_url))
    await server.start()
    print(json.dumps({"url": server.url}), flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()


if __name__ == "__main__":
    # what is pickled has to be found under the module's own name
    from tests.live import watching_exchange

    asyncio.run(watching_exchange.serve(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
