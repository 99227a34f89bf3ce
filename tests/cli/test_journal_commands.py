"""Recording, and what can be done with it: runs, report, verify, versions, show, diff, rollback."""

import json
import sqlite3
import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runner.cli import cli
from runner.domain.entry import Entry
from runner.domain.order_event import Filled, PositionSet
from runner.domain.session_event import Reported, RolledBack, RunStarted
from runner.errors import RunnerError
from runner.journal.write import Text, open_journal

ROOT = Path(__file__).resolve().parents[2]
SPAN = ["--from", "2024-03-01", "--to", "2024-04-15"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own with one bot in it, and no git around it."""
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RUNNER_DB", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bot.yaml").write_bytes((ROOT / "bots" / "btc_trend.yaml").read_bytes())
    return tmp_path


def say(*words: object) -> Result:
    """A command, in this process."""
    return CliRunner().invoke(cli, list(map(str, words)))


def fails(*words: object) -> str:
    """What the command says when it refuses."""
    done = say(*words)
    assert isinstance(done.exception, RunnerError), done.output
    return str(done.exception)


def record(*more: str, bot: str = "bot.yaml") -> str:
    """The name of a new recorded run."""
    done = say("run", bot, "--backtest", "--data", "sample", "--record", "--quiet", *SPAN, *more)
    assert done.exit_code == 0, done.output + done.stderr
    line = next(line for line in done.stderr.splitlines() if line.startswith("recorded as "))
    return line.split()[2].rstrip(":")


def edit(home: Path, before: str, after: str) -> None:
    path = home / "bot.yaml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_without_a_journal_every_command_says_how_to_begin_and_makes_none(home: Path) -> None:
    assert "nothing is recorded yet" in say("runs").stderr
    for words in (["report", "last"], ["verify", "last"], ["show", "abcd"], ["verify"]):
        assert "nothing is recorded yet" in fails(*words)
    assert not (home / "home").exists()


def test_a_recorded_run_is_listed_shown_and_verified(home: Path) -> None:
    run = record()
    (told,) = json.loads(say("runs", "--json").output)
    assert (told["run"], told["mode"], told["bot"], told["exit_code"]) == (run, "backtest", "btc_trend", 0)
    assert run in say("runs").output
    whole = say("run", "bot.yaml", "--backtest", "--data", "sample", "--quiet", *SPAN, "--json").output
    kept = json.loads(say("report", run, "--json").output)
    assert kept | {"generated_at_ms": 0} == json.loads(whole) | {"generated_at_ms": 0}
    assert Decimal(told["net_pnl_usdt"]) == pytest.approx(Decimal(str(kept["metrics"]["net_pnl_usdt"])))
    shown = say("report", "last").output
    plain = say("run", "bot.yaml", "--backtest", "--data", "sample", "--quiet", *SPAN).output
    assert shown.partition("\n")[0].startswith(f"run {run}, build ")
    assert shown.partition("\n")[2] == plain
    verified = say("verify", run[:12])
    assert verified.exit_code == 0, verified.output
    assert "in an unbroken chain" in verified.output
    assert f"✓ {run}: run again over 4,416 bars; " in verified.output
    assert verified.output.rstrip().endswith("none differs")


def test_a_run_with_parameters_set_is_reproduced_with_them(home: Path) -> None:
    plain, other = record(), record("--set", "fast=13", "--stress")
    runs = {run["run"]: run for run in json.loads(say("runs", "--json").output)}
    assert runs[plain]["bot_hash"] != runs[other]["bot_hash"]
    assert runs[plain]["text_hash"] == runs[other]["text_hash"]
    assert say("verify", other).exit_code == 0
    assert (
        "under worse conditions" in say("report", other).output.lower()
        or "stress" in say("report", other).output.lower()
    )
    assert "set with --set" in fails("show", runs[other]["bot_hash"][:10])
    (version,) = json.loads(say("versions", "bot.yaml", "--json").output)
    assert (version["runs"], version["bot_hash"]) == (2, runs[plain]["bot_hash"])
    assert "with --set" in say("versions", "btc_trend").output


def test_verify_names_what_was_changed_in_the_journal(home: Path) -> None:
    record()
    with sqlite3.connect(home / "home" / "journal.db") as journal:
        journal.execute("UPDATE journal SET payload = replace(payload, 'entry', 'exit') WHERE seq = 2")
    journal.close()
    said = fails("verify", "last")
    assert "entry 2 (filled" in said
    assert "is not what was written" in said
    assert "is not what was written" in fails("verify")


def test_verify_names_the_first_decision_and_fill_that_differ(home: Path) -> None:
    run = record()
    with open_journal(f"sqlite:///{home / 'home' / 'journal.db'}") as journal:
        first, *rest = journal.read.entries(run=run)
        other = "2024-03-04 00:00 long: accepted\n"
        text = Text("decisions", other)
        entries = [replace(first.entry, run="forged")]
        for line in rest:
            event = line.entry.event
            if isinstance(event, Filled):
                event = replace(event, price=event.price + 1)
            if isinstance(event, Reported):
                event = replace(event, decisions_hash=text.hash)
            entries.append(replace(line.entry, run="forged", event=event, fact=None))
        journal.append(*entries, texts=[text])
    done = say("verify", "forged")
    assert done.exit_code == 1
    assert "✗ decision 1 differs\n  kept:  2024-03-04 00:00 long: accepted\n  again: " in done.output
    assert "✗ fill 1 differs" in done.output


def test_verify_says_when_the_stored_bars_are_others(home: Path) -> None:
    run = record()
    with open_journal(f"sqlite:///{home / 'home' / 'journal.db'}") as journal:
        first = next(journal.read.entries(run=run))
        started = first.entry.event
        assert isinstance(started, RunStarted)
        assert started.data is not None
        event = replace(started, data=replace(started.data, digest="0" * 64))
        journal.append(replace(first.entry, run="moved", event=event))
    done = say("verify", "moved")
    assert (done.exit_code, "stored bars are not those of the run" in done.output) == (1, True)


def test_versions_are_kept_compared_and_set_back(home: Path) -> None:
    record()
    first = (home / "bot.yaml").read_text(encoding="utf-8")
    edit(home, "length: $fast}", "length: $fast}   # a comment")
    edit(home, "2.5 * atr", "2 * atr")
    edited = (home / "bot.yaml").read_text(encoding="utf-8")
    assert "has not been recorded" in say("versions", "bot.yaml").output
    record()
    newest, oldest = json.loads(say("versions", "bot.yaml", "--json").output)
    assert (newest["current"], oldest["current"]) == (True, False)
    old, new = oldest["text_hash"][:8], newest["text_hash"][:8]
    assert say("show", old, "--source").output == first
    assert say("show", old).output == say("show", old[:4]).output
    assert say("show", new, "--hash").output.strip() == newest["bot_hash"]
    compared = say("diff", old, new)
    assert compared.exit_code == 1
    assert "-  stop_loss: {distance: 2.5 * atr, trigger: mark}" in compared.output
    assert "# a comment" not in say("diff", old, "bot.yaml", "--resolved").output
    assert say("diff", new, "bot.yaml").exit_code == 0
    done = say("rollback", "bot.yaml", "--to", old, "--why", "the wider stop", "--who", "ada")
    assert done.exit_code == 0, done.output
    assert (home / "bot.yaml").read_text(encoding="utf-8") == first
    with open_journal(f"sqlite:///{home / 'home' / 'journal.db'}") as journal:
        line = journal.read.last_rollback("btc_trend")
    assert line is not None
    event = line.entry.event
    assert isinstance(event, RolledBack)
    assert (event.who, event.why, event.position) == ("ada", "the wider stop", None)
    assert say("rollback", "bot.yaml", "--to", new, "--why", "and back").exit_code == 0
    assert (home / "bot.yaml").read_text(encoding="utf-8") == edited
    assert "already" in say("rollback", "bot.yaml", "--to", new, "--why", "again").output


def test_only_comments_changed_is_said(home: Path) -> None:
    record()
    old = json.loads(say("versions", "bot.yaml", "--json").output)[0]["text_hash"]
    edit(home, "name: btc_trend", "name: btc_trend   # mine")
    assert "it is the same bot" in say("diff", old[:8], "bot.yaml").stderr


def test_unrecorded_edits_are_kept_from_a_rollback_or_kept_by_it(home: Path) -> None:
    record()
    old = json.loads(say("versions", "bot.yaml", "--json").output)[0]["text_hash"]
    edit(home, "2.5 * atr", "2 * atr")
    edited = (home / "bot.yaml").read_text(encoding="utf-8")
    back = ["rollback", "bot.yaml", "--to", old[:8], "--why", "x"]
    assert "neither recorded" in fails(*back)
    assert (home / "bot.yaml").read_text(encoding="utf-8") == edited
    for words in (
        ["init", "-q"],
        ["add", "bot.yaml"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *words], cwd=home, check=True)
    assert say(*back).exit_code == 0  # git has it
    edit(home, "2.5 * atr", "3 * atr")
    assert "neither recorded" in fails(*back)
    assert say(*back, "--force").exit_code == 0
    texts = [version["text_hash"] for version in json.loads(say("versions", "bot.yaml", "--json").output)]
    assert len(texts) == 3
    assert any("3 * atr" in say("show", text[:10], "--source").output for text in texts)


def test_an_open_position_has_to_be_decided_on(home: Path) -> None:
    record()
    url = f"sqlite:///{home / 'home' / 'journal.db'}"
    old = json.loads(say("versions", "bot.yaml", "--json").output)[0]["text_hash"]
    edit(home, "2.5 * atr", "2 * atr")
    record()
    with open_journal(url) as journal:
        first = next(journal.read.entries(kinds=["run_started"])).entry
        held = PositionSet("BTC/USDT:USDT", Decimal("0.02"), Decimal(35000), "adopted")
        assert isinstance(first.event, RunStarted)
        event = replace(first.event, mode="testnet", account="main", data=None)
        journal.append(Entry("held", 9 * 10**12, event, first.bot_hash), Entry("held", 9 * 10**12, held))
    back = ["rollback", "bot.yaml", "--to", old[:8], "--why", "x"]
    said = fails(*back)
    assert "0.02 since run held" in said
    assert "--position run-off:" in said
    done = say(*back, "--position", "run-off")
    assert done.exit_code == 0, done.output
    assert "keeps its stop and exits until it is flat" in done.output
    with open_journal(url) as journal:
        line = journal.read.last_rollback("btc_trend")
    assert line is not None
    assert isinstance(line.entry.event, RolledBack)
    assert line.entry.event.position == "run-off"


def test_a_name_that_is_none_or_several_is_said(home: Path) -> None:
    record()
    record()
    assert "begins the names of 2 runs" in fails("report", "btc_trend")
    assert "there is no run eth" in fails("report", "eth")
    assert "no recorded version" in fails("show", "0123456789")
    assert "at least four digits" in fails("diff", "abc", "bot.yaml")


def test_runs_are_recorded_on_postgres_by_one_url(
    home: Path, monkeypatch: pytest.MonkeyPatch, postgres: object
) -> None:
    monkeypatch.setenv("RUNNER_DB", postgres.make_database())  # type: ignore[attr-defined]
    run = record()
    assert run in say("runs").output
    verified = say("verify", "last")
    assert (verified.exit_code, "none differs" in verified.output) == (0, True)
    assert not (home / "home" / "journal.db").exists()
