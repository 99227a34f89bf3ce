"""The session's hand in the journal: its entries with their alerts in, what others wrote out.

In: entries of one run. Out: journal lines; entries that an operator wrote from another process.
Refuses to know: what entries lead to, who is told. Every append is fenced by the lease.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from runner.domain.alert import Alert
from runner.domain.entry import Entry, Recorded
from runner.domain.session_event import Alerted, Halted, Resumed
from runner.errors import JournalFailed, LeaseLost
from runner.journal.lease import Lease
from runner.journal.word import clear_words, words_left
from runner.journal.write import Journal
from runner.live.alerts import alert_of
from runner.live.kept import unkept

NEWS = ("halted", "resumed")
KEEP_EVERY = 5_000  # entries: a start reads so many at most, in a quarter of a second

_log = logging.getLogger("runner.live.journal")
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}


@dataclass(slots=True)
class Scribe:
    """`sinks` says who hears of an alert; up to `heard_seq` all that others wrote was heard."""

    journal: Journal
    lease: Lease
    run: str
    bot: str
    sinks: Callable[[Alert], tuple[str, ...]]
    heard_seq: int
    on_entries: Callable[[Sequence[Entry]], None] = lambda entries: None
    own: set[int] = field(default_factory=set)  # of the kinds that others write, too
    own_seq: int = 0  # the last entry of ours
    unkept: int = 0  # entries since the book was kept
    is_in_order: bool = True  # whether everything was believed in the order in which it was written
    is_waiting: Callable[[], bool] = lambda: False  # whether something believed is still to be written
    left: set[Entry] = field(default_factory=set)  # the words that were found beside the journal
    left_written: set[Entry] = field(default_factory=set)  # and of these, what the journal has
    is_lost: bool = False

    def append(self, entries: Sequence[Entry]) -> Sequence[object | None]:
        """Entries and their letters in one commit; the lines of the entries alone."""
        alerts = [(entry, alert_of(entry, self.bot)) for entry in entries]
        letters = [self._letter(entry, alert) for entry, alert in alerts if alert and self.sinks(alert)]
        try:
            lines = self.journal.append(*entries, *letters, lease=self.lease)
        except LeaseLost:
            self.is_lost = True
            raise
        self._wrote(lines)
        for _, alert in alerts:
            if alert is not None:
                _log.log(_LEVELS[alert.severity], "%s", alert.text)
        self.on_entries(entries)
        return lines[: len(entries)]

    def tell(self, alert: Alert, stamp: Entry) -> None:
        """An alert that no entry of the session leads to; a journal that fails now is not asked again."""
        _log.log(_LEVELS[alert.severity], "%s", alert.text)
        if not self.sinks(alert):
            return
        try:
            self._wrote(self.journal.append(self._letter(stamp, alert), lease=self.lease))
        except LeaseLost:
            raise
        except JournalFailed as fault:
            _log.warning("an alert could not be kept: %s", fault)

    def news(self) -> Sequence[Entry]:
        """What others wrote since the last call, or left beside the journal when it took nothing."""
        heard = [*self._left(), *self._written()]
        if heard and self.is_waiting():
            self.is_in_order = False
        return heard

    def _left(self) -> Sequence[Entry]:
        """A halt beside the journal: believed at once, and written as soon as that can be."""
        words = words_left(self.journal.database, self.run)
        fresh, self.left = [word for word in words if word not in self.left], set(words)
        try:
            unwritten = [word for word in words if word not in self.left_written]
            if unwritten:
                self.append(unwritten)
            self.left_written = self.left
            clear_words(self.journal.database, self.run, words)
        except LeaseLost:
            raise
        except JournalFailed as fault:
            self.is_in_order = False
            _log.warning("an operator's halt could not be written yet: %s", fault)
        return fresh

    def _written(self) -> Sequence[Entry]:
        try:
            head = self.journal.read.head().seq
            if head == self.heard_seq:
                return []
            lines = list(self.journal.read.entries(run=self.run, kinds=NEWS, after_seq=self.heard_seq))
        except JournalFailed as fault:
            _log.warning("the journal cannot be read: %s", fault)
            return ()
        self.heard_seq = max([head, *(line.seq for line in lines)])
        told = [line for line in lines if line.seq not in self.own]
        self.is_in_order = self.is_in_order and all(line.seq > self.own_seq for line in told)
        fresh = [line.entry for line in told]
        self.own.clear()
        for entry in fresh:
            self._pass_on(entry)
        return fresh

    def take_up(self, is_waiting: Callable[[], bool]) -> None:
        """Go on counting where the process before this one ended; it may have ended soon, and many times."""
        self.is_waiting = is_waiting
        try:
            self.unkept = unkept(self.journal, self.run)
        except JournalFailed as fault:
            _log.warning("the journal cannot be read: %s", fault)

    def must_keep(self) -> bool:
        """Whether it is time to keep the book, and nobody wrote anything that it does not know."""
        if self.unkept < KEEP_EVERY or not self.is_in_order:
            return False
        try:
            return self.journal.read.head().seq == self.heard_seq
        except JournalFailed:
            return False

    def keep(self, entry: Entry) -> None:
        """The book as it is after all that is in the journal, or nothing: somebody may have been quicker."""
        due, self.unkept = self.unkept, 0
        lines = self.journal.append(entry, lease=self.lease, after_seq=self.heard_seq)
        self._wrote(lines)
        if not lines:
            self.unkept = due

    def is_held(self) -> bool:
        """Whether the lease is still ours; a database that does not answer takes it from nobody."""
        if self.is_lost:
            return False
        try:
            self.is_lost = not self.lease.holds()
        except JournalFailed:
            return True
        return not self.is_lost

    def _wrote(self, lines: Sequence[Recorded | None]) -> None:
        """Ours, to be told from others'. Where it follows on what was heard, there is nothing in between."""
        for line in lines:
            if line is None:
                continue
            self.own_seq, self.unkept = line.seq, self.unkept + 1
            if line.seq == self.heard_seq + 1:
                self.heard_seq = line.seq
            elif isinstance(line.entry.event, Halted | Resumed):
                self.own.add(line.seq)

    def _pass_on(self, entry: Entry) -> None:
        """An operator's word is told like our own."""
        alert = alert_of(entry, self.bot)
        if alert is not None:
            self.tell(alert, entry)

    def _letter(self, entry: Entry, alert: Alert) -> Entry:
        """The alert as an entry, once for each id."""
        return replace(
            entry,
            event=Alerted(alert, self.sinks(alert)),
            intent=None,
            client_id=None,
            attempt=None,
            fact=f"alert:{alert.id}",
        )
