"""The clock of a running session: the machine's, or that of a stand-in whose time passes faster.

In: nothing, or an instant and a speed. Out: UTC ms, and waiting by it.
Refuses to know: what is waited for.
"""

import asyncio
import time


class WallClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """UTC ms."""
        return time.time_ns() // 1_000_000

    async def sleep(self, wait_ms: int) -> None:
        """Come back after so long."""
        await asyncio.sleep(max(wait_ms, 0) / 1000)


class PacedClock:
    """A clock that stood at `start_ms` when it was made and runs `speed` times as fast as the machine's."""

    def __init__(self, start_ms: int, speed: float) -> None:
        self._start_ms, self._speed = start_ms, speed
        self._made_s = time.monotonic()

    def now_ms(self) -> int:
        """UTC ms of the stand-in."""
        return self._start_ms + round((time.monotonic() - self._made_s) * 1000 * self._speed)

    async def sleep(self, wait_ms: int) -> None:
        """Come back after so long by this clock."""
        await asyncio.sleep(max(wait_ms, 0) / 1000 / self._speed)
