"""Live prices, simulated fills: the core's own venue on the exchange's bars, and nobody's money.

In: a compiled bot, a desk, the market port. Out: journal entries like a session's, and the exit code.
Refuses to know: orders at an exchange, keys. Fills of a bar are known at its close, on the adverse path: exactly
what a backtest over the same bars says.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from runner.compiler.build import Compiled
from runner.core.apply import apply
from runner.core.match import match, match_open
from runner.core.step import owed, within_reach
from runner.core.walk import walk_from_open
from runner.domain.bar import ADVERSE, Bar, Funding
from runner.domain.entry import Entry, income_fact, trade_fact
from runner.domain.order import LEG_NONE, REASONS, Fill
from runner.domain.order_event import Filled, FundingPaid
from runner.domain.plan import Plan
from runner.domain.position import State
from runner.domain.session_event import Halted, Resumed, RunEnded, StateSet
from runner.domain.venue import ClosedBar, MarketPort, ReadFailed
from runner.live.adopt import leaving
from runner.live.book import fold
from runner.live.close import judge_close, resumed
from runner.live.desk import Desk
from runner.live.feed import Feed
from runner.live.states import SessionState
from runner.live.window import Window, core_bar

NEWS_MS = 1_000
HALTED_EXIT = 6


def executions(plan: Plan, state: State, bar: Bar) -> Iterator[Fill]:
    """Everything that executes in a bar, in its order: at the open, then along the adverse walk."""
    while (fill := match_open(plan, state, bar)).leg != LEG_NONE:
        state = apply(plan, state, fill)
        yield fill
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
class PaperSession:
    """`news`: what an operator wrote into the journal since the last call."""

    compiled: Compiled
    desk: Desk
    market: MarketPort
    news: Callable[[], Sequence[Entry]]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    due: list[Funding] = field(default_factory=list)
    paid_ms: int = 0

    async def run(self) -> int:
        """Live until it is stopped; the exit code."""
        window = Window(self.compiled, self.compiled.plan.timeframe_ms)
        feed = Feed(self.desk, self.market, window, lambda bar: self.on_bar(bar, window))
        self.paid_ms = self.desk.book.income_ms or self.desk.exchange_ms()
        await self._read_settlements()
        await feed.load_insistently()
        self._settle_state()
        jobs = [asyncio.ensure_future(job) for job in (feed.run(), feed.listen(), self._watch())]
        ending = asyncio.ensure_future(self.stopping.wait())
        try:
            done, _ = await asyncio.wait((*jobs, ending), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*jobs, ending):
                task.cancel()
            await asyncio.gather(*jobs, ending, return_exceptions=True)
        return self._ended()

    def stop(self) -> None:
        """End soon."""
        self.stopping.set()

    def on_bar(self, closed: ClosedBar, window: Window) -> None:
        """What the bar executed, what it cost, and what is decided at its close."""
        bar = core_bar(closed, window.timeframe_ms)
        if bar.close_time_ms <= self.desk.book.decided_ms:
            return
        self._pay(bar.open_time_ms + 1, self.desk.book.state)
        before = self.desk.book.state
        for place, fill in enumerate(executions(self.desk.book.plan, before, bar)):
            self.desk.record(self._filled(fill, bar, place))
        self._pay(bar.close_time_ms, before)
        judge_close(self.desk, window, closed)
        self._settle_state()

    def _filled(self, fill: Fill, bar: Bar, place: int) -> Entry:
        symbol = self.desk.identity.symbol
        trade_id = f"{self.desk.identity.run}-{bar.open_time_ms}-{place}"
        filled = Filled(
            symbol=symbol,
            side=fill.side,
            quantity=Decimal(repr(fill.quantity)),
            price=Decimal(repr(fill.price)),
            fee_usdt=Decimal(repr(fill.fee_usdt)),
            maker=fill.maker,
            reason=REASONS[fill.reason],
            trade_id=trade_id,
            applied=fill,
        )
        return self.desk.entry(filled, fact=trade_fact(symbol, trade_id), time_ms=fill.time_ms)

    def _pay(self, until_ms: int, before: State) -> None:
        """Settlements before `until_ms`; where the position changed around one, the dearer side is paid."""
        charged = self.compiled.document.costs.funding == "historical"
        while self.due and self.due[0].time_ms < until_ms:
            funding = self.due.pop(0)
            payment = min(owed(before, funding), owed(self.desk.book.state, funding))
            if not charged or payment == 0.0:
                continue
            symbol = self.desk.identity.symbol
            paid = FundingPaid(symbol, Decimal(repr(payment)), settled_usdt=payment)
            fact = income_fact("FUNDING_FEE", f"{self.desk.identity.run}-{funding.time_ms}")
            self.desk.record(self.desk.entry(paid, fact=fact, time_ms=funding.time_ms))

    async def _watch(self) -> None:
        """An operator's word, and settlements as they become known."""
        while True:
            for entry in self.news():
                self.desk.book = fold(self.desk.book, entry)
                self._hear(entry)
            self._settle_state()
            await self._read_settlements()
            await self.desk.clock.sleep(NEWS_MS)

    def _hear(self, entry: Entry) -> None:
        state = self.desk.book.state
        match entry.event:
            case Halted(level, reason) if level != "no_entries":
                left = leaving(state, self.desk.exchange_ms())
                self.desk.record(self.desk.entry(StateSet(left, f"operator: {reason}")))
            case Resumed(reason):
                self.desk.record(self.desk.entry(StateSet(resumed(state), f"operator: {reason}")))

    async def _read_settlements(self) -> None:
        """New ones, when one may have happened: they fall on full hours."""
        hour = 3_600_000
        if self.desk.exchange_ms() // hour == self.paid_ms // hour:
            return
        try:
            found = await self.market.settlements(self.desk.identity.symbol, self.paid_ms)
        except ReadFailed:
            return
        self.due += [one for one in found if one.time_ms >= self.paid_ms]
        self.paid_ms = self.desk.exchange_ms()

    def _settle_state(self) -> None:
        halted = self.desk.book.halted
        if halted is not None and self.desk.state is not SessionState.HALTED:
            self.desk.move(SessionState.HALTED, halted.reason)
        elif halted is None and self.desk.state is SessionState.HALTED:
            self.desk.move(SessionState.STARTING, "resumed")
        if self.desk.state is SessionState.STARTING:
            self.desk.move(SessionState.RUNNING, "loaded")

    def _ended(self) -> int:
        halted = self.desk.book.halted
        code = HALTED_EXIT if halted is not None else 0
        why = halted.reason if halted is not None else "stopped"
        self.desk.record(self.desk.entry(RunEnded(why, code)))
        self.desk.move(SessionState.CLOSED, why)
        return code
