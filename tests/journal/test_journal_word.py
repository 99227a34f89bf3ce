"""A halt that the journal cannot take is left beside it, and becomes an entry once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from runner.domain.alert import Alert
from runner.domain.entry import Entry
from runner.domain.session_event import Halted, Resumed
from runner.errors import JournalBusy
from runner.journal.lease import acquire
from runner.journal.word import clear_word, leave_word, word_left
from runner.journal.write import Journal, open_journal
from runner.live.scribe import Scribe

RUN = "run-1"
HALT = Entry(RUN, 5_000, Halted("flatten", "it hangs", "ann"), "b" * 64, "build")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}", busy_ms=50) as opened:
        yield opened


@contextmanager
def held(journal: Journal) -> Iterator[None]:
    """Somebody stands still in the midst of writing."""
    assert journal.database.path is not None
    with closing(sqlite3.connect(journal.database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def quiet(alert: Alert) -> tuple[str, ...]:
    return ()


def test_what_was_left_is_found_whole_until_it_is_cleared(journal: Journal) -> None:
    assert word_left(journal.database, RUN) is None
    assert leave_word(journal.database, HALT)
    found = word_left(journal.database, RUN)
    assert found is not None
    assert (found.event, found.time_ms, found.bot_hash) == (HALT.event, 5_000, "b" * 64)
    assert word_left(journal.database, "run-2") is None
    clear_word(journal.database, RUN)
    clear_word(journal.database, RUN)
    assert word_left(journal.database, RUN) is None


def test_only_a_halt_can_be_left(journal: Journal) -> None:
    assert not leave_word(journal.database, Entry(RUN, 1, Resumed("again", "ann")))


@pytest.mark.parametrize("text", ["", "stop!", "[]", '{"level": "sometimes"}'])
def test_a_file_that_cannot_be_read_halts_all_the_same(journal: Journal, text: str) -> None:
    assert journal.database.path is not None
    journal.database.path.with_name(f"j.db.{RUN}.halt").write_text(text)
    found = word_left(journal.database, RUN)
    assert found is not None
    assert found.event == Halted("no_entries", f"somebody left j.db.{RUN}.halt", "operator")


def test_a_session_believes_it_at_once_and_writes_it_when_it_can(journal: Journal) -> None:
    lease = acquire(journal.database, "demo/main/BTCUSDT", 0)
    scribe = Scribe(journal, lease, RUN, "btc", quiet, journal.read.head().seq)
    assert list(scribe.news()) == []
    with held(journal):
        with pytest.raises(JournalBusy):
            journal.append(HALT)
        leave_word(journal.database, HALT)
        assert [one.event for one in scribe.news()] == [HALT.event]
        assert list(scribe.news()) == []  # heard
        assert word_left(journal.database, RUN) is not None  # and not lost, should it die now
    assert list(scribe.news()) == []
    assert word_left(journal.database, RUN) is None
    assert [line.entry.event for line in journal.read.entries(kinds=("halted",))] == [HALT.event]
    assert list(scribe.news()) == []
    lease.release(0)


def test_who_dies_between_writing_and_clearing_writes_it_once(journal: Journal) -> None:
    lease = acquire(journal.database, "demo/main/BTCUSDT", 0)
    leave_word(journal.database, HALT)
    for _ in range(2):
        scribe = Scribe(journal, lease, RUN, "btc", quiet, journal.read.head().seq)
        assert [one.event for one in scribe.news()] == [HALT.event]
        leave_word(journal.database, HALT)
    assert len(list(journal.read.entries(kinds=("halted",)))) == 1
    lease.release(0)
