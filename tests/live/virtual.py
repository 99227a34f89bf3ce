"""An event loop whose time is a number: waiting costs nothing, and the order of ready tasks follows a seed.

In: a start, a seed. Out: an asyncio loop. Real sockets do not fit in here; the exchange in memory does.
"""

import asyncio
import random
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class _Jump(selectors.SelectSelector):
    """A selector that never waits: it moves the clock on to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.loop: VirtualLoop | None = None

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found and timeout and self.loop is not None:
            self.loop.now_s += timeout
        if not found and timeout is None:
            raise RuntimeError("every task waits for something that will never come")
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """`seed` None: the ready tasks run in asyncio's own order."""

    def __init__(self, start_ms: int, seed: int | None = None) -> None:
        selector = _Jump()
        self.now_s = start_ms / 1000
        super().__init__(selector)
        selector.loop = self
        self._random = random.Random(seed) if seed is not None else None
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.now_s

    def _run_once(self) -> None:
        ready = self._ready  # type: ignore[attr-defined]
        if self._random is not None and len(ready) > 1:
            turned = list(ready)
            self._random.shuffle(turned)
            ready.clear()
            ready.extend(turned)
        super()._run_once()  # type: ignore[misc]


class VirtualClock:
    """The session's clock by the loop; `skew_ms`: how wrong it is."""

    def __init__(self, loop: VirtualLoop, skew_ms: int = 0) -> None:
        self.loop = loop
        self.skew_ms = skew_ms

    def now_ms(self) -> int:
        return round(self.loop.now_s * 1000) + self.skew_ms

    async def sleep(self, wait_ms: int) -> None:
        await asyncio.sleep(max(wait_ms, 0) / 1000)


def run(loop: VirtualLoop, job: Coroutine[Any, Any, Answer]) -> Answer:
    """Run to the end, and leave nothing behind."""
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(job)
    finally:
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()
