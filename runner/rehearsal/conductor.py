"""Moves the exchange's time while a session trades on it: as fast as the bot keeps up, and no faster.

In: an exchange behind a server, the session's clock, whether anything is on the wire. Out: time that passes.
Refuses to know: rules, orders, what a good result is.

Three paces. While a request is under way, the machine's time passes in the exchange, too (times `HURRY`, by
which all that a fault lets wait is shortened). While the session has something to do, time goes from one
timer of the session to the next. And once it has nothing to do until something happens, time goes at once to
where something does: a bar closes, an order executes, a fault strikes. The polls in between would have read
what they read before, so they are left out, and the account counts as read a little while ago.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from runner.live.session import Session
from runner.rehearsal.calm import is_settled
from runner.rehearsal.clock import ExchangeClock
from runner.simulator.box import Box
from runner.simulator.reel import BOUNDARY

HURRY = 5.0
ROUNDS = 48  # of the loop without news: what was sent has arrived, and what follows from it was done
ROUNDS_UNSTEADY = 96  # the same while streams are being opened
SLICE_S = 0.15  # the machine's time counts from here on
BEAT_S = 0.001
READ_AGO_MS = 20_000
PATIENCE = 100  # a session that is not done after so long is looked at every hundredth of that,
CREEP_MS_MAX = 20_000  # and at least this often


@dataclass(slots=True)
class Conductor:
    """`is_busy`: is anything on the wire? `wakes_at_prices`: the session polls at each price (faults),
    otherwise only when something happens to it.
    """

    box: Box
    clock: ExchangeClock
    is_busy: Callable[[], bool]
    session: Callable[[], Session | None]
    is_over: Callable[[], bool]
    end_ms: int
    wakes_at_prices: bool
    on_close: Callable[[int], None] = lambda now_ms: None
    began_ms: int = 0
    settled_ms: int = 0  # when the session was done last

    async def run(self) -> None:
        """Until everything is played and decided, and the session has ended."""
        self.began_ms = self.settled_ms = self.box.now_ms
        while not self.is_over():
            await self._quiet()
            session = self.session()
            if session is not None and self._is_played(session):
                session.stop()
                self._creep(is_held=True)  # it may want to see its last orders answered
            elif session is not None and not self._is_foul() and self._is_settled(session):
                self._stride(session)
            else:
                self._creep(is_held=session is None)
            self.clock.wake()

    def _is_settled(self, session: Session) -> bool:
        return is_settled(session, self.box.now_ms, self.began_ms)

    def _is_foul(self) -> bool:
        """Whether a fault holds for a time: the session lives through it poll by poll."""
        now_ms = self.box.now_ms
        return any(
            one.from_ms <= now_ms < one.until_ms
            for one in self.box.mischief.faults
            if one.until_ms is not None
        )

    def _edge_ms(self) -> int | None:
        """When the next fault begins or ends."""
        found = [
            ms for one in self.box.mischief.faults for ms in (one.from_ms, one.until_ms) if ms is not None
        ]
        return min((ms for ms in found if ms > self.box.now_ms), default=None)

    def _is_played(self, session: Session) -> bool:
        return self.box.now_ms >= self.end_ms and session.desk.book.decided_ms >= self.end_ms

    async def _quiet(self) -> None:
        """Until nothing is under way. What takes longer takes time at the exchange, too."""
        session = self.session()
        steady = session is not None and session.stream_is_alive
        rounds, started_s = 0, time.monotonic()
        while rounds < (ROUNDS if steady else ROUNDS_UNSTEADY):
            await asyncio.sleep(0)
            if not self.is_busy():
                rounds += 1
                continue
            rounds = 0
            if time.monotonic() - started_s > SLICE_S:
                await asyncio.sleep(BEAT_S)
                passed_s, started_s = time.monotonic() - started_s, time.monotonic()
                self._pass(self.box.now_ms + round(passed_s * HURRY * 1000))
                self.clock.wake()

    def _creep(self, *, is_held: bool) -> None:
        """To the session's next timer; before there is a session the market stands still."""
        now_ms, due_ms = self.box.now_ms, self.clock.next_ms
        market_ms = None if is_held else self.box.player.next_ms()
        if due_ms is None:
            due_ms = market_ms
        elif not is_held:
            due_ms = max(due_ms, now_ms + min((now_ms - self.settled_ms) // PATIENCE, CREEP_MS_MAX))
        if due_ms is not None:
            self._pass(max(due_ms, now_ms))

    def _stride(self, session: Session) -> None:
        """To the next thing that happens to the session."""
        while self._step() and not self.wakes_at_prices:
            pass
        desk = session.desk
        self.settled_ms = session.watch.looked_ms = self.box.now_ms  # left out, not asleep
        desk.account_ms = max(desk.account_ms, self.box.now_ms - READ_AGO_MS)

    def _pass(self, until_ms: int) -> None:
        """Time, up to an instant or to what happens to the account before."""
        while (next_ms := self.box.player.next_ms()) is not None and next_ms <= until_ms:
            if not self._step():
                return
        self.box.advance_to(until_ms)

    def _step(self) -> bool:
        """One step of the market, or the faults before it; whether nothing happened to anybody by it."""
        box, heard = self.box, len(self.box.exchange.log)
        next_ms, edge_ms = box.player.next_ms(), self._edge_ms()
        if next_ms is None or (edge_ms is not None and edge_ms < next_ms):
            box.advance_to(edge_ms if edge_ms is not None and edge_ms < self.end_ms else self.end_ms)
            return False
        kind = box.player.step()
        box.settle()
        if kind == BOUNDARY:
            self.on_close(box.now_ms)
        return kind != BOUNDARY and len(box.exchange.log) == heard
