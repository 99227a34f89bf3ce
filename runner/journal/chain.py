"""The chain: each entry's hash covers the entry and the hash before it.

In: entries, rows of the table. Out: rows with their hashes, entries read back; where a chain breaks.
Refuses to know: connections. A chain shows that something was changed; it cannot stop whoever owns the disk
from writing a new one, so the head's hash is worth keeping elsewhere (`runner verify` and alerts print it).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from runner.domain.entry import PAYLOAD_BYTES_MAX, Entry, Recorded
from runner.errors import JournalDamaged, JournalFailed
from runner.journal.codec import canonical, event_of, kind_of, text_of

_STAMP = tuple(field.name for field in fields(Entry) if field.name != "event")
_COVERED = ("seq", *_STAMP, "kind", "payload")

Columns = dict[str, Any]


def genesis(instance: str) -> str:
    """What the first entry follows: a chain belongs to one database and to no other."""
    return hashlib.sha256(f"runner journal {instance}".encode()).hexdigest()


def seal_of(about: Mapping[str, str]) -> str:
    """A hash over the notes on a database: whose it is."""
    noted = canonical({name: about[name] for name in ("instance", "mode", "account") if name in about})
    return hashlib.sha256(noted.encode("ascii")).hexdigest()


def columns_of(entry: Entry) -> Columns:
    """The entry as the table's columns, without its place in the chain."""
    payload = text_of(entry.event)
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise JournalFailed(
            f"an entry of {len(payload):,} bytes ({kind_of(entry.event)}) is more than the journal takes "
            f"({PAYLOAD_BYTES_MAX:,}); long texts are kept by their hash"
        )
    columns: Columns = {name: getattr(entry, name) for name in _STAMP}
    return columns | {"kind": kind_of(entry.event), "payload": payload}


def chained(columns: Columns, seq: int, prev_hash: str) -> Columns:
    """The same with its place in the chain."""
    placed = columns | {"seq": seq, "prev_hash": prev_hash}
    return placed | {"hash": hash_of(placed)}


def hash_of(columns: Mapping[str, Any]) -> str:
    """SHA-256 over the hash before and every column."""
    text = canonical([columns[name] for name in _COVERED])
    return hashlib.sha256(f"{columns['prev_hash']}\n{text}".encode("ascii")).hexdigest()


def recorded(columns: Mapping[str, Any]) -> Recorded:
    """The entry that a row holds; JournalDamaged when it holds none."""
    stamp = {name: columns[name] for name in _STAMP}
    entry = Entry(event=event_of(columns["kind"], columns["payload"]), **stamp)
    return Recorded(columns["seq"], entry, columns["prev_hash"], columns["hash"])


def check_link(columns: Mapping[str, Any], seq: int, prev_hash: str) -> None:
    """JournalDamaged, naming the entry, unless the row follows the one before and holds what was hashed."""
    if columns["seq"] != seq:
        missing = f"{seq}" if columns["seq"] == seq + 1 else f"{seq} to {columns['seq'] - 1}"
        raise JournalDamaged(f"entry {missing} is missing from the journal")
    if columns["prev_hash"] != prev_hash or columns["hash"] != hash_of(columns):
        raise JournalDamaged(
            f"entry {seq} ({columns['kind']}, run {columns['run']}) is not what was written: its hash differs"
        )
