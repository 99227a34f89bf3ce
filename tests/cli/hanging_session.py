"""A session that was stopped: it holds the lease, its lock, and in the midst of writing the journal, too.

python -m tests.cli.hanging_session DATABASE LEASE OWNER [sound]
"""

import sys
import threading
import time

from runner.journal.lease import acquire
from runner.journal.write import open_journal


def main() -> None:
    url, name, owner, *sound = sys.argv[1:]
    with open_journal(url) as journal:
        lease = acquire(journal.database, name, time.time_ns() // 1_000_000, owner=owner)
        if sound:
            print("ready", lease.epoch, flush=True)
            threading.Event().wait()
        with journal.database.writing():
            print("ready", lease.epoch, flush=True)
            threading.Event().wait()


if __name__ == "__main__":
    main()
