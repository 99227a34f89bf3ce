"""The screen, as text."""

import json
import math
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from report_runs import random_results
from report_tables import GAPS, make_facts, make_result, parse_fills, parse_payments

from runner.domain.result import Result
from runner.report.document import build_report
from runner.report.figures import as_percent, count, multiple, plain_number, sparkline, usdt
from runner.report.terminal import WIDTH, render_terminal, wants_style

FILLS = """
    bar side quantity price after fee slip reason      risk
      0 buy         2   100     2 1   0.5  entry         20
      1 sell        1   110     1 0.5 0    take_profit   10
      2 sell        1   120     0 0.5 0    take_profit    0
      3 sell        1   120    -1 1   0.5  entry         10
      4 buy         1   130     0 1   0.5  stop_loss      0
"""

GOLDEN = """\
tiny  BTC/USDT:USDT 1d  2024-01-01 → 2024-01-06  6 bars  88ab21e
********* SYNTHETIC DATA: AN INVENTED MARKET, IT SAYS NOTHING ABOUT A REAL ONE *********
equity  ▁▃▆█▇▅▅  1,000 → 1,016 USDT

 Net profit            +16.25 USDT  +1.6 %    Buy and hold                      +24.8 %
 Annual growth                    +166.6 %    Calmar                             142.76
 Max drawdown, bar closes           -1.2 %    Max drawdown, inside bars          -1.2 %
 Longest drawdown                 3.0 days    Time in position                   50.0 %
 Sharpe                               6.77    Sortino                             15.14
 Trades                                  2    Win rate                           50.0 %
 Profit factor                        2.35    Expectancy                        +0.11 R
 Average win / loss      +1.41 R / -1.20 R    Best / worst trade      +1.41 R / -1.20 R
 Long, 1 trade                 +28.25 USDT    Short, 1 trade                -12.00 USDT
 Average bars in trade                 1.5    Losses in a row, most                   1
 Turnover ÷ mean equity                0.7    Liquidations                            0

 Fees -4.00   Funding +0.25   Slippage -1.50   Costs ÷ profit before them 24 %
 Inside bars: adverse +16.25 (the headline)   favourable +12.00   1 bar unclear
note: the favourable path ended lower: another way through one bar changed a price, or
  which trades came after it, so it is no upper bound for this run

 exit                   trades   fills   win %      sum R        net USDT    avg bars
 take_profit                 1       2     100      +1.41          +28.25         2.0
 stop_loss                   1       1       0      -1.20          -12.00         1.0

HALTED: maximum drawdown
signals refused: cooldown 31, daily loss limit 4

warning: SYNTHETIC DATA: the figures say nothing about a real market
warning: only 2 trades: under 100 the figures are mostly chance
data: sample, Binance USDⓈ-M perpetual; 50 bars of warm-up before the start; 5m bars
  walked inside each
note: 2 gaps, 3 bars missing: 2024-01-01T05:00Z (2), 2024-01-02T05:00Z (1)
note: the start was moved: the store has too little before it for the warm-up
note: 2 bars without all finer bars
note: 1 funding rate missing, nothing was paid for them
note: 12 bars without a mark price, the last price stood in
note: 1 of 2 funding payments reckoned from the last price, not the mark
note: tick, step, minimums and margin brackets: shipped defaults
note: one of ours
basis: daily equity at 00:00 UTC, × √365, risk-free 0; growth over calendar time; R is
  the USDT at risk at entry; a trade is net of fees, with funding; – is undefined
"""


def screen(result: Result, styled: bool = False) -> str:
    return render_terminal(build_report(result, mode="backtest", generated_at_ms=0), styled=styled)


def full_run(**changes: Any) -> Result:
    facts = make_facts(
        timeframe="1d",
        synthetic=True,
        gaps=GAPS,
        moved_start=True,
        funding_missing=1,
        mark_missing=12,
        detail_timeframe="5m",
        detail_missing=2,
        source="sample",
    )
    given_facts: dict[str, Any] = {
        "facts": facts,
        "refusals": {"daily loss limit": 4, "cooldown": 31},
        "halted": "maximum drawdown",
        "ambiguous_bars": 1,
        "favourable_net_pnl_usdt": 12.0,
        "notes": ["one of ours"],
    }
    payments = parse_payments("bar usdt missing\n1 -0.25 yes\n2 0.5", timeframe="1d")
    fills = parse_fills(FILLS, timeframe="1d")
    closes = [105.0, 112.0, 118.0, 124.0, 130.0, 131.0]
    return make_result(fills, payments, closes, timeframe="1d", **(given_facts | changes))


def test_the_whole_screen() -> None:
    assert screen(full_run()) == GOLDEN


def test_an_idle_run_shows_dashes_and_no_table() -> None:
    text = screen(make_result([], [], [100.0] * 48))
    assert re.search(r"Win rate +–\n", text)
    assert re.search(r"Long +no trades +Short +no trades\n", text)
    assert "warning: no trades" in text
    assert "sum R" not in text
    assert "SYNTHETIC" not in text


@settings(max_examples=60, deadline=None)
@given(random_results())
def test_no_line_is_wider_than_the_screen_and_nothing_is_styled(result: Result) -> None:
    text = screen(result)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "\x1b" not in text
    assert text.count("\n") <= 45


def test_enormous_figures_and_long_names_still_fit() -> None:
    fills = parse_fills("bar side quantity price after\n0 buy 1 100 1\n1 sell 1 99000000000 0")
    result = make_result(
        fills,
        [],
        [100.0, 99e9],
        bot="a" * 32,
        facts=make_facts(symbol="1000000MOGWAI/USDT:USDT-260327", notes=("a very long note " * 20,)),
        refusals={f"reason number {number} of a long list": 10**6 for number in range(15)},
        favourable_net_pnl_usdt=math.nan,
    )
    assert max(len(line) for line in screen(result).splitlines()) <= WIDTH


def test_styles_change_no_letter() -> None:
    plain, styled = screen(full_run()), screen(full_run(), styled=True)
    assert styled != plain
    assert re.sub(r"\x1b\[[0-9;]+m", "", styled) == plain


@pytest.mark.parametrize(
    ("environment", "is_terminal", "colour", "expected"),
    [
        ({}, True, "auto", True),
        ({}, False, "auto", False),
        ({"NO_COLOR": "1"}, True, "auto", False),
        ({"NO_COLOR": ""}, True, "auto", True),  # empty counts as not set, as no-color.org says
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, "auto", False),
        ({"FORCE_COLOR": "1"}, False, "auto", True),
        ({"TERM": "dumb"}, True, "auto", False),
        ({"NO_COLOR": "1"}, False, "always", True),
        ({"FORCE_COLOR": "1"}, True, "never", False),
    ],
)
def test_styles_are_for_terminals_that_want_them(
    environment: dict[str, str], is_terminal: bool, colour: Any, expected: bool
) -> None:
    assert wants_style(environment, is_terminal=is_terminal, colour=colour) is expected


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (as_percent(0.4213, sign=True), "+42.1 %"),
        (as_percent(-0.00001, sign=True), "+0.0 %"),
        (as_percent(0.19, digits=0), "19 %"),
        (as_percent(1e30), "+1.0e+32 %"),
        (as_percent(None), "–"),
        (usdt(4212.1), "+4,212.10"),
        (usdt(-0.001), "+0.00"),
        (multiple(-1.0), "-1.00 R"),
        (plain_number(1234.5), "1,234.50"),
        (count(1, "bar"), "1 bar"),
        (count(1000, "bar"), "1,000 bars"),
    ],
)
def test_figures_are_spelled_for_readers(figure: str, shown: str) -> None:
    assert figure == shown


@pytest.mark.parametrize(
    ("points", "width", "shown"),
    [
        ([0.0, 7.0], 10, "▁█"),
        ([float(level) for level in range(8)], 8, "▁▂▃▄▅▆▇█"),
        ([float(level) for level in range(16)], 8, "▁▂▃▄▅▆▇█"),
        ([5.0, 5.0, 5.0], 10, "▁▁▁"),
        ([100.0, 0.0, 0.0, 0.0, 50.0], 2, "▁█"),
    ],
)
def test_the_sparkline_ends_with_the_last_point(points: list[float], width: int, shown: str) -> None:
    assert sparkline(points, width) == shown


def test_the_report_loads_no_table_library_and_no_terminal_library() -> None:
    code = (
        "import sys, json, runner.report.terminal, runner.report.document, runner.report.files; "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pandas", "rich", "pydantic", "jsonschema", "pyarrow", "numba"} & set(json.loads(done.stdout))
