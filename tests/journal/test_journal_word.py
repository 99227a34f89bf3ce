"""A halt that the journal cannot take is left beside it, and becomes an entry once."""

import os
import resource
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from runner.domain.alert import Alert
from runner.domain.entry import Entry
from runner.domain.session_event import Halted, Resumed
from runner.errors import JournalBusy
from runner.journal.lease import acquire
from runner.journal.word import clear_words, leave_word, words_left
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


def by_hand(journal: Journal) -> Path:
    """Where somebody would make a file to halt the run."""
    assert journal.database.path is not None
    return journal.database.path.with_name(f"j.db.{RUN}.halt")


def files(journal: Journal) -> list[str]:
    """All that was left."""
    return sorted(path.name for path in by_hand(journal).parent.glob(f"j.db.{RUN}*"))


def quiet(alert: Alert) -> tuple[str, ...]:
    return ()


def test_what_was_left_is_found_whole_until_it_is_cleared(journal: Journal) -> None:
    assert words_left(journal.database, RUN) == ()
    assert leave_word(journal.database, HALT)
    [found] = words_left(journal.database, RUN)
    assert (found.event, found.time_ms, found.bot_hash) == (HALT.event, 5_000, "b" * 64)
    assert words_left(journal.database, "run-2") == ()
    clear_words(journal.database, RUN, [found])
    clear_words(journal.database, RUN, [found])
    assert words_left(journal.database, RUN) == ()
    assert files(journal) == []  # nor a folder


def test_a_word_that_came_meanwhile_stays(journal: Journal) -> None:
    """Two operators: neither replaces nor takes away what the other one left."""
    leave_word(journal.database, HALT)
    [first] = words_left(journal.database, RUN)
    leave_word(journal.database, replace(HALT, time_ms=6_000, event=Halted("no_entries", "odd", "bob")))
    assert words_left(journal.database, RUN)[0] == first
    clear_words(journal.database, RUN, [first])
    [second] = words_left(journal.database, RUN)
    assert second.event == Halted("no_entries", "odd", "bob")
    clear_words(journal.database, RUN, [])
    assert words_left(journal.database, RUN) == (second,)


def test_a_file_made_by_hand_goes_only_as_it_was_read(journal: Journal) -> None:
    by_hand(journal).write_text("stop")
    read = words_left(journal.database, RUN)
    assert len(read) == 1
    os.utime(by_hand(journal), ns=(7_000_000_000, 7_000_000_000))  # somebody wrote it again
    clear_words(journal.database, RUN, read)
    again = words_left(journal.database, RUN)
    assert [one.time_ms for one in again] == [7_000]
    clear_words(journal.database, RUN, again)
    assert files(journal) == []


def test_a_file_made_by_hand_that_changes_while_it_is_taken_away_stays_a_word(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(journal).write_text("stop")
    read = words_left(journal.database, RUN)
    rename = Path.replace

    def late(path: Path, target: Path) -> Path:
        if path == by_hand(journal):
            os.utime(path, ns=(8_000_000_000, 8_000_000_000))
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", late)
    clear_words(journal.database, RUN, read)
    assert [one.time_ms for one in words_left(journal.database, RUN)] == [8_000]


def test_who_can_read_the_journal_can_read_the_word(journal: Journal) -> None:
    assert journal.database.path is not None
    journal.database.path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(journal.database.path, 65_534, 65_534)
        os.chown(journal.database.path.parent, 65_534, 65_534)
    leave_word(journal.database, HALT)
    folder = journal.database.path.with_name(f"j.db.{RUN}.halts")
    [word] = folder.iterdir()
    for made, like in ((word, journal.database.path), (folder, folder.parent)):
        seen, wanted = made.stat(), like.stat()
        assert (seen.st_uid, seen.st_gid) == (wanted.st_uid, wanted.st_gid)
        assert stat.S_IMODE(seen.st_mode) == stat.S_IMODE(wanted.st_mode)


def test_only_a_halt_can_be_left(journal: Journal) -> None:
    assert not leave_word(journal.database, Entry(RUN, 1, Resumed("again", "ann")))


@pytest.mark.parametrize("text", ["", "stop!", "[]", '{"level": "sometimes"}'])
def test_a_file_that_cannot_be_read_halts_all_the_same(journal: Journal, text: str) -> None:
    by_hand(journal).write_text(text)
    [found] = words_left(journal.database, RUN)
    assert found.event == Halted("no_entries", f"somebody left j.db.{RUN}.halt", "operator")


def test_a_word_that_the_system_does_not_let_be_read_halts_and_stays(journal: Journal) -> None:
    """As a file of root's would, or a disk that fails: here a folder in its place, which root cannot read."""
    by_hand(journal).mkdir()
    lease = acquire(journal.database, "demo/main/BTCUSDT", 0)
    scribe = Scribe(journal, lease, RUN, "btc", quiet, journal.read.head().seq)
    [heard] = scribe.news()
    assert isinstance(heard.event, Halted)
    assert heard.event.level == "no_entries"
    assert "cannot be read (Is a directory)" in heard.event.reason
    assert list(scribe.news()) == []
    assert by_hand(journal).exists()  # it may say more: nobody wrote that down
    lease.release(0)


def test_a_folder_of_words_that_cannot_be_read_halts(journal: Journal) -> None:
    assert journal.database.path is not None
    journal.database.path.with_name(f"j.db.{RUN}.halts").write_text("no folder")
    [found] = words_left(journal.database, RUN)
    assert isinstance(found.event, Halted)
    assert "may hold a halt" in found.event.reason


def test_a_word_that_cannot_be_read_now_is_heard_when_it_can(journal: Journal) -> None:
    leave_word(journal.database, HALT)
    used: list[int] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 8, hard))
    try:
        with suppress(OSError):
            while True:
                used.append(os.open(os.devnull, os.O_RDONLY))
        [unread] = words_left(journal.database, RUN)
    finally:
        for handle in used:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert isinstance(unread.event, Halted)
    assert "Too many open files" in unread.event.reason
    clear_words(journal.database, RUN, [unread])
    [read] = words_left(journal.database, RUN)
    assert read.event == HALT.event


def test_an_operator_who_resumes_is_rid_of_what_cannot_be_read(journal: Journal) -> None:
    by_hand(journal).symlink_to(by_hand(journal).with_name("loop"))
    by_hand(journal).with_name("loop").symlink_to(by_hand(journal))
    found = words_left(journal.database, RUN)
    assert len(found) == 1
    clear_words(journal.database, RUN, found)
    assert words_left(journal.database, RUN) == found
    clear_words(journal.database, RUN, found, unread=True)
    assert words_left(journal.database, RUN) == ()
    assert files(journal) == []


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
        assert len(words_left(journal.database, RUN)) == 1  # and not lost, should it die now
    assert list(scribe.news()) == []
    assert words_left(journal.database, RUN) == ()
    assert [line.entry.event for line in journal.read.entries(kinds=("halted",))] == [HALT.event]
    assert list(scribe.news()) == []
    lease.release(0)


def test_who_dies_between_writing_and_clearing_writes_it_once(journal: Journal) -> None:
    lease = acquire(journal.database, "demo/main/BTCUSDT", 0)
    leave_word(journal.database, HALT)
    [word] = words_left(journal.database, RUN)
    journal.append(word, lease=lease)
    for _ in range(2):
        scribe = Scribe(journal, lease, RUN, "btc", quiet, journal.read.head().seq)
        scribe.news()
        assert words_left(journal.database, RUN) == ()
    assert len(list(journal.read.entries(kinds=("halted",)))) == 1
    lease.release(0)
