"""Paper: live bars through the core's own venue come out as a backtest does, whatever is killed."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from runner.domain.entry import Entry
from runner.domain.order import REASONS
from runner.domain.order_event import EquityMarked, Filled, FundingPaid
from runner.domain.session_event import Decided, Halted, Resumed
from runner.replay import replay
from tests.live.paper_rig import MINUTE_MS, RUN, START_MS, PaperRig, paper_rig
from tests.live.virtual import VirtualLoop, run

BOT = """
version: 1
name: papered
market: {symbol: BTCUSDT, timeframe: 1m, leverage: 5, margin: isolated}
indicators:
  fast: {kind: sma, length: 3}
  slow: {kind: sma, length: 8}
entry:
  long: fast crosses above slow
  short: fast crosses below slow
  order: {type: market}
size: {risk: 1% of equity}
exit:
  stop_loss: {distance: 0.3%, trigger: mark}
  take_profit:
    - {at: 1R, close: 50%}
  when: {long: fast crosses below slow, short: fast crosses above slow}
costs: {maker: 0.02%, taker: 0.05%, slippage: 2 bps, funding: historical}
backtest: {capital: 10000 USDT}
"""
RESTING = """
version: 1
name: resting
market: {symbol: BTCUSDT, timeframe: 1m, leverage: 3, margin: cross}
indicators:
  fast: {kind: ema, length: 2}
  slow: {kind: ema, length: 5}
  range: {kind: atr, length: 7}
entry:
  long: fast crosses above slow and funding_rate < 1%
  short: fast crosses below slow and funding_rate < 1%
  order: {type: limit, offset: 0.01%, post_only: true, expires: 6 bars}
size: {risk: 1% of equity}
exit:
  stop_loss: {distance: 1.0 * range}
  trailing_stop: {distance: 1.2 * range}
costs: {maker: 0.02%, taker: 0.05%, slippage: 2 bps, funding: historical}
backtest: {capital: 10000 USDT}
"""
WARMUP = 560  # the funding rate of rules reaches eight hours back

Story = Callable[[PaperRig], Awaitable[None]]


def told(rig: PaperRig, kind: type) -> list[Entry]:
    return [entry for entry in rig.entries() if isinstance(entry.event, kind)]


def lived(text: str, folder: Path, story: Story, *, minutes: int = 135, seed: int = 3) -> PaperRig:
    loop = VirtualLoop(START_MS)
    rig = paper_rig(text, bars=WARMUP + minutes + 5, warmup=WARMUP, seed=seed, loop=loop, folder=folder)
    run(loop, story(rig))
    return rig


def agrees_with_the_backtest(rig: PaperRig) -> None:
    """Fills, payments, decisions, equity and the whole state, bit by bit; and the journal replays."""
    tested = rig.backtest()
    fills = [event for event in (entry.event for entry in told(rig, Filled)) if isinstance(event, Filled)]
    kept = [
        (f.applied.time_ms, f.applied.side, f.applied.quantity, f.applied.price, f.applied.fee_usdt, f.reason)
        for f in fills
        if f.applied
    ]
    rows = tested.tape.fills[: tested.progress.fills]
    again = [(int(r[0]), int(r[3]), r[4], r[5], r[6], REASONS[int(r[8])]) for r in rows]
    assert kept == again
    assert [e.event.signal for e in told(rig, Decided)] == tested.tape.signal.tolist()  # type: ignore[union-attr]
    equity = [float(e.event.equity_usdt) for e in told(rig, EquityMarked)]  # type: ignore[union-attr]
    assert equity == [round(float(figure), 8) for figure in tested.tape.equity_usdt]
    paid = [e.event.settled_usdt for e in told(rig, FundingPaid)]  # type: ignore[union-attr]
    assert paid == [figure for figure in tested.tape.payments.tolist() if figure]
    book = rig.book()
    assert book.state == tested.state
    lines = rig.journal.read.entries(run=RUN)
    assert replay(rig.compiled.plan, lines, lambda _: rig.compiled.plan).difference is None


@pytest.mark.parametrize("text", [BOT, RESTING], ids=["market", "limit"])
def test_paper_is_a_backtest_over_the_same_bars(tmp_path: Path, text: str) -> None:
    async def life(rig: PaperRig) -> None:
        process = rig.start()
        await rig.play(START_MS + 130 * MINUTE_MS)
        assert await process.stop() == 0

    rig = lived(text, tmp_path, life)
    with rig.journal:
        assert len(told(rig, Filled)) >= 4
        assert told(rig, FundingPaid) or text is RESTING
        agrees_with_the_backtest(rig)


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_any_moment_change_nothing(tmp_path: Path, seed: int) -> None:
    async def life(rig: PaperRig) -> None:
        chance = np.random.default_rng(seed)
        process = rig.start()
        now_ms = START_MS + 3 * MINUTE_MS
        while now_ms < START_MS + 120 * MINUTE_MS:
            await rig.play(now_ms)
            await process.kill()
            await rig.play(now_ms := now_ms + int(chance.integers(0, 6 * MINUTE_MS)))
            process = rig.start()
            now_ms += int(chance.integers(100, 15 * MINUTE_MS))
        await rig.play(START_MS + 130 * MINUTE_MS)
        assert await process.stop() == 0

    rig = lived(BOT, tmp_path, life, seed=seed)
    with rig.journal:
        assert len(told(rig, Filled)) >= 8
        agrees_with_the_backtest(rig)


def test_a_halt_closes_at_the_next_open_and_a_resume_trades_again(tmp_path: Path) -> None:
    def say(rig: PaperRig, event: Halted | Resumed) -> None:
        rig.journal.append(Entry(RUN, round(rig.loop.now_s * 1000), event))

    async def life(rig: PaperRig) -> None:
        process = rig.start()
        now_ms = START_MS + 5 * MINUTE_MS
        while rig.book().state.position.quantity == 0.0:
            await rig.play(now_ms := now_ms + MINUTE_MS)
        say(rig, Halted("flatten", "enough for today", "somebody"))
        await rig.play(now_ms := now_ms + 3 * MINUTE_MS)
        assert rig.book().state.position.quantity == 0.0
        fills = len(told(rig, Filled))
        await rig.play(now_ms := now_ms + 20 * MINUTE_MS)
        assert len(told(rig, Filled)) == fills
        assert await process.stop() == 6
        process = rig.start()
        say(rig, Resumed("a new day", "somebody"))
        await rig.play(now_ms + 50 * MINUTE_MS)
        assert len(told(rig, Filled)) > fills
        assert await process.stop() == 0

    rig = lived(BOT, tmp_path, life)
    with rig.journal:
        lines = rig.journal.read.entries(run=RUN)
        assert replay(rig.compiled.plan, lines, lambda _: rig.compiled.plan).difference is None
