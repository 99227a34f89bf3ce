"""`runner data pull` and `runner run … --pull` as a user meets them: real processes, an exchange on
loopback.
"""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from sample_archive import sample_archive
from stand_in import STALL, StandIn, html, running

from runner.cli import cli
from runner.data.layout import list_series, series_key
from runner.data.sample import SampleShelf
from runner.data.store import read_bars
from runner.domain.time import HOUR_MS, MINUTE_MS, parse_time
from runner.errors import RunnerError
from tests.data.archive_server import Archive, serving

BOT = str(Path(__file__).resolve().parents[2] / "bots" / "btc_trend.yaml")
RUNNER = (sys.executable, "-m", "runner")
NOBODY = "http://127.0.0.1:9"
MAY = ("--from", "2025-05-01", "--to", "2025-05-31")


class Done(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


class World(NamedTuple):
    """An exchange, its archive, and a home that begins empty."""

    exchange: StandIn
    archive: Archive
    home: Path

    def environment(self, *, is_online: bool = True) -> dict[str, str]:
        """What a process sees."""
        urls = (self.exchange.url, self.archive.url) if is_online else (NOBODY, NOBODY)
        ours = dict(zip(("RUNNER_EXCHANGE_URL", "RUNNER_ARCHIVE_URL"), urls, strict=True))
        return {**os.environ, **ours, "RUNNER_HOME": str(self.home), "NO_COLOR": "1"}

    def runner(self, *words: str, is_online: bool = True) -> Done:
        """One command, to its end, in this process."""
        result = CliRunner().invoke(cli, words, env=self.environment(is_online=is_online))
        error = result.exception
        if isinstance(error, RunnerError):
            return Done(error.exit_code, result.stdout, f"{result.stderr}error: {error}\n")
        if error is not None and not isinstance(error, SystemExit):
            raise error
        return Done(result.exit_code, result.stdout, result.stderr)

    def process(self, *words: str, is_online: bool = True) -> Done:
        """The same in a process of its own."""
        environment = self.environment(is_online=is_online)
        done = subprocess.run(
            [*RUNNER, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def asked(self) -> int:
        """Requests to either."""
        return len(self.exchange.asked) + len(self.archive.asked)


@pytest.fixture(scope="module")
def archive() -> Iterator[Archive]:
    with serving(sample_archive("5m", "15m", from_ms=parse_time("2024-09-01"))) as served:
        yield served


@pytest.fixture
def world(tmp_path: Path, archive: Archive) -> Iterator[World]:
    archive.asked.clear()
    with running() as exchange:
        yield World(exchange, archive, tmp_path / "home")


def ran(done: Done, exit_code: int = 0) -> Done:
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done


def report_of(text: str) -> dict[str, Any]:
    """A report without what tells when it was made."""
    tree: dict[str, Any] = json.loads(text)
    return {name: part for name, part in tree.items() if name != "generated_at_ms"}


def test_from_an_empty_home_to_a_report_in_one_command_and_offline_ever_after(world: World) -> None:
    words = ("run", BOT, "--backtest", *MAY, "--json", "--quiet")
    pulled = ran(world.process(*words, "--pull"))
    assert world.archive.fetched("BTCUSDT-15m-2025-04.zip")
    assert world.exchange.count("klines")
    asked = world.asked()
    offline = ran(world.process(*words, is_online=False))
    again = ran(world.runner(*words, "--pull", is_online=False))  # nothing is lacking: nobody is asked
    assert report_of(pulled.stdout) == report_of(offline.stdout) == report_of(again.stdout)
    assert world.asked() == asked
    report = report_of(pulled.stdout)
    assert report["data"]["bars"] == 31 * 96
    assert report["data"]["synthetic"] is False
    assert not report["data"]["gaps"]
    assert report["data"]["instrument_source"] != "shipped defaults"


def test_what_a_run_pulls_is_what_the_sample_itself_gives(world: World) -> None:
    words = ("run", BOT, "--backtest", *MAY, "--json", "--quiet")
    pulled = report_of(ran(world.runner(*words, "--pull")).stdout)
    sample = report_of(ran(world.runner(*words, "--data", "sample")).stdout)
    assert pulled["equity_daily"] == sample["equity_daily"]
    assert pulled["trades"] == sample["trades"]
    assert pulled["trades"]


def test_without_a_terminal_the_error_is_the_very_command_that_helps(world: World) -> None:
    words = ("run", BOT, "--backtest", *MAY, "--quiet")
    missing = ran(world.runner(*words), 4)
    command = missing.stderr.splitlines()[-1].strip()
    assert command == (
        "runner data pull BTC/USDT:USDT --timeframe 15m --timeframe 5m --from 2024-11-25 --to 2025-05-31"
    )
    assert world.asked() == 0
    ran(world.runner(*command.split()[1:]))
    assert "Net profit" in ran(world.runner(*words, is_online=False)).stdout


@pytest.mark.parametrize(("answer", "exit_code"), [("y", 0), ("n", 4), ("", 4)])
def test_on_a_terminal_the_user_is_asked_first(world: World, answer: str, exit_code: int) -> None:
    primary, secondary = pty.openpty()
    words = ("run", BOT, "--backtest", *MAY)
    with subprocess.Popen(
        [*RUNNER, *words],
        env=world.environment(),
        stdin=secondary,
        stdout=subprocess.PIPE,
        stderr=secondary,
        text=True,
    ) as process:
        os.close(secondary)
        shown = ""
        while "[y/N]" not in shown:
            shown += os.read(primary, 1000).decode()
        assert "has no BTCUSDT bars of 15m" in shown
        assert world.asked() == 0
        os.write(primary, f"{answer}\n".encode())
        shown += _rest_of(primary)
        assert process.stdout is not None
        report = process.stdout.read()
    os.close(primary)
    assert process.returncode == exit_code, shown
    assert ("Net profit" in report) == (exit_code == 0)
    assert ("runner data pull BTC/USDT:USDT" in shown) == (exit_code == 4)


def _rest_of(terminal: int) -> str:
    shown = ""
    while True:
        try:
            piece = os.read(terminal, 10_000)
        except OSError:  # the other side has closed it
            return shown
        if not piece:
            return shown
        shown += piece.decode(errors="replace")


def test_a_pull_says_what_came_and_what_it_took(world: World) -> None:
    world.exchange.missing = frozenset({parse_time("2025-06-10T08:00Z"), parse_time("2025-06-10T09:00Z")})
    done = ran(
        world.runner("data", "pull", "BTCUSDT", "--timeframe", "1h", "--from", "2025-06-01", "--no-archive")
    )
    *series, rules, last = done.stdout.splitlines()
    assert series == [
        "✓ BTCUSDT 1h  706 rows (706 new)  2025-06-01 00:00 to 2025-06-30 12:00 UTC",
        "    gaps of the exchange: 1, together 2",
        "      2025-06-10 08:00 to 10:00, 2 bars",
        "✓ BTCUSDT mark 1h  706 rows (706 new)  2025-06-01 00:00 to 2025-06-30 12:00 UTC",
        "    gaps of the exchange: 1, together 2",
        "      2025-06-10 08:00 to 10:00, 2 bars",
        "✓ BTCUSDT funding  89 rows (89 new)  2025-06-01 00:00 to 2025-06-30 13:00 UTC",
    ]
    assert rules.startswith("✓ exchangeInfo  tick, step and minimums of BTCUSDT (1 new)")
    assert last.endswith(f"store {world.home / 'candles'}")
    assert f"{len(world.exchange.asked)} requests (0 retries); p50 " in last


def test_the_running_bar_is_never_stored(world: World) -> None:
    ran(world.runner("data", "pull", "BTCUSDT", "--from", "2025-06-30", "--no-archive", "--quiet"))
    stored = read_bars(world.home / "candles", "BTCUSDT", MINUTE_MS)
    assert int(stored.open_time_ms[-1]) == parse_time("2025-06-30T12:33Z")  # the exchange's clock: 12:34:56
    true = SampleShelf("BTC/USDT:USDT", 1, MINUTE_MS).bars(
        "last", MINUTE_MS, parse_time("2025-06-30"), parse_time("2025-06-30T12:34Z")
    )
    assert stored.high.tolist() == true.high.tolist()


def test_the_same_as_json(world: World) -> None:
    world.exchange.fail("klines", html(502))
    done = ran(
        world.runner(
            "data", "pull", "BTCUSDT", "--timeframe", "15m", "--from", "2025-04-01", "--json", "--quiet"
        )
    )
    tree = json.loads(done.stdout)
    assert done.stderr == ""
    assert tree["version"] == 1
    last, mark, funding = tree["series"]
    assert (last["kind"], last["timeframe"], last["new"], last["gaps"]) == ("last", "15m", last["rows"], [])
    assert (mark["kind"], mark["rows"]) == ("mark", last["rows"])
    assert (funding["timeframe"], funding["rows"]) == (None, 272)
    assert last["archive_files"] > 2
    assert tree["requests"] == world.asked()
    assert tree["retries"] == 1
    assert 0 < tree["p50_ms"] <= tree["p99_ms"]
    assert tree["rules"][0]["symbols"] == ["BTC/USDT:USDT"]


def test_a_revised_bar_is_told_and_taken_with_refresh_only(world: World) -> None:
    words = ("data", "pull", "BTCUSDT", "--timeframe", "1h", "--from", "2025-06-20", "--to", "2025-06-21")
    ran(world.runner(*words, "--no-archive", "--quiet"))
    before = read_bars(world.home / "candles", "BTCUSDT", HOUR_MS)
    world.exchange.seed = 2  # another market: every bar is another
    told = ran(world.runner(*words, "--no-archive", "--quiet"))
    assert "revised by" not in told.stdout  # what is stored is not asked again
    assert read_bars(world.home / "candles", "BTCUSDT", HOUR_MS).close.tolist() == before.close.tolist()
    taken = ran(world.runner(*words, "--no-archive", "--quiet", "--refresh"))
    assert "48 stored rows were revised by the exchange; the new figures were taken" in taken.stdout
    assert read_bars(world.home / "candles", "BTCUSDT", HOUR_MS).close.tolist() != before.close.tolist()


def test_ctrl_c_keeps_what_is_whole_and_the_same_command_goes_on(world: World) -> None:
    words = ("data", "pull", "BTCUSDT", "--timeframe", "1m", "--from", "2025-06-01", "--no-archive")
    world.exchange.latency_s = 0.02
    command = [*RUNNER, *words]
    with subprocess.Popen(
        command, env=world.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while world.exchange.count("klines") < 25:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, shown = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted; what was pulled is kept, the same command goes on from there" in shown
    (kept,) = list_series(world.home / "candles", "BTCUSDT", "last")
    assert kept.rows >= 20_000
    before = world.exchange.count("klines")
    ran(world.runner(*words, "--quiet"))
    rows = (world.exchange.now_ms - parse_time("2025-06-01")) // MINUTE_MS
    assert read_bars(world.home / "candles", "BTCUSDT", MINUTE_MS).open_time_ms.size == rows
    assert world.exchange.count("klines") - before < rows / 1000 - 15  # not from the beginning


def test_progress_is_a_line_every_ten_percent_where_nobody_watches(world: World) -> None:
    world.exchange.latency_s = 0.05
    done = ran(world.runner("data", "pull", "BTCUSDT", "--from", "2025-06-10", "--no-archive"))
    lines = done.stderr.splitlines()
    assert lines
    assert all(line.startswith("pulling BTCUSDT: ") and line.endswith(" s left") for line in lines)
    assert all(" rows/s, " in line for line in lines)


@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        (
            ("BTC-USDT", "--from", "2025-01-01"),
            2,
            "'BTC-USDT' is not a symbol; write BTC/USDT:USDT or BTCUSDT",
        ),
        (("BTCUSDT", "--from", "2025-01-01", "--timeframe", "7m"), 2, "'7m' is not a timeframe"),
        (("BTCUSDT", "--from", "yesterday"), 2, "--from yesterday: write a day"),
        (("BTCUSDT", "--from", "2025-01-02", "--to", "2025-01-01"), 2, "--from is not before --to"),
        (("BTCUSDT",), 2, "Missing option '--from'"),
        (("BTCXUSDT", "--from", "2025-01-01"), 5, "lists no BTCXUSDT; check the symbol"),
    ],
)
def test_a_wrong_request_is_refused_with_what_to_write(
    world: World, words: tuple[str, ...], exit_code: int, told: str
) -> None:
    done = ran(world.runner("data", "pull", *words), exit_code)
    assert told in done.stderr
    assert not (world.home / "candles" / "BTCXUSDT").exists()


def test_no_network_is_exit_code_5_and_says_the_way_out(world: World) -> None:
    done = ran(world.runner("run", BOT, "--backtest", "--pull", *MAY, is_online=False), 5)
    assert done.stderr == (
        "note: without --pull the run reads what is stored\n"
        "error: http://127.0.0.1:9 cannot be reached, 4 times in a row; check the network, then try again: "
        "what came before is kept\n"
    )


def test_a_host_that_is_not_this_machine_is_refused_before_anything_is_sent(world: World) -> None:
    elsewhere = StandIn(url="https://exchange.example.org")
    done = ran(
        world._replace(exchange=elsewhere).runner("data", "pull", "BTCUSDT", "--from", "2025-06-01"), 2
    )
    assert "an exchange URL of one's own must be on this machine" in done.stderr


def test_pull_does_not_go_with_the_sample(world: World) -> None:
    done = ran(world.runner("run", BOT, "--backtest", "--data", "sample", "--pull"), 2)
    assert "--pull fills the candle store; --data sample does not read it" in done.stderr


def test_a_second_pull_at_the_same_time_is_told_who_holds_the_store(world: World) -> None:
    world.exchange.fail("klines", STALL)
    words = ("data", "pull", "BTCUSDT", "--from", "2025-06-01", "--no-archive")
    with subprocess.Popen([*RUNNER, *words], env=world.environment(), stderr=subprocess.DEVNULL) as first:
        while not world.exchange.count("klines"):
            time.sleep(0.01)
        second = ran(world.runner(*words), 4)
        first.kill()
    assert f"(process {first.pid}) is writing to the candle store" in second.stderr
    assert series_key("BTCUSDT", "last", MINUTE_MS).label not in second.stdout
