"""Letters in the journal: alerts that wait for their sinks.

In: a sink, the time, letters. Out: letters; how far their delivery is.
Refuses to know: what a sink is. Letters are put by the append that tells of the alert (`Alerted`), in the
same commit: they are due until delivered, crashes included.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select, update

from runner.domain.alert import Alert, Event, Letter, Severity
from runner.journal.database import Database
from runner.journal.rows import AlertRow
from runner.journal.tables import PROJECTIONS

_ALERTS = PROJECTIONS[AlertRow]
_ONE = (_ALERTS.c.id == bindparam("alert_id"), _ALERTS.c.sink == bindparam("to_sink"))
_DUE = (
    select(_ALERTS)
    .where(
        _ALERTS.c.sink == bindparam("to_sink"),
        _ALERTS.c.delivered_ms.is_(None),
        _ALERTS.c.due_ms <= bindparam("now"),
    )
    .order_by(_ALERTS.c.seq)
    .limit(bindparam("most"))
)
_DELIVERED = update(_ALERTS).where(*_ONE).values(delivered_ms=bindparam("now"))
_FAILED = (
    update(_ALERTS)
    .where(*_ONE)
    .values(tries=_ALERTS.c.tries + 1, due_ms=bindparam("until"), error=bindparam("why"))
)
_BACKLOG = select(func.count()).select_from(_ALERTS).where(_ALERTS.c.delivered_ms.is_(None))
_SINKS = select(_ALERTS.c.sink).where(_ALERTS.c.delivered_ms.is_(None)).distinct()


class JournalOutbox:
    """`runner.domain.alert.Outbox` over the journal's database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def due(self, sink: str, now_ms: int, limit: int) -> Sequence[Letter]:
        """The oldest letters to one sink whose time has come."""
        with self.database.reading() as connection:
            wanted = {"to_sink": sink, "now": now_ms, "most": limit}
            rows = [AlertRow(*found) for found in connection.execute(_DUE, wanted)]
        return [_letter(row) for row in rows]

    def delivered(self, letters: Sequence[Letter], now_ms: int) -> None:
        """The sink took them."""
        self._update(_DELIVERED, letters, now=now_ms)

    def failed(self, letters: Sequence[Letter], until_ms: int, why: str) -> None:
        """Not due again before `until_ms`."""
        self._update(_FAILED, letters, until=until_ms, why=why)

    def backlog(self) -> int:
        """How many letters are not delivered."""
        with self.database.reading() as connection:
            return int(connection.execute(_BACKLOG).scalar_one())

    def sinks(self) -> list[str]:
        """Every sink that letters wait for."""
        with self.database.reading() as connection:
            return sorted(connection.execute(_SINKS).scalars())

    def _update(self, statement: object, letters: Sequence[Letter], **same: object) -> None:
        if not letters:
            return
        rows = [{"alert_id": letter.alert.id, "to_sink": letter.sink, **same} for letter in letters]
        with self.database.writing() as connection:
            connection.execute(statement, rows)  # type: ignore[call-overload]


def _letter(row: AlertRow) -> Letter:
    event: Event = row.event  # type: ignore[assignment]
    severity: Severity = row.severity  # type: ignore[assignment]
    return Letter(Alert(row.id, event, severity, row.text, row.run, row.time_ms), row.sink, row.tries)
