"""One client of the exchange: ccxt's `binanceusdm`, kept inside its profile and telling what it was answered.

In: a profile, keys or none. Out: an object with all of ccxt's calls, REST and streams; errors that carry
the reply.
Refuses to know: orders, candles, when to ask again: it sends what it is told once, and at once.
Source: ccxt 4.5.90; why each setting is needed is said beside it.

Importing this module imports ccxt (half a second), so only commands that speak to an exchange do.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import ccxt
import ccxt.pro

from runner.exchange.notice import Notice
from runner.exchange.profiles import Profile, api_urls, check_url
from runner.exchange.weight import Budget, Meter

TIMEOUT_MS = 10_000
WAIT_S_MAX = 10.0  # between two looks whether a ban is over

NowMs = Callable[[], int]
Wait = Callable[[float], Awaitable[None]]


class Keys(NamedTuple):
    """An API key and its secret; never printed."""

    key: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(…)"


class Reply(NamedTuple):
    """A whole HTTP reply that was an error. `code` is Binance's number, None when the body has none."""

    status: int
    code: int | None
    message: str
    body: str
    headers: Mapping[str, str]


class HeldBack(ccxt.DDoSProtection):  # type: ignore[misc]
    """Not sent: the exchange told this address to wait."""


def reply_of(error: BaseException) -> Reply | None:
    """The reply behind an exception; None when none came: refused, dropped, cut short or timed out."""
    reply = getattr(error, "reply", None)
    return reply if isinstance(reply, Reply) else None


def never_left(error: BaseException) -> bool:
    """Whether a request surely did not reach anybody: held back, no address, no connection."""
    return isinstance(error, HeldBack) or isinstance(
        error.__cause__, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | socket.gaierror
    )


class FuturesClient(ccxt.pro.binanceusdm):  # type: ignore[misc]
    """ccxt's client with a guarded transport. Close it: `async with`, or `await client.close()`."""

    session: Any

    def __init__(self, profile: Profile, keys: Keys | None = None, *, timeout_ms: int = TIMEOUT_MS) -> None:
        settings: dict[str, Any] = {
            "timeout": timeout_ms,
            "enableRateLimit": False,  # its own bucket holds orders back after heavy reads: see weight.py
            "verify": profile.is_encrypted,  # a stand-in speaks plain http: no certificates to load
            "options": {
                "fetchCurrencies": False,  # asks the spot wallet, signed
                "maxRetriesOnFailure": 0,  # would send an order twice
                "warnOnFetchOpenOrdersWithoutSymbol": False,
            },
        }
        if keys is not None:
            settings |= {"apiKey": keys.key, "secret": keys.secret}
        super().__init__(settings)
        self.profile = profile
        self.budget = Budget()
        self.meter = Meter()
        self.notice = Notice(profile.notices / f"ban-{profile.name}" if profile.notices else None)
        self.now_ms: NowMs = lambda: time.time_ns() // 1_000_000
        self.wait: Wait = asyncio.sleep  # seconds, between two tries to connect
        self.urls["api"] = api_urls(profile)  # replaced whole: a merge would leave production hosts in it
        self.timeout_on_exit = 250 if profile.is_encrypted else 0

    def get_exceptions_by_url(self, url: str, kind: str) -> Any:
        """The futures table on any host; ccxt itself looks for Binance's own."""
        return self.exceptions["linear"].get(kind, {})

    def open(self, lazy: bool = False) -> None:
        """ccxt's, but the session asks the profile before each request, each redirect and each stream."""
        self.own_session = False  # ccxt makes none
        super().open(lazy)
        self.own_session = True  # and closes ours
        if self.session is None:
            connector = aiohttp.TCPConnector(ssl=self.ssl_context)
            proxied = self.profile.is_encrypted  # HTTPS_PROXY of the environment, as the archive uses it
            self.session = aiohttp.ClientSession(
                connector=connector, middlewares=(self._guarded,), trust_env=proxied
            )

    async def _guarded(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        check_url(self.profile, str(request.url))
        return await handler(request)

    def client(self, url: str) -> Any:
        """A stream's connection; refused here, because what fails inside it looks like a fault of the
        network.
        """
        check_url(self.profile, url)
        return super().client(url)

    def blocked_until_ms(self) -> int:
        """Until when nothing may be sent, by our clock: what the exchange told us, or a neighbour. 0: now."""
        now_ms = self.now_ms()
        self.budget.blocked_until_ms = max(self.budget.blocked_until_ms, self.notice.read(now_ms))
        return self.budget.blocked_until_ms if now_ms < self.budget.blocked_until_ms else 0

    async def until_allowed(self) -> None:
        """Wait until something may be sent."""
        while (left_ms := self.blocked_until_ms() - self.now_ms()) > 0:
            await self.wait(min(left_ms / 1000, WAIT_S_MAX))

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """One request over the wire, timed. HeldBack where the exchange told us to wait: whoever asks."""
        check_url(self.profile, url)
        if self.blocked_until_ms():
            raise HeldBack(f"{self.id} {method} was not sent: the exchange told us to wait")
        started_s = time.monotonic()
        try:
            return await super().fetch(url, method, headers, body)
        finally:
            self.meter.took((time.monotonic() - started_s) * 1000, self.budget.used)

    def handle_errors(  # noqa: PLR0913, PLR0917 – ccxt's signature
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        headers: Mapping[str, str],
        body: str,
        response: Any,
        request_headers: Any,
        request_body: Any,
    ) -> None:
        """ccxt's verdict on a reply, with the reply attached; what is no JSON is no answer, whatever
        its status.
        """
        now_ms = self.now_ms()
        self.budget.heard(headers, now_ms)
        if code in (418, 429):
            self.budget.block(headers, body, now_ms)
            self.notice.post(self.budget.blocked_until_ms, now_ms)
        try:
            super().handle_errors(
                code, reason, url, method, headers, body, response, request_headers, request_body
            )
            super().handle_http_status_code(code, reason, url, method, body)
            if code >= 400 or response is None:
                raise ccxt.BadResponse(f"{self.id} {method} {url} {code} {reason} {body[:200]}")
        except ccxt.BaseError as error:
            error.reply = _reply(code, headers, body, response)
            raise


def _reply(status: int, headers: Mapping[str, str], body: str, response: Any) -> Reply:
    found = response if isinstance(response, Mapping) else {}
    try:
        code = int(found["code"])
    except (KeyError, TypeError, ValueError):
        code = None
    return Reply(status, code, str(found.get("msg", "")), body, headers)
