"""Which tables a database has, and bringing them up to what this build knows.

In: a database. Out: its tables at the wanted revision; JournalForeign for a newer build's or somebody else's,
JournalBusy while a session of another build runs on it.
Refuses to know: what is in the tables. A migration is one transaction: it happens or it does not.
"""

import uuid
from pathlib import Path

from sqlalchemy import Connection, delete, insert, inspect, select, text

from runner.errors import JournalBusy, JournalForeign
from runner.journal.chain import genesis, seal_of
from runner.journal.database import Database
from runner.journal.lease import who_runs
from runner.journal.tables import ABOUT, HEAD

REVISIONS = ("0001", "0002", "0003")  # oldest first; `migrations/versions/` says what each of them does
NEWEST = REVISIONS[-1]
MIGRATIONS = Path(__file__).parent / "migrations"

_TURN = 0x72756E6E6572  # names our advisory lock among those of other programs


def prepare(database: Database, instance: str | None = None) -> None:
    """Make the tables, or bring them up to date; a new database is given a name that no other has."""
    with database.reading() as connection:
        if _known_revision(connection, database.place) == NEWEST:
            return
    with database.writing() as connection:
        take_turn(connection)
        found = _known_revision(connection, database.place)
        if found == NEWEST:
            return  # another process has just done it
        if found is not None:
            refuse_beside(database)
        migrate(connection, NEWEST)
        if connection.execute(select(HEAD.c.id)).one_or_none() is None:
            instance = instance or uuid.uuid4().hex
            connection.execute(insert(HEAD), {"id": 1, "seq": 0, "hash": genesis(instance)})
            note(connection, {"instance": instance})


def refuse_beside(database: Database) -> None:
    """Nothing is changed under a running session: it would wait for its commits meanwhile, and afterwards go
    on writing as its own build knows it.
    """
    held = who_runs(database)
    if held is not None:
        raise JournalBusy(
            f"a session of another build of runner runs on the journal {database.place}: {held} (what rests "
            "at the exchange goes on resting), then try again; nothing was changed"
        )


def note(connection: Connection, news: dict[str, str]) -> None:
    """Add to the notes on the database, and seal them."""
    known = {row.name: row.content for row in connection.execute(select(ABOUT))}
    fresh = known | news
    connection.execute(delete(ABOUT))
    rows = fresh | {"seal": seal_of(fresh)}
    connection.execute(insert(ABOUT), [{"name": name, "content": rows[name]} for name in sorted(rows)])


def migrate(connection: Connection, revision: str) -> None:
    """Up or down to a revision (`base`: nothing is left), within the caller's transaction."""
    from alembic import command  # here: a quarter of a second that only a migration pays  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    found = revision_of(connection)
    down = revision == "base" or (found is not None and REVISIONS.index(revision) < REVISIONS.index(found))
    (command.downgrade if down else command.upgrade)(config, revision)


def revision_of(connection: Connection) -> str | None:
    """The revision that the database says it has; None: it has no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def take_turn(connection: Connection) -> None:
    """On Postgres, wait for whoever makes or changes tables; SQLite's writers wait anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})


def _known_revision(connection: Connection, place: str) -> str | None:
    found = revision_of(connection)
    if found is not None and found not in REVISIONS:
        raise JournalForeign(
            f"the journal {place} was written by a newer build of runner (its tables are of revision "
            f"{found}, this build knows up to {NEWEST}); update runner, or use another database (RUNNER_DB)"
        )
    if found is None and inspect(connection).has_table("journal"):
        raise JournalForeign(f"{place} holds a table 'journal' that is not runner's; use another database")
    return found
