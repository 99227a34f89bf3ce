"""A book that was kept is the book that all entries before it make; where it is not, it is not believed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.domain.entry import Entry
from runner.domain.session_event import BookKept, Halted, Resumed, RunEnded, StateSet
from runner.journal.build import build_id
from runner.journal.codec import structure_of, text_of
from runner.journal.lease import acquire
from runner.journal.write import Journal, open_journal
from runner.live.book import Book, fold, new_book
from runner.live.desk import Desk
from runner.live.kept import kept, last_kept, misfit
from runner.live.scribe import KEEP_EVERY, Scribe
from runner.live.takeup import book_of, plan_of
from runner.simulator.faults import parse_faults
from tests.live.rig import MINUTE_MS, RUN, START_MS, rig_for
from tests.live.test_session import BOT, WARMUP, held, waves
from tests.live.test_takeup import deployment, signal, started
from tests.live.virtual import VirtualLoop, run

TROUBLE = """net.drop_after(POST order) x2
net.drop_after(POST algoOrder) x2
net.drop_before(DELETE algoOrder)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(f"sqlite:///{tmp_path / 'j.db'}") as opened:
        yield opened


def test_after_every_entry_of_a_troubled_life_the_kept_book_is_the_folded_one(tmp_path: Path) -> None:
    loop = VirtualLoop(START_MS)
    rig = rig_for(
        BOT,
        waves(WARMUP + 60),
        loop=loop,
        warmup_bars=WARMUP,
        database=tmp_path / "j.db",
        faults=parse_faults(TROUBLE, START_MS),
    )

    async def life() -> None:
        process = rig.start()
        for minute in range(58):
            await rig.play(START_MS + minute * MINUTE_MS)
            if minute in (20, 35) and held(rig):
                await rig.kill(process)
                process = rig.start()
        await rig.stop(process)

    run(loop, life())
    book, kinds = new_book(rig.compiled.plan), set()
    for entry in rig.entries():
        book = fold(book, entry)
        kinds.add(type(entry.event).__name__)
        again: Book = structure_of(Book, kept(book).text)
        assert text_of(again) == text_of(book)  # NaN and the order of every mapping included
        assert replace(again, closed_bar=None) == replace(book, closed_bar=None)
    assert {"Filled", "Answered", "Resolved", "Sending", "OrderUpdated", "Decided"} <= kinds
    rig.open().close()


def keep(journal: Journal, desk: Desk, book: Book | None = None) -> None:
    journal.append(desk.entry(kept(book or desk.book)))


def test_a_start_goes_on_from_the_newest_kept_book_and_reads_what_follows(journal: Journal) -> None:
    deployed = deployment()
    desk = started(journal, deployed)
    signal(desk, 1_700_000_040_000, stop_ratio=0.008)
    keep(journal, desk, replace(desk.book, entry_ms=1, traded_ms=7))  # which no entry says
    signal(desk, 1_700_000_100_000, stop_ratio=0.008)
    book = book_of(journal, desk.identity.run, deployed.compiled.plan)
    assert (book.traded_ms, book.decided_ms) == (7, 1_700_000_100_000)
    keep(journal, desk)
    assert book_of(journal, desk.identity.run, deployed.compiled.plan) == desk.book


@pytest.mark.parametrize("text", ["", "{}", "[]", "not JSON", '{"plan":1}'], ids=range(5))
def test_what_cannot_be_read_is_folded_anew(journal: Journal, text: str) -> None:
    deployed = deployment()
    desk = started(journal, deployed)
    signal(desk, 1_700_000_040_000, stop_ratio=0.008)
    journal.append(desk.entry(BookKept(text)))
    assert last_kept(journal, desk.identity.run) is None
    assert book_of(journal, desk.identity.run, deployed.compiled.plan) == desk.book


def test_a_field_more_or_less_is_not_guessed(journal: Journal) -> None:
    desk = started(journal, deployment())
    whole = kept(desk.book).text
    for text in (whole.replace('"beyond_stop"', '"beyond"'), whole.replace('"state"', '"stage"')):
        journal.append(desk.entry(BookKept(text)))
        assert last_kept(journal, desk.identity.run) is None


def test_another_builds_book_is_not_believed(journal: Journal) -> None:
    deployed = deployment()
    desk = started(journal, deployed)
    foreign = replace(desk.entry(kept(replace(desk.book, traded_ms=7))), build="0" * 12)
    journal.append(foreign)
    assert foreign.build != build_id()
    assert last_kept(journal, desk.identity.run) is None
    assert book_of(journal, desk.identity.run, deployed.compiled.plan).traded_ms == 0


def test_another_runs_book_is_not_ours(journal: Journal) -> None:
    desk = started(journal, deployment())
    journal.append(replace(desk.entry(kept(desk.book)), run="another"))
    assert last_kept(journal, desk.identity.run) is None


# --- when it is kept ---


def scribe_of(journal: Journal) -> Scribe:
    lease = acquire(journal.database, "demo/main/BTCUSDT", 0, owner="btc")
    return Scribe(journal, lease, RUN, "btc", lambda alert: (), journal.read.head().seq)


def word(event: Halted | Resumed | RunEnded | StateSet | BookKept, run: str = RUN) -> Entry:
    return Entry(run, 1_000, event, build=build_id())


def fill_up(scribe: Scribe) -> None:
    for _ in range(KEEP_EVERY // 1_000):
        scribe.append([word(RunEnded("again", 0))] * 1_000)


def taken_up(journal: Journal) -> Scribe:
    scribe = scribe_of(journal)
    scribe.take_up(lambda: False)
    return scribe


def test_a_book_is_kept_once_in_so_many_entries_and_not_at_every_start(journal: Journal) -> None:
    book = kept(started(journal, deployment()).book)
    for _ in range(3):  # a supervisor starts it again and again
        scribe = taken_up(journal)
        assert not scribe.must_keep()
        scribe.lease.drop()
    scribe = taken_up(journal)
    fill_up(scribe)
    assert scribe.must_keep()
    scribe.lease.drop()
    scribe = taken_up(journal)  # it ended before it could
    assert scribe.must_keep()
    scribe.keep(word(book))
    scribe.lease.drop()
    scribe = taken_up(journal)
    assert not scribe.must_keep()
    scribe.lease.drop()


def test_no_book_is_kept_where_a_word_was_heard_while_something_was_unwritten(journal: Journal) -> None:
    scribe = scribe_of(journal)
    fill_up(scribe)
    unwritten = ["a fill"]
    scribe.take_up(lambda: bool(unwritten))
    assert scribe.must_keep()
    journal.append(word(Halted("no_entries", "looks wrong", "ann")))
    assert len(scribe.news()) == 1
    unwritten.clear()
    scribe.append([word(RunEnded("what was unwritten", 0))])
    assert not scribe.must_keep()
    scribe.lease.drop()


def test_a_kept_book_that_its_entries_do_not_make_is_found(journal: Journal) -> None:
    desk = started(journal, deployment())
    plan, run_name = desk.book.plan, desk.identity.run

    def found() -> str | None:
        return misfit(plan, journal.read.entries(run=run_name), lambda wanted: plan_of(journal, wanted))

    signal(desk, 1_700_000_040_000, stop_ratio=0.008)
    keep(journal, desk, replace(desk.book, banned_until_ms=7))  # a ban that another run heard of
    assert found() is None
    journal.append(replace(desk.entry(kept(replace(desk.book, traded_ms=7))), build="0" * 12))
    assert found() is None  # another build's, which nobody believes
    keep(journal, desk, replace(desk.book, traded_ms=7))
    told = found()
    assert told is not None
    assert told.endswith("is not what the entries before it make")


def test_no_book_is_kept_that_lacks_what_somebody_else_wrote(journal: Journal) -> None:
    scribe = scribe_of(journal)
    fill_up(scribe)
    assert scribe.must_keep()
    journal.append(word(Halted("no_entries", "looks wrong", "ann")))
    assert not scribe.must_keep()
    scribe.keep(word(BookKept("")))  # between the look and the commit
    assert [line.entry.event for line in journal.read.entries(kinds=("book_kept",))] == []
    assert len(scribe.news()) == 1
    assert scribe.must_keep()
    scribe.lease.drop()


def test_no_book_is_kept_where_a_word_was_heard_after_what_came_later(journal: Journal) -> None:
    scribe = scribe_of(journal)
    fill_up(scribe)
    journal.append(word(Resumed("fine", "ann")))
    scribe.append([word(Halted("no_entries", "the limit", "limit"))])
    assert len(scribe.news()) == 1
    assert not scribe.must_keep()
    scribe.lease.drop()


def test_equal_books_have_equal_texts(journal: Journal) -> None:
    desk = started(journal, deployment())
    assert text_of(replace(desk.book)) == text_of(desk.book)
