"""Logs hold no secret and no control character, in either form, from us or from a library."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runner.logs.output import Form, LogOutput, about, get_logger, set_up
from runner.logs.redact import Redactor, redact

CANARY = 'kanarie-4711 "quoted" + ümlaut/%'


def opened(
    form: Form = "text", folder: Path | None = None, level: str = "info"
) -> tuple[LogOutput, io.StringIO]:
    stream = io.StringIO()
    return set_up(level=level, form=form, stream=stream, folder=folder, name="bot"), stream


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(redact, "_spellings", frozenset())
    monkeypatch.setattr(redact, "_known", None)
    redact.register(CANARY)
    return CANARY


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_registered_secret_is_struck_out_everywhere(canary: str, form: Form, tmp_path: Path) -> None:
    output, stream = opened(form, tmp_path)
    with output:
        log = get_logger("runner.live")
        log.info(f"in the message {canary}", fact=canary, nested={"deep": [canary]})
        logging.getLogger("ccxt.base").error("in args %s and %r", canary, {"k": canary})
        try:
            raise ValueError(f"in a traceback {canary}")
        except ValueError:
            log.exception("it failed")
            logging.getLogger("aiohttp.client").exception("it failed too")
    said = stream.getvalue() + (tmp_path / "bot.jsonl").read_text()
    assert said.count("***") >= 12
    assert "kanarie" not in said
    assert "4711" not in said


def test_json_lines_can_be_read_and_carry_the_context(tmp_path: Path) -> None:
    output, _ = opened("text", tmp_path)
    with output, about(run="r1", bot="btc_trend"):
        get_logger("runner.live").warning("feed stale", age_s=31.5)
        logging.getLogger("urllib3").warning("slow %s", "host")
    lines = [json.loads(line) for line in (tmp_path / "bot.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["feed stale", "slow host"]
    assert lines[0]["age_s"] == 31.5
    assert {line["run"] for line in lines} == {"r1"}
    assert {line["bot"] for line in lines} == {"btc_trend"}
    assert lines[1]["logger"] == "urllib3"
    assert lines[0]["timestamp"].endswith("Z")


def test_text_is_one_line_that_people_can_read() -> None:
    output, stream = opened()
    with output, about(run="r1"):
        get_logger("runner.live").info("order sent", symbol="BTC/USDT:USDT", note="two words")
    line = stream.getvalue()
    assert 'info    runner.live: order sent  note="two words" run=r1 symbol=BTC/USDT:USDT\n' in line
    assert line[4] == "-"


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_in_a_line_can_steer_a_terminal_or_forge_a_line(form: Form) -> None:
    output, stream = opened(form)
    evil = "a\nb\r2024-01-01 fake line\x1b[2J\x07\u202e\u2028\x9b31m"
    with output:
        get_logger("runner").error(evil, fact=evil)
        logging.getLogger("ccxt").warning("%s", evil)
    said = stream.getvalue()
    assert len(said.splitlines()) == 2
    assert not any(mark in said for mark in "\r\x1b\x07\u202e\u2028\x9b")


def test_libraries_speak_from_warnings_on_and_we_as_the_level_says() -> None:
    output, stream = opened(level="debug")
    with output:
        for name in ("runner.feed", "ccxt", "apprise"):
            logging.getLogger(name).debug("debug of %s", name)
            logging.getLogger(name).info("info of %s", name)
            logging.getLogger(name).warning("warning of %s", name)
    said = stream.getvalue()
    assert "debug of runner.feed" in said
    assert "info of ccxt" not in said
    assert "warning of ccxt" in said


def test_the_file_is_its_owners_alone_and_rotates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.logs.output.FILE_BYTES_MAX", 5_000)
    output, _ = opened(folder=tmp_path / "logs")
    with output:
        for number in range(300):
            get_logger("runner").info("line", number=number)
    files = sorted((tmp_path / "logs").iterdir())
    assert len(files) == 5
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
    assert sum(file.stat().st_size for file in files) < 26_000


def test_a_log_that_cannot_be_written_says_so_once_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], canary: str
) -> None:
    output, stream = opened(folder=tmp_path)
    with output:
        handler = logging.getLogger().handlers[-1]
        assert isinstance(handler, logging.FileHandler)
        handler.stream.close()
        handler.stream = open("/dev/full", "a")  # noqa: SIM115 – closed with the output
        for _ in range(3):
            get_logger("runner").info(f"still going {canary}")
    assert stream.getvalue().count("still going") == 3
    said = capsys.readouterr().err
    assert said.count("cannot be written") == 1
    assert "kanarie" not in said


def test_a_fault_that_nobody_catches_is_logged_without_secrets(tmp_path: Path) -> None:
    program = """
import sys, threading
from pathlib import Path
from runner.logs.output import set_up
from runner.logs.redact import redact
redact.register("kanarie-4711")
set_up(level="info", form="text", stream=sys.stderr, folder=Path(sys.argv[1]), name="bot")
def fail():
    raise RuntimeError("thread kanarie-4711")
thread = threading.Thread(target=fail); thread.start(); thread.join()
raise RuntimeError("main kanarie-4711 signature=abcdef0123 https://user:pass@host/x")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    said = ended.stderr + (tmp_path / "bot.jsonl").read_text()
    assert "thread ***" in said
    assert "main ***" in said
    assert "kanarie" not in said
    assert "abcdef0123" not in said
    assert "user:pass" not in said


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET /fapi/v1/order?symbol=BTCUSDT&signature=9f8e7d6c&timestamp=1", "9f8e7d6c"),
        ("{'X-MBX-APIKEY': 'vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv'}", "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"),
        ('{"listenKey": "pqia91ma19a5s61cv6a81va65sdf19v8a65a1"}', "pqia91ma19a5s61cv6a81va65sdf19v8a65a1"),
        ("wss://fstream/ws/" + "aB3" * 21, "aB3aB3"),
        ("https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe", "AAHdqTcv"),
        ("tgram://123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/987", "AAHdqTcv"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "TIiajk"),
        ("https://hooks.slack.com/services/T1JJ3/A1BRTD/TIiajk", "TIiajk"),
        ("postgresql+psycopg://runner:hunter2@db/journal", "hunter2"),
        ("mailto://bot:hunter2@example.com", "hunter2"),
        ("passphrase=correct-horse password='hunter2'", "hunter2"),
        ("Authorization: Bearer eyJhbGciOi", "eyJhbGciOi"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", "MIIEvQ"),
    ],
)
def test_what_looks_like_a_secret_is_one(text: str, hidden: str) -> None:
    assert hidden not in Redactor()(text)


@pytest.mark.parametrize(
    "text",
    [
        "bot hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "https://fapi.binance.com/fapi/v1/klines?symbol=BTCUSDT",
        "sqlite:///home/journal.db",
        "order btctre-j2agtvp3vnxzx3aw-e1 rejected: -2010 token too short",
        "entry.long: rsi 71.3 < 70 → false",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor()(text) == text


def test_secrets_can_be_registered_while_others_log() -> None:
    redactor = Redactor()

    def register(place: int) -> None:
        for number in range(50):
            redactor.register(f"secret-{place}-{number}")

    threads = [threading.Thread(target=register, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        redactor("nothing here")
    for thread in threads:
        thread.join()
    for place in range(4):
        for number in range(50):
            assert redactor(f"secret-{place}-{number}") == "***"


def test_a_command_logs_as_the_settings_say(tmp_path: Path) -> None:
    program = """
from runner.cli.logs import open_log
from runner.cli.settings import settings_now
from runner.logs.output import get_logger
with open_log(settings_now(), "btc_trend"):
    get_logger("runner.live").debug("token is kanarie-4711-token")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "RUNNER_HOME": str(tmp_path),
            "RUNNER_LOG_LEVEL": "debug",
            "RUNNER_HEALTH_TOKEN": "kanarie-4711-token",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    line = json.loads(ended.stderr)
    assert line["event"] == "token is ***"
    assert line == json.loads((tmp_path / "logs" / "btc_trend.jsonl").read_text())
