"""One bot at one exchange, from its first recovery until it is stopped.

In: a compiled bot, a desk, the exchange's ports, what others wrote to the journal. Out: the exit code.
Refuses to know: which exchange it is, databases, terminals.
Everything that must not wait for something else is a task of its own; all of them write through the desk.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from runner.compiler.build import Compiled
from runner.domain.entry import Entry
from runner.domain.order import NO_ORDERS
from runner.domain.order_event import OrderUpdated
from runner.domain.session_event import Banned, RunEnded
from runner.domain.venue import (
    AccountPort,
    ClosedBar,
    MarketPort,
    OrderChanged,
    OrderPort,
    PositionChanged,
    ReadFailed,
    SettingsChanged,
    StreamAlive,
    StreamLost,
    VenueTrade,
)
from runner.live.actions import is_protected
from runner.live.close import judge_close
from runner.live.desk import Desk, either, unless
from runner.live.executor import CLOCK_CODES, Executor
from runner.live.feed import Feed
from runner.live.gate import INPUT_AGE_MS_MAX, GateFacts, GateLimits
from runner.live.ids import Leg
from runner.live.inquiry import stamped
from runner.live.operator import catch_up, hear
from runner.live.pace import IDLE_MS, RECONCILE_MS, account_pause_ms, pause, price_pause_ms
from runner.live.reconcile import Differs, read_income, reconcile
from runner.live.recover import Doubts, Policy, Recovery, clock_offset, protect, settle_difference
from runner.live.settlements import SettledMarket
from runner.live.states import SessionState
from runner.live.trades import apply_trades, owner_of
from runner.live.wanted import held_quantity, wanted_entry
from runner.live.watch import Watch
from runner.live.window import Window

TICK_MS = 250
IDLE_TICK_MS = 1_000
CLOCK_MS = 600_000
INCOME_MS = 300_000
NEWS_MS = 1_000
ENTRY_LIFETIME_MS_MAX = 60_000
START_MS = 10_000  # until stream and history are there; longer than that is trouble
GRACE_MS = 20_000  # of an orderly end
HALTED_EXIT = 6


@dataclass(frozen=True, slots=True)
class Ports:
    """The exchange, from its three sides."""

    orders: OrderPort
    account: AccountPort
    market: MarketPort


@dataclass(slots=True)
class Session:
    """`news` gives what others wrote to the journal about this run since the last call (a halt)."""

    compiled: Compiled
    desk: Desk
    ports: Ports
    limits: GateLimits
    policy: Policy
    news: Callable[[], Sequence[Entry]]
    lease_is_held: Callable[[], bool]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    mark: Decimal | None = None
    last: Decimal | None = None
    mark_ms: int = 0
    differs: bool = False
    doubts: Doubts = field(default_factory=Doubts)
    must_reconcile: asyncio.Event = field(default_factory=asyncio.Event)
    must_price: asyncio.Event = field(default_factory=asyncio.Event)
    must_read_income: bool = False
    started_by_ms: int = 0
    stream_is_alive: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    fault: BaseException | None = None
    sent_ms: list[int] = field(default_factory=list)
    executor: Executor | None = None
    market: SettledMarket | None = None  # of a bot whose rules read the funding rate
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.desk)

    async def run(self) -> int:
        """Recover, then live until somebody or something stops it; the exit code."""
        executor = self.executor = self._executor()
        window = Window(self.compiled, self.compiled.plan.timeframe_ms)
        if self.compiled.needs_funding:
            self.market = SettledMarket(self.ports.market, self.desk.exchange_ms, is_waiting=True)
        bars = self.market or self.ports.market
        feed = Feed(self.desk, bars, window, lambda bar: self._on_bar(bar, window))
        try:
            self.must_read_income = True
            self.started_by_ms = self.desk.clock.now_ms() + START_MS
            catch_up(self.desk)
            recovery = Recovery(self.desk, self.ports.account, self.ports.market, executor, self.policy)
            recovered = await unless(self.stopping, recovery.run())
            if self.fault is not None:
                raise self.fault
            if not recovered:
                return self._ended()
            for job in (
                feed.run(),
                feed.listen(),
                self._act(executor, feed),
                self._listen(),
                self._reconcile(executor),
                self._watch_price(),
                self._keep_time(executor),
                self._hear_news(),
            ):
                self._spawn(job)
            await self.stopping.wait()
            if self.fault is not None:
                raise self.fault
            await self._wind_down(executor)
            return self._ended()
        finally:
            await self._close()

    def stop(self) -> None:
        """End soon; stops go on resting at the exchange."""
        self.stopping.set()

    async def _wind_down(self, executor: Executor) -> None:
        """Nothing new; entries are taken back, and nobody leaves while a position has no stop or a request no
        answer, but for so long at most.
        """
        executor.is_closing = True
        deadline_ms = self.desk.clock.now_ms() + GRACE_MS
        while self.desk.clock.now_ms() < deadline_ms and self.fault is None:
            executor.step()
            book = self.desk.book
            held = held_quantity(book.plan, book.state)
            entering = any(own.id.leg is Leg.ENTRY for own in book.live_orders)
            doubtful = bool(book.unknown_orders) or book.trades_missing() or entering
            if not doubtful and is_protected(book.live_orders, held):
                return
            self.desk.changed.clear()
            await either(self.desk.changed, self.desk.clock.sleep(TICK_MS))

    def _executor(self) -> Executor:
        lifetime = min(self.compiled.plan.timeframe_ms // 2, ENTRY_LIFETIME_MS_MAX)
        return Executor(
            self.desk,
            self.ports.orders,
            self.ports.account,
            self.limits,
            self._facts,
            self._spawn,
            lifetime,
            self.sent_ms,
            is_called_off=self._is_called_off,
        )

    def _spawn(self, job: Coroutine[None, None, None]) -> None:
        """A task that lives with the session; a fault in any of them ends it, so that nothing limps on."""
        task = asyncio.get_running_loop().create_task(job)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.desk.changed.set()
        if not task.cancelled() and task.exception() is not None:
            self.fault = self.fault or task.exception()
            self.stopping.set()

    async def _close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _ended(self) -> int:
        halted = self.desk.book.halted
        code = HALTED_EXIT if halted is not None else 0
        why = halted.reason if halted is not None else "stopped"
        self.desk.record(self.desk.entry(RunEnded(why, code)))
        self.desk.move(SessionState.CLOSED, why)
        return code

    def _on_bar(self, closed: ClosedBar, window: Window) -> None:
        """A bar has closed: decide. An entry's fresh price and account are there, unless reading failed."""
        if self.market is not None:
            window.funding = self.market.series()
        if not judge_close(self.desk, window, closed):
            return
        if wanted_entry(self.desk.book.plan, self.desk.book.state) is None:
            return
        old_ms = self.desk.clock.now_ms() - INPUT_AGE_MS_MAX // 2
        if self.mark_ms < old_ms:
            self.must_price.set()
        if self.desk.account_ms < old_ms:
            self.must_reconcile.set()

    def _facts(self) -> GateFacts:
        desk, book = self.desk, self.desk.book
        return GateFacts(
            now_ms=desk.clock.now_ms(),
            state=desk.state,
            mark_price=self.mark,
            mark_time_ms=self.mark_ms,
            account_time_ms=desk.account_ms,
            held=desk.held_there,
            resting_entry=sum((o.left for o in book.live_orders if o.id.leg is Leg.ENTRY), Decimal(0)),
            sent_last_minute=sum(desk.clock.now_ms() - at < 60_000 for at in self.sent_ms),
            banned_until_ms=book.banned_until_ms,
            lease_is_held=self.lease_is_held(),
            anything_unknown=bool(book.unknown_orders) or book.trades_missing(),
        )

    async def _act(self, executor: Executor, feed: Feed) -> None:
        """After every change, and four times a second."""
        while True:
            self.desk.flush()
            if has_slept := self.watch.woke():
                self.must_price.set()
            if self.watch.look(self.mark, self.last, self.mark_ms) or has_slept:
                self.must_reconcile.set()
            self._settle_state(feed)
            executor.step()
            if executor.must_reconcile:
                executor.must_reconcile = False
                self.must_reconcile.set()
            self.desk.changed.clear()
            tick = IDLE_TICK_MS if self._is_idle() else TICK_MS
            await either(self.desk.changed, self.desk.clock.sleep(tick))

    def _is_idle(self) -> bool:
        """Whether nothing is held, rests, or is wanted."""
        book = self.desk.book
        flat = book.state.position.quantity == 0.0 and self.desk.held_there == 0
        return flat and not book.live_orders and book.state.orders == NO_ORDERS

    def _settle_state(self, feed: Feed) -> None:
        """The state that today's troubles allow."""
        desk = self.desk
        if desk.book.halted is not None:
            if desk.state is not SessionState.HALTED:
                desk.move(SessionState.HALTED, desk.book.halted.reason)
            return
        trouble = self._trouble(feed)
        if trouble and desk.state is SessionState.STARTING and desk.clock.now_ms() < self.started_by_ms:
            return
        if desk.state is SessionState.HALTED:
            desk.move(SessionState.STARTING, "resumed")
        if trouble and desk.state is not SessionState.PROTECT_ONLY:
            desk.move(SessionState.PROTECT_ONLY, trouble)
        elif not trouble and desk.state is not SessionState.RUNNING:
            desk.move(SessionState.RUNNING, "all is well again")

    def _trouble(self, feed: Feed) -> str:
        """Why no new risk may be taken; "" when it may."""
        desk = self.desk
        if desk.unwritten:
            return "the journal takes nothing"
        if not feed.window.is_warm:
            return f"warming up: {len(feed.window.bars)} of {feed.window.bars_needed} bars"
        if feed.is_stale:
            return f"the newest bar is {feed.age_ms} ms late"
        if feed.lacks_mark:
            return "the exchange tells no mark price of the newest bar"
        if not self.stream_is_alive:
            return "the account stream is lost"
        if desk.clock.now_ms() - desk.account_ms > 2 * IDLE_MS:
            return "the account could not be read for a while"
        if self.differs:
            return "the position differs from ours"
        return ""

    async def _listen(self) -> None:
        """The account stream: quicker than reading, never trusted alone."""
        async for event in self.ports.account.events(self.desk.identity.symbol):
            match event:
                case StreamAlive():
                    if not self.stream_is_alive:
                        self.stream_is_alive = True
                        self.must_reconcile.set()
                case StreamLost():
                    self.stream_is_alive = False
                    self.must_reconcile.set()
                case SettingsChanged():
                    self.must_reconcile.set()
                case PositionChanged(position, _, reason):
                    if position is not None:
                        self.desk.held_there = position.quantity
                    self.must_read_income = self.must_read_income or "FUND" in reason
                    self.desk.changed.set()
                case OrderChanged(order, trade):
                    own = self.desk.book.orders.get(order.client_id)
                    if own is not None:
                        self.desk.record(stamped(self.desk, own, OrderUpdated(order, "stream")))
                    if trade is not None:
                        self._heard_trade(trade)

    def _heard_trade(self, trade: VenueTrade) -> None:
        """What nobody seems to own may be a triggered stop's, whose market order has a name of its own: then
        the orders are asked first.
        """
        book = self.desk.book
        if owner_of(book, trade) is None and book.live_orders:
            self.must_reconcile.set()
        elif owner_of(book, trade) is not None or book.state.position.quantity:
            apply_trades(self.desk, (trade,))

    async def _reconcile(self, executor: Executor) -> None:
        """The truth by REST, on a timer and whenever something may have been missed."""
        failures = 0
        while True:
            self.must_reconcile.clear()
            try:
                verdict = await reconcile(self.desk, self.ports.account)
                self._judge_difference(verdict, executor)
                if self.must_read_income:
                    self.must_read_income = False
                    await read_income(self.desk, self.ports.account)
            except ReadFailed as failed:
                failures += 1
                if failed.until_ms > max(self.desk.book.banned_until_ms, self.desk.clock.now_ms()):
                    self.desk.record(self.desk.entry(Banned(failed.until_ms, 429, "exchange", str(failed))))
                executor.must_sync_clock = executor.must_sync_clock or failed.code in CLOCK_CODES
                wait = min(TICK_MS * 2**failures, RECONCILE_MS)
                await self.desk.clock.sleep(failed.until_ms - self.desk.clock.now_ms())
                await either(self.must_reconcile, self.desk.clock.sleep(wait))
                continue
            failures = 0
            self.desk.changed.set()
            await pause(self.desk, self.must_reconcile, self._account_pause_ms)

    def _account_pause_ms(self) -> int:
        return account_pause_ms(self.desk.book, is_idle=self._is_idle(), differs=self.differs)

    def _judge_difference(self, verdict: object, executor: Executor) -> None:
        """A difference is protected at once, and settled when it stands."""
        self.differs = isinstance(verdict, Differs)
        if not isinstance(verdict, Differs):
            self.doubts = Doubts()
            return
        protect(self.desk, executor, verdict.snapshot)
        if self.doubts.stand(verdict, self.desk.clock.now_ms()):
            settle_difference(self.desk, verdict, self.policy)
            self.differs, self.doubts = False, Doubts()

    async def _watch_price(self) -> None:
        while True:
            try:
                self.last, self.mark = await self.ports.market.prices(self.desk.identity.symbol)
                self.mark_ms = self.desk.clock.now_ms()
            except ReadFailed as failed:
                await self.desk.clock.sleep(max(TICK_MS, failed.until_ms - self.desk.clock.now_ms()))
                continue
            self.desk.changed.set()
            self.must_price.clear()
            await pause(self.desk, self.must_price, lambda: price_pause_ms(is_idle=self._is_idle()))

    async def _keep_time(self, executor: Executor) -> None:
        waited = 0
        while True:
            await self.desk.clock.sleep(NEWS_MS)
            waited += NEWS_MS
            self.must_read_income = self.must_read_income or waited % INCOME_MS < NEWS_MS
            if waited < CLOCK_MS and not executor.must_sync_clock:
                continue
            try:
                self.desk.exchange_offset_ms = await clock_offset(self.desk, self.ports.market)
                self.ports.orders.set_clock(self.desk.exchange_offset_ms)
                waited, executor.must_sync_clock = 0, False
            except ReadFailed:
                continue

    async def _hear_news(self) -> None:
        """What an operator wrote into the journal from elsewhere."""
        while True:
            hear(self.desk, self.news())
            await self.desk.clock.sleep(NEWS_MS)

    def _is_called_off(self) -> bool:
        """Whether the run is halted by now: asked before and after an entry is journaled, so that none
        leaves whose sending comes after the halt.
        """
        hear(self.desk, self.news())
        return self.desk.book.halted is not None
