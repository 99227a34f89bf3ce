"""The stress part of the report: trades in other orders, rows with their changes, a verdict, a table."""

import itertools
import json
import random

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_tables import make_result, parse_fills

from runner.domain.stress import Figures, Move, Scenario, Shuffles, StressResult
from runner.report.document import build_report, render_json
from runner.report.luck import SHUFFLES, best_trades, growth_factors, max_drawdowns, shuffled
from runner.report.schema import report_schema
from runner.report.shape import Stress
from runner.report.stress import WIDTH, build_stress, render_stress

HEADLINE = Figures(0.082, 0.113, 1.21, 40)
SCENARIOS = (
    Scenario("costs", "fees doubled", Figures(0.031, 0.125, 0.55, 40)),
    Scenario("costs", "slippage doubled", None, note="there is nothing to double: the bot's are 0"),
    Scenario("delay", "entries one bar late", Figures(-0.0204, 0.15, None, 38, halted=True)),
    Scenario("parameter", "fast 21 → 18", Figures(0.09, 0.1, 1.3, 44), Move("fast", 21.0, 18.0)),
    Scenario(
        "parameter",
        "fast +10 %",
        None,
        Move("fast", 21.0, None),
        "fast stands at its maximum, 21",
    ),
    Scenario("trades", "best 2 of 40 trades removed", Figures(0.011, trades=38)),
    Scenario("bound", "favourable path inside bars", Figures(-0.01)),
)
SHUFFLED = Shuffles(40, 1000, 0.061, 0.0982, 0.171, 0.2034, 0.105, 0.571)

GOLDEN = """\
 stress                              net profit     change  max drawdown  Sharpe  trades
 headline                                +8.2 %          –       -11.3 %    1.21      40
 fees doubled                            +3.1 %     -5.1 %       -12.5 %    0.55      40
 slippage doubled                             –          –             –       –       –
 entries one bar late (halted)           -2.0 %    -10.2 %       -15.0 %       –      38
 fast 21 → 18                            +9.0 %     +0.8 %       -10.0 %    1.30      44
 fast +10 %                                   –          –             –       –       –
 best 2 of 40 trades removed             +1.1 %     -7.1 %             –       –      38
 favourable path inside bars             -1.0 %     -9.2 %             –       –       –

 trades shuffled 1,000 times (seed 1), max drawdown from trade to trade
   mild (5 %) -6.1 %   middle (50 %) -9.8 %   bad (95 %) -17.1 %   worst (99 %) -20.3 %
   as it happened -10.5 %: deeper than 57 % of them

note: slippage doubled: there is nothing to double: the bot's are 0
note: fast +10 %: fast stands at its maximum, 21
note: a halted run was cut short by its own limit, which bounds what it could lose
verdict: 3 of 4 scenarios stay profitable; not: entries one bar late
"""


def part(headline: Figures = HEADLINE, scenarios: tuple[Scenario, ...] = SCENARIOS) -> Stress:
    return build_stress(StressResult(headline, scenarios, SHUFFLED, seed=1))


def test_the_whole_table() -> None:
    assert render_stress(part()) == GOLDEN
    assert max(map(len, GOLDEN.splitlines())) <= WIDTH


def test_a_long_name_has_a_line_of_its_own() -> None:
    name = "a_parameter_with_quite_a_long_name 1234.5 → 1357.95"
    text = render_stress(part(scenarios=(Scenario("parameter", name, Figures(0.1, 0.1, 1.0, 3)),)))
    lines = text.splitlines()
    assert lines[2] == f" {name}"
    assert lines[3].split() == ["+10.0", "%", "+1.8", "%", "-10.0", "%", "1.00", "3"]


def test_a_row_holds_its_figures_and_their_changes() -> None:
    rows = {row.name: row for row in part().scenarios}
    late = rows["entries one bar late"]
    assert late.net_pnl_ratio_change == pytest.approx(-0.1024)
    assert late.max_drawdown_ratio_change == pytest.approx(0.037)
    assert (late.sharpe_change, late.trades_change, late.halted) == (None, -2, True)
    moved, stuck = rows["fast 21 → 18"], rows["fast +10 %"]
    assert (moved.parameter, moved.from_, moved.to) == ("fast", 21.0, 18.0)
    assert (stuck.parameter, stuck.from_, stuck.to, stuck.net_pnl_ratio) == ("fast", 21.0, None, None)


def scenario(name: str, net_pnl_ratio: float) -> Scenario:
    return Scenario("costs", name, Figures(net_pnl_ratio, 0.1, 1.0, 5))


@pytest.mark.parametrize(
    ("headline", "nets", "verdict"),
    [
        (0.1, [0.1, 0.2], "all 2 scenarios stay profitable"),
        (0.1, [0.1, 0.0], "1 of 2 scenarios stay profitable; not: s1"),
        (0.1, [-0.1, -0.2], "0 of 2 scenarios stay profitable; not: s0, s1"),
        (-0.1, [-0.1, -0.2], "the run itself made no profit; none of 2 scenarios would have"),
        (-0.1, [0.1, -0.2], "the run itself made no profit; 1 of 2 scenarios would have"),
    ],
)
def test_the_verdict_is_plain(headline: float, nets: list[float], verdict: str) -> None:
    scenarios = tuple(scenario(f"s{place}", net) for place, net in enumerate(nets))
    bound = Scenario("bound", "favourable path inside bars", Figures(0.5))
    stress = part(HEADLINE._replace(net_pnl_ratio=headline), (*scenarios, bound))
    assert stress.verdict == verdict
    assert (stress.scenarios_run, stress.scenarios_profitable) == (2, sum(net > 0.0 for net in nets))


def test_an_idle_run_has_no_verdict_on_profit() -> None:
    idle = StressResult(Figures(0.0, 0.0, None, 0), (), None, seed=1)
    stress = build_stress(idle)
    assert stress.verdict == "no trades: there is nothing to stress"
    assert stress.shuffle is None
    assert "shuffled" not in render_stress(stress)


def test_the_document_with_and_without_stress_validates() -> None:
    result = make_result(
        parse_fills("bar side quantity price after\n0 buy 1 100 1\n3 sell 1 104 0"), [], [100.0] * 9
    )
    for stressed in (
        None,
        StressResult(HEADLINE, SCENARIOS, SHUFFLED, 1),
        StressResult(HEADLINE, (), None, 1),
    ):
        report = build_report(result, mode="backtest", generated_at_ms=0, stress=stressed)
        document = json.loads(render_json(report))
        jsonschema.Draft7Validator(report_schema()).validate(document)
        assert (document["stress"] is None) == (stressed is None)
    broken = dict(document, stress={"seed": 1})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(report_schema()).validate(broken)


PNLS = [40.0, -25.0, 13.0, -60.0, 5.0, 33.0, -18.0, 70.0, -9.0, 2.0]


def slow_drawdown(factors: list[float]) -> float:
    equity = peak = 1.0
    worst = 0.0
    for factor in factors:
        equity *= factor
        peak = max(peak, equity)
        worst = max(worst, 1.0 - equity / peak)
    return worst


def test_returns_are_of_the_equity_at_entry_and_compound_to_the_real_end() -> None:
    factors = growth_factors(PNLS, 1000.0)
    assert factors[1] == pytest.approx(1.0 - 25.0 / 1040.0)
    assert float(np.prod(factors)) == pytest.approx((1000.0 + sum(PNLS)) / 1000.0)


def test_what_is_lost_stays_lost() -> None:
    assert growth_factors([-600.0, -700.0, 50.0], 1000.0).tolist() == [0.4, 0.0, 0.0]
    stormy = shuffled([-600.0, -700.0, 50.0], 1000.0)
    assert stormy is not None
    assert stormy.real_ratio == stormy.ratio_5 == 1.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-300, 300), min_size=2, max_size=30))
def test_drawdowns_equal_a_slow_reckoning(pnls: list[float]) -> None:
    factors = growth_factors(pnls, 5000.0)
    assert max_drawdowns(factors[np.newaxis])[0] == pytest.approx(slow_drawdown(factors.tolist()), abs=1e-12)


def test_quantiles_come_near_those_of_another_generator() -> None:
    factors = growth_factors(PNLS, 1000.0).tolist()
    chance = random.Random(5)
    falls = sorted(slow_drawdown(chance.sample(factors, len(factors))) for _ in range(20_000))
    found = shuffled(PNLS, 1000.0)
    assert found is not None
    for quantile, ratio in ((0.05, found.ratio_5), (0.5, found.ratio_50), (0.95, found.ratio_95)):
        assert ratio == pytest.approx(falls[int(quantile * 20_000)], abs=0.004)
    below = sum(fall < found.real_ratio - 1e-12 for fall in falls) / 20_000
    assert found.deeper_than_ratio == pytest.approx(below, abs=0.05)


def test_three_trades_have_the_drawdowns_of_their_six_orders() -> None:
    factors = growth_factors([100.0, -50.0, -20.0], 1000.0).tolist()
    possible = {round(slow_drawdown(list(order)), 12) for order in itertools.permutations(factors)}
    found = shuffled([100.0, -50.0, -20.0], 1000.0)
    assert found is not None
    assert {round(number, 12) for number in (found.ratio_5, found.ratio_50, found.ratio_99)} <= possible


def test_shuffles_depend_on_the_seed_alone() -> None:
    assert shuffled(PNLS, 1000.0) == shuffled(PNLS, 1000.0)
    assert shuffled(PNLS, 1000.0, seed=1) != shuffled(PNLS, 1000.0, seed=2)


def test_the_orders_are_the_same_however_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shuffled(PNLS, 1000.0)
    monkeypatch.setattr("runner.report.luck.CELLS_MAX", 37)
    assert shuffled(PNLS, 1000.0) == whole
    assert whole is not None
    assert whole.times == SHUFFLES


def test_losses_alone_have_one_drawdown_and_no_order_is_milder() -> None:
    found = shuffled([-10.0, -20.0, -5.0, -7.5], 1000.0)
    assert found is not None
    assert found.ratio_5 == pytest.approx(found.ratio_99)
    assert found.deeper_than_ratio == 0.0


def test_one_trade_has_one_order() -> None:
    assert shuffled([10.0], 1000.0) is None
    assert shuffled([], 1000.0) is None


@pytest.mark.parametrize(("trades", "best"), [(0, 0), (1, 1), (20, 1), (21, 2), (140, 7), (1000, 50)])
def test_five_of_a_hundred_are_rounded_up(trades: int, best: int) -> None:
    pnls = [float(number) for number in range(trades)]
    assert best_trades(pnls) == sorted(pnls, reverse=True)[:best]
