"""Leaping over calm bars writes what walking them writes, to the last bit."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs import BOTS, bot, rows, sample
from test_parity import variations

from runner.backtest import run as runs_module
from runner.backtest.engine import Engine, Lazily, choose_engine, interpreted_engine
from runner.backtest.feed import Payable, payable
from runner.backtest.reach import Reach, possible_exits
from runner.backtest.run import Run, walked
from runner.compiler.columns import Rows
from runner.domain.bar import ADVERSE, FALSE, FAVOURABLE, NEAREST, UNKNOWN, Funding
from runner.domain.plan import (
    CMP_GT,
    FACT_PROFIT_R,
    STEP_AND,
    STEP_COMPARE,
    STEP_NOT,
    STEP_OR,
    STEP_SLOT,
    Step,
)
from runner.domain.series import Bars, FundingSeries, Market
from tests.core.fill_cases import Case, plan_of, rows_of
from tests.oracle.random_cases import START_MS, World, cases, world_of

PATHS = (ADVERSE, FAVOURABLE, NEAREST)
CALM_BARS = 6


def both(world: World) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """(leaping, walking every bar)."""
    leaping, walking = (
        walked(world.plan, world.market, world.rows, world.due, engine, paths=PATHS)
        for engine in (interpreted_engine(), replace(interpreted_engine(), leaps=False))
    )
    return leaping, walking


def assert_equal_bits(left: Run, right: Run) -> None:
    """Everything the two wrote, to the last bit; a stop figure that is not known equals itself."""
    assert left.progress == right.progress
    for name, one, other in zip(left.tape._fields, left.tape, right.tape, strict=True):
        count = left.progress.fills if name == "fills" else len(one)
        assert one[:count].tobytes() == other[:count].tobytes(), name
    assert repr(left.state) == repr(right.state)


def calmer(world: World) -> World:
    """The same bars with few signals, and gaps between prices that few bars cross."""
    quiet = np.arange(len(world.market.bars)) % CALM_BARS != 0
    muted = {
        name: np.where(quiet, FALSE, getattr(world.rows, name)).astype(np.int8)
        for name in ("enter_long", "enter_short")
    }
    return world._replace(rows=replace(world.rows, **muted))


@pytest.fixture
def always_leaping(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leap is tried before every bar."""
    monkeypatch.setattr(runs_module, "WALK_BARS_MAX", 1)


EXAMPLES = int(os.environ.get("RUNNER_EXAMPLES", "4000")) // 10


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), is_calm=st.booleans())
def test_random_bots_leap_to_where_they_would_walk(case: Case, is_calm: bool, always_leaping: None) -> None:
    world = world_of(case)
    for leaping, walking in zip(*both(calmer(world) if is_calm else world), strict=True):
        assert_equal_bits(leaping, walking)


SETTINGS = (
    ("", "stop 9", "stop 30", "stop 12%"),
    ("", "trail 6", "trail 9 from 1R", "even 0.5R", "trail 8%"),
    ("", "target 1R 50%; target 3R 50%", "target 20% 100% market"),
    (
        "",
        "daily 2% block",
        "daily 3% flatten",
        "drawdown 3% block",
        "drawdown 6% flatten",
        "drawdown 4% halt",
    ),
    ("minutes 1", "minutes 60", "minutes 240", "minutes 1440"),
    ("", "reverse", "time 25", "on_mark"),
    ("leverage 5", "leverage 20", "leverage 10; cross"),
    ("notional 30000", "risk 2%", "equity 90%"),
)
LONG_BARS = 150


@st.composite
def long_worlds(draw: st.DrawFn) -> World:
    """A bot with a position over many bars of a random walk: limits are hit and recover while it is open,
    days change, trailing distances vary.
    """
    wanted = [draw(st.sampled_from(options)) for options in SETTINGS]
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    plan, stop, trail = plan_of(
        ("capital 10000", *(part for text in wanted for part in text.split("; ") if part))
    )
    close = 100.0 + np.cumsum(random.integers(-2, 3, LONG_BARS))
    opened = np.concatenate(([100.0], close[:-1])) + random.integers(-1, 2, LONG_BARS)
    high = np.maximum(opened, close) + random.integers(0, 2, LONG_BARS)
    low = np.minimum(opened, close) - random.integers(0, 2, LONG_BARS)
    step_ms = plan.timeframe_ms
    times = START_MS + step_ms * (np.arange(LONG_BARS) + draw(st.integers(0, 1440)))
    bars = Bars(step_ms, times, opened, high, low, close, np.full(LONG_BARS, 1e6))
    mark = Bars(step_ms, times, opened, high + 1.0, low, close.copy(), np.zeros(LONG_BARS))
    mark.close[::7] = np.nan
    signals = ["."] * LONG_BARS
    for _ in range(draw(st.integers(1, 4))):
        signals[draw(st.integers(0, LONG_BARS - 1))] = draw(st.sampled_from("LSX"))
    rows = rows_of(signals, stop, trail)
    if draw(st.booleans()):
        rows.trail_distance[:] *= random.choice([0.5, 1.0, 1.0, 1.5, np.nan], LONG_BARS)
    funding = FundingSeries(
        times[::40] + draw(st.sampled_from([0, 30_000])), np.full(4, 1e-3), np.full(4, 100.0)
    )
    market = Market("BTC/USDT:USDT", bars, mark=draw(st.sampled_from([mark, None])), funding=funding)
    return World(plan, market, rows, payable(market, charged=draw(st.booleans())))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=long_worlds())
def test_long_positions_leap_to_where_they_would_walk(world: World, always_leaping: None) -> None:
    for leaping, walking in zip(*both(world), strict=True):
        assert_equal_bits(leaping, walking)


@pytest.mark.parametrize("name", BOTS)
def test_every_bot_leaps_to_where_it_would_walk(name: str, always_leaping: None) -> None:
    market, _ = sample(name)
    count = min(len(market.bars), market.first + 2_000)
    part = replace(market, bars=market.bars.rows(0, count), mark=market.mark and market.mark.rows(0, count))
    for plan in (bot(name).plan, *variations(bot(name).plan)):
        for leaping, walking in zip(*both(World(plan, part, rows(name), payable(part))), strict=True):
            assert_equal_bits(leaping, walking)


def test_a_run_whose_tape_nobody_reads_ends_where_it_would() -> None:
    name = BOTS[0]
    market, _ = sample(name)
    plan, verdicts, due = bot(name).plan, rows(name), payable(market)
    told = walked(plan, market, verdicts, due, interpreted_engine())
    untold = walked(plan, market, verdicts, due, interpreted_engine(), told=ADVERSE)
    assert [run.state for run in untold] == [run.state for run in told]
    assert [run.progress for run in untold] == [run.progress for run in told]
    assert_equal_bits(untold[0], told[0])


def test_most_bars_of_a_usual_bot_are_not_walked() -> None:
    name = BOTS[0]
    market, _ = sample(name)
    run, _ = walked(bot(name).plan, market, rows(name), payable(market), interpreted_engine())
    assert run.walked < 0.8 * (len(market.bars) - market.first)


def busy(market: Market, verdicts: Rows) -> Rows:
    """A signal at every close."""
    return replace(verdicts, enter_long=np.full(len(market.bars), 2, np.int8))


def test_a_run_with_few_calm_bars_is_handed_over() -> None:
    name = BOTS[0]
    market, _ = sample(name)
    asked: list[int] = []

    def walking(walks: int, _left: int) -> Engine:
        asked.append(walks)
        return replace(interpreted_engine(), leaps=False)

    relay = replace(interpreted_engine(), relay=walking)
    plan, due = bot(name).plan, payable(market)
    verdicts = busy(market, rows(name))
    runs = walked(plan, market, verdicts, due, relay)
    alone = walked(plan, market, verdicts, due, interpreted_engine())
    counted = len(market.bars) - market.first
    assert asked[0] > counted - runs_module.STRETCH_BARS  # each bar is walked, on both paths
    for one, other in zip(runs, alone, strict=True):
        assert_equal_bits(one, other)


def test_a_short_run_is_not_handed_over(tmp_path: Path) -> None:
    engine = choose_engine(10_000, tmp_path)
    assert engine.relay(10_000, 10_000) is None
    assert (
        engine.relay(400_000, 400_000) is None
    )  # nothing is compiled yet, and compiling takes longer than that


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=700),
    st.integers(-1, 31),
    st.booleans(),
    st.integers(0, 700),
    st.integers(0, 700),
)
def test_reach_finds_the_first_row(
    numbers: list[int], level: int, rising: bool, start: int, stop: int
) -> None:
    column = np.array(numbers, np.float64)
    start, stop = min(start, len(numbers)), min(stop, len(numbers))
    met = [row for row in range(start, stop) if (column[row] >= level if rising else column[row] <= level)]
    found = Reach(column, rising=rising).first(start, max(start, stop), float(level))
    assert found == (met[0] if met else max(start, stop))


def test_an_exit_program_may_say_yes_where_a_fact_could() -> None:
    slots = np.array([[0.0, 1.0, 2.0, 2.0], [3.0] * 4])
    heard, asked = Step(STEP_SLOT, 0, 0, 0), Step(STEP_COMPARE, FACT_PROFIT_R, CMP_GT, 1)
    joined, either, negated = (Step(op, 0, 0, 0) for op in (STEP_AND, STEP_OR, STEP_NOT))
    assert possible_exits((heard,), slots).tolist() == [2, 3]
    assert possible_exits((heard, negated), slots).tolist() == [0]
    assert possible_exits((heard, asked, joined), slots).tolist() == [2, 3]
    assert possible_exits((heard, asked, negated, either), slots).tolist() == [0, 1, 2, 3]
    assert possible_exits((), slots).tolist() == []
    assert UNKNOWN == 1


def test_columns_become_named_tuples_where_they_are_read() -> None:
    count = 50
    columns = {
        "time_ms": np.arange(count),
        "funding_rate": np.arange(count) / 8,
        "mark_price": np.ones(count),
    }
    settlements = Lazily(Funding, columns)
    assert len(settlements) == count
    assert settlements[33] == Funding(33, 33 / 8, 1.0)
    assert list(settlements) == [Funding(row, row / 8, 1.0) for row in range(count)]
    assert isinstance(settlements[0].time_ms, int)


def test_settlements_without_a_position_pay_nothing() -> None:
    name = BOTS[0]
    market, _ = sample(name)
    verdicts = rows(name)
    never = replace(verdicts, enter_long=np.zeros_like(verdicts.enter_long))
    never = replace(never, enter_short=np.zeros_like(verdicts.enter_short))
    times = market.bars.open_time_ms[market.first :: 480]
    due = Payable(times, np.full(len(times), 1e-4), np.ones(len(times)), np.zeros(len(times), np.bool_))
    for leaping, walking in zip(*both(World(bot(name).plan, market, never, due)), strict=True):
        assert leaping.progress.settlements == len(times)
        assert_equal_bits(leaping, walking)
