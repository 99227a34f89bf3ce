"""Statements compiled once for a database, and executed by its driver: half of the time of a small commit
would else go into compiling them, and a quarter into wrapping what they find.

In: a statement over columns that need no conversion, a connection in a transaction or in autocommit,
parameters by name. Out: plain tuples; a driver's error as SQLAlchemy would have raised it.
Refuses to know: what the statement does.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement

Found = tuple[Any, ...]


class Prepared:
    """One statement for one dialect."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self.places: list[str] | None = getattr(compiled, "positiontup", None)
        self.constants: dict[str, Any] = {
            name: found for name, found in compiled.params.items() if found is not None
        }

    def run(
        self, connection: Connection, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> None:
        """Execute with one set of parameters, or with many."""
        with self._cursor(connection) as cursor:
            if isinstance(parameters, Mapping):
                cursor.execute(self.text, self._placed(parameters))
            else:
                cursor.executemany(self.text, [self._placed(one) for one in parameters])

    def row(self, connection: Connection, parameters: Mapping[str, Any]) -> Found | None:
        """What it finds of a thing of which there is one at most."""
        with self._cursor(connection) as cursor:
            cursor.execute(self.text, self._placed(parameters))
            found: Found | None = cursor.fetchone()
            return found

    @contextmanager
    def _cursor(self, connection: Connection) -> Iterator[Any]:
        """The driver's own; errors are told as `Connection.execute` tells them."""
        dialect, driver = connection.dialect, connection.connection
        cursor: Any = None
        try:
            cursor = driver.cursor()
            yield cursor
        except dialect.loaded_dbapi.Error as fault:
            is_lost = dialect.is_disconnect(fault, driver.dbapi_connection, cursor)
            about = (self.text, None, fault, dialect.loaded_dbapi.Error)
            told = DBAPIError.instance(*about, connection_invalidated=is_lost, dialect=dialect)
            if is_lost:
                connection.invalidate(fault)
            raise told from fault
        finally:
            with suppress(dialect.loaded_dbapi.Error):
                if cursor is not None:
                    cursor.close()

    def _placed(self, parameters: Mapping[str, Any]) -> Any:
        named = {**self.constants, **parameters}
        return named if self.places is None else tuple(named[name] for name in self.places)
