"""Tables come and go by migrations, with data, on both databases; a newer build's are refused."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from journal_entries import RUN, every_kind
from sqlalchemy import inspect, text

from runner.errors import JournalForeign
from runner.journal.check import check
from runner.journal.database import Database
from runner.journal.schema import MIGRATIONS, REVISIONS, migrate, revision_of
from runner.journal.tables import METADATA
from runner.journal.write import Journal, open_journal


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
