"""What goes with a run's bars: mark prices on the same rows, funding with its mark price, finer detail.

In: a shelf and the bars. Out: the same rows' companions, and how many of them are missing.
Refuses to know: rules, fills, payments.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from runner.data.resample import columns, resample
from runner.data.shelf import Shelf, choose_offer, short_name
from runner.domain.series import Bars, Floats, FundingSeries, Times
from runner.domain.time import FUNDING_INTERVAL_MS, format_time, timeframe_name
from runner.errors import DataMissing, UsageError


class Detail(NamedTuple):
    """Finer bars; `missing` counted bars have none, because some of theirs are not stored."""

    bars: Bars
    missing: int
    venue: str


class Mark(NamedTuple):
    """Mark prices on the bars' rows; of the counted rows `missing` have none, and `bounded` tells how many
    come from longer mark bars, by their length: last prices kept inside them.
    """

    bars: Bars | None
    missing: int
    bounded: dict[int, int]


class Settlements(NamedTuple):
    """Funding of a run: `missing` ones are not stored, `mark_missing` of those stored lack a mark price."""

    series: FundingSeries | None
    missing: int
    mark_missing: int


def align_mark(shelf: Shelf, bars: Bars, first: int) -> Mark:
    """Mark bars on the very rows of `bars`, NaN where nothing is stored.

    Longer mark bars cannot say when a level was crossed, but how far the mark price went at most: where there
    are no others, the mark is the last price kept inside the longer bar that covers the row.
    """
    start, stop = _span(bars)
    offers = shelf.offers("mark")
    prices = [np.full(len(bars), np.nan)] * 4
    offer = choose_offer(offers, bars.timeframe_ms, start, stop)
    if offer is not None:
        found = resample(shelf.bars("mark", offer.timeframe_ms, start, stop), bars.timeframe_ms)
        prices = _prices_at(found, bars.open_time_ms)
    bounded: dict[int, int] = {}
    longer = (one.timeframe_ms for one in offers if one.timeframe_ms > bars.timeframe_ms)
    for length in sorted(length for length in longer if length % bars.timeframe_ms == 0):
        lacking = np.isnan(prices[0])
        if not lacking.any():
            break
        kept = _kept_inside(shelf, bars, length)
        prices = [np.where(lacking, inside, price) for inside, price in zip(kept, prices, strict=True)]
        bounded[length] = int(np.sum((lacking & ~np.isnan(kept[0]))[first:]))
    lacking = np.isnan(prices[0])
    missing = int(np.sum(lacking[first:]))
    if lacking.all():
        return Mark(None, missing, bounded)
    mark = Bars(bars.timeframe_ms, bars.open_time_ms, *(*prices, np.zeros(len(bars))))
    return Mark(mark, missing, bounded)


def _kept_inside(shelf: Shelf, bars: Bars, length_ms: int) -> list[Floats]:
    """Last prices clipped into the mark bar of `length_ms` that covers each row, NaN where there is none."""
    owners = bars.open_time_ms - bars.open_time_ms % length_ms
    stored = shelf.bars("mark", length_ms, int(owners[0]), int(owners[-1]) + 1)
    _, high, low, _ = _prices_at(stored, owners)
    return [np.clip(price, low, high) for price in (bars.open, bars.high, bars.low, bars.close)]


def _prices_at(stored: Bars, wanted: Times) -> list[Floats]:
    """Open, high, low and close of the bars that begin at the wanted times, NaN where there is none."""
    if not len(stored):
        return [np.full(len(wanted), np.nan)] * 4
    at, known = _places(stored.open_time_ms, wanted)
    return [np.where(known, column[at], np.nan) for column in columns(stored)[1:5]]


def load_funding(shelf: Shelf, bars: Bars, first: int, stop: int) -> Settlements:
    """Settlements from the first row on, warm-up included; missing ones are counted from row `first`."""
    start, counted_from = int(bars.open_time_ms[0]), int(bars.open_time_ms[first])
    grid = FUNDING_INTERVAL_MS
    expected = np.arange(-(-counted_from // grid) * grid, stop, grid)
    found = shelf.funding(start, stop)
    if found is None:
        return Settlements(None, len(expected), 0)
    times, funding_rates = found
    prices = _mark_at(shelf, times)
    lacking = np.isnan(prices) & (times >= counted_from)
    series = FundingSeries(times, funding_rates, prices)
    return Settlements(series, int(np.sum(~np.isin(expected, times))), int(np.sum(lacking)))


def load_detail(shelf: Shelf, bars: Bars, first: int, detail_ms: int) -> Detail:
    """Finer bars of [row `first`, end), only for bars that have all of theirs.

    A bar with part of its detail would hide what happened in the other part; without any, its own high and
    low are walked.
    """
    if detail_ms >= bars.timeframe_ms or bars.timeframe_ms % detail_ms:
        name = timeframe_name(bars.timeframe_ms)
        raise UsageError(
            f"detail {timeframe_name(detail_ms)} does not divide the bars' {name} into shorter ones"
        )
    start, stop = int(bars.open_time_ms[first]), _span(bars)[1]
    offer = choose_offer(shelf.offers("last"), detail_ms, start, stop)
    rows = offer and resample(shelf.bars("last", offer.timeframe_ms, start, stop), detail_ms)
    if offer is None or rows is None or not len(rows):
        raise DataMissing(
            f"{shelf.about.place} has no {short_name(shelf)} bars of {timeframe_name(detail_ms)} for detail "
            f"from {format_time(start)} to {format_time(stop)} UTC",
            shelf.command(detail_ms, start),
        )
    counted = bars.open_time_ms[first:]
    edges = np.searchsorted(rows.open_time_ms, np.concatenate((counted, [stop])))
    whole = np.diff(edges) == bars.timeframe_ms // detail_ms
    if whole.all():
        return Detail(rows, 0, offer.venue)
    owner, known = _places(counted, rows.open_time_ms - rows.open_time_ms % bars.timeframe_ms)
    kept = known & whole[owner]
    times, *floats = columns(rows)
    chosen = Bars(detail_ms, times[kept], *(column[kept] for column in floats))
    return Detail(chosen, int(np.sum(~whole)), offer.venue)


def _mark_at(shelf: Shelf, times: Times) -> Floats:
    """Open of the mark bar that begins at each settlement; the longest timeframe first, for it is short."""
    prices = np.full(len(times), np.nan)
    if not len(times):
        return prices
    for offer in sorted(shelf.offers("mark"), reverse=True):
        if not np.isnan(prices).any():
            break
        bars = shelf.bars("mark", offer.timeframe_ms, int(times[0]), int(times[-1]) + 1)
        if len(bars):
            at, known = _places(bars.open_time_ms, times)
            prices = np.where(np.isnan(prices) & known, bars.open[at], prices)
    return prices


def _places(stored: Times, wanted: Times) -> tuple[Times, npt.NDArray[np.bool_]]:
    """For each wanted time a safe index into `stored` and whether it is really there."""
    if not len(stored):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
    return at, stored[at] == wanted


def _span(bars: Bars) -> tuple[int, int]:
    return int(bars.open_time_ms[0]), int(bars.open_time_ms[-1]) + bars.timeframe_ms
