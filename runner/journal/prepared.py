"""Statements compiled once for a database: half of the time of a small commit would else go into compiling.

In: a statement over columns that need no conversion, a connection, parameters by name. Out: rows.
Refuses to know: what the statement does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.sql import ClauseElement


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
        self, connection: Connection, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] = ()
    ) -> CursorResult[Any]:
        """Execute with one set of parameters, or with many."""
        if isinstance(parameters, Mapping):
            return connection.exec_driver_sql(self.text, self._placed(parameters))
        many = [self._placed(one) for one in parameters] or self._placed({})
        return connection.exec_driver_sql(self.text, many)

    def _placed(self, parameters: Mapping[str, Any]) -> Any:
        named = {**self.constants, **parameters}
        return named if self.places is None else tuple(named[name] for name in self.places)
