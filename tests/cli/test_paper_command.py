"""`runner run BOT --paper` as a process: no keys, a kill that changes nothing, and a journal that replays."""

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

from runner.domain.session_event import BarClosed
from runner.journal.write import open_journal
from tests.cli.trading import BOT, Running, until
from tests.live.exchange_process import ROOT, Exchange, running_exchange


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with running_exchange(40.0) as one:
        yield one


def surroundings(home: Path, exchange: Exchange) -> dict[str, str]:
    kept = {name: word for name, word in os.environ.items() if not name.startswith("RUNNER_")}
    return {
        **kept,
        "RUNNER_HOME": str(home),
        "RUNNER_EXCHANGE_URL": exchange.url,
        "RUNNER_EXCHANGE_SPEED": str(exchange.speed),
        "RUNNER_HEALTH_PORT": "0",
    }


@contextmanager
def on_paper(bot: Path, environment: dict[str, str], *more: str) -> Iterator[Running]:
    words = [sys.executable, "-m", "runner", "run", str(bot), "--paper", "--json", *more]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, cwd=ROOT
    ) as process:
        try:
            yield Running(process)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def bars_decided(home: Path) -> list[int]:
    with open_journal(f"sqlite:///{home / 'journal-paper-always@local.db'}") as journal:
        events = [line.entry.event for line in journal.read.entries(kinds=("bar_closed",))]
    return [event.bar.open_time_ms for event in events if isinstance(event, BarClosed)]


def test_a_paper_bot_needs_no_keys_survives_a_kill_and_replays(tmp_path: Path, exchange: Exchange) -> None:
    home, bot = tmp_path / "runner", tmp_path / "always.yaml"
    home.mkdir(mode=0o700)
    bot.write_text(BOT)
    environment = surroundings(home, exchange)

    def said(*words: str, code: int = 0) -> str:
        from runner.cli import cli

        done = CliRunner().invoke(cli, list(words), env=environment)
        assert getattr(done.exception, "exit_code", done.exit_code) == code, (done.output, done.exception)
        return done.stdout

    with on_paper(bot, environment, "--capital", "2000") as life:
        run = life.started()
        until(lambda: len(bars_decided(home)) >= 3, "three bars")
        status: dict[str, Any] = json.loads(said("status", "always", "--json"))["runs"][0]
        assert (status["mode"], status["run"]) == ("paper", run)
        assert status["process"]["state"] == "running"
        with on_paper(bot, environment) as second:  # only one at a time
            assert second.ended() == 4
        life.process.kill()
        life.process.wait()
    with on_paper(bot, environment) as life:
        assert life.said("starting")["resumes"] == run
        life.said("started")
        before = len(bars_decided(home))
        until(lambda: len(bars_decided(home)) >= before + 3, "three more bars")
        said("halt", "always", "--reason", "a test")
        life.process.send_signal(signal.SIGTERM)
        assert life.ended() == 6
    decided = bars_decided(home)
    assert decided == list(range(decided[0], decided[-1] + 1, 60_000))
    assert "none differs" in said("verify", run)
    assert run in said("runs")


def test_paper_refuses_what_belongs_to_real_orders(tmp_path: Path) -> None:
    from runner.cli import cli

    bot = tmp_path / "always.yaml"
    bot.write_text(BOT)
    done = CliRunner().invoke(cli, ["run", str(bot), "--paper", "--yes"])
    assert done.exit_code == 2
    assert "--yes belongs to --testnet and --live" in done.output
