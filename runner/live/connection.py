"""The exchange as a session needs it: one client, its ports, a clock.

In: a profile, keys, how fast the stand-in's time passes (1: as everywhere). Out: a Connection, closed at
the end.
Refuses to know: bots, journals.


"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from runner.domain.venue import SetupPort
from runner.exchange.account import Account
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.market import FuturesMarket
from runner.exchange.profiles import Profile
from runner.exchange.setup import FuturesSetup
from runner.live.desk import Clock
from runner.live.resolve import RECEIVE_WINDOW_MS
from runner.live.session import Ports
from runner.live.survey import insist
from runner.live.wall import PacedClock, WallClock

TIMEOUT_MS = 5_000  # an answer that takes longer is none: the order's fate is asked for


@dataclass(frozen=True, slots=True)
class Door:
    """Where the exchange is, who asks (None: anybody), how fast its time passes: 1 but at a stand-in.
    `banned_until_ms`: what the journal knows of a ban before anything is asked.
    """

    profile: Profile
    keys: Keys | None
    speed: float = 1.0
    banned_until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Connection:
    """One client and what it is used through. `clock` keeps the exchange's pace, `machine` ours: health and
    letters go by it.
    """

    client: FuturesClient
    ports: Ports
    setup: SetupPort
    clock: Clock
    machine: Clock = field(default_factory=WallClock)


@asynccontextmanager
async def connected(door: Door) -> AsyncIterator[Connection]:
    """A connection for the block."""
    async with FuturesClient(door.profile, door.keys, timeout_ms=TIMEOUT_MS) as client:
        account, market = Account(client, receive_window_ms=RECEIVE_WINDOW_MS), FuturesMarket(client)
        client.budget.blocked_until_ms = door.banned_until_ms
        machine = WallClock()
        client.milliseconds = client.now_ms = machine.now_ms  # signatures and bans by the session's clock
        clock: Clock = machine
        if door.speed != 1.0:
            clock = PacedClock(await insist(clock, market.server_time), door.speed)
            client.milliseconds = client.now_ms = clock.now_ms
        yield Connection(client, Ports(account, account, market), FuturesSetup(client), clock, machine)
