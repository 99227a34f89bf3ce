"""The journal's tables as this build knows them; how they came to be stands in `migrations/`.

In: the row types of `rows.py`. Out: SQLAlchemy tables, the same on SQLite and Postgres.
Refuses to know: connections, what is written.
Decimals are kept as text: neither database may round them.
"""

from decimal import Decimal
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

from runner.journal.rows import TABLES


class Exact(TypeDecorator[Decimal]):
    """A Decimal as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """From the database."""
        return None if value is None else Decimal(value)


METADATA = MetaData()

Whole = BigInteger().with_variant(Integer, "sqlite")  # SQLite's own row id has to be called INTEGER

ENTRIES = Table(
    "journal",
    METADATA,
    Column("seq", Whole, primary_key=True, autoincrement=False),
    Column("run", Text, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("bot_hash", Text, nullable=False),
    Column("build", Text, nullable=False),
    Column("bar_ms", BigInteger),
    Column("intent", Text),
    Column("client_id", Text),
    Column("attempt", BigInteger),
    Column("fact", Text),
    Column("payload", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("journal_run", "run", "seq"),
    Index("journal_intent", "intent"),
    Index("journal_client_id", "client_id"),
    Index("journal_fact", "fact", unique=True),
    Index("journal_hash", "hash", unique=True),
)

# One row: where the chain ends. Its lock is what makes writers take turns.
HEAD = Table(
    "head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

# What this database is: whose, since when, which reckoning its projections follow.
ABOUT = Table(
    "about", METADATA, Column("name", Text, primary_key=True), Column("content", Text, nullable=False)
)

# Documents, hooks, plans and reports by the SHA-256 of their UTF-8 bytes.
TEXTS = Table(
    "texts",
    METADATA,
    Column("hash", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("content", Text, nullable=False),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("renewed_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)

_COLUMNS: dict[Any, type[TypeEngine[Any]]] = {
    str: Text,
    int: BigInteger,
    bool: Boolean,
    float: Double,
    Decimal: Exact,
}


def _column(name: str, hint: Any, is_key: bool) -> Column[Any]:
    parts = [part for part in get_args(hint) if part is not NoneType]
    optional = NoneType in get_args(hint)
    kind = parts[0] if optional else hint
    kind = str if get_origin(kind) is Literal else kind
    return Column(name, _COLUMNS[kind](), primary_key=is_key, nullable=optional, autoincrement=False)


def _table(row: type[Any], name: str, keys: tuple[str, ...]) -> Table:
    hints = get_type_hints(row)
    return Table(name, METADATA, *(_column(field, hints[field], field in keys) for field in row._fields))


PROJECTIONS: dict[type[Any], Table] = {row: _table(row, name, keys) for row, (name, keys) in TABLES.items()}

for _name, _columns in (
    ("runs", ("bot", "started_ms")),
    ("orders", ("client_id",)),
    ("alerts", ("sink", "delivered_ms", "due_ms")),
):
    Index(f"{_name}_{_columns[0]}", *(METADATA.tables[_name].c[column] for column in _columns))
