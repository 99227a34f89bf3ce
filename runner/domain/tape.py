"""What the loop reads and writes.

In: bars, rows, settlements: lists of the named tuples under Python, arrays of records with the same
field names
under numba, so that `feed.bars[i].close` reads alike. Out: per bar, per fill and per settlement figures.
Refuses to know: files, rules.
"""

from typing import Any, NamedTuple

FILL_COLUMNS = (
    13  # time_ms, bar, leg, side, quantity, price, fee, slippage, reason, maker, position, risk, cash
)


class Feed(NamedTuple):
    """A stretch of bars; the finer bars of row i are `finer[detail_first[i] : detail_first[i + 1]]`.

    `offset` is the place of row 0 in the whole run, and so on the tape.
    """

    offset: int
    bars: Any
    rows: Any
    detail_first: Any  # empty: no finer bars
    finer: Any
    settlements: Any


class Tape(NamedTuple):
    """Written by the loop: arrays over bars, one row of FILL_COLUMNS a fill, one payment a settlement."""

    equity_usdt: Any
    worst_equity_usdt: Any
    position: Any
    signal: Any
    refusal: Any
    fills: Any
    payments: Any


class Progress(NamedTuple):
    """Where the loop stands: rows of the feed done, fills and settlements written, ambiguous and resolved
    bars, orders that the venue rejected; `worst_usdt` is the lowest equity inside the bar at hand.
    """

    bar: int
    fills: int
    settlements: int
    ambiguous: int
    resolved: int
    post_only: int
    no_margin: int
    worst_usdt: float


START = Progress(0, 0, 0, 0, 0, 0, 0, 0.0)
