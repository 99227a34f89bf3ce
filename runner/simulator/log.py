"""The truth: all that the exchange was asked, answered and did, in order, with a hash.

In: values. Out: entries that are never changed, the SHA-256 of all of them, their text.
Refuses to know: who reads it. Same seed, same requests, same times: same digest.
"""

from hashlib import sha256
from typing import NamedTuple, TypeAlias

from runner.simulator.events import Event
from runner.simulator.types import AmendOrder, Income, NewAlgo, NewOrder, Request


class Refusal(NamedTuple):
    """The answer to the last request of that account was no."""

    code: int
    msg: str


Command: TypeAlias = NewOrder | AmendOrder | NewAlgo | Request
Payload: TypeAlias = Command | Refusal | Income | Event


class Entry(NamedTuple):
    """One line of the log; `account` is empty for what the market did."""

    seq: int
    time_ms: int
    account: str
    payload: Payload


class TruthLog:
    """Append-only. Hashing waits until somebody asks: a run that nobody checks does not pay for it."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._hash = sha256()
        self._hashed = 0

    def append(self, time_ms: int, account: str, payload: Payload) -> None:
        self._entries.append(Entry(len(self._entries), time_ms, account, payload))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries)

    def since(self, seq: int, limit: int | None = None) -> list[Entry]:
        """Entries from `seq` on."""
        return self._entries[seq : None if limit is None else seq + limit]

    def digest(self) -> str:
        """Over everything so far."""
        for entry in self._entries[self._hashed :]:
            self._hash.update(line(entry).encode())
        self._hashed = len(self._entries)
        return self._hash.hexdigest()


def line(entry: Entry) -> str:
    """One entry as one line of text."""
    return f"{entry.seq} {entry.time_ms} {entry.account or '-'} {entry.payload!r}\n"
