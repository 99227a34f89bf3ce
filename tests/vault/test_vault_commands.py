"""`runner keys` as a user meets it: typed, piped, unattended; what it says and how it ends."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
PASSPHRASE = "correct horse battery"
API_KEY, SECRET = "apikey-canary-0001", "secret-canary-0001"
PIPED = f"{API_KEY}\n{SECRET}\n"


def environ_of(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("RUNNER_")}
    return {**kept, "RUNNER_HOME": str(folder / "home"), "PYTHONPATH": f"{ROOT}:{HERE}", **more}


def keys(folder: Path, *words: str, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
    """Without a terminal, with the passphrase in a file unless another way is asked for."""
    file = folder / "pass.txt"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"{PASSPHRASE}\n")
    more = {"RUNNER_VAULT_PASSPHRASE_FILE": str(file), **more}
    ended = subprocess.run(
        [sys.executable, "-m", "runner", "keys", *words],
        cwd=folder,
        env=environ_of(folder, **more),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    for hidden in (PASSPHRASE, API_KEY, SECRET):
        assert hidden not in ended.stdout + ended.stderr
    return ended


def typed(folder: Path, words: list[str], answers: list[str]) -> tuple[int, str]:
    """The same at a terminal: each answer is typed when something has been asked."""
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    code = (
        "import os, sys; os.setsid(); os.close(os.open(sys.argv[1], os.O_RDWR)); "
        "os.execv(sys.executable, [sys.executable, '-m', 'runner', 'keys', *sys.argv[2:]])"
    )
    command = [sys.executable, "-c", code, name, *words]
    child = subprocess.Popen(
        command, cwd=folder, env=environ_of(folder), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown, until = "", time.monotonic() + 60
    waiting = list(answers)
    asked = 0
    while time.monotonic() < until:
        if not select.select([ours], [], [], 0.1)[0]:
            if child.poll() is not None:
                break
            continue
        try:
            shown += os.read(ours, 4096).decode()
        except OSError:  # the other end is closed
            break
        if waiting and shown.count(": ") > asked and shown.endswith(": "):
            asked = shown.count(": ")
            time.sleep(0.1)  # the echo is switched off after the question
            os.write(ours, f"{waiting.pop(0)}\n".encode())
    os.close(ours)
    code_ = child.wait(timeout=30)
    assert not waiting, shown
    return code_, shown


def test_a_key_goes_in_and_is_listed_and_checked(tmp_path: Path) -> None:
    none = keys(tmp_path, "list")
    assert none.returncode == 0
    assert "keys add --mode testnet" in none.stdout
    early = keys(tmp_path, "check", RUNNER_VAULT_PASSPHRASE_FILE="")  # before a passphrase is asked for
    assert (early.returncode, "no vault" in early.stderr) == (5, True)
    added = keys(tmp_path, "add", "--mode", "testnet", "--stdin", stdin=PIPED)
    assert (added.returncode, added.stderr) == (0, "")
    assert "added the testnet key 'main', version 1" in added.stdout
    listed = keys(tmp_path, "list", RUNNER_VAULT_PASSPHRASE_FILE="")  # needs no passphrase
    assert "key   testnet  main" in listed.stdout
    checked = keys(tmp_path, "check")
    assert checked.returncode == 0
    assert "✓ testnet key main  version 1" in checked.stdout
    plain = json.loads(keys(tmp_path, "check", "--json").stdout)
    assert plain["version"] == 1
    assert [(entry["mode"], entry["opens"], entry["asked"]) for entry in plain["entries"]] == [
        ("testnet", True, False)
    ]


def test_a_person_types_everything_and_sees_nothing_of_it(tmp_path: Path) -> None:
    code, shown = typed(tmp_path, ["add", "--mode", "live"], [API_KEY, SECRET, PASSPHRASE, PASSPHRASE])
    assert code == 0, shown
    for hidden in (PASSPHRASE, API_KEY, SECRET):
        assert hidden not in shown
    code, shown = typed(tmp_path, ["check"], ["wrong horse battery"])
    assert code == 5
    assert "wrong passphrase" in shown
    code, shown = typed(tmp_path, ["remove", "--mode", "live"], [PASSPHRASE, "n"])
    assert code == 130
    assert "live" in keys(tmp_path, "list").stdout
    code, shown = typed(tmp_path, ["check"], [PASSPHRASE])
    assert code == 0, shown


def test_a_rotation_in_steps_and_a_removal(tmp_path: Path) -> None:
    keys(tmp_path, "add", "--mode", "live", "--stdin", stdin=PIPED)
    waits = keys(tmp_path, "rotate", "--mode", "live", "--stdin", stdin="other-key-2\nother-secret-2\n")
    assert "runner keys rotate --mode live --name main --confirm" in waits.stdout
    states = json.loads(keys(tmp_path, "list", "--json").stdout)["entries"]
    assert [(entry["version"], entry["state"]) for entry in states] == [(1, "current"), (2, "waiting")]
    used = json.loads(keys(tmp_path, "rotate", "--mode", "live", "--confirm", "--json").stdout)
    assert [(entry["version"], entry["state"]) for entry in used["entries"]] == [(2, "current")]
    assert keys(tmp_path, "rotate", "--mode", "live", "--abandon").returncode == 5
    assert keys(tmp_path, "remove", "--mode", "live", "--yes").returncode == 0
    assert json.loads(keys(tmp_path, "list", "--json").stdout)["entries"] == []


def test_an_address_of_alerts_is_an_entry_too(tmp_path: Path) -> None:
    added = keys(tmp_path, "add", "--url", "--name", "slack", "--stdin", stdin="slack://canary-a/canary-b\n")
    assert added.returncode == 0
    again = keys(
        tmp_path, "rotate", "--url", "--name", "slack", "--stdin", stdin="slack://canary-c/canary-d\n"
    )
    assert again.returncode == 0
    assert "canary" not in added.stdout + again.stdout + (tmp_path / "home/keys/vault.json").read_text()
    assert "version 2" in keys(tmp_path, "check").stdout


def test_a_new_passphrase_takes_the_place_of_the_old(tmp_path: Path) -> None:
    keys(tmp_path, "add", "--mode", "testnet", "--stdin", stdin=PIPED)
    new = tmp_path / "new.txt"
    new.touch(mode=0o600)
    new.write_text("another long passphrase")
    assert keys(tmp_path, "passphrase", "--new-passphrase-file", str(new)).returncode == 0
    refused = keys(tmp_path, "check")
    assert refused.returncode == 5
    assert refused.stderr.startswith("error: wrong passphrase")
    assert keys(tmp_path, "check", "--passphrase-file", str(new)).returncode == 0


def test_the_systems_keyring_opens_the_vault(tmp_path: Path) -> None:
    pytest.importorskip("keyring", reason="the extra keyring is not installed")
    there = {
        "PYTHON_KEYRING_BACKEND": "keyring_file.FileKeyring",
        "KEYRING_FILE": str(tmp_path / "ring.json"),
    }
    alone = {**there, "RUNNER_VAULT_PASSPHRASE_FILE": ""}
    added = keys(tmp_path, "add", "--mode", "testnet", "--keyring", "--stdin", stdin=PIPED, **alone)
    assert added.returncode == 0, added.stderr
    assert keys(tmp_path, "check", **alone).returncode == 0
    ring = (tmp_path / "ring.json").read_text()
    assert len(json.loads(ring)) == 1
    (tmp_path / "ring.json").write_text("{}")
    lost = keys(tmp_path, "check", **alone)
    assert (lost.returncode, "no key for this vault" in lost.stderr) == (5, True)
    (tmp_path / "ring.json").write_text(ring)
    back = keys(tmp_path, "passphrase", "--new-passphrase-file", str(tmp_path / "pass.txt"), **alone)
    assert back.returncode == 0, back.stderr
    assert json.loads((tmp_path / "ring.json").read_text()) == {}  # and the keyring forgot its part
    assert keys(tmp_path, "check").returncode == 0
    into = keys(tmp_path, "passphrase", "--keyring", **there)
    assert into.returncode == 0, into.stderr
    assert keys(tmp_path, "check", **alone).returncode == 0
    none = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    refused = keys(tmp_path, "check", **none)
    assert (refused.returncode, "keyring cannot be used" in refused.stderr) == (5, True)


WRONG = {
    "no mode": (["add", "--stdin"], PIPED, 2, "--mode testnet or --mode live"),
    "a mode that is none": (["add", "--mode", "paper", "--stdin"], PIPED, 2, "'testnet', 'live'"),
    "an address with a mode": (["add", "--url", "--mode", "live", "--stdin"], "a://b", 2, "has no --mode"),
    "no secret": (["add", "--mode", "live", "--stdin"], "onlyonekey\n", 2, "the second the secret"),
    "a blank inside": (["add", "--mode", "live", "--stdin"], "a b c d e f\nsecret-long\n", 2, "no API key"),
    "half a private key": (
        ["add", "--mode", "live", "--stdin"],
        f"{API_KEY}\n-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n",
        2,
        "no private key in PEM",
    ),
    "no address": (["add", "--url", "--stdin"], "hooks.example\n", 2, "no address for alerts"),
    "a name that is a path": (["add", "--mode", "live", "--name", "../x", "--stdin"], PIPED, 5, "is no name"),
    "taken": (["add", "--mode", "testnet", "--stdin"], PIPED, 5, "runner keys rotate"),
    "not there": (["rotate", "--mode", "live", "--stdin"], PIPED, 5, "bound to testnet"),
    "two steps at once": (
        ["rotate", "--mode", "testnet", "--confirm", "--abandon"],
        "",
        2,
        "different steps",
    ),
    "a keyring for a vault that has a passphrase": (
        ["add", "--mode", "live", "--keyring", "--stdin"],
        PIPED,
        2,
        "keys passphrase --keyring",
    ),
    "no file": (["check", "--passphrase-file", "none.txt"], "", 5, "no passphrase file"),
}


@pytest.fixture(scope="module")
def one_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    assert keys(folder, "add", "--mode", "testnet", "--stdin", stdin=PIPED).returncode == 0
    return folder


@pytest.mark.parametrize("turn", WRONG)
def test_a_wrong_turn_says_the_way_out(one_key: Path, turn: str) -> None:
    words, stdin, code, said = WRONG[turn]
    before = (one_key / "home" / "keys" / "vault.json").read_bytes()
    ended = keys(one_key, *words, stdin=stdin)
    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr
    assert "Traceback" not in ended.stderr
    assert (one_key / "home" / "keys" / "vault.json").read_bytes() == before


def test_without_a_terminal_the_way_out_is_said(one_key: Path) -> None:
    ended = keys(one_key, "check", RUNNER_VAULT_PASSPHRASE_FILE="")
    assert ended.returncode == 2
    assert "--passphrase-file" in ended.stderr


def test_damage_and_tampering_end_with_5_and_their_own_words(tmp_path: Path) -> None:
    keys(tmp_path, "add", "--mode", "testnet", "--stdin", stdin=PIPED)
    path = tmp_path / "home" / "keys" / "vault.json"
    whole = path.read_text()
    path.write_text(whole.replace('"testnet"', '"live"'))
    moved = keys(tmp_path, "check")
    assert (moved.returncode, "was changed after runner wrote it" in moved.stderr) == (5, True)
    assert keys(tmp_path, "list").returncode == 5
    path.write_text(whole[:-40])
    cut = keys(tmp_path, "check")
    assert (cut.returncode, "is damaged" in cut.stderr) == (5, True)
    path.write_text(whole)
    path.chmod(0o644)
    shared = keys(tmp_path, "check")
    assert (shared.returncode, "chmod 600" in shared.stderr) == (5, True)


def test_a_private_key_of_many_lines_goes_through_stdin(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = (
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    )
    added = keys(tmp_path, "add", "--mode", "testnet", "--stdin", stdin=f"{API_KEY}\n{pem}")
    assert added.returncode == 0, added.stderr
    assert keys(tmp_path, "check").returncode == 0


@pytest.mark.parametrize("command", ["add", "list", "rotate", "remove", "check", "passphrase"])
def test_each_command_explains_itself_with_an_example(tmp_path: Path, command: str) -> None:
    shown = keys(tmp_path, command, "--help")
    assert shown.returncode == 0
    assert f"runner keys {command}" in shown.stdout
