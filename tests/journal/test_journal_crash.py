"""Kills, torn files, a full disk, a locked database: every prefix is whole, nothing committed is lost.

RUNNER_CRASHES=200 kills so many writers and cuts the WAL at five times as many places; by default a tenth.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from journal_entries import RUN, every_kind, fill_entry, stamped, started

from runner.domain.entry import Entry
from runner.domain.order_event import EquityMarked
from runner.errors import JournalBusy, JournalDamaged, JournalFailed, JournalForeign, JournalFull
from runner.journal.check import check
from runner.journal.database import Database
from runner.journal.mounts import file_system
from runner.journal.write import Journal, Text, open_journal

CRASHES = int(os.environ.get("RUNNER_CRASHES", "20"))
WAL_CUTS = 5 * CRASHES
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def mark(number: int, filler: str = "") -> Entry:
    return stamped(EquityMarked(Decimal(number), Decimal(0)), intent=filler or None)


def test_killed_writers_lose_nothing_that_they_were_told_is_committed(url: str) -> None:
    kills = CRASHES if url.startswith("sqlite") else max(5, CRASHES // 4)
    done = subprocess.run(
        [sys.executable, str(HERE / "crash_writer.py"), url, str(kills), "7"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30 + 5 * kills,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] == kills
    assert found["appends"] > kills  # they did get somewhere


def test_a_wal_cut_anywhere_is_a_whole_prefix(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    wal = Path(f"{path}-wal")
    sizes: list[tuple[int, int]] = []  # (bytes of the WAL, last entry) after each commit
    with open_journal(sqlite_url(path)) as journal:
        journal.append(started())
        with journal.database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        sizes.append((0, journal.read.head().seq))
        for number in range(40):
            journal.append(*(mark(at, "x" * number * 40) for at in range(1 + number % 4)))
            sizes.append((wal.stat().st_size, journal.read.head().seq))
        image, frames = path.read_bytes(), wal.read_bytes()
    assert sizes[-1][0] == len(frames)
    chance = random.Random(11)
    cuts = [0, 1, 31, 32, len(frames) - 1, len(frames)]
    cuts += [chance.randrange(len(frames)) for _ in range(WAL_CUTS - len(cuts))]
    for number, cut in enumerate(cuts):
        torn = tmp_path / "torn" / str(number)
        torn.mkdir(parents=True)
        (torn / "journal.db").write_bytes(image)
        tail = chance.randbytes(len(frames) - cut) if number % 3 == 2 else b""  # cut, or written over
        (torn / "journal.db-wal").write_bytes(frames[:cut] + tail)
        with open_journal(sqlite_url(torn / "journal.db")) as journal:
            assert journal.read.head().seq == max(seq for length, seq in sizes if length <= cut), cut
            assert check(journal.database).faults == ()
            assert journal.append(mark(0)) != (None,)
        shutil.rmtree(torn)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    with open_journal(sqlite_url(tmp_path / "journal.db")) as journal:
        journal.append(started())
        pages = journal.database.engine.connect()
        with pages:
            used = int(pages.exec_driver_sql("PRAGMA page_count").scalar_one())
        set_pages(journal, used + 4)
        written = []
        with pytest.raises(JournalFull, match=r"no room for more.*nothing was written"):
            written.extend(
                journal.append(mark(number), texts=[Text("hook", f"{number} " * 900)])
                for number in range(1_000)
            )
        assert len(written) > 0
        assert journal.read.head().seq == len(written) + 1
        assert check(journal.database).faults == ()
        set_pages(journal, used + 400)
        journal.append(mark(0))
        assert journal.read.head().seq == len(written) + 2


def set_pages(journal: Journal, pages: int) -> None:
    """SQLite's own way to a disk that is full: a limit of the writer's connection."""
    connection = journal._connected()
    with connection.begin():
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def test_a_locked_database_is_said_in_time_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with open_journal(sqlite_url(path), busy_ms=100) as journal:
        journal.append(started())
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalBusy, match=r"held by another process; nothing was written"):
            journal.append(mark(1))
        assert journal.read.head().seq == 1  # readers are not disturbed
        holder.execute("ROLLBACK")
        holder.close()
        journal.append(mark(1))
        assert journal.read.head().seq == 2


def test_a_writer_on_postgres_that_hangs_is_said_in_time(postgres: "object") -> None:
    url = postgres.make_database()  # type: ignore[attr-defined]
    with open_journal(url, busy_ms=200) as journal, open_journal(url) as other:
        journal.append(started())
        with other.database.writing() as connection:
            connection.exec_driver_sql("SELECT * FROM head FOR UPDATE")
            with pytest.raises(JournalBusy, match="held by another connection"):
                journal.append(mark(1))
        journal.append(mark(1))
        assert journal.read.head().seq == 2


def test_a_database_that_must_not_be_written_is_said(tmp_path: Path) -> None:
    with open_journal(sqlite_url(tmp_path / "journal.db")) as journal:
        journal.append(started())
        connection = journal._connected()
        with connection.begin():
            connection.exec_driver_sql("PRAGMA query_only=ON")
        with pytest.raises(JournalFailed, match="cannot be written: check its owner"):
            journal.append(mark(1))
        journal.append(mark(1))  # a new connection, without the pragma
        assert journal.read.head().seq == 2


def test_a_file_that_is_no_database_is_said_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"these are my notes\n" * 500)
    with pytest.raises(JournalDamaged, match="is no SQLite database"):
        open_journal(sqlite_url(path))
    assert path.read_bytes().startswith(b"these are my notes")


def test_a_network_file_system_is_refused_with_the_way_out(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/home {tmp_path} nfs4 rw 0 0\n", encoding="utf-8")
    with pytest.raises(JournalForeign, match=r"network file system \(nfs4\).*RUNNER_DB=postgresql"):
        Database(sqlite_url(tmp_path / "deeper" / "journal.db"), mounts=table)
    assert not (tmp_path / "deeper").exists()


def test_the_nearest_mount_counts() -> None:
    mounts = "/dev/a / ext4 rw 0 0\nx:/y /srv nfs rw 0 0\n/dev/b /srv/local\\040disk xfs rw 0 0\nbroken\n"
    assert file_system(Path("/srv/data/journal.db"), mounts) == "nfs"
    assert file_system(Path("/srv/local disk/journal.db"), mounts) == "xfs"
    assert file_system(Path("/srvx/journal.db"), mounts) == "ext4"
    assert file_system(Path("/x"), "") is None


def test_a_backup_from_before_is_behind_but_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with open_journal(sqlite_url(path)) as journal:
        journal.append(*every_kind())
        journal.append(fill_entry("later", "0.001", "35000"))
        with sqlite3.connect(path) as source, sqlite3.connect(tmp_path / "backup.db") as backup:
            source.backup(backup)
        source.close()
        backup.close()
        journal.append(fill_entry("lost", "0.001", "35000"))
    with open_journal(sqlite_url(tmp_path / "backup.db")) as journal:
        assert check(journal.database).faults == ()
        assert [fill.trade_id for fill in journal.read.fills(RUN)][-1] == "later"
        assert None not in journal.append(fill_entry("lost", "0.001", "35000"))
