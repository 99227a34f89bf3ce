"""What the core is told of an execution."""

from decimal import Decimal

import pytest

from runner.domain.position import initial_state
from runner.domain.venue import Kind, Request, VenueTrade
from runner.live.actions import Own, Phase
from runner.live.fills import fill_of
from runner.live.ids import ClientId, Leg
from tests.live.rig import MINUTE_MS, START_MS, SYMBOL, compiled_bot
from tests.live.test_session import BOT

TEN = Decimal(10)


def told(leg: Leg, kind: Kind, after_ms: int) -> tuple[int, bool]:
    """(time, whether at the open) of an execution so long after the open of a bar."""
    name = ClientId("aaaaaa", "a" * 16, leg, 0, 1)
    request = Request(str(name), SYMBOL, kind, 1, TEN)
    own = Own(name, request, Phase.OPEN, Decimal(0), START_MS)
    time_ms = START_MS + after_ms
    none = Decimal(0)
    trade = VenueTrade("1", "2", str(name), SYMBOL, 1, TEN, TEN, none, none, maker=False, time_ms=time_ms)
    fill = fill_of(compiled_bot(BOT).plan, initial_state(10_000.0), own, trade, None)
    return fill.time_ms, fill.at_open


@pytest.mark.parametrize("after_ms", [0, 1, 140, 29_000])
def test_an_entry_at_the_market_is_of_its_open_whenever_it_executes(after_ms: int) -> None:
    assert START_MS % MINUTE_MS == 0
    assert told(Leg.ENTRY, Kind.MARKET, after_ms) == (START_MS, True)


@pytest.mark.parametrize(
    ("leg", "kind"), [(Leg.ENTRY, Kind.LIMIT), (Leg.STOP, Kind.STOP_MARKET), (Leg.EXIT, Kind.MARKET)]
)
def test_all_else_is_of_its_own_instant(leg: Leg, kind: Kind) -> None:
    assert told(leg, kind, 140) == (START_MS + 140, False)
