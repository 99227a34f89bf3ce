"""A synthetic market, stylised like BTC: fat tails, clustered volatility, trends, volume, mark, funding.

In: a seed, a symbol's name, a timeframe. Out: rows over a fixed span; the same seed gives the same bits.
Refuses to know: real prices. Nothing here was fitted to or copied from any market.

Two layers, so that any range can be made alone and is always the same: an hourly skeleton over the whole
span (one short loop), and inside each hour a path of 20-second steps tied to the skeleton at both ends, drawn
month by month from seeds of their own. Only operations that IEEE 754 fixes are used on the way to a price
(sums, products, division, square root; normals are sums of uniform integers) and one exponential, rounded.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from runner.data.layout import Kind
from runner.data.resample import columns, resample
from runner.data.shelf import About, Offer, Stretch
from runner.data.shipped import shipped_rules
from runner.data.symbol import canonical_symbol, market_id
from runner.domain.facts import SYNTHETIC
from runner.domain.series import Bars, Floats, Times
from runner.domain.time import (
    DAY_MS,
    FUNDING_INTERVAL_MS,
    HOUR_MS,
    MINUTE_MS,
    TIMEFRAMES,
    format_moment,
)

DEFAULT_SEED = 1

SPAN_START_MS = 1_656_633_600_000  # 2022-07-01
SPAN_STOP_MS = 1_751_328_000_000  # 2025-07-01

_HOURS = (SPAN_STOP_MS - SPAN_START_MS) // HOUR_MS
_MONTHS = np.arange("2022-07", "2025-08", dtype="datetime64[M]").astype("datetime64[ms]").astype(np.int64)

_START_PRICE = 20_000.0
_HOURLY_DEVIATION = 0.0052  # about 49 % a year
_STEPS = 180  # of 20 seconds, in an hour
_TICKS = 10.0  # per USDT: tick 0.1
_SKELETON, _PATH, _FUNDING = 0, 1, 2  # streams of random numbers

# Share of time out of 65,536, factor on the deviation: calm most of the time, now and then a multiple.
_HOUR_BURSTS = ((655, 3.0), (5243, 1.7), (65536, 0.88))
_FIVE_MINUTE_BURSTS = ((1311, 2.6), (7864, 1.6), (65536, 0.82))
_DRIFTS = ((24_000, 0.0075), (43_000, -0.0068), (65_536, 0.0))  # of a regime, per day


class _Skeleton(NamedTuple):
    """Hourly prices (one more than hours), returns, deviations and basis (one more than hours)."""

    price: Floats
    change: Floats
    deviation: Floats
    basis: Floats


@dataclass(frozen=True, slots=True)
class SampleShelf:
    """The synthetic market as a shelf; `mark_ms` is the one timeframe in which it hands out mark bars."""

    symbol: str
    seed: int
    mark_ms: int

    @property
    def about(self) -> About:
        """SYNTHETIC, wherever it is named."""
        words = f"{SYNTHETIC} sample market (seed {self.seed})"
        return About(words, f"the {words}", synthetic=True)

    def command(self, timeframe_ms: int, from_ms: int | None) -> str:
        """A run over all that there is, whatever is lacking."""
        start, last = format_moment(SPAN_START_MS), format_moment(SPAN_STOP_MS - DAY_MS)
        return f"runner run BOT --backtest --data sample --from {start} --to {last}"

    def offers(self, kind: Kind) -> Sequence[Offer]:
        """Every timeframe of bars, one of mark bars, over the whole span."""
        lengths = [self.mark_ms] if kind == "mark" else TIMEFRAMES.values()
        span = SPAN_STOP_MS - SPAN_START_MS
        whole = [(length, Stretch(SPAN_START_MS, SPAN_STOP_MS, span // length)) for length in lengths]
        return [Offer(length, SYNTHETIC, (stretch,)) for length, stretch in whole]

    def bars(self, kind: Kind, timeframe_ms: int, start_ms: int, stop_ms: int) -> Bars:
        """Bars with open times in [start_ms, stop_ms)."""
        first = max(int(np.searchsorted(_MONTHS, start_ms, side="right")) - 1, 0)
        last = max(min(int(np.searchsorted(_MONTHS, stop_ms)), len(_MONTHS) - 1), first + 1)
        which = 1 if kind == "mark" else 0
        months = [
            _month(self.symbol, self.seed, month, timeframe_ms)[which]
            for month in range(first, min(last, 36))
        ]
        if not months:
            return _no_bars(timeframe_ms)
        joined = [np.concatenate(parts) for parts in zip(*(columns(bars) for bars in months), strict=True)]
        bars = Bars(timeframe_ms, *joined)
        start, stop = np.searchsorted(bars.open_time_ms, (start_ms, stop_ms))
        return bars.rows(int(start), int(stop))

    def funding(self, start_ms: int, stop_ms: int) -> tuple[Times, Floats]:
        """Settlements every 8 hours."""
        times, funding_rates = _funding(self.symbol, self.seed)
        start, stop = np.searchsorted(times, (start_ms, stop_ms))
        return times[start:stop].copy(), funding_rates[start:stop].copy()


def sample_shelf(symbol: str, seed: int = DEFAULT_SEED, timeframe_ms: int = HOUR_MS) -> SampleShelf:
    """One symbol's shelf; each symbol and seed is another market. Mark bars suit bars of `timeframe_ms`."""
    mark_ms = timeframe_ms if FUNDING_INTERVAL_MS % timeframe_ms == 0 else 2 * HOUR_MS
    return SampleShelf(canonical_symbol(symbol), seed, mark_ms)


@lru_cache(maxsize=72)
def _month(symbol: str, seed: int, month: int, timeframe_ms: int) -> tuple[Bars, Bars]:
    """Last and mark bars of one calendar month, made as 1m and resampled."""
    skeleton = _skeleton(symbol, seed)
    start, stop = ((int(edge) - SPAN_START_MS) // HOUR_MS for edge in _MONTHS[month : month + 2])
    hours = stop - start
    draws = _draws(symbol, seed, _PATH, month, hours * (_STEPS + 12 + 15))
    normals = _normals(draws[: hours * _STEPS]).reshape(hours, _STEPS)
    bursts = _pick(draws[hours * _STEPS : hours * (_STEPS + 12)], _FIVE_MINUTE_BURSTS).reshape(hours, 12)
    deviation = skeleton.deviation[start:stop, None] * bursts
    steps = normals * np.repeat(deviation / math.sqrt(_STEPS), _STEPS // 12, axis=1)
    path = _tied(steps, skeleton.price[start:stop], skeleton.change[start:stop])
    opens = np.arange(hours * 60, dtype=np.int64) * MINUTE_MS + int(_MONTHS[month])
    last = _bars(opens, path, first=float(skeleton.price[start]), ticks=_TICKS)
    activity = np.repeat(deviation / _HOURLY_DEVIATION, 5, axis=1).reshape(-1)
    volume = _volume(draws[hours * (_STEPS + 12) :], activity, last)
    last = Bars(MINUTE_MS, opens, last.open, last.high, last.low, last.close, volume)
    # The mark follows the last price a little smoothed, off by a slowly changing basis.
    before = np.concatenate(([skeleton.price[start]], path[:-1]))
    leaning = np.linspace(0.0, 1.0, _STEPS, endpoint=False)
    basis = skeleton.basis[start:stop, None]
    moving = basis + (skeleton.basis[start + 1 : stop + 1, None] - basis) * leaning
    mark_path = (path + before) * 0.5 * (1.0 + moving.reshape(-1))
    mark = _bars(opens, mark_path, first=float(mark_path[0]), ticks=100.0)
    last, mark = (_in_ticks_of(symbol, bars) for bars in (last, mark))
    return resample(last, timeframe_ms), resample(mark, timeframe_ms)


def _in_ticks_of(symbol: str, bars: Bars) -> Bars:
    """The same market in another instrument's money: as many ticks to the price, the same notional traded."""
    steps = round(1.0 / shipped_rules(symbol).instrument.tick_size)
    if steps == _TICKS:
        return bars
    times, *prices, volume = columns(bars)
    opened, high, low, close = (np.rint(price * _TICKS) / steps for price in prices)
    return Bars(bars.timeframe_ms, times, opened, high, low, close, np.rint(volume * steps / _TICKS))


def _tied(steps: Floats, price: Floats, change: Floats) -> Floats:
    """Paths of steps, one hour a row, bent so that each ends where the skeleton says."""
    walked = np.cumsum(steps, axis=1)
    share = np.arange(1, _STEPS + 1) / _STEPS
    walked -= share * (walked[:, -1:] - change[:, None])
    walked += 1.0
    walked *= price[:, None]
    return walked.reshape(-1)


def _bars(opens: Times, path: Floats, *, first: float, ticks: float) -> Bars:
    """1m bars of a path with three steps a minute; a bar opens where the one before closed."""
    rounded = np.rint(path * ticks) / ticks
    minutes = rounded.reshape(-1, 3)
    close = np.ascontiguousarray(minutes[:, 2])
    opening = np.concatenate(([np.rint(first * ticks) / ticks], close[:-1]))
    high = np.maximum(np.maximum(minutes[:, 0], minutes[:, 1]), np.maximum(close, opening))
    low = np.minimum(np.minimum(minutes[:, 0], minutes[:, 1]), np.minimum(close, opening))
    return Bars(MINUTE_MS, opens, opening, high, low, close, np.zeros(len(opens)))


def _volume(draws: npt.NDArray[np.uint64], activity: Floats, last: Bars) -> Floats:
    """Base units, three decimals: more when it moves, skewed to the right."""
    lanes = draws.view(np.uint16)[: len(last)]
    skewed = 0.2 / (lanes / 65536.0 + 0.07)
    moved = np.abs(last.close - last.open) / last.open / (_HOURLY_DEVIATION / math.sqrt(60))
    return np.rint((0.4 + 3.0 * activity + 4.0 * moved) * skewed * 1000.0) / 1000.0


@lru_cache(maxsize=4)
def _skeleton(symbol: str, seed: int) -> _Skeleton:
    """Hour by hour: a slow and a fast wave in volatility, bursts, and regimes that drift for days."""
    draws = _draws(symbol, seed, _SKELETON, 0, _HOURS * 4)
    slow_draws, fast_draws, moves, basis_draws = _normals(draws).reshape(4, _HOURS).tolist()
    bursts = _pick(_draws(symbol, seed, _SKELETON, 1, _HOURS), _HOUR_BURSTS).tolist()
    regimes = _draws(symbol, seed, _SKELETON, 2, _HOURS // 24)
    drifts = _pick(regimes, _DRIFTS).tolist()
    days = (4 + (regimes >> np.uint64(32)) % np.uint64(22)).tolist()
    prices, changes, deviations, basis = [_START_PRICE], [], [], [0.0]
    slow = fast = 0.0
    regime, regime_ends = -1, 0
    for hour in range(_HOURS):
        if hour >= regime_ends:
            regime += 1
            regime_ends = hour + 24 * int(days[regime])
        slow = 0.9986 * slow + 0.0529 * slow_draws[hour]  # half gone in 20 days
        fast = 0.95 * fast + 0.3122 * fast_draws[hour]  # half gone in 14 hours
        weekend = 0.75 if (hour // 24 + 4) % 7 >= 5 else 1.05  # the span begins on a Friday
        busy = 1.25 if 12 <= hour % 24 <= 20 else 0.87
        # rounded, so that platforms whose exp() differs in the last bit agree
        deviation = round(_HOURLY_DEVIATION * 0.87 * weekend * busy * math.exp(0.32 * slow + 0.38 * fast), 9)
        change = deviation * bursts[hour] * moves[hour] + drifts[regime] / 24.0
        change = min(max(change, -0.12), 0.12)
        prices.append(prices[-1] * (1.0 + change))
        changes.append(change)
        deviations.append(deviation)
        basis.append(0.97 * basis[-1] + 0.00004 * basis_draws[hour])
    return _Skeleton(*(np.array(column) for column in (prices, changes, deviations, basis)))


@lru_cache(maxsize=4)
def _funding(symbol: str, seed: int) -> tuple[Times, Floats]:
    """Around 0.01 % in 8 hours, more after a rise, less or negative after a fall, capped at 0.3 %."""
    price = _skeleton(symbol, seed).price
    hours = np.arange(0, _HOURS, 8)
    rise = price[hours] / price[np.maximum(hours - 24, 0)] - 1.0
    noise = _normals(_draws(symbol, seed, _FUNDING, 0, len(hours)))
    premium = 0.005 * rise + 0.00004 * noise
    inside = np.abs(premium) < 0.00005  # Binance's formula holds the rate at 0.01 % around its middle
    funding_rates = np.clip(np.where(inside, 0.0001, 0.0001 + premium), -0.003, 0.003)
    return hours * HOUR_MS + SPAN_START_MS, np.rint(funding_rates * 1e8) / 1e8


def _draws(symbol: str, seed: int, stream: int, part: int, count: int) -> npt.NDArray[np.uint64]:
    """Raw 64-bit numbers; PCG64's raw stream never changes, unlike NumPy's distributions."""
    entropy = [seed, zlib.crc32(market_id(symbol).encode()), stream, part]
    return np.asarray(np.random.PCG64(entropy).random_raw(count), dtype=np.uint64)


def _normals(draws: npt.NDArray[np.uint64]) -> Floats:
    """Nearly normal numbers: each the sum of a draw's four 16-bit parts, centred, of deviation 1."""
    lanes = draws.view(np.uint16).reshape(-1, 4)
    total = lanes[:, 0].astype(np.int64) + lanes[:, 1] + lanes[:, 2] + lanes[:, 3]
    return (total - 131_070) / 37_837.23


def _pick(draws: npt.NDArray[np.uint64], table: tuple[tuple[int, float], ...]) -> Floats:
    """A factor for each draw: the first row of the table whose bound is above the draw's lowest 16 bits."""
    bounds = np.array([bound for bound, _ in table])
    factors = np.array([factor for _, factor in table])
    return factors[np.searchsorted(bounds, draws & np.uint64(0xFFFF), side="right")]


def _no_bars(timeframe_ms: int) -> Bars:
    return Bars(timeframe_ms, np.empty(0, np.int64), *(np.empty(0) for _ in range(5)))
