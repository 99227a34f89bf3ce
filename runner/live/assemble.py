"""A session with everything around it: journal, lease, alerts, health, signals; from its start to its exit
code.

In: an outfit (what runs, under which lease, who is told), a connection to the exchange. Out: the exit code;
faults of the session are raised when all is closed.
Refuses to know: how the place is called, terminals, vaults.


"""

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from runner.domain.alert import Alert
from runner.domain.secret import Secret
from runner.domain.session_event import Alerted, Handover, RunEnded
from runner.domain.venue import ReadFailed
from runner.errors import ExchangeRefused, JournalFailed, LeaseLost, RunnerError
from runner.health.heartbeat import keep_pinging
from runner.health.server import serve_health
from runner.health.vitals import Health
from runner.journal.lease import Lease
from runner.journal.rows import Run
from runner.journal.write import Journal
from runner.live import alerts
from runner.live.connection import Connection, Door, connected
from runner.live.exposure import gate_limits
from runner.live.flatten import Flattened, Flattening
from runner.live.gate import GateLimits
from runner.live.kept import kept
from runner.live.living import Living
from runner.live.recover import Policy
from runner.live.scribe import Scribe
from runner.live.session import Session
from runner.live.signs import FEEDS, Signs
from runner.live.states import SessionState
from runner.live.survey import Survey, insist, look_around
from runner.live.takeup import (
    Deployment,
    begin,
    first_entries,
    go_on,
    halted_for,
    lay_desk,
    leave,
    session_started,
    texts_of,
)
from runner.notify.courier import Courier

BEAT_S = 0.25
RENEW_S = 5.0
GRACE_S = 10.0  # for an orderly end; then the tasks are cut off, as a crash would
DRAIN_MS = 3_000  # for the last alerts
UNPROTECTED_S_MAX = 5.0
FAULT_EXIT = 3
TROUBLE_CODE_MIN = -1100  # above it: "general server or network issues"; below: what was asked is at fault

_log = logging.getLogger("runner.live")


@dataclass(frozen=True, slots=True)
class HealthPlace:
    """Where health listens and whom it pings; port None: nowhere."""

    address: str
    port: int | None
    token: Secret | None = None
    heartbeat: Secret | None = None


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a session is given. `known`: the run it takes up; None: a new one. `cap_usdt`: the operator's own
    cap on notional. `faults` keep it from new risk; `runs_off`: it ends when it is flat.
    """

    deployed: Deployment
    journal: Journal
    lease: Lease
    known: Run | None
    handover: Handover | None
    policy: Policy
    cap_usdt: float | None
    faults: tuple[str, ...]
    sinks: Callable[[Alert], tuple[str, ...]]
    courier: Courier
    health: HealthPlace
    runs_off: bool = False
    on_ready: Callable[[str, int | None], None] = lambda run, port: None  # the run's name, the port of health
    on_session: Callable[[Session], None] = lambda session: None  # before it starts


@dataclass(slots=True)
class Host:
    """What runs beside a session."""

    outfit: Outfit
    connection: Connection
    session: Living
    scribe: Scribe
    health: Health
    signs: Signs
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    told_gap_ms: int = 0

    async def run(self, health_port: int | None = None) -> int:
        """The session and its company, until it ends or is told to."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._told_to_stop, name.name)
        self.scribe.take_up(lambda: bool(self.session.desk.unwritten))
        self.outfit.on_ready(self.scribe.run, health_port)
        living = asyncio.ensure_future(self.session.run())
        jobs = [loop.create_task(job) for job in (self._beat(), self._renew(), *self._pings())]
        for job in jobs:
            job.add_done_callback(self._job_ended)
        try:
            return await self._until_end(living)
        finally:
            for task in (living, *jobs):
                task.cancel()
            await asyncio.gather(living, *jobs, return_exceptions=True)
            for name in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(name)

    async def _until_end(self, living: "asyncio.Future[int]") -> int:
        asked = asyncio.ensure_future(self.ending.wait())
        try:
            await asyncio.wait((living, asked), return_when=asyncio.FIRST_COMPLETED)
            if not living.done():
                await asyncio.wait((living,), timeout=GRACE_S)
        finally:
            asked.cancel()
        if not living.done():
            if self.session.fault is not None:
                raise self.session.fault
            _log.warning("ended before recovery was finished; what rests at the exchange goes on resting")
            return 0
        return living.result()

    def _told_to_stop(self, name: str) -> None:
        _log.info("%s: ending; what rests at the exchange goes on resting", name)
        self._end()

    def _end(self) -> None:
        self.session.stop()
        self.ending.set()

    def _job_ended(self, job: "asyncio.Future[None]") -> None:
        """Whatever runs beside the session must not end before it."""
        if not job.cancelled() and job.exception() is not None:
            self.session.fault = self.session.fault or job.exception()
            self._end()

    def _pings(self) -> Sequence[Coroutine[None, None, None]]:
        url = self.outfit.health.heartbeat
        return [keep_pinging(url, self.health)] if url is not None else []

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                self.outfit.lease.renew(_now_ms())
            except LeaseLost:
                raise
            except JournalFailed as fault:
                _log.warning("the lease could not be renewed: %s", fault)

    async def _beat(self) -> None:
        while True:
            self.signs.look(self.session, self.connection.client.budget)
            self._step_courier()
            self._watch_protection()
            self._refit()
            self._keep_book()
            await asyncio.sleep(BEAT_S)

    def _keep_book(self) -> None:
        """Now and then, so that the next start is quick. Not while something of it is still to be written."""
        desk = self.session.desk
        if desk.unwritten or not self.scribe.must_keep():
            return
        try:
            self.scribe.keep(desk.entry(kept(desk.book)))
        except LeaseLost:
            raise
        except JournalFailed as fault:
            _log.debug("the book is not kept: %s", fault)

    def _step_courier(self) -> None:
        try:
            self.outfit.courier.step(self.connection.machine.now_ms())
            self.health.measures.alerts_waiting(self.outfit.journal.outbox.backlog())
        except JournalFailed as fault:
            _log.debug("alerts wait: %s", fault)

    def _watch_protection(self) -> None:
        """A gap in protection that lasts is told, once."""
        gap_s = self.health.unprotected_s()
        if gap_s < UNPROTECTED_S_MAX:
            self.told_gap_ms = 0
        elif self.told_gap_ms == 0:
            desk = self.session.desk
            now_ms = desk.clock.now_ms()
            self.told_gap_ms = now_ms - round(gap_s * 1000)
            told = alerts.unprotected(desk.identity.run, desk.identity.bot, now_ms, self.told_gap_ms)
            self.scribe.tell(told, desk.entry(Alerted(told, ())))

    def _refit(self) -> None:
        """The gate follows the account; a halt that closes goes on closing until it is flat."""
        session, desk = self.session, self.session.desk
        executor, mark = session.executor, session.mark
        if executor is None:
            return
        if mark is not None:
            equity_usdt = desk.book.state.account.equity_usdt
            executor.limits = gate_limits(
                session.compiled, desk.identity.symbol, equity_usdt, float(mark), self.outfit.cap_usdt
            )
        if self.outfit.runs_off and desk.state is not SessionState.STARTING and self._is_flat():
            self._end()
        halted = desk.book.halted
        if halted is not None and halted.level != "no_entries" and desk.state is SessionState.HALTED:
            leave(desk, f"halted: {halted.reason}")

    def _is_flat(self) -> bool:
        desk = self.session.desk
        return desk.book.state.position.quantity == 0.0 and desk.held_there == 0 and not desk.book.live_orders


async def look(door: Door, symbol: str) -> Survey:
    """What the exchange says before a start."""
    async with connected(door) as connection:
        return await look_around(connection.ports, connection.setup, symbol, connection.clock)


async def live_on(outfit: Outfit, door: Door) -> int:
    """A session of its own connection, in a process of its own."""
    async with connected(door) as connection:
        spare_collector()
        return await serve(outfit, connection)


def spare_collector() -> None:
    """What is loaded by now stays to the end: looking for garbage in it takes longer than an order may."""
    gc.collect()
    gc.freeze()


async def close_out(
    deployed: Deployment, known: Run, journal: Journal, lease: Lease, door: Door, patience_ms: int
) -> Flattened:
    """The kill switch's own session: nothing but out, under a lease that was seized."""
    async with connected(door) as connection:
        scribe = Scribe(journal, lease, known.run, deployed.bot, lambda alert: (), journal.read.head().seq)
        desk = lay_desk(journal, deployed, known.run, connection.clock, scribe.append)
        limits = GateLimits(deployed.symbol, Decimal(0), Decimal(0))
        return await Flattening(desk, connection.ports, limits, scribe.is_held, patience_ms).run()


async def serve(outfit: Outfit, connection: Connection) -> int:
    """Take the run up, live, end; the exit code."""
    deployed = outfit.deployed
    seen = await look_around(
        connection.ports, connection.setup, deployed.symbol, connection.clock, is_asking_rights=False
    )
    faults = [*outfit.faults, *await _settle_setup(deployed, connection, seen)]
    health = Health(connection.machine.now_ms, states=[state.value for state in SessionState], feeds=FEEDS)
    signs = Signs(health, deployed.compiled.plan.capital_usdt)
    scribe = Scribe(
        journal=outfit.journal,
        lease=outfit.lease,
        run=outfit.known.run
        if outfit.known
        else begin(outfit.journal, deployed, connection.machine.now_ms()),
        bot=deployed.bot,
        sinks=outfit.sinks,
        heard_seq=outfit.journal.read.head().seq,
        on_entries=signs.wrote,
    )
    session = _session(outfit, connection, scribe, seen)
    outfit.on_session(session)
    write_start(outfit, session, faults)
    identity = session.desk.identity
    health.measures.about(
        bot=identity.bot, run=identity.run, bot_hash=identity.bot_hash, build=identity.build
    )
    health.state(session.desk.state.value)
    return await among_company(outfit, Host(outfit, connection, session, scribe, health, signs))


async def among_company(outfit: Outfit, host: Host) -> int:
    """The host with health served and alerts carried, and a last word when it ends by a fault."""
    place, server, clock = outfit.health, None, host.connection.machine
    try:
        if place.port is not None:
            server = await serve_health(host.health, place.address, place.port, place.token)
        outfit.courier.start()
        return await host.run(server.port if server else None)
    except BaseException as fault:
        _last_word(host, fault)
        raise
    finally:
        if server is not None:
            await server.stop()
        with suppress(JournalFailed):
            outfit.courier.drain(clock.now_ms, clock.now_ms() + DRAIN_MS)
        outfit.courier.close()


def _last_word(host: Host, fault: BaseException) -> None:
    """Best effort: the journal may be what failed."""
    code = fault.exit_code if isinstance(fault, RunnerError) else FAULT_EXIT
    why = f"{type(fault).__name__}: {fault}"[:500]
    _log.error("the session ends: %s", why)
    with suppress(JournalFailed):
        host.scribe.append([host.session.desk.entry(RunEnded(why, code))])


def _session(outfit: Outfit, connection: Connection, scribe: Scribe, seen: Survey) -> Session:
    deployed = outfit.deployed
    desk = lay_desk(outfit.journal, deployed, scribe.run, connection.clock, scribe.append)
    desk.exchange_offset_ms = seen.offset_ms
    equity_usdt = desk.book.state.account.equity_usdt
    limits = gate_limits(
        deployed.compiled, deployed.symbol, equity_usdt, float(seen.mark_price), outfit.cap_usdt
    )
    return Session(
        deployed.compiled, desk, connection.ports, limits, outfit.policy, scribe.news, scribe.is_held
    )


def write_start(outfit: Outfit, session: Living, faults: Sequence[str]) -> None:
    """The beginning, or the going on, before anything else happens."""
    desk, deployed = session.desk, outfit.deployed
    outfit.journal.append(texts=texts_of(deployed), lease=outfit.lease)
    started = session_started(desk, outfit.lease.epoch)
    if outfit.known is None:
        desk.commit(*first_entries(desk, deployed), started)
    else:
        desk.commit(started)
        go_on(desk, deployed, outfit.known, outfit.handover)
    desk.commit(*halted_for(desk, faults))


async def _settle_setup(deployed: Deployment, connection: Connection, seen: Survey) -> list[str]:
    """Leverage and margin mode as the bot wants them. With a position open nothing is touched: what differs
    is told, and keeps the bot from new risk.


    """
    market = deployed.compiled.document.market
    wanted = (market.leverage, market.margin == "isolated")
    if (seen.leverage, seen.isolated) == wanted:
        return []
    if not seen.is_flat:
        return [
            f"{deployed.symbol} is at leverage {seen.leverage}, {'isolated' if seen.isolated else 'cross'}, "
            f"and the bot wants {market.leverage}, {market.margin}: it is set at a start without a position"
        ]
    refused = await insist(connection.clock, lambda: _set_up(connection, deployed.symbol, wanted))
    if refused is not None:
        raise ExchangeRefused(str(refused), refused.code)
    return []


async def _set_up(connection: Connection, symbol: str, wanted: tuple[int, bool]) -> ReadFailed | None:
    """The exchange's no. What had no answer, or one of trouble on its side (10xx), is raised: setting again
    what was set changes nothing.
    """
    try:
        await connection.setup.write_setup(symbol, *wanted)
    except ReadFailed as failed:
        if failed.code > TROUBLE_CODE_MIN:
            raise
        return failed
    return None


def _now_ms() -> int:
    """The time of a lease, which other processes compare with theirs: by the clock that all of them read.
    Nothing depends on it but what `runner status` says of a silent process; the fence is the epoch.
    """
    return time.time_ns() // 1_000_000
