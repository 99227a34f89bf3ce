"""Whoever changes a row or a byte is found."""

import os
import random
import shutil
import threading
from pathlib import Path

import pytest
from journal_entries import every_kind, fill_entry, started
from sqlalchemy import Boolean, delete, insert, select, text, update

from runner.errors import JournalDamaged, JournalFailed
from runner.journal.check import check
from runner.journal.rows import DELIVERY
from runner.journal.tables import ABOUT, ENTRIES, HEAD, METADATA, PROJECTIONS, TEXTS
from runner.journal.write import Binding, Journal, Text, open_journal

FLIPS = 4 * int(os.environ.get("RUNNER_CRASHES", "20"))

CHECKED = [table.name for table in METADATA.sorted_tables if table.name != "leases"]


def fill(journal: Journal) -> None:
    journal.append(*every_kind(), texts=[Text("document", "version: 1\n"), Text("plan", "{}")])


def another(found: object, is_flag: bool) -> object:
    """Some other content of the same type."""
    if is_flag:
        return not found
    return found + 1_000 if isinstance(found, int | float) else f"{found or ''}1"


@pytest.mark.parametrize("name", CHECKED)
def test_every_column_of_every_row_is_covered(tmp_path: Path, name: str) -> None:
    table = METADATA.tables[name]
    with open_journal(f"sqlite:///{tmp_path / 'journal.db'}", binding=Binding("testnet", "main")) as journal:
        fill(journal)
        assert check(journal.database).faults == ()
        with journal.database.reading() as connection:
            before = connection.execute(select(table)).mappings().first()
        assert before is not None, "no row to change"
        keys = [column == before[column.name] for column in table.primary_key]
        for column in table.columns:
            if column.name in DELIVERY or (name == "texts" and column.name == "kind"):
                continue  # known by no entry
            changed = another(before[column.name], isinstance(column.type, Boolean))
            with journal.database.writing() as connection:
                connection.execute(update(table).where(*keys).values({column: changed}))
            assert check(journal.database).faults, f"{name}.{column.name}"
            moved = [key.left == (changed if key.left is column else key.right.value) for key in keys]  # type: ignore[attr-defined]
            with journal.database.writing() as connection:
                connection.execute(update(table).where(*moved).values({column: before[column.name]}))
        assert check(journal.database).faults == ()


@pytest.mark.parametrize("name", ["about", "alerts", "head", "journal", "orders", "runs", "texts"])
def test_a_row_removed_is_found(url: str, name: str) -> None:
    table = METADATA.tables[name]
    with open_journal(url, binding=Binding("testnet", "main")) as journal:
        fill(journal)
        with journal.database.writing() as connection:
            row = connection.execute(select(table)).mappings().first()
            assert row is not None
            connection.execute(
                delete(table).where(*(column == row[column.name] for column in table.primary_key))
            )
        if name == "texts":
            with pytest.raises(JournalDamaged, match="lacks the text"):
                journal.read.text(row["hash"])
        else:
            assert check(journal.database).faults


def test_entries_exchanged_or_cut_off_at_the_end_are_found(url: str) -> None:
    with open_journal(url) as journal:
        fill(journal)
        last = journal.read.head().seq
        with journal.database.writing() as connection:
            row = connection.execute(select(ENTRIES).where(ENTRIES.c.seq == last)).mappings().one()
            connection.execute(delete(ENTRIES).where(ENTRIES.c.seq == last))
        assert "entries were removed" in check(journal.database).faults[0]
        with journal.database.writing() as connection:  # whoever did it moves the end too
            ended = {"seq": last - 1, "hash": row["prev_hash"]}
            connection.execute(update(HEAD).values(ended))
        assert any(
            "follows from no entry" in fault or "was changed" in fault
            for fault in check(journal.database).faults
        )


def test_a_payload_changed_is_found(url: str) -> None:
    with open_journal(url) as journal:
        fill(journal)
        with journal.database.writing() as connection:
            connection.execute(
                text("UPDATE journal SET payload = replace(payload, '35000', '35001') WHERE seq = 7")
            )
        assert (
            check(journal.database)
            .faults[0]
            .startswith("entry 7 (filled, run btc-1) is not what was written")
        )


def test_a_row_added_to_a_projection_is_found(url: str) -> None:
    with open_journal(url) as journal:
        fill(journal)
        table = next(table for table in PROJECTIONS.values() if table.name == "positions")
        with journal.database.writing() as connection:
            row = dict(connection.execute(select(table)).mappings().one())
            connection.execute(insert(table), row | {"symbol": "ETH/USDT:USDT"})
        assert check(journal.database).faults == (
            "positions: the row btc-1 ETH/USDT:USDT follows from no entry",
        )


def test_another_databases_entries_are_found(tmp_path: Path) -> None:
    with (
        open_journal(f"sqlite:///{tmp_path / 'one.db'}") as one,
        open_journal(f"sqlite:///{tmp_path / 'two.db'}") as two,
    ):
        for journal in (one, two):
            journal.append(started(), fill_entry("1", "0.1", "35000"))
        with one.database.reading() as connection:
            rows = [dict(row) for row in connection.execute(select(ENTRIES)).mappings()]
            head = dict(connection.execute(select(HEAD)).mappings().one())
        with two.database.writing() as connection:
            connection.execute(delete(ENTRIES))
            connection.execute(insert(ENTRIES), rows)
            connection.execute(update(HEAD).values(head))
        assert "entry 1" in check(two.database).faults[0]


def test_a_note_changed_is_found(url: str) -> None:
    with open_journal(url, binding=Binding("testnet", "main")) as journal:
        with journal.database.writing() as connection:
            connection.execute(update(ABOUT).where(ABOUT.c.name == "account").values(content="other"))
        assert "instance, mode, account" in check(journal.database).faults[0]


def test_a_check_beside_a_writer_sees_one_moment(url: str) -> None:
    stop, writes, failures = threading.Event(), threading.Event(), []

    def write() -> None:
        try:
            with open_journal(url) as journal:
                number = 0
                while not stop.is_set():
                    journal.append(fill_entry(str(number), "0.1", "35000"))
                    number += 1
                    writes.set()
        except BaseException as fault:  # told below: a thread has nobody to tell
            failures.append(fault)

    with open_journal(url) as journal:
        journal.append(started())
        writer = threading.Thread(target=write)
        writer.start()
        try:
            assert writes.wait(60)
            seen = [check(journal.database) for _ in range(12)]
        finally:
            stop.set()
            writer.join()
    assert failures == []
    assert [checked.faults for checked in seen] == [()] * 12
    assert seen[-1].entries > 1


def dump(journal: Journal) -> list[list[tuple[object, ...]]]:
    """All that the database says, but for what no entry knows."""
    with journal.database.reading() as connection:
        return [
            [tuple(row) for row in connection.execute(select(table))]
            for table in METADATA.sorted_tables
            if table is not TEXTS
        ] + [sorted(tuple(row) for row in connection.execute(select(TEXTS.c.hash, TEXTS.c.content)))]


def test_any_byte_of_the_file_changed_is_found_or_means_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with open_journal(f"sqlite:///{path}") as journal:
        fill(journal)
        before = dump(journal)
    image = path.read_bytes()
    assert not Path(f"{path}-wal").exists()
    chance, found = random.Random(5), 0
    for _ in range(FLIPS):
        place = chance.randrange(len(image))
        changed = bytearray(image)
        changed[place] ^= 1 << chance.randrange(8)
        folder = tmp_path / "changed"
        folder.mkdir()
        (folder / "journal.db").write_bytes(changed)
        try:
            with open_journal(f"sqlite:///{folder / 'journal.db'}") as journal:
                if check(journal.database).faults:
                    found += 1
                else:
                    assert dump(journal) == before, f"byte {place} was changed and nobody saw it"
        except JournalFailed:
            found += 1  # it could not even be read, and said so
        shutil.rmtree(folder)
    assert found > FLIPS / 10
