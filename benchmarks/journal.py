"""How many durable commits a second: `python -m benchmarks.journal FOLDER SECONDS` says it as JSON.

In: a folder on the disk that counts, a time. Out: entries a second, one commit each; and SQLite's own bare
commits beside them, whose pace the disk sets.
Refuses to know: what is good enough.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from runner.domain.entry import Entry, trade_fact
from runner.domain.order_event import Filled, Sending
from runner.journal.write import open_journal

SYMBOL, ORDER = "BTC/USDT:USDT", "btcbot-aaaabbbbccccdddd-e0"


def a_second(work: Callable[[int], object], seconds: float) -> float:
    """How often `work` was done in a second."""
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds or not done:
        work(done)
        done += 1
    return done / spent


def main() -> None:
    """An entry alone, an entry with a position behind it, and a row of SQLite's."""
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    with open_journal(f"sqlite:///{folder / 'journal-bench.db'}") as journal:
        stamp = {"bot_hash": "b" * 64, "build": "0" * 12, "bar_ms": 1, "client_id": ORDER}

        def send(number: int) -> None:
            journal.append(Entry("run", number, Sending("place", number, 5_000), attempt=1, **stamp))  # type: ignore[arg-type]

        def fill(number: int) -> None:
            event = Filled(
                SYMBOL, 1, Decimal("0.001"), Decimal(35_000), Decimal("0.01"), False, "entry", str(number)
            )
            journal.append(Entry("run", number, event, fact=trade_fact(SYMBOL, str(number)), **stamp))  # type: ignore[arg-type]

        send(0)
        told = {"sending": a_second(send, seconds), "fill": a_second(fill, seconds)}
    bare = sqlite3.connect(folder / "bare-bench.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, payload TEXT)")
    told["bare"] = a_second(
        lambda number: bare.execute("INSERT INTO entries (payload) VALUES (?)", ("x" * 600,)), seconds
    )
    bare.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
