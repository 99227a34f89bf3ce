"""The numbers: tables worked by hand, `ta` where `ta` is right, and two-pass windows for the deviations.

A dot stands for NaN. Where `ta` is not right (zeros in the warm-up, volume of unchanged closes in OBV, RSI of
a market that never moved) the test says so.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import ta
from indicator_bars import Settings, Table, real, rows_of, run, walk

from indicators import REGISTRY
from indicators.windows import (
    window_highest,
    window_lowest,
    window_mean,
    window_mean_and_deviation,
    window_total,
)

BARS = walk(3_000, seed=11)


def numbers(text: str) -> np.ndarray:
    return np.array([np.nan if word == "." else float(eval_ratio(word)) for word in text.split()])


def eval_ratio(word: str) -> float:
    above, _, below = word.partition("/")
    return float(above) / float(below or 1.0)


ONE_COLUMN = [
    ("sma", {"length": 3}, "1 2 3 4 9", {"sma": ". . 2 3 16/3"}),
    ("sma", {"length": 1}, "1 2 3", {"sma": "1 2 3"}),
    # alpha = 2/4: 2, 2 + (4-2)/2 = 3, 3 + (8-3)/2 = 5.5, 5.5 + (16-5.5)/2 = 10.75
    ("ema", {"length": 3}, "2 4 8 16", {"ema": ". . 5.5 10.75"}),
    # rises 0 1 0 2 → up 0 1/2 1/4 9/8; falls 0 0 1 0 → down 0 0 1/2 1/4; up ÷ (up + down) = 1, 1/3, 9/11
    ("rsi", {"length": 2}, "10 11 10 12", {"rsi": ". 100 100/3 900/11"}),
    ("rsi", {"length": 2}, "5 5 5 4 4", {"rsi": ". . . 0 0"}),  # 0 ÷ 0 until something moves; `ta` says 100
    (
        "roc",
        {"length": 2},
        "10 11 12 5.5 0 7 3",
        {"roc": ". . 0.2 -0.5 -1 3/11 ."},
    ),  # the last divides by zero
    # fast is the price itself, slow has alpha 1/2: 0 2 5 2.5 1.25 0.625; macd from row 2: 3 -2.5 -1.25
    # -0.625; signal has alpha 1/2 and begins there: 3 0.25 -0.5 -0.5625
    (
        "macd",
        {"fast": 1, "slow": 3, "signal": 3},
        "0 4 8 0 0 0",
        {
            "macd": ". . . . -1.25 -0.625",
            "signal": ". . . . -0.5 -0.5625",
            "histogram": ". . . . -0.75 -0.0625",
        },
    ),
    # 2 6: mean 4, deviation 2; 6 6: deviation 0, no position; 6 0: mean 3, deviation 3
    (
        "bollinger",
        {"length": 2, "deviations": 1.5},
        "2 6 6 0",
        {
            "upper": ". 7 6 7.5",
            "middle": ". 4 6 3",
            "lower": ". 1 6 -1.5",
            "width": ". 1.5 0 3",
            "position": ". 5/6 . 1/6",
        },
    ),
]


@pytest.mark.parametrize(("kind", "settings", "column", "expected"), ONE_COLUMN)
def test_one_column_as_worked_by_hand(
    kind: str, settings: Settings, column: str, expected: dict[str, str]
) -> None:
    check_table(kind, settings, {"close": numbers(column)}, expected)


def test_true_range_counts_the_gap_from_the_close_before() -> None:
    # ranges: 2, max(12,9)-min(11,9) = 3, max(12,12)-min(8,12) = 4, 1; length 2: mean(2,3) = 2.5, then halves
    bars = {"high": numbers("10 12 12 9"), "low": numbers("8 11 8 8"), "close": numbers("9 12 9 8")}
    check_table("atr", {"length": 2}, bars, {"atr": ". 2.5 3.25 2.125"})


def test_adx_as_worked_by_hand() -> None:
    # true range . 3 4 3 5; rises . 2 0 1 4; falls . 0 3 0 0
    # row 2: range 7/2, rises 1, falls 3/2: di 200/7 and 300/7, dx 20
    # row 3: range 13/4, rises 1, falls 3/4: di 400/13 and 300/13, dx 100/7; adx = (20 + 100/7) / 2 = 120/7
    # row 4: range 33/8, rises 5/2, falls 3/8: di 2000/33 and 300/33, dx 1700/23;
    #        adx = (120/7 + 1700/23) / 2 = 14660/322
    bars = {
        "high": numbers("10 12 12 13 17"),
        "low": numbers("8 11 8 10 12"),
        "close": numbers("9 12 10 12 16"),
    }
    expected = {
        "adx": ". . . 120/7 14660/322",
        "plus_di": ". . . 400/13 2000/33",
        "minus_di": ". . . 300/13 300/33",
    }
    check_table("adx", {"length": 2}, bars, expected)


def test_donchian_includes_the_present_bar() -> None:
    bars = {"high": numbers("3 5 4 9"), "low": numbers("1 2 0 4")}
    expected = {"upper": ". 5 5 9", "middle": ". 3 2.5 4.5", "lower": ". 1 0 0"}
    check_table("donchian", {"length": 2}, bars, expected)


def test_stochastic_as_worked_by_hand() -> None:
    # k: . (4-1)/(5-1) = 75, (1-0)/(5-0) = 20, (6-0)/(8-0) = 75
    bars = {"high": numbers("3 5 4 8"), "low": numbers("1 2 0 4"), "close": numbers("2 4 1 6")}
    check_table("stochastic", {"length": 2, "smooth": 2}, bars, {"k": ". . 20 75", "d": ". . 47.5 47.5"})


def test_obv_leaves_the_volume_of_an_unchanged_close_out() -> None:
    bars = {"close": numbers("1 2 2 1 3"), "volume": numbers("9 10 20 30 40")}
    check_table("obv", {"length": 2}, bars, {"obv": ". . 10 -30 10"})


def test_supertrend_as_worked_by_hand() -> None:
    # length 1: the atr is the true range, multiplier 1.
    #   bar      0    1    2    3    4    5
    #   middle  10   11   14   15   13    8
    #   range    2    2    4    2    4    7    bar 5: down from the close before, 12
    #   upper   12   13   18   17   17   15
    #   lower    8    9   10   13    9    1
    # ceiling   12   12   12   17   17   15    kept at 12 until the close before is above it (bar 3)
    #   floor    8    9   10   13   13    1    kept at 13 in bar 4; in bar 5 the close before is below
    #   close   10   12   15   15   12    7    bar 2 above 12: up; bar 4 below 13: down
    bars = {
        "high": numbers("11 12 16 16 15 11"),
        "low": numbers("9 10 12 14 11 5"),
        "close": numbers("10 12 15 15 12 7"),
    }
    expected = {"supertrend": "12 12 10 13 17 15", "direction": "-1 -1 1 1 -1 -1"}
    check_table("supertrend", {"length": 1, "multiplier": 1}, bars, expected)


def test_supertrend_begins_at_the_first_atr() -> None:
    # length 2: ranges 2 2 → atr 2 at row 1; middle 11, multiplier 3: bands 17 and 5
    bars = {"high": numbers("11 12"), "low": numbers("9 10"), "close": numbers("10 12")}
    check_table(
        "supertrend", {"length": 2, "multiplier": 3}, bars, {"supertrend": ". 17", "direction": ". -1"}
    )


def check_table(kind: str, settings: Settings, bars: Table, expected: dict[str, str]) -> None:
    assert list(expected) == [output.name for output in REGISTRY[kind].outputs]
    for (name, text), column in zip(expected.items(), run(kind, settings, bars), strict=True):
        np.testing.assert_allclose(column, numbers(text), rtol=1e-14, atol=1e-14, err_msg=name)


def by_ta(bars: Table) -> dict[str, Callable[[], tuple[Settings, list[pd.Series]]]]:
    """For each kind: the settings, and what `ta` makes of them in the order and the units of our outputs."""
    high, low, close, volume = (pd.Series(bars[name]) for name in ("high", "low", "close", "volume"))

    def adx() -> list[pd.Series]:
        theirs = ta.trend.ADXIndicator(high, low, close, 14)
        return [theirs.adx(), theirs.adx_pos(), theirs.adx_neg()]

    def macd() -> list[pd.Series]:
        theirs = ta.trend.MACD(close, window_slow=26, window_fast=12, window_sign=9)
        return [theirs.macd(), theirs.macd_signal(), theirs.macd_diff()]

    def bollinger() -> list[pd.Series]:
        theirs = ta.volatility.BollingerBands(close, 20, 2)
        lines = [theirs.bollinger_hband(), theirs.bollinger_mavg(), theirs.bollinger_lband()]
        return [*lines, theirs.bollinger_wband() / 100, theirs.bollinger_pband()]

    def donchian() -> list[pd.Series]:
        theirs = ta.volatility.DonchianChannel(high, low, close, 20)
        return [
            theirs.donchian_channel_hband(),
            theirs.donchian_channel_mband(),
            theirs.donchian_channel_lband(),
        ]

    def stochastic() -> list[pd.Series]:
        theirs = ta.momentum.StochasticOscillator(high, low, close, 14, 3)
        return [theirs.stoch(), theirs.stoch_signal()]

    def obv() -> list[pd.Series]:
        line = ta.volume.OnBalanceVolumeIndicator(close, volume).on_balance_volume()
        return [line - line.shift(20)]

    return {
        "sma": lambda: ({"length": 50}, [ta.trend.SMAIndicator(close, 50).sma_indicator()]),
        "ema": lambda: ({"length": 50}, [ta.trend.EMAIndicator(close, 50).ema_indicator()]),
        "rsi": lambda: ({"length": 14}, [ta.momentum.RSIIndicator(close, 14).rsi()]),
        "atr": lambda: (
            {"length": 14},
            [ta.volatility.AverageTrueRange(high, low, close, 14).average_true_range()],
        ),
        "adx": lambda: ({"length": 14}, adx()),
        "macd": lambda: ({"fast": 12, "slow": 26, "signal": 9}, macd()),
        "bollinger": lambda: ({"length": 20, "deviations": 2}, bollinger()),
        "donchian": lambda: ({"length": 20}, donchian()),
        "stochastic": lambda: ({"length": 14, "smooth": 3}, stochastic()),
        "roc": lambda: ({"length": 12}, [ta.momentum.ROCIndicator(close, 12).roc() / 100]),
        "obv": lambda: ({"length": 20}, obv()),
    }


def test_every_kind_but_supertrend_is_compared_with_ta() -> None:
    assert set(by_ta(BARS)) == set(REGISTRY) - {"supertrend"}  # `ta` has no supertrend


@pytest.mark.parametrize("kind", sorted(set(REGISTRY) - {"supertrend"}))
def test_the_numbers_are_those_of_ta_from_the_first_known_row(kind: str) -> None:
    settings, theirs = by_ta(BARS)[kind]()
    first = REGISTRY[kind].warmup_bars(settings)
    assert np.unique(np.diff(BARS["close"])).all(), "an unchanged close: `ta` counts its volume as bought"
    for output, ours, other in zip(REGISTRY[kind].outputs, run(kind, settings, BARS), theirs, strict=True):
        scale = np.abs(ours[first:]).max()
        np.testing.assert_allclose(
            ours[first:], other.to_numpy()[first:], rtol=1e-9, atol=1e-10 * scale, err_msg=output.name
        )


@pytest.mark.parametrize("kind", ["atr", "adx"])
def test_where_ta_has_zeros_in_the_warm_up_there_is_nan(kind: str) -> None:
    settings, theirs = by_ta(BARS)[kind]()
    assert theirs[0].iloc[0] == 0.0
    assert np.isnan(run(kind, settings, BARS)[0][0])


@pytest.mark.parametrize("length", [2, 3, 7, 20, 64, 255, 1000])
def test_mean_and_deviation_equal_a_two_pass_window(length: int) -> None:
    check_two_pass(BARS["close"], length)
    check_two_pass(BARS["close"] + 1e6, length)  # a small movement on a high level


@pytest.mark.parametrize(
    "name", ["BTCUSDT-spot-1m-2023", "DOGEUSDT-perp-15m-2022_2024", "BTCUSDT-perp-4h-2020_2025H1"]
)
def test_mean_and_deviation_equal_a_two_pass_window_on_real_bars(name: str) -> None:
    for length in (2, 20, 300):
        check_two_pass(real(name, 0, 13_000)["close"], length)


def test_deviation_does_not_drift_over_a_year_of_minutes() -> None:
    column = np.resize(BARS["close"], 525_600)
    mean, deviation = window_mean_and_deviation(column, 20)
    start = 525_600 - 3_000
    again = window_mean_and_deviation(column[start:], 20)
    assert mean[start + 19 :].tobytes() == again[0][19:].tobytes()
    assert deviation[start + 19 :].tobytes() == again[1][19:].tobytes()


def check_two_pass(column: np.ndarray, length: int) -> None:
    windows = np.lib.stride_tricks.sliding_window_view(column, length).astype(np.longdouble)
    means = windows.mean(axis=1)
    deviations = np.sqrt(((windows - means[:, None]) ** 2).mean(axis=1)).astype(np.float64)
    ours_mean, ours = window_mean_and_deviation(column, length)
    np.testing.assert_allclose(ours_mean[length - 1 :], means.astype(np.float64), rtol=1e-14)
    np.testing.assert_allclose(ours[length - 1 :], deviations, rtol=1e-9, atol=1e-13 * column.max())


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 13, 100])
def test_windows_equal_the_plain_loop(length: int) -> None:
    column = BARS["close"][:300]
    windows = [column[end - length + 1 : end + 1] for end in range(length - 1, 300)]
    assert window_highest(column, length)[length - 1 :].tolist() == [window.max() for window in windows]
    assert window_lowest(column, length)[length - 1 :].tolist() == [window.min() for window in windows]
    np.testing.assert_allclose(
        window_total(column, length)[length - 1 :], [w.sum() for w in windows], rtol=1e-14
    )
    np.testing.assert_allclose(
        window_mean(column, length)[length - 1 :], [w.mean() for w in windows], rtol=1e-14
    )


def test_a_flat_market_is_exactly_flat() -> None:
    flat = np.full(500, 0.1)
    bars = dict.fromkeys(("high", "low", "close", "volume"), flat)
    for kind, settings in (("sma", {"length": 37}), ("ema", {"length": 37})):
        assert set(run(kind, settings, bars)[0][36:]) == {0.1}
    upper, middle, lower, width, position = run("bollinger", {"length": 37, "deviations": 2}, bars)
    assert set(upper[36:]) == set(middle[36:]) == set(lower[36:]) == {0.1}
    assert set(width[36:]) == {0.0}
    assert np.isnan(position).all()
    assert set(run("macd", {"fast": 3, "slow": 5, "signal": 2}, bars)[2][5:]) == {0.0}
    assert np.isnan(run("rsi", {"length": 5}, bars)[0]).all()
    assert set(run("adx", {"length": 5}, bars)[0][9:]) == {0.0}
    assert set(run("obv", {"length": 5}, bars)[0][5:]) == {0.0}


def test_the_middle_bollinger_band_is_the_sma_to_the_bit() -> None:
    bars = rows_of(BARS, 0, 500)
    middle = run("bollinger", {"length": 37, "deviations": 2}, bars)[1]
    assert middle.tobytes() == run("sma", {"length": 37}, bars)[0].tobytes()
