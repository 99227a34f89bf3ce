"""Changes to the vault: add, rotate, remove, a new lock. Each is one write, whole or not at all.

In: access to a vault, an entry's place and text, times in UTC ms. Out: the vault as it is now.
Refuses to know: who asked.

A change is made under the writer's lock to what the file holds at that moment, and is on the disk when the
call returns. A rotated key waits beside the old one, which stays in use until the new one is confirmed.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from runner.domain.secret import Secret
from runner.errors import KeysFailed
from runner.vault import seal
from runner.vault.form import NAME, Entry, Sealed, State, VaultFile, render
from runner.vault.place import write_private, writers_place
from runner.vault.process import shut_process
from runner.vault.unlock import Locker, forget
from runner.vault.vault import Access, OnSecret, Place, Vault, open_vault, place_of

ENTRIES_MAX = 1_000
_EMPTY = Sealed(b"", b"")


def key_text(api_key: Secret, secret: Secret) -> Secret:
    """An exchange key as the one text that is sealed."""
    return Secret(json.dumps({"api_key": api_key.reveal(), "secret": secret.reveal()}))


def create(path: Path, locker: Locker, on_secret: OnSecret) -> Vault:
    """An empty vault; KeysFailed when one is there."""
    shut_process()
    with writers_place(path):
        if path.exists():
            raise KeysFailed(f"there is a vault at {path} already")
        return _locked_anew(path, os.urandom(8).hex(), locker, (), on_secret)


def add(access: Access, place: Place, text: Secret, *, account: str = "", now_ms: int) -> Vault:
    """A new entry; KeysFailed when its place is taken."""
    for word in (place.name, account or "main"):
        if not NAME.fullmatch(word):
            raise KeysFailed(f"{word!r} is no name: up to 32 of a-z, 0-9, - and _, not beginning with - or _")
    with writers_place(access.path):
        vault = open_vault(access)
        if any(place_of(entry) == place for entry in vault.entries()):
            raise KeysFailed(f"{place} is there already; 'runner keys rotate' replaces it without a pause")
        if len(vault.entries()) >= ENTRIES_MAX:
            raise KeysFailed(f"the vault is full: it holds {ENTRIES_MAX:,} entries")
        new = Entry(place.kind, place.name, account, place.mode, 1, "current", now_ms, _EMPTY)
        return _with_entries(vault, (*vault.entries(), _sealed(vault, new, text)))


def offer(access: Access, place: Place, text: Secret, *, now_ms: int) -> Vault:
    """A new version that waits beside the one in use; one that waited before is dropped."""
    with writers_place(access.path):
        vault = open_vault(access)
        old = vault.entry(place, "current")
        new = old._replace(version=_last_version(vault, place) + 1, state="waiting", added_ms=now_ms)
        kept = _without(vault, place, "waiting")
        return _with_entries(vault, (*kept, _sealed(vault, new, text)))


def confirm(access: Access, place: Place, version: int | None = None) -> Vault:
    """The waiting version comes into use, the old one is dropped. `version`: only if it is still this one."""
    with writers_place(access.path):
        vault = open_vault(access)
        new = vault.entry(place, "waiting")
        if version not in (None, new.version):
            raise KeysFailed(f"{place}: version {version} no longer waits, version {new.version} does")
        kept = _without(vault, place, "waiting")
        used = (new._replace(state="current") if place_of(one) == place else one for one in kept)
        return _with_entries(vault, tuple(used))


def withdraw(access: Access, place: Place) -> Vault:
    """The waiting version is dropped; the one in use stays."""
    with writers_place(access.path):
        vault = open_vault(access)
        vault.entry(place, "waiting")
        return _with_entries(vault, _without(vault, place, "waiting"))


def remove(access: Access, place: Place) -> Vault:
    """Every version of an entry is dropped."""
    with writers_place(access.path):
        vault = open_vault(access)
        vault.entry(place, "current")
        return _with_entries(vault, tuple(one for one in vault.entries() if place_of(one) != place))


def relock(access: Access, locker: Locker) -> Vault:
    """A new lock and a new data key, every entry sealed again. What opened the vault before does no more."""
    with writers_place(access.path):
        vault = open_vault(access)
        opened = [(entry, vault.text_of(entry)) for entry in vault.entries()]
        fresh = _locked_anew(access.path, vault.file.vault_id, locker, opened, access.on_secret)
        forget(vault.file.lock, vault.file.vault_id)
        return fresh


def _locked_anew(
    path: Path,
    vault_id: str,
    locker: Locker,
    opened: Sequence[tuple[Entry, Secret]],
    on_secret: OnSecret,
) -> Vault:
    lock, unlock_key = locker(vault_id)
    data_key = seal.fresh_data_key()
    empty = VaultFile(vault_id, lock, seal.wrap(lock, vault_id, unlock_key, data_key), ())
    vault = Vault(path, empty, Secret(data_key.hex()), on_secret)
    return _with_entries(vault, tuple(_sealed(vault, entry, text) for entry, text in opened))


def _sealed(vault: Vault, entry: Entry, text: Secret) -> Entry:
    return seal.seal_entry(vault.raw_data_key(), vault.file.vault_id, entry, text.reveal())


def _with_entries(vault: Vault, entries: tuple[Entry, ...]) -> Vault:
    """The vault with these entries, on the disk."""
    file = vault.file._replace(entries=entries)
    file = file._replace(mac=seal.mac_of(vault.raw_data_key(), file))
    write_private(vault.path, render(file))
    return Vault(vault.path, file, vault.data_key, vault.on_secret)


def _without(vault: Vault, place: Place, state: State) -> tuple[Entry, ...]:
    return tuple(one for one in vault.entries() if (place_of(one), one.state) != (place, state))


def _last_version(vault: Vault, place: Place) -> int:
    return max(entry.version for entry in vault.entries() if place_of(entry) == place)
