"""Which process has the writer's turn in SQLite's file, as the kernel tells it.

In: a journal's database. Out: a Writer; None when nobody holds it, or it cannot be told (Postgres, Windows).
Refuses to know: leases, what is done to a writer that hangs.

The kernel is asked by a process of its own: a process that closes a file loses all the locks that it has on
it, and those that SQLite took in this one must stay. It imports nothing of ours.
Source: SQLite "WAL-mode File Format" (lock byte 120 of the shared memory: the writer), "File Locking And
Concurrency" (0x40000000 pending, 0x40000001 reserved); fcntl(2), F_GETLK.
"""

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runner.journal.database import Database

_WAL_WRITER = (120, 1)
_PENDING_AND_RESERVED = (0x4000_0000, 2)
_ASK_S = 10
_TOLD_LENGTH_MAX = 80
# struct flock: type, whence, start, length, pid; macOS has them in another order
_FORMS = {"linux": "hhqqi0q", "darwin": "qqihh"}


class Writer(NamedTuple):
    """A process in the midst of writing, and how it was called, where that can be told."""

    pid: int
    words: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.words})" if self.words else f"process {self.pid}"


def writer_of(database: "Database") -> Writer | None:
    """Who writes now."""
    if database.path is None or sys.platform not in _FORMS:
        return None
    try:
        asked = subprocess.run(
            [sys.executable, "-I", __file__, str(database.path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = asked.stdout.strip()
    # 0: a process that is none of this container's; -1: a lock that belongs to no process
    if asked.returncode or not told.isdecimal() or told == "0":
        return None
    return Writer(int(told), _called(int(told)))


def _called(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    text = "".join(letter if letter.isprintable() else "?" for letter in " ".join(words).strip())
    return text if len(text) <= _TOLD_LENGTH_MAX else f"{text[:_TOLD_LENGTH_MAX]}…"


def _holder(path: Path, start: int, length: int) -> int | None:
    """Whose lock keeps others from these bytes."""
    import fcntl  # here, so that reading works on systems without it  # noqa: PLC0415

    handle = os.open(path, os.O_RDONLY)
    try:
        if sys.platform == "darwin":
            asked = struct.pack(_FORMS["darwin"], start, length, 0, fcntl.F_WRLCK, os.SEEK_SET)
            _, _, pid, kind, _ = struct.unpack(_FORMS["darwin"], fcntl.fcntl(handle, fcntl.F_GETLK, asked))
        else:
            asked = struct.pack(_FORMS["linux"], fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
            kind, _, _, _, pid = struct.unpack(_FORMS["linux"], fcntl.fcntl(handle, fcntl.F_GETLK, asked))
    finally:
        os.close(handle)
    return None if kind == fcntl.F_UNLCK else pid


def main() -> None:
    """Print the process of the writer, or nothing."""
    path = Path(sys.argv[1])
    shared = path.with_name(f"{path.name}-shm")
    pid = _holder(shared, *_WAL_WRITER) if shared.exists() else None
    if pid is None:
        pid = _holder(path, *_PENDING_AND_RESERVED)
    if pid is not None:
        print(pid)


if __name__ == "__main__":
    main()
