"""Files that survive a crash: whole or not there at all.

In: a path and bytes. Out: the file on the disk, under its name only when every byte is.
Refuses to know: what the bytes mean, who else writes.
"""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Under another name until every byte is on the disk; the caller syncs the directory."""
    draft = path.with_name(f".{path.name}.tmp")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def sync_directory(path: Path) -> None:
    """Make the names in a directory outlast a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
