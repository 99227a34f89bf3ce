"""Timeframe names and UTC times."""

from pathlib import Path

import pytest

from runner.data.home import candles_root
from runner.domain.time import (
    TIMEFRAMES,
    format_day,
    format_moment,
    format_time,
    parse_time,
    timeframe_ms,
    timeframe_name,
    timeframe_names,
)


def test_names_and_lengths_are_each_others_inverse() -> None:
    assert [timeframe_name(timeframe_ms(name)) for name in TIMEFRAMES] == list(TIMEFRAMES)
    assert timeframe_ms("15m") == 900_000
    assert timeframe_names([3_600_000, 300_000]) == "5m, 1h"


def test_unknown_timeframes_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'7m' is not a timeframe; the known ones are 1m, 3m"):
        timeframe_ms("7m")
    with pytest.raises(ValueError, match="42 ms is not a timeframe"):
        timeframe_name(42)


@pytest.mark.parametrize(
    ("time_ms", "text", "moment"),
    [
        (1_709_647_200_000, "2024-03-05 14:00", "2024-03-05T14:00Z"),
        (1_709_596_800_000, "2024-03-05 00:00", "2024-03-05"),
        (1_709_647_201_000, "2024-03-05 14:00:01", "2024-03-05T14:00Z"),
        (1_709_647_201_005, "2024-03-05 14:00:01.005", "2024-03-05T14:00Z"),
        (0, "1970-01-01 00:00", "1970-01-01"),
        (4_102_444_800_000, "2100-01-01 00:00", "2100-01-01"),
    ],
)
def test_times_are_shown_in_utc(time_ms: int, text: str, moment: str) -> None:
    assert format_time(time_ms) == text
    assert format_moment(time_ms) == moment
    assert format_day(time_ms) == text[:10]


@pytest.mark.parametrize(
    "text", ["2024-03-05T14:00Z", "2024-03-05 14:00", "2024-03-05T14:00:00Z", "2024-03-05 14:00:00"]
)
def test_times_are_read_as_utc(text: str) -> None:
    assert parse_time(text) == 1_709_647_200_000


def test_what_is_no_time_is_refused() -> None:
    for text in ("", "yesterday", "2024-13-01", "2024-03-05T14:00+01:00", "5.3.2024"):
        with pytest.raises(ValueError, match="is not a time; write 2024-03-05"):
            parse_time(text)


def test_runner_home_decides_where_candles_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path))
    assert candles_root() == tmp_path / "candles"
    monkeypatch.delenv("RUNNER_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert candles_root() == tmp_path / "share" / "runner" / "candles"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert candles_root() == tmp_path / ".local" / "share" / "runner" / "candles"
