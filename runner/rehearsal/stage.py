"""The stage: an exchange in a box behind real sockets, and the very session that trades elsewhere before it.

In: a compiled bot, the bars to be played, a script of faults, a folder for the journal. Out: what the run
wrote, and what the exchange itself says of it.
Refuses to know: backtests, verdicts, terminals.

The keys are thrown away with the stage, and so is the journal unless somebody keeps its folder.
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from runner.domain.instrument import Bracket
from runner.domain.series import Market
from runner.exchange.account import Account
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.market import FuturesMarket
from runner.exchange.profiles import Profile, local_profile
from runner.exchange.setup import FuturesSetup
from runner.journal.lease import Lease, acquire, lease_name
from runner.journal.location import SQLITE
from runner.journal.write import Binding, Journal, open_journal
from runner.live.assemble import HealthPlace, Outfit, serve
from runner.live.connection import TIMEOUT_MS, Connection
from runner.live.resolve import RECEIVE_WINDOW_MS
from runner.live.session import Ports, Session
from runner.live.takeup import Deployment
from runner.notify.courier import Courier
from runner.rehearsal.clock import ExchangeClock
from runner.rehearsal.conductor import HURRY, Conductor
from runner.simulator.audit import audit
from runner.simulator.box import MAIN, Box, Login
from runner.simulator.catalogue import exact, rules_of
from runner.simulator.opening import Opening, history_of, open_box
from runner.simulator.pacing import Pace
from runner.simulator.reel import PlayerSettings
from runner.simulator.rules import Fees
from runner.simulator.server import Server

JOURNAL = "journal.db"


@dataclass(frozen=True, slots=True)
class Play:
    """What is played: the bot as deployed, the market with its warm-up, what goes wrong, where the journal
    lies.
    """

    deployed: Deployment
    market: Market
    brackets: tuple[Bracket, ...]
    script: str
    seed: int
    folder: Path
    charges_funding: bool = True
    on_close: Callable[[int], None] = lambda now_ms: None

    @property
    def start_ms(self) -> int:
        """The open of the first bar that counts."""
        return int(self.market.bars.open_time_ms[self.market.first])

    @property
    def end_ms(self) -> int:
        """The close of the last bar."""
        return int(self.market.bars.open_time_ms[-1]) + self.market.bars.timeframe_ms


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it. Figures are the exchange's own; `problems`: what does not add up in its books."""

    run: str
    exit_code: int
    wallet_usdt: Decimal
    unrealised_usdt: Decimal
    quantity: Decimal
    is_protected: bool
    problems: tuple[str, ...]
    struck: dict[str, int]
    moments: tuple[tuple[int, str], ...]  # when the feed was made to differ from the bars, and how
    faults: tuple[str, ...]
    requests: int
    took_s: float


class Telephone(FuturesClient):
    """The client of every run, which also tells how many requests and opening streams are under way."""

    under_way = 0
    requests = 0

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """One request, until all of its answer is there."""
        self.under_way += 1
        self.requests += 1
        try:
            return await super().fetch(url, method, headers, body)
        finally:
            self.under_way -= 1

    async def _guarded(self, request: Any, handler: Any) -> Any:
        """Streams begin as requests, too."""
        self.under_way += 1
        try:
            return await super()._guarded(request, handler)
        finally:
            self.under_way -= 1


@dataclass(slots=True)
class _Wings:
    """What the session's company tells of it."""

    session: Session | None = None
    run: str = ""

    def take(self, session: Session) -> None:
        """It is about to start."""
        self.session, self.run = session, session.desk.identity.run


def play(staged: Play) -> Played:
    """The whole run, from the first bar to the last."""
    deployed = staged.deployed
    with open_journal(
        journal_url(staged.folder), binding=Binding(deployed.mode, deployed.account)
    ) as journal:
        name = lease_name(deployed.mode, deployed.account, deployed.symbol)
        lease = acquire(journal.database, name, time.time_ns() // 1_000_000, owner=deployed.bot)
        try:
            return asyncio.run(_play(staged, journal, lease))
        finally:
            lease.drop()


def journal_url(folder: Path) -> str:
    """The journal of a rehearsal that was kept in a folder."""
    return f"{SQLITE}{(folder / JOURNAL).absolute()}"


async def _play(staged: Play, journal: Journal, lease: Lease) -> Played:
    login = Login(secrets.token_hex(16), secrets.token_hex(16))
    box = open_box(_opening(staged, login))
    server = Server(box, Pace(None, hurry=HURRY))
    await server.start()
    started_s = time.monotonic()
    try:
        profile = local_profile(server.url, stream_url=server.stream_url)
        async with _telephone(profile, login, box) as (telephone, clock):
            run, code = await _perform(staged, _connection(telephone, clock), journal, lease, server)
            return _seen(staged, box, run, code, telephone.requests, time.monotonic() - started_s)
    finally:
        await server.close()


async def _perform(
    staged: Play, connection: Connection, journal: Journal, lease: Lease, server: Server
) -> tuple[str, int]:
    """The session and who moves the time, side by side; the run's name, its exit code."""
    wings, clock, telephone = _Wings(), connection.clock, connection.client
    assert isinstance(clock, ExchangeClock)
    assert isinstance(telephone, Telephone)
    living = asyncio.ensure_future(serve(_outfit(staged, journal, lease, wings), connection))
    conductor = Conductor(
        box=server.box,
        clock=clock,
        is_busy=lambda: telephone.under_way > 0 or server.is_sending,
        session=lambda: wings.session,
        is_over=living.done,
        end_ms=staged.end_ms,
        wakes_at_prices=bool(staged.script.strip()),
        on_close=staged.on_close,
    )
    conducting = asyncio.ensure_future(conductor.run())
    try:
        await asyncio.wait((living, conducting), return_when=asyncio.FIRST_EXCEPTION)
        if conducting.done() and conducting.exception() is not None:
            conducting.result()
        return wings.run, await living
    finally:
        for task in (living, conducting):
            task.cancel()
        await asyncio.gather(living, conducting, return_exceptions=True)


def _opening(staged: Play, login: Login) -> Opening:
    """The exchange charges the bot's own fees, and holds its capital."""
    deployed, plan = staged.deployed, staged.deployed.compiled.plan
    history = history_of(staged.market, deployed.symbol)
    if not staged.charges_funding:
        history = replace(history, funding_ms=None, funding_ratios=None)
    return Opening(
        rules=(rules_of(deployed.symbol, plan.instrument, staged.brackets),),
        histories=(history,),
        start_ms=staged.start_ms,
        wallet_usdt=exact(plan.capital_usdt),
        fees=Fees(exact(plan.costs.maker_ratio), exact(plan.costs.taker_ratio)),
        seed=staged.seed,
        script=staged.script,
        playing=PlayerSettings(path=deployed.compiled.document.backtest.path),
        logins=(login,),
        wall=lambda: time.time_ns() // 1_000_000,
    )


@asynccontextmanager
async def _telephone(
    profile: Profile, login: Login, box: Box
) -> AsyncIterator[tuple[Telephone, ExchangeClock]]:
    """A client whose clock is the exchange's; what lasts too long there lasts too long here, only sooner."""
    clock = ExchangeClock(lambda: box.now_ms)
    keys = Keys(login.key, login.secret)
    async with Telephone(profile, keys, timeout_ms=round(TIMEOUT_MS / HURRY)) as telephone:
        telephone.milliseconds = telephone.now_ms = clock.now_ms
        telephone.wait = lambda pause_s: clock.sleep(round(pause_s * 1000))
        yield telephone, clock


def _connection(telephone: Telephone, clock: ExchangeClock) -> Connection:
    account = Account(telephone, receive_window_ms=RECEIVE_WINDOW_MS)
    ports = Ports(account, account, FuturesMarket(telephone))
    return Connection(telephone, ports, FuturesSetup(telephone), clock)


def _outfit(staged: Play, journal: Journal, lease: Lease, wings: _Wings) -> Outfit:
    """Nobody is alerted, no health is served, and a difference that nobody can explain halts, as it would."""
    return Outfit(
        deployed=staged.deployed,
        journal=journal,
        lease=lease,
        known=None,
        handover=None,
        policy="halt",
        cap_usdt=None,
        faults=(),
        sinks=lambda alert: (),
        courier=Courier(journal.outbox, (), os.environ),
        health=HealthPlace("127.0.0.1", None),
        on_session=wings.take,
    )


def _seen(staged: Play, box: Box, run: str, code: int, requests: int, took_s: float) -> Played:
    """The exchange's own account of the end."""
    symbol, exchange = staged.deployed.symbol, box.exchange
    view = exchange.desk.view(MAIN)
    held = sum((leg.quantity for leg in view.positions if leg.symbol == symbol), Decimal(0))
    stops = [one for one in exchange.algos.open(MAIN) if one.type == "STOP_MARKET"]
    return Played(
        run=run,
        exit_code=code,
        wallet_usdt=view.wallet_usdt,
        unrealised_usdt=sum((leg.unrealised_usdt for leg in view.positions), Decimal(0)),
        quantity=held,
        is_protected=held == 0 or bool(stops),
        problems=tuple(audit(exchange)),
        struck=dict(box.mischief.hits),
        moments=tuple((one.time_ms, one.text) for one in box.struck if one.text.startswith("feed.")),
        faults=tuple(one.text for one in box.mischief.faults),
        requests=requests,
        took_s=took_s,
    )
