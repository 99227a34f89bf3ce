"""A small exchange for the tests of both skins: two days of hourly bars, one account, real ccxt clients."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from runner.simulator.box import Box, Setting
from runner.simulator.catalogue import recorded_rules
from runner.simulator.exchange import Exchange
from runner.simulator.faults import parse_faults
from runner.simulator.limits import Caps
from runner.simulator.pacing import Pace
from runner.simulator.player import Player
from runner.simulator.rules import Switches
from runner.simulator.server import Server
from runner.simulator.session import MemorySession
from runner.simulator.tape import BarColumns, MarketHistory

HOUR_MS = 3_600_000
START_MS = 1_717_200_000_000  # 2024-06-01 00:00 UTC
PLAY_MS = START_MS + 24 * HOUR_MS
S = "BTC/USDT:USDT"
NO_CAPS = Caps(0, 0, 0)


def history(symbol: str = "BTCUSDT", price: float = 60_000.0, bars: int = 72) -> MarketHistory:
    """Hourly bars that swing by one percent around a price."""
    swing = np.round(np.sin(np.arange(bars + 1) / 4) * price / 100, 1)
    first, last = price + swing[:-1], price + swing[1:]
    ones = np.ones(bars)
    return MarketHistory(
        symbol,
        BarColumns(
            HOUR_MS,
            START_MS + np.arange(bars, dtype=np.int64) * HOUR_MS,
            first,
            np.maximum(first, last) + 20.0,
            np.minimum(first, last) - 20.0,
            last,
            ones * 1000.0,
        ),
        None,
        START_MS + np.arange(0, bars, 8, dtype=np.int64) * HOUR_MS,
        np.ones(len(range(0, bars, 8))) * 0.0001,
    )


def box_of(
    faults: str = "", *, switches: Switches | None = None, seed: int = 7, caps: Caps = NO_CAPS, **setting: Any
) -> Box:
    """An exchange that has played a day, with 10,000 USDT on the account `main`."""
    exchange = Exchange(recorded_rules(), start_ms=PLAY_MS, seed=seed, switches=switches)
    exchange.open_account("main", Decimal(10_000))
    histories = [history(), history("ETHUSDT", 3000.0)]
    player = Player(exchange, histories, start_ms=PLAY_MS)
    box = Box(exchange, player, Setting(seed=seed, caps=caps, **setting), parse_faults(faults, PLAY_MS))
    box.play_bar()
    return box


@asynccontextmanager
async def memory_client(box: Box, **options: Any) -> AsyncIterator[Any]:
    """ccxt.pro on the in-memory skin."""
    import ccxt.pro

    client = ccxt.pro.binanceusdm(
        {
            "session": MemorySession(box),
            "apiKey": "key",
            "secret": "secret",
            "enableRateLimit": False,
            "options": {"fetchCurrencies": False, **options},
        }
    )
    client.milliseconds = lambda: box.now_ms
    client.timeout_on_exit = 0
    try:
        yield client
    finally:
        await client.close()


def with_status(box: Box, symbol: str, status: str) -> None:
    """A contract that trades no more."""
    box.exchange.change_rules(replace(box.exchange.rules(symbol), status=status))


@asynccontextmanager
async def serving(box: Box, times: float | None = None, idle_ms: int = 5) -> AsyncIterator[Server]:
    """The same exchange over sockets; time moves only by hand unless told otherwise."""
    server = Server(box, Pace(times, idle_ms))
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def socket_client(server: Server, **options: Any) -> AsyncIterator[Any]:
    """ccxt.pro against a server, as `runner simulator` says to point it there."""
    import ccxt.pro

    client = ccxt.pro.binanceusdm(
        {
            "apiKey": "key",
            "secret": "secret",
            "enableRateLimit": False,
            "options": {"fetchCurrencies": False, **options},
        }
    )
    point_at(client, server.url, server.stream_url)
    client.timeout_on_exit = 0
    try:
        yield client
    finally:
        await client.close()


def point_at(client: Any, url: str, stream_url: str) -> None:
    """Every URL of a client is the simulator's, and the futures error table stays."""
    paths = {"": "/fapi/v1", "V2": "/fapi/v2", "V3": "/fapi/v3"}
    client.urls["api"] = {
        **{
            f"fapi{kind}{version}": url + path
            for kind in ("Public", "Private")
            for version, path in paths.items()
        },
        "fapiData": f"{url}/futures/data",
        "ws": {"linear": f"{stream_url}/ws"},
    }
    client.get_exceptions_by_url = lambda _, kind: client.exceptions["linear"].get(kind, {})
