"""No secret gets out: real commands are run with known secrets, and every byte that they leave is searched.

Keys, passphrases and addresses go in by the ways that users have: stdin, a private file, the environment.
What is searched: both outputs, every file under RUNNER_HOME and the working folder, the arguments and
environments of child processes.
"""

import base64
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

ROOT = Path(__file__).resolve().parents[1]
BOT = ROOT / "bots" / "btc_trend.yaml"
LETTERS = "Zq7Xv9Kp2Lm4Wn8Rt6Yc3Bh5Jd1Fg0Sa"

CANARIES = {
    "api key": f"{LETTERS}{LETTERS[::-1]}",
    "secret": f"{LETTERS[7:]}{LETTERS[::-1]}{LETTERS[:7]}",
    "next secret": f"{LETTERS[11:]}{LETTERS[::-1]}{LETTERS[:11]}",
    "passphrase": "canary passphrase+of/four words",
    "wrong passphrase": "canary wrong+passphrase/words",
    "address in the vault": "Tcanary1vault/Bcanary2vault/canary3+vault",
    "address in a variable": "Tcanary1env/Bcanary2env/canary3+env",
    "health token": "canary-health+token/0123456789",
    "database password": "canary+db/password0123456789",
}
INPUTS = {"pass.in", "wrong.in"}


def forms(secret: str) -> set[bytes]:
    """How a text may be spelled where it leaks: as it is, in URLs, in hex, anywhere inside base64."""
    raw = secret.encode()
    found = {raw, raw.hex().encode(), quote(secret, safe="").encode(), quote_plus(secret).encode()}
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw)
        inner = whole[4 if shift else 0 : len(whole) // 4 * 4 - 4]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


FORMS = {form: name for name, secret in CANARIES.items() for form in forms(secret)}


def leaks(content: bytes, where: str) -> list[str]:
    return [f"{name} in {where}" for form, name in FORMS.items() if form in content]


def leaks_under(folder: Path) -> list[str]:
    """Every file, but for those that the user made to hold a secret."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in INPUTS:
            found += leaks(path.read_bytes() + os.fsencode(path), str(path))
    return found


class Desk:
    """A working folder with a vault that holds the canaries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("pass.in", "passphrase"), ("wrong.in", "wrong passphrase")):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(CANARIES[text])

    def environ(self, **more: str) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("RUNNER_")}
        ours = {
            "RUNNER_HOME": str(self.folder / "home"),
            "RUNNER_LOG_LEVEL": "debug",
            "RUNNER_VAULT_PASSPHRASE_FILE": str(self.folder / "pass.in"),
            "RUNNER_HEALTH_TOKEN": CANARIES["health token"],
            "PYTHONPATH": str(ROOT),
        }
        return {**kept, **ours, **more}

    def run(self, command: list[str], stdin: str = "", **more: str) -> "subprocess.CompletedProcess[bytes]":
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environ(**more),
            input=stdin.encode(),
            capture_output=True,
            timeout=120,
            check=False,
            start_new_session=True,
        )
        assert leaks(ended.stdout, f"stdout of {command}") == []
        assert leaks(ended.stderr, f"stderr of {command}") == []
        assert leaks_under(self.folder) == []
        return ended

    def runner(self, *words: str, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[bytes]":
        return self.run(["-m", "runner", *words], stdin, **more)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = Desk(tmp_path_factory.mktemp("canary"))
    key = f"{CANARIES['api key']}\n{CANARIES['secret']}\n"
    assert made.runner("keys", "add", "--mode", "testnet", "--stdin", stdin=key).returncode == 0
    url = f"slack://{CANARIES['address in the vault']}\n"
    assert made.runner("keys", "add", "--url", "--name", "slack", "--stdin", stdin=url).returncode == 0
    return made


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    for name, secret in CANARIES.items():
        basic = base64.b64encode(f"me:{secret}".encode())
        for content in (
            secret.encode(),
            quote(secret, safe="").encode(),
            basic,
            secret.encode().hex().encode(),
        ):
            assert f"{name} in x" in leaks(b"before " + content + b" after", "x")
    (tmp_path / "journal.db-wal").write_bytes(b"\0\1" + CANARIES["secret"].encode() + b"\2")
    assert len(leaks_under(tmp_path)) == 1
    assert leaks(b"nothing of the kind", "x") == []


def test_commands_about_keys(desk: Desk) -> None:
    key = f"{CANARIES['api key']}\n{CANARIES['next secret']}\n"
    commands = [
        (["keys", "list", "--json"], "", 0),
        (["keys", "check", "--json"], "", 0),
        (["keys", "check", "--passphrase-file", "wrong.in"], "", 5),
        (["keys", "add", "--mode", "testnet", "--stdin"], key, 5),
        (["keys", "rotate", "--mode", "testnet", "--stdin"], key, 0),
        (["keys", "rotate", "--mode", "testnet", "--abandon", "--json"], "", 0),
        (["keys", "passphrase", "--new-passphrase-file", "pass.in"], "", 0),
        (["keys", "add", "--mode", "live", "--stdin"], key.replace("\n", " "), 2),
        (["keys", "add", "--mode", "live", "--stdin", "--name", "pem"], f"{key[:20]}\n-----BEGIN {key}", 2),
        (["keys", "add", "--url", "--stdin"], f"{CANARIES['address in the vault']}\n", 2),
        (["config", "--origin"], "", 0),
        (["config", "--json"], "", 0),
    ]
    for words, stdin, code in commands:
        assert desk.runner(*words, stdin=stdin).returncode == code, words


def test_an_exchange_that_is_not_there(desk: Desk) -> None:
    ended = desk.runner("keys", "check", "--online", RUNNER_EXCHANGE_URL="http://127.0.0.1:9")
    assert ended.returncode == 5


def test_settings_that_are_wrong(desk: Desk) -> None:
    wrong = {
        "RUNNER_HEALTH_TOKEN": CANARIES["health token"] + "\x07",
        "RUNNER_DB": f"me:{CANARIES['database password']}@host",
    }
    for name, text in wrong.items():
        assert desk.runner("config", **{name: text}).returncode == 2


def test_a_recorded_backtest_and_its_report(desk: Desk) -> None:
    words = ["run", str(BOT), "--backtest", "--data", "sample", "--record", "--out", "report"]
    url = f"slack://{CANARIES['address in a variable']}"
    assert desk.runner(*words, ALERT_URL=url).returncode == 0
    assert list((desk.folder / "home").glob("journal.db*"))
    assert b"btc_trend" in desk.runner("runs").stdout


def test_a_database_that_refuses(desk: Desk) -> None:
    url = f"postgresql+psycopg://me:{quote(CANARIES['database password'], safe='')}@127.0.0.1:9/journal"
    assert desk.runner("runs", RUNNER_DB=url).returncode != 0


def test_a_bug_that_has_a_secret_in_its_words(desk: Desk) -> None:
    """Our own mistake, in the middle of what is open, while a debug log is written."""
    code = (
        "import sys\n"
        "import runner.vault.vault as vault\n"
        "honest = vault.Vault.key\n"
        "def key(self, mode, name, state='current'):\n"
        "    pair = honest(self, mode, name, state)\n"
        "    raise {kind}('boom ' + pair.secret.reveal() + repr([pair.api_key.reveal()]))\n"
        "vault.Vault.key = key\n"
        "sys.argv = ['runner', 'keys', 'check']\n"
        "from runner.cli import main\n"
        "main()\n"
    )
    for kind, exit_code in (("ValueError", 3), ("KeyError", 3), ("OSError", 4)):
        ended = desk.run(["-c", code.format(kind=kind)])
        assert ended.returncode == exit_code
        assert b"boom" in ended.stderr


def test_an_alert_that_nobody_takes(desk: Desk) -> None:
    url = f"json://me:{quote(CANARIES['address in a variable'], safe='')}@127.0.0.1:9/x"
    ended = desk.runner("alerts", "test", "--to", "env:CANARY_URL", "--timeout", "5", CANARY_URL=url)
    assert ended.returncode == 5
    ended = desk.runner("alerts", "test", "--to", f"slack://{CANARIES['address in a variable']}")
    assert ended.returncode == 2


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for connection in taken:
            connection.close()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_children_have_no_secret_in_their_arguments_or_environment(desk: Desk, silent_port: int) -> None:
    address = f"json://me:{{}}@127.0.0.1:{silent_port}/x"
    kept, named = (
        address.format(quote(CANARIES[name], safe=""))
        for name in ("address in the vault", "address in a variable")
    )
    desk.runner("keys", "add", "--url", "--name", "silent", "--stdin", stdin=f"{kept}\n")
    words = ["alerts", "test", "--to", "vault:silent", "--to", "env:CANARY_URL", "--timeout", "4"]
    seen = 0
    with subprocess.Popen(
        [sys.executable, "-m", "runner", *words],
        cwd=desk.folder,
        env=desk.environ(CANARY_URL=named),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as parent:
        while parent.poll() is None:
            own = _about(parent.pid, "cmdline")
            assert leaks(own, "arguments") == []
            for pid in _children_of(parent.pid):
                arguments = _about(pid, "cmdline")
                if (
                    arguments and arguments != own
                ):  # else it is still the parent's copy, about to become another
                    assert leaks(arguments + _about(pid, "environ"), f"child {pid}") == []
                    seen += 1
            time.sleep(0.05)
        assert parent.stdout is not None
        assert parent.stderr is not None
        assert leaks(parent.stdout.read() + parent.stderr.read(), "output") == []
    assert seen > 0


def _about(pid: int, what: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""


def _children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def test_a_crash_while_the_vault_is_open_leaves_no_core(desk: Desk) -> None:
    code = (
        "import os, resource, signal, sys\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)\n"
        "import runner.cli.key_texts as texts\n"
        "texts.checked = lambda *_: os.kill(os.getpid(), signal.SIGABRT)\n"
        "sys.argv = ['runner', 'keys', 'check']\n"
        "from runner.cli import main\n"
        "main()\n"
    )
    assert desk.run(["-c", code]).returncode == -signal.SIGABRT
    assert not [path for path in desk.folder.rglob("*core*") if path.is_file()]
