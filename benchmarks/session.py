"""A session in a process of its own, before an exchange in this one: how soon it acts, what it holds on to.

`python -m benchmarks.session FOLDER MINUTES QUARTERS`. Out: JSON on stdout.

`reaction`, the median of ROUNDS processes: from the moment at which the exchange hands a bar's close to its
socket until the order that answers it has arrived there. One clock, this process's; loopback, WebSocket and
HTTP, journal in FOLDER.
The bot looks at seven indicators over 2,059 one-minute bars and acts at every close. The first WARM_UP orders
are left out: connections, caches and compiled SQL come to be in them.
`memory`: what the session's process holds resident over so many 15m bars: when a fifteenth of them has closed
(two days of a month), and at the end.
Refuses to know: targets.

Nobody waits for minutes to pass. Around a close the clock is the machine's; in between both processes leap,
at most LEAP_MS at a time, and go on when nothing is on the wire any more: every poll there would be is made.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

from aiohttp import web

from runner.data.instruments import instrument_for
from runner.data.market import load_market
from runner.domain.time import MINUTE_MS
from runner.exchange.client import Keys
from runner.simulator.audit import audit
from runner.simulator.box import Box
from runner.simulator.catalogue import rules_of
from runner.simulator.opening import Opening, history_of, open_box
from runner.simulator.pacing import Pace
from runner.simulator.server import Server

BOTS = Path(__file__).with_name("bots")
SYMBOL, NAME = "BTC/USDT:USDT", "BTCUSDT"
MODE, ACCOUNT = "rehearsal", "main"
KEYS = Keys("key", "secret")
FROM_MS = 1_704_067_200_000  # 2024-01-01
KNOWN = 2_200  # bars before the start
WARM_UP = 20
ROUNDS = 3
LEAP_MS = 4_000  # less than what a signature is good for
BEFORE_MS = 60  # a close: from here on time passes
QUIET_S = 0.012
PATIENCE_S = 1.0  # for an order
CLOSED = '"x":true'


class Counter(Server):
    """An exchange that notes when a close leaves it, and when an order arrives."""

    def __init__(self, box: Box, ahead_ms: int) -> None:
        super().__init__(box, Pace(None))
        self.ahead_ms = ahead_ms
        self.closed_ns = self.ordered_ns = 0
        self.ordered = asyncio.Event()
        self._heard_s = time.monotonic()

    def keep_time(self) -> None:
        """The exchange's clock as it is now."""
        self.box.advance_to(time.time_ns() // 1_000_000 + self.ahead_ms)

    async def quiet(self) -> None:
        """Until nothing was on the wire for a while."""
        self._heard_s = time.monotonic()
        while self._is_busy() or time.monotonic() - self._heard_s < QUIET_S:
            await asyncio.sleep(QUIET_S / 4)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST" and request.path == "/fapi/v1/order" and not self.ordered.is_set():
            self.ordered_ns = time.monotonic_ns()
            self.ordered.set()
        self._heard_s = time.monotonic()
        self.keep_time()
        try:
            return await super()._serve(request)
        finally:
            self._heard_s = time.monotonic()

    def note(self, text: str) -> None:
        """A message leaves."""
        if CLOSED in text:
            self.closed_ns = time.monotonic_ns()


class Stage:
    """An exchange, and the session that trades on it."""

    def __init__(self, exchange: Counter, trader: "asyncio.subprocess.Process", timeframe_ms: int) -> None:
        self.exchange, self.trader = exchange, trader
        self._timeframe_ms = timeframe_ms

    async def next_close(self, leap_ms: int) -> None:
        """Go to the next close, in leaps and at last by the clock, and play it."""
        exchange = self.exchange
        close_ms = (exchange.box.now_ms // self._timeframe_ms + 1) * self._timeframe_ms
        while (left_ms := close_ms - BEFORE_MS - self._now_ms()) > 0:
            self._leap(min(left_ms, leap_ms))
            await exchange.quiet()
        await asyncio.sleep((close_ms - self._now_ms()) / 1000)
        exchange.ordered.clear()
        exchange.keep_time()

    async def answer_ms(self) -> float | None:
        """From the close that just left until the order that answers it; None: there was none."""
        exchange = self.exchange
        try:
            async with asyncio.timeout(PATIENCE_S):
                await exchange.ordered.wait()
        except TimeoutError:
            return None
        await exchange.quiet()
        return (exchange.ordered_ns - exchange.closed_ns) / 1e6

    def resident_mb(self) -> float:
        """What the session's process holds."""
        status = Path(f"/proc/{self.trader.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024 / 1e6

    def _now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.exchange.ahead_ms

    def _leap(self, by_ms: int) -> None:
        assert self.trader.stdin is not None
        self.exchange.ahead_ms += by_ms
        self.exchange.keep_time()
        self.trader.stdin.write(f"{by_ms}\n".encode())


@asynccontextmanager
async def staged(folder: Path, bot: Path, timeframe_ms: int, bars: int) -> AsyncIterator[Stage]:
    """Both, for so many bars; at the end the exchange's books have to balance."""
    market, _ = load_market(
        "sample",
        SYMBOL,
        timeframe_ms,
        start_ms=FROM_MS,
        stop_ms=FROM_MS + bars * timeframe_ms,
        warmup_bars=KNOWN,
    )
    found = instrument_for(SYMBOL)
    box = open_box(
        Opening(
            rules=(rules_of(NAME, found.instrument, found.brackets),),
            histories=(history_of(market, NAME),),
            start_ms=FROM_MS,
            wallet_usdt=Decimal(10_000),
            wall=lambda: time.time_ns() // 1_000_000,
        )
    )
    server = Counter(box, FROM_MS - time.time_ns() // 1_000_000)
    send = web.WebSocketResponse.send_str

    async def sent(socket: web.WebSocketResponse, text: str, *options: Any) -> None:
        server.note(text)
        await send(socket, text, *options)

    await server.start()
    words = ("-m", "benchmarks.trader", str(folder), str(bot), server.url, server.stream_url)
    trader = await asyncio.create_subprocess_exec(
        sys.executable, *words, str(server.ahead_ms), stdin=asyncio.subprocess.PIPE
    )
    try:
        with patch.object(web.WebSocketResponse, "send_str", sent):
            while server.box.hub.listeners < len(("account", "bars")):
                assert trader.returncode is None, "the session ended at its start"
                await asyncio.sleep(0.05)
            await server.quiet()
            yield Stage(server, trader, timeframe_ms)
    finally:
        if trader.stdin is not None:
            trader.stdin.close()
        await trader.wait()
        await server.close()
    assert audit(box.exchange) == []


async def reaction(folder: Path, bars: int) -> dict[str, float]:
    """Milliseconds over so many bars of each round, and at how many of all of them nothing was sent."""
    rounds = []
    for place in range(ROUNDS):
        (folder / str(place)).mkdir()
        rounds.append(await _reaction(folder / str(place), bars))
    told = {name: median(one[name] for one in rounds) for name in ("p50_ms", "p99_ms")}
    return told | {name: sum(one[name] for one in rounds) for name in ("orders", "silent")}


async def _reaction(folder: Path, bars: int) -> dict[str, float]:
    async with staged(folder, BOTS / "every_close.yaml", MINUTE_MS, bars + WARM_UP + 1) as stage:
        took = []
        for _ in range(WARM_UP + bars):
            await stage.next_close(LEAP_MS)
            took.append(await stage.answer_ms())
    told = [one for one in took[WARM_UP:] if one is not None]
    cuts = quantiles(told, n=100, method="inclusive")
    return {"p50_ms": cuts[49], "p99_ms": cuts[98], "orders": len(told), "silent": bars - len(told)}


async def memory(folder: Path, bars: int) -> dict[str, float]:
    """MB held, early and late."""
    bot = folder / "every_quarter.yaml"
    text = (BOTS / "every_close.yaml").read_text(encoding="utf-8")
    bot.write_text(text.replace("timeframe: 1m", "timeframe: 15m"), encoding="utf-8")
    async with staged(folder, bot, 15 * MINUTE_MS, bars + 1) as stage:
        held = []
        for _ in range(bars):
            await stage.next_close(15 * MINUTE_MS)
            await stage.exchange.quiet()
            held.append(stage.resident_mb())
    return {"early_mb": held[bars // 15], "late_mb": held[-1]}


def main() -> None:
    """Both, each in a folder of its own."""
    folder = Path(sys.argv[1])
    told = {}
    for name, work, bars in (("reaction", reaction, sys.argv[2]), ("memory", memory, sys.argv[3])):
        (folder / name).mkdir()
        told[name] = asyncio.run(work(folder / name, int(bars)))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
