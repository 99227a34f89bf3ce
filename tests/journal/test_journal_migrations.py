"""Tables come and go by migrations, with data, on both databases; a newer build's are refused."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from journal_entries import RUN, every_kind, stamped
from sqlalchemy import Connection, inspect, text

from runner.domain.session_event import Halted
from runner.errors import JournalBusy, JournalForeign
from runner.journal.check import check
from runner.journal.database import Database
from runner.journal.schema import MIGRATIONS, REVISIONS, migrate, revision_of
from runner.journal.tables import METADATA
from runner.journal.write import Binding, Journal, open_journal

MINE = Binding("testnet", "main")
HOLDER = """
import sys
from runner.journal.database import Database
from runner.journal.lease import acquire
lease = acquire(Database(sys.argv[1]), "testnet/main/BTCUSDT", 1_000, owner="the other")
print(lease.epoch, flush=True)
sys.stdin.read()
"""


def test_the_list_of_revisions_is_that_of_the_files() -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    assert [found.revision for found in reversed(list(script.walk_revisions()))] == list(REVISIONS)


def test_the_newest_tables_are_those_of_this_build(journal: Journal) -> None:
    with journal.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_down_and_up_again_with_data(url: str) -> None:
    with open_journal(url) as journal:
        journal.append(*every_kind())
        head = journal.read.head()
        rows = (journal.read.runs(), journal.read.orders(RUN), journal.read.positions(RUN))
        with journal.database.writing() as connection:
            migrate(connection, "0001")
        with journal.database.reading() as connection:
            assert revision_of(connection) == "0001"
            assert not inspect(connection).has_table("orders")
    with open_journal(url) as journal:  # brings it up to date, and reckons what the entries say
        assert journal.read.head() == head
        assert (journal.read.runs(), journal.read.orders(RUN), journal.read.positions(RUN)) == rows
        assert check(journal.database).faults == ()
        with journal.database.writing() as connection:
            migrate(connection, "base")
        with journal.database.reading() as connection:
            assert set(inspect(connection).get_table_names()) <= {"alembic_version"}


def test_an_older_reckoning_is_done_anew_and_keeps_what_was_delivered(url: str) -> None:
    with open_journal(url) as journal:
        journal.append(*every_kind())
        letters = journal.outbox.due("env:ALERT_URL", 1 << 60, 10)
        journal.outbox.delivered(letters, 5)
        with journal.database.writing() as connection:
            connection.execute(text("UPDATE about SET content = '0' WHERE name = 'projections'"))
            connection.execute(text("DELETE FROM positions"))
    with open_journal(url) as journal:
        assert len(journal.read.positions(RUN)) == 1
        assert journal.outbox.due("env:ALERT_URL", 1 << 60, 10) == []
        assert journal.outbox.backlog() == 1
        assert check(journal.database).faults == ()


# --- beside a session of another build ---


def older_tables(connection: Connection) -> None:
    migrate(connection, "0002")


def older_rules(connection: Connection) -> None:
    connection.execute(text("UPDATE about SET content = '0' WHERE name = 'projections'"))
    connection.execute(text("DELETE FROM positions"))


def made_older(url: str, how: Callable[[Connection], None]) -> None:
    with open_journal(url, binding=MINE) as journal:
        journal.append(*every_kind())
        with journal.database.writing() as connection:
            how(connection)


@contextmanager
def running(url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lease, and looks at nothing else."""
    code = [sys.executable, "-c", HOLDER, url]
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "1\n"
        try:
            yield holder
        finally:
            holder.kill()


@pytest.mark.parametrize("how", [older_tables, older_rules])
def test_no_session_starts_beside_one_of_another_build(url: str, how: Callable[[Connection], None]) -> None:
    made_older(url, how)
    with running(url) as holder:
        told = rf"another build .*process {holder.pid} on .*stop that one first"
        with pytest.raises(JournalBusy, match=told):
            open_journal(url, binding=MINE)
        database = Database(url)
        with database.reading() as connection:
            assert revision_of(connection) == ("0002" if how is older_tables else REVISIONS[-1])
        database.close()
        holder.kill()
        holder.wait()
        opened_soon(url)


def opened_soon(url: str) -> None:
    """A server needs a moment to see that a connection is gone."""
    for _ in range(100):
        try:
            with open_journal(url, binding=MINE) as journal:
                assert len(journal.read.positions(RUN)) == 1
                assert check(journal.database).faults == ()
                return
        except JournalBusy:
            continue
    pytest.fail("the dead one is still in the way")


def test_commands_make_do_with_the_rows_of_a_running_session(url: str) -> None:
    made_older(url, older_rules)
    with running(url), open_journal(url) as journal:
        assert journal.read.positions(RUN) == []  # nothing was reckoned anew
        journal.append(stamped(Halted("halt", "looks wrong", "ann")))  # but it can be stopped
        seen = check(journal.database)
        assert (seen.faults, seen.rows) == ((), 0)
    opened_soon(url)


def test_commands_leave_a_running_sessions_tables_alone(url: str) -> None:
    made_older(url, older_tables)
    with running(url), pytest.raises(JournalBusy, match="nothing was changed"):
        open_journal(url)


def test_a_newer_builds_journal_is_refused_and_left_alone(url: str) -> None:
    with open_journal(url) as journal:
        journal.append(*every_kind())
        with journal.database.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    with pytest.raises(JournalForeign, match=r"newer build.*0099.*update runner"):
        open_journal(url)


def test_a_table_of_somebody_elses_is_refused(url: str) -> None:
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE journal (mood TEXT)"))
    database.close()
    with pytest.raises(JournalForeign, match="is not runner's"):
        open_journal(url)


class PulledPlugError(Exception):
    """The process ends here."""


def test_a_migration_that_is_cut_off_did_not_happen(url: str) -> None:
    database = Database(url)

    def cut_off(revision: str) -> None:
        with database.writing() as connection:
            migrate(connection, revision)
            raise PulledPlugError

    with pytest.raises(PulledPlugError):
        cut_off("0002")
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == []
    with open_journal(url) as journal:
        journal.append(*every_kind())
    with pytest.raises(PulledPlugError):
        cut_off("0001")
    database.close()
    with open_journal(url) as journal:
        assert check(journal.database).faults == ()
        assert len(journal.read.runs()) == 1
