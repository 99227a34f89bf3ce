"""A session whose journal is a PostgreSQL, and every command that speaks of it or to it: real processes."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.cli.trading import Machine, machine, until
from tests.live.exchange_process import (
    HISTORY_BARS,
    PLAYED_BARS,
    Exchange,
    running_exchange,
)
from tests.live.rig import MINUTE_MS, START_MS, bars_of
from tests.postgres_server import Server

SPEED = 10.0


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with running_exchange(SPEED) as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path, exchange: Exchange, postgres: Server) -> Machine:
    made = machine(tmp_path, exchange)
    made.environment["RUNNER_DB"] = postgres.make_database()
    return made


def test_a_session_is_watched_halted_resumed_flattened_and_accounted_for(
    desk: Machine, exchange: Exchange
) -> None:
    with desk.session() as session:
        session.said("starting")
        started = session.said("started")
        until(lambda: exchange.held() > 0 and exchange.stops() == 1, "a position with its stop")
        until(lambda: desk.status()["positions"] != [], "the journal knows of it")
        _held_and_watched(desk, started["pid"])
        halted = desk.call("halt", "always", "--reason", "a test", "--who", "ann")
        assert "nothing new is opened" in halted.stdout
        assert [(one["level"], one["who"]) for one in desk.status()["limits"]] == [("no_entries", "ann")]
        assert exchange.held() > 0
        desk.quick("resume", "always", "--reason", "seen")
        until(lambda: desk.status()["state"] == "running", "it runs again")
        assert json.loads(desk.quick("flatten", "always", "--reason", "enough", "--json"))["done"]
        assert (exchange.held(), exchange.stops(), exchange.orders()) == (0, 0, 0)
        session.process.send_signal(signal.SIGTERM)
        assert session.ended() == 6
    told = desk.status()
    assert (told["process"]["state"], told["exit_code"]) == ("none", 6)
    _accounted_for(desk, told["run"])
    checks = json.loads(desk.quick("doctor", str(desk.bot), "--testnet", "--json"))["checks"]
    assert {one["state"] for one in checks if one["check"] in ("journal", "lease")} == {"ok"}
    assert exchange.admin("audit")["problems"] == []


def _held_and_watched(desk: Machine, pid: int) -> None:
    """One process at a time; what it holds is told."""
    refused = desk.call("run", str(desk.bot), "--testnet", code=4)
    assert f"process {pid}" in refused.stderr
    checks = json.loads(desk.quick("doctor", str(desk.bot), "--testnet", "--json", code=5))["checks"]
    assert (checks[-1]["check"], checks[-1]["state"]) == ("lease", "failed")
    told = desk.status()
    assert (told["process"]["state"], told["process"]["pid"]) == ("running", pid)
    assert told["positions"][0]["protected"] is True
    assert "a stop rests" in desk.call("status").stdout


def _accounted_for(desk: Machine, run: str) -> None:
    """Everything that can be asked of a run afterwards."""
    assert run in desk.quick("runs")
    (told,) = json.loads(desk.quick("runs", "--json"))
    assert (told["run"], told["mode"]) == (run, "testnet")
    assert "unbroken chain" in desk.quick("verify")
    assert "none differs" in desk.quick("verify", run)
    audited = json.loads(desk.quick("audit", run, "--json"))
    assert audited["run"] == run
    bars = desk.home / "bars.csv"
    bars.write_text(played(), encoding="utf-8")
    desk.quick("data", "import", str(bars), "--symbol", "BTC/USDT:USDT", "--timeframe", "1m")
    ledger: dict[str, Any] = json.loads(desk.quick("deviation", run, "--json"))
    assert ledger["run"] == run
    assert ledger["residual_usdt"] == pytest.approx(0.0, abs=0.01)
    assert json.loads(desk.quick("versions", "always", "--json"))
    desk.quick("report", run, code=2)  # no run at an exchange has one


def played() -> str:
    """The exchange's bars as somebody would store them."""
    closes = [40_000 + 40 * float(np.sin(at / 5)) for at in range(HISTORY_BARS + PLAYED_BARS)]
    bars = bars_of(closes, start_ms=START_MS - HISTORY_BARS * MINUTE_MS)
    rows = zip(bars.open_ms, bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)
    return "\n".join(["timestamp,open,high,low,close,volume", *(",".join(map(str, row)) for row in rows)])


def test_one_that_was_killed_is_taken_up_and_one_that_hangs_is_flattened_by_force(
    desk: Machine, exchange: Exchange
) -> None:
    with desk.session() as session:
        run = session.started()
        until(lambda: exchange.held() > 0 and exchange.stops() == 1, "a position with its stop")
        session.process.kill()
        session.process.wait(30)
    held = exchange.held()
    until(lambda: desk.status()["process"]["state"] == "none", "the server has noticed")
    with desk.session() as session:
        assert session.said("starting")["resumes"] == run
        session.said("started")
        until(lambda: desk.status()["state"] == "running", "it runs again")
        assert (exchange.held(), exchange.stops()) == (held, 1)
        freeze_between_commits(session.process, desk.environment["RUNNER_DB"])
        done = desk.call("flatten", run, "--reason", "hangs", "--force")
        assert "can write nothing more" in done.stdout
        assert (exchange.held(), exchange.stops(), exchange.orders()) == (0, 0, 0)
        session.process.send_signal(signal.SIGCONT)
        assert session.ended() == 4  # another process took its place
    assert exchange.held() == 0
    assert desk.status()["limits"][0]["level"] == "flatten"
    assert "unbroken chain" in desk.quick("verify", run)


def freeze_between_commits(process: subprocess.Popen[str], database: str) -> None:
    """Stopped inside a commit it would hold the head's row, and the way out is to end the process."""
    plain = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(plain, autocommit=True)) as connection:
        for _ in range(20):
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.2)  # what the server was given is done by then
            try:
                connection.execute("SELECT seq FROM head FOR UPDATE NOWAIT")
            except psycopg.errors.LockNotAvailable:
                process.send_signal(signal.SIGCONT)
                time.sleep(0.05)
            else:
                return
    raise AssertionError("it is always in a commit")


def test_a_server_that_goes_away_takes_the_session_down_and_the_next_one_takes_it_up(
    desk: Machine, exchange: Exchange
) -> None:
    """The lock is a connection: whoever loses it may not trade on."""
    with desk.session() as session:
        run = session.started()
        until(lambda: exchange.held() > 0 and exchange.stops() == 1, "a position with its stop")
        plain = make_url(desk.environment["RUNNER_DB"]).set(drivername="postgresql")
        with closing(
            psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True)
        ) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN"
                " (SELECT pid FROM pg_locks WHERE locktype = 'advisory') AND pid <> pg_backend_pid()"
            )
        assert session.ended() == 4
    assert exchange.stops() == 1
    with desk.session() as session:
        assert session.started() == run
        until(lambda: desk.status()["state"] == "running", "it runs again")
        assert exchange.stops() == 1
        session.process.send_signal(signal.SIGTERM)
        assert session.ended() == 0
