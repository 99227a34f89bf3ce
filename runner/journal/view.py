"""Where projections find and keep their rows: the database within a transaction, or memory.

In: rows of `rows.py`. Out: the same.
Refuses to know: entries, SQL.
"""

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from runner.journal.rows import LimitRow, Row, key_of

R = TypeVar("R", bound=Row)


class View(Protocol):
    """Rows by type and key."""

    def get(self, kind: type[R], *key: object) -> R | None:
        """The row, or None."""
        ...

    def put(self, row: Row) -> None:
        """Keep the row in the place of one with its key."""
        ...

    def standing(self, run: str) -> Iterable[LimitRow]:
        """The limits of a run that nobody ended."""
        ...


class MemoryView:
    """Rows in dictionaries: what a rebuild fills and a check compares."""

    def __init__(self) -> None:
        self.rows: dict[type[Any], dict[tuple[object, ...], Any]] = {}

    def get(self, kind: type[R], *key: object) -> R | None:
        """The row, or None."""
        return self.rows.get(kind, {}).get(key)

    def put(self, row: Row) -> None:
        """Keep the row."""
        self.rows.setdefault(type(row), {})[key_of(row)] = row

    def standing(self, run: str) -> Iterable[LimitRow]:
        """The limits of a run that nobody ended."""
        return [
            row for row in self.rows.get(LimitRow, {}).values() if row.run == run and row.ended_ms is None
        ]
