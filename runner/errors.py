"""Every failure that `runner` can name, and the exit code that each ends with.

In: words for the user. Out: exceptions that only `runner/cli` catches and prints.
Refuses to know: terminals, files, the exchange.

    RunnerError        3   our own bug, when nothing better fits
    ├── UsageError     2   asked for something that cannot be
    ├── DataMissing    4   the store lacks what a run needs; `command` is what to type next
    └── DataDamaged    4   a file or the store does not hold what it should
        ├── DataConflict   4   a stored bar and a new one disagree
        └── StoreBusy      4   another process is writing to the store
"""

from typing import ClassVar


class RunnerError(Exception):
    """`str(error)` is the whole message, one or more lines, fit to be printed."""

    exit_code: ClassVar[int] = 3


class UsageError(RunnerError):
    """The request itself is wrong: a name that does not exist, options that contradict each other."""

    exit_code: ClassVar[int] = 2


class DataMissing(RunnerError):  # noqa: N818 – says what is, not that it is an error
    """Market data that a run needs is not there. `command` is the exact command that would help."""

    exit_code: ClassVar[int] = 4

    def __init__(self, message: str, command: str) -> None:
        super().__init__(f"{message}\n  {command}")
        self.message = message
        self.command = command


class DataDamaged(RunnerError):  # noqa: N818
    """A file cannot be taken, or a stored one cannot be read; nothing was changed."""

    exit_code: ClassVar[int] = 4


class DataConflict(DataDamaged):
    """New rows disagree with stored rows of the same time; nothing was changed."""


class StoreBusy(DataDamaged):
    """Another process holds the writer's lock; nothing was changed."""
