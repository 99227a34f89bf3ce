"""The session's clock while the exchange plays history: the exchange's own.

In: the exchange's time. Out: UTC ms, and waiting by it; who waits for what.
Refuses to know: how time moves (`conductor.py`), what is waited for.
"""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

Waiting = tuple[int, int, "asyncio.Future[None]"]  # due, in the order of asking, to be told


@dataclass(slots=True)
class ExchangeClock:
    """`read` is the exchange's time. Nobody comes back from `sleep` unless `wake` is called."""

    read: Callable[[], int]
    _waiting: list[Waiting] = field(default_factory=list)
    _number: "count[int]" = field(default_factory=count)

    def now_ms(self) -> int:
        """UTC ms."""
        return self.read()

    async def sleep(self, wait_ms: int) -> None:
        """Come back after so long by the exchange's time."""
        if wait_ms <= 0:
            await asyncio.sleep(0)
            return
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.read() + wait_ms, next(self._number), told))
        await told

    @property
    def next_ms(self) -> int | None:
        """When the first one has to be woken; None: nobody waits."""
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def wake(self) -> None:
        """Everybody whose time has come, in the order of their times."""
        now_ms = self.read()
        while (due_ms := self.next_ms) is not None and due_ms <= now_ms:
            heapq.heappop(self._waiting)[2].set_result(None)
