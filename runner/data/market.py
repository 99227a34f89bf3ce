"""The market one run reads: its bars with warm-up before them, longer bars, mark, funding, detail.

In: what a bot needs, and a shelf to take it from. Out: Market and DataFacts, or DataMissing.
Refuses to know: rules, plans, the clock.

All longer bars are made from the bot's own bars, so that the two can never disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.data.companions import Detail, Mark, align_mark, load_detail, load_funding
from runner.data.home import candles_root
from runner.data.instruments import instrument_for
from runner.data.resample import find_gaps, resample
from runner.data.sample import DEFAULT_SEED, sample_shelf
from runner.data.shelf import Offer, Shelf, choose_offer, short_name, store_shelf
from runner.domain.facts import SPOT, DataFacts, Gap
from runner.domain.series import Bars, Market
from runner.domain.time import DAY_MS, format_day, format_moment, format_time, timeframe_name, timeframe_names
from runner.errors import DataMissing, UsageError

STORE, SAMPLE = "store", "sample"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run asks for: bars inside [start_ms, stop_ms), None for all there are; warm-up comes on top."""

    timeframe_ms: int
    start_ms: int | None = None
    stop_ms: int | None = None
    warmup_bars: int = 0
    higher: tuple[int, ...] = ()
    detail_ms: int | None = None
    funding: bool = True

    @property
    def early_ms(self) -> int | None:
        """Where the warm-up begins, as far as the bars tell; longer bars may need more."""
        return None if self.start_ms is None else self.start_ms - self.warmup_bars * self.timeframe_ms


def load_market(  # noqa: PLR0913 – one call is the whole seam to the drivers
    source: str,
    symbol: str,
    timeframe_ms: int,
    *,
    higher: Sequence[int] = (),
    start_ms: int | None = None,
    stop_ms: int | None = None,
    warmup_bars: int = 0,
    detail_ms: int | None = None,
    funding: bool = True,
    root: Path | None = None,
    seed: int = DEFAULT_SEED,
) -> tuple[Market, DataFacts]:
    """Load from `store` (RUNNER_HOME, or `root`) or from the synthetic `sample`.

    `Market.first` is the first bar that counts. When there is too little history before `start_ms`, it moves
    to where the warm-up is complete, and the facts say so. A range ending after the last bar is DataMissing.
    """
    wanted = Wanted(timeframe_ms, start_ms, stop_ms, warmup_bars, tuple(sorted(higher)), detail_ms, funding)
    if source == SAMPLE:
        return load_from(sample_shelf(symbol, seed, timeframe_ms), wanted, root)
    if source != STORE:
        raise UsageError(f"{source!r} is no source of market data; the two are {STORE} and {SAMPLE}")
    return load_from(store_shelf(root if root is not None else candles_root(), symbol), wanted, root)


def load_from(shelf: Shelf, wanted: Wanted, rules_root: Path | None = None) -> tuple[Market, DataFacts]:
    """The same, from any shelf; the facts name the instrument rules that lie in `rules_root`."""
    offer = _choose_base(shelf, wanted)
    start, stop = _resolve_range(shelf, wanted, offer)
    bars = _load_base(shelf, wanted, offer, start, stop)
    longer = {length: resample(bars, length) for length in wanted.higher}
    first, moved = _first_row(shelf, wanted, bars, longer, start)
    from_ms = int(bars.open_time_ms[first])
    mark = align_mark(shelf, bars, first)
    funding = load_funding(shelf, bars, first, stop) if wanted.funding else None
    detail = load_detail(shelf, bars, first, wanted.detail_ms) if wanted.detail_ms else None
    market = Market(
        symbol=shelf.symbol,
        bars=bars,
        higher=longer,
        mark=mark.bars,
        detail=detail.bars if detail else None,
        funding=funding.series if funding else None,
        first=first,
    )
    gaps = _gaps(bars, first, from_ms if moved or wanted.start_ms is None else start, stop)
    notes = [_moved_note(shelf, wanted, start, from_ms)] if moved else []
    holes = sum(gap.bars for gap in find_gaps(bars.open_time_ms[: first + 1], bars.timeframe_ms))
    notes += [f"{holes:,} bars are missing inside the warm-up"] if holes else []
    facts = DataFacts(
        symbol=shelf.symbol,
        timeframe=timeframe_name(wanted.timeframe_ms),
        timeframe_ms=wanted.timeframe_ms,
        from_ms=from_ms,
        to_ms=int(bars.open_time_ms[-1]) + wanted.timeframe_ms,
        bars=len(bars) - first,
        gaps=gaps,
        warmup_bars=first,
        synthetic=shelf.about.synthetic,
        venue=offer.venue,
        source=_source(shelf, wanted, offer),
        funding_missing=funding.missing if funding else 0,
        mark_missing=mark.missing,
        moved_start=moved,
        detail_timeframe=timeframe_name(wanted.detail_ms) if wanted.detail_ms else None,
        detail_missing=detail.missing if detail else 0,
        funding_mark_missing=funding.mark_missing if funding else 0,
        instrument_source=instrument_for(shelf.symbol, rules_root).source,
        notes=tuple(notes + _mark_notes(mark, len(bars) - first) + _detail_notes(detail, offer)),
    )
    return market, facts


def _command(shelf: Shelf, wanted: Wanted) -> str:
    """What would bring the run's bars, its warm-up included."""
    return shelf.command(wanted.timeframe_ms, wanted.early_ms)


def _choose_base(shelf: Shelf, wanted: Wanted) -> Offer:
    offers = shelf.offers("last")
    offer = choose_offer(offers, wanted.timeframe_ms, wanted.early_ms, wanted.stop_ms)
    if offer is not None:
        return offer
    name = timeframe_name(wanted.timeframe_ms)
    stored = timeframe_names(offer.timeframe_ms for offer in offers)
    lacking = (
        f"{shelf.about.place} has no {short_name(shelf)} bars of {name}, nor shorter ones to make them from"
    )
    raise DataMissing(lacking + (f" (it has {stored})" if stored else ""), _command(shelf, wanted))


def _resolve_range(shelf: Shelf, wanted: Wanted, offer: Offer) -> tuple[int, int]:
    """Start and stop on the grid of the bars, inside what is there; DataMissing when the end is not."""
    length = wanted.timeframe_ms
    end = offer.to_ms // length * length
    stop = end if wanted.stop_ms is None else wanted.stop_ms // length * length
    start = -(-(offer.from_ms if wanted.start_ms is None else wanted.start_ms) // length) * length
    if wanted.start_ms is not None and wanted.stop_ms is not None and start >= stop:
        raise UsageError(
            f"no {timeframe_name(length)} bar lies between {format_time(wanted.start_ms)} "
            f"and {format_time(wanted.stop_ms)}"
        )
    if stop > end or stop <= offer.from_ms or start >= stop:
        stored = f"{format_time(offer.from_ms)} to {format_time(offer.to_ms)}"
        asked = (
            f"{format_time(start)} to {format_time(stop)}"
            if start < stop
            else f"from {format_time(start)} on"
        )
        shorter = f"; or end the run with to: {_last_moment(end)}" if start < end < stop else ""
        series = f"{short_name(shelf)} {timeframe_name(offer.timeframe_ms)}"
        raise DataMissing(
            f"{shelf.about.place} has {series} bars of {stored} UTC; asked for {asked}{shorter}",
            _command(shelf, wanted),
        )
    return start, stop


def _last_moment(end: int) -> str:
    """As `to:` takes it: a date means all of that day."""
    return format_day(end - DAY_MS) if end % DAY_MS == 0 else format_moment(end)


def _load_base(shelf: Shelf, wanted: Wanted, offer: Offer, start: int, stop: int) -> Bars:
    """Bars up to `stop`, reaching back until the warm-up is complete in rows or nothing is left.

    One longer bar more than asked: the first of them may begin before the rows do.
    """
    longest = max(wanted.higher, default=0)
    reach = wanted.warmup_bars * wanted.timeframe_ms + longest
    while True:
        early = start - reach
        aligned = early - early % max(longest, wanted.timeframe_ms)
        bars = resample(shelf.bars("last", offer.timeframe_ms, aligned, stop), wanted.timeframe_ms)
        before = int(np.searchsorted(bars.open_time_ms, start))
        if before >= wanted.warmup_bars + longest // wanted.timeframe_ms or aligned <= offer.from_ms:
            return bars
        reach *= 2


def _first_row(
    shelf: Shelf, wanted: Wanted, bars: Bars, longer: dict[int, Bars], start: int
) -> tuple[int, bool]:
    """The first row that counts, and whether it had to move behind `start`.

    Rows before the first whole longer bar warm nothing up, so they do not count as warm-up.
    """
    idle = 0
    for length, rows in longer.items():
        opening = int(rows.open_time_ms[0]) if len(rows) else int(bars.open_time_ms[-1]) + length
        idle = max(idle, int(np.searchsorted(bars.open_time_ms, opening)))
    needed = idle + wanted.warmup_bars
    first = int(np.searchsorted(bars.open_time_ms, start))
    if max(first, needed) >= len(bars):
        raise DataMissing(
            f"{shelf.about.place} has {len(bars):,} {short_name(shelf)} bars for this run and its warm-up; "
            f"it needs {needed:,} to warm up and at least one after that",
            _command(shelf, wanted),
        )
    if first >= needed:
        return first, False
    return needed, wanted.start_ms is not None


def _gaps(bars: Bars, first: int, from_ms: int, stop: int) -> tuple[Gap, ...]:
    """Missing bars inside [from_ms, stop), its two ends included."""
    length = bars.timeframe_ms
    opens = bars.open_time_ms[first:]
    edges = np.concatenate(([from_ms - length], opens, [stop])).astype(np.int64)
    return find_gaps(edges, length)


def _moved_note(shelf: Shelf, wanted: Wanted, start: int, from_ms: int) -> str:
    return (
        f"start moved from {format_time(start)} to {format_time(from_ms)} UTC: the {shelf.about.words} "
        f"has too little before it for {wanted.warmup_bars:,} bars of warm-up"
    )


def _source(shelf: Shelf, wanted: Wanted, offer: Offer) -> str:
    name = timeframe_name(offer.timeframe_ms)
    if offer.timeframe_ms == wanted.timeframe_ms:
        return f"{shelf.about.words}, {name} bars"
    return f"{shelf.about.words}, {name} bars resampled to {timeframe_name(wanted.timeframe_ms)}"


def _mark_notes(mark: Mark, counted: int) -> list[str]:
    """What a reader must know about mark prices that were never mark prices of this timeframe."""
    notes = []
    for length, count in mark.bounded.items():
        if count:
            where = "" if count == counted else f"on {count:,} bars "
            name = timeframe_name(length)
            notes.append(f"{where}mark prices are last prices kept inside the stored {name} mark bars")
    return notes


def _detail_notes(detail: Detail | None, base: Offer) -> list[str]:
    if detail is None:
        return []
    notes = []
    if detail.missing:
        notes.append(f"{detail.missing:,} bars have no whole detail; their path is walked by the bar itself")
    if detail.venue != base.venue:
        notes.append(
            f"detail bars are {detail.venue}" + ("" if detail.venue == SPOT else f", bars {base.venue}")
        )
    return notes
