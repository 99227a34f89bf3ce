"""Binance's public archive on loopback: its layout, its checksums, and its faults on demand.

In: columns of some series. Out: a server; zips are made when they are asked for.
Refuses to know: the code under test, but for the names of series.
"""

import asyncio
import hashlib
import io
import threading
import zipfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from aiohttp import web

from runner.data.layout import SeriesKey, series_key
from runner.data.part import Columns
from runner.domain.time import DAY_MS, parse_time, timeframe_ms

STALL_S = 30.0
HEADER_SINCE_MS = parse_time("2022-06-01")
HEAD = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore\n"
)
FOLDERS = {"klines": "last", "markPriceKlines": "mark", "fundingRate": "funding"}

Fault = Literal[
    "429", "429 far", "418", "403", "500", "stall", "reset", "truncated", "checksum", "text", "rows"
]


@dataclass
class Archive:
    """The server's state; handlers run in its thread.

    `faults` holds for a part of a path the faults of its next zips, one each. `published_ms` is when the
    newest file was put there; `unpublished` are paths without a file. `pace_s` is waited before a zip and in
    its middle.
    """

    market: dict[SeriesKey, Columns]
    published_ms: int = 1 << 60
    unpublished: set[str] = field(default_factory=set)
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    pace_s: float = 0.0
    microseconds: bool = False
    url: str = ""
    zips: dict[str, bytes | None] = field(default_factory=dict)

    def fail(self, part: str, *faults: Fault) -> None:
        """The next zips whose path holds `part` come so."""
        self.faults.setdefault(part, deque()).extend(faults)

    def fetched(self, end: str = ".zip") -> list[str]:
        """File names that were asked for, in order."""
        return [path.rpartition("/")[2] for path in self.asked if path.endswith(end)]


@contextmanager
def serving(archive: Archive) -> Iterator[Archive]:
    """The archive on a port of its own, in a thread of its own."""
    ready, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await _answer(archive, request)

        application = web.Application()
        application.router.add_get("/{path:.*}", handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        archive.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        loops.append(asyncio.get_running_loop())
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield archive
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(10)


async def _answer(archive: Archive, request: web.Request) -> web.StreamResponse:
    path = request.match_info["path"]
    archive.asked.append(path)
    name = path.removesuffix(".CHECKSUM")
    content = None if name in archive.unpublished else _zip(archive, name, is_told=path == name)
    if content is None:
        return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
    if path != name:
        digest = hashlib.sha256(content).hexdigest()
        return web.Response(text=f"{digest}  {name.rpartition('/')[2]}\n")
    for part, waiting in archive.faults.items():
        if part in path and waiting and waiting[0] not in ("text", "rows"):
            return await _fault(request, waiting.popleft(), content)
    if not archive.pace_s:
        return web.Response(body=content)
    await asyncio.sleep(archive.pace_s)
    reply = web.StreamResponse(headers={"Content-Length": str(len(content))})
    await reply.prepare(request)
    await reply.write(content[: len(content) // 2])
    await asyncio.sleep(archive.pace_s)
    await reply.write(content[len(content) // 2 :])
    return reply


async def _fault(request: web.Request, fault: Fault, content: bytes) -> web.StreamResponse:
    assert request.transport is not None
    match fault:
        case "stall":
            await asyncio.sleep(STALL_S)
        case "reset":
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            request.transport.write(head + content[: len(content) // 2])
            request.transport.close()
        case "truncated":
            return web.Response(body=content[: len(content) // 2])
        case "checksum":
            return web.Response(body=content[:-1] + bytes([content[-1] ^ 1]))
        case "429":
            return web.Response(status=429, headers={"Retry-After": "1"})
        case "418" | "429 far":
            return web.Response(status=int(fault[:3]), headers={"Retry-After": "7200"})
        case _:
            return web.Response(status=int(fault))
    return web.Response()


def _zip(archive: Archive, path: str, *, is_told: bool) -> bytes | None:
    """The zip at a path, or None when there is none. Spoiled text has a right checksum."""
    for part, waiting in archive.faults.items():
        if part in path and waiting and waiting[0] in ("text", "rows"):
            text = _csv(archive, path) or ""
            return zipped(path, _spoiled(text, waiting.popleft() if is_told else waiting[0]))
    if path not in archive.zips:
        sound = _csv(archive, path)
        archive.zips[path] = None if sound is None else zipped(path, sound)
    return archive.zips[path]


def zipped(path: str, text: str) -> bytes:
    """A zip as the archive makes it: one CSV of the same name."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as file:
        name = path.rpartition("/")[2].removesuffix(".zip") + ".csv"
        file.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def _spoiled(text: str, fault: Fault) -> str:
    lines = text.splitlines(keepends=True)
    if fault == "rows":
        lines[-1], lines[-2] = lines[-2], lines[-1]
    else:
        lines[-1] = lines[-1].replace(",", ",x", 1)
    return "".join(lines)


def _csv(archive: Archive, path: str) -> str | None:
    span, folder, symbol, name = _words(path)
    if folder not in FOLDERS:
        return None
    kind, period = FOLDERS[folder], name[len(symbol) + 1 :].split("-", 1)
    key = series_key(symbol, kind, 0 if kind == "funding" else timeframe_ms(period[0]))  # type: ignore[arg-type]
    start, stop = _span(period[1])
    if key not in archive.market or stop > archive.published_ms or (kind == "funding" and span == "daily"):
        return None
    times, floats = archive.market[key]
    first, last = np.searchsorted(times, (start, stop))
    if first == last:
        return None
    unit = 1000 if archive.microseconds else 1
    rows = zip(times[first:last].tolist(), *(column[first:last].tolist() for column in floats), strict=True)
    if kind == "funding":
        lines = [f"{time + 3},8,{each!r}\n" for time, each in rows]
        return "calc_time,funding_interval_hours,last_funding_rate\n" + "".join(lines)
    length = key.timeframe_ms
    lines = [
        f"{row[0] * unit},{','.join(map(repr, row[1:5]))},{row[5] if len(row) > 5 else 0!r},"
        f"{(row[0] + length) * unit - 1},0,1,0,0,0\n"
        for row in rows
    ]
    return (HEAD if start >= HEADER_SINCE_MS else "") + "".join(lines)


def _words(path: str) -> tuple[str, str, str, str]:
    """monthly or daily, folder, symbol, file name."""
    words = path.removesuffix(".zip").split("/")
    return words[3], words[4], words[5], words[-1]


def _span(period: str) -> tuple[int, int]:
    if len(period) > len("2023-01"):
        return parse_time(period), parse_time(period) + DAY_MS
    start = datetime.fromisoformat(f"{period}-01").replace(tzinfo=UTC)
    following = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return int(start.timestamp()) * 1000, int(following.timestamp()) * 1000
