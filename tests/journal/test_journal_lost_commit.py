"""Postgres goes away while it commits: the entry is there once, whether the COMMIT arrived or not."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from journal_entries import RUN, fill_entry, started

from runner.errors import JournalFailed
from runner.journal.check import check
from runner.journal.write import open_journal
from tests.postgres_server import Server


class Cutter:
    """A wire to the server that is cut at the next COMMIT: before it goes on, or before its answer does."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.when: str | None = None
        self.cuts = 0
        self.threads: list[threading.Thread] = []
        self.clients: list[socket.socket] = []
        self.start(self.accept)

    def start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
        self.threads.append(thread)
        thread.start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            self.clients.append(client)
            answers = threading.Event()
            answers.set()
            self.start(self.forward, client, server, answers)
            self.start(self.backward, server, client, answers)

    def forward(self, client: socket.socket, server: socket.socket, answers: threading.Event) -> None:
        with client, server, contextlib.suppress(OSError):
            while data := client.recv(65536):
                if b"COMMIT" in data and self.when is not None:
                    when, self.when = self.when, None
                    self.cuts += 1
                    if when == "before":
                        break
                    answers.clear()
                server.sendall(data)
            for end in (client, server):
                end.shutdown(socket.SHUT_RDWR)

    def backward(self, server: socket.socket, client: socket.socket, answers: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not answers.is_set():  # the server has answered: it is done, and nobody hears of it
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)

    def away(self) -> None:
        """Every wire is cut, and none leads anywhere from now on."""
        self.target = ("127.0.0.1", 1)
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive()


@pytest.fixture
def wire(postgres: Server) -> Iterator[tuple[Cutter, str]]:
    """A wire that can be cut, and the URL through it."""
    url = postgres.make_database()
    host, _, port = url.rpartition("/")[0].rpartition("@")[2].partition(":")
    cutter = Cutter((host, int(port)))
    yield cutter, url.replace(f":{port}/", f":{cutter.port}/")
    cutter.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_entry_is_written_once_when_the_answer_to_a_commit_is_lost(
    wire: tuple[Cutter, str], when: str
) -> None:
    cutter, url = wire
    with open_journal(url) as journal:
        journal.append(started())
        for number in range(5):
            cutter.when = when
            (line,) = journal.append(fill_entry(str(number), "0.001", "35000"))
            assert line is not None
            assert line.seq == number + 2
        assert cutter.cuts == 5
        assert [fill.trade_id for fill in journal.read.fills(RUN)] == list("01234")
        assert check(journal.database).faults == ()


def test_a_server_that_stays_away_is_an_error(wire: tuple[Cutter, str]) -> None:
    cutter, url = wire
    with open_journal(url) as journal:
        journal.append(started())
        cutter.away()
        with pytest.raises(JournalFailed):
            journal.append(fill_entry("1", "0.001", "35000"))
        with pytest.raises(JournalFailed):
            journal.read.head()


def test_a_connection_that_is_left_is_used_when_another_is_lost(wire: tuple[Cutter, str]) -> None:
    cutter, url = wire
    with open_journal(url) as journal:
        journal.append(started())
        target, cutter.target = cutter.target, ("127.0.0.1", 1)
        cutter.when = "before"
        journal.append(fill_entry("1", "0.001", "35000"))
        assert cutter.cuts == 1
        cutter.target = target
        assert [fill.trade_id for fill in journal.read.fills(RUN)] == ["1"]
