"""`runner alerts`: real messages, and words that help when one does not arrive."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from receivers import http_receiver

BOT = """version: 1
name: small
market: {symbol: BTC/USDT:USDT, timeframe: 15m, leverage: 3}
indicators:
  fast: {kind: ema, length: 9}
entry:
  long: close crosses above fast
size:
  equity: 50%
exit:
  stop_loss: 2%
limits:
  daily_loss: {max: 3% of equity}
"""
ALERTS = "alerts:\n  - {to: env:ALERT_A}\n  - {to: env:ALERT_B, events: [error]}\n"


def runner(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", "alerts", *arguments],
        cwd=cwd,
        env={**os.environ, "RUNNER_HOME": str(cwd / "home"), **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bot.yaml").write_text(BOT + ALERTS)
    (tmp_path / "quiet.yaml").write_text(BOT)
    return tmp_path


def test_a_message_goes_to_each_sink_of_a_bot(folder: Path) -> None:
    with http_receiver() as one, http_receiver() as two:
        shown = runner(
            "test", "bot.yaml", cwd=folder,
            ALERT_A=f"json://127.0.0.1:{one.port}/a", ALERT_B=f"json://127.0.0.1:{two.port}/b",
        )  # fmt: skip
        assert shown.returncode == 0, shown.stderr
        assert [len(one.bodies), len(two.bodies)] == [1, 1]
    assert "env:ALERT_A (json)  ✓ took it in" in shown.stdout


def test_one_sink_that_fails_is_exit_code_5_and_shows_no_address(folder: Path) -> None:
    with http_receiver() as one, http_receiver() as two:
        two.replies = [403]
        shown = runner(
            "test", "bot.yaml", "--json", cwd=folder,
            ALERT_A=f"json://127.0.0.1:{one.port}/token-4711",
            ALERT_B=f"json://127.0.0.1:{two.port}/token-4712",
        )  # fmt: skip
    assert shown.returncode == 5
    sinks = json.loads(shown.stdout)["sinks"]
    assert [bool(sink["why"]) for sink in sinks] == [False, True]
    assert "403" in sinks[1]["why"]
    assert "token-471" not in shown.stdout + shown.stderr


def test_a_sink_that_hangs_is_told_after_the_time_given(folder: Path) -> None:
    with http_receiver() as one:
        one.wait = threading.Event()
        shown = runner(
            "test", "--to", "env:ALERT_A", "--timeout", "2", cwd=folder,
            ALERT_A=f"json://127.0.0.1:{one.port}/a",
        )  # fmt: skip
    assert shown.returncode == 5
    assert "no answer within 2 s" in shown.stdout


def test_an_address_that_is_not_there_is_named(folder: Path) -> None:
    shown = runner("test", "bot.yaml", cwd=folder)
    assert shown.returncode == 5
    assert "env:ALERT_A: the variable ALERT_A is not set" in shown.stderr
    assert "env:ALERT_B: the variable ALERT_B is not set" in shown.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("test",),
        ("test", "bot.yaml", "--to", "env:X"),
        ("test", "quiet.yaml"),
        ("test", "--to", "slack://token-4711"),
    ],
)
def test_what_cannot_be_asked_is_exit_code_2(folder: Path, arguments: tuple[str, ...]) -> None:
    shown = runner(*arguments, cwd=folder)
    assert shown.returncode == 2
    assert "token-4711" not in shown.stdout + shown.stderr


def test_the_list_says_who_hears_of_what(folder: Path) -> None:
    shown = runner("list", "bot.yaml", "quiet.yaml", cwd=folder, ALERT_A="json://secret-host")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines() == [
        "small  env:ALERT_A  entry, exit, limit, error, health, session  (set)",
        "small  env:ALERT_B  error  (not set)",
    ]
    assert json.loads(runner("list", "quiet.yaml", "--json", cwd=folder).stdout)["sinks"] == []
