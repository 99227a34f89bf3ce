"""The ciphers: a random data key seals every entry; a key from a passphrase, or kept by the system, wraps it.

In: bytes, and what they belong to. Out: sealed bytes, or the bytes again; None where a seal is broken.
Refuses to know: files, prompts, what is inside.
Source: AES-256-GCM with a fresh 96-bit nonce each (NIST SP 800-38D); Argon2id (RFC 9106): 64 MiB, 3 passes,
4 lanes, about 0.15 s; where OpenSSL lacks it, scrypt (RFC 7914): N=2^17, r=8, p=1, 128 MiB.

What a seal belongs to (kind, name, account, mode, version, vault) is bound into it: an entry put into the
place of another does not open.
"""

import hashlib
import hmac
import json
import os
import unicodedata

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from runner.errors import KeysFailed
from runner.vault.form import Entry, Lock, Sealed, VaultFile, authenticated

ARGON2ID_COST = (65_536, 3, 4)
SCRYPT_COST = (1 << 17, 8, 1)
_UNLOCK_BYTES = 64  # half wraps, half only proves that it is the right key
_CONTEXT = b"runner vault 1 "


def fresh_lock(*, cost: tuple[int, ...] | None = None, in_keyring: bool = False) -> Lock:
    """A lock with a new salt, of the best kind that is to be had here."""
    salt = os.urandom(16)
    if in_keyring:
        return Lock("keyring", salt, ())
    lock = Lock("argon2id", salt, cost or ARGON2ID_COST)
    try:
        Argon2id(salt=salt, length=16, iterations=1, lanes=1, memory_cost=8)
    except UnsupportedAlgorithm:
        return Lock("scrypt", salt, SCRYPT_COST)
    return lock


def derive(lock: Lock, passphrase: str) -> bytes:
    """The unlock key of a passphrase; one spelling of each letter, whichever keyboard it came from."""
    try:
        return _derive(lock, unicodedata.normalize("NFC", passphrase).encode())
    except UnsupportedAlgorithm:
        raise KeysFailed(
            f"this machine's OpenSSL has no {lock.kind}: the vault opens on a newer one"
        ) from None


def _derive(lock: Lock, text: bytes) -> bytes:
    if lock.kind == "argon2id":
        memory_kib, passes, lanes = lock.cost
        kdf = Argon2id(
            salt=lock.salt, length=_UNLOCK_BYTES, iterations=passes, lanes=lanes, memory_cost=memory_kib
        )
        return kdf.derive(text)
    n, r, p = lock.cost
    return Scrypt(salt=lock.salt, length=_UNLOCK_BYTES, n=n, r=r, p=p).derive(text)


def fresh_unlock_key() -> bytes:
    """A random one, for a system's keyring to keep."""
    return os.urandom(_UNLOCK_BYTES)


def fresh_data_key() -> bytes:
    """A random one, for one file."""
    return AESGCM.generate_key(256)


def check_of(unlock_key: bytes) -> bytes:
    """What the file keeps to tell whether an unlock key is right; says nothing about the other half."""
    return hashlib.sha256(_CONTEXT + b"check" + unlock_key[32:]).digest()[:16]


def is_right(lock: Lock, unlock_key: bytes) -> bool:
    """Whether this unlock key belongs to the lock."""
    return hmac.compare_digest(lock.check, check_of(unlock_key))


def wrap(lock: Lock, vault_id: str, unlock_key: bytes, data_key: bytes) -> Sealed:
    """The data key under the unlock key."""
    return _seal(unlock_key[:32], data_key, _of_lock(lock, vault_id))


def unwrap(file: VaultFile, unlock_key: bytes) -> bytes | None:
    """The data key; None when its seal is broken."""
    return _open(unlock_key[:32], file.data_key, _of_lock(file.lock, file.vault_id))


def seal_entry(data_key: bytes, vault_id: str, entry: Entry, text: str) -> Entry:
    """The entry with its box filled."""
    return entry._replace(box=_seal(data_key, text.encode(), _of_entry(vault_id, entry)))


def open_entry(data_key: bytes, vault_id: str, entry: Entry) -> str | None:
    """What is in the box; None when its seal is broken or it belongs elsewhere."""
    opened = _open(data_key, entry.box, _of_entry(vault_id, entry))
    return opened.decode() if opened is not None else None


def mac_holds(data_key: bytes, file: VaultFile) -> bool:
    """Whether the whole file is as it was sealed."""
    return hmac.compare_digest(mac_of(data_key, file), file.mac)


def mac_of(data_key: bytes, file: VaultFile) -> bytes:
    """The seal over the whole file."""
    own = hmac.digest(data_key, _CONTEXT + b"mac", "sha256")
    return hmac.digest(own, authenticated(file), "sha256")


def _seal(key: bytes, plain: bytes, belongs_to: bytes) -> Sealed:
    nonce = os.urandom(12)
    return Sealed(nonce, AESGCM(key).encrypt(nonce, plain, belongs_to))


def _open(key: bytes, box: Sealed, belongs_to: bytes) -> bytes | None:
    try:
        return AESGCM(key).decrypt(box.nonce, box.sealed, belongs_to)
    except InvalidTag:
        return None


def _of_lock(lock: Lock, vault_id: str) -> bytes:
    return _CONTEXT + json.dumps(["lock", vault_id, lock.kind, lock.salt.hex(), *lock.cost]).encode()


def _of_entry(vault_id: str, entry: Entry) -> bytes:
    place = ["entry", vault_id, entry.kind, entry.name, entry.account, entry.mode, entry.version]
    return _CONTEXT + json.dumps(place).encode()
