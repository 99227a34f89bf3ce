"""Which file system a path lies on, and whether SQLite's locks hold there.

In: a path, and the system's table of mounts as text. Out: the file system's type; whether it is a network's.
Refuses to know: databases.
Source: SQLite's "WAL does not work over a network filesystem"; mount table as in proc(5). Where there is no
such table (macOS, Windows) the type is not known, and nothing is refused.
"""

from pathlib import Path

MOUNTS = Path("/proc/self/mounts")

# Shared over a network, or with another kernel: locks and shared memory do not reach the other side.
NETWORK = (
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "glusterfs", "lustre", "gpfs"),
    *("9p", "beegfs", "orangefs", "ocfs2", "davfs", "drvfs", "vboxsf", "vmhgfs", "prl_fs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs", "fuse.davfs2", "fuse.gcsfuse"),
)


def file_system(path: Path, mounts: str) -> str | None:
    """The type of the file system that holds `path`; None when the table does not say."""
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        parts = line.split()
        if len(parts) < 3:
            continue
        point = Path(_unescaped(parts[1]))
        if (path == point or point in path.parents) and (best is None or len(point.parts) >= best[0]):
            best = len(point.parts), parts[2]
    return best[1] if best else None


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The type, when `path` (or the folder it will lie in) is on a network file system."""
    try:
        table = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    found = file_system(path.resolve(), table)
    return found if found in NETWORK else None


def _unescaped(text: str) -> str:
    """Blanks and backslashes are octal in the table."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
