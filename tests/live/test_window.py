"""The window of closed bars: what rules look at is the last bars, however many there were."""

from pathlib import Path

import numpy as np
import pytest

from runner.bot.read import read_bot
from runner.compiler.columns import evaluate
from runner.domain.venue import ClosedBar
from runner.live.window import Window, last_row
from runner.modes import compile_bot

BOTS = Path(__file__).resolve().parents[2] / "bots"


def window_of(bot: str) -> Window:
    document, _, source = read_bot(BOTS / f"{bot}.yaml")
    assert document is not None
    compiled, _ = compile_bot(document, source)
    assert compiled is not None
    return Window(compiled, compiled.plan.timeframe_ms)


def bar(place: int, timeframe_ms: int) -> ClosedBar:
    return ClosedBar(place * timeframe_ms, *(float(place * 10 + column) for column in range(9)))


def test_the_columns_are_those_of_the_last_bars_over_many_lengths_of_the_window() -> None:
    window = window_of("sol_breakout")
    needed, length = window.bars_needed, window.timeframe_ms
    for place in range(1, 5 * needed + 3):
        assert window.add(bar(place, length))
        assert not window.add(bar(place, length))
        if place % 17 and place != needed:
            continue
        market = window._market()
        told = [one.open_time_ms for one in window.bars]
        assert told == [at * length for at in range(max(place + 1 - len(told), 1), place + 1)]
        assert market.bars.open_time_ms.tolist() == told
        assert market.bars.close.tolist() == [one.close for one in window.bars]
        assert market.mark is not None
        assert market.mark.low.tolist() == [one.mark_low for one in window.bars]
    assert window.is_warm
    assert needed <= len(window.bars) <= needed + needed // 4


@pytest.mark.parametrize("bot", ["btc_trend", "eth_revert", "sol_breakout", "doge_limits"])
def test_what_goes_on_from_the_last_close_is_what_would_be_computed_anew(bot: str) -> None:
    window = window_of(bot)
    needed, length = window.bars_needed, window.timeframe_ms
    chance, price = np.random.default_rng(7), 100.0
    for place in range(2 * needed):
        after = price * (1.0 + 0.002 * float(chance.normal()))
        high, low = 1.001 * max(price, after), 0.999 * min(price, after)
        figures = (price, high, low, after, 10.0 + float(chance.random()), price, high, low, after)
        window.add(ClosedBar((place + (place > 1.5 * needed)) * length, *figures))
        price = after
        if not window.is_warm or place % max(needed // 40, 1):
            continue
        anew = evaluate(window.compiled.program, window._market())
        bar, row = window.last()
        assert bar.close == after
        assert repr(row) == repr(last_row(anew))


def test_what_was_handed_out_does_not_change() -> None:
    window = window_of("sol_breakout")
    needed, length = window.bars_needed, window.timeframe_ms
    for place in range(1, needed + 1):
        window.add(bar(place, length))
    before = window._market().bars
    closes = before.close.copy()
    for place in range(needed + 1, 4 * needed):
        window.add(bar(place, length))
    assert np.array_equal(before.close, closes)
