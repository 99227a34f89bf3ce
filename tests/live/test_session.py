"""A bot lives, dies and lives again at the exchange in memory."""

from pathlib import Path

import numpy as np
import pytest

from runner.domain.order_event import Filled, Sending
from runner.domain.session_event import Decided
from runner.live.states import SessionState
from runner.simulator.audit import audit
from tests.live.rig import MINUTE_MS, START_MS, SYMBOL, Rig, rig_for
from tests.live.virtual import VirtualLoop, run

BOT = """
version: 1
name: quick
market: {symbol: BTCUSDT, timeframe: 1m, leverage: 3, margin: isolated}
indicators:
  fast: {kind: sma, length: 3}
  slow: {kind: sma, length: 8}
entry:
  long: fast crosses above slow
  short: fast crosses below slow
  order: {type: market}
size: {risk: 1% of equity}
exit:
  stop_loss: {distance: 0.8%, trigger: mark}
  take_profit:
    - {at: 1R, close: 50%}
  when: {long: fast crosses below slow, short: fast crosses above slow}
costs: {maker: 0.02%, taker: 0.05%, slippage: 2 bps, funding: historical}
backtest: {capital: 10000 USDT}
"""
WARMUP = 40


def waves(bars: int) -> list[float]:
    """A market that turns every half hour."""
    return [40_000 + 300 * float(np.sin(at / 5)) for at in range(bars)]


def held(rig: Rig) -> float:
    return float(rig.box.exchange.desk.positions("main", SYMBOL)[0].quantity)


def test_a_bot_trades_and_is_flat_of_strays_at_the_end(tmp_path: Path) -> None:
    loop = VirtualLoop(START_MS)
    rig = rig_for(BOT, waves(WARMUP + 40), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")

    async def life() -> None:
        process = rig.start()
        await rig.play(START_MS + 38 * MINUTE_MS)
        assert process.session.desk.state is SessionState.RUNNING, process.session.desk.why
        await rig.stop(process)

    run(loop, life())
    fills = [entry.event for entry in rig.entries() if isinstance(entry.event, Filled)]
    assert len(fills) >= 4
    assert audit(rig.box.exchange) == []
    book = rig.book(rig.open())
    assert float(book.state.position.quantity) == pytest.approx(held(rig))
    rig.open().close()


@pytest.mark.parametrize("at", [10_000, 60_150, 60_160, 120_300])
def test_a_killed_bot_comes_back_with_its_position_and_its_stop(tmp_path: Path, at: int) -> None:
    loop = VirtualLoop(START_MS)
    rig = rig_for(BOT, waves(WARMUP + 40), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")

    async def life() -> None:
        await rig.play(START_MS)
        process = rig.start()
        entered = False
        for minute in range(30):
            await rig.play(START_MS + minute * MINUTE_MS + at % MINUTE_MS)
            if held(rig) and not entered:
                entered = True
                await rig.kill(process)
                await rig.play(round(loop.now_s * 1000) + 5_000)
                process = rig.start()
        assert entered
        await rig.play(START_MS + 38 * MINUTE_MS)
        assert process.session.desk.state is SessionState.RUNNING, process.session.desk.why
        await rig.stop(process)

    run(loop, life())
    entries = list(rig.entries())
    sent = [e.client_id for e in entries if isinstance(e.event, Sending) and e.event.action == "place"]
    assert len(sent) == len(set(sent))
    assert audit(rig.box.exchange) == []
    assert float(rig.book(rig.open()).state.position.quantity) == pytest.approx(held(rig))
    rig.open().close()


def test_a_rule_that_reads_the_funding_rate_knows_it(tmp_path: Path) -> None:
    text = BOT.replace(
        "long: fast crosses above slow", "long: {all: [fast crosses above slow, funding_rate < 1%]}"
    )
    loop = VirtualLoop(START_MS)
    lead = 600  # a rule on funding wants eight hours of history
    rig = rig_for(text, waves(lead + 40), loop=loop, warmup_bars=lead, database=tmp_path / "j.db")

    async def life() -> None:
        process = rig.start()
        await rig.play(START_MS + 38 * MINUTE_MS)
        await rig.stop(process)

    run(loop, life())
    signals = [entry.event.signal for entry in rig.entries() if isinstance(entry.event, Decided)]
    assert {1, -1} <= set(signals)
    rig.open().close()
