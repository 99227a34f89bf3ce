"""A halt that the journal does not take is left beside it, whatever the reason; none of them is lost."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runner.cli import cli
from runner.cli.targets import Target, order, target_named
from runner.domain.entry import Entry
from runner.domain.session_event import Commanded, Halted, Resumed
from runner.errors import JournalFailed
from runner.journal.word import leave_word, words_left
from runner.journal.write import Journal, open_journal
from tests.live.test_takeup import deployment, started


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with open_journal(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        started(journal, deployment())
        yield target_named([journal], "quick", None)


def test_a_resume_takes_no_halt_away_that_came_while_it_was_written(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Entry(target.run.run, 6_000, Halted("no_entries", "odd", "bob"))
    append = Journal.append

    def slow(journal: Journal, *entries: Entry, **more: Any) -> object:
        leave_word(journal.database, late)
        return append(journal, *entries, **more)

    monkeypatch.setattr(Journal, "append", slow)
    assert order(target, "resume", None, "all well", "ann") is None
    [left] = words_left(target.journal.database, target.run.run)
    assert left.event == late.event


def test_what_was_left_is_written_before_the_next_word_and_taken_away(target: Target) -> None:
    for level in ("no_entries", "flatten"):
        leave_word(target.journal.database, Entry(target.run.run, 5_000, Halted(level, "hangs", "ann")))
    assert order(target, "resume", None, "all well", "ann") is None
    assert words_left(target.journal.database, target.run.run) == ()
    lines = target.journal.read.entries(kinds=("halted", "commanded", "resumed"))
    assert [type(line.entry.event) for line in lines] == [Halted, Halted, Commanded, Resumed]


def test_a_journal_that_takes_nothing_for_any_reason_does_not_stop_a_halt(
    tmp_path: Path, target: Target
) -> None:
    refuse_entries(tmp_path / "journal.db")
    done = CliRunner().invoke(
        cli, ["halt", "quick", "--reason", "odd", "--json"], env={"RUNNER_HOME": str(tmp_path)}
    )
    assert done.exit_code == 5, (done.output, done.exception)
    words = json.loads(done.stdout)["words"]
    assert "left beside the journal" in words
    assert "no more room" in words
    [left] = words_left(target.journal.database, target.run.run)
    assert isinstance(left.event, Halted)
    assert left.event.reason == "odd"


def test_where_nothing_can_be_left_either_it_is_said_that_the_bot_has_not_heard(
    tmp_path: Path, target: Target
) -> None:
    refuse_entries(tmp_path / "journal.db")
    (tmp_path / f"journal.db.{target.run.run}.halts").write_text("no folder")
    with pytest.raises(JournalFailed, match="has NOT heard"):
        order(target, "halt", "no_entries", "odd", "ann")


def test_a_resume_that_cannot_be_written_is_an_error(tmp_path: Path, target: Target) -> None:
    refuse_entries(tmp_path / "journal.db")
    with pytest.raises(JournalFailed, match="no more room"):
        order(target, "resume", None, "all well", "ann")


def refuse_entries(path: Path) -> None:
    """As a full or failing disk does."""
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "CREATE TRIGGER no BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no more room'); END"
        )
