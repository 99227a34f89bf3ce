"""A session as a process of its own: `python -m benchmarks.trader FOLDER BOT URL STREAM_URL AHEAD_MS`.

In: a folder for its journal, a bot's file, an exchange in a box, how far the exchange's clock is ahead of the
machine's; on stdin, a line for each leap of that clock, in ms. Out: nothing; it lives until stdin ends.
Refuses to know: what is measured. All but the clock is what trades elsewhere: journal on the disk, ccxt,
streams, health.
"""

import asyncio
import logging
import os
import sys
import time
from pathlib import Path

from benchmarks.session import ACCOUNT, KEYS, MODE
from runner.cli.bots import load_compiled
from runner.compiler.build import Compiled
from runner.exchange.account import Account
from runner.exchange.client import FuturesClient
from runner.exchange.market import FuturesMarket
from runner.exchange.profiles import Profile, local_profile
from runner.exchange.setup import FuturesSetup
from runner.journal.lease import Lease, acquire, lease_name
from runner.journal.write import Binding, Journal, open_journal
from runner.live.assemble import HealthPlace, Outfit, serve, spare_collector
from runner.live.connection import TIMEOUT_MS, Connection
from runner.live.desk import either
from runner.live.resolve import RECEIVE_WINDOW_MS
from runner.live.session import Ports, Session
from runner.live.takeup import Deployment
from runner.notify.courier import Courier


class LeapingClock:
    """The machine's clock and what it was told to leap over."""

    def __init__(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms
        self._leapt = asyncio.Event()

    def now_ms(self) -> int:
        """UTC ms of the exchange in the box."""
        return time.time_ns() // 1_000_000 + self._ahead_ms

    async def sleep(self, wait_ms: int) -> None:
        """Come back after so long by this clock."""
        due_ms = self.now_ms() + wait_ms
        await asyncio.sleep(0)
        while (left_ms := due_ms - self.now_ms()) > 0:
            await either(self._leapt, asyncio.sleep(left_ms / 1000))

    def leap(self, by_ms: int) -> None:
        """So much time has passed at once."""
        self._ahead_ms += by_ms
        self._leapt.set()
        self._leapt = asyncio.Event()


def deployment(file: Path) -> Deployment:
    """The bot as it would be deployed."""
    compiled: Compiled = load_compiled(file)
    return Deployment(
        mode=MODE,
        account=ACCOUNT,
        symbol=compiled.document.market.market_id,
        file=str(file),
        text=file.read_text(encoding="utf-8"),
        version_hash=compiled.bot_hash,
        sets=(),
        compiled=compiled,
    )


async def live(deployed: Deployment, profile: Profile, ahead_ms: int, journal: Journal, lease: Lease) -> None:
    """The session, until nobody leaps any more."""
    clock, sessions = LeapingClock(ahead_ms), list[Session]()
    outfit = Outfit(
        deployed=deployed,
        journal=journal,
        lease=lease,
        known=None,
        handover=None,
        policy="halt",
        cap_usdt=None,
        faults=(),
        sinks=lambda alert: (),
        courier=Courier(journal.outbox, (), os.environ),
        health=HealthPlace("127.0.0.1", 0),
        on_session=sessions.append,
    )
    async with FuturesClient(profile, KEYS, timeout_ms=TIMEOUT_MS) as client:
        client.milliseconds = client.now_ms = clock.now_ms
        spare_collector()
        account = Account(client, receive_window_ms=RECEIVE_WINDOW_MS)
        ports = Ports(account, account, FuturesMarket(client))
        living = asyncio.ensure_future(serve(outfit, Connection(client, ports, FuturesSetup(client), clock)))
        leaping = asyncio.ensure_future(_leap(clock))
        await asyncio.wait((living, leaping), return_when=asyncio.FIRST_COMPLETED)
        for session in sessions:
            session.stop()
        leaping.cancel()
        await living


async def _leap(clock: LeapingClock) -> None:
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    try:
        while line := await lines.readline():
            clock.leap(int(line))
    finally:
        transport.close()


def main() -> None:
    """Open the journal, take the lease, live."""
    logging.getLogger("runner").addHandler(logging.NullHandler())
    folder, deployed = Path(sys.argv[1]), deployment(Path(sys.argv[2]))
    profile = local_profile(sys.argv[3], stream_url=sys.argv[4])
    with open_journal(f"sqlite:///{folder / 'trader.db'}", binding=Binding(MODE, ACCOUNT)) as journal:
        name = lease_name(MODE, ACCOUNT, deployed.symbol)
        lease = acquire(journal.database, name, time.time_ns() // 1_000_000, owner=deployed.bot)
        try:
            asyncio.run(live(deployed, profile, int(sys.argv[5]), journal, lease))
        finally:
            lease.drop()


if __name__ == "__main__":
    main()
