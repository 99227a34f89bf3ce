"""The vault's file on the disk: its owner's alone, whole or not there, one writer at a time.

In: a path and bytes. Out: bytes; VaultUnsafe, VaultBusy.
Refuses to know: what the bytes mean.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.errors import VaultBusy, VaultUnsafe


def read_private(path: Path, what: str, bytes_max: int) -> bytes | None:
    """The content of a file that is its owner's alone; None when there is none. At most one byte too many."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VaultUnsafe(f"{what} {path} cannot be opened: {error.strerror}") from None
    with open(handle, "rb") as file:
        _refuse_shared(path, what, os.fstat(handle))
        return file.read(bytes_max + 1)


def make_folder(folder: Path) -> None:
    """The vault's folder, made if it is not there, refused if others may look into it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    check_folder(folder)


def check_folder(folder: Path) -> None:
    """VaultUnsafe unless it is a folder that only its owner may enter."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise VaultUnsafe(f"{folder} is not a folder; the vault's folder must be one, and no link")
    _refuse_shared(folder, "the vault's folder", status)


def write_private(path: Path, content: bytes) -> None:
    """Under another name until every byte is on the disk, then in one step; the caller holds the lock."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        os.fchmod(handle, 0o600)
        file.write(content)
        file.flush()
        os.fsync(handle)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def writers_place(path: Path) -> Iterator[None]:
    """Hold the one writer's place of a vault; VaultBusy at once when somebody else has it."""
    import fcntl  # here, so that reading works on systems without it  # noqa: PLC0415

    make_folder(path.parent)
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise VaultBusy(f"another runner is changing the vault {path}; try again in a moment") from None
        yield
    finally:
        os.close(handle)


def _refuse_shared(path: Path, what: str, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    is_folder = stat.S_ISDIR(status.st_mode)
    if not is_folder and not stat.S_ISREG(status.st_mode):
        raise VaultUnsafe(f"{what} {path} is not a file")
    if status.st_uid not in (os.geteuid(), 0):
        raise VaultUnsafe(f"{what} {path} belongs to another user (uid {status.st_uid}); it must be yours")
    if status.st_uid == 0 != os.geteuid() and mode == 0o440:
        return  # the system lent it to us, as systemd does with a service's credentials
    if mode & 0o077:
        wanted = "700" if is_folder else "600"
        raise VaultUnsafe(
            f"{what} {path} is open to others (mode {mode:o}); it is not used until: chmod {wanted} {path}"
        )
