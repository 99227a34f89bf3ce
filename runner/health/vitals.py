"""Whether a session is alive and ready, and how old what it knows is.

In: signs of life and reasons, a clock. Out: answers for /healthz and /readyz, figures for the scrape.
Refuses to know: sockets, what makes a feed stale or a session unready: the session says so.
"""

from collections.abc import Callable, Sequence

from runner.health.measures import Measures

ALIVE_MS_MAX = 30_000  # a loop that has not come round for so long hangs


class Health:
    """One session's. Every method is cheap, and none fails for want of a listener."""

    def __init__(self, clock: Callable[[], int], *, states: Sequence[str], feeds: Sequence[str]) -> None:
        """`states` and `feeds` are all there are. Not ready until the session says so."""
        self.measures = Measures(states, feeds)
        self._clock = clock
        self._beat_ms = clock()
        self._heard_ms = dict.fromkeys(feeds, self._beat_ms)
        self._unready = {"session": "not started"}
        self._state = ""
        self._unprotected_ms: tuple[int, int] | None = None  # since when, and counted up to when
        self.measures.ask(
            ready=lambda: not self.reasons(), feed_age_s=self.feed_age_s, unprotected_s=self.unprotected_s
        )

    def beat(self) -> None:
        """The loop came round."""
        self._beat_ms = self._clock()

    def state(self, state: str) -> None:
        """Where the session stands."""
        self.measures.state(state, self._state)
        self._state = state

    def unready(self, what: str, why: str) -> None:
        """No new risk for this reason, until `ready` says the same `what`."""
        self._unready[what] = why

    def ready(self, what: str) -> None:
        """The reason is gone. The first one is called `session`."""
        self._unready.pop(what, None)

    def heard(self, feed: str) -> None:
        """Something came over a feed."""
        self._heard_ms[feed] = self._clock()

    def protected(self, is_protected: bool) -> None:
        """Whether a stop rests behind the whole position; flat is protected."""
        self._count_gap()
        if is_protected:
            self._unprotected_ms = None
        elif self._unprotected_ms is None:
            self._unprotected_ms = (self._clock(), self._clock())

    def alive(self) -> bool:
        """Whether the loop still comes round."""
        return self._clock() - self._beat_ms <= ALIVE_MS_MAX

    def reasons(self) -> dict[str, str]:
        """Why no new risk is taken, by what; empty when all is well."""
        if self.alive():
            return dict(self._unready)
        return {**self._unready, "loop": f"silent for {(self._clock() - self._beat_ms) / 1000:.0f} s"}

    def summary(self) -> dict[str, object]:
        """What /healthz and /readyz say."""
        reasons = self.reasons()
        return {"alive": self.alive(), "ready": not reasons, "state": self._state, "reasons": reasons}

    def feed_age_s(self, feed: str) -> float:
        """Since something came over it."""
        return (self._clock() - self._heard_ms[feed]) / 1000

    def unprotected_s(self) -> float:
        """How long the position has had no stop by now."""
        return 0.0 if self._unprotected_ms is None else (self._clock() - self._unprotected_ms[0]) / 1000

    def scrape(self) -> bytes:
        """All metrics; a gap in protection counts up to this moment."""
        self._count_gap()
        return self.measures.scrape()

    def _count_gap(self) -> None:
        if self._unprotected_ms is not None:
            since_ms, counted_ms = self._unprotected_ms
            now_ms = max(self._clock(), counted_ms)
            self.measures.unprotected(now_ms - counted_ms)
            self._unprotected_ms = (since_ms, now_ms)
