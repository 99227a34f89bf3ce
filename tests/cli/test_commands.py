"""The commands as a user meets them, in a process of their own: output, exit codes, wrong turns."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
BOT = ROOT / "bots" / "btc_trend.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def runner(*words: object, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: text for name, text in os.environ.items() if name != "GITHUB_ACTIONS"}
    settings = {**inherited, "RUNNER_HOME": str(cwd / "home"), "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-m", "runner", *map(str, words)],
        cwd=cwd,
        env=settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_lists_every_command_and_an_example(folder: Path) -> None:
    shown = runner("--help", cwd=folder)
    assert shown.returncode == 0
    for name in ("new", "check", "fmt", "show", "explain", "run", "why", "data", "indicators", "schema"):
        assert f"\n  {name}" in shown.stdout
    assert "--backtest" in shown.stdout


def test_help_imports_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys; sys.argv=['runner','--help']\n"
        "from runner.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'pydantic', 'jsonschema', 'yaml', 'pyarrow', 'numba', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert shown.stderr.strip() == "[]"


def test_check_imports_no_arrays(folder: Path) -> None:
    code = (
        f"import sys; sys.argv=['runner','check',{str(BOT)!r}]\n"
        "from runner.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'numpy','pandas','pyarrow','numba'} & set(sys.modules)), file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert shown.stderr.strip() == "[]"


def test_a_misspelt_command_is_a_usage_error_with_the_nearest_name(folder: Path) -> None:
    shown = runner("chekc", cwd=folder)
    assert shown.returncode == 2
    assert "check" in shown.stderr


@pytest.mark.parametrize(
    "command", ["new", "check", "fmt", "show", "explain", "run", "why", "data", "indicators"]
)
def test_every_command_explains_itself_with_an_example(command: str, folder: Path) -> None:
    shown = runner(command, "--help", cwd=folder)
    assert shown.returncode == 0
    assert f"runner {command}" in shown.stdout


def test_from_a_new_bot_to_its_report(folder: Path) -> None:
    assert runner("new", "my_bot", cwd=folder).returncode == 0
    assert runner("check", "bots/my_bot.yaml", cwd=folder).returncode == 0
    again = runner("new", "my_bot", cwd=folder)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    shown = runner("run", "bots/my_bot.yaml", "--backtest", "--data", "sample", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert "SYNTHETIC DATA" in shown.stdout
    assert "Sharpe" in shown.stdout


def test_json_follows_the_schema_and_out_writes_the_same(folder: Path) -> None:
    words = ("run", BOT, "--backtest", "--data", "sample", "--to", "2024-06-30", "--json", "--out", "report")
    shown = runner(*words, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    report = json.loads(shown.stdout)
    schema = json.loads((ROOT / "schemas" / "report.v1.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(report)
    assert report["data"]["synthetic"] is True
    assert json.loads((folder / "report" / "report.json").read_text(encoding="utf-8")) == report
    lines = (folder / "report" / "trades.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(report["trades"]) + 1


def test_no_data_is_exit_code_4_with_the_command_to_type(folder: Path) -> None:
    shown = runner("run", BOT, "--backtest", cwd=folder)
    assert shown.returncode == 4
    assert "runner data pull BTC/USDT:USDT --timeframe 15m --timeframe 5m --from 2023-07-28" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_broken_bot_is_exit_code_1_with_its_place(folder: Path) -> None:
    broken = folder / "broken.yaml"
    broken.write_text(
        BOT.read_text(encoding="utf-8").replace("length: 14}", "lenght: 14}", 1), encoding="utf-8"
    )
    shown = runner("run", broken, "--backtest", "--data", "sample", cwd=folder)
    assert shown.returncode == 1
    assert "schema/unknown-key" in shown.stderr
    assert "did you mean 'length'?" in shown.stderr
    assert shown.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", BOT), "--backtest"),
        (("run", BOT, "--live", "--stress"), "--stress belongs to --backtest"),
        (("run", BOT, "--backtest", "--set", "fast"), "--set NAME=NUMBER"),
        (("run", BOT, "--backtest", "--from", "yesterday"), "2024-01-31"),
        (("run", BOT, "--backtest", "--from", "2024-02-01", "--to", "2024-01-01"), "not before"),
        (("run", BOT, "--backtest", "--data", "moon"), "sample"),
        (("run", BOT, "--backtest", "--data", "sample", "--from", "2030-01-01"), "comes from the bot's"),
        (("data", "import", "nope.parquet"), "no such file"),
        (("data", "import", "."), "this is a folder"),
        (("why", BOT, "--at", "noon", "--data", "sample"), "2024-03-14T09:15Z"),
        (("why", BOT, "--at", "2031-01-01T00:00Z", "--data", "sample"), "outside the backtest"),
        (("new", "My-Bot"), "small letters"),
        (("indicators", "emma"), "ema"),
    ],
)
def test_a_wrong_turn_is_exit_code_2_and_says_the_way_out(
    words: tuple[object, ...], said: str, folder: Path
) -> None:
    shown = runner(*words, cwd=folder)
    assert shown.returncode == 2, shown.stderr
    assert said in shown.stderr + shown.stdout
    assert "Traceback" not in shown.stderr


def test_an_unknown_or_outlying_override_is_a_finding(folder: Path) -> None:
    for override, said in (("fats=13", "did you mean 'fast'?"), ("fast=99", "from 8 to 34")):
        shown = runner("run", BOT, "--backtest", "--data", "sample", "--set", override, cwd=folder)
        assert shown.returncode == 1
        assert said in shown.stderr


def test_an_override_changes_the_hash_and_the_run(folder: Path) -> None:
    hashes = set()
    for words in ((), ("--set", "fast=13")):
        hashes.add(runner("show", BOT, "--hash", *words, cwd=folder).stdout)
    assert len(hashes) == 2


def test_show_prints_a_document_with_the_same_hash(folder: Path) -> None:
    shown = runner("show", BOT, cwd=folder)
    (folder / "resolved.yaml").write_text(shown.stdout, encoding="utf-8")
    first = runner("show", BOT, "--hash", cwd=folder).stdout
    assert runner("show", "resolved.yaml", "--hash", cwd=folder).stdout == first


def test_fmt_check_is_content_with_the_shipped_bots(folder: Path) -> None:
    shown = runner("fmt", "--check", *sorted((ROOT / "bots").glob("*.yaml")), cwd=folder)
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_why_shows_rules_gates_and_outcome(folder: Path) -> None:
    report = json.loads(
        runner(
            "run", BOT, "--backtest", "--data", "sample", "--to", "2024-06-30", "--json", cwd=folder
        ).stdout
    )
    entry = report["trades"][0]["entry_time_ms"]
    at = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from runner.domain.units import Instant; print(Instant({entry - 900_000}, False))",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.strip()
    shown = runner("why", BOT, "--at", at, "--data", "sample", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert "ema_fast crosses" in shown.stdout
    assert "✓ passed" in shown.stdout
    assert "orders for the next bar" in shown.stdout
    as_json = json.loads(runner("why", BOT, "--at", at, "--data", "sample", "--json", cwd=folder).stdout)
    assert any(gates for gates in as_json["gates"].values())


def test_schema_is_the_committed_file(folder: Path) -> None:
    for which in ("bot", "report"):
        committed = (ROOT / "schemas" / f"{which}.v1.json").read_text(encoding="utf-8")
        assert runner("schema", which, cwd=folder).stdout == committed


def test_a_reader_that_goes_away_is_no_finding(folder: Path) -> None:
    words = [sys.executable, "-m", "runner", "schema"]
    shown = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert shown.stdout is not None
    assert shown.stderr is not None
    shown.stdout.read(1)
    shown.stdout.close()
    complaint = shown.stderr.read()
    shown.stderr.close()
    assert (shown.wait(60), complaint) == (0, b"")


def test_a_place_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "file").write_text("")
    words = (
        "run",
        BOT,
        "--backtest",
        "--data",
        "sample",
        "--to",
        "2024-02-28",
        "--out",
        folder / "file" / "x",
    )
    shown = runner(*words, cwd=folder)
    assert shown.returncode in (2, 4)
    assert "file" in shown.stderr
    assert "fault in runner" not in shown.stderr


def test_no_colour_in_a_pipe(folder: Path) -> None:
    shown = runner("run", BOT, "--backtest", "--data", "sample", "--to", "2024-03-31", cwd=folder)
    assert "\x1b[" not in shown.stdout


def test_explain_names_both_sides_and_the_warm_up(folder: Path) -> None:
    shown = runner("explain", BOT, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert "LONG" in shown.stdout
    assert "SHORT" in shown.stdout
    assert "bars" in shown.stdout
