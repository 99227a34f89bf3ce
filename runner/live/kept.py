"""A session's book, kept in its journal: a start reads on from there instead of a whole life.

In: a book; a journal and a run. Out: the entry's event; the newest book that may be believed, and its place;
a kept book that is not what the entries before it make.
Refuses to know: when a book is kept. What is kept is no second truth: it is believed only by the build that
folded it, and where it cannot be read the whole fold makes it again.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from runner.domain.entry import Recorded
from runner.domain.plan import Plan
from runner.domain.session_event import BookKept, Reloaded, RunStarted
from runner.errors import JournalDamaged
from runner.journal.build import build_id
from runner.journal.codec import structure_of, text_of
from runner.journal.write import Journal
from runner.live.book import Book, fold, new_book


def kept(book: Book) -> BookKept:
    """All of it, and it alone."""
    return BookKept(text_of(book))


def last_kept(journal: Journal, run: str) -> tuple[Book, int] | None:
    """The newest one and the entry that holds it."""
    line = journal.read.last(run, "book_kept")
    if line is None or line.entry.build != build_id() or not isinstance(line.entry.event, BookKept):
        return None
    try:
        return structure_of(Book, line.entry.event.text), line.seq
    except JournalDamaged:
        return None


def unkept(journal: Journal, run: str) -> int:
    """How many entries a start has to read."""
    _, after_seq = last_kept(journal, run) or (None, 0)
    return journal.read.count(run, after_seq)


def further(book: Book, line: Recorded, plan_of: Callable[[str], Plan]) -> Book:
    """The book after an entry that was read back, each stretch of a run by the plan of its time."""
    event = line.entry.event
    if isinstance(event, RunStarted | Reloaded):
        book = replace(book, plan=plan_of(event.plan_hash))
    return fold(book, line.entry)


def misfit(plan: Plan, lines: Iterable[Recorded], plan_of: Callable[[str], Plan]) -> str | None:
    """The first book of a run that was kept by this build and is not the fold of all entries before it."""
    book = new_book(plan)
    for line in lines:
        event = line.entry.event
        if isinstance(event, BookKept) and line.entry.build == build_id():
            try:
                told = structure_of(Book, event.text)
            except JournalDamaged:
                continue  # it is not believed either
            # bans are the account's, and may come from other runs
            if text_of(replace(told, banned_until_ms=book.banned_until_ms)) != text_of(book):
                return f"the book kept in entry {line.seq:,} is not what the entries before it make"
        book = further(book, line, plan_of)
    return None
