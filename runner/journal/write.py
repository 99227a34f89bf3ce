"""The journal: append-only, hash-chained, one transaction for entries, rows and letters.

In: entries, texts. Out: what was recorded; JournalFailed and its kin, and then nothing was written.
Refuses to know: what an entry leads to, the clock.

An append that returned is on the disk. When Postgres goes away during COMMIT, it is looked up by its hash
after reconnecting, so that it is written once or not at all.
"""

import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Dialect, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from runner.domain.entry import TEXT_BYTES_MAX, Entry, Recorded
from runner.errors import JournalDamaged, JournalFailed, JournalForeign, LeaseLost
from runner.journal.chain import Columns, chained, columns_of
from runner.journal.database import BUSY_MS, Database, is_lost
from runner.journal.lease import Lease, epoch_of, who_runs
from runner.journal.outbox import JournalOutbox
from runner.journal.prepared import Prepared
from runner.journal.projection import VERSION, project
from runner.journal.read import Reader, about_of
from runner.journal.rebuild import rebuild
from runner.journal.schema import note, prepare, refuse_beside
from runner.journal.sql_view import Shapes, SqlView
from runner.journal.tables import ENTRIES, HEAD, TEXTS

_RECONNECTS = 3

_READ_HEAD = select(HEAD.c.seq, HEAD.c.hash).where(HEAD.c.id == 1).with_for_update()
_MOVE_HEAD = update(HEAD).where(HEAD.c.id == 1).values(seq=bindparam("to_seq"), hash=bindparam("to_hash"))
_KNOWN_FACTS = select(ENTRIES.c.fact).where(ENTRIES.c.fact.in_(bindparam("facts", expanding=True)))
_KNOWN_FACT = select(ENTRIES.c.fact).where(ENTRIES.c.fact == bindparam("fact"))
_BY_HASH = select(ENTRIES.c.seq).where(ENTRIES.c.hash == bindparam("hash"))
_KEEP_TEXT = {
    "sqlite": sqlite.insert(TEXTS).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(TEXTS).on_conflict_do_nothing(),
}


class Binding(NamedTuple):
    """Whose journal it is: one account of one mode, so that no other's positions are taken for its own."""

    mode: str
    account: str


class Text(NamedTuple):
    """A text to keep by its hash: `document`, `hook`, `plan` or `report`."""

    kind: str
    content: str

    @property
    def hash(self) -> str:
        """SHA-256 of the UTF-8 bytes."""
        return hashlib.sha256(self.content.encode("utf-8")).hexdigest()


class Terms(NamedTuple):
    """What has to hold at the moment of a commit."""

    lease: Lease | None
    after_seq: int | None


class _Statements:
    """What every append executes."""

    def __init__(self, dialect: Dialect) -> None:
        self.read_head = Prepared(_READ_HEAD, dialect)
        self.move_head = Prepared(_MOVE_HEAD, dialect)
        self.insert = Prepared(insert(ENTRIES), dialect)
        self.known_fact = Prepared(_KNOWN_FACT, dialect)
        self.shapes = Shapes(dialect)

    def known_facts(self, connection: Connection, entries: Sequence[Entry]) -> set[str]:
        """Which facts of these entries the journal has already."""
        facts = sorted({entry.fact for entry in entries if entry.fact is not None})
        if len(facts) == 1:
            return set(self.known_fact.row(connection, {"fact": facts[0]}) or ())
        return set(connection.execute(_KNOWN_FACTS, {"facts": facts}).scalars()) if facts else set()


class Journal:
    """One open journal; calls may come from any thread, one at a time gets through."""

    def __init__(
        self, database: Database, *, binding: Binding | None = None, instance: str | None = None
    ) -> None:
        self.database = database
        prepare(database, instance)
        self.read = Reader(database)
        self.outbox = JournalOutbox(database)
        self._lock = threading.Lock()
        self._statements = _Statements(database.engine.dialect)
        self._connection: Connection | None = None
        self._settle(binding)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection."""
        self._disconnect()
        self.database.close()

    def append(
        self,
        *entries: Entry,
        texts: Iterable[Text] = (),
        lease: Lease | None = None,
        after_seq: int | None = None,
    ) -> tuple[Recorded | None, ...]:
        """Commit all of them or none. None stands for an entry whose fact was in the journal already.

        With a `lease`, LeaseLost unless it is still ours at the moment of the commit. With `after_seq`, ()
        and nothing written unless that is the journal's last entry then.
        """
        kept = [_row_of(text) for text in texts]
        columns = [columns_of(entry) for entry in entries]
        with self._lock:
            return self._committed(entries, columns, kept, Terms(lease, after_seq))

    def _committed(
        self,
        entries: Sequence[Entry],
        columns: Sequence[Columns],
        texts: list[dict[str, str]],
        terms: Terms,
    ) -> tuple[Recorded | None, ...]:
        lines: tuple[Recorded | None, ...] = ()
        for attempt in range(_RECONNECTS):
            try:
                connection = self._connected()
                with connection.begin():
                    if not _arrived(connection, lines):
                        lines = _write(connection, self._statements, entries, columns, texts, terms)
                return lines
            except DBAPIError as error:
                self._disconnect()
                if not is_lost(error) or attempt + 1 == _RECONNECTS:
                    raise self.database.meaning_of(error) from error
        raise AssertionError

    def _connected(self) -> Connection:
        """The writer's own connection, kept from append to append."""
        if self._connection is None:
            self._connection = self.database.engine.connect().execution_options(immediate=True)
        return self._connection

    def _disconnect(self) -> None:
        """Not back into the pool: what is wrong with it is not known."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _settle(self, binding: Binding | None) -> None:
        """Refuse another account's journal, and reckon projections anew when their rules have changed. Beside
        a session of another build, a command makes do with the rows of that one; a session does not start.
        """
        with self.database.reading() as connection:
            news, stale = self._unsettled(connection, binding)
        if stale and binding is None and who_runs(self.database) is not None:
            return
        if news or stale:
            with self.database.writing() as connection:
                connection.execute(_READ_HEAD)
                news, stale = self._unsettled(connection, binding)
                if news:
                    note(connection, news)
                if stale:
                    refuse_beside(self.database)
                    rebuild(connection)

    def _unsettled(self, connection: Connection, binding: Binding | None) -> tuple[dict[str, str], bool]:
        """What is still to be noted of the binding, and whether the projections follow older rules."""
        about = about_of(connection)
        wanted = binding._asdict() if binding else {}
        bound = {name: about[name] for name in wanted if name in about}
        if bound and bound != wanted:
            raise JournalForeign(
                f"the journal {self.database.place} belongs to account {bound['account']} ({bound['mode']}), "
                f"not to account {wanted['account']} ({wanted['mode']}); use another database: RUNNER_DB, or "
                "another RUNNER_HOME"
            )
        return {} if bound else wanted, about.get("projections") != str(VERSION)


def open_journal(
    url: str, *, binding: Binding | None = None, busy_ms: int = BUSY_MS, instance: str | None = None
) -> Journal:
    """The journal at a URL, its tables made or brought up to date.

    `instance` names a database that is made now: with a name given, equal entries have equal hashes.
    """
    database = Database(url, busy_ms=busy_ms)
    try:
        return Journal(database, binding=binding, instance=instance)
    except BaseException:
        database.close()
        raise


def _row_of(text: Text) -> dict[str, str]:
    length = len(text.content.encode("utf-8"))
    if length > TEXT_BYTES_MAX:
        raise JournalFailed(
            f"a {text.kind} of {length:,} bytes is more than the journal takes ({TEXT_BYTES_MAX:,})"
        )
    return {"hash": text.hash, "kind": text.kind, "content": text.content}


def _arrived(connection: Connection, lines: Sequence[Recorded | None]) -> bool:
    """Whether an append whose answer was lost had been committed. The head's lock comes first: a commit that
    is still under way ends before the look.
    """
    last = next((line for line in reversed(lines) if line is not None), None)
    if last is None:
        return False
    connection.execute(_READ_HEAD)
    return connection.execute(_BY_HASH, {"hash": last.hash}).one_or_none() is not None


def _write(
    connection: Connection,
    statements: _Statements,
    entries: Sequence[Entry],
    columns: Sequence[Columns],
    texts: list[dict[str, str]],
    terms: Terms,
) -> tuple[Recorded | None, ...]:
    head = statements.read_head.row(connection, {})
    if head is None:
        raise JournalDamaged("the journal has lost the end of its chain")
    lease = terms.lease
    if lease is not None and epoch_of(connection, lease.name) != lease.epoch:
        raise LeaseLost(f"another process has taken over {lease.name}; this one writes nothing more")
    seq, prev_hash = head
    if terms.after_seq not in (None, seq):
        return ()
    known = statements.known_facts(connection, entries)
    lines: list[Recorded | None] = []
    rows: list[Columns] = []
    for entry, column in zip(entries, columns, strict=True):
        if entry.fact is not None:
            if entry.fact in known:
                lines.append(None)
                continue
            known.add(entry.fact)
        seq += 1
        row = chained(column, seq, prev_hash)
        prev_hash = row["hash"]
        rows.append(row)
        lines.append(Recorded(seq, entry, row["prev_hash"], row["hash"]))
    if texts:
        connection.execute(_KEEP_TEXT[connection.dialect.name], texts)
    if rows:
        statements.insert.run(connection, rows if len(rows) > 1 else rows[0])
        view = SqlView(connection, statements.shapes)
        for line in lines:
            if line is not None:
                project(view, line)
        view.flush()
        statements.move_head.run(connection, {"to_seq": seq, "to_hash": prev_hash})
    return tuple(lines)
