"""Which run an operator means, and what is said of the process behind it."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from runner.cli.targets import SILENT_MS, target_named, targets
from runner.errors import UsageError
from runner.journal.lease import acquire, lease_name
from runner.journal.write import Journal, open_journal
from tests.live.test_takeup import deployment, started


def opened(folder: Path) -> Journal:
    return open_journal(f"sqlite:///{folder / 'j.db'}")


def test_a_bot_is_found_by_its_name_its_run_or_the_runs_beginning(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        run = started(journal, deployment()).identity.run
        for name in ("quick", run, run[:12]):
            assert target_named([journal], name, None).run.run == run
        with pytest.raises(UsageError, match="no run of slow is known; there are quick"):
            target_named([journal], "slow", None)


def test_of_several_places_one_has_to_be_named_unless_only_one_runs(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        started(journal, deployment())
        other = replace(deployment(), mode="live")
        run = started(journal, other).identity.run
        with pytest.raises(UsageError, match="has several runs; name one of them, or add --mode"):
            target_named([journal], "quick", None)
        assert target_named([journal], "quick", "live").run.run == run
        lease = acquire(journal.database, lease_name("live", "main", "BTCUSDT"), now_ms(), owner="quick")
        found = target_named([journal], "quick", None)
        assert (found.run.run, found.process) == (run, "running")
        lease.release(now_ms())


def test_a_process_that_was_not_heard_of_for_long_hangs(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        started(journal, deployment())
        name = lease_name("demo", "main", "BTCUSDT")
        assert next(targets([journal])).process == "none"
        lease = acquire(journal.database, name, now_ms() - SILENT_MS - 1_000, owner="quick")
        assert next(targets([journal])).process == "hangs"
        lease.renew(now_ms())
        assert next(targets([journal])).process == "running"
        lease.drop()  # as the end of the process would
        assert next(targets([journal])).process == "none"


def test_another_bot_at_the_same_place_is_not_taken_for_this_one(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        started(journal, deployment())
        lease = acquire(journal.database, lease_name("demo", "main", "BTCUSDT"), now_ms(), owner="slow")
        assert next(targets([journal])).process == "none"
        lease.release(now_ms())


def now_ms() -> int:
    return time.time_ns() // 1_000_000
