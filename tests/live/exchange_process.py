"""The exchange in a box as a process of its own, with a calm market of minute bars, faster than the clock.

python -m tests.live.exchange_process SPEED
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import numpy as np

from tests.live.rig import MINUTE_MS, START_MS, SYMBOL, bars_of

if TYPE_CHECKING:
    from runner.simulator.box import Box

ROOT = Path(__file__).resolve().parents[2]
KEY, SECRET = "simulator-key", "simulator-secret"
HISTORY_BARS, PLAYED_BARS = 120, 400
CLOSES_IN_MS = 30_000  # the first bar, after the start


@dataclass(frozen=True)
class Exchange:
    """A running one."""

    url: str
    speed: float

    def admin(self, path: str, sent: Any = None) -> Any:
        """One call of the admin endpoint."""
        body = None if sent is None else json.dumps(sent).encode()
        request = Request(f"{self.url}/admin/{path}", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def held(self) -> float:
        """The position, signed."""
        legs = self.admin("state")["accounts"]["main"]["positions"]
        return sum(float(leg["quantity"]) for leg in legs if leg["symbol"] == SYMBOL)

    def stops(self) -> int:
        """How many orders rest in the algo book."""
        return int(self.admin("state")["accounts"]["main"]["stops"])

    def orders(self) -> int:
        """How many rest in the plain book."""
        return int(self.admin("state")["accounts"]["main"]["orders"])


@contextmanager
def running_exchange(
    speed: float, *more: str, module: str = "tests.live.exchange_process"
) -> Iterator[Exchange]:
    """A process until the block ends."""
    words = [sys.executable, "-m", module, str(speed), *more]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        try:
            yield Exchange(json.loads(process.stdout.readline())["url"], speed)
        finally:
            process.terminate()


def opened_box(closes: Sequence[float], *, script: str = "", seed: int = 0) -> "Box":
    """A market of minute bars, the first of them history; the first bar to be played closes shortly."""
    from decimal import Decimal

    from runner.data.instruments import instrument_for
    from runner.simulator.catalogue import rules_of
    from runner.simulator.opening import Opening, open_box
    from runner.simulator.tape import MarketHistory

    rules = instrument_for(SYMBOL)
    bars = bars_of(closes, start_ms=START_MS - HISTORY_BARS * MINUTE_MS)
    opening = Opening(
        rules=(rules_of(SYMBOL, rules.instrument, rules.brackets),),
        histories=(MarketHistory(SYMBOL, bars),),
        start_ms=START_MS,
        wallet_usdt=Decimal(10_000),
        script=script,
        seed=seed,
        wall=lambda: time.time_ns() // 1_000_000,
    )
    box = open_box(opening)
    box.advance_to(START_MS + MINUTE_MS - CLOSES_IN_MS)
    return box


async def serve(speed: float) -> None:
    """Until the process is ended."""
    from runner.simulator.pacing import Pace
    from runner.simulator.server import Server

    closes = [40_000 + 40 * float(np.sin(at / 5)) for at in range(HISTORY_BARS + PLAYED_BARS)]
    server = Server(opened_box(closes), Pace(speed))
    await server.start()
    print(json.dumps({"url": server.url}), flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
