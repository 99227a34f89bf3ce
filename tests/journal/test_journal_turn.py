"""The kernel says who is in the midst of writing to SQLite's file."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import connect

import pytest

from runner.errors import JournalBusy
from runner.journal.database import Database
from runner.journal.turn import writer_of

HOLD = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
    "c.execute('BEGIN IMMEDIATE'); print('ready', flush=True); sys.stdin.read()"
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path / 'j.db'}", busy_ms=50)) as opened:
        with opened.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE notes (note TEXT)")
        yield opened


@contextmanager
def held(path: Path | None) -> Iterator[int]:
    """By another process, whose id this is."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        yield other.pid
        other.kill()


def test_the_writer_is_named_and_nobody_else(database: Database) -> None:
    assert writer_of(database) is None
    with held(database.path) as pid:
        writer = writer_of(database)
        assert writer is not None
        assert writer.pid == pid
        assert str(writer).startswith(f"process {pid} (")
        assert "import sqlite3" in writer.words
    assert writer_of(database) is None


def test_a_reader_is_not_taken_for_a_writer(database: Database) -> None:
    with database.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM notes").all()
        assert writer_of(database) is None


def test_the_writer_of_a_file_without_a_write_ahead_log_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(connect(path)) as made:
        made.execute("CREATE TABLE notes (note TEXT)")
    with closing(Database(f"sqlite:///{path}")) as never_opened, held(path) as pid:
        writer = writer_of(never_opened)
        assert writer is not None
        assert writer.pid == pid


def test_who_asks_keeps_its_own_locks(database: Database) -> None:
    """A process that closed a file of SQLite's would lose them."""
    with database.writing():
        assert writer_of(database) is not None
        with (
            closing(Database(str(database.url), busy_ms=50)) as other,
            pytest.raises(JournalBusy),
            other.writing(),
        ):
            raise AssertionError("two writers")
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(database.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as third:
            assert third.wait(30) != 0
