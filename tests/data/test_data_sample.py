"""The synthetic market: the same for ever, never mistaken for a real one, and shaped like BTC."""

import hashlib

import numpy as np
import pytest
from data_files import BTC

from runner.data.faults import find_faults
from runner.data.layout import series_key
from runner.data.market import load_market
from runner.data.resample import columns, resample
from runner.data.sample import SPAN_START_MS, SPAN_STOP_MS, sample_shelf
from runner.domain.facts import DataFacts
from runner.domain.series import Bars, Market
from runner.domain.time import DAY_MS, HOUR_MS, MINUTE_MS, parse_time
from runner.errors import DataMissing

M15 = 15 * MINUTE_MS


def load(
    timeframe_ms: int = M15, start: str = "2024-01-01", stop: str = "2024-03-01", **more: object
) -> tuple[Market, DataFacts]:
    return load_market(
        "sample", BTC, timeframe_ms, start_ms=parse_time(start), stop_ms=parse_time(stop), **more
    )  # type: ignore[arg-type]


def digest(bars: Bars, *, stop: int = 6) -> str:
    return hashlib.sha256(b"".join(column.tobytes() for column in columns(bars)[:stop])).hexdigest()[:16]


def test_the_default_market_is_the_same_on_every_machine_and_for_ever() -> None:
    market, _ = load()
    assert market.mark is not None
    # without volume: NumPy may add up a bar's parts in another order one day
    assert (digest(market.bars, stop=5), digest(market.mark, stop=5)) == (
        "b3fad65b57bcf485",
        "ea3d6231007f6681",
    )


def test_it_is_marked_synthetic_in_every_fact() -> None:
    _, facts = load()
    assert facts.synthetic
    assert facts.venue == "SYNTHETIC"
    assert facts.source == "SYNTHETIC sample market (seed 1), 15m bars"


def test_any_range_shows_the_same_bars() -> None:
    whole, _ = load(start="2024-01-01", stop="2024-06-01")
    part, _ = load(start="2024-02-11", stop="2024-03-02")
    first = int(np.searchsorted(whole.bars.open_time_ms, part.bars.open_time_ms[0]))
    assert digest(whole.bars.rows(first, first + len(part.bars))) == digest(part.bars)


def test_each_timeframe_is_the_minutes_resampled() -> None:
    minutes, _ = load(MINUTE_MS, stop="2024-01-11")
    hours, _ = load(HOUR_MS, stop="2024-01-11")
    assert digest(resample(minutes.bars, HOUR_MS)) == digest(hours.bars)


def test_seeds_and_symbols_are_markets_of_their_own() -> None:
    digests = {digest(load(seed=seed)[0].bars) for seed in (1, 2, 3)}
    eth, _ = load_market("sample", "ETH/USDT:USDT", M15, start_ms=parse_time("2024-01-01"))
    assert len(digests | {digest(eth.bars)}) == 4


@pytest.mark.parametrize("timeframe", [MINUTE_MS, M15, 6 * HOUR_MS, DAY_MS])
def test_nothing_is_missing_and_no_row_is_at_fault(timeframe: int) -> None:
    market, facts = load(timeframe, warmup_bars=20, higher=(DAY_MS,))
    assert (facts.gaps, facts.funding_missing, facts.mark_missing, facts.funding_mark_missing) == (
        (),
        0,
        0,
        0,
    )
    assert facts.moved_start is False
    times, *floats = columns(market.bars)
    assert find_faults(series_key(BTC, "last", timeframe), (times, tuple(floats))) == []
    assert (np.rint(market.bars.close * 10) / 10 == market.bars.close).all()
    assert market.bars.close.flags.writeable


def test_bars_open_where_the_one_before_closed_also_across_months() -> None:
    market, _ = load(stop="2024-06-01")
    assert np.abs(market.bars.open[1:] - market.bars.close[:-1]).max() <= 0.1 + 1e-9


def test_it_has_fat_tails_clusters_of_volatility_and_no_memory_of_direction() -> None:
    market, _ = load(HOUR_MS, start="2023-01-01", stop="2025-07-01")
    moves = np.diff(np.log(market.bars.close))
    spread = moves - moves.mean()
    kurtosis = np.mean(spread**4) / np.mean(spread**2) ** 2
    size_memory = [np.corrcoef(abs(moves[lag:]), abs(moves[:-lag]))[0, 1] for lag in (1, 24, 72)]
    assert 0.3 < moves.std() * np.sqrt(8760) < 0.8
    assert kurtosis > 6
    assert min(size_memory) > 0.05
    assert abs(np.corrcoef(moves[1:], moves[:-1])[0, 1]) < 0.03


def test_it_has_trends_both_ways() -> None:
    market, _ = load(DAY_MS, start="2023-01-01", stop="2025-07-01")
    month = market.bars.close[30::30] / market.bars.close[:-30:30]
    assert (month > 1.15).sum() >= 4
    assert (month < 0.9).sum() >= 4


def test_funding_is_mostly_a_basis_point_and_has_both_signs() -> None:
    market, _ = load(start="2023-01-01", stop="2025-07-01")
    assert market.funding is not None
    funding_rates = market.funding.funding_rate
    assert 0.00005 < funding_rates.mean() < 0.0003
    assert (funding_rates < 0).any()
    assert abs(funding_rates).max() <= 0.003
    assert (np.diff(market.funding.time_ms) == 8 * HOUR_MS).all()


def test_the_mark_stays_near_the_last_price() -> None:
    market, _ = load(HOUR_MS)
    assert market.mark is not None
    apart = np.abs(market.mark.close / market.bars.close - 1)
    assert 0 < np.median(apart) < 0.0005
    assert apart.max() < 0.01


def test_beyond_its_span_it_is_missing_and_says_how_far_it_goes() -> None:
    with pytest.raises(DataMissing, match="the SYNTHETIC sample market") as caught:
        load(stop="2026-01-01")
    assert caught.value.command.endswith("--data sample --from 2022-07-01 --to 2025-06-30")
    assert parse_time("2022-07-01") == SPAN_START_MS
    assert parse_time("2025-07-01") == SPAN_STOP_MS
    _, facts = load(start="2022-01-01", stop="2022-09-01", warmup_bars=10)
    assert facts.moved_start


def test_detail_of_one_minute_is_there() -> None:
    market, facts = load(stop="2024-01-05", detail_ms=MINUTE_MS)
    assert market.detail is not None
    assert len(market.detail) == 4 * 1440
    assert facts.detail_missing == 0


def test_an_empty_range_gives_no_bars() -> None:
    shelf = sample_shelf(BTC)
    assert len(shelf.bars("last", HOUR_MS, SPAN_STOP_MS, SPAN_STOP_MS + DAY_MS)) == 0
    assert len(shelf.bars("last", HOUR_MS, SPAN_START_MS - DAY_MS, SPAN_START_MS)) == 0
