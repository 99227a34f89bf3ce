"""One client's session on a new exchange in memory, and the few things that most of them do."""

import asyncio
from collections.abc import Callable
from typing import Any

from runner.simulator.audit import audit
from runner.simulator.box import Box
from runner.simulator.faults import parse_faults
from tests.simulator.skins import S, box_of, memory_client

Session = Callable[[Any, Box], Any]


def played(session: Session, faults: str = "", **how: Any) -> Box:
    """One client's session on a new exchange, markets loaded; the books are sound at its end."""
    box = box_of(faults, **how)

    async def run() -> None:
        async with memory_client(box) as client:
            client.timeout = 50  # a request that hangs costs 50 ms
            await client.load_markets()
            await session(client, box)

    asyncio.run(run())
    assert audit(box.exchange) == []
    return box


async def entry(client: Any, name: str = "e1", quantity: float = 0.01, **more: Any) -> Any:
    return await client.create_order(S, "market", "buy", quantity, None, {"clientOrderId": name, **more})


async def stop(client: Any, name: str = "s1", price: float = 55_000, **more: Any) -> Any:
    params = {"stopLossPrice": price, "reduceOnly": True, "clientOrderId": name, **more}
    return await client.create_order(S, "market", "sell", 0.01, None, params)


def error(name: str) -> Any:
    import ccxt

    return getattr(ccxt, name)


def held(box: Box) -> float:
    return float(sum(leg.quantity for leg in box.exchange.desk.positions("main", "BTCUSDT")))


def arm(box: Box, script: str) -> None:
    """Faults from now on."""
    for fault in parse_faults(script, box.now_ms):
        box.arm(fault)
    box.settle()
