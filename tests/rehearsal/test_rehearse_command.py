"""`runner rehearse` and `runner deviation` as a user calls them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli import cli
from runner.errors import RunnerError, UsageError
from tests.rehearsal.bills import quick_bot

STRETCH = ("--data", "sample", "--from", "2024-03-01", "--to", "2024-03-01T06:00Z", "--quiet")


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    return quick_bot(tmp_path)


def test_the_ledger_of_a_kept_rehearsal_is_the_one_that_it_printed(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "kept"
    said = CliRunner().invoke(cli, ["rehearse", str(quick), *STRETCH, "--out", str(out), "--json"])
    assert said.exit_code == 0, said.output
    told = json.loads(said.stdout)
    assert told["version"] == 1
    assert told["holds"] is True
    assert told["unexplained"] == []
    assert json.loads((out / "rehearsal.json").read_text(encoding="utf-8")) == told
    monkeypatch.setenv("RUNNER_DB", f"sqlite:///{out / 'journal.db'}")
    again = CliRunner().invoke(cli, ["deviation", told["run"][:8], "--data", "sample", "--json"])
    assert again.exit_code == 0, again.output
    ledger = json.loads(again.stdout)
    assert ledger["items"] == told["ledger"]["items"]
    assert ledger["residual_usdt"] == pytest.approx(0.0, abs=1e-6)
    assert ledger["actual_usdt"] == told["ledger"]["actual_usdt"]
    text = CliRunner().invoke(cli, ["deviation", "last", "--data", "sample"])
    assert "residual: what no item explains" in text.stdout
    missing = CliRunner().invoke(cli, ["deviation", "last"])
    assert "runner data pull BTC/USDT:USDT" in str(missing.exception)


def test_the_verdict_says_what_was_compared_and_what_to_do_next(quick: Path) -> None:
    said = CliRunner().invoke(cli, ["rehearse", str(quick), *STRETCH])
    assert said.exit_code == 0, said.output
    lines = said.stdout.splitlines()
    assert lines[1].startswith("SYNTHETIC market")
    assert lines[2].startswith("compared: the backtest of these bars, and the session that trades")
    assert lines[5].startswith("PARITY HOLDS")
    again = next(line for line in lines if "the same while things fail" in line)
    stretch = " ".join(STRETCH[:-1])
    assert again.endswith(f"runner rehearse {quick} {stretch} --faults storm")
    assert f"runner run {quick} --paper" in said.stdout


def test_what_nothing_explains_ends_with_exit_code_one(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signals of another bot are compared with this one's."""
    from dataclasses import replace

    from runner.rehearsal import whole

    real = whole.run_backtest

    def tampered(*given: object, **rest: object) -> object:
        found = real(*given, **rest)  # type: ignore[arg-type]
        first, *others = found.decisions
        return replace(found, decisions=(first._replace(signal=-first.signal), *others))

    monkeypatch.setattr(whole, "run_backtest", tampered)
    said = CliRunner().invoke(cli, ["rehearse", str(quick), *STRETCH])
    assert said.exit_code == 1, said.output
    assert "FAILED: 1 unexplained" in said.stdout
    assert "signal at the close of" in said.stdout
    assert "nothing in the journal explains it" in said.stdout
    assert "the same again with --keep" in said.stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--faults", "net.explode"), "net.explode"),
        (("--faults", "@/nowhere/storm.txt"), "No such file"),
        (("--from", "yesterday"), "write a day"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(
    words: tuple[str, ...], problem: str, quick: Path
) -> None:
    said = CliRunner().invoke(cli, ["rehearse", str(quick), "--data", "sample", *words])
    wrong = f"{said.output} {said.exception}"
    assert problem in wrong
    assert said.exit_code == 2 or isinstance(said.exception, UsageError)


def test_a_backtest_has_no_deviation_of_its_own(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_DB", f"sqlite:///{tmp_path / 'j.db'}")
    ran = CliRunner().invoke(cli, ["run", str(quick), "--backtest", *STRETCH, "--record"])
    assert ran.exit_code == 0, ran.output
    said = CliRunner().invoke(cli, ["deviation", "last", "--data", "sample"])
    assert isinstance(said.exception, RunnerError)
    assert "is a backtest itself" in str(said.exception)
