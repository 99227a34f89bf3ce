"""A mark bar that is not there yet is awaited, one that never comes is said: nothing stands in silently."""

from pathlib import Path
from typing import Any

from runner.domain.order_event import Sending
from runner.domain.session_event import BarClosed, Decided, SessionChanged
from runner.live.states import SessionState
from tests.live.rig import MINUTE_MS, START_MS, Process, Rig, rig_for
from tests.live.test_session import BOT, WARMUP, waves
from tests.live.virtual import VirtualLoop, run

SILENT = "the exchange tells no mark price of the newest bar"


def hold_marks_back(process: Process, late_ms: int, *, from_ms: int, until_ms: int) -> None:
    """Of bars that close in this span, the mark price is told so much later."""
    client = process.client
    told = client.fapiPublicGetMarkPriceKlines

    async def later(asked: dict[str, Any]) -> Any:
        now_ms = process.session.desk.exchange_ms()
        rows = await told(asked)
        return [
            row
            for row in rows
            if not from_ms <= int(row[0]) + MINUTE_MS < until_ms
            or now_ms >= int(row[0]) + MINUTE_MS + late_ms
        ]

    client.fapiPublicGetMarkPriceKlines = later


def lived(tmp_path: Path, late_ms: int) -> tuple[Rig, int, int]:
    """Some minutes have their mark bars late, among them the one that enters; which ones."""
    loop = VirtualLoop(START_MS)
    rig = rig_for(BOT, waves(WARMUP + 40), loop=loop, warmup_bars=WARMUP, database=tmp_path / "j.db")
    from_ms, until_ms = START_MS + 3 * MINUTE_MS, START_MS + 10 * MINUTE_MS

    async def life() -> None:
        process = rig.start()
        hold_marks_back(process, late_ms, from_ms=from_ms, until_ms=until_ms)
        await rig.play(START_MS + 35 * MINUTE_MS)
        assert process.session.desk.state is SessionState.RUNNING, process.session.desk.why
        await rig.stop(process)

    run(loop, life())
    return rig, from_ms, until_ms


def test_a_mark_bar_that_is_late_is_awaited(tmp_path: Path) -> None:
    rig, from_ms, until_ms = lived(tmp_path, 2_000)
    bars = [one.event for one in rig.entries() if isinstance(one.event, BarClosed)]
    late = [one for one in bars if from_ms <= one.bar.close_time_ms < until_ms]
    assert len(late) == 7
    assert all(2_000 <= one.received_ms - one.bar.close_time_ms < 8_000 for one in late)
    assert {one.via for one in bars} == {"rest"}
    entered = [
        one for one in rig.entries() if isinstance(one.event, Sending) and "-e" in (one.client_id or "")
    ]
    assert any(from_ms < one.time_ms < until_ms for one in entered)
    rig.open().close()


def test_a_mark_bar_that_never_comes_is_said_and_nothing_new_is_risked(tmp_path: Path) -> None:
    rig, from_ms, until_ms = lived(tmp_path, 10**9)
    entries = list(rig.entries())
    for one in entries:
        if isinstance(one.event, BarClosed):
            lacking = from_ms <= one.event.bar.close_time_ms < until_ms
            assert one.event.via == ("rest, the last price for the mark" if lacking else "rest")
    signals = [one for one in entries if isinstance(one.event, Decided) and one.event.signal]
    assert any(from_ms < one.time_ms < until_ms for one in signals)
    entered = [
        one.time_ms
        for one in entries
        if isinstance(one.event, Sending) and one.event.action == "place" and "-e" in (one.client_id or "")
    ]
    assert not [at for at in entered if from_ms + 10_000 <= at < until_ms]
    assert [at for at in entered if at > until_ms]
    changes = [one.event for one in entries if isinstance(one.event, SessionChanged)]
    assert SILENT in {one.why for one in changes if one.after == "protect_only"}
    rig.open().close()
