"""Stretches of a market and its rows, in the shape the loop reads.

In: arrays. Out: one Feed a stretch, so that memory does not grow with the length of a run.
Refuses to know: fills, reports. Where a mark price is missing the last price stands in, and is counted
elsewhere.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runner.backtest.engine import Columns, Engine
from runner.compiler.columns import Rows
from runner.domain.bar import SLOTS_MAX
from runner.domain.series import Bars, Floats, Market, Times
from runner.domain.tape import Feed

STRETCH_BARS = 16_384  # about 3 MB of records, small enough for a processor's cache


@dataclass(frozen=True, slots=True)
class Payable:
    """Settlements inside the run: times, rates, mark prices without holes, and which of those stood in."""

    time_ms: Times
    funding_rate: Floats
    mark_price: Floats
    mark_missing: npt.NDArray[np.bool_]


def payable(market: Market, *, charged: bool = True) -> Payable:
    """The settlements that fall on counted bars; a missing mark price is the last price known at that
    instant.
    """
    if market.funding is None or not charged:
        none = np.zeros(0)
        return Payable(none.astype(np.int64), none, none, none.astype(np.bool_))
    bars, funding = market.bars, market.funding
    start = bars.open_time_ms[market.first]
    stop = bars.open_time_ms[-1] + bars.timeframe_ms
    inside = (funding.time_ms >= start) & (funding.time_ms < stop)
    times = funding.time_ms[inside]
    mark = funding.mark_price[inside]
    missing = np.isnan(mark)
    row = np.maximum(np.searchsorted(bars.open_time_ms, times, side="right") - 1, 0)
    last = np.where(bars.open_time_ms[row] == times, bars.open[row], bars.close[np.maximum(row - 1, 0)])
    return Payable(times, funding.funding_rate[inside], np.where(missing, last, mark), missing)


def feed_of(engine: Engine, market: Market, rows: Rows, settlements: Payable, start: int, stop: int) -> Feed:
    """The bars of the market's rows [start, stop); the tape counts from the market's first counted row."""
    bars = market.bars.rows(start, stop)
    mark = market.mark.rows(start, stop) if market.mark is not None else bars
    detail_first, finer = _detail(engine, market.detail, bars)
    slots = np.zeros((stop - start, SLOTS_MAX))
    slots[:, : len(rows.slots)] = rows.slots[:, start:stop].T
    return Feed(
        offset=start - market.first,
        bars=engine.bars(_bar_columns(bars, mark)),
        rows=engine.rows(
            {
                "enter_long": rows.enter_long[start:stop],
                "enter_short": rows.enter_short[start:stop],
                "stop_long": rows.stop_long[start:stop],
                "stop_short": rows.stop_short[start:stop],
                "trail_distance": rows.trail_distance[start:stop],
                "slots": slots,
            }
        ),
        detail_first=detail_first,
        finer=finer,
        settlements=engine.settlements(
            {
                "time_ms": settlements.time_ms,
                "funding_rate": settlements.funding_rate,
                "mark_price": settlements.mark_price,
            }
        ),
    )


def _bar_columns(bars: Bars, mark: Bars) -> Columns:
    columns: Columns = {
        "open_time_ms": bars.open_time_ms,
        "close_time_ms": bars.open_time_ms + bars.timeframe_ms,
        "open": bars.open,
        "high": bars.high,
        "low": bars.low,
        "close": bars.close,
        "volume": bars.volume,
    }
    for name in ("open", "high", "low", "close"):
        marked, last = getattr(mark, name), getattr(bars, name)
        columns[f"mark_{name}"] = np.where(np.isnan(marked), last, marked) if mark is not bars else last
    return columns


def _detail(engine: Engine, detail: Bars | None, bars: Bars) -> tuple[object, object]:
    """(places, finer bars) of a stretch; a bar without finer ones has an empty span."""
    empty = np.zeros(0, np.int64)
    if detail is None:
        return engine.places(empty), engine.bars(_bar_columns(bars.rows(0, 0), bars.rows(0, 0)))
    edges = np.append(bars.open_time_ms, bars.open_time_ms[-1] + bars.timeframe_ms)
    places = np.searchsorted(detail.open_time_ms, edges)
    finer = detail.rows(int(places[0]), int(places[-1]))
    return engine.places(places - places[0]), engine.bars(_bar_columns(finer, finer))
