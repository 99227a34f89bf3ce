"""The simulator through ccxt: order life cycles in memory, a month of hourly bars over sockets.

In: how many cycles, how many bars. Out: JSON on stdout, {"cycle_ms": …, "bars_s": …}.
Refuses to know: targets, processes.

A life cycle is: market entry that fills, stop, its cancel, market exit. Over sockets a client that trades now
and then reads bars, position and balance at each close, as a bot does.
"""

import asyncio
import json
import sys
import time
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt

from runner.data.instruments import instrument_for
from runner.data.market import load_market
from runner.domain.time import HOUR_MS
from runner.simulator.audit import audit
from runner.simulator.box import Box
from runner.simulator.catalogue import rules_of
from runner.simulator.limits import Caps
from runner.simulator.opening import Opening, history_of, open_box
from runner.simulator.pacing import Pace
from runner.simulator.server import Server
from runner.simulator.session import MemorySession

SYMBOL, NAME = "BTC/USDT:USDT", "BTCUSDT"
FROM_MS = 1_704_067_200_000  # 2024-01-01
KNOWN = 200  # bars before the start
WARM_CYCLES = 20
OPTIONS = {
    "apiKey": "key",
    "secret": "secret",
    "enableRateLimit": False,
    "options": {"fetchCurrencies": False},
}


def opened(bars: int) -> Box:
    """An exchange with so many hours of the sample market to play."""
    market, _ = load_market(
        "sample",
        SYMBOL,
        HOUR_MS,
        start_ms=FROM_MS,
        stop_ms=FROM_MS + bars * HOUR_MS,
        warmup_bars=KNOWN,
    )
    found = instrument_for(SYMBOL)
    return open_box(
        Opening(
            rules=(rules_of(NAME, found.instrument, found.brackets),),
            histories=(history_of(market, NAME),),
            start_ms=FROM_MS,
            wallet_usdt=Decimal(1_000_000),
            caps=Caps(0, 0, 0),
        )
    )


async def life_cycle(client: Any, number: int) -> None:
    """In, a stop, no stop, out."""
    await client.create_order(SYMBOL, "market", "buy", 0.1, None, {"clientOrderId": f"e{number}"})
    stop = await client.create_order(
        SYMBOL,
        "market",
        "sell",
        0.1,
        None,
        {"stopLossPrice": 1000, "reduceOnly": True, "clientOrderId": f"s{number}"},
    )
    await client.cancel_order(stop["id"], SYMBOL, {"trigger": True})
    await client.create_order(
        SYMBOL, "market", "sell", 0.1, None, {"reduceOnly": True, "clientOrderId": f"x{number}"}
    )


async def cycle_ms(cycles: int) -> float:
    """One life cycle in memory, on one core: time that others take from it does not count."""
    box = opened(24)
    box.play_bar()
    client = ccxt.binanceusdm({"session": MemorySession(box), **OPTIONS})
    client.milliseconds = lambda: box.now_ms
    try:
        await client.load_markets()
        for number in range(WARM_CYCLES):
            await life_cycle(client, number)
        started = time.process_time()
        for number in range(WARM_CYCLES, WARM_CYCLES + cycles):
            await life_cycle(client, number)
        spent = time.process_time() - started
    finally:
        await client.close()
    assert audit(box.exchange) == []
    return spent * 1000 / cycles


async def bars_s(bars: int) -> float:
    """So many bars over sockets, as fast as a client keeps up."""
    box = opened(bars)
    server = Server(box, Pace(0.0))
    await server.start()
    client = ccxt.binanceusdm(OPTIONS)
    client.milliseconds = lambda: box.now_ms
    client.urls["api"] = {
        f"fapi{kind}{version}": f"{server.url}/fapi/v{version[1:] or 1}"
        for kind in ("Public", "Private")
        for version in ("", "V2", "V3")
    }
    try:
        await client.load_markets()
        started = time.perf_counter()
        number = 0
        while not await _next_bar(client, server.url):
            await client.fetch_ohlcv(SYMBOL, "1h", limit=100)
            await client.fetch_positions([SYMBOL])
            await client.fetch_balance()
            if number % 8 == 0:
                await life_cycle(client, number)
            number += 1
        spent = time.perf_counter() - started
    finally:
        await client.close()
        await server.close()
    assert audit(box.exchange) == []
    return spent


async def _next_bar(client: Any, url: str) -> bool:
    """Say ready; is the market played out?"""
    told = await client.fetch(f"{url}/admin/ready", "POST", {"Content-Type": "application/json"}, "{}")
    return bool(told["is_over"])


if __name__ == "__main__":
    figures = {
        "cycle_ms": asyncio.run(cycle_ms(int(sys.argv[1]))),
        "bars_s": asyncio.run(bars_s(int(sys.argv[2]))),
    }
    print(json.dumps(figures))
