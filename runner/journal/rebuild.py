"""Projections from entries alone: for a new reckoning, and to prove that the rows are what the entries say.

In: a connection. Out: rows in memory, or in the tables.
Refuses to know: what the rows mean.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from runner.domain.entry import Recorded
from runner.journal.chain import recorded
from runner.journal.projection import VERSION, project
from runner.journal.schema import note
from runner.journal.sql_view import replace_all
from runner.journal.tables import ENTRIES
from runner.journal.view import MemoryView

PAGE = 2_000  # entries read at once


def lines(connection: Connection) -> Iterator[Recorded]:
    """Every entry in order."""
    after = 0
    while True:
        page = connection.execute(
            select(ENTRIES).where(ENTRIES.c.seq > after).order_by(ENTRIES.c.seq).limit(PAGE)
        ).mappings()
        found = [recorded(dict(row)) for row in page]
        yield from found
        if len(found) < PAGE:
            return
        after = found[-1].seq


def reckoned(connection: Connection) -> MemoryView:
    """All rows that follow from the entries."""
    view = MemoryView()
    for line in lines(connection):
        project(view, line)
    return view


def rebuild(connection: Connection) -> None:
    """The tables anew, within the caller's transaction."""
    replace_all(connection, reckoned(connection))
    note(connection, {"projections": str(VERSION)})
