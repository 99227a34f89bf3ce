"""Finer bars: they say what came first, and never change what was certain without them."""

import numpy as np
from fill_cases import START_MS, Case, bars_of, fills_of, plan_of, read_cases, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.backtest.engine import interpreted_engine
from runner.backtest.feed import payable
from runner.backtest.run import Run, walked
from runner.domain.bar import ADVERSE
from runner.domain.plan import Plan
from runner.domain.series import Bars, Market

FINE_MS = 60_000
PARTS = 4
COARSE_MS = FINE_MS * PARTS

SETTINGS = st.tuples(
    st.just("capital 100000"),
    st.sampled_from(["quantity 3", "risk 1%"]),
    st.sampled_from(["stop 4", "stop 6"]),
    st.sampled_from(["", "target 1R 100%", "target 1R 50%; target 2R 30%"]),
    st.sampled_from(["", "trail 3", "trail 4 from 1R", "even 1R"]),
    st.sampled_from(["", "limit 0 expires 3"]),
    st.sampled_from(["", "time 5", "reverse"]),
)


@st.composite
def fine_cases(draw: st.DrawFn) -> tuple[Case, list[list[float]]]:
    """Settings with a signal to each coarse bar, and the fine bars."""
    parts = [part for text in draw(SETTINGS) for part in text.split("; ") if part]
    if any(part.startswith("limit") for part in parts):
        parts = [part for part in parts if part != "reverse"]
    count = draw(st.integers(3, 14))
    signals = tuple(draw(st.sampled_from("LSX...")) for _ in range(count))
    fine, close = [], 100.0
    for _ in range(count * PARTS):
        opened = close + draw(st.integers(-1, 1))
        high = opened + draw(st.integers(0, 3))
        low = opened - draw(st.integers(0, 3))
        close = float(draw(st.integers(int(low), int(high))))
        fine.append([float(opened), float(high), float(low), close])
    return Case("random", (*parts, f"minutes {PARTS}"), signals, ()), fine


def joined(fine: list[list[float]]) -> list[list[float]]:
    """Fine bars joined into coarse ones."""
    coarse = []
    for start in range(0, len(fine), PARTS):
        part = fine[start : start + PARTS]
        coarse.append([part[0][0], max(bar[1] for bar in part), min(bar[2] for bar in part), part[-1][3]])
    return coarse


def both(
    plan: Plan,
    signals: tuple[str, ...],
    stop: float,
    trail: float,
    coarse: Bars,
    detail: Bars,
    mark: Bars | None,
) -> tuple[Run, Run]:
    """(without detail, with detail), adverse."""
    rows = rows_of(list(signals), stop, trail)
    runs = []
    for finer in (None, detail):
        market = Market("BTC/USDT:USDT", coarse, detail=finer, mark=mark)
        runs += walked(plan, market, rows, payable(market), interpreted_engine(), paths=(ADVERSE,))
    return runs[0], runs[1]


def times(count: int, step_ms: int) -> list[int]:
    return [START_MS + place * step_ms for place in range(count)]


@settings(max_examples=300, deadline=None)
@given(fine_cases())
def test_detail_changes_nothing_that_was_certain(drawn: tuple[Case, list[list[float]]]) -> None:
    case, fine = drawn
    plan, stop, trail = plan_of(case.settings)
    coarse = joined(fine)
    without, with_detail = both(
        plan,
        case.bars,
        stop,
        trail,
        bars_of(times(len(coarse), COARSE_MS), coarse, COARSE_MS),
        bars_of(times(len(fine), FINE_MS), fine, FINE_MS),
        None,
    )
    if without.progress.ambiguous == 0:
        assert fills_of(without) == fills_of(with_detail)


def detail_case(settings_text: str, mark: list[float] | None) -> tuple[Run, Run]:
    """A long from 100, then one bar of four finer ones: up to 106, down to 97, back to 100."""
    case = read_cases(f"case: {settings_text}; minutes 4\n    L 0 0 0 0")[0]
    plan, stop, trail = plan_of(case.settings)
    flat = [[100.0, 101.0, 99.0, 100.0]] * PARTS
    moving = [[100.0, 106.0, 99.0, 105.0], [105.0, 105.0, 100.0, 100.0], [100.0, 100.0, 97.0, 98.0]]
    fine = [*flat, *moving, [98.0, 100.0, 98.0, 100.0]]
    coarse = joined(fine)
    marks = None if mark is None else bars_of(times(2, COARSE_MS), [[100.0] * 4, mark], COARSE_MS)
    return both(
        plan,
        ("L", "."),
        stop,
        trail,
        bars_of(times(2, COARSE_MS), coarse, COARSE_MS),
        bars_of(times(len(fine), FINE_MS), fine, FINE_MS),
        marks,
    )


def test_detail_tells_that_the_target_came_first() -> None:
    without, with_detail = detail_case("stop 2; target 2R 100%", None)
    assert fills_of(without)[-1] == "1 stop_loss sell 1 @ 98"
    assert fills_of(with_detail)[-1] == "1 take_profit sell 1 @ 104 maker"
    assert (without.progress.ambiguous, with_detail.progress.ambiguous) == (1, 0)
    assert with_detail.progress.resolved == 1


def test_a_mark_price_that_reached_the_stop_is_not_lost_in_detail() -> None:
    mark = [100.0, 104.0, 94.0, 100.0]
    without, with_detail = detail_case("stop 5; on_mark", mark)
    assert fills_of(without)[-1] == "1 stop_loss sell 1 @ 95"
    assert fills_of(with_detail)[-1] == "1 stop_loss sell 1 @ 95"


def test_a_mark_price_that_liquidates_is_not_lost_in_detail() -> None:
    mark = [100.0, 104.0, 80.0, 100.0]
    runs = detail_case("leverage 10; notional 1000", mark)
    assert [fills_of(run)[-1] for run in runs] == ["1 liquidation sell 10 @ 90"] * 2


def test_a_last_price_beyond_the_mark_does_not_trigger_in_detail() -> None:
    mark = [100.0, 104.0, 99.0, 100.0]
    without, with_detail = detail_case("stop 2; on_mark", mark)
    assert len(fills_of(without)) == len(fills_of(with_detail)) == 1
    assert np.isclose(with_detail.state.position.quantity, 1.0)
