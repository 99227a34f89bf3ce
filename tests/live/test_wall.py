"""The session's clock: who sets the machine's clock moves nothing, and time that was slept through counts."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path

import pytest

from runner.exchange.profiles import PROFILES
from runner.live.connection import Door, connected
from runner.live.wall import WallClock
from tests.live.rig import MINUTE_MS, START_MS, rig_for
from tests.live.test_session import BOT, WARMUP
from tests.live.virtual import VirtualLoop, run

HOUR_MS = 3_600_000


def stepped(monkeypatch: pytest.MonkeyPatch, by_ms: int) -> None:
    """From now on the machine's clock says something else."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + by_ms * 1_000_000)


@pytest.mark.parametrize("by_ms", [-HOUR_MS, HOUR_MS, 26 * HOUR_MS])
def test_a_step_of_the_machines_clock_moves_nothing(monkeypatch: pytest.MonkeyPatch, by_ms: int) -> None:
    clock = WallClock()
    before_ms = clock.now_ms()
    assert abs(before_ms - time.time_ns() // 1_000_000) < 1_000
    stepped(monkeypatch, by_ms)
    assert 0 <= clock.now_ms() - before_ms < 1_000


def test_orders_are_signed_by_the_clock_that_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> None:
        async with connected(Door(PROFILES["main"], None)) as connection:
            stepped(monkeypatch, -HOUR_MS)
            ours_ms = connection.clock.now_ms()
            assert abs(connection.client.milliseconds() - ours_ms) < 1_000
            assert abs(connection.client.now_ms() - ours_ms) < 1_000
            assert abs(connection.machine.now_ms() - ours_ms) < 1_000
            assert ours_ms - time.time_ns() // 1_000_000 > HOUR_MS - 1_000

    asyncio.run(look())


def test_a_suspended_machine_comes_back_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time since boot went on; asyncio's own clock did not."""
    monkeypatch.setattr("runner.live.wall.SLICE_MS", 200)
    slept_ns = 0
    clock = WallClock(lambda: time.monotonic_ns() + slept_ns)

    async def wait() -> int:
        nonlocal slept_ns
        loop, before_ms = asyncio.get_running_loop(), clock.now_ms()
        began_s = loop.time()
        waiting = asyncio.ensure_future(clock.sleep(HOUR_MS))
        await asyncio.sleep(0)
        slept_ns = HOUR_MS * 1_000_000
        await waiting
        assert loop.time() - began_s < 2
        return clock.now_ms() - before_ms

    assert HOUR_MS <= asyncio.run(wait()) < HOUR_MS + 10_000


def test_who_slept_reads_the_account_before_anything_new(tmp_path: Path) -> None:
    """Half a minute's rest between two reads is over at once when the process stood still."""
    loop = VirtualLoop(START_MS)
    calm = [40_000.0] * (WARMUP + 20)
    rig = rig_for(BOT, calm, loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")

    async def life() -> None:
        process = rig.start()
        await rig.play(START_MS + 70_000)
        desk = process.session.desk
        read_ms = desk.account_ms
        while desk.account_ms == read_ms:
            await rig.play(round(loop.now_s * 1000) + 100)
        await rig.play(round(loop.now_s * 1000) + 2_000)
        clock = desk.clock
        clock.skew_ms += 10 * MINUTE_MS  # type: ignore[attr-defined]
        slept_ms = clock.now_ms()
        await rig.play(round(loop.now_s * 1000) + 3_000)
        assert desk.account_ms >= slept_ms
        await rig.stop(process)

    run(loop, life())
    assert rig.box.exchange.desk.positions("main", "BTCUSDT")[0].quantity == Decimal(0)
    rig.open().close()
