"""Money that is moved in or out while a bot runs is nobody's profit: it hides no loss and trips no limit."""

from decimal import Decimal
from pathlib import Path

import pytest

from runner.domain.order_event import EquityMarked, Transferred
from runner.domain.session_event import Decided, LimitTripped
from runner.simulator.faults import parse_faults
from tests.live.rig import MINUTE_MS, START_MS, Rig, rig_for
from tests.live.test_session import BOT, WARMUP, waves
from tests.live.virtual import VirtualLoop, run

# Always on the wrong side: the first loss is more than the day allows.
WRONG = BOT.replace("crosses above", "crosses over").replace("crosses below", "crosses above")
WRONG = WRONG.replace("crosses over", "crosses below").replace("distance: 0.8%", "distance: 3%")
LIMITED = WRONG.replace(
    "costs:", "limits: {daily_loss: {max: 0.5% of equity}, max_drawdown: {max: 3%}}\ncosts:"
)
MOVED_MS = START_MS + 12 * MINUTE_MS


def lived(folder: Path, usdt: int, *, restarts: bool = False) -> Rig:
    """Forty minutes; in the midst of the first trade so much is moved."""
    folder.mkdir()
    loop = VirtualLoop(START_MS)
    rig = rig_for(LIMITED, waves(WARMUP + 90), loop=loop, warmup_bars=WARMUP, database=folder / "j.db")

    async def life() -> None:
        process = rig.start()
        await rig.play(MOVED_MS)
        if usdt:
            rig.box.arm(parse_faults(f"ex.transfer({usdt})", rig.box.now_ms)[0])
        await rig.play(MOVED_MS + 7 * MINUTE_MS)
        if restarts:
            await rig.kill(process)
            process = rig.start()
        await rig.play(START_MS + 85 * MINUTE_MS)
        await rig.stop(process)

    run(loop, life())
    return rig


def decided(rig: Rig) -> list[tuple[int, int]]:
    return [(one.event.signal, one.event.refusal) for one in rig.entries() if isinstance(one.event, Decided)]


def equities(rig: Rig) -> list[tuple[Decimal, Decimal]]:
    marked = [one.event for one in rig.entries() if isinstance(one.event, EquityMarked)]
    return [(one.equity_usdt, one.cash_usdt) for one in marked]


@pytest.mark.parametrize("usdt", [5_000, -5_000])
@pytest.mark.parametrize("restarts", [False, True])
def test_limits_count_what_the_bot_made_and_not_what_was_moved(
    tmp_path: Path, usdt: int, restarts: bool
) -> None:
    plain = lived(tmp_path / "plain", 0, restarts=restarts)
    moved = lived(tmp_path / "moved", usdt, restarts=restarts)
    tripped = [one.event for one in plain.entries() if isinstance(one.event, LimitTripped)]
    assert {one.limit for one in tripped} == {"daily_loss"}  # there is a loss to hide
    assert [one.event for one in moved.entries() if isinstance(one.event, LimitTripped)] == tripped
    assert decided(moved) == decided(plain)
    assert equities(moved) == equities(plain)
    told = [one.event.moved_usdt for one in moved.entries() if isinstance(one.event, Transferred)]
    assert told[1:] == [Decimal(usdt)]  # written down, once; the first is what the account began with
    wallet = moved.box.exchange.desk.view("main").wallet_usdt
    assert wallet - plain.box.exchange.desk.view("main").wallet_usdt == usdt
    for rig in (plain, moved):
        rig.open().close()


def test_without_the_limit_it_would_have_gone_on(tmp_path: Path) -> None:
    """The market of these tests has signals after the limit was reached."""
    rig = lived(tmp_path / "plain", 0)
    first = next(place for place, one in enumerate(rig.entries()) if isinstance(one.event, LimitTripped))
    later = [one.event for one in list(rig.entries())[first:] if isinstance(one.event, Decided)]
    assert [one.refusal for one in later if one.signal]
    rig.open().close()
