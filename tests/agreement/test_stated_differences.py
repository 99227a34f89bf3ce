"""Where another engine differs from this one for a good reason, a few written bars show by how much.

Each bar is a line: what its close decides (`L` `S` long or short entry, `X` exit, `.` nothing), then
open high low close. The bot reads the decision from the volume: 1, 2 and 3.
`docs/agreement.md` names each of these differences with its reason.
"""

import numpy as np
import pytest
from in_backtesting import backtesting_trades
from in_vectorbt import vectorbt_trades
from rule_sets import TAIL, Rules
from trade_lists import Trade, compiled_bot, disagreements, our_trades

from runner.domain.series import Bars
from runner.domain.time import HOUR_MS

SCRIPTED = """\
version: 1
name: scripted
market: {symbol: BTC/USDT:USDT, timeframe: 1h}
size: {quantity: 1 BTC}
entry:
  long: volume == 1
  short: volume == 2
"""
LIMIT_ORDER = "  order: {type: limit, offset: 1%, expires: 4 bars}\n"
RULE_EXIT = "  when: {long: volume == 3, short: volume == 3}\n"


def scripted(lines: str) -> Bars:
    """Bars of one hour, with the decisions in the volume. Before bar 0 there is a quiet one: `backtesting`
    decides nothing at the close of its first.
    """
    words = [[".", "100", "100", "100", "100"], *(line.split() for line in lines.strip().splitlines())]
    open_, high, low, close = np.array([[float(word) for word in line[1:]] for line in words]).T
    volume = np.array([float(".LSX".index(line[0])) for line in words])
    return Bars(HOUR_MS, np.arange(len(words), dtype=np.int64) * HOUR_MS, open_, high, low, close, volume)


def told(bars: Bars, stop: float = np.nan, target: float = np.nan, limit: bool = False) -> Rules:
    """The same script for the others; a stop and a target of longs, as prices."""
    nothing = np.full(len(bars), np.nan)
    leaves = bars.volume == 3
    return Rules(
        bars.volume == 1,
        leaves,
        bars.volume == 2,
        leaves,
        np.full(len(bars), stop),
        nothing,
        np.full(len(bars), target),
        nothing,
        offset_ratio=0.01 if limit else 0.0,
        expires_bars=4 if limit else 0,
    )


def ours(text: str, bars: Bars) -> list[Trade]:
    return our_trades(compiled_bot(SCRIPTED + text + TAIL), bars, 0)


def exits(trades: list[Trade]) -> list[tuple[int, float]]:
    """(bar, price) of every exit."""
    return [(trade.exit_ms // HOUR_MS - 1, round(trade.exit_price, 6)) for trade in trades]


def entries(trades: list[Trade]) -> list[tuple[int, float]]:
    """(bar, price) of every entry."""
    return [(trade.entry_ms // HOUR_MS - 1, round(trade.entry_price, 6)) for trade in trades]


def test_an_open_trade_ends_at_the_last_close_here_and_at_the_last_open_in_backtesting() -> None:
    bars = scripted("""
        L 100 101 99 100
        . 100 103 99 102
        . 104 106 103 105
        """)
    here = ours("exit:\n" + RULE_EXIT, bars)
    assert exits(here) == [(2, 105)]
    assert exits(backtesting_trades(pytest.importorskip("backtesting"), bars, told(bars))) == [(2, 104)]
    there = vectorbt_trades(pytest.importorskip("vectorbt"), bars, told(bars))
    assert exits(there) == [(2, 105)]
    assert here[0].at_end
    assert there[0].at_end


GAP_BEYOND_THE_TARGET = """
    L 100 101   99.5 100
    . 100 100.5 99.5 100
    . 103 104   102.5 103
    . 103 103   103  103
    """


def test_a_resting_target_beyond_which_the_bar_opens_fills_at_its_own_price_here() -> None:
    bars = scripted(GAP_BEYOND_THE_TARGET)
    here = ours("exit: {take_profit: 2%}\n", bars)
    assert exits(here) == [(2, 102)]
    for name, run in (("backtesting", backtesting_trades), ("vectorbt", vectorbt_trades)):
        there = run(pytest.importorskip(name), bars, told(bars, stop=50.0, target=102.0))
        assert exits(there) == [(2, 103)]


def test_a_market_target_beyond_which_the_bar_opens_fills_at_the_open_everywhere() -> None:
    bars = scripted(GAP_BEYOND_THE_TARGET)
    here = ours("exit: {take_profit: [{at: 2%, close: 100%, type: market}]}\n", bars)
    assert exits(here) == [(2, 103)]
    for name, run in (("backtesting", backtesting_trades), ("vectorbt", vectorbt_trades)):
        there = run(pytest.importorskip(name), bars, told(bars, stop=50.0, target=102.0))
        assert disagreements(here, there) == []


def test_a_target_met_at_the_open_comes_before_a_stop_met_later_but_not_in_backtesting() -> None:
    bars = scripted("""
        L 100 101   99.5 100
        . 100 100.5 99.5 100
        . 103 103   98   99
        . 99  99    99   99
        """)
    here = ours(
        "exit: {stop_loss: {distance: 1%, trigger: last},"
        " take_profit: [{at: 2%, close: 100%, type: market}]}\n",
        bars,
    )
    assert exits(here) == [(2, 103)]
    both = told(bars, stop=99.0, target=102.0)
    assert disagreements(here, vectorbt_trades(pytest.importorskip("vectorbt"), bars, both)) == []
    assert exits(backtesting_trades(pytest.importorskip("backtesting"), bars, both)) == [(2, 99)]


def test_a_resting_entry_beyond_which_the_bar_opens_fills_at_its_own_price_here() -> None:
    bars = scripted("""
        L 100  101 99.5 100
        . 100  101 99.5 100
        . 98.5 99  98   98.5
        X 98.5 99  98   98.5
        . 98   99  98   98.5
        """)
    here = ours(LIMIT_ORDER + "exit:\n" + RULE_EXIT, bars)
    there = backtesting_trades(pytest.importorskip("backtesting"), bars, told(bars, limit=True))
    assert entries(here) == [(2, 99)]
    assert entries(there) == [(2, 98.5)]
    assert exits(here) == exits(there) == [(4, 98)]


def test_an_entry_just_placed_that_crosses_the_market_fills_at_the_open_everywhere() -> None:
    bars = scripted("""
        L 100  101 99.5 100
        . 98.5 99  98   98.5
        X 98.5 99  98   98.5
        . 98   99  98   98.5
        """)
    here = ours(LIMIT_ORDER + "exit:\n" + RULE_EXIT, bars)
    assert entries(here) == [(1, 98.5)]
    there = backtesting_trades(pytest.importorskip("backtesting"), bars, told(bars, limit=True))
    assert disagreements(here, there) == []


def test_a_stop_in_the_bar_of_a_limit_entry_waits_for_the_next_bar_in_backtesting() -> None:
    bars = scripted("""
        L 100  101 99.5 100
        . 100  101 97   98.5
        . 98.5 99  98   98.5
        . 98.5 99  98   98.5
        """)
    here = ours(LIMIT_ORDER + "exit: {stop_loss: {distance: 1%, trigger: last}}\n", bars)
    assert exits(here) == [(1, 98.01)]
    limited = told(bars, stop=98.01, limit=True)
    with pytest.warns(UserWarning, match="contingent SL/TP order would execute in the same bar"):
        there = backtesting_trades(pytest.importorskip("backtesting"), bars, limited)
    assert entries(here) == entries(there) == [(1, 99)]
    assert exits(there) == [(2, 98.01)]


def test_a_stop_on_the_wrong_side_of_the_close_refuses_the_entry_here_and_stops_the_run_in_backtesting() -> (
    None
):
    bars = scripted("""
        L 100 110 90 92
        . 92  93  91 92
        . 92  93  91 92
        """)
    here = ours("exit: {stop_loss: {price: hl2, trigger: last}}\n", bars)
    assert here == []
    with pytest.raises(ValueError, match="Long orders require: SL"):
        backtesting_trades(pytest.importorskip("backtesting"), bars, told(bars, stop=100.0))
