"""SIGKILL of the real process during a socket session, on SQLite and PostgreSQL: nothing is lost or doubled.

A real exchange in a box behind real sockets, twenty times as fast as the clock; the real command `runner run
BOT --testnet`; the real journal. RUNNER_SESSION_KILLS=100 kills so many of one run on each database.

Judged by the checker of tests/proof over the exchange's own log and the journal. What that knows of times
(how long a position may be without a stop) is not judged here: twenty times as fast on a machine that has
other things to do, it would be judging the machine. That what is held is protected is judged at the end of
each recovery instead. Nor is it judged who was told (a part of INV-19): this bot has nobody to tell.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from runner.domain.order_event import Filled, Sending
from runner.domain.session_event import Halted, Mismatched, RecoveryStep
from tests.live.killing import Told, figures, histories_of, history
from tests.proof.checker import check
from tests.proof.figures import write_figures
from tests.proof.histories import Exchange
from tests.proof.telling import told as told_by_both

KILLS = os.environ.get("RUNNER_SESSION_KILLS")


@pytest.fixture(scope="class")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A whole history, lived once for all that is asked about it."""
    asked: type[Killed] = request.cls
    folder = tmp_path_factory.mktemp(asked.name)
    database = f"sqlite:///{folder / 'journal.db'}"
    if asked.name == "postgres":
        database = request.getfixturevalue("postgres").make_database()
    kills = int(KILLS) if KILLS else asked.kills
    with history(folder, database, kills, asked.seed) as found:
        (folder / "told.txt").write_text(told_by_both(found.histories, 400), encoding="utf-8")
        counted = figures(found)
        print(asked.name, json.dumps(counted))
        write_figures(f"kills-{asked.name}", {"database": asked.name, **counted})
        assert counted["kills"] == kills
        yield found


class Killed:
    """What is asked of a history, on whichever database. `kills` where nobody says how many."""

    name: str
    kills: int
    seed: int

    def test_both_histories_agree_by_every_rule_of_the_checker(self, told: Told) -> None:
        assert [words for words in check(told.histories) if "nobody was told" not in words] == []

    def test_an_order_that_came_before_its_line_in_the_journal_would_be_seen(self, told: Told) -> None:
        """What was looked at is enough to tell: had the journal been a line shorter as an order arrived."""
        arrived, order, _, _ = next(told.histories.sent())
        (line, *_) = (
            line
            for line in told.histories.journal
            if isinstance(line.entry.event, Sending) and line.entry.client_id == order.client_id
        )
        late = [
            (at, min(length, line.seq - 1) if at <= arrived.seq else length) for at, length in told.seen.looks
        ]
        seen = replace(told.seen, looks=late)
        assert any(words.startswith("INV-5") for words in check(histories_of(seen, told.desk.database)))

    def test_the_exchanges_books_balance(self, told: Told) -> None:
        assert told.seen.problems == []

    def test_what_is_held_is_protected_when_a_recovery_ends(self, told: Told) -> None:
        exchange, looked = Exchange(told.histories.terms), 0
        for line in told.histories.journal:
            event = line.entry.event
            for entry in told.histories.truth[looked : told.histories.mark(line.seq)]:
                exchange.take(entry)
            looked = max(looked, told.histories.mark(line.seq))
            if isinstance(event, RecoveryStep) and event.step == "verify" and event.outcome == "agreed":
                assert exchange.is_covered(silent=True), line

    def test_no_kill_leads_to_a_difference_that_nobody_can_explain_nor_to_a_halt(self, told: Told) -> None:
        events = [line.entry.event for line in told.histories.journal]
        assert not [event for event in events if isinstance(event, Mismatched)]
        assert [event.reason for event in events if isinstance(event, Halted)] == ["the end"]

    def test_every_execution_is_in_the_journal_once(self, told: Told) -> None:
        there = Counter(str(trade.trade_id) for _, _, trade in told.histories.trades())
        here = Counter(
            line.entry.event.trade_id
            for line in told.histories.journal
            if isinstance(line.entry.event, Filled)
        )
        assert here == there
        assert set(here.values()) <= {1}

    def test_nothing_is_left_at_the_exchange(self, told: Told) -> None:
        assert told.rested == (0, 0, 0)

    def test_the_run_verifies_and_every_order_has_a_cause(self, told: Told) -> None:
        said = told.desk.machine.quick("verify", told.run)
        assert "unbroken chain" in said
        assert "none differs" in said
        told.desk.machine.quick("audit", told.run)  # exit code 1 where an order has none

    def test_the_kills_hit_more_than_idle_moments(self, told: Told) -> None:
        found = figures(told)
        assert found["executions"] > 0
        if KILLS and found["kills"] >= 50:
            assert found["with_an_order_in_flight"] >= found["kills"] // 5
            assert found["with_a_position"] >= found["kills"] // 5
            assert found["in_recovery"] + found["before_the_session_wrote"] >= found["kills"] // 10


class TestOnSqlite(Killed):
    name, kills, seed = "sqlite", 4, 60


class TestOnPostgres(Killed):
    name, kills, seed = "postgres", 2, 117
