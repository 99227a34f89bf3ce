"""One process for one account and symbol: a row with an epoch, and a lock that ends with its holder.

In: a journal's database, a name (`live/main/BTCUSDT`), the time. Out: a Lease; LeaseHeld, LeaseLost.
Refuses to know: what is done under it.

The lock (flock beside SQLite's file; an advisory lock in Postgres) tells at once whether a holder is alive.
The epoch fences: whoever took over has a higher one, and an append with an older one is refused (`write.py`).
A kill switch may `seize` the lease of a process that hangs.
Limits: two hosts with two databases do not see each other.
"""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

from sqlalchemy import Connection, Dialect, bindparam, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from runner.domain.time import format_time
from runner.errors import LeaseHeld, LeaseLost
from runner.journal.database import Database
from runner.journal.prepared import Prepared
from runner.journal.tables import LEASES

LEASE_MS = 30_000  # renewed every few seconds; a row alone, with no lock behind it, counts for so long

_READ = select(LEASES).where(LEASES.c.name == bindparam("wanted"))
_TAKE = _READ.with_for_update()
_EPOCH = select(LEASES.c.epoch).where(LEASES.c.name == bindparam("wanted"))
_RENEW = (
    update(LEASES)
    .where(LEASES.c.name == bindparam("wanted"), LEASES.c.epoch == bindparam("mine"))
    .values(renewed_ms=bindparam("now"), until_ms=bindparam("until"))
)


@dataclass(slots=True)
class Lease:
    """Held until `release`, the end of the process, or somebody else's higher epoch."""

    database: Database
    name: str
    epoch: int
    file: IO[str] | None = None
    connection: Connection | None = field(default=None, repr=False)

    def renew(self, now_ms: int) -> None:
        """Say that we live; LeaseLost when the epoch has moved on, or the lock behind it is gone."""
        if self.connection is not None:
            try:
                self.connection.exec_driver_sql("SELECT 1")
                self.connection.commit()
            except DBAPIError as error:
                raise LeaseLost(f"the connection that held {self.name} is gone") from error
        moved = {"wanted": self.name, "mine": self.epoch, "now": now_ms, "until": now_ms + LEASE_MS}
        with self.database.writing() as connection:
            if connection.execute(_RENEW, moved).rowcount != 1:
                raise LeaseLost(f"another process has taken over {self.name}; this one writes nothing more")

    def holds(self) -> bool:
        """Whether the epoch is still ours: asked before every send that the journal does not commit first."""
        found = self.database.glance(_epoch(self.database.engine.dialect), {"wanted": self.name})
        return found == (self.epoch,)

    def release(self, now_ms: int) -> None:
        """Let go, so that the next process need not wait."""
        gone = {"wanted": self.name, "mine": self.epoch, "now": now_ms, "until": now_ms}
        try:
            with self.database.writing() as connection:
                connection.execute(_RENEW, gone)
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go of the lock alone, as the end of the process would."""
        if self.file is not None:
            self.file.close()
        if self.connection is not None:
            with suppress(SQLAlchemyError):  # closing it would do, but only when the server comes to notice
                self.connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
            self.connection.close()
        self.file = self.connection = None


def lease_name(mode: str, account: str, symbol: str) -> str:
    """What one process at a time may trade."""
    return f"{mode}/{account}/{symbol}"


class Holder(NamedTuple):
    """Who took a lease last, and when it was heard of."""

    epoch: int
    owner: str
    host: str
    pid: int
    renewed_ms: int


def holder_of(database: Database, name: str) -> Holder | None:
    """The last one to take it, whether or not it still lives; None: nobody ever did."""
    with database.reading() as connection:
        known = connection.execute(_READ, {"wanted": name}).mappings().one_or_none()
    if known is None:
        return None
    return Holder(known["epoch"], known["owner"], known["host"], known["pid"], known["renewed_ms"])


def is_taken(database: Database, name: str) -> bool:
    """Whether a living process holds the lock; it may hang all the same."""
    probe = Lease(database, name, 0)
    try:
        if database.path is not None:
            probe.file = _locked_file(database, name)
        else:
            probe.connection = _locked_connection(database, name)
    except LeaseHeld:
        return True
    finally:
        probe.drop()
    return False


def who_runs(database: Database) -> str | None:
    """A living process that holds any lease of this database, in words; None: nobody does."""
    with database.reading() as connection:
        names = connection.execute(select(LEASES.c.name).order_by(LEASES.c.name)).scalars().all()
    return next((_held(database, name) for name in names if is_taken(database, name)), None)


def epoch_of(connection: Connection, name: str) -> int | None:
    """The epoch that counts now."""
    found = _epoch(connection.dialect).row(connection, {"wanted": name})
    return found[0] if found is not None else None


@cache
def _epoch(dialect: Dialect) -> Prepared:
    """It is asked for before every order."""
    return Prepared(_EPOCH, dialect)


def acquire(database: Database, name: str, now_ms: int, *, owner: str = "") -> Lease:
    """Take the lease; LeaseHeld at once, naming the holder, when its process lives."""
    lease = Lease(database, name, 0)
    try:
        if database.path is not None:
            lease.file = _locked_file(database, name)
        else:
            lease.connection = _locked_connection(database, name)
        lease.epoch = _next_epoch(database, name, now_ms, owner)
    except BaseException:
        lease.drop()
        raise
    return lease


def seize(database: Database, name: str, now_ms: int, *, owner: str = "") -> Lease:
    """Take the lease from a process that may still live and hang: its epoch is over, its lock is not, and
    the row goes on naming it, for somebody has to end it.


    """
    return Lease(database, name, _next_epoch(database, name, now_ms, owner, changing=("epoch",)))


def _next_epoch(
    database: Database, name: str, now_ms: int, owner: str, *, changing: tuple[str, ...] = ()
) -> int:
    with database.writing() as connection:
        known = connection.execute(_TAKE, {"wanted": name}).mappings().one_or_none()
        epoch = known["epoch"] + 1 if known else 1
        row = {
            "name": name,
            "epoch": epoch,
            "owner": owner,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "renewed_ms": now_ms,
            "until_ms": now_ms + LEASE_MS,
        }
        made = (sqlite if database.is_sqlite else postgresql).insert(LEASES)
        changed = {column: made.excluded[column] for column in changing or row if column != "name"}
        connection.execute(made.on_conflict_do_update(index_elements=["name"], set_=changed), row)
    return epoch


def _lock_path(path: Path, name: str) -> Path:
    safe = "".join(character if character.isalnum() or character in "-_" else "-" for character in name)
    return path.with_name(f"{path.name}.{safe}.lock")


def _locked_file(database: Database, name: str) -> IO[str]:
    import fcntl  # here, so that reading works on systems without it  # noqa: PLC0415

    assert database.path is not None
    # close-on-exec is Python's default; forked children would keep the lock, so there are none
    file = _lock_path(database.path, name).open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise LeaseHeld(_held(database, name)) from None
    return file


def _locked_connection(database: Database, name: str) -> Connection:
    with database.translated():
        connection = database.engine.connect()
        try:
            taken = connection.execute(
                text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), {"name": f"runner:{name}"}
            ).scalar()
            connection.commit()
        except BaseException:
            connection.close()
            raise
    if not taken:
        connection.close()
        raise LeaseHeld(_held(database, name))
    connection.detach()  # closing it really closes it, and the lock ends with it
    return connection


def _held(database: Database, name: str) -> str:
    with database.reading() as connection:
        known = connection.execute(_READ, {"wanted": name}).mappings().one_or_none()
    if known is None:
        return f"another process has just taken {name}"
    renewed = format_time(known["renewed_ms"])
    return (
        f"{name} is run by process {known['pid']} on {known['host']} (last heard of {renewed} UTC); "
        "stop that one first"
    )
