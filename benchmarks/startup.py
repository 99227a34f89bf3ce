"""How soon a session knows again what it knew: `python -m benchmarks.startup FOLDER ENTRIES` says it as JSON.

In: a folder, how many entries the shorter run has. Out: seconds to make a run's book from its journal:
`short`, `long` (a run four times as long), and `whole`, the same long run without a book that was kept.
Refuses to know: targets. A run writes three entries a close. Its book is kept every KEEP_EVERY entries, here
that many before the end: a start has never more to read.
"""

import json
import math
import sys
import time
from decimal import Decimal
from pathlib import Path
from statistics import median

from benchmarks.session import ACCOUNT, BOTS, MODE
from benchmarks.trader import deployment
from runner.domain.bar import SLOTS_MAX, Bar, Row
from runner.domain.entry import Entry
from runner.domain.order_event import EquityMarked
from runner.domain.session_event import BarClosed, Decided
from runner.domain.time import MINUTE_MS
from runner.journal.write import Binding, Journal, open_journal
from runner.live.book import folded
from runner.live.desk import Desk
from runner.live.kept import kept
from runner.live.scribe import KEEP_EVERY
from runner.live.takeup import Deployment, begin, book_of, first_entries, lay_desk, texts_of
from runner.live.wall import WallClock

TIMES_LONGER = 4
TRIES = 3
FROM_MS = 1_704_067_200_000  # 2024-01-01
BATCH = 900  # entries a commit
CALM = Row(0, 0, 0.01, 0.01, 0.0, (0.0,) * SLOTS_MAX)  # type: ignore[arg-type]


def close_of(desk: Desk, number: int) -> list[Entry]:
    """What one close writes."""
    open_ms, price = FROM_MS + number * MINUTE_MS, 40_000.0 + round(300 * math.sin(number / 50), 1)
    bar = Bar(open_ms, open_ms + MINUTE_MS, *(price,) * 4, 12.5, *(price,) * 4)
    told = EquityMarked(Decimal(10_000), Decimal(10_000), Decimal(0), Decimal(str(price)))
    events = (BarClosed(bar, CALM, "rest", bar.close_time_ms), Decided(0, 0, "0" * 64), told)
    return [desk.entry(event) for event in events]


def lived(journal: Journal, deployed: Deployment, entries: int, keeps_before: int | None) -> str:
    """A run of so many entries, its book kept so many before the end; its name."""
    run = begin(journal, deployed, int(time.time() * 1000))
    desk = lay_desk(journal, deployed, run, WallClock(), lambda lines: journal.append(*lines))
    desk.commit(*first_entries(desk, deployed))
    waiting: list[Entry] = []
    written, keeps_at = 0, entries - keeps_before if keeps_before is not None else -1
    for number in range(entries // 3):
        made = close_of(desk, number)
        desk.book = folded(desk.book, made)
        waiting += made
        is_keeping = written < keeps_at <= written + len(waiting)
        if is_keeping or len(waiting) >= BATCH:
            journal.append(*waiting, *([desk.entry(kept(desk.book))] if is_keeping else []))
            written += len(waiting)
            waiting.clear()
    journal.append(*waiting)
    return run


def start_s(journal: Journal, deployed: Deployment, run: str) -> float:
    """Seconds, the median of a few."""
    took = []
    for _ in range(TRIES):
        began = time.perf_counter()
        book_of(journal, run, deployed.compiled.plan)
        took.append(time.perf_counter() - began)
    return median(took)


def main() -> None:
    """Three runs in one journal."""
    folder, entries = Path(sys.argv[1]), int(sys.argv[2])
    deployed = deployment(BOTS / "minute_cross.yaml")
    longer = TIMES_LONGER * entries
    before = min(KEEP_EVERY, entries // 2)
    with open_journal(f"sqlite:///{folder / 'startup.db'}", binding=Binding(MODE, ACCOUNT)) as journal:
        journal.append(texts=texts_of(deployed))
        told = {}
        for name, length, kept_before in (
            ("short", entries, before),
            ("long", longer, before),
            ("whole", longer, None),
        ):
            told[name] = start_s(journal, deployed, lived(journal, deployed, length, kept_before))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
