"""`runner simulator` as a user starts it: a process, its own words, a client pointed as it says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from runner.cli.simulator import LEAD_BARS, command
from runner.errors import UsageError
from runner.live.window import Window
from tests.cli.trading import Machine, machine, until
from tests.live.exchange_process import Exchange
from tests.live.rig import compiled_bot

START = ["--data", "sample", "--from", "2024-01-01", "--to", "2024-01-02", "--timeframe", "1h", "--port", "0"]


@contextmanager
def running(*more: str) -> Iterator[subprocess.Popen[str]]:
    """The command, until the block ends; then Ctrl-C, and exit code 0."""
    with subprocess.Popen(
        [sys.executable, "-m", "runner", "simulator", *START, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(2)
            _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors


def test_it_prints_lines_that_point_ccxt_at_it_and_they_work() -> None:
    with running() as process:
        said = _until(process, "Ctrl-C stops it.")
        lines = said.split("to point ccxt at it:\n")[1].rsplit("Ctrl-C", 1)[0]
        script = lines + (
            "import asyncio\n"
            "async def main():\n"
            "    try:\n"
            "        await client.load_markets()\n"
            "        order = await client.create_order('BTC/USDT:USDT', 'market', 'buy', 0.1)\n"
            "        print(order['status'], len(await client.fetch_ohlcv('BTC/USDT:USDT', '1h')))\n"
            "    finally:\n"
            "        await client.close()\n"
            "asyncio.run(main())\n"
        )
        told = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
        )
    assert told.stdout == "closed 500\n"


def test_json_says_where_it_is_and_the_admin_plays_on() -> None:
    with running("--speed", "step", "--faults", "random:3", "--seed", "5", "--json") as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert said["version"] == 1
        assert len(said["faults"]) == 3
        body = json.dumps({"bars": 2}).encode()
        with urlopen(Request(f"{said['admin']}/step", body, {"Content-Type": "application/json"})) as reply:
            assert json.load(reply)["time_ms"] == said["from_ms"] + 2 * 3_600_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--speed", "fast"], "write real, x60"),
        (["--wallet", "much"], "write an amount of USDT"),
        (["--faults", "net.dropp(*)"], "did you mean net.dup"),
        (["--faults", "@nothing.txt"], "No such file"),
        (["--symbol", "?"], "--symbol"),
        (["--timeframe", "7m"], "--timeframe"),
        (["--from", "May"], "--from"),
        (["--cert", __file__], "--cert and --cert-key go together"),
    ],
)
def test_a_wrong_option_says_the_way_out(options: list[str], said: str) -> None:
    told = CliRunner().invoke(command, [*START, *options])
    assert isinstance(told.exception, UsageError)
    assert said in str(told.exception)


def test_the_in_memory_skin_needs_no_server_library() -> None:
    """aiohttp is loaded by the server alone; ccxt brings its own."""
    imports = "runner.simulator.opening, runner.simulator.session"
    code = f"import sys, {imports}; print('aiohttp' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout == "False\n"
    homes = [
        path.name
        for path in Path("runner/simulator").glob("*.py")
        if re.search("^(from|import) aiohttp", path.read_text(), re.M)
    ]
    assert homes == ["server.py"]


def _until(process: subprocess.Popen[str], last: str) -> str:
    assert process.stdout is not None
    said = ""
    while last not in said:
        line = process.stdout.readline()
        assert line, "it ended"
        said += line
    return said


def test_a_bot_with_a_long_memory_runs_against_it_when_it_is_given_its_lead(tmp_path: Path) -> None:
    """The README's own bot wants 12,048 bars before its first decision."""
    text = Path("bots/btc_trend.yaml").read_text()
    assert Window(compiled_bot(text), 900_000).bars_needed == 12_048
    more = ["--from", "2024-06-01", "--to", "2024-06-08", "--timeframe", "15m"]
    with running(*more, "--lead", "12200", "--speed", "real", "--json") as process:
        assert process.stdout is not None
        exchange = Exchange(json.loads(process.stdout.readline())["url"], 1.0)
        desk = machine(tmp_path, exchange, text=text)
        with desk.session() as session:
            session.started()
            until(lambda: _states(desk) == ["running"], "it is warm", 60)
            session.process.send_signal(2)
            assert session.ended() == 0


def _states(desk: Machine) -> list[str]:
    told = json.loads(desk.quick("status", "btc_trend", "--json"))
    return [one["state"] for one in told["runs"]]


@pytest.mark.parametrize("bot", ["doge_limits", "eth_revert", "sol_breakout"])
def test_the_other_bots_need_no_more_than_it_has_anyway(bot: str) -> None:
    compiled = compiled_bot(Path(f"bots/{bot}.yaml").read_text())
    assert Window(compiled, compiled.plan.timeframe_ms).bars_needed <= LEAD_BARS
