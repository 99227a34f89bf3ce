"""What several bots lost together since midnight UTC, by their own journals.

In: runs and their journals, read again and again. Out: the day's result in USDT, one sum.
Refuses to know: the limit, what is done about it. The day is that of the newest close any of them decided at.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from runner.domain.order_event import EquityMarked
from runner.domain.time import DAY_MS
from runner.journal.write import Journal


@dataclass(slots=True)
class DayOf:
    """One run's equity: at the last close of the day before, and now."""

    journal: Journal
    run: str
    seen_seq: int = 0
    day: int = -1
    start_usdt: float = 0.0
    equity_usdt: float = 0.0

    def read(self) -> None:
        """Go on with what was written since."""
        for line in self.journal.read.entries(
            run=self.run, kinds=("equity_marked",), after_seq=self.seen_seq
        ):
            self.seen_seq = line.seq
            assert isinstance(line.entry.event, EquityMarked)
            self.mark(line.entry.bar_ms or line.entry.time_ms, float(line.entry.event.equity_usdt))

    def mark(self, time_ms: int, equity_usdt: float) -> None:
        """Equity at a close. A close at midnight ends the day before."""
        day = (time_ms - 1) // DAY_MS
        if day != self.day:
            self.start_usdt = self.equity_usdt if self.day >= 0 else equity_usdt
            self.day = day
        self.equity_usdt = equity_usdt


@dataclass(slots=True)
class AccountDay:
    """All runs together."""

    runs: dict[str, DayOf] = field(default_factory=dict)

    def follow(self, journal: Journal, run: str) -> None:
        """One more run, from its beginning."""
        self.runs.setdefault(run, DayOf(journal, run))

    def read(self) -> tuple[int, float]:
        """(day, what was made on it: a loss is negative)."""
        for one in self.runs.values():
            one.read()
        return result_of(self.runs.values())


def result_of(runs: Iterable[DayOf]) -> tuple[int, float]:
    """The newest day of all, and the sum over those that have come to it."""
    known = list(runs)
    day = max((one.day for one in known), default=-1)
    return day, sum(one.equity_usdt - one.start_usdt for one in known if one.day == day)
