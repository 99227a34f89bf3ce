"""A close is read at once where the stream tells of it, a moment later where it does not, never too soon."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.domain.session_event import BarClosed, Decided
from runner.domain.venue import ClosedBar
from runner.exchange.market import FuturesMarket
from runner.live.gate import INPUT_AGE_MS_MAX
from runner.live.pace import READY_MS, before_close_ms
from runner.simulator.faults import parse_faults
from tests.live.rig import MINUTE_MS, START_MS, Process, Rig, rig_for
from tests.live.test_session import BOT, WARMUP, waves
from tests.live.virtual import VirtualLoop, run

MINUTES = 12
LATER = 3  # the start has its own questions
TOLD, ASKED = "bars, by the clock that was told", "bars, by the clock that is asked"
Asked = list[tuple[int, str]]  # by the exchange's clock, since the start: what
Changed = Callable[[ClosedBar], ClosedBar]


def lived(tmp_path: Path, script: str = "", behind: Changed = lambda bar: bar) -> tuple[Rig, Asked]:
    """A bot's first minutes, and what it asked. `behind`: what a read at the stream's word shows of a bar."""
    loop = VirtualLoop(START_MS)
    faults = parse_faults(script, START_MS)
    rig = rig_for(
        BOT, waves(WARMUP + 40), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db", faults=faults
    )
    asked: Asked = []

    async def life() -> None:
        process = rig.start()
        overhear(process, asked, loop, behind)
        await rig.play(START_MS + MINUTES * MINUTE_MS - 1)
        await rig.stop(process)

    run(loop, life())
    return rig, asked


def overhear(process: Process, asked: Asked, loop: VirtualLoop, behind: Changed) -> None:
    fetch, market = process.client.fetch, process.session.ports.market
    assert isinstance(market, FuturesMarket)
    bars = market.bars

    async def overheard(url: str, *rest: Any) -> Any:
        asked.append((round(loop.now_s * 1000) - START_MS, url.partition("?")[0].rpartition("/v")[2]))
        return await fetch(url, *rest)

    async def read(
        symbol: str, timeframe_ms: int, since_ms: int, now_ms: int | None = None
    ) -> Sequence[ClosedBar]:
        asked.append((round(loop.now_s * 1000) - START_MS, ASKED if now_ms is None else TOLD))
        found = await bars(symbol, timeframe_ms, since_ms, now_ms)
        return [behind(bar) for bar in found] if now_ms is not None else found

    process.client.fetch = overheard
    market.bars = read  # type: ignore[method-assign]


def decided_after_ms(rig: Rig) -> list[int]:
    """How long after its close each decision was made."""
    closes = [entry for entry in rig.entries() if isinstance(entry.event, Decided)]
    return [entry.time_ms - (entry.bar_ms or 0) for entry in closes]


def reads(asked: Asked) -> list[str]:
    """Each read of bars at a close: by whose clock."""
    return [name for at, name in asked if at >= LATER * MINUTE_MS and name in (TOLD, ASKED)]


def test_where_the_stream_tells_the_clock_it_is_not_asked(tmp_path: Path) -> None:
    rig, asked = lived(tmp_path)
    assert reads(asked) == [TOLD] * (MINUTES - LATER)
    assert max(decided_after_ms(rig)) < 100
    rig.open().close()


@pytest.mark.parametrize(
    ("script", "whose"), [("feed.drop_close x100", ASKED), ("feed.partial(on)", TOLD)], ids=["mute", "early"]
)
def test_a_stream_that_is_mute_or_early_makes_no_difference(tmp_path: Path, script: str, whose: str) -> None:
    rig, asked = lived(tmp_path, script)
    took = decided_after_ms(rig)
    assert len(took) >= MINUTES - 1
    assert min(took) >= 0
    assert max(took) < 2_000
    assert set(reads(asked)) == {whose}
    assert len(reads(asked)) >= MINUTES - LATER
    rig.open().close()


def test_a_read_that_lags_behind_the_stream_is_asked_again(tmp_path: Path) -> None:
    """REST still shows the bar without its last trades."""
    rig, asked = lived(tmp_path, behind=lambda bar: replace(bar, close=bar.open, volume=bar.volume / 2))
    again = [entry.event.bar for entry in rig.entries() if isinstance(entry.event, BarClosed)]
    assert {bar.volume for bar in again} == {500.0}
    assert {TOLD, ASKED} == set(reads(asked))
    assert max(decided_after_ms(rig)) < 2_000
    rig.open().close()


def test_prices_and_account_are_read_shortly_before_each_close(tmp_path: Path) -> None:
    rig, asked = lived(tmp_path)
    for minute in range(LATER, MINUTES):
        close_ms = minute * MINUTE_MS
        fresh = {name for at, name in asked if close_ms - INPUT_AGE_MS_MAX < at < close_ms}
        assert {"1/premiumIndex", "1/ticker/price", "3/positionRisk", "1/openOrders"} <= fresh
    rig.open().close()


@pytest.mark.parametrize("timeframe_ms", [MINUTE_MS, 15 * MINUTE_MS])
def test_the_pause_ends_before_the_close_and_is_never_nothing(timeframe_ms: int) -> None:
    for at_ms in (0, 1, timeframe_ms - READY_MS - 1, timeframe_ms - READY_MS, timeframe_ms - 1):
        pause_ms = before_close_ms(at_ms, timeframe_ms)
        assert 0 < pause_ms <= timeframe_ms
        assert (at_ms + pause_ms) % timeframe_ms == timeframe_ms - READY_MS
