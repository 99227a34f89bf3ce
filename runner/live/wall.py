"""The clock of a running session: the machine's, or that of a stand-in whose time passes faster.

In: nothing, or an instant and a speed. Out: UTC ms, and waiting by it.
Refuses to know: what is waited for.
Source: UTC is read once, and from then on the time since boot counts, suspensions of the machine included.
Who sets its clock (NTP, an operator) moves no cooldown, no deadline, no day and no signature; what the clock
was wrong by at the start stands in the exchange's offset.
"""

import asyncio
import time
from collections.abc import Callable

SLICE_MS = 5_000  # asyncio's clock may stand still while the machine is suspended: ours is looked at so often
# Linux; elsewhere CLOCK_MONOTONIC, which goes on in sleep on macOS; None: Windows
_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def passed_ns() -> int:
    """Ns since some instant, by a clock that nobody sets."""
    return time.monotonic_ns() if _CLOCK is None else time.clock_gettime_ns(_CLOCK)


class WallClock:
    """The machine's clock as it stood when this was made, and the time that has passed since."""

    def __init__(self, passed: Callable[[], int] = passed_ns) -> None:
        self._passed = passed
        self._start_ns = time.time_ns() - passed()

    def now_ms(self) -> int:
        """UTC ms."""
        return (self._start_ns + self._passed()) // 1_000_000

    async def sleep(self, wait_ms: int) -> None:
        """Come back after so long."""
        until_ms = self.now_ms() + wait_ms
        while wait_ms > SLICE_MS:
            await asyncio.sleep(SLICE_MS / 1000)
            wait_ms = until_ms - self.now_ms()
        await asyncio.sleep(max(wait_ms, 0) / 1000)


class PacedClock:
    """A clock that stood at `start_ms` when it was made and runs `speed` times as fast as the machine's."""

    def __init__(self, start_ms: int, speed: float) -> None:
        self._start_ms, self._speed = start_ms, speed
        self._made_ns = passed_ns()

    def now_ms(self) -> int:
        """UTC ms of the stand-in."""
        return self._start_ms + round((passed_ns() - self._made_ns) / 1_000_000 * self._speed)

    async def sleep(self, wait_ms: int) -> None:
        """Come back after so long by this clock."""
        await asyncio.sleep(max(wait_ms, 0) / 1000 / self._speed)
