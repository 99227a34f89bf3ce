"""`runner up` with real bots on paper at a stand-in: killed ones come back; the day's loss halts all."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.cli.test_paper_command import surroundings
from tests.cli.trading import BOT, until
from tests.live.exchange_process import ROOT, Exchange, running_exchange

SECOND = BOT.replace("name: always", "name: second").replace("0.5 * slow", "0.4 * slow")


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with running_exchange(40.0) as one:
        yield one


class Up:
    """A running `runner up`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.told: list[dict[str, Any]] = []

    def heard(self, bot: str, event: str) -> dict[str, Any]:
        """The next event of this kind."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            told: dict[str, Any] = json.loads(line)
            self.told.append(told)
            if (told["bot"], told["event"]) == (bot, event):
                return told
        raise AssertionError(f"it ended: {self.told}")


@contextmanager
def up(files: list[Path], environment: dict[str, str], *more: str) -> Iterator[Up]:
    words = [sys.executable, "-m", "runner", "up", *map(str, files), "--paper", "--json", *more]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, cwd=ROOT
    ) as process:
        try:
            yield Up(process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=40)


def two_bots(folder: Path) -> list[Path]:
    files = [folder / "always.yaml", folder / "second.yaml"]
    for file, text in zip(files, (BOT, SECOND), strict=True):
        file.write_text(text)
    return files


def status(environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    from runner.cli import cli

    done = CliRunner().invoke(cli, ["status", "--json"], env=environment)
    assert done.exit_code == 0, done.output
    return {one["bot"]: one for one in json.loads(done.stdout)["runs"]}


def test_a_killed_bot_comes_back_with_its_run_and_a_signal_ends_all(
    tmp_path: Path, exchange: Exchange
) -> None:
    environment = surroundings(tmp_path / "runner", exchange)
    with up(two_bots(tmp_path), environment) as supervisor:
        pid = supervisor.heard("always", "started")["pid"]
        run = supervisor.heard("always", "runs")["run"]
        if not any((told["bot"], told["event"]) == ("second", "runs") for told in supervisor.told):
            supervisor.heard("second", "runs")
        os.kill(pid, signal.SIGKILL)
        assert supervisor.heard("always", "ended")["exit_code"] == -9
        assert supervisor.heard("always", "started")["pid"] != pid
        assert supervisor.heard("always", "runs")["run"] == run
        assert {one["process"]["state"] for one in status(environment).values()} == {"running"}
        supervisor.process.terminate()
        assert supervisor.process.wait(timeout=40) == 0
    assert {one["process"]["state"] for one in status(environment).values()} == {"none"}


def test_what_all_lose_together_closes_and_halts_all(tmp_path: Path, exchange: Exchange) -> None:
    environment = surroundings(tmp_path / "runner", exchange) | {"RUNNER_ACCOUNT_DAILY_LOSS": "0.5"}
    with up(two_bots(tmp_path), environment) as supervisor:
        halted = supervisor.heard("always", "halted")
        assert "the limit is 0.50 USDT" in halted["why"]

        def is_over() -> bool:
            now = status(environment)
            return all(one["state"] == "halted" and not one["positions"] for one in now.values())

        until(is_over, "both are halted and flat")
        supervisor.process.terminate()
        assert supervisor.process.wait(timeout=40) == 6
    limits = [limit for one in status(environment).values() for limit in one["limits"]]
    assert {limit["who"] for limit in limits} == {"runner up"}


def test_a_bot_that_cannot_start_is_given_up(tmp_path: Path, exchange: Exchange) -> None:
    environment = surroundings(tmp_path / "runner", exchange)
    environment["RUNNER_DB"] = f"sqlite:///{tmp_path / 'damaged.db'}"
    (tmp_path / "damaged.db").write_text("this is no journal\n" * 100)
    with up(two_bots(tmp_path)[:1], environment, "--give-up-after", "2") as supervisor:
        assert supervisor.heard("always", "gave_up")["failures"] == 2
        assert supervisor.process.wait(timeout=40) == 4
    assert [told["event"] for told in supervisor.told] == [
        *("started", "ended", "waits", "started", "ended", "gave_up")
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--testnet",), "both trade BTCUSDT"),
        (("--live",), "--yes answers for all bots"),
        ((), "say how to run"),
    ],
)
def test_rivals_and_unasked_real_money_are_refused(tmp_path: Path, more: tuple[str, ...], words: str) -> None:
    from runner.cli import cli

    done = CliRunner().invoke(cli, ["up", *map(str, two_bots(tmp_path)), *more])
    said = done.output + str(done.exception)
    assert words in said
    assert getattr(done.exception, "exit_code", done.exit_code) == 2
