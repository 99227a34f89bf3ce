"""What became of a write whose answer is unknown: a question asked until there is proof.

In: when and how it was signed, what looking it up has said so far. Out: found, absent, or when to ask again.
Refuses to know: the wire. Never concludes from silence before the exchange would refuse the request itself.
Source: Binance refuses a request after timestamp + recvWindow; a fresh order may be invisible for seconds
(read lag); reliability design "unknown-outcome protocol".
"""

from dataclasses import dataclass

RECEIVE_WINDOW_MS = 3_000  # of every request: it bounds how late a lost order can still arrive
READ_LAG_MS = 10_000  # how long an accepted order may stay invisible
MISSES_MIN = 3  # not-founds after the window, before absence is believed
MISSES_MAX = 60  # then the position may have moved for reasons of its own: the difference is judged as one
ASK_EVERY_MS = 500
ASK_MS_MAX = 8_000  # the same, twice as long after each read that failed


@dataclass(frozen=True, slots=True)
class Question:
    """One write of unknown fate; the exchange's times. `misses` counts not-founds after the window only."""

    signed_ms: int
    window_ms: int
    misses: int = 0

    @property
    def certain_ms(self) -> int:
        """From then on a not-found is evidence."""
        return self.signed_ms + self.window_ms + READ_LAG_MS


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Nothing is proven yet."""

    question: Question
    at_ms: int


@dataclass(frozen=True, slots=True)
class Absent:
    """It never arrived, and cannot arrive any more."""


def missed(question: Question, now_ms: int, *, position_moved: bool) -> AskAgain | Absent:
    """After one not-found at the exchange's `now_ms`. `position_moved`: the position is not what the known
    executions make of it; then absence takes many more not-founds.
    """
    if now_ms <= question.certain_ms:
        return AskAgain(question, now_ms + ASK_EVERY_MS)
    counted = Question(question.signed_ms, question.window_ms, question.misses + 1)
    if counted.misses >= (MISSES_MAX if position_moved else MISSES_MIN):
        return Absent()
    return AskAgain(counted, now_ms + ASK_EVERY_MS)
