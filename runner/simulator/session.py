"""The exchange in memory: a session object for ccxt, without sockets.

In: a box, a way to wait. Out: what ccxt's async exchanges ask of an aiohttp session: `get`, `post`, … as
contexts with an answer, `ws_connect` with a socket. Signing, parsing and error tables are ccxt's own; URLs
stay https://fapi.binance.com, so that its futures table is in play.
Refuses to know: ccxt. aiohttp's exceptions and message types are imported only where one is needed: ccxt has
them loaded anyway.

    box = …
    client = ccxt.pro.binanceusdm({"session": MemorySession(box), "apiKey": "key", "secret": "secret",
                                   "enableRateLimit": False, "options": {"fetchCurrencies": False}})
    client.milliseconds = lambda: box.now_ms    # the client lives in the exchange's time
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from runner.simulator import rest
from runner.simulator.box import Box
from runner.simulator.streams import Listener
from runner.simulator.wire import Reply

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"} | {
    408: "Request Timeout",
    418: "I'm a teapot",
    429: "Too Many Requests",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
GIVE_UP_S = 10.0  # where a client set no timeout
CLOSED_CODE = 1006

Wait = Callable[[float], Awaitable[None]]


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


class MemorySession:
    """`clock`: where the exchange's time stands at each request, None for where it stands already; `wait`:
    how delays pass, asyncio's sleep by default, so that a loop with virtual time passes them at once.
    """

    def __init__(self, box: Box, *, clock: Callable[[], int] | None = None, wait: Wait = _sleep) -> None:
        self.box = box
        self.headers: dict[str, str] = {}  # sent with each request, as ccxt asks; there are none
        self.closed = False
        self._clock = clock
        self._wait = wait

    def get(self, url: Any, **sent: Any) -> "_Exchange":
        """GET."""
        return self.request("GET", url, **sent)

    def post(self, url: Any, **sent: Any) -> "_Exchange":
        """POST."""
        return self.request("POST", url, **sent)

    def put(self, url: Any, **sent: Any) -> "_Exchange":
        """PUT."""
        return self.request("PUT", url, **sent)

    def delete(self, url: Any, **sent: Any) -> "_Exchange":
        """DELETE."""
        return self.request("DELETE", url, **sent)

    def request(
        self,
        method: str,
        url: Any,
        *,
        data: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Any = None,
        **_: Any,
    ) -> "_Exchange":
        """One request, sent when the context is entered."""
        parts = urlsplit(str(url))
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        body = data.encode() if isinstance(data, str) else data or b""
        seconds = getattr(timeout, "total", None) or GIVE_UP_S
        return _Exchange(self, method, target, headers or {}, body, seconds)

    async def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Reply:
        """The reply as it arrives; raises what a client of sockets would see when none does."""
        arrival = rest.arrive(self.box, method, target, headers, body)
        if arrival.delay_ms:
            await self._wait(min(arrival.delay_ms / 1000, seconds))
        reply = rest.answer(self.box, arrival, self._now_ms() + (0 if self._clock else arrival.delay_ms))
        late_s = (arrival.delay_ms + reply.late_ms) / 1000
        if late_s >= seconds or reply.fate == "hangs":
            await self._wait(seconds)
            raise TimeoutError
        if reply.late_ms:
            await self._wait(reply.late_ms / 1000)
        if reply.fate != "sent":
            raise _broken(reply)
        return reply

    def _now_ms(self) -> int:
        return self._clock() if self._clock else self.box.now_ms

    def ws_connect(self, url: Any, **_: Any) -> "_Dial":
        """A socket, open when the context is entered."""
        parts = urlsplit(str(url))
        return _Dial(self.box, f"{parts.path}?{parts.query}" if parts.query else parts.path)

    async def close(self) -> None:
        """Nothing to give back."""
        self.closed = True


def _broken(reply: Reply) -> Exception:
    import aiohttp  # noqa: PLC0415 – only a client that has it loaded gets here

    if reply.fate == "reset":
        return aiohttp.ServerDisconnectedError()
    return aiohttp.ClientPayloadError(f"Response payload is not completed: {reply.body[: reply.cut]!r}")


class Answer:
    """What ccxt reads of an aiohttp response."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.reason = REASONS.get(reply.status, "")
        self.headers = reply.headers
        self._body = reply.body

    async def text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The body as text."""
        return self._body.decode(encoding, errors)

    async def read(self) -> bytes:
        """The body."""
        return self._body

    async def json(self) -> Any:
        """The body as a tree."""
        return json.loads(self._body)

    @property
    def content(self) -> bytes:
        """ccxt returns this for an answer that is neither JSON nor text."""
        return self._body


class _Exchange:
    """`async with` of one request."""

    def __init__(
        self,
        session: MemorySession,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float,
    ) -> None:
        self._session = session
        self._sent = method, target, headers, body, seconds

    async def __aenter__(self) -> Answer:
        return Answer(await self._session.answer(*self._sent))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class _Dial:
    """`async with` of a socket."""

    def __init__(self, box: Box, target: str) -> None:
        self._box, self._target = box, target

    async def __aenter__(self) -> "MemorySocket":
        return MemorySocket(self._box, self._target)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class MemorySocket:
    """What ccxt reads and writes of an aiohttp client socket, and `texts` for those who want no frames."""

    _conn = None  # ccxt looks for aiohttp's buffer behind it

    def __init__(self, box: Box, target: str) -> None:
        self.closed = False
        self.close_code: int | None = None
        self._box = box
        self._frames: deque[tuple[str, Any]] = deque()
        self._woken = asyncio.Event()
        listener = box.hub.connect(target, self._take, self._end)
        if listener is None:
            raise ConnectionRefusedError(target)
        self._listener: Listener = listener

    def _take(self, text: str, late_ms: int) -> None:
        if late_ms:
            asyncio.get_running_loop().call_later(late_ms / 1000, self._push, "TEXT", text)
        else:
            self._push("TEXT", text)

    def _end(self, code: int) -> None:
        self.close_code = code
        self._push("CLOSE", code)

    def _push(self, kind: str, data: Any) -> None:
        self._frames.append((kind, data))
        self._woken.set()

    async def receive(self) -> Any:
        """The next frame, as aiohttp's WSMessage."""
        import aiohttp  # noqa: PLC0415 – only a client that has it loaded asks for frames

        kind, data = await self._next()
        return aiohttp.WSMessage(aiohttp.WSMsgType[kind], data, None)

    async def text(self) -> str | None:
        """The next text; None once the socket is closed."""
        if self.closed:
            return None
        kind, data = await self._next()
        if kind == "CLOSE":
            self.closed = True
            return None
        return str(data) if kind == "TEXT" else await self.text()

    async def _next(self) -> tuple[str, Any]:
        while not self._frames:
            self._woken.clear()
            await self._woken.wait()
        return self._frames.popleft()

    async def send_str(self, text: str) -> None:
        """A request of the client's."""
        self._box.hub.command(self._listener, text)

    async def ping(self, message: bytes = b"") -> None:
        """Answered at once, unless the streams are silent."""
        if not self._box.hub.is_mute(self._listener):
            self._push("PONG", message)

    async def pong(self, message: bytes = b"") -> None:
        """Nobody waits for it here."""

    async def close(self, *, code: int = 1000, message: bytes = b"") -> bool:
        """The client hangs up."""
        if not self.closed:
            self.closed = True
            self.close_code = self.close_code or code
            self._box.hub.disconnect(self._listener)
            self._push("CLOSE", self.close_code)
        return True
