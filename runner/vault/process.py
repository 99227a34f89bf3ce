"""A process that holds secrets: no core dumps, and no other process of its user may look into its memory.

In: nothing. Out: whether the system took it; what a system does not know is left out.
Refuses to know: which secrets.
Source: setrlimit(2) RLIMIT_CORE; prctl(2) PR_SET_DUMPABLE (Linux).
"""

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def shut_process() -> bool:
    """No core file and, on Linux, no ptrace and no /proc/PID/mem for others. Root still may."""
    if sys.platform == "win32":
        return False
    import resource  # not on every system  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return True
    return int(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)) == 0
