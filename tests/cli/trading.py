"""A trader's machine: a home with a vault, the exchange as a process, the commands as processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tests.live.exchange_process import KEY, ROOT, SECRET, Exchange

PASSPHRASE = "correct horse battery"

BOT = """
version: 1
name: always
market: {symbol: BTCUSDT, timeframe: 1m, leverage: 3, margin: isolated}
indicators: {slow: {kind: sma, length: 8}}
entry: {long: close > 0.5 * slow}
size: {risk: 1% of equity}
exit:
  stop_loss: {distance: 2%, trigger: mark}
  take_profit: [{at: 1R, close: 50%}]
  time_stop: 200 bars
limits: {daily_loss: {max: 3% of equity}}
backtest: {capital: 5000 USDT}
"""


@dataclass(frozen=True)
class Machine:
    """`home` is RUNNER_HOME; `bot` the bot's file."""

    home: Path
    bot: Path
    environment: dict[str, str]

    def call(self, *words: str, code: int | None = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "runner", *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=self.environment,
            cwd=ROOT,
            **more,
        )
        assert code is None or done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def quick(self, *words: str, code: int = 0, typed: str = "") -> str:
        """The same inside this process, for commands that end at once; what it printed."""
        from runner.cli import cli

        done = CliRunner().invoke(cli, list(words), input=typed, env=self.environment)
        assert getattr(done.exception, "exit_code", done.exit_code) == code, (
            words,
            done.output,
            done.exception,
        )
        return done.stdout

    def status(self) -> dict[str, Any]:
        """The one bot's."""
        told = json.loads(self.quick("status", "always", "--json"))
        assert told["version"] == 1
        found: dict[str, Any] = told["runs"][0]
        return found

    @contextmanager
    def session(self, *more: str) -> Iterator["Running"]:
        """`runner run --testnet` until the block ends; killed if it has not ended by then."""
        errors = (self.home / "session.err").open("ab")
        with subprocess.Popen(
            [sys.executable, "-m", "runner", "run", str(self.bot), "--testnet", "--json", *more],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=self.environment,
            cwd=ROOT,
        ) as process:
            try:
                yield Running(process)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
                errors.close()


@dataclass(frozen=True)
class Running:
    """A session's process."""

    process: subprocess.Popen[str]

    def said(self, event: str) -> dict[str, Any]:
        """Its next line, which must be this one."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "it ended"
        told: dict[str, Any] = json.loads(line)
        assert told["event"] == event
        return told

    def started(self) -> str:
        """The run's name, once it runs."""
        self.said("starting")
        return str(self.said("started")["run"])

    def ended(self) -> int:
        """Its exit code."""
        return self.process.wait(timeout=30)


def until(happened: Callable[[], bool], what: str, longest_s: float = 40.0) -> None:
    """Wait for it."""
    end_s = time.monotonic() + longest_s
    while not happened():
        assert time.monotonic() < end_s, f"never: {what}"
        time.sleep(0.1)


def machine(folder: Path, exchange: Exchange, *, mode: str = "testnet", text: str = BOT) -> Machine:
    """With a key in the vault, and the exchange where the settings say."""
    home = folder / "runner"
    home.mkdir(mode=0o700)
    passphrase = home / "pass.txt"
    passphrase.write_text(PASSPHRASE)
    passphrase.chmod(0o600)
    bot = folder / "always.yaml"
    bot.write_text(text)
    kept = {name: word for name, word in os.environ.items() if not name.startswith("RUNNER_")}
    made = Machine(
        home,
        bot,
        {
            **kept,
            "RUNNER_HOME": str(home),
            "RUNNER_EXCHANGE_URL": exchange.url,
            "RUNNER_EXCHANGE_SPEED": str(exchange.speed),
            "RUNNER_VAULT_PASSPHRASE_FILE": str(passphrase),
            "RUNNER_HEALTH_PORT": "0",
        },
    )
    made.quick("keys", "add", "--mode", mode, "--stdin", typed=f"{KEY}\n{SECRET}\n")
    return made
