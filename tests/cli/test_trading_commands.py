"""`run --testnet`, `status`, `halt`, `resume`, `flatten` as a trader types them: real processes, sockets."""

import hashlib
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.cli.trading import BOT, Machine, machine, until
from tests.live.exchange_process import KEY, ROOT, SECRET, Exchange, running_exchange
from tests.notify.receivers import http_receiver

SPEED = 10.0


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with running_exchange(SPEED) as running:
        yield running


def test_a_bot_is_run_watched_halted_resumed_flattened_and_stopped(
    tmp_path: Path, exchange: Exchange
) -> None:
    told_to = "alerts: [{to: env:PHONE, events: [entry, session]}]\n"
    with http_receiver() as phone:
        desk = machine(tmp_path, exchange, text=BOT + told_to)
        desk.environment["PHONE"] = f"json://127.0.0.1:{phone.port}"
        _watched_halted_resumed_flattened_and_stopped(desk, exchange)
        texts = " ".join(phone.bodies)
    for words in ("bought 0.125 BTCUSDT", "halted (no entries) by ann: a test", "resumed by"):
        assert words in texts


def _watched_halted_resumed_flattened_and_stopped(desk: Machine, exchange: Exchange) -> None:
    with desk.session() as session:
        starting = session.said("starting")
        assert starting["exchange"] == exchange.url
        assert starting["account"] == "main@local"
        assert starting["worst_case"]["equity_usdt"] == 10_000.0
        assert starting["worst_case"]["stop_usdt"] == pytest.approx(100.0)
        started = session.said("started")
        until(lambda: exchange.held() > 0 and exchange.stops() == 1, "a position with its stop")

        refused = desk.call("run", str(desk.bot), "--testnet", code=4)
        assert f"process {started['pid']}" in refused.stderr

        told = desk.status()
        assert told["process"]["state"] == "running"
        assert told["process"]["pid"] == started["pid"]
        assert told["positions"][0]["quantity"] == "0.125"
        assert told["positions"][0]["protected"] is True
        assert {order["leg"] for order in told["orders"]} == {"stop", "target"}
        assert told["last_bar_close_ms"]
        assert "a stop rests" in desk.call("status").stdout
        url = f"http://127.0.0.1:{started['health_port']}"
        assert json.load(urllib.request.urlopen(f"{url}/healthz"))["state"] == "running"
        metrics = urllib.request.urlopen(f"{url}/metrics").read().decode()
        assert 'runner_orders_total{leg="entry",outcome="filled"} 1.0' in metrics
        assert "runner_position" in metrics

        halted = desk.call("halt", "always", "--reason", "a test", "--who", "ann")
        assert "nothing new is opened" in halted.stdout
        told = desk.status()
        assert told["state"] == "halted"
        assert [(one["name"], one["level"], one["who"]) for one in told["limits"]] == [
            ("halt", "no_entries", "ann")
        ]
        assert exchange.held() > 0

        desk.quick("resume", "always", "--reason", "seen")
        until(lambda: desk.status()["state"] == "running", "it runs again")
        flat = json.loads(desk.quick("flatten", "always", "--reason", "enough", "--json"))
        assert flat["done"] is True
        assert (exchange.held(), exchange.stops(), exchange.orders()) == (0, 0, 0)

        session.process.send_signal(signal.SIGTERM)
        assert session.ended() == 6  # it was halted when it ended
    told = desk.status()
    assert (told["process"]["state"], told["exit_code"]) == ("none", 6)
    assert exchange.admin("audit")["problems"] == []
    _no_secret_left(desk)
    assert "unbroken chain" in desk.quick("verify", told["run"])


def test_a_killed_bot_finds_its_position_and_one_that_hangs_is_flattened_by_force(
    tmp_path: Path, exchange: Exchange
) -> None:
    desk = machine(tmp_path, exchange)
    with desk.session() as session:
        run = session.started()
        until(lambda: exchange.held() > 0 and exchange.stops() == 1, "a position with its stop")
        session.process.kill()
        session.ended()
    held = exchange.held()
    assert desk.status()["process"]["state"] == "none"
    not_done = json.loads(desk.quick("flatten", run, "--reason", "dead", "--json", code=5))
    assert "--force" in not_done["words"]
    desk.quick("resume", run, "--reason", "only a test")

    with desk.session() as session:
        assert session.said("starting")["resumes"] == run
        session.said("started")
        until(lambda: desk.status()["state"] == "running", "it runs again")
        assert (exchange.held(), exchange.stops()) == (held, 1)

        freeze_between_commits(session.process, tmp_path)
        silent = json.loads(desk.quick("halt", run, "--reason", "hangs", "--json", code=5))
        assert "does not take notice" in silent["words"]
        done = desk.call("flatten", run, "--reason", "hangs", "--force")
        assert "can write nothing more" in done.stdout
        assert (exchange.held(), exchange.stops(), exchange.orders()) == (0, 0, 0)
        session.process.send_signal(signal.SIGCONT)
        assert session.ended() == 4  # another process took its place
    assert exchange.held() == 0
    assert desk.status()["limits"][0]["level"] == "flatten"
    assert exchange.admin("audit")["problems"] == []


def test_a_session_that_hangs_in_the_midst_of_writing_is_halted_and_flattened_too(
    tmp_path: Path, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps the journal from everybody: its halt waits beside the journal, and force ends it."""
    monkeypatch.setattr("runner.cli.force.SILENT_MS", 1_000)
    desk = machine(tmp_path, exchange)
    with desk.session() as session:
        run = session.started()
        until(lambda: exchange.held() > 0 and exchange.stops() == 1, "a position with its stop")
        session.process.kill()
        session.ended()
    [journal] = [path for path in tmp_path.rglob("journal*.db") if "main" in path.name]
    with hanging_session(journal, "BTCUSDT", "always") as hanging:
        told = json.loads(desk.quick("halt", run, "--reason", "hangs", "--who", "ann", "--json", code=5))
        assert "it holds the journal in the midst of writing" in told["words"]
        [limit] = desk.status()["limits"]
        assert (limit["level"], limit["who"]) == ("no_entries", "ann")
        assert "hangs (left beside the journal)" in limit["reason"]
        assert exchange.held() > 0
        done = desk.quick("flatten", run, "--reason", "enough", "--force", "--json")
        assert json.loads(done)["words"] == "flat"
        assert hanging.wait(10) == -signal.SIGKILL
    assert (exchange.held(), exchange.stops(), exchange.orders()) == (0, 0, 0)
    [limit] = desk.status()["limits"]
    assert (limit["level"], limit["reason"]) == ("flatten", "enough")
    assert "unbroken chain" in desk.quick("verify", run)
    with desk.session() as session:  # and stays halted
        session.said("starting")
        session.said("started")
        until(lambda: desk.status()["state"] == "halted", "it is halted")
        session.process.send_signal(signal.SIGTERM)
        assert session.ended() == 6
    assert exchange.held() == 0


def test_a_sound_session_is_not_killed_for_another_that_keeps_the_journal(
    tmp_path: Path, exchange: Exchange
) -> None:
    """One file serves all symbols of an account: while one hangs in it, no other can say that it lives."""
    desk = machine(tmp_path, exchange)
    with desk.session() as session:
        run = session.started()
        until(lambda: exchange.held() > 0 and exchange.stops() == 1, "a position with its stop")
        session.process.kill()
        session.ended()
    [journal] = [path for path in tmp_path.rglob("journal*.db") if "main" in path.name]
    with hanging_session(journal, "BTCUSDT", "always", "sound") as sound:
        with hanging_session(journal, "ETHUSDT", "other") as hanging:
            told = json.loads(desk.quick("halt", run, "--reason", "odd", "--json", code=5))
            assert f"held by process {hanging.pid} (" in told["words"]
            assert "tests.cli.hanging_session" in told["words"]
            refused = desk.call("flatten", run, "--reason", "odd", "--force", code=4)
            assert "no process was ended" in refused.stderr
            assert f"kill {hanging.pid}" in refused.stderr
            assert (sound.poll(), hanging.poll()) == (None, None)
        done = json.loads(desk.quick("flatten", run, "--reason", "enough", "--force", "--json"))
        assert f"process {sound.pid} can write nothing more" in done["words"]
    assert (exchange.held(), exchange.stops(), exchange.orders()) == (0, 0, 0)


@contextmanager
def hanging_session(journal: Path, symbol: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """It has what it is to hold; killed when the block ends."""
    place = [f"sqlite:///{journal}", f"testnet/main@local/{symbol}"]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.hanging_session", *place, *words], stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"ready")
            yield process
        finally:
            process.kill()


def freeze_between_commits(process: subprocess.Popen[str], home: Path) -> None:
    """Stopped inside a commit it would hold SQLite's lock for good, and the way out is to end the process."""
    for _ in range(20):
        process.send_signal(signal.SIGSTOP)
        journals = home.rglob("journal*.db")
        if all(is_free(journal) for journal in journals):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("it is always in a commit")


def is_free(journal: Path) -> bool:
    """Whether somebody else could write."""
    with closing(sqlite3.connect(journal, timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        return True


def test_a_leverage_that_cannot_be_set_now_halts_the_bot_and_does_not_leave_its_position(
    tmp_path: Path, exchange: Exchange
) -> None:
    desk = machine(tmp_path, exchange)
    with desk.session() as session:
        run = session.started()
        until(lambda: exchange.held() > 0 and exchange.stops() == 1, "a position with its stop")
    desk.bot.write_text(BOT.replace("leverage: 3", "leverage: 2"))
    with desk.session() as session:
        assert session.started() == run
        until(lambda: desk.status()["state"] == "halted", "it is halted")
        assert "at leverage 3, isolated, and the bot wants 2" in desk.status()["limits"][0]["reason"]
        assert (exchange.held() > 0, exchange.stops()) == (True, 1)
        session.process.send_signal(signal.SIGTERM)
        assert session.ended() == 6


def test_a_stop_before_anything_happened_is_an_orderly_end(tmp_path: Path, exchange: Exchange) -> None:
    desk = machine(tmp_path, exchange, text=BOT.replace("close > 0.5", "close > 5.0"))
    with desk.session("--capital", "2000") as session:
        assert session.said("starting")["worst_case"]["equity_usdt"] == 2_000.0
        run = session.said("started")["run"]
        until(lambda: desk.status()["state"] == "running", "it runs")
        session.process.send_signal(signal.SIGINT)
        assert session.ended() == 0
    assert desk.status()["ended"] == "stopped"
    refused = desk.call("run", str(desk.bot), "--testnet", "--capital", "3000", code=2)
    assert f"{run} goes on with what it has" in refused.stderr


def test_an_account_that_cannot_be_traded_safely_is_refused(tmp_path: Path, exchange: Exchange) -> None:
    desk = machine(tmp_path, exchange)
    exchange.admin("faults", {"script": "ex.switch_mode(hedge)"})
    refused = desk.call("run", str(desk.bot), "--testnet", code=5)
    assert "one-way mode" in refused.stderr
    assert exchange.admin("state")["accounts"]["main"]["orders"] == 0


def test_without_a_key_it_says_how_to_come_by_one(tmp_path: Path) -> None:
    desk = machine(tmp_path, Exchange("http://127.0.0.1:9", 1.0))
    refused = desk.call("run", str(desk.bot), "--live", "--yes", code=5)
    assert "bound to testnet" in refused.stderr
    assert "runner keys add --mode live --online" in refused.stderr
    refused = desk.call("run", str(desk.bot), "--testnet", "--key", "second", code=5)
    assert "runner keys add --mode testnet --name second" in refused.stderr


def test_a_version_that_was_rolled_back_runs_its_position_off_before_the_other_begins(
    tmp_path: Path, exchange: Exchange
) -> None:
    quiet = BOT.replace("close > 0.5", "close > 5.0")
    desk = machine(tmp_path, exchange, text=quiet)
    with desk.session() as session:
        run = session.started()
        session.process.send_signal(signal.SIGTERM)
        assert session.ended() == 0
    desk.bot.write_text(BOT)
    with desk.session() as session:
        assert session.started() == run
        until(lambda: exchange.held() > 0 and exchange.stops() == 1, "a position with its stop")
        session.process.kill()
        session.ended()
    version = hashlib.sha256(quiet.encode()).hexdigest()
    desk.quick("rollback", str(desk.bot), "--to", version, "--why", "it entered", "--position", "run-off")

    with desk.session() as session:
        assert session.said("starting")["worst_case"]["notional_usdt"] == 0  # of the version that runs off
        session.said("started")
        exchange.admin("price", {"symbol": "BTCUSDT", "price": "38500", "mark": "38500"})
        assert session.said("ended")["exit_code"] == 0
        assert session.said("starting")["worst_case"]["notional_usdt"] > 0
        assert session.said("started")["run"] == run
        assert (exchange.held(), exchange.stops()) == (0, 0)
        session.process.send_signal(signal.SIGTERM)
        assert session.ended() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--testnet", "--stress"], "--stress belongs to --backtest, not to --testnet"),
        (["--live", "--from", "2024-01-01"], "--from belongs to --backtest"),
        (["--backtest", "--capital", "100"], "--capital belongs to --paper, --testnet and --live"),
        ([], "say how to run"),
    ],
)
def test_options_of_another_kind_of_run_are_refused(tmp_path: Path, words: list[str], said: str) -> None:
    bot = tmp_path / "always.yaml"
    bot.write_text(BOT)
    done = subprocess.run(
        [sys.executable, "-m", "runner", "run", str(bot), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert said in done.stderr


def test_real_money_asks_and_a_wrong_word_sends_nothing(tmp_path: Path, exchange: Exchange) -> None:
    desk = machine(tmp_path, exchange, mode="live")
    before = exchange.admin("state")["log"]["entries"]
    nobody = desk.call("run", str(desk.bot), "--live", code=2, stdin=subprocess.DEVNULL)
    assert "--yes answers" in nobody.stderr
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "runner", "run", str(desk.bot), "--live"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=desk.environment,
            cwd=ROOT,
        ) as process:
            os.write(ours, b"yes\n")
            shown, errors = process.communicate(timeout=60)
        assert process.returncode == 2
    finally:
        os.close(ours)
        os.close(theirs)
    assert "largest position" in shown
    assert "30,000.00 USDT notional" in shown
    assert "Type always to start" in errors
    assert "the bot sent nothing" in errors
    log = exchange.admin(f"log?since={before}")["entries"]
    assert not [one for one in log if one["kind"] == "NewOrder"]
    assert (exchange.orders(), exchange.stops()) == (0, 0)  # the doctor's far stop was taken away again


def _no_secret_left(desk: Machine) -> None:
    """In no file of the home but the vault."""
    for path in desk.home.rglob("*"):
        if path.is_file() and path.name not in ("vault.json", "pass.txt"):
            content = path.read_bytes()
            assert SECRET.encode() not in content, path
            assert KEY.encode() not in content, path
