"""The session's hand in the journal: alerts by the same commit, others' words once, a lease or nothing."""

from pathlib import Path

import pytest

from runner.domain.alert import Alert
from runner.domain.entry import Entry, Event
from runner.domain.session_event import Halted, Resumed, RunEnded
from runner.errors import LeaseLost
from runner.journal.lease import acquire, holder_of, is_taken, seize
from runner.journal.write import Journal, open_journal
from runner.live.scribe import Scribe

NAME = "demo/main/BTCUSDT"


def entry(event: Event, time_ms: int = 1_000) -> Entry:
    return Entry("run-1", time_ms, event)


def hears_sessions(alert: Alert) -> tuple[str, ...]:
    return ("env:PHONE",) if alert.event == "session" else ()


def scribe_of(journal: Journal) -> Scribe:
    lease = acquire(journal.database, NAME, 0, owner="btc")
    return Scribe(journal, lease, "run-1", "btc", hears_sessions, journal.read.head().seq)


def test_what_is_told_waits_in_the_outbox_by_the_same_commit(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        scribe = scribe_of(journal)
        lines = scribe.append([entry(Halted("no_entries", "why", "runner"))])
        assert len(lines) == 1
        letters = journal.outbox.due("env:PHONE", 2_000, 10)
        assert [one.alert.text for one in letters] == ["btc: halted (no entries) by runner: why"]
        scribe.lease.release(0)


def test_the_same_alert_is_kept_once(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        scribe = scribe_of(journal)
        for _ in range(2):
            scribe.append([entry(RunEnded("stopped", 0))])
        assert len(list(journal.read.entries(kinds=("alerted",)))) == 1
        scribe.lease.release(0)


def test_others_words_are_news_once_and_our_own_never(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        scribe = scribe_of(journal)
        scribe.append([entry(Halted("no_entries", "mine", "limit"))])
        journal.append(entry(Resumed("theirs", "ann"), 2_000))
        journal.append(Entry("another-run", 2_000, Halted("halt", "not ours", "ann")))
        assert [one.event for one in scribe.news()] == [Resumed("theirs", "ann")]
        assert scribe.news() == []
        texts = [one.alert.text for one in journal.outbox.due("env:PHONE", 9_000, 10)]
        assert texts == ["btc: halted (no entries) by limit: mine", "btc: resumed by ann: theirs"]
        scribe.lease.release(0)


def test_whoever_lost_the_lease_writes_nothing_and_knows_it(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        scribe = scribe_of(journal)
        assert scribe.is_held()
        seize(journal.database, NAME, 5, owner="operator")
        with pytest.raises(LeaseLost):
            scribe.append([entry(RunEnded("stopped", 0))])
        assert not scribe.is_held()
        assert list(journal.read.entries()) == []
        holder = holder_of(journal.database, NAME)
        assert holder is not None
        assert (holder.owner, holder.renewed_ms, holder.epoch) == ("btc", 0, scribe.lease.epoch + 1)
        scribe.lease.drop()


def test_a_look_at_the_lease_tells_who_holds_it_and_takes_nothing(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        assert holder_of(journal.database, NAME) is None
        assert not is_taken(journal.database, NAME)
        lease = acquire(journal.database, NAME, 7, owner="btc")
        assert is_taken(journal.database, NAME)
        holder = holder_of(journal.database, NAME)
        assert holder is not None
        assert (holder.owner, holder.renewed_ms, holder.epoch) == ("btc", 7, lease.epoch)
        lease.release(8)
        assert not is_taken(journal.database, NAME)
