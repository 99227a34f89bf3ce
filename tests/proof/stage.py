"""A stage for one bot and its exchange, all in memory and in virtual time, on which the bot's process can
die anywhere.

In: a scenario (bot, prices, faults, seed). Out: histories for the checker.
Refuses to know: what is right. The process is the product's own: ccxt, ports, journal on SQLite, lease,
scribe, recovery, session. Only sockets, the clock and the operating system's process are stand-ins.

Death: from one instant on nothing that the process does is seen any more, neither by the journal nor by the
exchange; what it had sent may still arrive. Then its tasks are cancelled.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import ccxt

from runner.domain.entry import Entry
from runner.domain.session_event import Halted, Resumed, SessionStarted
from runner.domain.venue import ReadFailed
from runner.errors import JournalFull, RunnerError
from runner.exchange.account import Account
from runner.exchange.client import FuturesClient
from runner.exchange.market import FuturesMarket
from runner.exchange.notice import Notice
from runner.exchange.setup import FuturesSetup
from runner.journal.chain import genesis
from runner.journal.lease import Lease, acquire
from runner.journal.write import Journal
from runner.live.connection import Connection
from runner.live.exposure import gate_limits
from runner.live.reconcile import reconcile
from runner.live.recover import Policy
from runner.live.resolve import RECEIVE_WINDOW_MS
from runner.live.scribe import Scribe
from runner.live.session import Ports, Session
from runner.live.states import SessionState
from runner.live.survey import Survey, look_around
from runner.live.takeup import (
    Deployment,
    begin,
    first_entries,
    go_on,
    latest_run,
    lay_desk,
    leave,
    texts_of,
)
from runner.simulator.box import Box
from runner.simulator.wire import Reply
from tests.live.rig import SYMBOL
from tests.live.virtual import VirtualClock, VirtualLoop
from tests.proof.door import SPARE, Conduct, Door, client_of
from tests.proof.histories import Contact, Histories, Terms
from tests.proof.shelf import ACCOUNT, MODE, append_within


class Dead(asyncio.CancelledError):
    """The process is gone. No product code catches it: it passes as a cancellation."""


Hook = Callable[["Life", tuple[Any, ...]], None]


@dataclass
class Life:
    """One process. `hook` is told of every instant at which it could die."""

    stage: "Stage"
    hook: Hook | None = None
    is_dead: bool = False
    died: asyncio.Event = field(default_factory=asyncio.Event)
    session: Session | None = None
    lease: Lease | None = None
    client: FuturesClient | None = None
    task: "asyncio.Task[int] | None" = None
    began_ms: int = 0
    skew_ms: int = 0
    policy: Policy = "halt"
    tasks: list["asyncio.Task[Any]"] = field(default_factory=list)

    def breathe(self) -> None:
        """Nothing is done by the dead."""
        if self.is_dead:
            raise Dead

    def at(self, *instant: Any) -> None:
        """An instant that a crash point may be waiting for."""
        if self.hook is not None:
            self.hook(self, instant)
            self.breathe()

    def die(self) -> None:
        """From now on nothing leaves."""
        self.is_dead = True
        self.died.set()

    def start(self, *, skew_ms: int = 0, policy: Policy = "halt") -> None:
        """Begin to live."""
        self.skew_ms, self.policy = skew_ms, policy
        self.began_ms = self.stage.now_ms
        self.task = self.stage.loop.create_task(self._live(skew_ms, policy))

    async def _live(self, skew_ms: int, policy: Policy) -> int:
        """The product's `serve`, without health's server and the couriers of alerts."""
        stage = self.stage
        self.at("begun")
        clock = VirtualClock(stage.loop, skew_ms)
        self.client = client = client_of(clock, stage.notice)
        client.session = Door(stage, self)
        account, market = Account(client, receive_window_ms=RECEIVE_WINDOW_MS), FuturesMarket(client)
        connection = Connection(client, Ports(account, account, market), FuturesSetup(client), clock)
        self._watch_ports(account)
        self.lease = acquire(stage.journal.database, f"{MODE}/{ACCOUNT}/{SYMBOL}", clock.now_ms())
        seen = await look_around(connection.ports, connection.setup, SYMBOL, clock, is_asking_rights=False)
        self.at("surveyed")
        self.session = session = self._session(connection, seen, policy)
        self.at("opened")
        self.tasks.append(stage.loop.create_task(self._beat(session, clock)))
        return await session.run()

    def _session(self, connection: Connection, seen: Survey, policy: Policy) -> Session:
        """The run taken up, its going on written, the session laid out."""
        stage, deployed = self.stage, self.stage.deployed
        journal, lease = cast(Journal, _Pen(self, stage)), cast(Lease, self.lease)
        known = latest_run(stage.journal, deployed)
        stage.run = known.run if known else begin(stage.journal, deployed, connection.clock.now_ms())
        heard = stage.journal.read.head().seq
        scribe = Scribe(journal, lease, stage.run, deployed.bot, lambda alert: ("desk",), heard)
        desk = lay_desk(journal, deployed, stage.run, connection.clock, scribe.append)
        desk.exchange_offset_ms = seen.offset_ms
        plan = deployed.compiled.plan
        limits = gate_limits(deployed.compiled, SYMBOL, plan.capital_usdt, float(seen.mark_price), None)
        journal.append(texts=texts_of(deployed), lease=lease)
        started = desk.entry(SessionStarted("stage", 1, lease.epoch))
        if known is None:
            desk.commit(*first_entries(desk, deployed), started)
        else:
            desk.commit(started)
            go_on(desk, deployed, known, None)
        news = stage.rumours(scribe)
        return Session(deployed.compiled, desk, connection.ports, limits, policy, news, scribe.is_held)

    async def _beat(self, session: Session, clock: VirtualClock) -> None:
        """What the product's host does four times a second that has an effect on the exchange: a
        halt that closes
        goes on closing until it is flat.
        """
        while True:
            halted = session.desk.book.halted
            if (
                halted is not None
                and halted.level != "no_entries"
                and session.desk.state is SessionState.HALTED
            ):
                leave(session.desk, f"halted: {halted.reason}")
            await clock.sleep(250)

    def _watch_ports(self, account: Account) -> None:
        """Instants after an answer is read, and when an event is heard."""
        placed, cancelled, events = account.place, account.cancel, account.events

        async def place(request: Any) -> Any:
            outcome = await placed(request)
            self.at("parsed", "place", request.client_id, outcome)
            return outcome

        async def cancel(symbol: str, client_id: str, book: Any) -> Any:
            outcome = await cancelled(symbol, client_id, book)
            self.at("parsed", "cancel", client_id, outcome)
            return outcome

        async def heard(symbol: str) -> Any:
            async for event in events(symbol):
                self.at("heard", event)
                yield event

        account.place, account.cancel, account.events = place, cancel, heard  # type: ignore[method-assign]

    async def bury(self) -> None:
        """Cancel what is left of a dead or stopped process, and let go of what its end lets go of."""
        self.die()
        self.stage.alive.append((self.began_ms, self.stage.now_ms))
        tasks = [one for one in (self.task, *self.tasks) if one is not None]
        if self.session is not None:
            tasks += list(self.session.tasks)
        while left := [one for one in tasks if not one.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0)
        for task in tasks:
            fault = None if task.cancelled() else task.exception()
            if fault is not None and not isinstance(fault, Dead | asyncio.CancelledError):
                self.stage.faults.append(fault)
        if self.lease is not None:
            self.lease.drop()
        if self.client is not None:
            await self.client.close()
            SPARE.append(self.client)
            self.client = None

    def state(self) -> str:
        """The session's state as it is called; `down` while none lives."""
        if self.is_dead or (self.task is not None and self.task.done()):
            return "down"
        return self.session.desk.state.value if self.session is not None else "starting"

    def is_settled(self) -> bool:
        """Whether recovery is over and no order's fate is open."""
        session = self.session
        if session is None or session.desk.state is SessionState.STARTING or session.executor is None:
            return False
        book = session.desk.book
        return not book.unknown_orders and not book.trades_missing() and not session.desk.unwritten

    async def stop(self) -> int:
        """An orderly end; how many entries a second reconcile after it writes."""
        repeated = 0
        if self.session is not None and self.task is not None and not self.is_dead:
            self.session.stop()
            await asyncio.wait((self.task,), timeout=10)
            repeated = await self._reconcile_twice(self.session)
        await self.bury()
        return repeated

    async def _reconcile_twice(self, session: Session) -> int:
        journal = self.stage.journal
        try:
            await reconcile(session.desk, session.ports.account)
            before = journal.read.head().seq
            await reconcile(session.desk, session.ports.account)
        except ReadFailed:
            return 0
        return journal.read.head().seq - before


class _Pen:
    """The journal as one life holds it: writing is an instant, before, within and after the commit."""

    def __init__(self, life: Life, stage: "Stage") -> None:
        self._life, self._stage = life, stage
        self.read, self.outbox, self.database = (
            stage.journal.read,
            stage.journal.outbox,
            stage.journal.database,
        )

    def append(self, *entries: Entry, **more: Any) -> Any:
        life, stage = self._life, self._stage
        life.breathe()
        life.at("writing", entries)
        if stage.is_mute:
            raise JournalFull("the disk is full")
        lines = stage.write(entries, more, lambda: life.at("committing", entries))
        life.at("written", entries)
        return lines


@dataclass
class Stage:
    """`box`, `journal` and `notice` outlive every process. `faults` are exceptions that ended one."""

    loop: VirtualLoop
    box: Box
    journal: Journal
    notice: Notice
    deployed: Deployment
    run: str = ""
    marks: dict[int, int] = field(default_factory=dict)
    alive: list[tuple[int, int]] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    by_hand: set[int] = field(default_factory=set)
    mute: list[tuple[int, int]] = field(default_factory=list)
    mute_since_ms: int | None = None
    under_way: set["asyncio.Task[Reply]"] = field(default_factory=set)
    faults: list[BaseException] = field(default_factory=list)
    life: Life | None = None
    commands: int = 0
    witness: Callable[[Any], None] | None = None
    conduct: Callable[[str, str, str], "Conduct | None"] | None = None

    def __post_init__(self) -> None:
        self.by_hand.update(range(len(self.box.exchange.log)))  # what was done before anybody lived
        strike = self.box._strike

        def by_hand(*asked: Any) -> str:
            begin = len(self.box.exchange.log)
            said = strike(*asked)
            self.by_hand.update(range(begin, len(self.box.exchange.log)))
            return said

        self.box._strike = by_hand  # type: ignore[method-assign]
        publish = self.box.hub.publish

        def told(events: Any) -> None:
            if self.witness is not None:
                self.witness(events)
            if self.life is not None and self.life.hook is not None and not self.life.is_dead:
                with suppress(Dead):
                    self.life.at("happened", events)
            publish(events)

        self.box.hub.publish = told  # type: ignore[method-assign]

    def landed(self, task: "asyncio.Task[Reply]") -> None:
        """A request is answered; perhaps nobody is there any more to hear it."""
        self.under_way.discard(task)
        if not task.cancelled():
            task.exception()

    @property
    def now_ms(self) -> int:
        """The true time."""
        return round(self.loop.now_s * 1000)

    @property
    def is_mute(self) -> bool:
        """Whether the journal takes nothing."""
        return self.mute_since_ms is not None

    def write(self, entries: Sequence[Entry], more: dict[str, Any], within: Callable[[], None]) -> Any:
        """Append, and remember where the truth stood."""
        lines = append_within(self.journal, entries, more, within)
        at = len(self.box.exchange.log)
        for line in lines:
            if line is not None:
                self.marks[line.seq] = at
        return lines

    def hush(self) -> None:
        """From now on the journal takes nothing."""
        if self.mute_since_ms is None:
            self.mute_since_ms = self.now_ms

    def unhush(self) -> None:
        """The journal takes entries again."""
        if self.mute_since_ms is not None:
            self.mute.append((self.mute_since_ms, self.now_ms))
            self.mute_since_ms = None

    def rumours(self, scribe: Scribe) -> Callable[[], Sequence[Entry]]:
        """The scribe's news, asked only where somebody has spoken: a question to SQLite is the
        dearest thing here.
        """
        heard = self.commands

        def news() -> Sequence[Entry]:
            nonlocal heard
            if heard == self.commands:
                return ()
            heard = self.commands
            return scribe.news()

        return news

    def command(self, event: Halted | Resumed) -> None:
        """An operator's word from another process."""
        if self.run:
            self.commands += 1
            self.write([Entry(self.run, self.now_ms, event)], {}, lambda: None)

    def begin(self, hook: Hook | None = None, **more: Any) -> Life:
        """A new process."""
        self.life = life = Life(self, hook)
        life.start(**more)
        return life

    async def play(self, until_ms: int, life: Life | None = None) -> bool:
        """The market and the process, until then or until it dies; True when it died."""
        while self.now_ms < until_ms and not (life is not None and life.is_dead):
            due = self.box.player.next_ms()
            next_ms = until_ms if due is None else min(max(due, self.now_ms), until_ms)
            if next_ms > self.now_ms:
                await _pause(life, (next_ms - self.now_ms) / 1000)
                if life is not None and life.is_dead:
                    break
            self._step(due)
        return life is not None and life.is_dead

    def _step(self, due: int | None) -> None:
        self.box.advance_to(self.now_ms)
        if due is not None and due <= self.now_ms and self.box.player.next_ms() == due:
            self.box.player.step()
            self.box.settle()

    def histories(self, terms: Terms, **more: Any) -> Histories:
        """Everything that was left behind."""
        instance = self.journal.read.about()["instance"]
        return Histories(
            terms=terms,
            truth=self.box.exchange.log.entries,
            journal=list(self.journal.read.entries()),
            marks=dict(self.marks),
            alive=sorted(self.alive),
            contacts=sorted(self.contacts, key=lambda one: (one.sent_ms, one.done_ms)),
            by_hand=frozenset(self.by_hand),
            genesis=genesis(instance),
            mute=tuple(self.mute),
            end_ms=self.now_ms,
            **more,
        )


async def _pause(life: Life | None, wait_s: float) -> None:
    """So long, or until the process dies."""
    if life is None:
        await asyncio.sleep(wait_s)
        return
    dying = asyncio.ensure_future(life.died.wait())
    try:
        await asyncio.wait((dying,), timeout=wait_s)
    finally:
        dying.cancel()
        with suppress(asyncio.CancelledError):
            await dying


def perform(loop: VirtualLoop, stage: Stage, play: Coroutine[Any, Any, None]) -> None:
    """Run a play to its end, and leave nothing behind."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(play)
        if stage.life is not None and not stage.life.is_dead:
            loop.run_until_complete(stage.life.bury())
    finally:
        while pending := asyncio.all_tasks(loop):
            for task in pending:
                task.cancel()
            loop.run_until_complete(asyncio.wait(pending, timeout=0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()


def is_ours(fault: BaseException) -> bool:
    """A fault that ended a process in an orderly way, named and with an exit code."""
    return isinstance(fault, RunnerError | ccxt.BaseError)
