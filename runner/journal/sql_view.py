"""Projection rows in the database, within the transaction that writes the entries.

In: a connection. Out: rows found and kept.
Refuses to know: why a row changes.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Boolean, Connection, Dialect, Table, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from runner.journal.prepared import Prepared
from runner.journal.rows import DELIVERY, TABLES, AlertRow, LimitRow, Row, key_of
from runner.journal.tables import PROJECTIONS, Exact
from runner.journal.view import MemoryView

R = TypeVar("R", bound=Row)

_LIMITS = PROJECTIONS[LimitRow]
_STANDING = select(_LIMITS).where(_LIMITS.c.run == bindparam("run"), _LIMITS.c.ended_ms.is_(None))


class Shape:
    """How rows of one type go to a database and come from it, compiled once."""

    def __init__(self, kind: type[Any], table: Table, dialect: Dialect) -> None:
        keys = TABLES[kind][1]
        made = (sqlite if dialect.name == "sqlite" else postgresql).insert(table)
        changed = {name: made.excluded[name] for name in kind._fields if name not in keys}
        self.kind = kind
        self.find = Prepared(select(table).where(*(table.c[key] == bindparam(key) for key in keys)), dialect)
        self.keep = Prepared(made.on_conflict_do_update(index_elements=list(keys), set_=changed), dialect)
        self.figures = [name for name in kind._fields if isinstance(table.c[name].type, Exact)]
        self.flags = [name for name in kind._fields if isinstance(table.c[name].type, Boolean)]

    def parameters(self, row: Any) -> dict[str, Any]:
        """A row as the database takes it."""
        columns: dict[str, Any] = row._asdict()
        for name in self.figures:
            if columns[name] is not None:
                columns[name] = str(columns[name])
        return columns

    def row(self, found: Any) -> Any:
        """A row as the database gave it."""
        columns = dict(zip(self.kind._fields, found, strict=True))
        for names, read in ((self.figures, Decimal), (self.flags, bool)):
            for name in names:
                if columns[name] is not None:
                    columns[name] = read(columns[name])
        return self.kind(**columns)


class Shapes:
    """All of them for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.by_kind = {kind: Shape(kind, table, dialect) for kind, table in PROJECTIONS.items()}


class SqlView:
    """Rows by type and key. What one append touches is read once, and written once by `flush`."""

    def __init__(self, connection: Connection, shapes: Shapes) -> None:
        self.connection = connection
        self.shapes = shapes.by_kind
        self.seen = MemoryView()
        self.changed: dict[tuple[type[Any], tuple[object, ...]], Row] = {}

    def get(self, kind: type[R], *key: object) -> R | None:
        """The row, or None."""
        known = self.seen.get(kind, *key)
        if known is not None:
            return known
        shape = self.shapes[kind]
        found = shape.find.row(self.connection, dict(zip(TABLES[kind][1], key, strict=True)))
        if found is None:
            return None
        row: R = shape.row(found)
        return row

    def put(self, row: Row) -> None:
        """Keep the row."""
        self.seen.put(row)
        self.changed[type(row), key_of(row)] = row

    def standing(self, run: str) -> Iterable[LimitRow]:
        """The limits of a run that nobody ended."""
        rows = {
            row.name: row for row in map(LimitRow._make, self.connection.execute(_STANDING, {"run": run}))
        }
        for row in self.seen.rows.get(LimitRow, {}).values():
            if row.run == run:
                rows[row.name] = row
        return [row for row in rows.values() if row.ended_ms is None]

    def flush(self) -> None:
        """Write what changed, each table in one go."""
        by_kind: dict[type[Any], list[dict[str, Any]]] = {}
        for row in self.changed.values():
            by_kind.setdefault(type(row), []).append(self.shapes[type(row)].parameters(row))
        for kind, rows in by_kind.items():
            self.shapes[kind].keep.run(self.connection, rows if len(rows) > 1 else rows[0])
        self.changed.clear()


def rows_in(connection: Connection, kind: type[R]) -> list[R]:
    """Every row of a projection."""
    return [kind(*found) for found in connection.execute(select(PROJECTIONS[kind]))]


def replace_all(connection: Connection, rows: MemoryView) -> None:
    """Every projection anew; how far alerts are delivered is kept."""
    delivery = {(row.id, row.sink): row for row in rows_in(connection, AlertRow)}
    for kind, table in PROJECTIONS.items():
        connection.execute(delete(table))
        fresh: Sequence[Any] = list(rows.rows.get(kind, {}).values())
        if kind is AlertRow:
            fresh = [_with_delivery(row, delivery.get((row.id, row.sink))) for row in fresh]
        if fresh:
            connection.execute(insert(table), [row._asdict() for row in fresh])


def _with_delivery(row: AlertRow, known: AlertRow | None) -> AlertRow:
    return row._replace(**{name: getattr(known, name) for name in DELIVERY}) if known else row
