"""A ban of this machine's address, kept where each of its processes finds it, the next one included.

In: a file, or none. Out: until when nothing may be sent.
Refuses to know: who sends, what. The exchange bans an address, and not one bot: whoever goes on asking makes
it longer for all of them. An account's journal has its bans, too; paper, keys and pulls have no other place.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Notice:
    """`path` None: nobody else is there. The file holds the end and the length of the wait, in ms: an end
    that lies further away than the wait was long was written by a clock that has been set since.
    """

    path: Path | None = None

    def read(self, now_ms: int) -> int:
        """Until when nothing may be sent; 0: nobody was told so."""
        if self.path is None:
            return 0
        try:
            until_ms, wait_ms = map(int, self.path.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return 0
        return until_ms if 0 < until_ms - now_ms <= wait_ms else 0

    def post(self, until_ms: int, now_ms: int) -> None:
        """Tell the others. Where the disk takes nothing, they will be told by the exchange."""
        if self.path is None or until_ms <= self.read(now_ms):
            return
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(f"{until_ms} {until_ms - now_ms}", encoding="ascii")
            fresh.replace(self.path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
