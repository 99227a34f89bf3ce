"""Small markets for the compiler's tests: whole-number prices with many ties, so that arithmetic is exact."""

from collections.abc import Sequence

import numpy as np

from runner.domain.series import Bars, Floats, FundingSeries, Market

MINUTE_MS = 60_000
OWN_MS, HOUR_MS, FOUR_HOURS_MS = 15 * MINUTE_MS, 60 * MINUTE_MS, 240 * MINUTE_MS
START_MS = 1_704_067_200_000 + 30 * MINUTE_MS  # a Monday, and not the beginning of an hour


def bars_of(closes: Sequence[float], start_ms: int = START_MS, timeframe_ms: int = OWN_MS) -> Bars:
    """Bars with these closes; opens are the closes before, high and low one beyond."""
    close: Floats = np.array(closes, np.float64)
    open_ = np.concatenate((close[:1], close[:-1]))
    count = len(close)
    return Bars(
        timeframe_ms,
        start_ms + timeframe_ms * np.arange(count, dtype=np.int64),
        open_,
        np.maximum(open_, close) + 1,
        np.minimum(open_, close) - 1,
        close,
        (np.arange(count) % 5 + 1).astype(np.float64),
    )


def longer(bars: Bars, timeframe_ms: int) -> Bars:
    """Whole bars of a longer timeframe."""
    own = timeframe_ms // bars.timeframe_ms
    offset = int(-(bars.open_time_ms[0] // bars.timeframe_ms) % own) if len(bars) else 0
    count = max(0, (len(bars) - offset) // own)
    groups = [slice(offset + at * own, offset + (at + 1) * own) for at in range(count)]
    return Bars(
        timeframe_ms,
        np.array([bars.open_time_ms[group][0] for group in groups], np.int64),
        np.array([bars.open[group][0] for group in groups], np.float64),
        np.array([bars.high[group].max() for group in groups], np.float64),
        np.array([bars.low[group].min() for group in groups], np.float64),
        np.array([bars.close[group][-1] for group in groups], np.float64),
        np.array([bars.volume[group].sum() for group in groups], np.float64),
    )


def market_of(closes: Sequence[float], start: int = 0) -> Market:
    """A market with one and four hours, a mark price with holes and hourly funding; `start` drops its first
    rows.
    """
    whole = bars_of(closes)
    bars = whole.rows(start, len(whole))
    mark_close = whole.close + 1
    mark_close[::7] = np.nan
    mark = Bars(OWN_MS, whole.open_time_ms, whole.open, whole.high, whole.low, mark_close, whole.volume)
    settled = whole.open_time_ms[3::4]
    funding = FundingSeries(settled, (np.arange(len(settled)) % 3 - 1) / 1000, np.full(len(settled), np.nan))
    since = int(np.searchsorted(settled, bars.open_time_ms[0])) if len(bars) else len(settled)
    return Market(
        "BTCUSDT",
        bars,
        {HOUR_MS: longer(bars, HOUR_MS), FOUR_HOURS_MS: longer(bars, FOUR_HOURS_MS)},
        mark.rows(start, len(whole)),
        None,
        FundingSeries(funding.time_ms[since:], funding.funding_rate[since:], funding.mark_price[since:]),
    )
