"""The window of closed bars: what rules look at is the last bars, however many there were."""

from pathlib import Path

import numpy as np

from runner.bot.read import read_bot
from runner.domain.venue import ClosedBar
from runner.live.window import Window
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
        assert market.bars.open_time_ms.tolist() == told
        assert market.bars.close.tolist() == [one.close for one in window.bars]
        assert market.mark is not None
        assert market.mark.low.tolist() == [one.mark_low for one in window.bars]
    assert window.is_warm
    assert len(window.bars) == needed


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
