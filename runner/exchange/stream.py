"""The account's event stream, with its listen key kept alive by us.

In: a client with keys. Out: events as a session knows them; StreamLost whenever some may have been missed.
Refuses to know: what an event leads to. Ends only when it is closed.
Source: Binance USDⓈ-M user data streams: a listen key lives 60 minutes unless put again, a connection 24
hours; an expired key leaves the socket open and mute.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt

from runner.domain.venue import (
    AccountEvent,
    CloseTold,
    OrderChanged,
    PositionChanged,
    SettingsChanged,
    StreamAlive,
    StreamLost,
    VenuePosition,
)
from runner.exchange import rows
from runner.exchange.client import FuturesClient

KEEP_ALIVE_S = 20 * 60
PING_S = 20.0  # without news for so long, we ask whether anybody is there
PAUSE_S_MAX = 10.0

_LIVELY = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG)


class UserStream:
    """One account's stream."""

    def __init__(self, client: FuturesClient) -> None:
        self._client = client

    async def events(self, symbol: str) -> AsyncIterator[AccountEvent]:
        """For ever: connect, listen, say what was lost, connect again."""
        pause_s = 0.25
        while True:
            try:
                async for event in self._connection(symbol):
                    pause_s = 0.25
                    yield event
                yield StreamLost("the stream ended")
            except (ccxt.BaseError, OSError, TimeoutError, aiohttp.ClientError) as error:
                yield StreamLost(f"{type(error).__name__}: {error}"[:300])
            await self._client.wait(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    async def _connection(self, symbol: str) -> AsyncIterator[AccountEvent]:
        """One connection, until it ends or its key does."""
        key = await self._key(self._client.fapiPrivatePostListenKey)
        self._client.open()
        url = f"{self._client.profile.stream_url}/private/ws?listenKey={key}"
        async with self._client.session.ws_connect(url, autoping=False) as socket:
            yield StreamAlive(self._client.now_ms())
            keeper = asyncio.ensure_future(self._keep_alive(socket))
            try:
                while True:
                    message = await _next(socket)
                    if message.type is aiohttp.WSMsgType.PING:
                        await socket.pong(message.data)
                    elif message.type is aiohttp.WSMsgType.TEXT:
                        event = _parsed(message.data)
                        if event.get("e") == "listenKeyExpired":
                            return
                        for told in _events(event, symbol):
                            yield told
                    elif message.type is aiohttp.WSMsgType.PONG:
                        yield StreamAlive(self._client.now_ms())
                    else:
                        return
            finally:
                keeper.cancel()
                with suppress(asyncio.CancelledError):
                    await keeper
                await socket.close()

    async def _keep_alive(self, socket: Any) -> None:
        """Put the key again in time; when that fails for good, hang up: the next connection has a new one."""
        failures = 0
        while failures < 3:
            await asyncio.sleep(KEEP_ALIVE_S if not failures else 10)
            try:
                await self._key(self._client.fapiPrivatePutListenKey)
                failures = 0
            except ccxt.BaseError:
                failures += 1
        await socket.close()

    async def _key(self, call: Any) -> str:
        """A listen key, made or kept; not while the exchange told us to wait: asking would lengthen that."""
        await self._client.until_allowed()
        reply = await call({})
        if not isinstance(reply, dict) or not reply.get("listenKey"):
            raise ccxt.BadResponse(f"no listen key: {str(reply)[:100]}")
        return str(reply["listenKey"])


async def _next(socket: Any) -> Any:
    """The next message; a silent socket is pinged, and one that does not answer is dead: TimeoutError."""
    receiving = asyncio.ensure_future(socket.receive())
    try:
        done, _ = await asyncio.wait((receiving,), timeout=PING_S)
        if not done:
            await socket.ping()
            done, _ = await asyncio.wait((receiving,), timeout=PING_S)
        if not done:
            raise TimeoutError(f"no answer to a ping for {PING_S} s")
        return receiving.result()  # not `wait_for`: Python 3.11's loses a cancel that comes with the answer
    finally:
        receiving.cancel()


async def kline_closes(client: FuturesClient, symbol: str, timeframe: str) -> AsyncIterator[CloseTold]:
    """Whenever the stream says that a bar has closed; a hint: some may be missing."""
    url = f"{client.profile.stream_url}/market/ws/{symbol.lower()}@kline_{timeframe}"
    pause_s = 0.25
    while True:
        try:
            await client.until_allowed()
            client.open()
            async with client.session.ws_connect(url, autoping=False) as socket:
                while (message := await _next(socket)).type in _LIVELY:
                    if message.type is aiohttp.WSMsgType.PING:
                        await socket.pong(message.data)
                    elif message.type is aiohttp.WSMsgType.TEXT:
                        pause_s = 0.25
                        event = json.loads(message.data)
                        bar = event.get("k") or {}
                        if bar.get("x"):
                            yield CloseTold(int(event["E"]), int(bar["t"]), float(bar["c"]), float(bar["v"]))
                await socket.close()
        except (OSError, TimeoutError, ValueError, KeyError, TypeError, aiohttp.ClientError):
            pass  # the bar is read by REST anyway
        await client.wait(pause_s)
        pause_s = min(2 * pause_s, PAUSE_S_MAX)


def _parsed(text: str) -> dict[str, Any]:
    """A message; one that is no JSON object ends the connection: something may have been lost."""
    try:
        event = json.loads(text)
    except ValueError:
        event = None
    return event if isinstance(event, dict) else {"e": "listenKeyExpired"}


def _events(event: dict[str, Any], symbol: str) -> list[AccountEvent]:
    """What one message says about our symbol. What cannot be read may have mattered: StreamLost."""
    try:
        return _told(event, symbol)
    except (KeyError, ValueError, TypeError, ArithmeticError) as fault:
        return [StreamLost(f"an event that cannot be read: {fault!r}")]


def _told(event: dict[str, Any], symbol: str) -> list[AccountEvent]:
    time_ms = int(event.get("E") or 0)
    match event.get("e"):
        case "ORDER_TRADE_UPDATE" if event["o"]["s"] == symbol:
            order = event["o"]
            return [OrderChanged(rows.order_event(order), rows.trade_event(order), time_ms)]
        case "ALGO_UPDATE" if event["o"]["s"] == symbol:
            return [OrderChanged(rows.algo_event(event["o"], time_ms), None, time_ms)]
        case "ACCOUNT_UPDATE":
            return [_account_changed(event["a"], symbol, time_ms)]
        case "ACCOUNT_CONFIG_UPDATE" | "MARGIN_CALL":
            return [SettingsChanged(json.dumps(event)[:300], time_ms)]
    return []


def _account_changed(account: dict[str, Any], symbol: str, time_ms: int) -> PositionChanged:
    wallet = next((Decimal(row["wb"]) for row in account.get("B", ()) if row["a"] == "USDT"), None)
    row = next((row for row in account.get("P", ()) if row["s"] == symbol), None)
    position = None
    if row is not None:
        zero = Decimal(0)
        position = VenuePosition(symbol, Decimal(row["pa"]), Decimal(row["ep"]), zero, zero, time_ms)
    return PositionChanged(position, wallet, str(account.get("m", "")), time_ms)
