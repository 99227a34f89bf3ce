"""The one place that changes: the session's book, and its journal beside it.

In: journal entries to write. Out: the book after them.
Refuses to know: the exchange, tasks, why something is written.
Rules: what adds risk is in the journal before it is sent, or it is not sent. What happened (a fill, an
answer, a stop sent) is true even when the disk is full: it is remembered, written as soon as possible, and
until then nothing new is risked.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from runner.domain.entry import Entry, Event
from runner.domain.session_event import SessionChanged
from runner.errors import JournalFailed, LeaseLost
from runner.live.book import Book, folded
from runner.live.states import MOVES, SessionState


class Clock(Protocol):
    """Our clock, and waiting by it. Both are virtual under simulation."""

    def now_ms(self) -> int:
        """UTC ms."""
        ...

    async def sleep(self, wait_ms: int) -> None:
        """Come back after so long."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who acts: `tag` begins every client id of this bot on this account."""

    run: str
    tag: str
    bot: str
    account: str
    symbol: str
    bot_hash: str
    build: str


@dataclass(slots=True)
class Desk:
    """`exchange_offset_ms` is the exchange's clock less ours; `why` says why the session is not running."""

    identity: Identity
    clock: Clock
    append: Callable[[Sequence[Entry]], Sequence[object | None]]
    book: Book
    state: SessionState = SessionState.STARTING
    why: str = "starting"
    exchange_offset_ms: int = 0
    held_there: Decimal | None = None  # the position as the exchange told it last
    account_ms: int = 0  # when, by our clock
    forgotten: dict[str, int] = field(default_factory=dict)  # should rest and is not found, since
    strays: dict[str, int] = field(default_factory=dict)  # has our tag and should not rest, since
    unwritten: list[Entry] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def exchange_ms(self) -> int:
        """The exchange's clock, as far as we know."""
        return self.clock.now_ms() + self.exchange_offset_ms

    def entry(
        self,
        event: Event,
        *,
        intent: str | None = None,
        client_id: str | None = None,
        attempt: int | None = None,
        fact: str | None = None,
        time_ms: int | None = None,
    ) -> Entry:
        """An entry with this session's stamp; `time_ms` is our clock's now unless the event has its own."""
        return Entry(
            run=self.identity.run,
            time_ms=self.clock.now_ms() if time_ms is None else time_ms,
            event=event,
            bot_hash=self.identity.bot_hash,
            build=self.identity.build,
            bar_ms=self.book.decided_ms or None,
            intent=intent,
            client_id=client_id,
            attempt=attempt,
            fact=fact,
        )

    def commit(self, *entries: Entry) -> None:
        """Write, then believe. JournalFailed: nothing was written, and nothing may follow from it."""
        believed = folded(self.book, entries)  # what cannot be believed is not written either
        fresh = self._write(entries)
        self._believe(fresh, believed if len(fresh) == len(entries) else None)

    def record(self, *entries: Entry) -> None:
        """Believe, for it has happened or protects; written now, or as soon as the journal takes it."""
        believed = folded(self.book, entries)
        try:
            fresh = self._write(entries)
        except LeaseLost:
            raise
        except JournalFailed as fault:
            fresh = [entry for entry in entries if not self._is_waiting(entry)]
            self.unwritten.extend(fresh)
            if self.state is SessionState.RUNNING:
                self.move(SessionState.PROTECT_ONLY, f"the journal takes nothing: {fault}")
        self._believe(fresh, believed if len(fresh) == len(entries) else None)

    def flush(self) -> bool:
        """Try again to write what was believed unwritten; whether all of it is written now."""
        if not self.unwritten:
            return True
        try:
            self._write(())
        except LeaseLost:
            raise
        except JournalFailed:
            return False
        return True

    def move(self, state: SessionState, why: str) -> None:
        """To another state, which is journaled; nothing happens when it is the present one."""
        if state is self.state:
            return
        assert state in MOVES[self.state], f"{self.state} cannot become {state}"
        before, self.state, self.why = self.state, state, why
        self.record(self.entry(SessionChanged(before.value, state.value, why)))

    def _write(self, entries: Sequence[Entry]) -> list[Entry]:
        """Write what waits and these; those of these that were not in the journal before."""
        waiting = len(self.unwritten)
        lines = self.append([*self.unwritten, *entries]) if waiting or entries else ()
        self.unwritten.clear()
        return [entry for entry, line in zip(entries, lines[waiting:], strict=True) if line is not None]

    def _is_waiting(self, entry: Entry) -> bool:
        """Whether the same fact waits to be written already."""
        return entry.fact is not None and any(entry.fact == one.fact for one in self.unwritten)

    def _believe(self, entries: Sequence[Entry], believed: Book | None) -> None:
        """`believed`: the book after all of these; None: some were known, and it has to be folded again."""
        self.book = folded(self.book, entries) if believed is None else believed
        self.changed.set()


async def either(event: asyncio.Event, pause: Coroutine[None, None, None]) -> None:
    """Until the event, or the pause is over."""
    waiting = asyncio.ensure_future(event.wait())
    sleeping = asyncio.ensure_future(pause)
    try:
        await asyncio.wait((waiting, sleeping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waiting, sleeping):
            task.cancel()


async def unless(event: asyncio.Event, job: Coroutine[None, None, None]) -> bool:
    """Whether the job came to its end before the event; then the job is cancelled."""
    working, waiting = asyncio.ensure_future(job), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)
