"""Progress on stderr for work that takes over half a second.

In: how much of how much is done. Out: a bar on a terminal, a line every 10 % elsewhere, nothing for
short work.
Refuses to know: what the work is.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 0.5


class Progress:
    """Call `update(done, total)` as often as wanted."""

    def __init__(self, title: str, unit: str) -> None:
        self._title = title
        self._unit = unit
        self._started_s = time.monotonic()
        self._shown_tenth = 0
        self._terminal = sys.stderr.isatty()
        self._drawn = False

    def update(self, done: int, total: int) -> None:
        """Show that `done` of `total` units are done."""
        elapsed = time.monotonic() - self._started_s
        if elapsed < PATIENCE_S or total <= 0:
            return
        rate = done / elapsed
        left = (total - done) / rate if rate > 0 else 0.0
        if self._terminal:
            filled = round(30 * done / total)
            bar = "█" * filled + "·" * (30 - filled)
            line = f"{self._title} {bar} {done / total:4.0%}  {rate:,.0f} {self._unit}/s  {left:.0f} s left"
            sys.stderr.write(f"\r{line:<78}")
            sys.stderr.flush()
            self._drawn = True
            return
        tenth = 10 * done // total
        if tenth > self._shown_tenth:
            self._shown_tenth = tenth
            sys.stderr.write(
                f"{self._title}: {10 * tenth} %, {rate:,.0f} {self._unit}/s, {left:.0f} s left\n"
            )

    def close(self) -> None:
        """Remove the bar."""
        if self._drawn:
            sys.stderr.write("\r" + " " * 78 + "\r")
            sys.stderr.flush()


@contextmanager
def progress(title: str, unit: str, *, quiet: bool = False) -> Iterator[Progress]:
    """A progress display that goes away at the end; `quiet` shows nothing."""
    shown = Progress(title, unit)
    if quiet:
        shown.update = lambda done, total: None  # type: ignore[method-assign]
    try:
        yield shown
    finally:
        shown.close()
