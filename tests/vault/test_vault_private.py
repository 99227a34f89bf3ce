"""The vault is its owner's alone, whole after any crash, written by one process at a time."""

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from vault_files import NOW_MS, access, full_vault, pair, revealed

from runner.domain.secret import Secret
from runner.errors import KeysFailed, VaultBusy, VaultUnsafe
from runner.vault.change import add, offer
from runner.vault.unlock import read_passphrase_file
from runner.vault.vault import key_place, list_entries, open_vault, url_place

ROUNDS = 25
DEMO = key_place("demo", "main")

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from vault_files import CHEAP, NOW_MS, PASSPHRASE, access, pair
from runner.domain.secret import Secret
from runner.vault.change import confirm, offer, relock
from runner.vault.unlock import lock_with_passphrase
from runner.vault.vault import key_place
made, place = access(Path(sys.argv[1])), key_place("demo", "main")
print("ready", flush=True)
while True:
    offer(made, place, pair("new"), now_ms=NOW_MS)
    confirm(made, place)
    relock(made, lock_with_passphrase(Secret(PASSPHRASE), CHEAP))
"""

OPENER = """
import ctypes, os, resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
from vault_files import access
from runner.vault.vault import open_vault
if sys.argv[3] == "open":
    open_vault(access(Path(sys.argv[1])))
print(resource.getrlimit(resource.RLIMIT_CORE)[1], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
os.kill(os.getpid(), signal.SIGABRT)
"""


def test_files_and_folder_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = full_vault(tmp_path)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in made.path.parent.iterdir()}
    assert modes == {"vault.json": 0o600, "vault.json.lock": 0o600}
    assert made.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o660, 0o644, 0o777, 0o610])
def test_a_vault_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    made = full_vault(tmp_path)
    made.path.chmod(mode)
    for use in (lambda: open_vault(made), lambda: list_entries(made.path)):
        with pytest.raises(VaultUnsafe, match=r"chmod 600"):
            use()
    made.path.chmod(0o600)
    assert open_vault(made)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o770, 0o711])
def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    made = full_vault(tmp_path)
    made.path.parent.chmod(mode)
    with pytest.raises(VaultUnsafe, match=r"chmod 700"):
        open_vault(made)
    with pytest.raises(VaultUnsafe, match=r"chmod 700"):
        add(made, url_place("other"), Secret("x://y"), now_ms=NOW_MS)


def test_what_is_no_file_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / "vault.json", 0o600)
    with pytest.raises(VaultUnsafe, match="not a file"):
        open_vault(access(folder / "vault.json"))
    (tmp_path / "linked").symlink_to(folder)
    with pytest.raises(VaultUnsafe, match="no link"):
        open_vault(access(tmp_path / "linked" / "vault.json"))


def test_a_passphrase_file_is_its_owners_alone_and_gives_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "pass.txt"
    path.write_text("a long passphrase \nand a remark\n")
    path.chmod(0o644)
    with pytest.raises(VaultUnsafe, match="chmod 600"):
        read_passphrase_file(path)
    path.chmod(0o400)
    assert read_passphrase_file(path).reveal() == "a long passphrase "
    for content in (b"", b"\nsecond\n", b"\xff\xfe\n", b"x" * 5_000):
        path.chmod(0o600)
        path.write_bytes(content)
        with pytest.raises(KeysFailed, match=r"pass\.txt"):
            read_passphrase_file(path)
    with pytest.raises(KeysFailed, match="no passphrase file"):
        read_passphrase_file(tmp_path / "none")


def test_two_writers_never_meet(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    before = made.path.read_bytes()
    with made.path.with_name("vault.json.lock").open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(VaultBusy, match="another runner"):
            offer(made, DEMO, pair("new"), now_ms=NOW_MS)
        assert revealed(open_vault(made))  # readers need no lock
    assert made.path.read_bytes() == before
    offer(made, DEMO, pair("new"), now_ms=NOW_MS)


def test_a_killed_writer_leaves_the_vault_before_or_after(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    clock = random.Random(5)
    versions = set()
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", WRITER, str(made.path), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            time.sleep(clock.uniform(0.0, 0.05))
            writer.send_signal(signal.SIGKILL)
        vault = open_vault(made)
        assert vault.key("real", "main").secret.reveal() == "secret-real"
        in_use = vault.key("demo", "main")
        assert in_use.secret.reveal() == ("secret-demo" if in_use.version == 1 else "secret-new")
        waiting = [entry for entry in vault.entries() if entry.state == "waiting"]
        assert len(waiting) <= 1
        assert all(entry.version > in_use.version for entry in waiting)
        versions.add(in_use.version)
    assert len(versions) > 1
    offer(made, DEMO, pair("last"), now_ms=NOW_MS)  # and the next write clears what was left
    assert {path.name for path in made.path.parent.iterdir()} == {"vault.json", "vault.json.lock"}


def test_a_full_disk_leaves_the_vault_as_it_was(tmp_path: Path) -> None:
    made = full_vault(tmp_path)
    before = made.path.read_bytes()
    code = (
        "import resource, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from vault_files import NOW_MS, access, pair\n"
        "from pathlib import Path\n"
        "from runner.vault.change import offer\n"
        "from runner.vault.vault import key_place\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))\n"
        "try: offer(access(Path(sys.argv[1])), key_place('demo', 'main'), pair('new'), now_ms=NOW_MS)\n"
        "except OSError as error: print('refused', error.errno)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(made.path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.startswith("refused")
    assert made.path.read_bytes() == before
    assert revealed(open_vault(made))


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_process_that_opened_a_vault_leaves_no_core_and_is_closed_to_others(tmp_path: Path) -> None:
    made = full_vault(tmp_path)

    def ended(what: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", OPENER, str(made.path), str(Path(__file__).parent), what]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)

    opened = ended("open")
    assert opened.returncode == -signal.SIGABRT
    assert opened.stdout.split() == ["0", "0"]  # no core, not dumpable
    assert ended("not").stdout.split()[1] == "1"  # and without a vault it would be
    assert not [path for path in tmp_path.iterdir() if "core" in path.name]
