"""A paper bot against the exchange in memory, beside a backtest of the very bars that it saw.

In: a bot's text, a seed of a market with wicks, mark prices of its own and funding. Out: processes that are
started, killed and started again; what a backtest makes of the same bars.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np

from runner.backtest.engine import interpreted_engine
from runner.backtest.feed import payable
from runner.backtest.run import Run, charges_funding, walked
from runner.compiler.build import Compiled
from runner.compiler.columns import evaluate
from runner.data.instruments import instrument_for
from runner.data.resample import resample
from runner.domain.bar import ADVERSE
from runner.domain.entry import Entry
from runner.domain.position import initial_state
from runner.domain.series import Bars, FundingSeries, Market
from runner.domain.session_event import BarClosed, RunStarted, StateSet
from runner.exchange.client import FuturesClient
from runner.exchange.market import FuturesMarket
from runner.exchange.profiles import PROFILES
from runner.journal.codec import text_of
from runner.journal.write import Binding, Journal, Text, open_journal
from runner.live.book import Book, folded, new_book
from runner.live.desk import Desk, Identity
from runner.live.paper import PaperSession
from runner.simulator.box import Box, Setting
from runner.simulator.catalogue import rules_of
from runner.simulator.exchange import Exchange
from runner.simulator.player import Player
from runner.simulator.tape import BarColumns, MarketHistory
from tests.live.rig import MINUTE_MS, SYMBOL, TimedSession, compiled_bot
from tests.live.virtual import VirtualClock, VirtualLoop

HOUR_MS = 3_600_000
START_MS = 1_700_006_400_000 // (8 * HOUR_MS) * 8 * HOUR_MS  # a settlement falls on it
RUN = "paper-1"


def history_of(bars: int, warmup: int, seed: int) -> MarketHistory:
    """Minutes that wander, a mark price near them, a settlement every hour."""
    chance = np.random.default_rng(seed)
    times = START_MS - warmup * MINUTE_MS + np.arange(bars, dtype=np.int64) * MINUTE_MS
    wave = 40_000 + 250 * np.sin(np.arange(bars) / 6)
    close = np.round(wave + np.cumsum(chance.normal(0, 12, bars)), 1)
    opened = np.concatenate((close[:1], close[:-1]))
    high = np.round(np.maximum(opened, close) + chance.exponential(20, bars), 1)
    low = np.round(np.minimum(opened, close) - chance.exponential(20, bars), 1)
    drift = np.round(chance.normal(0, 4, bars), 1)
    hours = np.arange(START_MS, times[-1], HOUR_MS, dtype=np.int64)
    return MarketHistory(
        SYMBOL,
        BarColumns(MINUTE_MS, times, opened, high, low, close, np.full(bars, 500.0)),
        BarColumns(
            MINUTE_MS, times, opened + drift, high + drift, low + drift, close + drift, np.zeros(bars)
        ),
        hours,
        np.round(chance.normal(0.0001, 0.0003, len(hours)), 8),
    )


@dataclass
class PaperRig:
    """One journal, one exchange, one process at a time."""

    loop: VirtualLoop
    compiled: Compiled
    box: Box
    journal: Journal
    history: MarketHistory
    bars_read: list[int] = field(default_factory=list)

    def start(self) -> "PaperLife":
        """A new process over what the journal holds."""
        client = FuturesClient(PROFILES["main"], timeout_ms=2_000)
        client.session, client.own_session = TimedSession(self.box, self.loop), False
        clock = VirtualClock(self.loop)
        client.milliseconds = client.now_ms = clock.now_ms
        desk = self._desk(clock)
        seq = self.journal.read.head().seq
        own: set[int] = set()

        def append(entries: Sequence[Entry]) -> Sequence[object | None]:
            lines = self.journal.append(*entries)
            own.update(line.seq for line in lines if line is not None)
            return lines

        def news() -> Sequence[Entry]:
            nonlocal seq
            lines = list(self.journal.read.entries(run=RUN, kinds=("halted", "resumed"), after_seq=seq))
            seq = lines[-1].seq if lines else seq
            return [line.entry for line in lines if line.seq not in own]

        desk.append = append
        session = PaperSession(self.compiled, desk, FuturesMarket(client), news)
        return PaperLife(session, self.loop.create_task(session.run()), client)

    def _desk(self, clock: VirtualClock) -> Desk:
        name = self.compiled.document.name
        identity = Identity(RUN, "paper", name, "main", SYMBOL, self.compiled.bot_hash, "build")
        desk = Desk(identity, clock, lambda entries: self.journal.append(*entries), self.book())
        if not self.entries():
            plan = Text("plan", text_of(self.compiled.plan))
            self.journal.append(texts=[plan])
            began = RunStarted(
                "paper", "main", name, SYMBOL, "1m", plan.hash, plan.hash, plan.hash, "bot.yaml"
            )
            start = StateSet(initial_state(self.compiled.plan.capital_usdt), "start")
            desk.commit(desk.entry(began), desk.entry(start))
        return desk

    def entries(self) -> list[Entry]:
        """Everything written so far."""
        return [line.entry for line in self.journal.read.entries(run=RUN)]

    def book(self) -> Book:
        """The book as the journal has it."""
        return folded(new_book(self.compiled.plan), self.entries())

    async def play(self, until_ms: int) -> None:
        """The market, until then."""
        while (due := self.box.player.next_ms()) is not None and due <= until_ms:
            await asyncio.sleep(max(due / 1000 - self.loop.now_s, 0))
            self.box.advance_to(max(due, round(self.loop.now_s * 1000)))
            if self.box.player.next_ms() == due:
                self.box.player.step()
                self.box.settle()
        await asyncio.sleep(max(until_ms / 1000 - self.loop.now_s, 0))
        self.box.advance_to(round(self.loop.now_s * 1000))

    def backtest(self) -> Run:
        """A backtest over the bars that the run decided at, on the adverse path."""
        decided = [e.event.bar.open_time_ms for e in self.entries() if isinstance(e.event, BarClosed)]
        last, mark = self.history.bars, self.history.mark
        assert mark is not None
        first, stop = np.searchsorted(last.open_ms, [decided[0], decided[-1] + 1]).tolist()
        assert decided == last.open_ms[first:stop].tolist()  # each bar once, in order, none left out
        bars, marks = _columns(last, stop), _columns(mark, stop)
        assert self.history.funding_ms is not None
        assert self.history.funding_ratios is not None
        where = np.searchsorted(last.open_ms, self.history.funding_ms)
        funding = FundingSeries(self.history.funding_ms, self.history.funding_ratios, mark.open[where])
        higher = {longer: resample(bars, longer) for longer in self.compiled.timeframes}
        market = Market(SYMBOL, bars, higher, marks, None, funding, first)
        rows = evaluate(self.compiled.program, market)
        due = payable(market, charged=charges_funding(self.compiled))
        plan, engine = self.compiled.plan, interpreted_engine()
        return walked(plan, market, rows, due, engine, paths=(ADVERSE,))[0]


@dataclass
class PaperLife:
    """One life of the process."""

    session: PaperSession
    task: "asyncio.Task[int]"
    client: FuturesClient

    async def kill(self) -> None:
        """SIGKILL: nothing more is written."""
        self.session.desk.append = _dead
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.client.close()

    async def stop(self) -> int:
        """An orderly end."""
        self.session.stop()
        code = await self.task
        await self.client.close()
        return code


def _dead(entries: Sequence[Entry]) -> Sequence[object | None]:
    raise asyncio.CancelledError


def _columns(columns: BarColumns, stop: int) -> Bars:
    names = ("open", "high", "low", "close", "volume")
    return Bars(MINUTE_MS, columns.open_ms[:stop], *(getattr(columns, name)[:stop] for name in names))


def paper_rig(text: str, *, bars: int, warmup: int, seed: int, loop: VirtualLoop, folder: Path) -> PaperRig:
    """A market of `bars` minutes, the first `warmup` of them before START_MS."""
    compiled = compiled_bot(text)
    rules = instrument_for(SYMBOL)
    history = history_of(bars, warmup, seed)
    exchange = Exchange([rules_of(SYMBOL, rules.instrument, rules.brackets)], start_ms=START_MS, seed=seed)
    exchange.open_account("main", Decimal(10_000))
    box = Box(exchange, Player(exchange, [history], start_ms=START_MS), Setting(seed=seed))
    journal = open_journal(f"sqlite:///{folder / 'j.db'}", binding=Binding("paper", "main"), instance="rig")
    return PaperRig(loop, compiled, box, journal, history)
