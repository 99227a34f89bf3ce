"""Live prices, simulated fills: the core's own venue on the exchange's bars, and nobody's money.

In: a compiled bot, a desk, the market port. Out: journal entries like a session's, and the exit code.
Refuses to know: orders at an exchange, keys. What a bar executes is known at its close, on the adverse path:
exactly what a backtest over the same bars says, whatever was killed in between, for a bar is one commit or
none.
An operator's word acts from the next open on: what happened before it in the running bar is not known yet.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

from runner.compiler.build import Compiled
from runner.core.apply import apply
from runner.core.decide import closing_only
from runner.core.match import match, match_open
from runner.core.step import owed, within_reach
from runner.core.walk import walk_from_open
from runner.domain.bar import ADVERSE, Bar, Funding
from runner.domain.entry import Entry, Event, income_fact, trade_fact
from runner.domain.order import ENTRY, LEG_NONE, NOTHING, REASONS, REVERSE, Fill
from runner.domain.order_event import Filled, FundingPaid
from runner.domain.plan import Plan
from runner.domain.position import State
from runner.domain.session_event import Resumed, RunEnded, StateSet
from runner.domain.venue import ClosedBar, MarketPort, ReadFailed
from runner.errors import UsageError
from runner.live.adopt import leaving
from runner.live.book import Book, fold
from runner.live.close import close_entries, resumed
from runner.live.desk import Desk
from runner.live.feed import Feed
from runner.live.recover import clock_offset
from runner.live.settlements import SettledMarket
from runner.live.states import SessionState
from runner.live.window import Window, core_bar

NEWS_MS = 1_000
CLOCK_MS = 600_000
HALTED_EXIT = 6
MISSED_MAX = 100_000  # bars that closed while nobody looked: more than two months of minutes


def at_open(plan: Plan, state: State, bar: Bar) -> Iterator[Fill]:
    """What executes at the bar's open."""
    while (fill := match_open(plan, state, bar)).leg != LEG_NONE:
        state = apply(plan, state, fill)
        yield fill


def inside(plan: Plan, state: State, bar: Bar) -> Iterator[Fill]:
    """What executes after it, along the adverse walk."""
    if not within_reach(plan, state, bar):
        return
    walk = walk_from_open(state, bar, ADVERSE)
    while True:
        fill, walk = match(plan, state, bar, walk)
        if fill.leg == LEG_NONE:
            return
        state = apply(plan, state, fill)
        yield fill


@dataclass(slots=True)
class Draft:
    """The entries of one bar before they are committed, and the book as it will be after them."""

    desk: Desk
    bar: Bar
    book: Book
    entries: list[Entry] = field(default_factory=list)

    def add(self, event: Event, *, fact: str | None = None, time_ms: int | None = None) -> None:
        """One more."""
        stamped = self.desk.entry(event, fact=fact, time_ms=time_ms)
        self.take(replace(stamped, bar_ms=self.bar.close_time_ms))

    def take(self, entry: Entry) -> None:
        """The same, stamped already."""
        self.entries.append(entry)
        self.book = fold(self.book, entry)

    def fill(self, fill: Fill) -> None:
        """An execution, or the venue's refusal of an order."""
        if fill.quantity <= 0.0:
            refused = apply(self.book.plan, self.book.state, fill)
            self.add(StateSet(refused, f"order refused: {REASONS[fill.reason]}"), time_ms=fill.time_ms)
            return
        identity = self.desk.identity
        place = sum(isinstance(entry.event, Filled) for entry in self.entries)
        trade_id = f"{identity.run}-{self.bar.open_time_ms}-{place}"
        after = apply(self.book.plan, self.book.state, fill)
        filled = Filled(
            symbol=identity.symbol,
            side=fill.side,
            quantity=_exact(fill.quantity),
            price=_exact(fill.price),
            fee_usdt=_exact(fill.fee_usdt),
            maker=fill.maker,
            reason=REASONS[fill.reason],
            trade_id=trade_id,
            applied=fill,
            slippage_usdt=_exact(fill.slippage_usdt),
            position_after=_exact(after.position.quantity),
        )
        self.add(filled, fact=trade_fact(identity.symbol, trade_id), time_ms=fill.time_ms)


@dataclass(slots=True)
class PaperSession:
    """`news`: what an operator wrote into the journal since the last call."""

    compiled: Compiled
    desk: Desk
    port: MarketPort
    news: Callable[[], Sequence[Entry]]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    fault: BaseException | None = None
    stream_is_alive: bool = False  # there is no account to listen to
    executor: None = None
    mark: None = None
    market: SettledMarket = field(init=False)

    def __post_init__(self) -> None:
        self.market = SettledMarket(self.port, self.desk.exchange_ms, self.compiled.needs_funding)

    async def run(self) -> int:
        """Live until it is stopped; the exit code."""
        window = Window(self.compiled, self.compiled.plan.timeframe_ms)
        self._refuse_long_absence(window.timeframe_ms)
        feed = Feed(
            self.desk,
            self.market,
            window,
            lambda bar: self.on_bar(bar, window),
            missed_max=MISSED_MAX,
        )
        jobs = [
            asyncio.ensure_future(job)
            for job in (self._follow(feed), feed.listen(), self._watch(feed), self._keep_time())
        ]
        ending = asyncio.ensure_future(self.stopping.wait())
        try:
            done, _ = await asyncio.wait((*jobs, ending), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*jobs, ending):
                task.cancel()
            await asyncio.gather(*jobs, ending, return_exceptions=True)
        if self.fault is not None:
            raise self.fault
        return self._ended()

    def stop(self) -> None:
        """End soon."""
        self.stopping.set()

    async def _follow(self, feed: Feed) -> None:
        self._settle_state(feed)
        await feed.run()

    def on_bar(self, closed: ClosedBar, window: Window) -> None:
        """What the bar executed, what it cost, and what is decided at its close: one commit."""
        bar, plan = core_bar(closed, window.timeframe_ms), self.desk.book.plan
        if bar.close_time_ms <= self.desk.book.decided_ms or not window.is_warm:
            return
        if self.compiled.needs_funding:
            window.funding = self.market.series()
        due = self.market.between(self.desk.book.decided_ms or bar.open_time_ms, bar.close_time_ms)
        draft = Draft(self.desk, bar, self.desk.book)
        early = [one for one in due if one.time_ms <= bar.open_time_ms]
        for funding in early:
            self._pay(draft, funding, draft.book.state)
        for fill in at_open(plan, draft.book.state, bar):
            draft.fill(fill)
        opened = draft.book.state
        for fill in inside(plan, opened, bar):
            draft.fill(fill)
        for funding in due[len(early) :]:
            self._pay(draft, funding, opened)
        for entry in close_entries(self.desk, draft.book, window):
            draft.take(entry)
        self._restrain(draft)
        self.desk.commit(*draft.entries)

    def _pay(self, draft: Draft, funding: Funding, before: State) -> None:
        """One settlement; where the position changed around it, from `before` on, the dearer side is paid."""
        if self.compiled.document.costs.funding != "historical":
            return
        if not funding.mark_price:  # as a backtest does: the last price known at that instant
            opening = funding.time_ms == draft.bar.open_time_ms
            mark = draft.bar.open if opening else self.desk.book.last_close or draft.bar.open
            funding = funding._replace(mark_price=mark)
        payment = min(owed(before, funding), owed(draft.book.state, funding))
        if payment == 0.0:
            return
        identity = self.desk.identity
        paid = FundingPaid(
            identity.symbol,
            _exact(payment),
            settled_usdt=payment,
            funding_rate=_exact(funding.funding_rate),
            mark_price=_exact(funding.mark_price),
        )
        fact = income_fact("FUNDING_FEE", f"{identity.run}-{funding.time_ms}")
        draft.add(paid, fact=fact, time_ms=funding.time_ms)

    def _restrain(self, draft: Draft) -> None:
        """While halted nothing opens; where the halt says so, what is open closes at the next open."""
        halted, state = draft.book.halted, draft.book.state
        if halted is None:
            return
        orders = state.orders
        market = orders.market
        if market.reason in (ENTRY, REVERSE):
            market = closing_only(market, state.position)
        kept = state._replace(orders=orders._replace(market=market, entry=NOTHING))
        if halted.level != "no_entries" and market == NOTHING:
            kept = leaving(kept, draft.bar.close_time_ms)
        if kept != state:
            draft.add(StateSet(kept, f"halted: {halted.reason}"))

    async def _watch(self, feed: Feed) -> None:
        """An operator's word, and a feed that falls silent."""
        while True:
            for entry in self.news():
                self.desk.book = fold(self.desk.book, entry)
                if isinstance(entry.event, Resumed):
                    state = resumed(self.desk.book.state)
                    self.desk.commit(self.desk.entry(StateSet(state, f"operator: {entry.event.reason}")))
            if self.desk.state is not SessionState.STARTING:
                self._settle_state(feed)
            await self.desk.clock.sleep(NEWS_MS)

    async def _keep_time(self) -> None:
        while True:
            with suppress(ReadFailed):
                self.desk.exchange_offset_ms = await clock_offset(self.desk, self.port)
            await self.desk.clock.sleep(CLOCK_MS)

    def _refuse_long_absence(self, timeframe_ms: int) -> None:
        known = self.desk.book.decided_ms
        if known and (self.desk.exchange_ms() - known) // timeframe_ms >= MISSED_MAX:
            raise UsageError("this run was left too long ago to be caught up with; --fresh begins another")

    def _settle_state(self, feed: Feed) -> None:
        desk, halted = self.desk, self.desk.book.halted
        if halted is not None:
            if desk.state is not SessionState.HALTED:
                desk.move(SessionState.HALTED, halted.reason)
            return
        if desk.state is SessionState.HALTED:
            desk.move(SessionState.STARTING, "resumed")
        if not feed.window.is_warm:
            why = f"warming up: {len(feed.window.bars)} of {feed.window.bars_needed} bars"
        elif feed.is_stale:
            why = f"the newest bar is {feed.age_ms} ms late"
        elif feed.lacks_mark:
            why = "the exchange tells no mark price of the newest bar; the last price stands in"
        else:
            desk.move(SessionState.RUNNING, "the newest bar is in time")
            return
        desk.move(SessionState.PROTECT_ONLY, why)

    def _ended(self) -> int:
        halted = self.desk.book.halted
        code = HALTED_EXIT if halted is not None else 0
        why = halted.reason if halted is not None else "stopped"
        self.desk.record(self.desk.entry(RunEnded(why, code)))
        self.desk.move(SessionState.CLOSED, why)
        return code


def _exact(figure: float) -> Decimal:
    return Decimal(repr(figure))
