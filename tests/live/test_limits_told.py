"""A loss limit that is reached is written down and told, once, with what it does and until when."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from runner.domain.position import initial_state
from runner.domain.session_event import Halted, LimitTripped
from runner.domain.time import DAY_MS
from runner.live.book import Book
from runner.live.close import _tripped
from tests.live.rig import MINUTE_MS, START_MS, compiled_bot, rig_for
from tests.live.test_session import BOT, WARMUP
from tests.live.virtual import VirtualLoop, run

FALL = [40_000.0] * WARMUP + [40_400.0, 40_400.0, *(40_400.0 - 120.0 * at for at in range(1, 20))]


def told(database: Path, limits: str) -> list[LimitTripped | Halted]:
    """What a market that rises and then only falls leads to."""
    text = BOT.replace("costs:", f"limits: {{{limits}}}\ncosts:").replace("0.8%", "1%")
    loop = VirtualLoop(START_MS)
    rig = rig_for(text, FALL, loop=loop, warmup_bars=WARMUP, database=database)

    async def life() -> None:
        process = rig.start()
        await rig.play(START_MS + 9 * MINUTE_MS)
        await rig.kill(process)
        process = rig.start()
        await rig.play(START_MS + 18 * MINUTE_MS)
        await rig.stop(process)

    run(loop, life())
    found = [one.event for one in rig.entries() if isinstance(one.event, LimitTripped | Halted)]
    rig.open().close()
    return found


@pytest.mark.parametrize(("then", "level"), [("block", "no_entries"), ("flatten", "flatten")])
def test_the_days_loss_is_told_once_with_its_end(tmp_path: Path, then: str, level: str) -> None:
    (limit,) = told(tmp_path / "j.db", f"daily_loss: {{max: 0.3% of equity, then: {then}}}")
    assert isinstance(limit, LimitTripped)
    assert (limit.limit, limit.level) == ("daily_loss", level)
    assert limit.figure_usdt < 10_000
    assert Decimal(9_969) < limit.level_usdt < Decimal(9_971)
    assert limit.until_ms == (START_MS // DAY_MS + 1) * DAY_MS


def test_a_drawdown_that_halts_is_told_with_its_level(tmp_path: Path) -> None:
    limit, halted = told(tmp_path / "j.db", "max_drawdown: {max: 0.3%, then: halt}")
    assert isinstance(limit, LimitTripped)
    assert (limit.limit, limit.level, limit.until_ms) == ("max_drawdown", "halt", None)
    assert limit.figure_usdt < limit.level_usdt + 20
    assert Decimal(9_900) < limit.level_usdt < Decimal(10_100)
    assert isinstance(halted, Halted)


def test_a_limit_that_was_hit_and_then_taken_out_of_the_bot_is_told_no_more(tmp_path: Path) -> None:
    """Its day is in the account's memory; the text that a restart runs has no such limit."""
    compiled = compiled_bot(BOT)
    state = initial_state(10_000.0)
    day = START_MS // DAY_MS
    guard = state.guard._replace(daily_loss_day=day, drawdown_hit=True)
    account = state.account._replace(day=day)
    book = Book(compiled.plan, state._replace(guard=guard, account=account))
    assert list(_tripped(book, book.state)) == []
    limited = compiled_bot(
        BOT.replace("costs:", "limits: {daily_loss: {max: 1% of equity, then: block}}\ncosts:")
    )
    (told,) = _tripped(replace(book, plan=limited.plan), book.state)
    assert isinstance(told, LimitTripped)
    assert told.until_ms == (day + 1) * DAY_MS
    next_day = book.state._replace(account=account._replace(day=day + 1))
    (late,) = _tripped(replace(book, plan=limited.plan), next_day)  # hit in the bar that ended the day
    assert isinstance(late, LimitTripped)
    assert late.until_ms == (day + 1) * DAY_MS
