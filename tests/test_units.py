"""Numbers with units: what is read, what is not, and that spelling and reading undo each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.domain import units

RATIOS = [("2%", 0.02), ("2 %", 0.02), ("0.050%", 0.0005), ("5 bps", 0.0005), ("5bps", 0.0005), ("150%", 1.5)]


@pytest.mark.parametrize(("text", "ratio"), RATIOS)
def test_ratio_is_read_without_rounding_twice(text: str, ratio: float) -> None:
    assert units.parse_ratio(text) == units.Ratio(ratio)


@pytest.mark.parametrize(
    "text",
    [
        "2",
        "%",
        "-2%",
        "+2%",
        ".5%",
        "2.%",
        "0,5%",
        "2 percent",
        "2%%",
        "1e3%",
        "2 % of equity",
        "",
        "nan%",
        "٢%",
    ],
)
def test_what_is_no_ratio_is_none(text: str) -> None:
    assert units.parse_ratio(text) is None


def test_one_ratio_has_one_spelling() -> None:
    spelled = {str(units.parse_ratio(text)) for text in ("0.050%", "5 bps", "5.0bps", "0.05 %")}
    assert spelled == {"0.05%"}


EXAMPLES = [
    (units.parse_equity_ratio, "0.75% of equity", units.EquityRatio(0.0075)),
    (units.parse_r, "1.5R", units.RMultiple(1.5)),
    (units.parse_money, "10000 USDT", units.Money(10_000.0)),
    (units.parse_quantity, "0.01 BTC", units.Quantity(0.01, "BTC")),
    (units.parse_quantity, "5 1000PEPE", units.Quantity(5.0, "1000PEPE")),
    (units.parse_bars, "1 bar", units.BarCount(1)),
    (units.parse_bars, "480 bars", units.BarCount(480)),
    (units.parse_duration, "30m", units.Duration(30 * 60_000)),
    (units.parse_duration, "12h", units.Duration(12 * 3_600_000)),
    (units.parse_duration, "2d", units.Duration(2 * 86_400_000)),
    (units.parse_streak, "3 losses in a row", units.LossStreak(3)),
    (units.parse_instant, "2024-01-01", units.Instant(1_704_067_200_000, True)),
    (units.parse_instant, "2024-01-01T08:30Z", units.Instant(1_704_097_800_000, False)),
]


@pytest.mark.parametrize(("parse", "text", "expected"), EXAMPLES)
def test_canonical_text_is_read_and_spelled_back(parse, text, expected) -> None:  # type: ignore[no-untyped-def]
    assert parse(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (units.parse_bars, "0 bars"),
        (units.parse_bars, "1.5 bars"),
        (units.parse_bars, "4"),
        (units.parse_duration, "12"),
        (units.parse_duration, "1.5h"),
        (units.parse_streak, "1 losses in a row"),
        (units.parse_streak, "100 losses in a row"),
        (units.parse_instant, "2024-02-30"),
        (units.parse_instant, "2024-01-01 08:00"),
        (units.parse_instant, "2024-01-01T25:00Z"),
        (units.parse_instant, "0000-00-00"),
        (units.parse_money, "500"),
        (units.parse_money, "500 usdt"),
        (units.parse_r, "2r"),
        (units.parse_equity_ratio, "1%"),
        (units.parse_quantity, "0.01"),
        (units.parse_quantity, "0.01 btc"),
    ],
)
def test_other_spellings_are_none(parse, text) -> None:  # type: ignore[no-untyped-def]
    assert parse(text) is None


def test_a_date_as_the_end_of_a_range_takes_its_day_in() -> None:
    day, minute = units.parse_instant("2024-01-01"), units.parse_instant("2024-01-01T08:30Z")
    assert day is not None
    assert minute is not None
    assert day.stop_ms - day.ms == 86_400_000
    assert minute.stop_ms == minute.ms


def test_duration_is_spelled_in_the_largest_unit_that_divides_it() -> None:
    assert [str(units.parse_duration(text)) for text in ("24h", "90m", "120m")] == ["1d", "90m", "2h"]


SHIFTED = [
    (0.0005, 2, "0.05"),
    (1e-7, 2, "0.00001"),
    (1e22, 0, "1" + "0" * 22),
    (-1.5, 0, "-1.5"),
    (0.0, 2, "0"),
]


@pytest.mark.parametrize(("number", "places", "text"), SHIFTED)
def test_shifted_moves_the_point_in_the_text(number: float, places: int, text: str) -> None:
    assert units.shifted(number, places) == text


@given(st.floats(min_value=0, max_value=1e9, allow_nan=False))
def test_every_ratio_survives_spelling_and_reading(ratio: float) -> None:
    text = units.shifted(ratio, 2)
    assert float(f"{text}e-2") == ratio


@given(st.decimals(min_value=0, max_value=10**6, places=6))
def test_percent_and_bps_of_the_same_share_are_the_same_float(share) -> None:  # type: ignore[no-untyped-def]
    assert units.parse_ratio(f"{share:f}%") == units.parse_ratio(f"{share * 100:f} bps")


@given(st.text(max_size=30))
def test_no_text_makes_a_parser_raise(text: str) -> None:
    for name in dir(units):
        if name.startswith("parse_"):
            getattr(units, name)(text)
