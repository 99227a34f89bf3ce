"""Every failure that `runner` can name, and the exit code that each ends with.

In: words for the user. Out: exceptions that only `runner/cli` catches and prints.
Refuses to know: terminals, files, the exchange.

    RunnerError        3   our own bug, when nothing better fits
    ├── UsageError     2   asked for something that cannot be
    │   └── SettingsWrong  2   a setting that does not exist, or not of its kind
    ├── DataMissing    4   the store lacks what a run needs; `command` is what to type next
    ├── DataDamaged    4   a file or the store does not hold what it should
    │   ├── DataConflict   4   a stored bar and a new one disagree
    │   └── StoreBusy      4   another process is writing to the store
    ├── ExchangeFailed 5   the exchange could not be asked, or said no
    │   ├── ExchangeUnreachable  5   no answer, or none that can be read, after all tries
    │   ├── ExchangeRefused      5   an answer that says no, with its code
    │   └── ExchangeHostRefused  5   a request was about to leave for a host outside the profile
    ├── JournalFailed  4   the journal cannot be opened, read or written; nothing is half written
    │   ├── JournalForeign   4   another account's journal, a newer build's, or on a network file system
    │   ├── JournalBusy      4   another process holds the journal and does not let go
    │   ├── JournalFull      4   no room on the disk
    │   ├── JournalDamaged   4   the journal does not hold what was written to it
    │   ├── LeaseHeld        4   another process runs this account and symbol
    │   └── LeaseLost        4   another process took this one's place; nothing more may be written
    ├── AlertsFailed   5   an alert could not be sent, or nobody knows where to
    ├── HealthFailed   5   a running bot did not answer how it is
    └── KeysFailed     5   keys that cannot be had, or must not be used
        ├── KeyUnknown       5   no such entry in the vault, or no vault
        ├── VaultLocked      5   the passphrase, or what stands in for it, does not open the vault
        ├── VaultDamaged     5   the vault's file is cut, mixed or not a vault
        ├── VaultTampered    5   the vault was changed by something other than runner
        ├── VaultUnsafe      5   others can read or replace the vault or a passphrase file
        ├── VaultBusy        5   another process is writing to the vault
        └── KeyRefused       5   the exchange says that the key can do too much, or too little
"""

from typing import ClassVar


class RunnerError(Exception):
    """`str(error)` is the whole message, one or more lines, fit to be printed."""

    exit_code: ClassVar[int] = 3


class UsageError(RunnerError):
    """The request itself is wrong: a name that does not exist, options that contradict each other."""

    exit_code: ClassVar[int] = 2


class SettingsWrong(UsageError):  # noqa: N818
    """runner.toml, a variable or an option says what is no setting; it names the place and what is wanted."""


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


class ExchangeFailed(RunnerError):  # noqa: N818
    """The exchange could not be asked, or did not answer as it should; says what to do about it."""

    exit_code: ClassVar[int] = 5


class ExchangeUnreachable(ExchangeFailed):
    """No answer that can be read came in all tries: no network, a stall, a fault on their side, or a ban."""


class ExchangeRefused(ExchangeFailed):
    """A whole answer that says no; `code` is Binance's number."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class ExchangeHostRefused(ExchangeFailed):
    """A request was about to leave for a host that the profile does not name; nothing was sent."""


class KeysFailed(RunnerError):  # noqa: N818
    """Keys cannot be had, or must not be used. No message holds a secret."""

    exit_code: ClassVar[int] = 5


class KeyUnknown(KeysFailed):
    """The vault has no such entry, or there is no vault yet."""


class VaultLocked(KeysFailed):
    """The file is whole, and what was given does not open it."""


class VaultDamaged(KeysFailed):
    """The file is not one that runner wrote: cut, mixed, a failing disk. Nothing of it is used."""


class VaultTampered(KeysFailed):
    """The passphrase is right and the content is not what runner wrote. Nothing of it is used."""


class VaultUnsafe(KeysFailed):
    """A file or folder that must be its owner's alone is not."""


class VaultBusy(KeysFailed):
    """Another process holds the vault's lock; nothing was changed."""


class KeyRefused(KeysFailed):
    """A key that may withdraw, or may not trade futures."""


class AlertsFailed(RunnerError):  # noqa: N818
    """A sink's address is not known, or did not take a message. No message holds an address."""

    exit_code: ClassVar[int] = 5


class HealthFailed(RunnerError):  # noqa: N818
    """Nothing answers where a bot was to be asked."""

    exit_code: ClassVar[int] = 5


class JournalFailed(RunnerError):  # noqa: N818
    """The journal cannot be opened, read or written; what was committed stays, nothing is half written."""

    exit_code: ClassVar[int] = 4


class JournalForeign(JournalFailed):
    """This database must not be written by this run: another account or mode, a newer build, a network
    disk.
    """


class JournalBusy(JournalFailed):
    """Another connection holds the database and did not let go in time; nothing was written."""


class JournalFull(JournalFailed):
    """No room for another entry; nothing was written."""


class JournalDamaged(JournalFailed):
    """The database does not hold what was written to it."""


class LeaseHeld(JournalFailed):
    """Another process runs this account and symbol."""


class LeaseLost(JournalFailed):
    """Another process has taken the lease with a higher epoch; nothing was written."""
