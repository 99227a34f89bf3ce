"""One core, two ways of running it: equal bits, on every bot and on random ones."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs import BOTS, bot, engines, rows, run_of, sample

from runner.backtest.engine import Engine, choose_engine, interpreted_engine
from runner.backtest.feed import payable
from runner.backtest.run import Run, walked
from runner.compiler.columns import evaluate
from runner.core.kernel import numba_installed
from runner.domain.bar import ADVERSE, NEAREST
from runner.domain.plan import BreakEven, Costs, Liquidity, Plan

needs_numba = pytest.mark.skipif(not numba_installed(), reason="numba (extra 'fast') is not installed")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The compiled engine; its code is kept between sessions when RUNNER_TEST_CACHE names a folder."""
    chosen = os.environ.get("RUNNER_TEST_CACHE")
    return engines(Path(chosen) if chosen else tmp_path_factory.mktemp("numba"))[1]


def assert_equal_bits(left: Run, right: Run) -> None:
    """Everything the two wrote, to the last bit."""
    assert left.progress == right.progress
    for name, one, other in zip(left.tape._fields, left.tape, right.tape, strict=True):
        count = left.progress.fills if name == "fills" else len(one)
        assert one[:count].tobytes() == other[:count].tobytes(), name
    assert left.state == right.state


@needs_numba
@pytest.mark.parametrize("name", BOTS)
def test_interpreted_and_compiled_runs_give_equal_bits(name: str, compiled: Engine) -> None:
    for plain, fast in zip(run_of(name, interpreted_engine()), run_of(name, compiled), strict=True):
        assert plain.progress.fills > 0
        assert_equal_bits(plain, fast)


def variations(plan: Plan) -> list[Plan]:
    """The bot's plan with other rules switched on, so that every branch is compared."""
    targets = tuple(target._replace(market=True) for target in plan.targets)
    return [
        plan._replace(stop=plan.stop._replace(on_mark=not plan.stop.on_mark), fill_on_touch=True),
        plan._replace(costs=Costs(0.0, 0.001, 0.0, 0.3), targets=targets),  # type: ignore[arg-type]
        plan._replace(sizing=plan.sizing._replace(leverage=100.0, notional_ratio_max=0.0, measure=0.9)),
        plan._replace(break_even=BreakEven(1, 0.002, 0.001), time_stop_bars=7),
        plan._replace(limits=plan.limits._replace(daily_loss_ratio=0.004, daily_loss_action=2)),
        plan._replace(limits=plan.limits._replace(drawdown_ratio=0.05, drawdown_action=1, trades_per_day=1)),
        plan._replace(entry=plan.entry._replace(limit=True, offset_ratio=0.001, expires_bars=5)),
        plan._replace(entry=plan.entry._replace(limit=True, post_only=True), stop=plan.stop._replace(kind=0)),
        plan._replace(entry=plan.entry._replace(limit=False, reverse=True)),
        plan._replace(sizing=plan.sizing._replace(cross=True, leverage=20.0, notional_ratio_max=0.0)),
        plan._replace(liquidity=Liquidity(0.001, False)),
        plan._replace(liquidity=Liquidity(0.001, True), entry=plan.entry._replace(limit=True)),
    ]


@needs_numba
@pytest.mark.parametrize("name", BOTS)
def test_equal_bits_with_other_rules_too(name: str, compiled: Engine) -> None:
    market, _ = sample(name)
    count = min(len(market.bars), market.first + 12_000)
    part = replace(market, bars=market.bars.rows(0, count), mark=market.mark and market.mark.rows(0, count))
    for plan in variations(bot(name).plan):
        runs = [
            walked(plan, part, rows(name), payable(part), engine, paths=(ADVERSE, NEAREST))
            for engine in (interpreted_engine(), compiled)
        ]
        for plain, fast in zip(*runs, strict=True):
            assert_equal_bits(plain, fast)


@needs_numba
@pytest.mark.parametrize("name", BOTS)
def test_compiled_indicators_give_equal_bits(name: str, compiled: Engine) -> None:
    market, _ = sample(name)
    fast = evaluate(bot(name).program, market, compiled.indicator)
    for field in ("enter_long", "enter_short", "stop_long", "stop_short", "trail_distance", "slots"):
        assert getattr(fast, field).tobytes() == getattr(rows(name), field).tobytes(), field


def test_a_short_run_does_not_pay_for_numba(tmp_path: Path) -> None:
    assert choose_engine(10_000, tmp_path).name == "interpreted"


def test_the_tape_grows_when_fills_are_many() -> None:
    name = "sol_breakout"
    market, _ = sample(name)
    verdicts = rows(name)
    always = np.full_like(verdicts.enter_long, 2)
    plan = bot(name).plan._replace(time_stop_bars=1)
    busy = replace(verdicts, enter_long=always, enter_short=np.zeros_like(always))
    adverse, _ = walked(plan, market, busy, payable(market), interpreted_engine())
    assert adverse.progress.fills > 1024
    assert (adverse.tape.signal == 1).all()  # every bar was reached
