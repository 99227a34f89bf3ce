"""Progress on stderr for work that takes over half a second.

In: how much of how much is done. Out: a bar on a terminal, a line every 10 % elsewhere, nothing for short
work. Refuses to know: what the work is.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 0.5

Update = Callable[[int, int], None]  # (units done, units in all), as often as wanted


@contextmanager
def progress(title: str, unit: str, *, quiet: bool = False) -> Iterator[Update]:
    """A display that goes away at the end; `quiet` shows nothing."""
    if quiet:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        with _bar(title, unit) as update:
            yield update
    else:
        yield _lines(title, unit)


def _lines(title: str, unit: str) -> Update:
    started_s = time.monotonic()
    shown = 0

    def update(done: int, total: int) -> None:
        nonlocal shown
        elapsed_s = time.monotonic() - started_s
        tenths = 10 * done // max(total, 1)
        if elapsed_s < PATIENCE_S or tenths <= shown or done >= total:
            return
        shown = tenths
        per_second = done / elapsed_s
        left_s = (total - done) / per_second
        sys.stderr.write(f"{title}: {10 * tenths} %, {per_second:,.0f} {unit}/s, {left_s:.0f} s left\n")

    return update


@contextmanager
def _bar(title: str, unit: str) -> Iterator[Update]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(30),
        TaskProgressColumn(),
        TextColumn(f"{{task.fields[speed]:,.0f}} {unit}/s"),
        TimeRemainingColumn(),
    )
    started_s = time.monotonic()
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(title, total=None, speed=0.0)

    def update(done: int, total: int) -> None:
        elapsed_s = time.monotonic() - started_s
        if elapsed_s < PATIENCE_S or done >= total:
            return
        bar.start()
        bar.update(task, completed=done, total=total, speed=done / elapsed_s)

    try:
        yield update
    finally:
        bar.stop()
