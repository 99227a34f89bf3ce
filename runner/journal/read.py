"""What the journal says: entries in order, rows, texts.

In: a database, names, ranges. Out: values; JournalDamaged for what cannot have been written.
Refuses to know: how things were written, what they lead to. Every call sees one moment.
"""

import hashlib
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from runner.domain.entry import Recorded
from runner.domain.session_event import RolledBack
from runner.errors import JournalDamaged
from runner.journal.chain import recorded
from runner.journal.database import Database
from runner.journal.order_steps import OPEN
from runner.journal.prepared import Prepared
from runner.journal.rows import (
    BotVersion,
    EquityRow,
    FillRow,
    Intent,
    LimitRow,
    OrderRow,
    PositionRow,
    Row,
    Run,
)
from runner.journal.tables import ABOUT, ENTRIES, HEAD, PROJECTIONS, TEXTS

PAGE = 1_000  # entries read at once: a run may have any number of them

R = TypeVar("R", bound=Row)

LAST = "last"


class Head(NamedTuple):
    """The end of the chain: worth keeping elsewhere."""

    seq: int
    hash: str


def about_of(connection: Connection) -> dict[str, str]:
    """The notes on a database."""
    return {row.name: row.content for row in connection.execute(select(ABOUT))}


class Reader:
    """Questions to one journal."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._head = Prepared(select(HEAD.c.seq, HEAD.c.hash), database.engine.dialect)

    def head(self) -> Head:
        """The last entry's place and hash."""
        found = self.database.glance(self._head, {})
        if found is None:
            raise JournalDamaged(f"the journal {self.database.place} has lost the end of its chain")
        return Head(*found)

    def about(self) -> dict[str, str]:
        """What this database is: `instance`, and `mode` and `account` once it is bound."""
        with self.database.reading() as connection:
            return about_of(connection)

    def entries(
        self,
        *,
        run: str | None = None,
        kinds: Collection[str] = (),
        intent: str | None = None,
        client_id: str | None = None,
        after_seq: int = 0,
    ) -> Iterator[Recorded]:
        """Entries in order, read page by page."""
        wanted: list[ColumnElement[bool]] = []
        for column, name in (
            (ENTRIES.c.run, run),
            (ENTRIES.c.intent, intent),
            (ENTRIES.c.client_id, client_id),
        ):
            if name is not None:
                wanted.append(column == name)
        if kinds:
            wanted.append(ENTRIES.c.kind.in_(sorted(kinds)))
        while True:
            with self.database.reading() as connection:
                page = connection.execute(
                    select(ENTRIES)
                    .where(and_(ENTRIES.c.seq > after_seq, *wanted))
                    .order_by(ENTRIES.c.seq)
                    .limit(PAGE)
                ).mappings()
                found = [recorded(dict(row)) for row in page]
            yield from found
            if len(found) < PAGE:
                return
            after_seq = found[-1].seq

    def last(self, run: str, kind: str) -> Recorded | None:
        """A run's newest entry of a kind."""
        with self.database.reading() as connection:
            row = connection.execute(
                select(ENTRIES)
                .where(ENTRIES.c.run == run, ENTRIES.c.kind == kind)
                .order_by(ENTRIES.c.seq.desc())
                .limit(1)
            ).mappings().one_or_none()  # fmt: skip
        return recorded(dict(row)) if row is not None else None

    def count(self, run: str, after_seq: int) -> int:
        """How many entries of a run come after this one."""
        wanted = select(func.count()).where(ENTRIES.c.run == run, ENTRIES.c.seq > after_seq)
        with self.database.reading() as connection:
            return int(connection.execute(wanted).scalar_one())

    def text(self, text_hash: str) -> str:
        """A document, plan or report by its hash; JournalDamaged when it is not the text that was kept."""
        with self.database.reading() as connection:
            content: str | None = connection.execute(
                select(TEXTS.c.content).where(TEXTS.c.hash == text_hash)
            ).scalar()
        if content is None:
            raise JournalDamaged(f"the journal {self.database.place} lacks the text {text_hash[:12]}")
        if hashlib.sha256(content.encode("utf-8")).hexdigest() != text_hash:
            raise JournalDamaged(f"the text {text_hash[:12]} in the journal is not what was written")
        return content

    def runs(self, *, bot: str | None = None, limit: int | None = None) -> list[Run]:
        """Runs, the newest first."""
        table = PROJECTIONS[Run]
        return self._rows(
            Run,
            *([table.c.bot == bot] if bot is not None else []),
            order=(table.c.started_ms.desc(), table.c.first_seq.desc()),
            limit=limit,
        )

    def runs_named(self, name: str) -> list[Run]:
        """The runs whose name is `name` or begins so."""
        table = PROJECTIONS[Run]
        return self._rows(Run, table.c.run.startswith(name, autoescape=True), order=(table.c.run,))

    def run(self, name: str) -> Run | None:
        """The run of this very name."""
        found = self._rows(Run, PROJECTIONS[Run].c.run == name)
        return found[0] if found else None

    def latest_run(self, bot: str, *, mode: str, account: str, symbol: str) -> Run | None:
        """The newest run of a bot in one place: the one to take up again."""
        table = PROJECTIONS[Run]
        return next(
            iter(
                self._rows(
                    Run,
                    *(table.c.bot == bot, table.c.mode == mode, table.c.account == account),
                    table.c.symbol == symbol,
                    order=(table.c.started_ms.desc(), table.c.first_seq.desc()),
                    limit=1,
                )
            ),
            None,
        )

    def versions(self, bot: str | None = None) -> list[BotVersion]:
        """A bot's texts, the newest first."""
        table = PROJECTIONS[BotVersion]
        wanted = [table.c.bot == bot] if bot is not None else []
        return self._rows(BotVersion, *wanted, order=(table.c.last_ms.desc(), table.c.text_hash))

    def find_versions(self, prefix: str) -> list[BotVersion]:
        """Texts whose own hash or bot hash begins so, the newest first."""
        table = PROJECTIONS[BotVersion]
        begins = or_(
            table.c.text_hash.startswith(prefix, autoescape=True),
            table.c.bot_hash.startswith(prefix, autoescape=True),
        )
        return self._rows(BotVersion, begins, order=(table.c.last_ms.desc(), table.c.text_hash))

    def intents(self, run: str) -> list[Intent]:
        """A run's intents in order."""
        table = PROJECTIONS[Intent]
        return self._rows(Intent, table.c.run == run, order=(table.c.seq,))

    def orders(self, run: str, *, only_open: bool = False) -> list[OrderRow]:
        """A run's orders; the open ones are all that may rest or may still come to rest."""
        table = PROJECTIONS[OrderRow]
        wanted = [table.c.run == run] + ([table.c.status.in_(OPEN)] if only_open else [])
        return self._rows(OrderRow, *wanted, order=(table.c.seq, table.c.client_id))

    def order(self, client_id: str) -> list[OrderRow]:
        """Every order that had this client id, in whichever run."""
        table = PROJECTIONS[OrderRow]
        return self._rows(OrderRow, table.c.client_id == client_id, order=(table.c.seq,))

    def fills(self, run: str) -> list[FillRow]:
        """A run's fills in order."""
        table = PROJECTIONS[FillRow]
        return self._rows(FillRow, table.c.run == run, order=(table.c.seq,))

    def positions(self, run: str) -> list[PositionRow]:
        """A run's positions."""
        table = PROJECTIONS[PositionRow]
        return self._rows(PositionRow, table.c.run == run, order=(table.c.symbol,))

    def open_positions(self, bot: str) -> list[PositionRow]:
        """What a bot's newest runs hold, one of each mode, account and symbol."""
        newest: dict[tuple[str, str, str], str] = {}
        for run in self.runs(bot=bot):
            newest.setdefault((run.mode, run.account, run.symbol), run.run)
        held = [position for run in newest.values() for position in self.positions(run)]
        return [position for position in held if position.quantity != 0]

    def equity(self, run: str) -> list[EquityRow]:
        """A run's equity curve as it was marked."""
        table = PROJECTIONS[EquityRow]
        return self._rows(EquityRow, table.c.run == run, order=(table.c.seq,))

    def limits(self, run: str, now_ms: int) -> list[LimitRow]:
        """What stands against a run now: nobody ended it, and its time is not over."""
        table = PROJECTIONS[LimitRow]
        return self._rows(
            LimitRow,
            *(table.c.run == run, table.c.ended_ms.is_(None)),
            or_(table.c.until_ms.is_(None), table.c.until_ms > now_ms),
            order=(table.c.since_ms, table.c.name),
        )

    def banned_until_ms(self) -> int:
        """Nothing may be sent before this, in any run of this journal; 0: no ban was ever heard of."""
        table = PROJECTIONS[LimitRow]
        with self.database.reading() as connection:
            latest = select(func.max(table.c.until_ms)).where(table.c.name.startswith("ban:"))
            return int(connection.execute(latest).scalar() or 0)

    def last_rollback(self, bot: str) -> Recorded | None:
        """The last time a bot's file was set back, and what is to become of an open position."""
        found = [
            line
            for line in self.entries(kinds=("rolled_back",))
            if isinstance(line.entry.event, RolledBack) and line.entry.event.bot == bot
        ]
        return found[-1] if found else None

    def _rows(
        self,
        kind: type[R],
        *wanted: ColumnElement[bool],
        order: tuple[ColumnElement[Any], ...] = (),
        limit: int | None = None,
    ) -> list[R]:
        statement = select(PROJECTIONS[kind]).where(*wanted).order_by(*order).limit(limit)
        with self.database.reading() as connection:
            return [kind(*found) for found in connection.execute(statement)]
