"""One journal database and one place for notices, for many runs, one after the other.

In: a folder. Out: the product's own journal on SQLite and its notice of bans, empty before each run.
Refuses to know: runs.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runner.domain.entry import Entry
from runner.exchange.notice import Notice
from runner.journal import write
from runner.journal.write import Binding, Journal, open_journal

MODE, ACCOUNT = "testnet", "main"


class Shelf:
    """What outlives processes, for many runs, one after the other; before each it is as it was made."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.journal = open_journal(
            f"sqlite:///{self.path}", binding=Binding(MODE, ACCOUNT), instance="proof"
        )
        self._ban = folder / "ban"
        self.notice = Notice(self._ban)
        self._raw = sqlite3.connect(self.path, isolation_level=None)
        names = self._raw.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        self._tables = [name for (name,) in names.fetchall()]
        self._kept = {name: self._raw.execute(f'SELECT * FROM "{name}"').fetchall() for name in self._tables}

    def fresh(self) -> Journal:
        """The journal without any entry, and nobody banned."""
        self._ban.unlink(missing_ok=True)
        self._raw.execute("BEGIN IMMEDIATE")
        for name in self._tables:
            self._raw.execute(f'DELETE FROM "{name}"')
            rows = self._kept[name]
            if rows:
                marks = ",".join("?" * len(rows[0]))
                self._raw.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)
        self._raw.execute("COMMIT")
        return self.journal

    def close(self) -> None:
        """Let go of the files."""
        self._raw.close()
        self.journal.close()


def append_within(
    journal: Journal, entries: Sequence[Entry], more: dict[str, Any], within: Callable[[], None]
) -> Any:
    """`journal.append`; what `within` raises comes just before the commit, and rolls it back."""
    inner = write._write

    def writing(*given: Any) -> Any:
        lines = inner(*given)
        within()
        return lines

    write._write = writing
    try:
        return journal.append(*entries, **more)
    finally:
        write._write = inner
