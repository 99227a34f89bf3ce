"""`--stress`: each scenario is the same backtest with exactly one thing made worse."""

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner
from runs import ROOT, bot, rows, sample

from runner.backtest.engine import interpreted_engine
from runner.backtest.run import run_backtest
from runner.backtest.stress import figures_of, one_bar_late, run_stress, runs_of, without_best
from runner.backtest.variants import Variant, candidates, moved_parameters
from runner.bot.canonical import apply_overrides
from runner.bot.read import read_text
from runner.cli import cli
from runner.compiler.build import Compiled
from runner.compiler.columns import Rows, evaluate
from runner.domain.bar import FALSE, TRUE, UNKNOWN
from runner.domain.facts import DataFacts
from runner.domain.order import ENTRY
from runner.domain.result import Result
from runner.domain.series import Market
from runner.domain.stress import Scenario, StressResult
from runner.domain.time import parse_time
from runner.modes import Range, compile_bot, load_for

BOT = """\
version: 1
name: small
market: {symbol: BTC/USDT:USDT, timeframe: 1h, leverage: 5}
parameters:
  length: {default: 60, min: 60, max: 90}
  reach:  {default: 2, min: 0.5, max: 2.1}
  floor:  {default: 0, min: 0, max: 50}
indicators:
  mean:    {kind: ema, length: $length}
  atr:     {kind: atr}
  rsi:     {kind: rsi}
entry:
  long: close crosses above mean and rsi > $floor
size: {quantity: 0.02 BTC}
exit:
  stop_loss: {distance: $reach * atr}
  time_stop: 6 bars
"""
SPAN = Range(parse_time("2024-02-01"), parse_time("2024-04-01"))


def compiled_of(text: str) -> Compiled:
    document, problems, source = read_text(text, "small.yaml")
    assert document is not None, problems
    made, problems = compile_bot(document, source)
    assert made is not None, problems
    return made


@cache
def market_of(text: str = BOT) -> tuple[Market, DataFacts]:
    return load_for(compiled_of(text), "sample", SPAN)


def backtest(compiled: Compiled, market: Market | None = None, verdicts: Rows | None = None) -> Result:
    stored, facts = market_of()
    return run_backtest(compiled, market or stored, facts, engine=interpreted_engine(), rows=verdicts)


def stressed(text: str = BOT, wider: Market | None = None) -> StressResult:
    compiled = compiled_of(text)
    variants = moved_parameters(compiled)
    market, _ = market_of(text)
    headline = backtest(compiled, market)
    return run_stress(compiled, market, headline, variants, engine=interpreted_engine(), wider=wider)


@cache
def scenarios() -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in stressed().scenarios}


def test_the_scenarios_are_those_of_the_issue_in_their_order() -> None:
    assert list(scenarios()) == [
        "fees doubled",
        "slippage doubled",
        "fees and slippage doubled",
        "entries one bar late",
        "length -10 %",
        "length 60 → 66",
        "reach 2 → 1.8",
        "reach 2 → 2.1",
        "floor -10 %",
        "floor +10 %",
        scenarios_best(),
        "adverse path inside bars",
        "favourable path inside bars",
    ]


def scenarios_best() -> str:
    trades = figures_of(backtest(compiled_of(BOT))).trades
    assert trades is not None
    assert trades > 20
    return f"best {math.ceil(trades / 20)} of {trades} trades removed"


def test_doubled_fees_are_what_the_run_paid_once_more() -> None:
    """A fixed quantity, a stop and a clock: the trades are the same."""
    result, dear = backtest(compiled_of(BOT)), scenarios()["fees doubled"].figures
    assert dear is not None
    assert dear.trades == figures_of(result).trades
    fees_usdt = math.fsum(fill.fee_usdt for fill in result.fills)
    lost = figures_of(result).net_pnl_ratio - dear.net_pnl_ratio
    assert lost * result.plan.capital_usdt == pytest.approx(fees_usdt, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "costs"),
    [
        ("fees doubled", "maker: 0.04%, taker: 0.1%"),
        ("slippage doubled", "slippage: 4 bps"),
        ("fees and slippage doubled", "maker: 0.04%, taker: 0.1%, slippage: 4 bps"),
    ],
)
def test_doubled_costs_are_the_run_with_such_costs_written_down(name: str, costs: str) -> None:
    assert scenarios()[name].figures == figures_of(backtest(compiled_of(f"{BOT}costs: {{{costs}}}\n")))


def test_the_part_of_slippage_that_grows_with_volume_is_doubled_too() -> None:
    costs = "costs: {slippage: {fixed: 3 bps, impact: 0.1}}\n"
    twice = "costs: {slippage: {fixed: 6 bps, impact: 0.2}}\n"
    assert stressed(BOT + costs).scenarios[1].figures == figures_of(backtest(compiled_of(BOT + twice)))


def test_costs_of_nothing_cannot_be_doubled_and_say_so() -> None:
    free = stressed(BOT + "costs: {maker: 0%, taker: 0%, slippage: 2 bps}\n").scenarios
    assert free[0].figures is None
    assert free[0].note == "there is nothing to double: the bot's are 0"
    assert free[1].figures == free[2].figures is not None


def test_late_entries_fill_one_bar_later() -> None:
    compiled, (market, _) = compiled_of(BOT), market_of()
    verdicts = evaluate(compiled.program, market)
    prompt = backtest(compiled, verdicts=verdicts)
    late = backtest(compiled, verdicts=one_bar_late(verdicts, market.first))
    first, delayed = (next(fill for fill in run.fills if fill.reason == ENTRY) for run in (prompt, late))
    assert delayed.bar == first.bar + 1
    assert scenarios()["entries one bar late"].figures == figures_of(late)


def test_lateness_moves_entries_and_their_stops_and_nothing_else() -> None:
    prompt = Rows(
        enter_long=np.array([UNKNOWN, TRUE, TRUE, FALSE, TRUE], np.int8),
        enter_short=np.array([FALSE, FALSE, FALSE, TRUE, FALSE], np.int8),
        stop_long=np.array([math.nan, 1.0, 2.0, 3.0, 4.0]),
        stop_short=np.array([math.nan, 5.0, 6.0, 7.0, 8.0]),
        trail_distance=np.array([math.nan, 1.0, 2.0, 3.0, 4.0]),
        slots=np.zeros((1, 5)),
    )
    late = one_bar_late(prompt, first=2)
    # row 1 is warm-up: its verdict is nobody's, though it is known
    assert late.enter_long.tolist() == [UNKNOWN, UNKNOWN, UNKNOWN, TRUE, FALSE]
    assert late.enter_short.tolist() == [UNKNOWN, UNKNOWN, UNKNOWN, FALSE, TRUE]
    np.testing.assert_array_equal(late.stop_long, [math.nan, math.nan, math.nan, 2.0, 3.0])
    np.testing.assert_array_equal(late.stop_short, [math.nan, math.nan, math.nan, 6.0, 7.0])
    assert late.trail_distance is prompt.trail_distance
    assert late.slots is prompt.slots


def test_late_rows_never_see_the_future() -> None:
    """Rows of a market cut short, made late, are the start of the late rows of the whole."""
    market, _ = sample("btc_trend")
    whole = one_bar_late(rows("btc_trend"), market.first)
    stop = market.first + 3_000
    shorter = replace(market, bars=market.bars.rows(0, stop), mark=market.mark and market.mark.rows(0, stop))
    part = one_bar_late(evaluate(bot("btc_trend").program, shorter), market.first)
    for name in ("enter_long", "enter_short", "stop_long", "stop_short"):
        assert getattr(part, name).tobytes() == getattr(whole, name)[:stop].tobytes(), name


@pytest.mark.parametrize(
    ("before", "edge", "tried"),
    [
        (21.0, 8.0, [18.9, 18.0, 19.0]),  # exact; whole, away from the default; whole, short of a tenth
        (21.0, 34.0, [23.1, 24.0, 23.0]),
        (10.0, 30.0, [11.0]),  # 10 × 1.1 is 11, not 11.000000000000002, which would become 12
        (5.0, 2.0, [4.5, 4.0]),
        (5.0, 9.0, [5.5, 6.0]),
        (21.0, 22.0, [22.0]),
        (21.0, 21.5, [21.5]),
        (0.7, 0.1, [0.63]),
        (-10.0, -20.0, [-11.0]),
        (-2.5, 4.0, [-2.25, -2.0]),
    ],
)
def test_a_tenth_is_tried_exactly_first_then_as_a_whole_number(
    before: float, edge: float, tried: list[float]
) -> None:
    assert list(candidates(before, edge)) == tried


def variants_of(text: str) -> dict[str, Variant]:
    return {variant.name: variant for variant in moved_parameters(compiled_of(text))}


def test_whole_numbers_round_away_from_the_default() -> None:
    text = BOT.replace("{default: 60, min: 60, max: 90}", "{default: 21, min: 8, max: 60}")
    moved = variants_of(text)
    assert [name for name in moved if name.startswith("length")] == ["length 21 → 18", "length 21 → 24"]
    made = moved["length 21 → 18"].compiled
    assert made is not None
    assert made.document.numbers()["length"] == 18.0


def test_a_count_of_bars_inside_a_formula_is_whole_too() -> None:
    text = BOT.replace("rsi > $floor", "close > highest(high, $floor) * 0.5").replace(
        "{default: 0, min: 0, max: 50}", "{default: 7, min: 1, max: 50}"
    )
    assert [name for name in variants_of(text) if name.startswith("floor")] == ["floor 7 → 6", "floor 7 → 8"]


def test_a_parameter_that_cannot_move_says_why() -> None:
    notes = {scenario.name: scenario.note for scenario in scenarios().values() if scenario.figures is None}
    assert notes == {
        "length -10 %": "length stands at its minimum, 60",
        "floor -10 %": "floor is 0, a tenth of which is nothing",
        "floor +10 %": "floor is 0, a tenth of which is nothing",
    }
    stays = scenarios()["length -10 %"].move
    assert stays is not None
    assert (stays.parameter, stays.before, stays.after) == ("length", 60.0, None)


@pytest.mark.parametrize("number", [1.8, 2.1])
def test_a_moved_parameter_is_the_run_with_set(number: float) -> None:
    document, problems = apply_overrides(compiled_of(BOT).document, {"reach": number})
    assert not problems
    made, _ = compile_bot(document, None)
    assert made is not None
    scenario = next(one for one in scenarios().values() if one.move and one.move[::2] == ("reach", number))
    assert scenario.figures == figures_of(backtest(made))


def test_a_longer_warm_up_is_taken_from_a_wider_market_or_told() -> None:
    longer = next(
        variant for variant in moved_parameters(compiled_of(BOT)) if variant.name == "length 60 → 66"
    )
    assert longer.compiled is not None
    market, facts = market_of()
    missing = longer.compiled.warmup_bars - market.first
    assert missing > 0
    told = scenarios()["length 60 → 66"]
    assert told.note == (
        f"needs a longer warm-up than there is: nothing is decided in the first {missing} bars"
    )
    wider, wider_facts = load_for(longer.compiled, "sample", SPAN)
    assert wider_facts.from_ms == facts.from_ms
    whole = {one.name: one for one in stressed(wider=wider).scenarios}["length 60 → 66"]
    assert whole.note is None
    assert whole.figures == figures_of(backtest(longer.compiled, wider))


def test_the_best_twentieth_is_taken_off_the_trade_list() -> None:
    scenario = without_best([5.0, -1.0, 9.0, -2.0] * 10 + [30.0], 1000.0)
    assert scenario.name == "best 3 of 41 trades removed"  # 5 % of 41 is 2.05
    assert scenario.figures is not None
    assert scenario.figures.net_pnl_ratio == pytest.approx((110.0 + 30.0 - 30.0 - 9.0 - 9.0) / 1000.0)
    assert scenario.figures.trades == 38
    assert scenario.figures.max_drawdown_ratio is None
    assert without_best([3.0], 1000.0).name == "best 1 of 1 trades removed"
    assert without_best([], 1000.0).figures is None


def test_bounds_stand_beside_the_scenarios() -> None:
    result = backtest(compiled_of(BOT))
    adverse, favourable = list(scenarios().values())[-2:]
    assert adverse.figures is not None
    assert favourable.figures is not None
    assert adverse.figures.net_pnl_ratio == result.adverse_net_pnl_usdt / 10_000.0
    assert favourable.figures.net_pnl_ratio == result.favourable_net_pnl_usdt / 10_000.0


def test_stress_is_deterministic_and_progress_ends_at_the_end() -> None:
    compiled, (market, _) = compiled_of(BOT), market_of()
    headline, variants = backtest(compiled), moved_parameters(compiled)
    seen: list[tuple[int, int]] = []
    again = run_stress(
        compiled,
        market,
        headline,
        variants,
        engine=interpreted_engine(),
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert again == stressed()
    assert seen == [(done, runs_of(compiled)) for done in range(1, runs_of(compiled) + 1)]


def test_a_run_without_trades_has_nothing_to_lose() -> None:
    idle = stressed(BOT.replace("rsi > $floor", "rsi > 100 + $floor"))
    assert idle.shuffles is None
    assert idle.headline.trades == 0
    best = next(scenario for scenario in idle.scenarios if scenario.kind == "trades")
    assert (best.figures, best.note) == (None, "there are no trades")


def test_the_command_line_prints_it_and_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(BOT, encoding="utf-8")
    words = ["run", str(file), "--backtest", "--data", "sample", "--from", "2024-02-01", "--to", "2024-03-31"]
    home = {"RUNNER_HOME": str(tmp_path)}
    shown = CliRunner(env=home).invoke(cli, [*words, "--stress", "--quiet"], catch_exceptions=False)
    assert shown.exit_code == 0, shown.stderr
    assert "\n entries one bar late " in shown.stdout
    assert shown.stdout.splitlines()[-1].strip()
    told = CliRunner(env=home).invoke(cli, [*words, "--stress", "--json"], catch_exceptions=False)
    plain = CliRunner(env=home).invoke(cli, [*words, "--json"], catch_exceptions=False)
    report, bare = json.loads(told.stdout), json.loads(plain.stdout)
    schema = json.loads((ROOT / "schemas" / "report.v1.json").read_text(encoding="utf-8"))
    for document in (report, bare):
        jsonschema.Draft7Validator(schema).validate(document)
    stress = report["stress"]
    assert bare["stress"] is None
    assert stress["headline"]["net_pnl_ratio"] == report["metrics"]["net_pnl_ratio"]
    longer = next(row for row in stress["scenarios"] if row["name"] == "length 60 → 66")
    assert longer["note"] is None  # its longer warm-up was loaded
    for document in (report, bare):
        del document["stress"], document["generated_at_ms"]
    assert report == bare
