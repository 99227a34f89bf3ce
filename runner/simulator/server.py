"""The exchange over sockets: REST and WebSockets by aiohttp, on the own machine.

In: a box, a pace, a port, perhaps a certificate. Out: a server that real clients take for Binance USDⓈ-M.
Refuses to know: what requests mean (rest.py), what streams say (streams.py), how time moves (pacing.py).
Source: Binance's connection rules: ping every 3 minutes, closed after 10 without pong, 10 messages a second.
"""

import asyncio
import contextlib
import ipaddress
import json
import ssl
from collections import deque
from typing import Any

from aiohttp import WSMsgType, web

from runner.errors import UsageError
from runner.simulator import rest
from runner.simulator.admin import answer_admin
from runner.simulator.box import Box
from runner.simulator.pacing import Pace, Pacer
from runner.simulator.streams import TOO_MUCH, Listener
from runner.simulator.wire import Reply

LOOPBACK = "127.0.0.1"
OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
PING_S, PONG_S_MAX, MESSAGES_A_SECOND = 180.0, 600.0, 10
HANG_S_MAX, BODY_BYTES_MAX = 120.0, 1 << 20
ABNORMAL = 1006


class Server:
    """One exchange on one port; 0 takes a free one."""

    def __init__(self, box: Box, pace: Pace, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.box = box
        self._pace, self._port, self._tls = pace, port, tls
        self._runner: web.AppRunner | None = None
        self._pacer: Pacer | None = None
        self._under_way = 0
        self._lines: set[_Line] = set()

    @property
    def pacer(self) -> Pacer:
        """How time moves; there is one once the server has started."""
        assert self._pacer is not None
        return self._pacer

    @property
    def url(self) -> str:
        """Where REST and /admin are."""
        return f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self._port}"

    @property
    def stream_url(self) -> str:
        """Where streams are; ccxt wants /ws at the end."""
        return f"{'wss' if self._tls else 'ws'}://{LOOPBACK}:{self._port}"

    async def start(self) -> None:
        """Listen, and let time pass."""
        self._pacer = Pacer(self.box, self._pace, self._is_busy)
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, self._port, ssl_context=self._tls)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise UsageError(
                f"port {self._port} is taken ({error.strerror}); say --port 0 for a free one"
            ) from None
        self._port = self._runner.addresses[0][1]
        self._pacer.start()

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._pacer:
            await self._pacer.stop()
        for line in list(self._lines):
            await line.hang_up(1001)
        if self._runner:
            await self._runner.cleanup()

    @property
    def is_sending(self) -> bool:
        """Is there anything that a stream has not sent yet?"""
        return any(line.is_sending for line in self._lines)

    def _is_busy(self) -> bool:
        return self._under_way > 0 or self.is_sending

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/admin" or request.path.startswith("/admin/"):
            return await self._admin(request)
        self.pacer.touch()
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request)
        self._under_way += 1
        try:
            return await self._rest(request)
        finally:
            self._under_way -= 1
            self.pacer.touch()

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.pacer.catch_up()
        arrival = rest.arrive(self.box, request.method, request.raw_path, request.headers, body)
        if arrival.delay_ms:
            await asyncio.sleep(self.pacer.late_s(arrival.delay_ms))
            self.pacer.catch_up()
        reply = rest.answer(self.box, arrival, self.box.now_ms)
        if reply.late_ms:
            await asyncio.sleep(self.pacer.late_s(reply.late_ms))
        return await _sent(request, reply)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        line = _Line(self)
        listener = self.box.hub.connect(request.raw_path, line.send, line.end)
        if listener is None:
            raise web.HTTPServiceUnavailable(text="refused")
        self._lines.add(line)
        try:
            return await line.serve(request, listener)
        finally:
            self._lines.discard(line)
            self.box.hub.disconnect(listener)

    async def _admin(self, request: web.Request) -> web.StreamResponse:
        """Only for the own machine, and not for a web page that runs on it."""
        peer = request.remote or ""
        host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if not ipaddress.ip_address(peer).is_loopback or host not in OWN_NAMES or "Origin" in request.headers:
            raise web.HTTPForbidden(text="the admin endpoint answers only programs on this machine\n")
        try:
            text = await request.text()
            sent = json.loads(text) if text else dict(request.query)
        except ValueError:
            return web.json_response({"problem": "the body is no JSON"}, status=400)
        if not isinstance(sent, dict):
            return web.json_response({"problem": "the body is no JSON object"}, status=400)
        self.pacer.catch_up()
        status, tree = await answer_admin(self.box, self.pacer, request.method, request.path, sent)
        return web.json_response(tree, status=status)


async def _sent(request: web.Request, reply: Reply) -> web.StreamResponse:
    """The reply on its way; some never arrive whole."""
    if reply.fate == "sent":
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
    if reply.fate == "hangs":
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(HANG_S_MAX):
                while request.transport is not None and not request.transport.is_closing():
                    await asyncio.sleep(0.05)
    cut = web.StreamResponse(status=reply.status or 200, headers=reply.headers)
    if reply.fate == "cut":
        cut.content_length = len(reply.body)
        await cut.prepare(request)
        await cut.write(reply.body[: reply.cut])
        await asyncio.sleep(0)
    if request.transport is not None:
        request.transport.abort() if reply.fate != "cut" else request.transport.close()
    return cut


class _Line:
    """One WebSocket: a queue of texts out, commands in, pings."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._queue: asyncio.Queue[str | int] = asyncio.Queue()
        self._socket: web.WebSocketResponse | None = None
        self._ponged_s = asyncio.get_running_loop().time()
        self._is_writing = False

    @property
    def is_sending(self) -> bool:
        """Is there anything the client has not got yet?"""
        return self._is_writing or not self._queue.empty()

    def send(self, text: str, late_ms: int) -> None:
        """For the hub: a text to go out, perhaps later."""
        if late_ms:
            wait_s = self._server.pacer.late_s(late_ms)
            asyncio.get_running_loop().call_later(wait_s, self._queue.put_nowait, text)
        else:
            self._queue.put_nowait(text)

    def end(self, code: int) -> None:
        """For the hub: close after what is queued."""
        self._queue.put_nowait(code)

    async def hang_up(self, code: int) -> None:
        """Close now."""
        if self._socket is not None and not self._socket.closed:
            await self._socket.close(code=code)

    async def serve(self, request: web.Request, listener: Listener) -> web.WebSocketResponse:
        """Until either side closes."""
        self._socket = web.WebSocketResponse(autoping=False, compress=False, timeout=0.5)
        await self._socket.prepare(request)
        tasks = [
            asyncio.create_task(self._write(request, self._socket)),
            asyncio.create_task(self._ping(listener, self._socket)),
        ]
        try:
            await self._read(listener, self._socket)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self._socket

    async def _read(self, listener: Listener, socket: web.WebSocketResponse) -> None:
        loop, hub = asyncio.get_running_loop(), self._server.box.hub
        heard: deque[float] = deque(maxlen=MESSAGES_A_SECOND + 1)
        async for message in socket:
            self._server.pacer.touch()
            if message.type is WSMsgType.PONG:
                self._ponged_s = loop.time()
            elif message.type is WSMsgType.PING and not hub.is_mute(listener):
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                heard.append(loop.time())
                if len(heard) > MESSAGES_A_SECOND and heard[-1] - heard[0] < 1:
                    await socket.close(code=TOO_MUCH, message=b"Too many requests")
                    return
                hub.command(listener, message.data)

    async def _write(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        while True:
            out = await self._queue.get()
            self._is_writing = True
            try:
                if isinstance(out, str):
                    await socket.send_str(out)
                elif out == ABNORMAL and request.transport is not None:
                    request.transport.abort()
                    return
                else:
                    await socket.close(code=out)
                    return
            except ConnectionError:
                return
            finally:
                self._is_writing = False
                self._server.pacer.touch()

    async def _ping(self, listener: Listener, socket: web.WebSocketResponse) -> None:
        loop: Any = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PING_S)
            if loop.time() - self._ponged_s > PONG_S_MAX:
                await socket.close(code=ABNORMAL if self._server.box.hub.is_mute(listener) else 1008)
                return
            if not self._server.box.hub.is_mute(listener):
                await socket.ping(str(self._server.box.now_ms).encode())
