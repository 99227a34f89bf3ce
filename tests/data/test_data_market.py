"""What a run is given: bars, warm-up, longer bars, mark, funding, detail, and the facts about them."""

from pathlib import Path

import numpy as np
import pytest
from data_files import BTC, REAL, START, candles, needs_real, put, settlements

from runner.data.importing import Said, import_file
from runner.data.market import load_market
from runner.data.rules import StoredRules, rules_bytes
from runner.data.store import read_bars, read_mark
from runner.domain.facts import PERPETUAL, SPOT, DataFacts, Gap
from runner.domain.instrument import Bracket
from runner.domain.series import Market
from runner.domain.time import DAY_MS, HOUR_MS, MINUTE_MS, parse_time
from runner.errors import DataMissing, UsageError

M15 = 15 * MINUTE_MS
DAY_2, DAY_3, DAY_5 = START + DAY_MS, START + 2 * DAY_MS, START + 4 * DAY_MS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten days of 15m, from START on."""
    folder = tmp_path / "candles"
    put(folder, candles(960))
    return folder


def load(root: Path, timeframe_ms: int = M15, **wanted: object) -> tuple[Market, DataFacts]:
    return load_market("store", BTC, timeframe_ms, root=root, **wanted)  # type: ignore[arg-type]


def test_without_a_range_all_that_is_stored_counts(root: Path) -> None:
    market, facts = load(root)
    assert (market.first, len(market.bars), facts.bars) == (0, 960, 960)
    assert (facts.from_ms, facts.to_ms) == (START, START + 10 * DAY_MS)
    assert (facts.gaps, facts.moved_start, facts.synthetic) == ((), False, False)
    assert facts.source == "candle store, 15m bars"
    assert facts.venue == PERPETUAL
    assert facts.instrument_source == "shipped defaults (BTCUSDT as recorded in October 2024)"


def test_warm_up_lies_before_the_start_and_does_not_count(root: Path) -> None:
    market, facts = load(root, start_ms=DAY_2, stop_ms=DAY_3, warmup_bars=50)
    assert market.first == 50
    assert market.bars.open_time_ms[market.first] == facts.from_ms == DAY_2
    assert facts.to_ms == DAY_3
    assert (facts.bars, facts.warmup_bars, facts.moved_start) == (96, 50, False)


def test_the_start_moves_when_history_is_too_short_and_the_facts_say_so(root: Path) -> None:
    market, facts = load(root, start_ms=START + HOUR_MS, stop_ms=DAY_3, warmup_bars=50)
    assert market.first == 50
    assert facts.from_ms == START + 50 * M15
    assert facts.moved_start
    assert facts.notes == (
        "start moved from 2024-01-30 01:00 to 2024-01-30 12:30 UTC: the candle store has too little before "
        "it for 50 bars of warm-up",
    )


def test_a_start_before_the_first_bar_moves_to_where_the_warm_up_is_complete(root: Path) -> None:
    _, facts = load(root, start_ms=START - DAY_MS, stop_ms=DAY_3, warmup_bars=4)
    assert facts.from_ms == START + HOUR_MS
    assert facts.moved_start


def test_rows_before_the_first_whole_longer_bar_do_not_warm_up(tmp_path: Path) -> None:
    put(tmp_path, candles(960, start=START + 3 * M15))
    market, facts = load(tmp_path, higher=(4 * HOUR_MS,), warmup_bars=16)
    assert market.higher[4 * HOUR_MS].open_time_ms[0] == START + 4 * HOUR_MS
    assert facts.from_ms == START + 8 * HOUR_MS


def test_longer_bars_are_whole_at_the_start_of_the_warm_up(root: Path) -> None:
    market, _ = load(root, higher=(HOUR_MS, 4 * HOUR_MS), start_ms=DAY_2 + M15, stop_ms=DAY_3, warmup_bars=7)
    warm_from = market.bars.open_time_ms[market.first - 7]
    for length, bars in market.higher.items():
        assert bars.timeframe_ms == length
        assert bars.open_time_ms[0] + length <= warm_from + length
        assert bars.open_time_ms[-1] + length <= DAY_3


def test_gaps_in_the_warm_up_are_made_good_by_reaching_further_back(tmp_path: Path) -> None:
    put(tmp_path, candles(960, missing=tuple(range(60, 96))))
    market, facts = load(tmp_path, start_ms=DAY_2, stop_ms=DAY_3, warmup_bars=50)
    assert market.first >= 50
    assert facts.from_ms == DAY_2
    assert facts.notes == ("36 bars are missing inside the warm-up",)


def test_gaps_are_counted_between_start_and_stop_with_both_ends(tmp_path: Path) -> None:
    put(tmp_path, candles(960, missing=(96, 97, 120, 190, 191, 500)))
    _, facts = load(tmp_path, start_ms=DAY_2, stop_ms=DAY_3)
    assert facts.gaps == (Gap(DAY_2, 2), Gap(START + 120 * M15, 1), Gap(START + 190 * M15, 2))
    assert facts.gap_bars == 5
    assert facts.bars == 91


def test_an_end_that_is_not_stored_is_missing_with_what_to_do(root: Path) -> None:
    with pytest.raises(DataMissing) as caught:
        load(root, start_ms=DAY_2, stop_ms=START + 11 * DAY_MS)
    assert str(caught.value) == (
        f"the candle store at {root} has BTCUSDT 15m bars of 2024-01-30 00:00 to 2024-02-09 00:00 UTC; "
        f"asked for 2024-01-31 00:00 to 2024-02-10 00:00; or end the run with to: 2024-02-08\n"
        f"  runner data pull BTC/USDT:USDT --timeframe 15m --from 2024-01-31"
    )


@pytest.mark.parametrize(
    ("start", "stop"),
    [(START + 20 * DAY_MS, START + 21 * DAY_MS), (START - 9 * DAY_MS, START), (START + 20 * DAY_MS, None)],
)
def test_a_range_without_a_bar_is_missing(root: Path, start: int, stop: int | None) -> None:
    with pytest.raises(DataMissing, match="has BTCUSDT 15m bars of 2024-01-30 00:00 to"):
        load(root, start_ms=start, stop_ms=stop)


def test_more_warm_up_than_bars_is_missing(root: Path) -> None:
    with pytest.raises(DataMissing, match="it needs 960 to warm up and at least one after that"):
        load(root, warmup_bars=960)


def test_a_range_shorter_than_a_bar_is_a_usage_error(root: Path) -> None:
    with pytest.raises(UsageError, match="no 15m bar lies between"):
        load(root, start_ms=DAY_3, stop_ms=DAY_2)


@pytest.mark.parametrize(
    ("symbol", "timeframe", "told"), [("ETH/USDT:USDT", M15, ""), (BTC, MINUTE_MS, "(it has 15m)")]
)
def test_an_empty_shelf_is_missing(root: Path, symbol: str, timeframe: int, told: str) -> None:
    with pytest.raises(DataMissing) as caught:
        load_market("store", symbol, timeframe, root=root)
    assert "nor shorter ones to make them from" in str(caught.value)
    assert told in str(caught.value)


def test_a_timeframe_that_is_not_stored_is_made_from_the_one_that_covers_most(root: Path) -> None:
    put(root, candles(300, step=5 * MINUTE_MS, seed=2), step=5 * MINUTE_MS)
    market, facts = load(root, HOUR_MS)
    assert facts.source == "candle store, 15m bars resampled to 1h"
    assert len(market.bars) == 240
    _, facts = load(root, HOUR_MS, start_ms=START, stop_ms=DAY_2)
    assert facts.source == "candle store, 5m bars resampled to 1h"
    _, facts = load(root, M15, start_ms=START, stop_ms=DAY_2)
    assert facts.source == "candle store, 15m bars"


def test_bars_with_a_long_hole_do_not_serve_before_those_without(root: Path) -> None:
    put(root, candles(2880, step=5 * MINUTE_MS, missing=tuple(range(500, 1500))), step=5 * MINUTE_MS)
    assert load(root, 30 * MINUTE_MS)[1].source == "candle store, 15m bars resampled to 30m"


def test_spot_serves_only_when_nothing_else_does_and_is_named(root: Path) -> None:
    put(root, candles(96 * 15 * 5, step=MINUTE_MS), step=MINUTE_MS, venue=SPOT)
    assert load(root, M15, stop_ms=DAY_5)[1].venue == PERPETUAL
    assert load(root, 5 * MINUTE_MS, stop_ms=DAY_5)[1].venue == SPOT
    _, facts = load(root, M15, stop_ms=DAY_5, detail_ms=MINUTE_MS)
    assert facts.notes == (f"detail bars are {SPOT}",)


def test_perpetual_bars_go_before_spot_that_covers_more(root: Path) -> None:
    put(root, candles(288 * 12, step=5 * MINUTE_MS), step=5 * MINUTE_MS, venue=SPOT)
    _, facts = load(root, M15)
    assert (facts.venue, facts.bars) == (PERPETUAL, 960)


def test_longer_bars_always_agree_with_the_bars_of_the_bot(root: Path) -> None:
    put(root, candles(40, step=4 * HOUR_MS, seed=9), step=4 * HOUR_MS)
    market, _ = load(root, higher=(4 * HOUR_MS,))
    assert market.higher[4 * HOUR_MS].close.tolist() == market.bars.close[15::16].tolist()


def test_mark_bars_stand_on_the_rows_of_the_bars(root: Path) -> None:
    put(root, candles(960, seed=5, missing=(100, 101, 700)), kind="mark")
    market, facts = load(root, start_ms=DAY_2, warmup_bars=10)
    assert market.mark is not None
    assert market.mark.open_time_ms.tolist() == market.bars.open_time_ms.tolist()
    holes = np.flatnonzero(np.isnan(market.mark.close)) - market.first
    assert holes.tolist() == [4, 5, 604]
    assert facts.mark_missing == 3


def test_finer_mark_bars_are_resampled(root: Path) -> None:
    put(root, candles(2880, step=5 * MINUTE_MS, seed=5), step=5 * MINUTE_MS, kind="mark")
    market, facts = load(root, HOUR_MS)
    assert market.mark is not None
    assert (facts.mark_missing, facts.notes) == (0, ())


def test_without_others_longer_mark_bars_bound_the_last_price(root: Path) -> None:
    hours = candles(240, step=HOUR_MS, seed=5, missing=(30,))
    put(root, hours, step=HOUR_MS, kind="mark")
    market, facts = load(root, start_ms=DAY_2, warmup_bars=10)
    assert market.mark is not None
    place = dict(zip(hours[0].tolist(), range(239), strict=True))
    clipped = 0
    for row, opened in enumerate(market.bars.open_time_ms.tolist()):
        hour = place.get(opened - opened % HOUR_MS)
        for name in ("open", "high", "low", "close"):
            mark, last = getattr(market.mark, name)[row], getattr(market.bars, name)[row]
            if hour is None:
                assert np.isnan(mark)
                continue
            low, high = hours[1][2][hour], hours[1][1][hour]
            assert mark == min(max(last, low), high)
            clipped += mark != last
    assert clipped > 100
    assert facts.mark_missing == 4
    assert facts.notes == ("on 860 bars mark prices are last prices kept inside the stored 1h mark bars",)


def test_when_all_mark_prices_are_bounds_the_note_says_so_of_all(root: Path) -> None:
    put(root, candles(60, step=4 * HOUR_MS), step=4 * HOUR_MS, kind="mark")
    _, facts = load(root)
    assert facts.mark_missing == 0
    assert facts.notes == ("mark prices are last prices kept inside the stored 4h mark bars",)


def test_longer_mark_bars_fill_the_holes_of_fitting_ones_the_shorter_first(root: Path) -> None:
    put(root, candles(960, seed=5, missing=tuple(range(800, 808))), kind="mark")
    put(root, candles(240, step=HOUR_MS, seed=6, missing=(201,)), step=HOUR_MS, kind="mark")
    put(root, candles(60, step=4 * HOUR_MS, seed=7), step=4 * HOUR_MS, kind="mark")
    market, facts = load(root)
    fitting = read_mark(root, BTC, M15)
    assert market.mark is not None
    assert market.mark.close[:800].tolist() == fitting.close[:800].tolist()
    assert facts.mark_missing == 0
    assert facts.notes == tuple(
        f"on 4 bars mark prices are last prices kept inside the stored {name} mark bars"
        for name in ("1h", "4h")
    )


def test_mark_bars_that_do_not_cover_whole_bars_are_of_no_use(root: Path) -> None:
    put(root, candles(30, step=8 * HOUR_MS), step=8 * HOUR_MS, kind="mark")
    market, facts = load(root, 6 * HOUR_MS)
    assert market.mark is None
    assert (facts.mark_missing, facts.notes) == (40, ())


def test_each_settlement_has_the_open_of_the_mark_bar_that_begins_with_it(root: Path) -> None:
    marks = candles(240, step=HOUR_MS, seed=5, missing=(16,))
    put(root, marks, step=HOUR_MS, kind="mark")
    put(root, settlements(30), kind="funding", step=0)
    market, facts = load(root)
    assert market.funding is not None
    assert market.funding.mark_price[0] == marks[1][0][0]
    assert market.funding.mark_price[1] == marks[1][0][8]
    assert np.isnan(market.funding.mark_price[2])
    assert (facts.funding_missing, facts.funding_mark_missing) == (0, 1)
    assert load(root, start_ms=DAY_2, warmup_bars=96)[1].funding_mark_missing == 0
    assert market.funding.funding_rate[:3].tolist() == [0.0001, 0.0002, 0.0003]


def test_missing_settlements_are_counted_where_bars_count(root: Path) -> None:
    put(root, settlements(30, missing=(0, 4, 5, 29)), kind="funding", step=0)
    assert load(root)[1].funding_missing == 4
    market, facts = load(root, start_ms=DAY_2, stop_ms=DAY_3, warmup_bars=96)
    assert facts.funding_missing == 2
    assert market.funding is not None
    assert ((market.funding.time_ms - START) // HOUR_MS).tolist() == [8, 16, 24]


def test_without_stored_funding_every_settlement_is_missing_unless_none_is_wanted(root: Path) -> None:
    market, facts = load(root)
    assert (market.funding, facts.funding_missing) == (None, 30)
    market, facts = load(root, funding=False)
    assert (market.funding, facts.funding_missing) == (None, 0)


def test_detail_is_given_only_where_it_is_whole(root: Path) -> None:
    put(root, candles(960 * 3, step=5 * MINUTE_MS, missing=(300, 600, 601, 602)), step=5 * MINUTE_MS)
    market, facts = load(root, start_ms=DAY_2, detail_ms=5 * MINUTE_MS)
    assert market.detail is not None
    assert market.detail.open_time_ms[0] == DAY_2
    assert len(market.detail) == (864 - 2) * 3
    stored = read_bars(root, BTC, 5 * MINUTE_MS)
    rows = np.searchsorted(stored.open_time_ms, market.detail.open_time_ms)
    assert market.detail.close.tolist() == stored.close[rows].tolist()
    assert (facts.detail_timeframe, facts.detail_missing) == ("5m", 2)
    assert facts.notes == ("2 bars have no whole detail; their path is walked by the bar itself",)


def test_detail_that_is_not_stored_is_missing_and_nonsense_is_refused(root: Path) -> None:
    with pytest.raises(DataMissing, match="no BTCUSDT bars of 1m for detail"):
        load(root, detail_ms=MINUTE_MS)
    with pytest.raises(UsageError, match="does not divide"):
        load(root, detail_ms=HOUR_MS)


def test_an_unknown_source_is_a_usage_error(root: Path) -> None:
    with pytest.raises(UsageError, match="the two are store and sample"):
        load_market("web", BTC, M15, root=root)


@pytest.mark.parametrize("step", [M15, 5 * MINUTE_MS, HOUR_MS])
def test_mark_bars_of_another_time_are_none(root: Path, step: int) -> None:
    put(root, candles(10, start=START - DAY_MS, step=step), step=step, kind="mark")
    market, facts = load(root)
    assert market.mark is None
    assert (facts.mark_missing, facts.notes) == (960, ())


def test_the_facts_name_the_rules_of_the_same_store(root: Path) -> None:
    brackets = (Bracket(5000.0, 0.01, 0.0, 50.0),)
    path = StoredRules("BTCUSDT").path(root)
    path.write_bytes(rules_bytes(StoredRules("BTCUSDT", brackets=brackets)))
    assert load(root)[1].instrument_source.startswith("brackets as imported, undated; all else: shipped")


@needs_real
def test_real_candles_with_mark_and_funding_load_complete(tmp_path: Path) -> None:
    for name in ("perp-1h", "mark-1h", "funding"):
        import_file(tmp_path, REAL / f"BTCUSDT-{name}-2019_2025H1.parquet", Said())
    market, facts = load_market(
        "store",
        BTC,
        HOUR_MS,
        higher=(4 * HOUR_MS,),
        start_ms=parse_time("2024-01-01"),
        stop_ms=parse_time("2025-01-01"),
        warmup_bars=500,
        root=tmp_path,
    )
    assert (facts.bars, facts.gaps, facts.funding_missing, facts.mark_missing) == (8784, (), 0, 0)
    assert facts.funding_mark_missing == 0
    assert market.funding is not None
    assert market.mark is not None
    assert np.abs(market.mark.close / market.bars.close - 1).max() < 0.02
