"""The form of the vault's file: JSON that people can look at, each byte of it accounted for.

In: bytes, or the values. Out: the values, or the bytes; VaultDamaged says what is no vault.
Refuses to know: passphrases, ciphers, where the file lies.

Names, modes and dates stand in clear; what is secret is sealed. The last line is a checksum over all before
it: it tells an accident from a wrong passphrase without any key. Only the one spelling that `render` writes
is read.
"""

import base64
import binascii
import hashlib
import json
import re
from typing import Literal, NamedTuple, NoReturn, TypeVar, get_args

from runner.errors import VaultDamaged

FORMAT = "runner vault 1"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
FILE_BYTES_MAX = 4 << 20

LockKind = Literal["argon2id", "scrypt", "keyring"]
EntryKind = Literal["key", "url"]
State = Literal["current", "waiting"]

# The words of each lock's cost, and what they may be at most: a file must not make us allocate all memory.
COSTS: dict[LockKind, dict[str, int]] = {
    "argon2id": {"memory_kib": 1 << 18, "passes": 16, "lanes": 16},
    "scrypt": {"n": 1 << 18, "r": 8, "p": 4},
    "keyring": {},
}
_Word = TypeVar("_Word", bound=str)
_CHECKSUM = re.compile(rb' "checksum": "([0-9a-f]{64})"\n}\n')


class Lock(NamedTuple):
    """How the key that wraps the data key is had again; `check` tells whether it is the right one."""

    kind: LockKind
    salt: bytes
    cost: tuple[int, ...]
    check: bytes = b""


class Sealed(NamedTuple):
    """AES-256-GCM: the nonce, then text and tag."""

    nonce: bytes
    sealed: bytes


class Entry(NamedTuple):
    """One secret. An address has no mode and no account. A `waiting` one is not in use until confirmed."""

    kind: EntryKind
    name: str
    account: str
    mode: str
    version: int
    state: State
    added_ms: int
    box: Sealed


class VaultFile(NamedTuple):
    """All of a vault. `mac` is over everything else, under the data key."""

    vault_id: str
    lock: Lock
    data_key: Sealed
    entries: tuple[Entry, ...]
    mac: bytes = b""


def render(file: VaultFile) -> bytes:
    """The file's bytes."""
    head = _head(file)
    return head + f' "checksum": "{hashlib.sha256(head).hexdigest()}"\n}}\n'.encode()


def authenticated(file: VaultFile) -> bytes:
    """What the mac is over: all but the mac itself."""
    return _head(file._replace(mac=b""))


def parse(content: bytes, where: str) -> tuple[VaultFile, bool]:
    """The values, and whether the checksum holds."""
    at = content.rfind(b' "checksum"')
    found = _CHECKSUM.fullmatch(content, max(at, 0))
    if at < 0 or not found or len(content) > FILE_BYTES_MAX:
        _damaged(where, "its end is not that of a vault; it may have been cut")
    head = content[:at]
    is_intact = hashlib.sha256(head).hexdigest().encode() == found[1]
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError):
        _damaged(where, "it is not JSON")
    written = plain.get("format") if isinstance(plain, dict) else None
    if written != FORMAT:
        if is_intact and isinstance(written, str):
            _damaged(where, f"it says {written[:40]!r} and this runner reads {FORMAT!r} only")
        _damaged(where, "it does not say what it is")
    try:
        file = _file(plain)
    except (KeyError, TypeError, ValueError, AttributeError):
        _damaged(where, "a part of it is missing or of another kind")
    if _head(file) != head:
        _damaged(where, "it is not spelled as runner writes it")
    return file, is_intact


def _damaged(where: str, why: str) -> NoReturn:
    raise VaultDamaged(
        f"{where} is damaged: {why}. Nothing of it was used; put back a copy that you kept, or move it away "
        "and add the keys anew"
    )


def _head(file: VaultFile) -> bytes:
    """Everything before the checksum."""
    names = COSTS[file.lock.kind]
    body = {
        "format": FORMAT,
        "id": file.vault_id,
        "lock": {
            "kind": file.lock.kind,
            "salt": _text(file.lock.salt),
            "cost": dict(zip(names, file.lock.cost, strict=True)),
            "check": _text(file.lock.check),
        },
        "data_key": _box(file.data_key),
        "entries": [entry._asdict() | {"box": _box(entry.box)} for entry in file.entries],
        "mac": _text(file.mac),
    }
    return json.dumps(body, indent=1).removesuffix("\n}").encode() + b",\n"


def _file(plain: dict[str, object]) -> VaultFile:
    """KeyError, TypeError or ValueError where it is none."""
    lock, entries = plain["lock"], plain["entries"]
    if not isinstance(lock, dict) or not isinstance(entries, list):
        raise TypeError
    kind = _one_of(lock["kind"], get_args(LockKind))
    cost = tuple(_whole(lock["cost"][name], most) for name, most in COSTS[kind].items())
    if kind == "argon2id" and cost[0] < 8 * cost[2]:
        raise ValueError  # what the function itself refuses
    if kind == "scrypt" and (cost[0] < 2 or cost[0] & (cost[0] - 1)):
        raise ValueError
    read = tuple(_entry(entry) for entry in entries)
    places = [(entry.kind, entry.mode, entry.name, entry.state) for entry in read]
    if len(set(places)) != len(places):
        raise ValueError
    return VaultFile(
        vault_id=_word(plain["id"]),
        lock=Lock(kind, _bytes(lock["salt"]), cost, _bytes(lock["check"])),
        data_key=_sealed(plain["data_key"]),
        entries=read,
        mac=_bytes(plain["mac"]),
    )


def _entry(plain: dict[str, object]) -> Entry:
    return Entry(
        kind=_one_of(plain["kind"], get_args(EntryKind)),
        name=_word(plain["name"]),
        account=_word(plain["account"], may_be_empty=True),
        mode=_word(plain["mode"], may_be_empty=True),
        version=_whole(plain["version"], 1 << 31),
        state=_one_of(plain["state"], get_args(State)),
        added_ms=_whole(plain["added_ms"], 1 << 53),
        box=_sealed(plain["box"]),
    )


def _box(box: Sealed) -> dict[str, str]:
    return {"nonce": _text(box.nonce), "sealed": _text(box.sealed)}


def _sealed(plain: object) -> Sealed:
    if not isinstance(plain, dict):
        raise TypeError
    nonce = _bytes(plain["nonce"])
    if len(nonce) != 12:
        raise ValueError
    return Sealed(nonce, _bytes(plain["sealed"]))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise TypeError
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError from error


def _one_of(word: object, known: tuple[_Word, ...]) -> _Word:
    found = [one for one in known if one == word]
    if not found:
        raise ValueError
    return found[0]


def _word(text: object, *, may_be_empty: bool = False) -> str:
    if not isinstance(text, str) or not (NAME.fullmatch(text) or (may_be_empty and text == "")):
        raise ValueError
    return text


def _whole(number: object, most: int) -> int:
    if type(number) is not int or not 1 <= number <= most:
        raise ValueError
    return number
