"""`runner doctor` at a stand-in, and `runner run --live`, which wants a pass or runs it first."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.trading import BOT, Machine, Running, machine
from tests.live.exchange_process import ROOT, Exchange, running_exchange


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with running_exchange(20.0) as one:
        yield one


def examined(one: Machine, *more: str, code: int = 0, mode: str = "--testnet") -> dict[str, Any]:
    told: dict[str, Any] = json.loads(one.quick("doctor", str(one.bot), mode, "--json", *more, code=code))
    assert told["version"] == 1
    assert told["passed"] is (code == 0)
    return told


def test_a_sound_machine_passes_and_it_is_recorded(tmp_path: Path, exchange: Exchange) -> None:
    one = machine(tmp_path, exchange)
    told = examined(one, "--capital", "2000")
    states = {check["check"]: check["state"] for check in told["checks"]}
    assert {"keys", "lease", "disk", "journal", "hosts", "clock", "setup", "far stop", "stream"} <= set(
        states
    )
    assert [name for name, state in states.items() if state == "failed"] == []
    assert examined(one)["bot_hash"] == told["bot_hash"]
    text = one.quick("doctor", str(one.bot), "--testnet")
    assert "✓ far stop" in text
    assert "checks passed" in text


def test_without_a_key_or_with_a_sink_that_is_not_there_it_fails_closed(
    tmp_path: Path, exchange: Exchange
) -> None:
    one = machine(tmp_path, exchange)
    told = examined(one, "--key", "other", code=5)
    assert [check["check"] for check in told["checks"] if check["state"] == "failed"] == ["keys"]
    one.bot.write_text(BOT + "alerts: [{to: env:NO_SUCH_SINK}]\n")
    failed = [check for check in examined(one, code=5)["checks"] if check["state"] == "failed"]
    assert [check["check"] for check in failed] == ["alerts"]
    assert "NO_SUCH_SINK is not set" in failed[0]["text"]


def test_beside_a_running_bot_nothing_is_tried(tmp_path: Path, exchange: Exchange) -> None:
    one = machine(tmp_path, exchange)
    with one.session() as life:
        life.started()
        told = examined(one, code=5)
        assert told["checks"][-1]["check"] == "lease"
        assert told["checks"][-1]["state"] == "failed"
        life.process.terminate()
        assert life.ended() == 0


def test_live_runs_it_first_and_starts_nothing_when_it_fails(tmp_path: Path) -> None:
    with running_exchange(20.0) as fresh:
        one = machine(tmp_path, fresh, mode="live")
        text = BOT.replace("leverage: 3", "leverage: 60")
        one.bot.write_text(text.replace("distance: 2%", "distance: 0.05 * slow"))
        refused = one.call("run", str(one.bot), "--live", "--yes", code=5)
        assert "not started; runner doctor found:" in refused.stderr
        assert "stop: at leverage 60" in refused.stderr
        assert fresh.orders() == fresh.stops() == 0


def test_live_starts_after_a_pass_and_does_not_ask_again_for_a_day(tmp_path: Path) -> None:
    with running_exchange(20.0) as fresh:
        one = machine(tmp_path, fresh, mode="live")
        one.bot.write_text(BOT.replace("close > 0.5 * slow", "close > 2 * slow"))  # stays flat
        for time in ("first", "second"):
            errors = tmp_path / f"{time}.err"
            with (
                errors.open("w") as told,
                subprocess.Popen(
                    [sys.executable, "-m", "runner", "run", str(one.bot), "--live", "--yes", "--json"],
                    stdout=subprocess.PIPE,
                    stderr=told,
                    text=True,
                    env=one.environment,
                    cwd=ROOT,
                ) as process,
            ):
                Running(process).started()
                process.terminate()
                assert process.wait(timeout=30) == 0
        assert "it runs first" in (tmp_path / "first.err").read_text()
        assert "it runs first" not in (tmp_path / "second.err").read_text()


def test_settling_trades_and_belongs_to_testnet(tmp_path: Path, exchange: Exchange) -> None:
    one = machine(tmp_path, exchange, mode="live")
    one.quick("doctor", str(one.bot), "--live", "--settle", code=2)
    one.quick("doctor", str(one.bot), code=2)
