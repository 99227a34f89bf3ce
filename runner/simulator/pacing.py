"""How the market moves while clients are connected: with the clock, faster, bar by bar, or by hand.

In: a box, a pace, the loop's clock. Out: time that passes in the box.
Refuses to know: HTTP, what clients say; only that one is there, is busy, or says it is ready.

As fast as the clients keep up: the market stands still until the first client has come, plays to the
close of the next bar, and stands still again until the clients have answered. They say so by POST
/admin/ready, which returns when the next bar has closed; or, until somebody does, they are taken to have
answered when nothing was sent either way for `idle_ms`.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple

from runner.simulator.box import Box

BEAT_S, PULSE_S, IDLE_MS = 0.02, 1.0, 20


class Pace(NamedTuple):
    """`times` real time; 0: as fast as the clients keep up; None: only by hand. `hurry`: how much shorter
    than at the exchange a delay is where time does not pass by the clock.
    """

    times: float | None = 1.0
    idle_ms: int = IDLE_MS
    hurry: float = 1.0


class Pacer:
    """Moves a box's time. `is_busy`: is anything under way between the clients and us?"""

    def __init__(self, box: Box, pace: Pace, is_busy: Callable[[], bool]) -> None:
        self._box, self._pace, self._is_busy = box, pace, is_busy
        self._loop = asyncio.get_running_loop()
        self._touched_s = self._started_s = self._loop.time()
        self._started_ms = box.now_ms
        self._came, self._ready, self._played = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._says_ready = False
        self._task: asyncio.Task[None] | None = None
        self.is_over = False

    def start(self) -> None:
        """From now on time passes."""
        if self._pace.times == 0:
            self._task = asyncio.create_task(self._keep_up())
        elif self._pace.times is not None:
            self._task = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Time stands still."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def touch(self) -> None:
        """A client was heard, or something was sent to one."""
        self._touched_s = self._loop.time()
        self._came.set()

    def catch_up(self) -> None:
        """Before a request is looked at: the exchange's clock as it should be now."""
        if self._pace.times:
            passed_s = self._loop.time() - self._started_s
            self._box.advance_to(self._started_ms + int(passed_s * 1000 * self._pace.times))

    async def ready(self) -> int | None:
        """A client has answered; the time of the next bar's close, None when the market is played out."""
        self._says_ready = True
        self._came.set()
        if self._pace.times != 0:
            return self._box.now_ms
        if self.is_over:
            return None
        self._played.clear()
        self._ready.set()
        await self._played.wait()
        return None if self.is_over else self._box.now_ms

    def late_s(self, late_ms: int) -> float:
        """How long the machine waits for a delay in the exchange's time; faster where time is faster."""
        return late_ms / 1000 / max(1.0, self._pace.times or self._pace.hurry)

    async def _beat(self) -> None:
        pulsed_s = self._loop.time()
        while True:
            self.catch_up()
            if self._loop.time() - pulsed_s >= PULSE_S:
                pulsed_s = self._loop.time()
                self._box.hub.pulse()
            await asyncio.sleep(BEAT_S)

    async def _keep_up(self) -> None:
        await self._came.wait()
        while not self.is_over:
            await self._answered()
            self.is_over = self._box.play_bar() is None
            self.touch()
            self._played.set()

    async def _answered(self) -> None:
        """Until a client says it is ready, or all have been quiet for long enough."""
        while not self._ready.is_set():
            quiet_s = self._loop.time() - self._touched_s
            left_s = self._pace.idle_ms / 1000 - quiet_s
            if not self._says_ready and left_s <= 0 and not self._is_busy():
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._ready.wait(), max(left_s, 0.002) if not self._says_ready else 1.0
                )
        self._ready.clear()
