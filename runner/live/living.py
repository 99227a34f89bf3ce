"""What a host needs of the session that it keeps company.

In: nothing. Out: a Protocol that a session with real orders and one without both are.
Refuses to know: how either works.
"""

from decimal import Decimal
from typing import Protocol

from runner.compiler.build import Compiled
from runner.live.desk import Desk
from runner.live.executor import Executor


class Living(Protocol):
    """`fault` ends the session when it is set. `executor` None: nothing is sent."""

    compiled: Compiled
    desk: Desk
    fault: BaseException | None
    stream_is_alive: bool

    @property
    def executor(self) -> Executor | None:
        """Who sends."""
        ...

    @property
    def mark(self) -> Decimal | None:
        """The mark price as it was read last."""
        ...

    async def run(self) -> int:
        """Until it is stopped; the exit code."""
        ...

    def stop(self) -> None:
        """End soon."""
        ...
