"""A stop that does nothing when it should is answered at the market, whatever the price does meanwhile."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from runner.domain.order_event import OrderUpdated
from runner.domain.session_event import Halted, Mismatched
from runner.live.book import STOP_HANGS, STOP_SILENT
from runner.simulator.faults import parse_faults
from tests.live.rig import MINUTE_MS, START_MS, Rig, rig_for
from tests.live.test_session import BOT, WARMUP, held, waves
from tests.live.virtual import VirtualLoop, run

ENTRY_MS = START_MS + 4 * MINUTE_MS
BY_LAST = BOT.replace("trigger: mark", "trigger: last")
AGAIN = re.sub(r"  when: .*\n", "", BY_LAST.replace("fast crosses above", "fast >", 1)).replace(
    "fast crosses below", "fast <", 1
)
CLIMBING = [40_000.0 + at for at in range(WARMUP + 5)] + [40_045.0 + 300 * at for at in range(1, 36)]
TRAILING = re.sub(r"  take_profit:\n.*\n", "  trailing_stop: {distance: 0.2%}\n", AGAIN)


def hung(
    tmp_path: Path, faults: str, *, seconds: int, text: str = BY_LAST, path: Sequence[float] = ()
) -> tuple[float, float, Rig]:
    """What is held before, and so long after the faults."""
    loop = VirtualLoop(START_MS)
    path = path or waves(WARMUP + 40)
    rig = rig_for(text, list(path), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")
    told: list[float] = []

    async def life() -> None:
        process = rig.start()
        await rig.play(ENTRY_MS + 10_000)
        told.append(held(rig))
        sign = "-" if told[0] > 0 else ""
        for fault in parse_faults(faults.format(sign=sign), rig.box.now_ms):
            rig.box.arm(fault)
        await rig.play(rig.box.now_ms + seconds * 1_000)
        told.append(held(rig))
        await rig.stop(process)

    run(loop, life())
    rig.open().close()
    return told[0], told[1], rig


@pytest.mark.parametrize("move", ["feed.wick", "feed.jump"], ids=["the price came back", "it did not"])
def test_a_stop_that_triggers_and_does_nothing_is_left_at_the_market(tmp_path: Path, move: str) -> None:
    before, after, rig = hung(tmp_path, f"ex.trigger_hang\n{move}(BTCUSDT, {{sign}}1%)", seconds=12)
    assert before != 0
    assert after == 0
    noticed = [one.event for one in rig.entries() if isinstance(one.event, Mismatched)]
    assert [one.what for one in noticed] == [STOP_HANGS]


def test_the_next_position_lives_though_the_last_ones_stop_still_hangs(tmp_path: Path) -> None:
    wick = "ex.trigger_hang\nfeed.wick(BTCUSDT, {sign}1%)"
    before, after, rig = hung(tmp_path, wick, seconds=150, text=AGAIN)
    assert before
    assert after
    events = [one.event for one in rig.entries()]
    assert [one.what for one in events if isinstance(one, Mismatched)] == [STOP_HANGS]
    assert not any(isinstance(one, Halted) for one in events)
    standing = [one.status for one in rig.box.exchange.algos.open("main")]
    assert standing == ["TRIGGERING", "NEW"]


def test_a_stop_that_followed_the_price_is_not_judged_by_an_old_one(tmp_path: Path) -> None:
    """Bars are read, and the stop rises with them; prices cannot be read meanwhile."""
    outage = "http.unavailable(GET ticker/price) for 3m x999"
    before, after, rig = hung(tmp_path, outage, seconds=130, text=TRAILING, path=CLIMBING)
    assert before == after > 0
    assert not any(isinstance(one.event, Mismatched) for one in rig.entries())
    stops = {one.event.order.trigger_price for one in rig.entries() if isinstance(one.event, OrderUpdated)}
    assert len(stops - {None}) > 2


def test_a_price_that_stands_at_the_stop_has_reached_it(tmp_path: Path) -> None:
    """The exchange says nothing of the trigger, and reads are late: the price alone is known."""
    faults = "ws.silent(private) for 5m\nex.read_lag(60s, orders) for 5m\nex.trigger_hang\n"
    before, after, rig = hung(tmp_path, faults + "feed.jump(BTCUSDT, {sign}0.8%)", seconds=15)
    assert before != 0
    assert after == 0
    noticed = [one.event for one in rig.entries() if isinstance(one.event, Mismatched)]
    assert [one.what for one in noticed] == [STOP_SILENT]
