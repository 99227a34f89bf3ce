"""A backtest again and again, each time with one thing made worse: costs, promptness, parameters, luck.

In: the compiled bot, its market, its result, its variants with moved parameters. Out: a StressResult.
Refuses to know: files, terminals, the clock.
Rows are evaluated once; only a moved parameter, which can change what the rules say, evaluates them anew.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from runner.backtest.engine import Engine
from runner.backtest.run import OnProgress, run_backtest
from runner.backtest.variants import Variant
from runner.compiler.build import Compiled
from runner.compiler.columns import Rows, evaluate
from runner.domain.bar import UNKNOWN
from runner.domain.plan import Costs
from runner.domain.result import Result
from runner.domain.series import Market
from runner.domain.stress import Figures, Kind, Scenario, StressResult
from runner.report.luck import SEED, best_trades, shuffled
from runner.report.metrics import measure
from runner.report.round_trips import build_round_trips

FIXED_RUNS = 4  # dearer costs in three ways, late entries


def runs_of(compiled: Compiled) -> int:
    """How many backtests the scenarios take at most: the work that an engine is chosen for."""
    return FIXED_RUNS + 2 * len(compiled.document.parameters)


def _silent(_done: int, _total: int) -> None:
    """Nobody is watching."""


def run_stress(
    compiled: Compiled,
    market: Market,
    headline: Result,
    variants: Sequence[Variant],
    *,
    engine: Engine,
    wider: Market | None = None,
    on_progress: OnProgress = _silent,
) -> StressResult:
    """All scenarios. `wider` counts the same bars as `market` behind a longer warm-up, for variants that
    need one; without it such a variant decides nothing until it is warm, and says so.
    """
    bench = _Bench(
        compiled, market, wider, headline, engine, evaluate(compiled.program, market, engine.indicator)
    )
    total = FIXED_RUNS + len(variants)
    scenarios = []
    for scenario in _reruns(bench, variants):
        scenarios.append(scenario)
        on_progress(len(scenarios), total)
    pnls = [trip.pnl_usdt for trip in build_round_trips(headline.fills, headline.payments)]
    capital = compiled.plan.capital_usdt
    return StressResult(
        headline=figures_of(headline),
        scenarios=(*scenarios, without_best(pnls, capital), *_bounds(headline, capital)),
        shuffles=shuffled(pnls, capital),
        seed=SEED,
    )


@dataclass(frozen=True, slots=True)
class _Bench:
    """What all scenarios share."""

    compiled: Compiled
    market: Market
    wider: Market | None
    headline: Result
    engine: Engine
    rows: Rows

    def run(self, compiled: Compiled, market: Market, rows: Rows | None) -> Figures:
        """One more backtest."""
        result = run_backtest(compiled, market, self.headline.facts, engine=self.engine, rows=rows)
        return figures_of(result)


def _reruns(bench: _Bench, variants: Sequence[Variant]) -> Iterator[Scenario]:
    """The scenarios that are backtests of their own."""
    costs = bench.compiled.plan.costs
    dear, slipping = doubled_fees(costs), doubled_slippage(costs)
    yield _dearer(bench, "fees doubled", dear)
    yield _dearer(bench, "slippage doubled", slipping)
    yield _dearer(bench, "fees and slippage doubled", doubled_slippage(dear))
    late = bench.run(bench.compiled, bench.market, one_bar_late(bench.rows, bench.market.first))
    yield Scenario("delay", "entries one bar late", late)
    for variant in variants:
        yield _moved(bench, variant)


def _dearer(bench: _Bench, name: str, costs: Costs) -> Scenario:
    plan = bench.compiled.plan
    if costs == plan.costs:
        return Scenario("costs", name, None, note="there is nothing to double: the bot's are 0")
    dearer = replace(bench.compiled, plan=plan._replace(costs=costs))
    return Scenario("costs", name, bench.run(dearer, bench.market, bench.rows))


def doubled_fees(costs: Costs) -> Costs:
    """Twice the maker and the taker fee."""
    return costs._replace(maker_ratio=2.0 * costs.maker_ratio, taker_ratio=2.0 * costs.taker_ratio)


def doubled_slippage(costs: Costs) -> Costs:
    """Twice the fixed and twice the volume part."""
    return costs._replace(
        slippage_ratio=2.0 * costs.slippage_ratio, slippage_impact=2.0 * costs.slippage_impact
    )


def one_bar_late(rows: Rows, first: int) -> Rows:
    """Entry verdicts and their stop figures a bar later; exits and trailing see what they always see.

    The first counted bar has no verdict: the one before it is warm-up, on which no bot decides.
    """
    return replace(
        rows,
        enter_long=_shifted(rows.enter_long, first, UNKNOWN),
        enter_short=_shifted(rows.enter_short, first, UNKNOWN),
        stop_long=_shifted(rows.stop_long, first, math.nan),
        stop_short=_shifted(rows.stop_short, first, math.nan),
    )


def _shifted(column: npt.NDArray[Any], first: int, nothing: float) -> npt.NDArray[Any]:
    late = np.empty_like(column)
    late[1:] = column[:-1]
    late[: first + 1] = nothing
    return late


def _moved(bench: _Bench, variant: Variant) -> Scenario:
    kind: Kind = "parameter"
    if variant.compiled is None:
        return Scenario(kind, variant.name, None, move=variant.move, note=variant.reason)
    missing = variant.compiled.warmup_bars - bench.market.first
    market, note = bench.market, None
    if missing > 0 and bench.wider is not None:
        market = bench.wider
    elif missing > 0:
        note = f"needs a longer warm-up than there is: nothing is decided in the first {missing:,} bars"
    figures = bench.run(variant.compiled, market, None)
    return Scenario(kind, variant.name, figures, variant.move, note)


def without_best(pnls: Sequence[float], capital_usdt: float) -> Scenario:
    """The trade list without its best; what else would have happened is not asked."""
    name = "best 5 % of trades removed"
    if not pnls:
        return Scenario("trades", name, None, note="there are no trades")
    best = best_trades(pnls)
    net_usdt = math.fsum(pnls) - math.fsum(best)
    figures = Figures(net_usdt / capital_usdt, trades=len(pnls) - len(best))
    return Scenario("trades", f"best {len(best):,} of {len(pnls):,} trades removed", figures)


def _bounds(headline: Result, capital_usdt: float) -> Iterator[Scenario]:
    """Both paths inside bars again, as figures beside the others."""
    for name, net_usdt in (
        ("adverse path inside bars", headline.adverse_net_pnl_usdt),
        ("favourable path inside bars", headline.favourable_net_pnl_usdt),
    ):
        if math.isfinite(net_usdt):
            yield Scenario("bound", name, Figures(net_usdt / capital_usdt))
        else:
            yield Scenario("bound", name, None, note="this path was not run")


def figures_of(result: Result) -> Figures:
    """As the report measures them."""
    metrics = measure(result, build_round_trips(result.fills, result.payments))
    return Figures(
        metrics.net_pnl_ratio,
        metrics.max_drawdown_ratio,
        metrics.sharpe,
        metrics.trades,
        result.halted is not None,
    )
