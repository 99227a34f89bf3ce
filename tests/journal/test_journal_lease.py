"""One process for one account and symbol, on both databases."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_entries import started

from runner.errors import LeaseHeld, LeaseLost
from runner.journal.database import Database
from runner.journal.lease import Lease, acquire, seize
from runner.journal.write import Journal, open_journal

NAME = "testnet/main/BTCUSDT"
ROOT = Path(__file__).parents[2]

HOLDER = """
import sys
from runner.journal.lease import acquire
from runner.journal.write import open_journal
with open_journal(sys.argv[1]) as journal:
    lease = acquire(journal.database, sys.argv[2], 1_000, owner="the other")
    print(lease.epoch, flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def held(database: Database, name: str, now_ms: int) -> Iterator[Lease]:
    lease = acquire(database, name, now_ms)
    try:
        yield lease
    finally:
        lease.drop()


def test_a_second_holder_is_refused_at_once_until_the_first_lets_go(journal: Journal, url: str) -> None:
    first = acquire(journal.database, NAME, 1_000)
    with open_journal(url) as other:
        with pytest.raises(LeaseHeld, match=r"run by process \d+ on .*stop that one first"):
            acquire(other.database, NAME, 2_000)
        with held(other.database, "testnet/main/ETHUSDT", 2_000) as elsewhere:
            assert elsewhere.holds()
        first.renew(3_000)
        first.release(4_000)
        with held(other.database, NAME, 5_000) as second:
            assert second.epoch == first.epoch + 1
            assert not first.holds()


def test_a_killed_holder_leaves_the_place_free_at_once(journal: Journal, url: str) -> None:
    code = [sys.executable, "-c", HOLDER, url, NAME]
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "1\n"
        with pytest.raises(LeaseHeld):
            acquire(journal.database, NAME, 2_000)
        holder.kill()
        holder.wait()
        for _ in range(100):  # a server needs a moment to see that a connection is gone
            try:
                with held(journal.database, NAME, 3_000) as lease:
                    assert lease.epoch == 2
                    break
            except LeaseHeld:
                continue
        else:
            pytest.fail("the place did not become free")


def test_who_was_overtaken_writes_nothing_more(journal: Journal) -> None:
    hung = acquire(journal.database, NAME, 1_000)
    journal.append(started(), lease=hung)
    killer = seize(journal.database, NAME, 2_000, owner="halt")
    assert (killer.holds(), hung.holds()) == (True, False)
    with pytest.raises(LeaseLost, match="writes nothing more"):
        journal.append(started("another"), lease=hung)
    with pytest.raises(LeaseLost):
        hung.renew(3_000)
    journal.append(started("killed"), lease=killer)
    assert journal.read.head().seq == 2
    hung.drop()


def test_the_lock_is_not_inherited_by_a_child(journal: Journal) -> None:
    lease = acquire(journal.database, NAME, 1_000)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False) as child:
        lease.drop()
        for _ in range(100):
            try:
                with held(journal.database, NAME, 2_000):
                    break
            except LeaseHeld:
                continue
        else:
            pytest.fail("the child holds it")
        child.kill()


def test_a_lease_on_postgres_is_lost_with_its_connection(postgres: "object") -> None:
    with open_journal(postgres.make_database()) as journal:  # type: ignore[attr-defined]
        lease = acquire(journal.database, NAME, 1_000)
        assert lease.connection is not None
        pid = lease.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        lease.connection.commit()
        with journal.database.writing() as connection:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(LeaseLost, match="connection that held"):
            lease.renew(2_000)
        lease.drop()
