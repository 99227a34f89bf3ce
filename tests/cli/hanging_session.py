"""A session that was stopped in the midst of writing: it holds the lease, its lock, and the journal.

python -m tests.cli.hanging_session DATABASE LEASE OWNER
"""

import sys
import threading
import time

from runner.journal.lease import acquire
from runner.journal.write import open_journal


def main() -> None:
    url, name, owner = sys.argv[1:]
    with open_journal(url) as journal:
        lease = acquire(journal.database, name, time.time_ns() // 1_000_000, owner=owner)
        with journal.database.writing():
            print("ready", lease.epoch, flush=True)
            threading.Event().wait()


if __name__ == "__main__":
    main()
