"""A stand-in for the exchange's public REST interface on loopback, with faults on demand.

In: a synthetic market, a clock that stands still. Out: replies in the documented shapes (binance.md, 2.1),
the running bar included. Refuses to know: orders, accounts; leverageBracket only wants a key and a
signature.
"""

import asyncio
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from aiohttp import web

from runner.data.sample import SPAN_START_MS, SampleShelf
from runner.data.shipped import known_symbols, shipped_rules
from runner.data.symbol import canonical_symbol
from runner.domain.time import FUNDING_INTERVAL_MS, MINUTE_MS, TIMEFRAMES

NOW_MS = 1_751_286_896_789  # 2025-06-30T12:34:56.789
WEIGHTS = {"klines": 5, "markPriceKlines": 5}
STALL_S = 30.0


class Fault(NamedTuple):
    """What comes instead of an answer. `status` 0: see `kind`."""

    kind: str = "reply"  # reply, stall, cut, reset
    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = MappingProxyType({})


def busy(retry_after_s: int | None = 1) -> Fault:
    """429 as Binance sends it."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Fault(status=429, body='{"code":-1003,"msg":"Too many requests."}', headers=headers)


def banned(retry_after_s: int) -> Fault:
    """418: the address is banned."""
    body = '{"code":-1003,"msg":"Way too many requests; IP banned. Please use the websocket."}'
    return Fault(status=418, body=body, headers={"Retry-After": str(retry_after_s)})


def html(status: int) -> Fault:
    """A proxy's page."""
    return Fault(status=status, body="<html><body>Bad gateway</body></html>", content_type="text/html")


def refusal(code: int, message: str, status: int = 400) -> Fault:
    """An error in Binance's form."""
    return Fault(status=status, body=json.dumps({"code": code, "msg": message}))


EMPTY_OBJECT = Fault(body="{}")
STALL = Fault(kind="stall")
CUT = Fault(kind="cut")
RESET = Fault(kind="reset")


@dataclass
class StandIn:
    """The server's state; handlers run in its thread."""

    seed: int = 1
    now_ms: int = NOW_MS
    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    weight: Counter[int] = field(default_factory=Counter)
    weight_shown: int | None = None  # instead of the real count, to make a client hold back
    missing: frozenset[int] = frozenset()  # open times that the exchange has no bar of
    latency_s: float = 0.0

    def fail(self, path: str, *faults: Fault) -> None:
        """The next requests of `klines`, `time` … end so, one fault each."""
        self.faults.setdefault(path, deque()).extend(faults)

    def count(self, path: str) -> int:
        """How often a path was asked."""
        return sum(name == path for name, _ in self.asked)


@contextmanager
def running(stand_in: StandIn | None = None, port: int = 0) -> Iterator[StandIn]:
    """The stand-in on a port of its own, in a thread of its own."""
    served = stand_in or StandIn()
    ready, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        runner = web.AppRunner(_application(served), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        loops.append(asyncio.get_running_loop())
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield served
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(10)


def _application(served: StandIn) -> web.Application:
    handlers = {
        "time": lambda query: {"serverTime": served.now_ms},
        "exchangeInfo": lambda query: exchange_info(served.now_ms),
        "klines": lambda query: bars(served, query, "last"),
        "markPriceKlines": lambda query: bars(served, query, "mark"),
        "fundingRate": lambda query: settlements(served, query),
        "leverageBracket": lambda query: leverage_brackets(),
    }
    application = web.Application()
    for name, answer in handlers.items():
        application.router.add_get(f"/fapi/v1/{name}", _handler(served, name, answer))
    return application


def _handler(
    served: StandIn, name: str, answer: Callable[[dict[str, str]], Any]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        served.asked.append((name, query))
        minute = time.time_ns() // 1_000_000 // MINUTE_MS  # the real one: clients wait in real time
        served.weight[minute] += WEIGHTS.get(name, 1)
        used = served.weight[minute] if served.weight_shown is None else served.weight_shown
        headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
        await asyncio.sleep(served.latency_s)
        waiting = served.faults.get(name)
        if waiting:
            return await _fault(request, waiting.popleft(), headers)
        if name == "leverageBracket" and not ("X-MBX-APIKEY" in request.headers and "signature" in query):
            return await _fault(request, refusal(-2014, "API-key format invalid.", 401), headers)
        if query.get("symbol", "BTCUSDT") not in known_symbols():
            return await _fault(request, refusal(-1121, "Invalid symbol."), headers)
        return web.json_response(answer(query), headers=headers)

    return handle


async def _fault(request: web.Request, fault: Fault, headers: dict[str, str]) -> web.StreamResponse:
    if fault.kind == "stall":
        await asyncio.sleep(STALL_S)
    if fault.kind in ("reset", "cut"):
        assert request.transport is not None
        if fault.kind == "cut":
            request.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n[[17"
            )
        request.transport.close()
        return web.Response()
    return web.Response(
        status=fault.status,
        text=fault.body,
        content_type=fault.content_type,
        headers={**headers, **fault.headers},
    )


def bars(served: StandIn, query: dict[str, str], kind: str) -> list[list[Any]]:
    """Rows of twelve columns; the last one may still be running."""
    step = TIMEFRAMES[query["interval"]]
    limit = int(query.get("limit", 500))
    start = max(int(query.get("startTime", SPAN_START_MS)), SPAN_START_MS)
    start = -(-start // step) * step
    stop = min(int(query.get("endTime", served.now_ms)), served.now_ms) + 1
    shelf = SampleShelf(canonical_symbol(query["symbol"]), served.seed, step)
    found: list[list[Any]] = []
    while start < stop and len(found) < limit:
        reach = min(stop, start + limit * step)
        chosen = shelf.bars(kind, step, start, reach)  # type: ignore[arg-type]
        volume = chosen.volume if kind == "last" else chosen.volume * 0
        columns = (chosen.open, chosen.high, chosen.low, chosen.close)
        for at, opened in enumerate(chosen.open_time_ms.tolist()):
            if opened in served.missing:
                continue
            row = [f"{column[at]:.2f}" for column in columns]
            if opened + step > served.now_ms:  # running: it has only begun
                row = [row[0]] * 4
            told = f"{volume[at]:.3f}" if kind == "last" else "0"
            found.append([opened, *row, told, opened + step - 1, "0", 60, "0", "0", "0"])
        start = reach
    return found[:limit]


def settlements(served: StandIn, query: dict[str, str]) -> list[dict[str, Any]]:
    """Funding as Binance tells it: some milliseconds late now and then, with the mark price."""
    start = int(query.get("startTime", served.now_ms - 200 * FUNDING_INTERVAL_MS))
    stop = min(int(query.get("endTime", served.now_ms)), served.now_ms)
    shelf = SampleShelf(canonical_symbol(query["symbol"]), served.seed, MINUTE_MS)
    times, funding_rates = shelf.funding(start - 100, stop + 1)
    rows = [
        {
            "symbol": query["symbol"],
            "fundingTime": at + (at // FUNDING_INTERVAL_MS) % 4,
            "fundingRate": f"{each:.8f}",
            "markPrice": "20000.00000000",
        }
        for at, each in zip(times.tolist(), funding_rates.tolist(), strict=True)
    ]
    return [row for row in rows if start <= row["fundingTime"] <= stop][: int(query.get("limit", 100))]


def exchange_info(now_ms: int) -> dict[str, Any]:
    """The contracts that the program ships rules of."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        ],
        "symbols": [_contract(name) for name in known_symbols()],
    }


def _contract(name: str) -> dict[str, Any]:
    rules = shipped_rules(name).instrument
    return {
        "symbol": name,
        "pair": name,
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": name.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "liquidationFee": f"{rules.liquidation_fee_ratio:.6f}",
        "orderTypes": [
            *("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"),
            "TRAILING_STOP_MARKET",
        ],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": f"{rules.tick_size:.8f}",
                "maxPrice": "4529764",
                "tickSize": f"{rules.tick_size:.8f}",
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": f"{rules.quantity_min:.8f}",
                "maxQty": f"{rules.quantity_max:.8f}",
                "stepSize": f"{rules.step_size:.8f}",
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": f"{rules.quantity_min:.8f}",
                "maxQty": f"{rules.market_quantity_max:.8f}",
                "stepSize": f"{rules.step_size:.8f}",
            },
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": f"{rules.notional_usdt_min:g}"},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
        ],
    }


def leverage_brackets() -> list[dict[str, Any]]:
    """The shipped brackets in Binance's form."""
    return [{"symbol": name, "brackets": _brackets(name)} for name in known_symbols()]


def _brackets(name: str) -> list[dict[str, Any]]:
    floor, made = 0.0, []
    for at, one in enumerate(shipped_rules(name).brackets, 1):
        made.append(
            {
                "bracket": at,
                "initialLeverage": int(one.leverage_max),
                "notionalCap": one.notional_usdt_max,
                "notionalFloor": floor,
                "maintMarginRatio": one.maintenance_ratio,
                "cum": one.deduction_usdt,
            }
        )
        floor = one.notional_usdt_max
    return made
