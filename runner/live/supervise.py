"""Several bots as several processes: started, started again when they die, stopped together.

In: a command line for each bot, how patient to be. Out: what happens, told as it happens; an exit code.
Refuses to know: bots, journals, exchanges. Every bot is a program of its own that is executed, never forked
off: no lock and no secret of one reaches another. When this process is killed the bots live on, and keep
their stops.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

ENDS_FOR_GOOD = frozenset({0, 1, 2, 6})  # told to stop; faults of the file; of the command; halted
STOP_S = 30.0  # for an orderly end of all; then they are killed, as a crash would
LINE_BYTES_MAX = 1 << 20
WATCH_S = 1.0


class Patience(NamedTuple):
    """After a failure `first_s`, twice as long after each further one, up to `longest_s`. `failures` in a row
    and it is given up; who lived for `healthy_s` begins anew.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    healthy_s: float = 60.0
    failures: int = 8

    def pause_s(self, failures: int) -> float:
        """Before the next start."""
        return min(self.first_s * 2.0 ** (failures - 1), self.longest_s)


class Happened(NamedTuple):
    """`what`: started (`figure` is its pid), said (a line of its output), ended (exit code), waits (seconds),
    gave_up (failures in a row).
    """

    bot: str
    what: str
    figure: float = 0
    text: str = ""


@dataclass(slots=True)
class Child:
    """One bot. `words` is its whole command line; `code` how it ended last, None: it never did."""

    bot: str
    words: Sequence[str]
    process: asyncio.subprocess.Process | None = None
    code: int | None = None
    has_given_up: bool = False


@dataclass(slots=True)
class Supervisor:
    """`watch` is called every second while anything lives: for what concerns all of them."""

    children: Sequence[Child]
    tell: Callable[[Happened], None]
    patience: Patience = field(default_factory=Patience)
    watch: Callable[[], Awaitable[None]] | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> int:
        """Until all have ended for good, or it is told to stop; the worst of their codes."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.stopping.set)
        lives = [asyncio.ensure_future(self._keep(child)) for child in self.children]
        watching = asyncio.ensure_future(self._watch())
        try:
            everything = asyncio.gather(*lives)
            await asyncio.wait((everything, watching), return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                self.stopping.set()
                await everything
                watching.result()
            everything.result()
        finally:
            self.stopping.set()
            watching.cancel()
            await asyncio.gather(*lives, watching, return_exceptions=True)
            for name in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(name)
        return self._code()

    async def _watch(self) -> None:
        while self.watch is not None:
            await self.watch()
            await asyncio.sleep(WATCH_S)
        await self.stopping.wait()
        await asyncio.Event().wait()

    async def _keep(self, child: Child) -> None:
        """One bot's lives, one after the other."""
        failures, loop = 0, asyncio.get_running_loop()
        while not self.stopping.is_set():
            began_s = loop.time()
            child.code = await self._live(child)
            self.tell(Happened(child.bot, "ended", child.code))
            if child.code in ENDS_FOR_GOOD or self.stopping.is_set():
                return
            failures = 1 if loop.time() - began_s >= self.patience.healthy_s else failures + 1
            if failures >= self.patience.failures:
                child.has_given_up = True
                self.tell(Happened(child.bot, "gave_up", failures))
                return
            pause_s = self.patience.pause_s(failures)
            self.tell(Happened(child.bot, "waits", pause_s))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self.stopping.wait()

    async def _live(self, child: Child) -> int:
        """One life, to its exit code; what it says is passed on."""
        process = await asyncio.create_subprocess_exec(
            *child.words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            start_new_session=True,  # Ctrl-C is ours to pass on, and no bot asks a terminal
        )
        child.process = process
        self.tell(Happened(child.bot, "started", process.pid))
        ending = asyncio.ensure_future(self._end_in_time(process))
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                self.tell(Happened(child.bot, "said", 0, line.decode("utf-8", "replace").rstrip("\n")))
            return await process.wait()
        finally:
            ending.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()
            child.process = None

    async def _end_in_time(self, process: asyncio.subprocess.Process) -> None:
        """When all are to stop: orderly, or else."""
        await self.stopping.wait()
        with suppress(ProcessLookupError):
            process.terminate()
            await asyncio.sleep(STOP_S)
            process.kill()

    def _code(self) -> int:
        """3 to 5 of who was given up, else 6 when one is halted, else what else went wrong."""
        codes = [child.code or 0 for child in self.children]
        given_up = [child.code or 0 for child in self.children if child.has_given_up]
        if given_up:
            return max(code if code in (3, 4, 5) else 3 for code in given_up)
        return next((code for code in (2, 1, 6) if code in codes), 0)
