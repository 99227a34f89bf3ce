"""Files of Binance's public archive over HTTP: asked politely, checked, asked again when broken.

In: a base URL and files. Out: columns, None for what is not there (yet); DataDamaged naming a file that stays
broken, ExchangeUnreachable, ExchangeRefused.
Refuses to know: which files are wanted, the candle store.
Source: each zip has a file `….CHECKSUM` beside it: its SHA-256 and its name.
Nothing is kept on disk: a file is taken whole or not at all, so a killed download leaves nothing behind.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import aiohttp

from runner.data.archive_file import ArchiveFile, read_zip
from runner.data.part import Columns
from runner.domain.source import Traffic
from runner.errors import DataDamaged, ExchangeRefused, ExchangeUnreachable

ARCHIVE_URL = "https://data.binance.vision"

TRIES_MAX = 6  # with the waits below, half a minute of silence
BACKOFF_S = 0.5  # before the second try; doubled before each further one
PAUSE_S_MAX = 900.0  # a longer one, asked for by the server, is for the user to sit out
PAUSE_S = 30.0  # after a 429 that does not say how long
CONNECT_S = 10.0
STALL_S = 20.0
BODY_BYTES_MAX = 128 << 20

_NOT_FOUND, _OK = 404, 200
_BUSY = (418, 429)


@dataclass(slots=True)
class Archive:
    """One session with the archive; a pause that it asks for holds up every download."""

    session: aiohttp.ClientSession
    url: str
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock_s: Callable[[], float] = time.monotonic
    _requests: int = 0
    _retries: int = 0
    _latencies_ms: list[float] = field(default_factory=list)
    _resume_s: float = 0.0

    @property
    def traffic(self) -> Traffic:
        """What it cost so far."""
        return Traffic(self._requests, self._retries, tuple(self._latencies_ms))

    async def rows(self, file: ArchiveFile) -> Columns | None:
        """What is in a file; a broken one is fetched once more."""
        try:
            return await self._checked(file, again=False)
        except ValueError:
            self._retries += 1
        try:
            return await self._checked(file, again=True)
        except ValueError as error:
            raise DataDamaged(
                f"{self.url}/{file.path}: {error}; fetched twice, nothing of this file was taken; "
                f"--no-archive asks the exchange itself"
            ) from error

    async def _checked(self, file: ArchiveFile, *, again: bool) -> Columns | None:
        said = await self._get(f"{file.path}.CHECKSUM", again=again)
        content = None if said is None else await self._get(file.path, again=again)
        if said is None or content is None:
            return None
        digest = said.split()[0].decode(errors="replace").lower() if said.split() else ""
        if hashlib.sha256(content).hexdigest() != digest:
            raise ValueError("its SHA-256 is not the one in its CHECKSUM file")
        return await asyncio.to_thread(read_zip, file, content)  # others download meanwhile

    async def _get(self, path: str, *, again: bool) -> bytes | None:
        """The body, or None when there is no such file."""
        fault = ""
        for attempt in range(TRIES_MAX):
            self._retries += attempt > 0
            pause_s = self._resume_s - self.clock_s()
            if pause_s > 0:
                await self.sleep(pause_s)
            try:
                status, body, asked_s = await self._try(path, again=again)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                fault = str(error) or (
                    "no answer in time" if isinstance(error, TimeoutError) else "no answer"
                )
                status = 0
            if status == _OK:
                return body
            if status == _NOT_FOUND:
                return None
            if status in _BUSY:
                fault = f"HTTP {status}, too many requests"
                self._hold(path, PAUSE_S if asked_s is None else asked_s)
            elif status and status < 500:
                raise ExchangeRefused(
                    f"{self.url}/{path}: HTTP {status}; the archive does not give this file"
                )
            else:
                fault = f"HTTP {status}" if status else fault
                if attempt < TRIES_MAX - 1:
                    await self.sleep(BACKOFF_S * 2**attempt)
        raise ExchangeUnreachable(
            f"{self.url}/{path}: {fault} in {TRIES_MAX} tries; what was whole is stored, "
            f"the same command goes on from there"
        )

    async def _try(self, path: str, *, again: bool) -> tuple[int, bytes, float | None]:
        """One request: status, body, and the pause in seconds that the answer asks for."""
        self._requests += 1
        started_s = self.clock_s()
        try:
            headers = {"Cache-Control": "no-cache"} if again else {}
            async with self.session.get(f"{self.url}/{path}", headers=headers) as reply:
                body = bytearray()
                async for chunk in reply.content.iter_chunked(1 << 16):
                    body += chunk
                    if len(body) > BODY_BYTES_MAX:
                        raise aiohttp.ClientPayloadError(f"longer than {BODY_BYTES_MAX >> 20} MiB")
                return reply.status, bytes(body), _pause_s(reply)
        finally:
            self._latencies_ms.append((self.clock_s() - started_s) * 1000)

    def _hold(self, path: str, pause_s: float) -> None:
        if pause_s > PAUSE_S_MAX:
            raise ExchangeUnreachable(
                f"{self.url}/{path}: the archive asks to come back in {pause_s / 60:.0f} minutes; "
                f"what was whole is stored, the same command goes on from there"
            )
        self._resume_s = max(self._resume_s, self.clock_s() + pause_s)


@asynccontextmanager
async def open_archive(
    url: str = ARCHIVE_URL,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock_s: Callable[[], float] = time.monotonic,
    stall_s: float = STALL_S,
) -> AsyncIterator[Archive]:
    """A session with the archive at `url`; proxies are taken from the environment."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=stall_s)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
        yield Archive(session, url.rstrip("/"), sleep, clock_s)


def _pause_s(reply: aiohttp.ClientResponse) -> float | None:
    """`Retry-After`, in seconds or as a date; None when it is not there or says nothing."""
    text = reply.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment, now = (parsedate_to_datetime(said) for said in (text, reply.headers.get("Date", "")))
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError):
        return None
