"""Appending on both databases: one chain, facts once, rows that follow, letters, bindings, limits."""

import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from journal_entries import (
    BAR_MS,
    BTC,
    ENTRY_ID,
    INTENDED_ENTRY,
    INTENT,
    RUN,
    SENDING,
    STOP_ID,
    every_kind,
    fill_entry,
    order_told,
    stamped,
    started,
    whole_order,
)

from runner.domain.alert import Outbox
from runner.domain.entry import KINDS, PAYLOAD_BYTES_MAX, Entry
from runner.domain.order_event import Answered, EquityMarked, OrderUpdated, PositionSet, Resolved, Sending
from runner.domain.session_event import (
    Banned,
    Commanded,
    Halted,
    LimitTripped,
    Resumed,
    RunEnded,
    SessionStarted,
)
from runner.domain.venue import Kind, Request, Status
from runner.errors import JournalDamaged, JournalFailed, JournalForeign, UsageError
from runner.journal.chain import genesis
from runner.journal.check import check
from runner.journal.codec import kind_of
from runner.journal.write import Binding, Journal, Text, open_journal


def test_what_was_written_is_read_again_in_order(journal: Journal) -> None:
    entries = every_kind()
    assert {kind_of(entry.event) for entry in entries} == set(KINDS)
    for entry in entries:
        journal.append(entry)
    read = list(journal.read.entries())
    assert [repr(line.entry) for line in read] == [repr(entry) for entry in entries]
    assert [line.seq for line in read] == list(range(1, len(entries) + 1))
    hashes = [genesis(journal.read.about()["instance"]), *(line.hash for line in read)]
    assert [line.prev_hash for line in read] == hashes[:-1]
    assert journal.read.head() == (len(entries), hashes[-1])
    assert check(journal.database).faults == ()


def test_one_append_or_many_make_the_same_rows(url: str, tmp_path: Path) -> None:
    with open_journal(url) as journal, open_journal(f"sqlite:///{tmp_path / 'other.db'}") as other:
        journal.append(*every_kind())
        for entry in every_kind():
            other.append(entry)
        assert journal.read.orders(RUN) == other.read.orders(RUN)
        assert journal.read.positions(RUN) == other.read.positions(RUN)
        assert journal.read.runs() == other.read.runs()
        assert check(journal.database).rows == check(other.database).rows > 10


def test_named_instances_have_equal_hashes_for_equal_entries(tmp_path: Path) -> None:
    heads = set()
    for name in ("one", "two"):
        with open_journal(f"sqlite:///{tmp_path / name}.db", instance="the same") as journal:
            journal.append(*every_kind())
            heads.add(journal.read.head())
    assert len(heads) == 1


def test_a_fact_counts_once(journal: Journal) -> None:
    journal.append(started(), fill_entry("9001", "0.012", "35000.0"))
    again = journal.append(fill_entry("9001", "0.012", "35000.0"), fill_entry("9002", "0.008", "35010.0"))
    assert again[0] is None
    assert again[1] is not None
    twice = fill_entry("9003", "0.001", "35000.0")
    assert [line is None for line in journal.append(twice, twice)] == [False, True]
    (position,) = journal.read.positions(RUN)
    assert position.quantity == Decimal("0.021")
    assert [row.trade_id for row in journal.read.fills(RUN)] == ["9001", "9002", "9003"]


def test_an_order_is_followed_from_intent_to_protection(journal: Journal) -> None:
    journal.append(*whole_order())
    (intent,) = journal.read.intents(RUN)
    assert (intent.intent, intent.rule, intent.bar_ms, intent.bot_hash) == (
        INTENT,
        "entry.long",
        BAR_MS,
        "b" * 64,
    )
    orders = {order.client_id: order for order in journal.read.orders(RUN)}
    assert (orders[ENTRY_ID].status, orders[ENTRY_ID].filled_quantity) == ("filled", Decimal("0.020"))
    assert (orders[STOP_ID].status, orders[STOP_ID].venue_order_id) == ("resting", "78")
    assert [order.client_id for order in journal.read.orders(RUN, only_open=True)] == [STOP_ID]
    (position,) = journal.read.positions(RUN)
    assert (position.quantity, position.entry_price) == (Decimal("0.020"), Decimal("35004"))
    assert (position.protected, position.stop_price) == (True, Decimal("34000.0"))
    (held,) = journal.read.open_positions("btc")
    assert held == position


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((Answered("place", "rejected", code=-2019, text="Margin is insufficient"),), "rejected"),
        ((Answered("place", "not_sent"),), "absent"),
        ((Answered("place", "retry", code=-1008, text="throttled"),), "rejected"),
        ((Answered("place", "unknown"),), "unknown"),
        ((Answered("place", "unknown"), Resolved("absent", "not found 3 times")), "absent"),
        ((Answered("place", "unknown"), Resolved("found", "book")), "resting"),
        ((OrderUpdated(order_told(Status.FILLED, "0.020")), Answered("place", "unknown")), "filled"),
        ((Resolved("absent", "x"), OrderUpdated(order_told(Status.RESTING))), "resting"),
        (
            (
                OrderUpdated(order_told(Status.FILLED, "0.020", 9)),
                OrderUpdated(order_told(Status.PARTLY_FILLED, "0.010", 5)),
            ),
            "filled",
        ),
    ],
)
def test_the_exchanges_word_wins_over_ours(tmp_path: Path, events: tuple[object, ...], status: str) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        journal.append(started(), INTENDED_ENTRY, SENDING)
        for event in events:
            journal.append(stamped(event, intent=INTENT, client_id=ENTRY_ID))  # type: ignore[arg-type]
        (order,) = journal.read.order(ENTRY_ID)
        assert order.status == status


@pytest.mark.parametrize(
    ("kind", "reduces", "leg"),
    [
        (Kind.MARKET, False, "entry"),
        (Kind.LIMIT, False, "entry"),
        (Kind.STOP_MARKET, True, "stop"),
        (Kind.MARKET, True, "exit"),
        (Kind.LIMIT, True, "target"),
        (Kind.TAKE_PROFIT_MARKET, True, "target"),
    ],
)
def test_a_further_try_that_no_intent_names_has_its_leg_all_the_same(
    tmp_path: Path, kind: Kind, reduces: bool, leg: str
) -> None:
    name = f"{STOP_ID[:-1]}7"
    request = Request(
        client_id=name, symbol=BTC, kind=kind, side=-1, quantity=Decimal("0.02"), reduce_only=reduces
    )
    with open_journal(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        journal.append(started(), stamped(Sending("place", 0, 3_000, request), client_id=name, attempt=7))
        assert [order.leg for order in journal.read.order(name)] == [leg]


def test_a_promised_stop_becomes_what_was_sent_in_its_place(journal: Journal) -> None:
    """The entry filled in part, the price moved: the stop goes out smaller, elsewhere, by the same id."""
    request = Request(
        client_id=STOP_ID,
        symbol=BTC,
        kind=Kind.STOP_MARKET,
        side=-1,
        quantity=Decimal("0.012"),
        trigger_price=Decimal("33950.0"),
        reduce_only=True,
    )
    stamp: Any = {"intent": INTENT, "client_id": STOP_ID, "attempt": 1}
    journal.append(started(), INTENDED_ENTRY, stamped(Sending("place", 0, 3_000, request), 1, **stamp))
    (order,) = journal.read.order(STOP_ID)
    assert (order.leg, order.status, order.intent) == ("stop", "sending", INTENT)
    assert (order.quantity, order.trigger_price) == (request.quantity, request.trigger_price)
    fill = fill_entry("1", "0.012", "33950")
    journal.append(stamped(Answered("place", "acked"), 2, **stamp))
    journal.append(replace(fill, intent=INTENT, client_id=STOP_ID))
    assert [order.client_id for order in journal.read.orders(RUN, only_open=True)] == []


def test_executions_end_an_order_whose_end_the_exchange_never_told(journal: Journal) -> None:
    """The stream broke, the process died: what is heard next is the execution, read from the account."""
    journal.append(started(), INTENDED_ENTRY, SENDING)

    def executes(trade_id: str, quantity: str) -> str:
        fill = fill_entry(trade_id, quantity, "35000")
        journal.append(replace(fill, intent=INTENT, client_id=ENTRY_ID))
        (order,) = journal.read.order(ENTRY_ID)
        return order.status

    assert executes("1", "0.012") == "partly_filled"
    assert executes("1", "0.012") == "partly_filled"  # the same one
    assert executes("2", "0.008") == "filled"
    assert journal.read.orders(RUN, only_open=True) == []
    (order,) = journal.read.order(ENTRY_ID)
    assert (order.executed_quantity, order.filled_quantity) == (Decimal("0.020"), Decimal(0))
    late = stamped(OrderUpdated(order_told(Status.RESTING)), intent=INTENT, client_id=ENTRY_ID)
    journal.append(late)
    assert [row.status for row in journal.read.order(ENTRY_ID)] == ["filled"]


def test_a_flip_closes_the_old_position_and_opens_the_rest(journal: Journal) -> None:
    journal.append(started(), fill_entry("1", "0.02", "35000"), fill_entry("2", "0.05", "36000", side=-1))
    (position,) = journal.read.positions(RUN)
    assert (position.quantity, position.entry_price) == (Decimal("-0.03"), Decimal(36000))
    assert position.realised_pnl_usdt == Decimal(20)
    journal.append(stamped(PositionSet(BTC, Decimal(0), Decimal(0), "closed by hand")))
    assert journal.read.open_positions("btc") == []


def test_limits_and_bans_stand_until_their_time_or_an_operator(journal: Journal) -> None:
    daily = LimitTripped("daily_loss", "no_entries", Decimal(9600), Decimal(9700), BAR_MS + 1_000)
    drawdown = LimitTripped("max_drawdown", "halt", Decimal(8400), Decimal(8500))
    journal.append(
        started(), *(stamped(event) for event in (daily, drawdown, Halted("flatten", "odd", "ada")))
    )
    assert [limit.name for limit in journal.read.limits(RUN, BAR_MS)] == [
        "daily_loss",
        "halt",
        "max_drawdown",
    ]
    journal.append(stamped(Resumed("understood", "ada"), 1))
    assert [limit.name for limit in journal.read.limits(RUN, BAR_MS)] == ["daily_loss"]
    assert journal.read.limits(RUN, BAR_MS + 1_000) == []
    assert journal.read.banned_until_ms() == 0
    journal.append(stamped(Banned(BAR_MS + 60_000, 418)), stamped(Banned(BAR_MS + 5_000, 429)))
    assert journal.read.banned_until_ms() == BAR_MS + 60_000


def test_a_run_taken_up_again_has_not_ended(journal: Journal) -> None:
    journal.append(started(), stamped(SessionStarted("host", 1, 1)), stamped(RunEnded("interrupted", 130)))
    assert journal.read.runs()[0].ended_reason == "interrupted"
    journal.append(stamped(SessionStarted("host", 2, 2), 60))
    run = journal.read.latest_run("btc", mode="testnet", account="main", symbol=BTC)
    assert run is not None
    assert (run.sessions, run.ended_ms) == (2, None)
    assert journal.read.latest_run("btc", mode="live", account="main", symbol=BTC) is None


def test_letters_wait_until_every_sink_has_them(journal: Journal) -> None:
    journal.append(*whole_order())
    journal.append(whole_order()[-1])  # said again: no second letter
    outbox: Outbox = journal.outbox
    assert outbox.sinks() == ["env:ALERT_URL", "vault:mail"]
    now = BAR_MS + 10_000
    assert outbox.due("vault:mail", now - 1, 10) == []
    (letter,) = outbox.due("vault:mail", now, 10)
    assert (letter.alert.text, letter.tries) == ("long 0.020 at 35000", 0)
    outbox.failed([letter], now + 30_000, "refused")
    assert outbox.due("vault:mail", now + 29_999, 10) == []
    (letter,) = outbox.due("vault:mail", now + 30_000, 10)
    assert letter.tries == 1
    outbox.delivered([letter], now + 30_001)
    assert (outbox.backlog(), outbox.due("vault:mail", now * 2, 10)) == (1, [])
    assert check(journal.database).faults == ()  # how far delivery is, no entry says


def test_texts_are_kept_once_and_read_by_their_hash(journal: Journal) -> None:
    text = Text("document", "version: 1\nname: größe \N{PILE OF POO}\n")
    journal.append(started(text_hash=text.hash), texts=[text])
    journal.append(texts=[text, Text("report", "{}")])
    assert journal.read.text(text.hash) == text.content
    with pytest.raises(JournalDamaged, match="lacks the text"):
        journal.read.text("0" * 64)


def test_a_journal_belongs_to_one_account_of_one_mode(url: str) -> None:
    mine = Binding("testnet", "main")
    with open_journal(url, binding=mine) as journal:
        journal.append(started())
    with open_journal(url, binding=mine), open_journal(url):
        pass  # the same again, and readers
    for other in (Binding("live", "main"), Binding("testnet", "second")):
        with pytest.raises(JournalForeign, match=r"belongs to account main \(testnet\).*RUNNER_DB"):
            open_journal(url, binding=other)


def test_what_is_too_large_is_refused_before_anything_is_written(journal: Journal) -> None:
    with pytest.raises(JournalFailed, match="more than the journal takes"):
        journal.append(started(), stamped(Commanded("halt", ("x" * PAYLOAD_BYTES_MAX,), "ada")))
    assert journal.read.head().seq == 0


def test_figures_that_are_none_are_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="no figure"):
        journal.append(stamped(EquityMarked(Decimal("NaN"), Decimal(0))))
    assert journal.read.head().seq == 0


def test_writers_in_turn_make_one_chain(url: str) -> None:
    rounds, failures = 40, []

    def write(name: str) -> None:
        try:
            with open_journal(url) as journal:
                for number in range(rounds):
                    entry = Entry(name, number, EquityMarked(Decimal(number), Decimal(0)))
                    journal.append(entry, replace(entry, fact=f"shared:{number}"))
        except BaseException as fault:  # told below: a thread has nobody to tell
            failures.append(fault)

    writers = [threading.Thread(target=write, args=(name,)) for name in ("one", "two", "three")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    with open_journal(url) as journal:
        assert journal.read.head().seq == 3 * rounds + rounds
        assert check(journal.database).faults == ()


def test_a_url_that_is_none_says_what_to_write() -> None:
    for text in ("journal.db", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "::"):
        with pytest.raises(UsageError, match="sqlite:////absolute"):
            open_journal(text)


def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    with pytest.raises(JournalFailed, match="cannot be reached") as told:
        open_journal("postgresql+psycopg://me:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(told.value)


def test_a_new_journal_is_its_owners_alone(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path / 'deep' / 'journal.db'}") as journal:
        journal.append(started())
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "deep").iterdir()}
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}
