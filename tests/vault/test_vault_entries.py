"""What is put into the vault comes out of it, for its own mode alone; versions, new locks, what is told."""

import copy
import json
import pickle
import traceback
from pathlib import Path

import pytest
from vault_files import (
    CHEAP,
    NOW_MS,
    PASSPHRASE,
    URL,
    access,
    empty_vault,
    full_vault,
    ignore,
    pair,
    revealed,
)

from runner.domain.secret import Secret
from runner.errors import KeysFailed, KeyUnknown, VaultLocked
from runner.vault import seal
from runner.vault.change import add, confirm, create, offer, relock, remove, withdraw
from runner.vault.form import parse
from runner.vault.unlock import lock_with_passphrase
from runner.vault.vault import Access, key_place, list_entries, open_vault, url_place

DEMO = key_place("demo", "main")


def test_what_was_added_is_there_after_opening_again(tmp_path: Path) -> None:
    vault = open_vault(full_vault(tmp_path))
    found = vault.key("real", "main")
    assert (found.api_key.reveal(), found.secret.reveal()) == ("api-key-real", "secret-real")
    assert (found.account, found.version) == ("first", 1)
    assert vault.url("slack").reveal() == URL


def test_a_key_is_given_to_its_own_mode_alone(tmp_path: Path) -> None:
    made = empty_vault(tmp_path)
    add(made, DEMO, pair("demo"), account="first", now_ms=NOW_MS)
    with pytest.raises(KeyUnknown, match="bound to demo"):
        open_vault(made).key("real", "main")


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(KeyUnknown, match="there are main"):
        open_vault(full_vault(tmp_path)).key("demo", "other")
    with pytest.raises(KeyUnknown, match="keys add"):
        open_vault(access(tmp_path / "none" / "vault.json"))


def test_no_secret_stands_in_the_file_and_names_can_be_listed_without_opening(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    content = made.path.read_text()
    for hidden in ("api-key-demo", "secret-real", "token-b", PASSPHRASE):
        assert hidden not in content
    entries = list_entries(made.path)
    assert entries is not None
    assert [(entry.kind, entry.mode, entry.name) for entry in entries] == [
        ("key", "demo", "main"),
        ("key", "real", "main"),
        ("url", "", "slack"),
    ]
    assert list_entries(tmp_path / "none" / "vault.json") is None


def test_a_place_is_taken_once_and_names_are_plain(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    before = made.path.read_bytes()
    with pytest.raises(KeysFailed, match="rotate"):
        add(made, DEMO, pair("other"), account="first", now_ms=NOW_MS)
    for name in ("../x", "", "A", "x" * 33, "a\nb", "-x"):
        with pytest.raises(KeysFailed, match="is no name"):
            add(made, url_place(name), Secret("x://y"), now_ms=NOW_MS)
    with pytest.raises(KeysFailed, match="already"):
        create(made.path, lock_with_passphrase(Secret(PASSPHRASE), CHEAP), ignore)
    assert made.path.read_bytes() == before


def test_a_rotated_key_waits_until_it_is_confirmed(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    vault = offer(made, DEMO, pair("new"), now_ms=NOW_MS + 9)
    assert vault.key("demo", "main").secret.reveal() == "secret-demo"
    waiting = vault.key("demo", "main", "waiting")
    assert (waiting.secret.reveal(), waiting.version) == ("secret-new", 2)
    vault = offer(made, DEMO, pair("newer"), now_ms=NOW_MS + 10)  # a second thought drops the first
    with pytest.raises(KeysFailed, match="version 2 no longer waits"):
        confirm(made, DEMO, 2)
    confirm(made, DEMO, 3)
    vault = open_vault(made)
    assert vault.key("demo", "main").secret.reveal() == "secret-newer"
    assert [entry.name for entry in vault.entries()] == ["main", "main", "slack"]
    with pytest.raises(KeyUnknown, match="no new version"):
        confirm(made, DEMO)


def test_an_abandoned_rotation_leaves_the_old_key(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    before = revealed(open_vault(made))
    offer(made, DEMO, pair("new"), now_ms=NOW_MS)
    withdraw(made, DEMO)
    assert revealed(open_vault(made)) == before


def test_removing_takes_all_versions_of_one_entry(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    offer(made, DEMO, pair("new"), now_ms=NOW_MS)
    remove(made, DEMO)
    assert list(revealed(open_vault(made))) == ["real/main/1/current", "/slack/1/current"]
    with pytest.raises(KeyUnknown):
        remove(made, DEMO)


def test_a_new_passphrase_seals_everything_again(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    offer(made, DEMO, pair("new"), now_ms=NOW_MS)
    old, before = parse(made.path.read_bytes(), "")[0], revealed(open_vault(made))
    relock(made, lock_with_passphrase(Secret("another long passphrase"), CHEAP))
    new = parse(made.path.read_bytes(), "")[0]
    with pytest.raises(VaultLocked, match="wrong passphrase"):
        open_vault(made)
    assert revealed(open_vault(access(made.path, "another long passphrase"))) == before
    boxes = {entry.box for entry in old.entries} | {old.data_key}
    assert not boxes & ({entry.box for entry in new.entries} | {new.data_key})
    assert old.lock.salt != new.lock.salt
    old_data_key = seal.unwrap(old, seal.derive(old.lock, PASSPHRASE))
    assert old_data_key is not None
    assert all(seal.open_entry(old_data_key, new.vault_id, entry) is None for entry in new.entries)


def test_no_nonce_is_ever_used_twice(tmp_path: Path) -> None:
    made = empty_vault(tmp_path)
    seen: set[bytes] = set()
    for turn in range(20):
        add(made, url_place(f"n{turn}"), Secret("same://text"), now_ms=NOW_MS)
        seen.add(parse(made.path.read_bytes(), "")[0].entries[-1].box.nonce)
    assert len(seen) == 20


def test_one_passphrase_has_one_spelling_on_every_keyboard(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "vault.json"
    create(path, lock_with_passphrase(Secret("größer als alles"), CHEAP), ignore)
    assert open_vault(access(path, "gro\u0308ßer als alles")).entries() == ()


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(KeysFailed, match="12 characters"):
        lock_with_passphrase(Secret("short"))


def test_the_stated_cost_is_the_cost_and_scrypt_opens_too(tmp_path: Path) -> None:
    assert seal.fresh_lock().kind == "argon2id"
    assert seal.fresh_lock().cost == (65_536, 3, 4)
    path = tmp_path / "keys" / "vault.json"

    def with_scrypt(_vault_id: str) -> "tuple[seal.Lock, bytes]":
        lock = seal.fresh_lock()._replace(kind="scrypt", cost=(1 << 10, 8, 1))
        unlock_key = seal.derive(lock, PASSPHRASE)
        return lock._replace(check=seal.check_of(unlock_key)), unlock_key

    create(path, with_scrypt, ignore)
    assert json.loads(path.read_text())["lock"]["cost"] == {"n": 1024, "r": 8, "p": 1}
    add(access(path), DEMO, pair("demo"), account="first", now_ms=NOW_MS)
    assert open_vault(access(path)).key("demo", "main").secret.reveal() == "secret-demo"


def test_every_secret_that_is_opened_is_told_first(tmp_path: Path) -> None:
    told: list[str] = []
    made = full_vault(tmp_path)
    vault = open_vault(Access(made.path, made.opener, told.append))
    assert told == []
    vault.key("demo", "main")
    vault.url("slack")
    assert told == ["api-key-demo", "secret-demo", URL]


def test_a_secret_hides_wherever_it_is_printed(tmp_path: Path) -> None:
    secret = Secret("hunter2-hunter2")
    vault = open_vault(full_vault(tmp_path))
    found = vault.key("demo", "main")
    try:
        raise ValueError(f"about {secret} and {found}")
    except ValueError as error:
        lines = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    shown = [repr(secret), str(secret), f"{secret:>20}", f"{[secret]}", repr(vault), repr(found), lines]
    assert not any("hunter2" in text or "secret-demo" in text for text in shown)
    for copier in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copier(secret)
    with pytest.raises(TypeError):
        json.dumps({"secret": secret})
    with pytest.raises(TypeError):
        vars(secret)
