"""A PostgreSQL of the tests' own, on loopback; or the one that RUNNER_TEST_DB names.

RUNNER_TEST_DB=postgresql+psycopg://user:password@host/postgres uses a server that runs already (its user must
be allowed to make schemas). Without it initdb and postgres are looked for, on PATH and where Debian keeps
them. When there is neither, tests skip and say why; RUNNER_NEED_POSTGRES=1 makes that a failure, as in CI.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest


class Server(NamedTuple):
    """`url` without a database's name."""

    url: str

    def make_database(self) -> str:
        """The URL of an empty place of its own: a schema, because a database takes a second to make."""
        import psycopg

        name = f"runner_{uuid.uuid4().hex[:12]}"
        plain = self.url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(f"{plain}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{name}"')
        return f"{self.url}/postgres?options=-csearch_path%3D{name}"


def _program(name: str) -> str | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, folders)))


def _absent(reason: str) -> None:
    if os.environ.get("RUNNER_NEED_POSTGRES"):
        pytest.fail(f"RUNNER_NEED_POSTGRES is set, but {reason}")
    pytest.skip(reason)


def _someone() -> str | None:
    """Postgres refuses to run as root: another user, when we are."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """The server, stopped and removed in the end."""
    given = os.environ.get("RUNNER_TEST_DB")
    if given:
        yield Server(given.rpartition("/")[0])
        return
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        _absent("no PostgreSQL: install it (apt-get install postgresql), or name a server in RUNNER_TEST_DB")
        return
    user = _someone()
    folder = Path(tempfile.mkdtemp(prefix="runner-postgres-", dir="/tmp"))
    data = folder / "data"
    try:
        if user is not None:
            shutil.chown(folder, user)
        made = subprocess.run(
            [initdb, "-D", str(data), "-U", "runner", "-A", "trust", "-E", "UTF8", "--no-sync"],
            user=user,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert made.returncode == 0, made.stderr
        yield from _served(postgres, data, user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _served(postgres: str, data: Path, user: str | None) -> Iterator[Server]:
    import psycopg

    port = _free_port()
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    options = [part for name, text in settings.items() for part in ("-c", f"{name}={text}")]
    log = data.parent / "log"
    with log.open("w") as sink:
        server = subprocess.Popen(
            [postgres, "-D", str(data), "-p", str(port), *options],
            user=user,
            stdout=sink,
            stderr=sink,
            cwd=data.parent,
        )
    try:
        for _ in range(200):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(f"postgresql://runner@127.0.0.1:{port}/postgres", connect_timeout=5).close()
                break
            assert server.poll() is None, log.read_text()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(0.05)
        yield Server(f"postgresql+psycopg://runner@127.0.0.1:{port}")
    finally:
        server.send_signal(signal.SIGQUIT)  # at once, no checkpoint: its data is thrown away
        server.wait(60)
