"""The kill switch for a session that hangs or is dead: close one position and take its orders away.

In: a desk whose book was folded from the journal and whose lease was seized, the exchange's ports, limits.
Out: what became of it. Refuses to know: bars, rules, alerts, health: nothing here depends on what may have
made the session hang. The same adapter, journal and gate as ever; stops stay until the position is gone.
Source: reliability design 5.6: own entries, then targets, then a reduce-only market order, orphans last.


"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from decimal import Decimal

from runner.domain.session_event import StateSet
from runner.domain.venue import ReadFailed
from runner.live.adopt import leaving
from runner.live.desk import Desk
from runner.live.executor import Executor
from runner.live.gate import GateFacts, GateLimits
from runner.live.reconcile import Differs, reconcile
from runner.live.recover import clock_offset, doubt, settle_difference
from runner.live.session import Ports
from runner.live.states import SessionState

STEP_MS = 200
READ_MS = 1_000
ENTRY_LIFETIME_MS = 0  # no entry leaves from here


@dataclass(frozen=True, slots=True)
class Flattened:
    """`is_flat`: nothing is held and nothing of ours rests. `held` None: the exchange was never reached."""

    is_flat: bool
    held: Decimal | None
    resting: int
    why: str


@dataclass(slots=True)
class Flattening:
    """One attempt, for so long."""

    desk: Desk
    ports: Ports
    limits: GateLimits
    lease_is_held: Callable[[], bool]
    patience_ms: int
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    sent_ms: list[int] = field(default_factory=list)
    differed: Differs | None = None
    fault: BaseException | None = None
    why: str = "the exchange was not reached"

    async def run(self) -> Flattened:
        """Until it is flat, or the time is over."""
        executor = Executor(
            self.desk,
            self.ports.orders,
            self.ports.account,
            self.limits,
            self._facts,
            self._spawn,
            ENTRY_LIFETIME_MS,
            self.sent_ms,
        )
        until_ms = self.desk.clock.now_ms() + self.patience_ms
        try:
            await self._begin(until_ms)
            while not self._is_done() and self.desk.clock.now_ms() < until_ms:
                await self._round(executor)
        finally:
            await self._close()
        if self.fault is not None:
            raise self.fault
        is_done = self._is_done()
        return Flattened(
            is_done, self.desk.held_there, len(self.desk.book.live_orders), "" if is_done else self.why
        )

    async def _begin(self, until_ms: int) -> None:
        """The exchange's clock; then what was under way when the other process stopped has an unknown
        fate.
        """
        while self.desk.clock.now_ms() < until_ms:
            try:
                self.desk.exchange_offset_ms = await clock_offset(self.desk, self.ports.market)
            except ReadFailed as failed:
                await self._note(failed)
                continue
            self.ports.orders.set_clock(self.desk.exchange_offset_ms)
            doubt(self.desk)
            self.desk.move(SessionState.HALTED, "flatten")
            return

    async def _round(self, executor: Executor) -> None:
        """Look, settle what differs, want nothing but out, send."""
        try:
            verdict = await reconcile(self.desk, self.ports.account)
        except ReadFailed as failed:
            await self._note(failed)
            return
        if isinstance(verdict, Differs):
            self._judge(verdict)
        self._want_out()
        for _ in range(READ_MS // STEP_MS):
            executor.step()
            await self.desk.clock.sleep(STEP_MS)
            if self.fault is not None:
                raise self.fault
        self.why = "; ".join(executor.refusals.values()) or "orders are still under way"

    def _judge(self, verdict: Differs) -> None:
        """A difference that stands in two looks is real: what the exchange has is taken over, and closed."""
        before, self.differed = self.differed, verdict
        if before is not None and before.snapshot.position.quantity == verdict.snapshot.position.quantity:
            settle_difference(self.desk, verdict, "adopt")
            self.differed = None

    def _want_out(self) -> None:
        state = self.desk.book.state
        wanted = leaving(state, self.desk.exchange_ms())
        if state.position.quantity != 0.0 and state.orders.market.side * state.position.quantity >= 0.0:
            self.desk.record(self.desk.entry(StateSet(wanted, "operator: flatten")))

    def _is_done(self) -> bool:
        """Both sides say flat, and nothing of ours rests or is of unknown fate."""
        book = self.desk.book
        return (
            self.desk.held_there == 0 and book.state.position.quantity == 0.0 and not book.live_orders
        ) and not book.trades_missing()

    async def _note(self, failed: ReadFailed) -> None:
        self.why = str(failed)[:200]
        wait_ms = failed.until_ms - self.desk.clock.now_ms()
        await self.desk.clock.sleep(max(STEP_MS, wait_ms))

    def _facts(self) -> GateFacts:
        """Nothing that enters passes: no price is known here."""
        desk, book = self.desk, self.desk.book
        return GateFacts(
            now_ms=desk.clock.now_ms(),
            state=desk.state,
            mark_price=None,
            mark_time_ms=0,
            account_time_ms=desk.account_ms,
            held=desk.held_there,
            resting_entry=Decimal(0),
            sent_last_minute=sum(desk.clock.now_ms() - at < 60_000 for at in self.sent_ms),
            banned_until_ms=book.banned_until_ms,
            lease_is_held=self.lease_is_held(),
            anything_unknown=bool(book.unknown_orders),
        )

    def _spawn(self, job: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.fault = self.fault or task.exception()

    async def _close(self) -> None:
        """What is on its way may arrive: it can only reduce."""
        tasks = list(self.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
