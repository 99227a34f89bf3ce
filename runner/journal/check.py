"""Whether a journal holds what was written to it.

In: a database. Out: what was looked at, and every fault found, the first of the chain and all others.
Refuses to know: whether the decisions were right (`runner/replay.py`).
Found: a changed, missing, added or moved entry, a changed text, a row of a projection that the entries do not
say, a note or an end of the chain that does not fit, damage that SQLite itself sees. Not covered: leases, and
how far alerts are delivered.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from runner.domain.entry import Recorded
from runner.errors import JournalDamaged
from runner.journal.chain import check_link, genesis, recorded, seal_of
from runner.journal.database import Database
from runner.journal.projection import VERSION, project
from runner.journal.read import about_of
from runner.journal.rebuild import PAGE
from runner.journal.rows import DELIVERY, TABLES, key_of
from runner.journal.sql_view import rows_in
from runner.journal.tables import ENTRIES, HEAD, TEXTS
from runner.journal.view import MemoryView

FAULTS_MAX = 20  # told; more say nothing new

# What a row of changed bytes may end in: SQLite keeps any type in any column.
_UNREADABLE = (JournalDamaged, ValueError, TypeError, ArithmeticError)


class Checked(NamedTuple):
    """`head` is the hash of the last entry: who keeps it elsewhere can tell a whole journal written anew."""

    entries: int
    texts: int
    rows: int
    head: str
    faults: tuple[str, ...]


def check(database: Database) -> Checked:
    """Look at everything."""
    with database.reading() as connection:
        faults = _integrity(database, connection)
        about = about_of(connection)
        if "instance" not in about or about.get("seal") != seal_of(about):
            faults.append("the notes on this database (instance, mode, account) are not what was written")
        view = MemoryView()
        seq, head, broken = 0, genesis(about.get("instance", "")), ""
        try:
            for line in _chain(connection, head):
                seq, head = line.seq, line.hash
                project(view, line)
        except _UNREADABLE as damage:
            broken = str(damage)
            faults.append(broken)
        if not broken:
            faults += _end(connection, seq, head)
            if about.get("projections") == str(VERSION):
                faults += _projections(connection, view)
            else:  # a session of another build runs here: its rows follow its own rules
                view.rows.clear()
        texts, changed = _texts(connection)
    rows = sum(len(kept) for kept in view.rows.values())
    return Checked(seq, texts, rows, head, tuple((faults + changed)[:FAULTS_MAX]))


def _integrity(database: Database, connection: Connection) -> list[str]:
    if not database.is_sqlite:
        return []
    told = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(5)")]
    return [] if told == ["ok"] else [f"SQLite: {line}" for line in told]


def _chain(connection: Connection, first: str) -> Iterator[Recorded]:
    """Every entry, each seen to follow the one before."""
    seq, prev_hash = 0, first
    while True:
        page = connection.execute(
            select(ENTRIES).where(ENTRIES.c.seq > seq).order_by(ENTRIES.c.seq).limit(PAGE)
        ).mappings()
        count = 0
        for found in page:
            columns = dict(found)
            check_link(columns, seq + 1, prev_hash)
            line = recorded(columns)
            yield line
            seq, prev_hash, count = line.seq, line.hash, count + 1
        if count < PAGE:
            return


def _end(connection: Connection, seq: int, head: str) -> list[str]:
    found = connection.execute(select(HEAD)).all()
    if [(row.id, row.seq, row.hash) for row in found] == [(1, seq, head)]:
        return []
    told = found[0].seq if found else "nothing"
    return [
        f"the chain ends with entry {seq}, the journal says that it ends with {told}: entries were removed"
    ]


def _projections(connection: Connection, view: MemoryView) -> list[str]:
    faults = []
    for kind, (table, _) in TABLES.items():
        try:
            stored: dict[Any, Any] = {key_of(row): row for row in rows_in(connection, kind)}
        except _UNREADABLE as damage:
            faults.append(f"{table}: a row cannot be read: {damage}")
            continue
        wanted = view.rows.get(kind, {})
        derived = [name for name in kind._fields if name not in DELIVERY]
        for key in stored.keys() | wanted.keys():
            said = _difference(stored.get(key), wanted.get(key), derived)
            if said:
                faults.append(f"{table}: the row {' '.join(map(str, key))} {said}")
    return sorted(faults)


def _difference(stored: Any, wanted: Any, derived: list[str]) -> str:
    if stored is None:
        return "is missing"
    if wanted is None:
        return "follows from no entry"
    for name in derived:
        found, should = getattr(stored, name), getattr(wanted, name)
        if found != should:
            return f"was changed: {name} is {found}, the entries say {should}"
    return ""


def _texts(connection: Connection) -> tuple[int, list[str]]:
    faults, count = [], 0
    for row in connection.execute(select(TEXTS)):
        count += 1
        if hashlib.sha256(row.content.encode("utf-8", "surrogatepass")).hexdigest() != row.hash:
            faults.append(f"the {row.kind} {row.hash[:12]} is not what was written")
    return count, faults
