"""A vault that is not as runner wrote it is named for what it is, and nothing of it is used."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vault_files import NOW_MS, access, full_vault, pair, revealed

from runner.errors import KeysFailed, VaultDamaged, VaultLocked, VaultTampered
from runner.vault import seal
from runner.vault.change import offer
from runner.vault.form import Entry, VaultFile, parse, render
from runner.vault.vault import Access, key_place, list_entries, open_vault

# The lowest, that of a letter's case, the one that is no ASCII; all of them when exploring.
BITS = range(8) if "RUNNER_EXAMPLES" in os.environ else (0, 5, 7)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Access:
    return full_vault(tmp_path_factory.mktemp("vault"))


@pytest.fixture(scope="module")
def content(made: Access) -> bytes:
    return made.path.read_bytes()


def verdict(made: Access, content: bytes) -> type[KeysFailed] | None:
    """How a changed vault is refused, with the right passphrase; None: it opened and gave all it holds."""
    made.path.write_bytes(content)
    try:
        revealed(open_vault(made))
    except KeysFailed as refused:
        return type(refused)
    return None


def test_a_flipped_bit_in_any_byte_of_the_file_is_found(made: Access, content: bytes) -> None:
    for at in range(len(content)):
        for bit in BITS:
            changed = bytearray(content)
            changed[at] ^= 1 << bit
            found = verdict(made, bytes(changed))
            assert found in (VaultDamaged, VaultTampered), (at, bit, found)
            with pytest.raises(VaultDamaged):
                list_entries(made.path)
    assert verdict(made, content) is None


def test_a_file_cut_anywhere_is_damaged(made: Access, content: bytes) -> None:
    for length in range(len(content)):
        assert verdict(made, content[:length]) is VaultDamaged, length


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_other_accidents_are_found(made: Access, content: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(content) - 1))
    to = data.draw(st.integers(at, len(content)))
    put = data.draw(st.one_of(st.binary(max_size=40), st.just(content[at:to] * 2), st.just(b"")))
    changed = content[:at] + put + content[to:]
    if changed == content:
        return
    assert verdict(made, changed) in (VaultDamaged, VaultTampered)


@given(noise=st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_a_file_of_noise_is_damaged(made: Access, noise: bytes) -> None:
    assert verdict(made, noise) is VaultDamaged


def test_a_wrong_passphrase_is_told_from_damage(made: Access, content: bytes) -> None:
    made.path.write_bytes(content)
    with pytest.raises(VaultLocked, match="wrong passphrase"):
        open_vault(access(made.path, "wrong horse battery"))
    salt = parse(content, "")[0].lock.salt
    shaken = content.replace(seal_text(salt), seal_text(bytes([salt[0] ^ 1]) + salt[1:]))
    assert verdict(made, shaken) is VaultDamaged  # the right passphrase is not blamed


def seal_text(raw: bytes) -> bytes:
    import base64

    return base64.b64encode(raw)


def swapped(first: Entry, second: Entry) -> tuple[Entry, Entry]:
    return first._replace(box=second.box), second._replace(box=first.box)


FORGERIES: dict[str, Callable[[VaultFile], VaultFile]] = {
    "the boxes of two modes swapped": lambda file: file._replace(
        entries=(*swapped(*file.entries[:2]), file.entries[2])
    ),
    "a mode renamed": lambda file: file._replace(
        entries=(file.entries[0]._replace(mode="paper-money"), *file.entries[1:])
    ),
    "an account renamed": lambda file: file._replace(
        entries=(file.entries[0]._replace(account="second"), *file.entries[1:])
    ),
    "an entry dropped": lambda file: file._replace(entries=file.entries[1:]),
    "entries in another order": lambda file: file._replace(entries=file.entries[::-1]),
    "a version raised": lambda file: file._replace(
        entries=(file.entries[0]._replace(version=2), *file.entries[1:])
    ),
    "a date changed": lambda file: file._replace(
        entries=(file.entries[0]._replace(added_ms=NOW_MS + 5), *file.entries[1:])
    ),
    "the data key of another": lambda file: file._replace(data_key=file.entries[0].box),
    "another vault's name": lambda file: file._replace(vault_id="0123456789abcdef"),
    "no seal": lambda file: file._replace(mac=b""),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_file_changed_on_purpose_is_tampered_with(made: Access, content: bytes, forgery: str) -> None:
    """With a checksum that fits, as one who knows the form would write it."""
    file, is_intact = parse(content, "")
    assert is_intact
    changed = render(FORGERIES[forgery](file))
    assert verdict(made, changed) is VaultTampered


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_same_by_hand_is_tampered_with_too(made: Access, content: bytes, forgery: str) -> None:
    """Without the checksum: somebody with an editor."""
    changed = render(FORGERIES[forgery](parse(content, "")[0]))
    by_hand = changed.replace(
        hashlib.sha256(changed[: changed.rfind(b' "checksum"')]).hexdigest().encode(), b"0" * 64
    )
    assert verdict(made, by_hand) is VaultTampered


def test_a_confirmed_state_cannot_be_forged(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    offer(made, key_place("demo", "main"), pair("new"), now_ms=NOW_MS)
    file, _ = parse(made.path.read_bytes(), "")
    states = [
        entry._replace(state="current" if entry.state == "waiting" else "waiting") for entry in file.entries
    ]
    assert verdict(made, render(file._replace(entries=tuple(states)))) is VaultTampered


def test_a_box_opens_only_where_it_belongs(made: Access, content: bytes) -> None:
    file, _ = parse(content, "")
    data_key = seal.unwrap(file, made.opener(file.lock, file.vault_id))
    assert data_key is not None
    entry = file.entries[0]
    assert seal.open_entry(data_key, file.vault_id, entry)
    elsewhere = [
        entry._replace(mode="real"),
        entry._replace(name="other"),
        entry._replace(account="other"),
        entry._replace(version=2),
        entry._replace(kind="url"),
    ]
    for other in elsewhere:
        assert seal.open_entry(data_key, file.vault_id, other) is None
    assert seal.open_entry(data_key, "0123456789abcdef", entry) is None


def test_a_cost_that_would_take_all_memory_is_refused(made: Access, content: bytes) -> None:
    file, _ = parse(content, "")
    for cost in ((1 << 30, 1, 1), (64, 1 << 20, 1), (64, 1, 16), (0, 1, 1)):
        assert verdict(made, render(file._replace(lock=file.lock._replace(cost=cost)))) is VaultDamaged


def test_a_vault_of_a_later_runner_says_so(made: Access, content: bytes) -> None:
    later = content.replace(b"runner vault 1", b"runner vault 2")
    head = later[: later.rfind(b' "checksum"')]
    whole = head + f' "checksum": "{hashlib.sha256(head).hexdigest()}"\n}}\n'.encode()
    made.path.write_bytes(whole)
    with pytest.raises(VaultDamaged, match="runner vault 2"):
        open_vault(made)
