"""Random runs: any entries, additions, partial exits and reversals, closed at the end of the data."""

from typing import Any

from hypothesis import strategies as st
from report_tables import make_result

from runner.domain.order import ENTRY, REASONS
from runner.domain.result import FillRecord, PaymentRecord, Result
from runner.domain.time import TIMEFRAMES, parse_time

STEP = 0.125  # a step that floats hold exactly, so that a flat position is exactly 0
STARTS = ("2024-01-01", "2024-01-30T05:00Z", "2023-12-31T23:00Z")
CLOSING = [reason for reason in REASONS if reason != ENTRY]


def _signed(draw: Any, bars: int) -> list[tuple[int, int]]:
    """Bars, in order, and the position in steps after each of their fills."""
    places = sorted(draw(st.lists(st.integers(0, bars - 1), max_size=12)))
    positions = [draw(st.integers(-4, 4)) for _ in places]
    return [*zip(places, positions, strict=True), (bars - 1, 0)]


@st.composite
def random_results(draw: Any) -> Result:
    """Bars of 1h to 1d, prices of 50 to 200, fees, slippage, funding; equity stays well above 0."""
    bars = draw(st.integers(1, 60))
    timeframe = draw(st.sampled_from(["1h", "6h", "12h", "1d"]))
    start_ms, length = parse_time(start := draw(st.sampled_from(STARTS))), TIMEFRAMES[timeframe]
    price = st.integers(500, 2000).map(lambda tenths: tenths / 10)
    closes = draw(st.lists(price, min_size=bars, max_size=bars))
    fills: list[FillRecord] = []
    before = 0
    carried = [0] * bars  # the position at each bar's open
    for bar, after in _signed(draw, bars):
        if after == before:
            continue
        quantity = abs(after - before) * STEP
        fee, slippage = draw(st.sampled_from([0.0, 0.013, 0.4])), draw(st.sampled_from([0.0, 0.07]))
        reason = draw(st.sampled_from(CLOSING)) if abs(after) < abs(before) or after * before < 0 else ENTRY
        risk = draw(st.sampled_from([0.0, 1.5, 20.0])) if after else 0.0
        side = 1 if after > before else -1
        at = start_ms + bar * length
        fills.append(
            FillRecord(
                at, bar, 1, side, quantity, draw(price), fee, slippage, reason, False, after * STEP, risk
            )
        )
        carried[bar + 1 :] = [after] * (bars - bar - 1)
        before = after
    payments = [
        PaymentRecord(start_ms + bar * length, bar, draw(st.sampled_from([-0.3, 0.11])), draw(st.booleans()))
        for bar in range(bars)
        if carried[bar] and draw(st.booleans())
    ]
    result = make_result(fills, payments, closes, capital_usdt=5000.0, start=start, timeframe=timeframe)
    inside = draw(st.lists(st.sampled_from([0.0, 0.5, 30.0]), min_size=bars, max_size=bars))
    result.worst_equity_usdt[:] = [
        equity - less for equity, less in zip(result.equity_usdt, inside, strict=True)
    ]
    return result
