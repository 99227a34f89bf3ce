"""A ban of this machine's address, kept where each of its processes finds it, the next one included.

In: a file, or none. Out: until when nothing may be sent.
Refuses to know: who sends, what. The exchange bans an address, and not one bot: whoever goes on asking makes
it longer for all of them. An account's journal has its bans, too; paper, keys and pulls have no other place.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BAN_MS_MAX = (
    4 * 86_400_000
)  # the exchange bans for three days at most; what is later was written by another clock


@dataclass(frozen=True, slots=True)
class Notice:
    """`path` None: nobody else is there."""

    path: Path | None = None

    def read(self, now_ms: int) -> int:
        """Until when nothing may be sent; 0: nobody was told so."""
        if self.path is None:
            return 0
        try:
            until_ms = int(self.path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0
        return until_ms if now_ms < until_ms <= now_ms + BAN_MS_MAX else 0

    def post(self, until_ms: int, now_ms: int) -> None:
        """Tell the others. Where the disk takes nothing, they will be told by the exchange."""
        if self.path is None or until_ms <= self.read(now_ms):
            return
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(str(until_ms), encoding="ascii")
            fresh.replace(self.path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
