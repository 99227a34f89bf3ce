"""Timeframe names and UTC times as text.

In: names like `15m`, epoch milliseconds. Out: the other of the two.
Refuses to know: the clock, time zones other than UTC.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

FUNDING_INTERVAL_MS = 8 * HOUR_MS  # the rule on Binance; some contracts settle more often

TIMEFRAMES: dict[str, int] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
}
_NAMES = {length: name for name, length in TIMEFRAMES.items()}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMS = ("%Y-%m-%d", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S")


def timeframe_ms(name: str) -> int:
    """Length of a timeframe; ValueError naming the known ones."""
    if name not in TIMEFRAMES:
        raise ValueError(f"{name!r} is not a timeframe; the known ones are {', '.join(TIMEFRAMES)}")
    return TIMEFRAMES[name]


def timeframe_name(length_ms: int) -> str:
    """`15m` for 900000; ValueError for a length that has no name."""
    if length_ms not in _NAMES:
        raise ValueError(f"{length_ms} ms is not a timeframe; the known ones are {', '.join(TIMEFRAMES)}")
    return _NAMES[length_ms]


def timeframe_names(lengths_ms: Iterable[int]) -> str:
    """`5m, 1h`: shortest first."""
    return ", ".join(timeframe_name(length) for length in sorted(lengths_ms))


def format_time(time_ms: int) -> str:
    """`2024-03-05 14:00`; seconds and milliseconds only when there are any. UTC."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    if time_ms % 1000:
        return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{time_ms % 1000:03d}"
    return moment.strftime("%Y-%m-%d %H:%M:%S" if time_ms % MINUTE_MS else "%Y-%m-%d %H:%M")


def format_day(time_ms: int) -> str:
    """`2024-03-05`."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).strftime("%Y-%m-%d")


def format_moment(time_ms: int) -> str:
    """A time as options and documents take it: `2024-03-05` at midnight, else `2024-03-05T14:00Z`."""
    if time_ms % DAY_MS == 0:
        return format_day(time_ms)
    return (_EPOCH + timedelta(milliseconds=time_ms)).strftime("%Y-%m-%dT%H:%MZ")


def parse_time(text: str) -> int:
    """Epoch ms of `2024-03-05`, `2024-03-05T14:00Z` or `2024-03-05 14:00` (UTC); ValueError otherwise."""
    for form in _FORMS:
        try:
            moment = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    raise ValueError(f"{text!r} is not a time; write 2024-03-05 or 2024-03-05T14:00Z (UTC)")
