"""Writers that are killed: `python crash_writer.py URL KILLS SEED` prints what was found as JSON.

Each writer is a process forked off here. It says after every append how far it is; whatever it said must be
in the journal when it is dead, in one unbroken chain, every trade once. One of four is killed while it opens.
"""

import json
import os
import random
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from journal_entries import RUN, fill_entry, stamped, started

from runner.domain.order_event import EquityMarked
from runner.journal.check import check
from runner.journal.write import Text, open_journal

AT_ONCE = 5  # entries in one append, so that a kill may come in the midst of one


def write(url: str, report: int, first: int) -> None:
    """Append until killed; each trade is told twice, as streams do."""
    with open_journal(url) as journal:
        number = first
        while True:
            trade = fill_entry(str(number), "0.001", "35000")
            equity = [stamped(EquityMarked(Decimal(number), Decimal(at)), at) for at in range(AT_ONCE - 1)]
            journal.append(trade, *equity, texts=[Text("hook", f"text {number}")])
            journal.append(trade)
            os.write(report, f"{number}\n".encode())
            number += 1


def kill_one(url: str, first: int, wait_s: float, is_opening: bool) -> int:
    """The last number that a killed writer said; `first` − 1 when it said none."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            write(url, writing, first)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = [] if is_opening else pipe.readline().split()
        time.sleep(wait_s)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), status
        said += pipe.read().split()
    return int(said[-1]) if said else first - 1


def main() -> None:
    """Kill, look, go on with the same journal."""
    url, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    with open_journal(url) as journal:
        journal.append(started())
    last, beyond = 0, 0
    for number in range(kills):
        said = kill_one(url, last + 1, chance.uniform(0.0, 0.08), is_opening=number % 4 == 3)
        with open_journal(url) as journal:
            trades = [int(fill.trade_id) for fill in journal.read.fills(RUN)]
            seen = check(journal.database)
            (run,) = journal.read.runs()
        assert trades == list(range(1, len(trades) + 1)), "a trade is missing or twice"
        assert len(trades) - said in (0, 1), f"{said} was said, {len(trades)} are there"
        assert seen.faults == (), seen.faults
        assert seen.entries == 1 + AT_ONCE * len(trades), "an append was cut in two"
        assert seen.texts == len(trades)
        assert run.fills == len(trades)
        beyond += len(trades) > said
        last = len(trades)
    print(json.dumps({"kills": kills, "appends": last, "committed_but_not_said": beyond}))


if __name__ == "__main__":
    main()
