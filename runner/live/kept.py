"""A session's book, kept in its journal: a start reads on from there instead of a whole life.

In: a book; a journal and a run. Out: the entry's event; the newest book that may be believed, and its place.
Refuses to know: when a book is kept. What is kept is no second truth: it is believed only by the build that
folded it, and where it cannot be read the whole fold makes it again.
"""

from runner.domain.session_event import BookKept
from runner.errors import JournalDamaged
from runner.journal.build import build_id
from runner.journal.codec import structure_of, text_of
from runner.journal.write import Journal
from runner.live.book import Book


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
