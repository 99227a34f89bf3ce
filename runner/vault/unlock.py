"""What opens a vault: a passphrase, typed or from a file of its owner's alone, or the system's keyring.

In: a lock. Out: its unlock key; VaultLocked, VaultUnsafe.
Refuses to know: terminals, what the vault holds.
"""

import base64
import binascii
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from runner.domain.secret import Secret
from runner.errors import KeysFailed, VaultLocked
from runner.vault.form import Lock
from runner.vault.place import read_private
from runner.vault.seal import check_of, derive, fresh_lock, fresh_unlock_key

PASSPHRASE_LENGTH_MIN = 12
_PASSPHRASE_BYTES_MAX = 4_096
_SERVICE = "runner"
_NO_KEYRING = (
    "the system's keyring cannot be used: {why}; 'runner keys passphrase' takes a passphrase instead"
)

Opener = Callable[[Lock, str], bytes]
"""The unlock key of a lock, given the vault's id."""
Locker = Callable[[str], tuple[Lock, bytes]]
"""A new lock with its unlock key, given the vault's id."""


def with_passphrase(passphrase: Secret) -> Opener:
    """Opens with what a person knows."""

    def open_it(lock: Lock, vault_id: str) -> bytes:
        if lock.kind == "keyring":
            return with_keyring()(lock, vault_id)
        return derive(lock, passphrase.reveal())

    return open_it


def with_keyring() -> Opener:
    """Opens with what the system keeps for its user."""

    def open_it(lock: Lock, vault_id: str) -> bytes:
        kept = _keyring_get(_user(lock, vault_id))
        if kept is None:
            raise VaultLocked("the system's keyring has no key for this vault; it may be another user's")
        try:
            return base64.b64decode(kept, validate=True)
        except binascii.Error:
            raise VaultLocked("what the system's keyring holds for this vault is not its key") from None

    return open_it


def lock_with_passphrase(passphrase: Secret, cost: tuple[int, ...] | None = None) -> Locker:
    """A new lock for a passphrase; KeysFailed when it is too short."""
    if len(passphrase.reveal()) < PASSPHRASE_LENGTH_MIN:
        raise KeysFailed(f"a passphrase has {PASSPHRASE_LENGTH_MIN} characters or more, such as four words")

    def lock_it(_vault_id: str) -> tuple[Lock, bytes]:
        lock = fresh_lock(cost=cost)
        unlock_key = derive(lock, passphrase.reveal())
        return lock._replace(check=check_of(unlock_key)), unlock_key

    return lock_it


def lock_with_keyring() -> Locker:
    """A new lock whose key the system's keyring keeps."""

    def lock_it(vault_id: str) -> tuple[Lock, bytes]:
        unlock_key = fresh_unlock_key()
        lock = fresh_lock(in_keyring=True)._replace(check=check_of(unlock_key))
        _keyring_set(_user(lock, vault_id), base64.b64encode(unlock_key).decode())
        return lock, unlock_key

    return lock_it


def forget(lock: Lock, vault_id: str) -> None:
    """What the keyring kept for a lock that is no longer used."""
    if lock.kind != "keyring":
        return
    keyring, error_type = _keyring()
    with suppress(error_type):  # what is left there opens nothing any more
        keyring.delete_password(_SERVICE, _user(lock, vault_id))


def read_passphrase_file(path: Path) -> Secret:
    """The first line of a file that is its owner's alone, such as a credential that systemd hands over."""
    raw = read_private(path, "the passphrase file", _PASSPHRASE_BYTES_MAX)
    if raw is None:
        raise KeysFailed(f"there is no passphrase file {path}; it is named by vault.passphrase_file")
    try:
        lines = raw.decode().splitlines()
    except UnicodeDecodeError:
        raise KeysFailed(f"the passphrase file {path} is not UTF-8 text") from None
    if not lines or not lines[0] or len(raw) > _PASSPHRASE_BYTES_MAX:
        raise KeysFailed(f"the passphrase file {path} has no passphrase in its first line")
    return Secret(lines[0])


def _user(lock: Lock, vault_id: str) -> str:
    """One name for each lock: a new one is kept beside the old until the vault is written."""
    return f"vault-{vault_id}-{lock.salt.hex()[:8]}"


def _keyring_get(user: str) -> str | None:
    keyring, error_type = _keyring()
    try:
        kept = keyring.get_password(_SERVICE, user)
    except error_type as error:
        raise VaultLocked(_NO_KEYRING.format(why=error)) from None
    return str(kept) if kept is not None else None


def _keyring_set(user: str, text: str) -> None:
    keyring, error_type = _keyring()
    try:
        keyring.set_password(_SERVICE, user, text)
    except error_type as error:
        raise KeysFailed(_NO_KEYRING.format(why=error)) from None
    if _keyring_get(user) != text:
        raise KeysFailed(_NO_KEYRING.format(why="it took the key and did not give it back"))


def _keyring() -> tuple[Any, type[Exception]]:
    """The package and what it raises; it is an extra, and slow to import."""
    try:
        import keyring  # noqa: PLC0415
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ImportError:
        raise KeysFailed(
            "the system's keyring needs a package more: pip install 'runner[keyring]'; or use a passphrase"
        ) from None
    return keyring, KeyringError
