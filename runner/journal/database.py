"""A connection to the journal's database: SQLite on a local disk, or Postgres; what its errors mean.

In: a URL (`sqlite:///path`, `postgresql+psycopg://…`). Out: transactions; JournalFailed and its kin.
Refuses to know: tables, entries.
Durable: a commit that returned is on the disk (WAL with synchronous=FULL; synchronous_commit=on).
Source: SQLite "Write-Ahead Logging", "Result codes"; PostgreSQL appendix A.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import InvalidOperation
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, ResourceClosedError
from sqlalchemy.pool import QueuePool

from runner.errors import (
    JournalBusy,
    JournalDamaged,
    JournalFailed,
    JournalForeign,
    JournalFull,
    UsageError,
)
from runner.journal.mounts import MOUNTS, network_file_system
from runner.journal.prepared import Found, Prepared

BUSY_MS = 5_000  # how long a writer waits for its turn
CONNECT_S = 3  # a session waits for the journal: a server that does not answer by then is away

# https://www.sqlite.org/rescode.html, the primary codes
_SQLITE_BUSY, _SQLITE_LOCKED, _SQLITE_READONLY, _SQLITE_IOERR = 5, 6, 8, 10
_SQLITE_CORRUPT, _SQLITE_FULL, _SQLITE_CANTOPEN, _SQLITE_NOTADB = 11, 13, 14, 26


class Database:
    """One database. Writers take turns; readers see what was committed when they began."""

    def __init__(self, url: str, *, busy_ms: int = BUSY_MS, mounts: Path = MOUNTS) -> None:
        self.url = _read_url(url)
        self.path = _sqlite_path(self.url)
        self.place = str(self.path) if self.path else self.url.render_as_string(hide_password=True)
        if self.path is not None:
            _refuse_network(self.path, mounts)
        self.engine = _sqlite(self.url, busy_ms) if self.path else _postgres(self.url, busy_ms)
        self._glancing: Connection | None = None
        self._glance_lock = threading.Lock()

    @property
    def is_sqlite(self) -> bool:
        """SQLite, or else Postgres."""
        return self.path is not None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the writer's place from its beginning; commits at the end."""
        # the option is SQLite's (see `_begun`); Postgres' writers meet at the head's row
        with (
            self.translated(),
            self.engine.connect() as connection,
            connection.execution_options(immediate=True).begin(),
        ):
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment and writes nothing."""
        with self.translated(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def glance(self, statement: Prepared, parameters: Mapping[str, Any]) -> Found | None:
        """One row by one statement, which needs no transaction to see one moment: what is asked before every
        order. Its connection is kept; one that was lost is made anew.
        """
        with self.translated(), self._glance_lock:
            try:
                return statement.row(self._kept(), parameters)
            except DBAPIError as error:
                self._drop_kept()
                if not is_lost(error):
                    raise
                return statement.row(self._kept(), parameters)

    def _kept(self) -> Connection:
        if self._glancing is None:
            self._glancing = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._glancing

    def _drop_kept(self) -> None:
        if self._glancing is not None:
            self._glancing.invalidate()
            self._glancing.close()
            self._glancing = None

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Errors of the database as ours."""
        try:
            yield
        except DBAPIError as error:
            raise self.meaning_of(error) from error
        except (UnicodeDecodeError, InvalidOperation) as error:  # sqlite3 lets the first through
            raise JournalDamaged(f"the journal {self.place} is damaged: {error}") from error

    def meaning_of(self, error: DBAPIError) -> JournalFailed:
        """Which of ours a database's error is."""
        kind, words = (_sqlite_meaning if self.is_sqlite else _postgres_meaning)(error)
        first = str(error.orig).strip().splitlines()
        return kind(f"the journal {self.place} {words}" + (f" ({first[0]})" if first else ""))

    def close(self) -> None:
        """Let go of every connection."""
        self._drop_kept()
        self.engine.dispose()


def _read_url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    if url is not None and url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        return url
    if url is not None and url.drivername in ("postgresql", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    raise UsageError(
        "the journal's database (RUNNER_DB) must be sqlite:////absolute/path/journal.db "
        "or postgresql+psycopg://user:password@host/name"
    )


def _sqlite_path(url: URL) -> Path | None:
    return Path(str(url.database)).absolute() if url.get_backend_name() == "sqlite" else None


def _refuse_network(path: Path, mounts: Path) -> None:
    found = network_file_system(path, mounts)
    if found:
        raise JournalForeign(
            f"the journal {path} would lie on a network file system ({found}), where SQLite cannot keep it "
            "whole; put RUNNER_HOME on a local disk, or use Postgres: RUNNER_DB=postgresql+psycopg://…"
        )


def _sqlite(url: URL, busy_ms: int) -> Engine:
    path = Path(str(url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():  # positions and reasons are nobody else's business; the WAL takes the mode over
        path.touch(mode=0o600)
    engine = create_engine(
        url,
        poolclass=QueuePool,
        connect_args={"timeout": busy_ms / 1000, "isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA fullfsync=ON")  # macOS: a plain fsync does not reach the disk there
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("immediate") else "BEGIN")

    return engine


def _postgres(url: URL, busy_ms: int) -> Engine:
    ours = f"-c synchronous_commit=on -c lock_timeout={busy_ms} -c timezone=UTC"
    theirs = url.query.get("options", "")  # such as a search_path
    try:
        return create_engine(
            url.difference_update_query(["options"]),
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_S,
                "options": f"{theirs} {ours}" if isinstance(theirs, str) else ours,
                "application_name": "runner",
            },
        )
    except (ImportError, NoSuchModuleError) as missing:
        raise UsageError("Postgres needs one more package: pip install 'runner[postgres]'") from missing


Meaning = tuple[type[JournalFailed], str]

_SQLITE: dict[int, Meaning] = {
    _SQLITE_BUSY: (
        JournalBusy,
        "is held by another process; nothing was written, try again when it has ended",
    ),
    _SQLITE_LOCKED: (JournalBusy, "is held by another connection; nothing was written"),
    _SQLITE_FULL: (JournalFull, "has no room for more: free some space on its disk; nothing was written"),
    _SQLITE_READONLY: (
        JournalFailed,
        "cannot be written: check its owner and permissions, and those of its folder",
    ),
    _SQLITE_IOERR: (JournalFailed, "could not be read or written: the disk reported an error"),
    _SQLITE_CANTOPEN: (JournalFailed, "cannot be opened: check that its folder exists and is yours"),
    _SQLITE_CORRUPT: (JournalDamaged, "is damaged: restore it from a backup"),
    _SQLITE_NOTADB: (JournalDamaged, "is no SQLite database"),
}


def _sqlite_meaning(error: DBAPIError) -> Meaning:
    if "Could not decode" in str(error.orig):
        return JournalDamaged, "is damaged: a text in it is no text"
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return _SQLITE.get(code, (JournalFailed, "refused"))


def _postgres_meaning(error: DBAPIError) -> Meaning:
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in ("55P03", "40P01", "40001"):
        return JournalBusy, "is held by another connection; nothing was written, try again"
    if state in ("53100", "53200"):
        return JournalFull, "has no room for more; nothing was written"
    if state.startswith("XX"):
        return JournalDamaged, "reports damage"
    if state.startswith("28"):
        return JournalFailed, "refuses this user or password"
    if state == "3D000":
        return JournalFailed, "does not exist: createdb makes one"
    if is_lost(error) or not state:
        return JournalFailed, "cannot be reached"
    return JournalFailed, "refused"


def is_lost(error: DBAPIError) -> bool:
    """Whether the connection is gone, so that it is not known what the server still did."""
    if error.connection_invalidated or isinstance(error, ResourceClosedError):
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    return state.startswith(("08", "57P"))
