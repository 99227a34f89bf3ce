"""Longer bars from shorter ones."""

import numpy as np
import pytest
from data_files import REAL, START, candles, needs_real

from runner.data.resample import columns, resample
from runner.domain.series import Bars
from runner.domain.time import HOUR_MS, MINUTE_MS, parse_time

M15 = 15 * MINUTE_MS


def bars_of(count: int, *, start: int = START, step: int = M15, missing: tuple[int, ...] = ()) -> Bars:
    times, floats = candles(count, start=start, step=step, missing=missing)
    return Bars(step, times, *floats)


def opens(bars: Bars, start: int = START) -> list[int]:
    """Open times in hours after the start."""
    return [int(time - start) // HOUR_MS for time in bars.open_time_ms]


def test_a_longer_bar_has_the_first_open_the_extremes_the_last_close_and_all_the_volume() -> None:
    table = """
        100 105  99 101 1
        101 102  90  95 2
         95 110  95 108 3
        108 109 100 104 4
    """
    prices = np.array([[float(cell) for cell in line.split()] for line in table.strip().splitlines()]).T
    hour = resample(Bars(M15, START + np.arange(4) * M15, *prices), HOUR_MS)
    assert [float(column[0]) for column in columns(hour)] == [START, 100, 110, 90, 104, 10]
    assert len(hour) == 1


def test_the_same_timeframe_is_the_same_object() -> None:
    bars = bars_of(4)
    assert resample(bars, M15) is bars


def test_a_first_bar_without_its_beginning_and_a_last_one_without_its_end_are_left_out() -> None:
    assert opens(resample(bars_of(16), HOUR_MS)) == [0, 1, 2, 3]
    assert opens(resample(bars_of(15), HOUR_MS)) == [0, 1, 2]
    assert opens(resample(bars_of(16, missing=(0,)), HOUR_MS)) == [1, 2, 3]
    assert opens(resample(bars_of(3), HOUR_MS)) == []
    assert opens(resample(bars_of(7, missing=(0,)), HOUR_MS)) == []


def test_a_gap_inside_shortens_a_bar_and_only_a_whole_missing_bar_is_missing() -> None:
    longer = resample(bars_of(24, missing=(4, 5, 9, 15, 16, 17, 18, 19)), HOUR_MS)
    assert opens(longer) == [0, 1, 2, 3, 5]
    shorter = bars_of(24)
    assert longer.open[1] == shorter.open[6]
    assert longer.close[3] == shorter.close[14]


def test_an_empty_series_stays_empty() -> None:
    assert len(resample(bars_of(4).rows(0, 0), HOUR_MS)) == 0


@pytest.mark.parametrize("length", [MINUTE_MS, 20 * MINUTE_MS])
def test_what_does_not_divide_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="cannot become"):
        resample(bars_of(4), length)


def test_the_grid_starts_at_the_epoch_in_utc() -> None:
    day = resample(bars_of(3 * 96, start=START + 5 * HOUR_MS), 24 * HOUR_MS)
    assert (day.open_time_ms % (24 * HOUR_MS) == 0).all()


def test_two_steps_give_the_prices_of_one() -> None:
    bars = bars_of(2000, missing=(5, 6, 7, 8, 9, 500, 501))
    once, twice = resample(bars, 4 * HOUR_MS), resample(resample(bars, HOUR_MS), 4 * HOUR_MS)
    for one, two in zip(columns(once)[:5], columns(twice)[:5], strict=True):
        assert one.tobytes() == two.tobytes()
    np.testing.assert_allclose(once.volume, twice.volume, rtol=1e-12)


def test_later_bars_never_change_an_earlier_longer_bar() -> None:
    bars = bars_of(200, missing=(50, 51, 63, 100))
    whole = resample(bars, HOUR_MS)
    for stop in range(1, len(bars)):
        part = resample(bars.rows(0, stop), HOUR_MS)
        closed = part.open_time_ms + HOUR_MS <= int(bars.open_time_ms[stop - 1]) + M15
        assert closed.all()
        assert np.isin(part.open_time_ms, whole.open_time_ms).all()
        assert part.close.tobytes() == whole.close[: len(part)].tobytes()


# Hours in which the venue's own intervals disagree, after its outages (UTC).
ODD_1H = [
    "2023-11-14 11:00", "2024-03-27 12:00", "2024-03-28 10:00", "2024-03-28 11:00", "2024-03-28 12:00",
    "2024-10-28 20:00", "2024-10-28 21:00", "2025-01-14 13:00", "2025-01-14 15:00", "2025-01-29 01:00",
    "2025-01-29 02:00", "2023-11-10 15:00", "2023-08-16 15:00",
]  # fmt: skip
ODD_4H = ["2022-07-16 04:00", "2023-11-10 12:00", "2024-10-28 20:00"]


@needs_real
@pytest.mark.parametrize(
    ("short", "native", "length", "odd"),
    [
        ("BTCUSDT-perp-15m-2023_2025H1", "BTCUSDT-perp-1h-2019_2025H1", HOUR_MS, ODD_1H),
        ("BTCUSDT-perp-5m-2023", "BTCUSDT-perp-1h-2019_2025H1", HOUR_MS, ODD_1H),
        ("BTCUSDT-perp-1m-20250504_20250624", "BTCUSDT-perp-1h-2019_2025H1", HOUR_MS, ODD_1H),
        ("ETHUSDT-perp-15m-2022_2025H1", "ETHUSDT-perp-1h-2019_2025H1", HOUR_MS, ODD_1H),
        ("BTCUSDT-perp-1h-2019_2025H1", "BTCUSDT-perp-4h-2020_2025H1", 4 * HOUR_MS, ODD_4H),
    ],
)
def test_resampled_real_bars_equal_the_exchanges_own(
    short: str, native: str, length: int, odd: list[str]
) -> None:
    made, own = resample(real(short), length), real(native)
    common, here, there = np.intersect1d(made.open_time_ms, own.open_time_ms, return_indices=True)
    kept = ~np.isin(common, [parse_time(text) for text in odd])
    assert kept.sum() > 1000
    for one, other in zip(columns(made)[1:5], columns(own)[1:5], strict=True):
        assert (one[here][kept] == other[there][kept]).all()
    np.testing.assert_allclose(made.volume[here][kept], own.volume[there][kept], rtol=1e-9)


def real(name: str) -> Bars:
    import pyarrow.parquet as pq

    table = pq.read_table(REAL / f"{name}.parquet")
    times, *floats = (table.column(column).to_numpy() for column in table.column_names)
    return Bars(int(np.median(np.diff(times))), times, *floats)
