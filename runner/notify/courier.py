"""The courier: takes letters out of the outbox to their sinks, again and again until they are there.

In: an outbox, sinks, the time. Out: marks in the outbox (delivered, failed until); a line of the log for
each fault. `step` never waits for a sink or for the worker: it is called by whoever owns the journal, between
other work, so that the outbox has one writer and the order path meets no lock.
Refuses to know: apprise (the worker's), the clock, databases, where a URL came from.

At least once: a letter is marked after its sink took it. Killed in between, it goes out again with the same
id. A sink that fails or hangs is left alone for 5 s, then twice as long, up to 10 minutes; others go on. More
than `burst_max` messages in `window_ms` become one digest (twice that while something critical waits).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runner.domain.alert import Letter, Outbox
from runner.notify.letterhead import message_of
from runner.notify.post import Post
from runner.notify.sink import Sink
from runner.notify.wire import Request

TIMEOUT_MS = 15_000
WINDOW_MS = 60_000
BURST_MAX = 5
RETRY_FIRST_MS, RETRY_MAX_MS = 5_000, 600_000
_DUE_MAX = 1_000  # letters of one digest

_log = logging.getLogger("runner.notify")


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient and how chatty a courier is."""

    timeout_ms: int = TIMEOUT_MS
    window_ms: int = WINDOW_MS
    burst_max: int = BURST_MAX
    retry_first_ms: int = RETRY_FIRST_MS
    retry_max_ms: int = RETRY_MAX_MS


@dataclass(slots=True)
class _Route:
    """What the courier remembers of one sink."""

    sink: Sink
    sent_ms: list[int] = field(default_factory=list)  # messages inside the window
    faults: int = 0  # in a row
    rests_until_ms: int = 0
    in_hand: tuple[Letter, ...] = ()
    number: int = 0  # of the request in hand
    gives_up_ms: int = 0
    overdue: bool = False  # given up, but the worker still waits for it


class Courier:
    """Own it together with the outbox; call `step` a few times a second and `close` at the end."""

    def __init__(
        self, outbox: Outbox, sinks: Iterable[Sink], environment: Mapping[str, str], pace: Pace = Pace()
    ) -> None:
        self._outbox = outbox
        self._routes = {sink.name: _Route(sink) for sink in sinks}
        self._pace = pace
        self._post = Post(environment)
        self._numbered = 0
        self._last_ms = 0

    @property
    def pid(self) -> int | None:
        """The worker's process id, while there is one."""
        return self._post.pid

    def start(self) -> None:
        """Get the worker ready before the first alert needs it."""
        if self._routes:
            self._post.start()

    def step(self, now_ms: int) -> None:
        """Mark what came back, give up what takes too long, hand over what is due."""
        if now_ms < self._last_ms:
            self._turn_back(now_ms)
        self._last_ms = now_ms
        self._hear(now_ms)
        for route in self._routes.values():
            if route.in_hand and not route.overdue and now_ms >= route.gives_up_ms:
                route.overdue = True
                self._fault(route, now_ms, f"no answer within {self._pace.timeout_ms / 1000:g} s")
        for route in self._routes.values():
            if now_ms >= route.rests_until_ms and (route.overdue or not route.in_hand):
                self._dispatch(route, now_ms)

    def drain(self, clock: Callable[[], int], until_ms: int) -> int:
        """Step until nothing is due or the time is over; how many letters are left. For the end of a run."""
        while True:
            now_ms = clock()
            self.step(now_ms)
            left = self._outbox.backlog()
            if not left or now_ms >= until_ms:
                return left
            self._post.wait(min(0.05, (until_ms - now_ms) / 1000))

    def wait(self, longest_s: float) -> None:
        """Until the worker says something, at most this long; for a caller that has nothing else to do."""
        self._post.wait(longest_s)

    def close(self) -> None:
        """End the worker; what it had in hand is still due."""
        self._post.close()
        for route in self._routes.values():
            route.in_hand, route.overdue = (), False

    def _turn_back(self, now_ms: int) -> None:
        """The clock was set back: no sink waits for times that are far away now."""
        for route in self._routes.values():
            route.sent_ms.clear()
            route.rests_until_ms = min(route.rests_until_ms, now_ms + self._pace.retry_max_ms)
            route.gives_up_ms = min(route.gives_up_ms, now_ms + self._pace.timeout_ms)

    def _hear(self, now_ms: int) -> None:
        heard = self._post.answers()
        if heard is None:
            self._lost(now_ms, "the worker ended")
            return
        for answer in heard:
            for route in self._routes.values():
                if route.number != answer.number or not route.in_hand:
                    continue
                if not answer.why:
                    self._outbox.delivered(route.in_hand, now_ms)
                    route.faults = route.rests_until_ms = 0
                elif not route.overdue:
                    self._fault(route, now_ms, answer.why)
                route.in_hand, route.overdue = (), False

    def _lost(self, now_ms: int, why: str) -> None:
        """All that was in hand is due again; a sink that had been given up keeps its rest."""
        for route in self._routes.values():
            if route.in_hand and not route.overdue:
                self._fault(route, now_ms, why)
            route.in_hand, route.overdue = (), False

    def _fault(self, route: _Route, now_ms: int, why: str) -> None:
        rest_ms = min(self._pace.retry_first_ms << min(route.faults, 20), self._pace.retry_max_ms)
        route.faults += 1
        route.rests_until_ms = now_ms + rest_ms
        self._outbox.failed(route.in_hand, route.rests_until_ms, why)
        _log.warning(
            "alert not delivered to %s (%s), next try in %g s: %s",
            route.sink.name, route.sink.service, rest_ms / 1000, why,
        )  # fmt: skip

    def _dispatch(self, route: _Route, now_ms: int) -> None:
        letters = self._batch(route, now_ms)
        if not letters:
            return
        if route.overdue:
            # The sink hangs and is wanted again: only a new worker frees it. Others in hand go out again.
            route.in_hand, route.overdue = (), False
            self._post.end()
            self._redo(now_ms)
        self._numbered += 1
        route.in_hand, route.number = tuple(letters), self._numbered
        route.gives_up_ms = now_ms + self._pace.timeout_ms
        route.sent_ms.append(now_ms)
        message = message_of(letters)
        self._post.hand_over(Request(route.number, route.sink.url.reveal(), *message))

    def _redo(self, now_ms: int) -> None:
        """Their worker was ended for another's sake: no fault of theirs, they are due at once."""
        for route in self._routes.values():
            route.in_hand, route.overdue = (), False

    def _batch(self, route: _Route, now_ms: int) -> Sequence[Letter]:
        """The next message of a sink: one letter, or all of them once they are too many for one each."""
        letters = self._outbox.due(route.sink.name, now_ms, _DUE_MAX)
        if not letters:
            return ()
        route.sent_ms = [sent for sent in route.sent_ms if sent > now_ms - self._pace.window_ms]
        urgent = [letter for letter in letters if letter.alert.severity == "critical"]
        burst_max = self._pace.burst_max * 2 if urgent else self._pace.burst_max
        room = burst_max - len(route.sent_ms)
        if room <= 0:
            return ()
        one_each = urgent or letters
        return one_each[:1] if len(one_each) <= room else letters
