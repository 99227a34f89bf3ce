"""The archive server filled with the stand-in's own market: what the two give of one bar is the same.

In: timeframes. Out: a server. Refuses to know: pulls.
"""

from stand_in import NOW_MS

from runner.data.layout import SeriesKey, series_key
from runner.data.part import Columns
from runner.data.sample import SPAN_START_MS, SampleShelf
from runner.domain.time import HOUR_MS, TIMEFRAMES
from tests.data.archive_server import Archive

SYMBOL = "BTC/USDT:USDT"


def sample_archive(*timeframes: str, from_ms: int = SPAN_START_MS, seed: int = 1) -> Archive:
    """Last and mark bars of the timeframes, and funding, published until two days before the stand-
    in's now.
    """
    market: dict[SeriesKey, Columns] = {}
    for name in timeframes:
        step = TIMEFRAMES[name]
        shelf = SampleShelf(SYMBOL, seed, step)
        last, mark = (shelf.bars(kind, step, from_ms, NOW_MS) for kind in ("last", "mark"))  # type: ignore[arg-type]
        prices = (last.open, last.high, last.low, last.close, last.volume)
        market[series_key(SYMBOL, "last", step)] = last.open_time_ms, prices
        market[series_key(SYMBOL, "mark", step)] = (
            mark.open_time_ms,
            (mark.open, mark.high, mark.low, mark.close),
        )
    times, funding_rates = SampleShelf(SYMBOL, seed, HOUR_MS).funding(from_ms, NOW_MS)
    market[series_key(SYMBOL, "funding")] = times, (funding_rates,)
    return Archive(market, published_ms=NOW_MS - 48 * HOUR_MS)
