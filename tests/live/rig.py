"""A whole bot against the exchange in memory: real session, real journal, real ccxt, virtual time.

In: a bot's text, bars, faults, a seed. Out: a rig whose processes can be started, killed and started
again while
the exchange and the journal's database live on.
A kill is a task that is cancelled without a chance to say anything: nothing it would have written after that
instant is written, and what it had sent may or may not arrive.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from runner.compiler.build import Compiled, build
from runner.data.instruments import instrument_for
from runner.domain.entry import Entry
from runner.domain.position import initial_state
from runner.domain.session_event import StateSet
from runner.exchange.account import Account
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.market import FuturesMarket
from runner.exchange.profiles import PROFILES
from runner.journal.write import Binding, Journal, open_journal
from runner.live.book import Book, folded, new_book
from runner.live.desk import Desk, Identity
from runner.live.gate import GateLimits
from runner.live.ids import bot_tag
from runner.live.recover import Policy
from runner.live.resolve import RECEIVE_WINDOW_MS
from runner.live.session import Ports, Session
from runner.simulator.box import Box, Setting
from runner.simulator.catalogue import rules_of
from runner.simulator.exchange import Exchange
from runner.simulator.faults import Fault
from runner.simulator.player import Player
from runner.simulator.session import MemorySession
from runner.simulator.tape import BarColumns, MarketHistory
from tests.live.virtual import VirtualClock, VirtualLoop

SYMBOL = "BTCUSDT"
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
START_MS = 1_700_000_040_000 // MINUTE_MS * MINUTE_MS
RUN = "run-1"


@cache
def compiled_bot(text: str) -> Compiled:
    """The bot as the command line would compile it."""
    from runner.bot.read import read_bot

    with TemporaryDirectory() as folder:
        file = Path(folder) / "bot.yaml"
        file.write_text(text)
        document, found, source = read_bot(file)
    assert document is not None, found
    rules = instrument_for(document.market.symbol)
    compiled, problems = build(document, source, rules.instrument, rules.brackets)
    assert compiled is not None, problems
    return compiled


def bars_of(closes: Sequence[float], *, start_ms: int, volume: float = 500.0) -> BarColumns:
    """Minute bars through these closes; each opens where the one before closed."""
    close = np.round(np.asarray(closes, dtype=float), 1)
    opened = np.concatenate((close[:1], close[:-1]))
    times = start_ms + np.arange(len(close), dtype=np.int64) * MINUTE_MS
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return BarColumns(MINUTE_MS, times, opened, high, low, close, np.full(len(close), volume))


class TimedSession(MemorySession):
    """The exchange's own clock runs on while nobody asks."""

    def __init__(self, box: Box, loop: VirtualLoop) -> None:
        super().__init__(box)
        self._loop = loop

    async def answer(self, *sent: Any) -> Any:
        self.box.advance_to(round(self._loop.now_s * 1000))
        return await super().answer(*sent)


@dataclass
class Process:
    """One life of the bot's process."""

    session: Session
    task: "asyncio.Task[int]"
    client: FuturesClient
    journal: Journal


@dataclass
class Rig:
    """`url` of the journal, which all processes of the rig share, one after the other."""

    loop: VirtualLoop
    compiled: Compiled
    box: Box
    url: str
    policy: Policy = "halt"
    processes: list[Process] = field(default_factory=list)
    _journal: Journal | None = None

    def start(self, *, skew_ms: int = 0) -> Process:
        """A new process: recovery, then life."""
        clock = VirtualClock(self.loop, skew_ms)
        client = FuturesClient(PROFILES["main"], Keys("key", "secret"), timeout_ms=2_000)
        client.session, client.own_session = TimedSession(self.box, self.loop), False
        client.milliseconds = client.now_ms = clock.now_ms
        journal = self.open()
        account = Account(client, receive_window_ms=RECEIVE_WINDOW_MS)
        desk = self._desk(journal, clock)
        limits = GateLimits(SYMBOL, Decimal(100_000), Decimal("0.1"))
        ports = Ports(account, account, FuturesMarket(client))
        session = Session(self.compiled, desk, ports, limits, self.policy, lambda: (), lambda: True)
        process = Process(session, self.loop.create_task(session.run()), client, journal)
        self.processes.append(process)
        return process

    def open(self) -> Journal:
        """The journal; one object, as one process at a time has it."""
        if self._journal is None:
            self._journal = open_journal(self.url, binding=Binding("sim", "main"), instance="rig")
        return self._journal

    def _desk(self, journal: Journal, clock: VirtualClock) -> Desk:
        name = self.compiled.document.name
        identity = Identity(RUN, bot_tag(name, "main"), name, "main", SYMBOL, self.compiled.bot_hash, "build")
        book = self.book(journal)
        desk = Desk(identity, clock, lambda entries: journal.append(*entries), book)
        if not any(True for _ in journal.read.entries(run=RUN)):
            start = StateSet(initial_state(self.compiled.plan.capital_usdt), "start")
            desk.commit(desk.entry(start))
        return desk

    def book(self, journal: Journal) -> Book:
        """The book as the journal has it."""
        return folded(new_book(self.compiled.plan), self.entries(journal))

    def entries(self, journal: Journal | None = None) -> Iterable[Entry]:
        """Everything written so far."""
        found = (journal or self.open()).read.entries(run=RUN)
        return [line.entry for line in found]

    async def kill(self, process: Process) -> None:
        """SIGKILL: nothing more is written, nothing is taken back."""
        process.session.desk.append = _dead
        tasks = [process.task, *process.session.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await process.client.close()

    async def play(self, until_ms: int) -> None:
        """The market, until then."""
        while (due := self.box.player.next_ms()) is not None and due <= until_ms:
            wait_s = due / 1000 - self.loop.now_s
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self.box.advance_to(max(due, round(self.loop.now_s * 1000)))
            if self.box.player.next_ms() == due:
                self.box.player.step()
                self.box.settle()
        left_s = until_ms / 1000 - self.loop.now_s
        if left_s > 0:
            await asyncio.sleep(left_s)
        self.box.advance_to(round(self.loop.now_s * 1000))

    async def stop(self, process: Process) -> int:
        """An orderly end."""
        process.session.stop()
        code = await process.task
        await process.client.close()
        return code


def _dead(entries: Sequence[Entry]) -> Sequence[object | None]:
    raise asyncio.CancelledError


def rig_for(
    text: str,
    closes: Sequence[float],
    *,
    loop: VirtualLoop,
    warmup_bars: int,
    database: Path,
    faults: Iterable[Fault] = (),
    seed: int = 0,
) -> Rig:
    """A rig whose market begins `warmup_bars` before START_MS."""
    compiled = compiled_bot(text)
    rules = instrument_for(SYMBOL)
    exchange = Exchange([rules_of(SYMBOL, rules.instrument, rules.brackets)], start_ms=START_MS, seed=seed)
    exchange.open_account("main", Decimal(repr(compiled.plan.capital_usdt)))
    exchange.desk.set_leverage("main", SYMBOL, int(compiled.plan.sizing.leverage))
    exchange.desk.set_margin_type("main", SYMBOL, "ISOLATED")
    bars = bars_of(closes, start_ms=START_MS - warmup_bars * MINUTE_MS)
    settled = np.array([bars.open_ms[0] // HOUR_MS * HOUR_MS], dtype=np.int64)  # the last one before the bars
    history = MarketHistory(SYMBOL, bars, None, settled, np.array([0.0001]))
    player = Player(exchange, [history], start_ms=START_MS)
    box = Box(exchange, player, Setting(seed=seed), faults)
    return Rig(loop, compiled, box, f"sqlite:///{database}")
