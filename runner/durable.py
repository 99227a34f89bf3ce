"""Files that survive a crash: whole or not there at all.

In: a path and bytes. Out: the file on the disk, under its name only when every byte is.
Refuses to know: what the bytes mean, who else writes.
"""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes, *, like: Path | None = None) -> None:
    """Under another name until every byte is on the disk; the caller syncs the directory.

    `like` names a file whose readers are to read this one, too.
    """
    draft = path.with_name(f".{path.name}.tmp")
    with draft.open("wb") as file:
        if like is not None:
            share(file.fileno(), like.stat())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def share(target: int | Path, like: os.stat_result) -> None:
    """The same owner, group and mode, as far as the system lets us."""
    with suppress(PermissionError):
        os.chown(target, -1, like.st_gid)
    with suppress(PermissionError):
        os.chown(target, like.st_uid, -1)
    with suppress(PermissionError):
        os.chmod(target, like.st_mode & 0o777)


def sync_directory(path: Path) -> None:
    """Make the names in a directory outlast a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
