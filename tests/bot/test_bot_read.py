"""Reading as a whole: modes, suppressions, findings side by side, what a clean document is spared."""

import subprocess
import sys
import time

import pytest
from bot_documents import FULL, SMALL, changed

from runner.bot.problem import Problem
from runner.bot.read import read_bot, runnable
from runner.compiler.check import check_document

CARELESS = SMALL.split("exit:")[0] + "exit:\n  time_stop: 4 bars\n"


def codes(text: str, for_mode: str | None = None) -> list[tuple[str, str]]:
    return [(problem.code, problem.severity) for problem in read_bot(text, for_mode)[1]]


@pytest.mark.parametrize("text", [SMALL, FULL], ids=["small", "full"])
def test_a_good_document_has_no_problem(text: str) -> None:
    document, problems, source = read_bot(text)
    assert problems == []
    assert runnable(document, problems)
    assert document is not None
    assert check_document(document, source) == []


def test_short_forms_are_written_out() -> None:
    document, _, _ = read_bot(changed(SMALL, "stop_loss: 2%", "stop_loss: 2%\n  take_profit: 2R"))
    assert document is not None
    assert str(document.exit.stop_loss.distance) == "2%"  # type: ignore[union-attr]
    assert [(str(target.at), str(target.close)) for target in document.exit.take_profit] == [("2R", "100%")]
    assert str(document.costs.slippage.fixed) == "0.02%"
    assert document.market.market_id == "BTCUSDT"


@pytest.mark.parametrize("mode", [None, "backtest", "paper"])
def test_what_costs_money_is_a_warning_where_orders_are_not_real(mode: str | None) -> None:
    assert codes(CARELESS, mode) == [("risk/no-daily-limit", "warning"), ("risk/no-stop", "warning")]


@pytest.mark.parametrize("mode", ["testnet", "live"])
def test_what_costs_money_is_an_error_where_orders_are_real(mode: str) -> None:
    assert codes(CARELESS, mode) == [("risk/no-daily-limit", "error"), ("risk/no-stop", "error")]


def test_a_comment_above_the_line_allows_a_warning_and_it_is_counted() -> None:
    text = changed(CARELESS, "exit:", "# runner: allow risk/no-stop\nexit:")
    _, problems, source = read_bot(text)
    assert [problem.code for problem in problems] == ["risk/no-daily-limit"]
    assert [problem.code for problem in source.suppressed] == ["risk/no-stop"]


def test_several_codes_and_several_comments_are_allowed() -> None:
    text = "version: 1\n# runner: allow risk/no-stop, risk/no-daily-limit\n# a word in between\n"
    text += CARELESS.removeprefix("version: 1\n")
    assert codes(text) == [("risk/no-stop", "warning")]


def test_errors_cannot_be_allowed() -> None:
    text = changed(CARELESS, "exit:", "# runner: allow risk/no-stop\nexit:")
    assert ("risk/no-stop", "error") in codes(text, "live")
    text = changed(SMALL, "  fast:", "  # runner: allow schema/unknown-key\n  fast:")
    assert codes(changed(text, "length", "lenght")) == [("schema/unknown-key", "error")]


def everything(text: str) -> list[Problem]:
    document, problems, source = read_bot(text)
    return problems + (check_document(document, source) if document else [])


def test_faults_of_all_kinds_are_found_in_one_pass() -> None:
    text = changed(FULL, "{kind: atr, length: 14}", "{kind: atr, lenght: 14}")
    text = changed(text, "timeframe: 15m\n", "timeframe: 15min\n")
    text = changed(text, "close: 40.0%", "close: 40")
    text = changed(text, "adx is rising", "adxx is rising")
    assert {(found.code, found.span.line) for found in everything(text)} == {
        ("schema/enum", 8),
        ("schema/unknown-key", 20),
        ("rule/unknown-name", 25),
        ("schema/unit", 46),
    }


def test_a_cut_out_fault_leads_to_no_other_finding() -> None:
    for old, new in (
        ("{kind: adx, length: 14}", "{kind: adxx, length: 14}"),
        ("{kind: sma, length: 55, input: hlc3}", "{kind: sma, input: hlc3}"),
        ("{kind: sma, length: 55, input: hlc3}", "{kind: sma, length: 55, input: hlcc3}"),
        ("{default: 21, min: 8,  max: 34}", "{default: 21, min: 8}"),
        ("stop_loss: {distance: 2.5 * atr, trigger: last}", "stop_loss: 2"),
        ("name: full", "name: Full Bot"),
        ("        - bull_on_4h\n", "        - 5\n"),
    ):
        assert len(everything(changed(FULL, old, new))) == 1, new


def test_a_document_with_errors_is_not_runnable() -> None:
    document, problems, _ = read_bot(changed(SMALL, "length: 9", "lenght: 9"))
    assert document is not None
    assert not runnable(document, problems)


def test_reading_takes_a_few_milliseconds() -> None:
    text = FULL + "".join(f"# line {number}\n" for number in range(60))
    read_bot(text)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        read_bot(text)
        times.append(time.perf_counter() - start)
    assert min(times) <= 0.025


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_reading_imports_no_array_library() -> None:
    modules = "format, lint_all, read, render, schema, write, canonical".replace("lint_all, ", "")
    loaded = imported_by(f"from runner.bot import {modules}; import runner.bot.sentences")
    assert not loaded & {"numpy", "pandas", "pyarrow", "numba"}


def test_a_good_document_needs_no_schema_validator() -> None:
    loaded = imported_by(f"from runner.bot.read import read_bot; assert not read_bot({SMALL!r})[1]")
    assert "jsonschema" not in loaded
