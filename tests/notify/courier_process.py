"""A process of its own with a journal and a courier: what the crash tests kill.

Arguments: the journal's URL, the sink's URL, the numbers of the alerts to journal first, from and up to.
Prints `ready` and its worker's process id, then steps until nothing is due, and prints `done`.
"""

import os
import sys
import threading
import time

from runner.domain.alert import alert
from runner.domain.entry import Entry
from runner.domain.secret import Secret
from runner.domain.session_event import Alerted
from runner.journal.write import open_journal
from runner.notify.courier import Courier, Pace
from runner.notify.sink import Sink

SINK = "env:ALERT_URL"


def main(journal_url: str, sink_url: str, first: int, end: int) -> None:
    with open_journal(journal_url) as journal:
        for number in range(first, end):
            told = alert("error", "info", f"message {number:03}", run="r1", time_ms=1_700_000_000_000)
            journal.append(Entry("r1", told.time_ms, Alerted(told, (SINK,))))
        courier = Courier(
            journal.outbox, [Sink(SINK, Secret(sink_url))], os.environ, Pace(burst_max=3, window_ms=200)
        )
        courier.start()
        print("ready", courier.pid, flush=True)
        while journal.outbox.backlog():
            courier.step(time.time_ns() // 1_000_000)
            threading.Event().wait(0.002)
        courier.close()
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
