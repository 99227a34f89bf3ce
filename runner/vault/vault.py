"""The vault: exchange keys and alert addresses, each under its name, opened for one process.

In: a path, what opens it, names, modes (words that mean nothing here). Out: Secrets, and what is there.
Refuses to know: terminals, exchanges, what a mode is; changes stand in `change.py`.

Every secret that is opened is told to `on_secret` first, so that whoever writes logs can leave it out.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from runner.domain.secret import Secret
from runner.errors import KeyUnknown, VaultDamaged, VaultLocked, VaultTampered
from runner.vault import seal
from runner.vault.form import FILE_BYTES_MAX, Entry, EntryKind, LockKind, State, VaultFile, parse
from runner.vault.place import check_folder, read_private
from runner.vault.process import shut_process
from runner.vault.unlock import Opener

OnSecret = Callable[[str], None]


class KeyPair(NamedTuple):
    """What an exchange asks for; `secret` may be a private key in PEM."""

    api_key: Secret
    secret: Secret
    account: str
    version: int


class Place(NamedTuple):
    """Where an entry stands; an address has no mode."""

    kind: EntryKind
    name: str
    mode: str = ""

    def __str__(self) -> str:
        """As a person would say it."""
        return f"the {self.mode} key {self.name!r}" if self.kind == "key" else f"the address {self.name!r}"


def key_place(mode: str, name: str) -> Place:
    """The place of an exchange key."""
    return Place("key", name, mode)


def url_place(name: str) -> Place:
    """The place of an address of alerts."""
    return Place("url", name)


def list_entries(path: Path) -> tuple[Entry, ...] | None:
    """What the vault says it holds, without opening it: only the checksum speaks for it. None: no vault."""
    content = _read(path)
    if content is None:
        return None
    file, is_intact = parse(content, str(path))
    if not is_intact:
        raise VaultDamaged(
            f"{path} is not as runner wrote it: its checksum does not hold; 'runner keys check' says more"
        )
    return file.entries


def lock_kind(path: Path) -> LockKind | None:
    """What opens the vault; None: there is no vault."""
    content = _read(path)
    return parse(content, str(path))[0].lock.kind if content is not None else None


@dataclass(frozen=True, slots=True)
class Vault:
    """An opened vault, as it was when it was opened."""

    path: Path
    file: VaultFile
    data_key: Secret  # in hex
    on_secret: OnSecret

    def __repr__(self) -> str:
        """Without anything of what is inside."""
        return f"Vault({str(self.path)!r})"

    def entries(self) -> tuple[Entry, ...]:
        """What is there, in the order it was added."""
        return self.file.entries

    def key(self, mode: str, name: str, state: State = "current") -> KeyPair:
        """An exchange key for that mode, and for no other."""
        entry = self.entry(key_place(mode, name), state)
        said = json.loads(self.text_of(entry).reveal())
        for text in (said["api_key"], said["secret"]):
            self.on_secret(text)
        return KeyPair(Secret(said["api_key"]), Secret(said["secret"]), entry.account, entry.version)

    def url(self, name: str) -> Secret:
        """An address of alerts."""
        text = self.text_of(self.entry(url_place(name), "current"))
        self.on_secret(text.reveal())
        return text

    def entry(self, place: Place, state: State) -> Entry:
        """What stands at a place; KeyUnknown when nothing does."""
        for entry in self.file.entries:
            if (place_of(entry), entry.state) == (place, state):
                return entry
        if state == "waiting":
            raise KeyUnknown(f"{place} has no new version that waits; 'runner keys rotate' adds one")
        return _unknown(self.file.entries, place)

    def text_of(self, entry: Entry) -> Secret:
        """What is sealed in an entry; VaultTampered when its seal is broken."""
        text = seal.open_entry(self.raw_data_key(), self.file.vault_id, entry)
        if text is None:
            raise VaultTampered(_changed(self.path, f"the seal of {place_of(entry)} is broken"))
        return Secret(text)

    def raw_data_key(self) -> bytes:
        """For the ciphers."""
        return bytes.fromhex(self.data_key.reveal())


def place_of(entry: Entry) -> Place:
    """Where an entry stands."""
    return Place(entry.kind, entry.name, entry.mode)


class Access(NamedTuple):
    """Where a vault is, what opens it, and who is told of every secret that leaves it."""

    path: Path
    opener: Opener
    on_secret: OnSecret


def open_vault(access: Access) -> Vault:
    """The vault as it is now; KeyUnknown when there is none."""
    shut_process()
    content = _read(access.path)
    if content is None:
        raise KeyUnknown(f"there is no vault at {access.path} yet; 'runner keys add' makes it")
    path = access.path
    file, is_intact = parse(content, str(path))
    unlock_key = access.opener(file.lock, file.vault_id)
    if not seal.is_right(file.lock, unlock_key):
        if not is_intact:
            raise VaultDamaged(
                f"{path} is damaged: its checksum does not hold, and what was given does not open it; "
                "put back a copy that you kept"
            )
        raise VaultLocked(f"wrong passphrase: it does not open {path}; nothing was changed, try again")
    data_key = seal.unwrap(file, unlock_key)
    if data_key is None or not seal.mac_holds(data_key, file):
        raise VaultTampered(_changed(path, "its checksum was made to fit" if is_intact else ""))
    if not is_intact:
        raise VaultDamaged(f"{path} is damaged: the line of its checksum is not as runner wrote it")
    return Vault(path, file, Secret(data_key.hex()), access.on_secret)


def _read(path: Path) -> bytes | None:
    if path.parent.is_dir():
        check_folder(path.parent)
    return read_private(path, "the vault", FILE_BYTES_MAX)


def _changed(path: Path, why: str) -> str:
    return (
        f"{path} was changed after runner wrote it{': ' + why if why else ''}. The passphrase is right and "
        "the content is not: nothing of it was used. Put back a copy that you trust; if none of you changed "
        "it, delete the keys at the exchange and make new ones"
    )


def _unknown(entries: tuple[Entry, ...], place: Place) -> NoReturn:
    """Why there is no such entry: an entry of another mode is never given."""
    modes = sorted({entry.mode for entry in entries if (entry.kind, entry.name) == (place.kind, place.name)})
    names = sorted({entry.name for entry in entries if (entry.kind, entry.mode) == (place.kind, place.mode)})
    if modes:
        raise KeyUnknown(f"{place} is not there: the key {place.name!r} is bound to {' and '.join(modes)}")
    known = f"there are {', '.join(names)}" if names else "'runner keys add' adds it"
    raise KeyUnknown(f"{place} is not there; {known}")
