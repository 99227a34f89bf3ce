"""What to ask of whom: whole months and days of the public archive, the rest through REST.

In: a series, the spans that are lacking, the exchange's clock. Out: files and spans.
Refuses to know: the network, the candle store.

A span that one request of REST brings is not worth a file. A month's file may bring more than is lacking: it
pays from ten days on. Only periods that are over have files; what is not out yet is found by asking.
"""

from collections.abc import Iterator
from typing import NamedTuple

from runner.data.archive_file import ArchiveFile, day_file, month_file
from runner.data.layout import SeriesKey
from runner.data.spans import Span, Spans, common, joined, total_ms, without
from runner.domain.time import DAY_MS, FUNDING_INTERVAL_MS, HOUR_MS

REST_ROWS = 1_000  # what one request brings
MONTH_MS_MIN = 10 * DAY_MS
SETTLING_MS = 5_000  # a bar that closed this long ago does not change any more
YOUNG_MS = 2 * DAY_MS  # what is missing from the last two days may only be late


class Plan(NamedTuple):
    """Files in order of time; `rest` is what no file is asked for."""

    files: tuple[ArchiveFile, ...]
    rest: Spans


def step_ms(key: SeriesKey) -> int:
    """How far rows lie apart; for funding, at most."""
    return key.timeframe_ms or FUNDING_INTERVAL_MS


def closed_span(key: SeriesKey, from_ms: int, stop_ms: int | None, clock_ms: int) -> Span:
    """The times of closed rows in [from_ms, stop_ms) at this hour of the exchange's clock; may be empty."""
    grid = key.timeframe_ms or HOUR_MS
    settled = clock_ms - SETTLING_MS
    edge = settled - settled % grid + (0 if key.timeframe_ms else HOUR_MS)
    start = -(-from_ms // grid) * grid
    stop = edge if stop_ms is None else min(edge, -(-stop_ms // grid) * grid)
    return Span(start, max(start, stop))


def build_plan(key: SeriesKey, lacking: Spans, clock_ms: int) -> Plan:
    """Which files to fetch for the lacking spans."""
    large = tuple(span for span in lacking if span.stop_ms - span.from_ms > REST_ROWS * step_ms(key))
    files: list[ArchiveFile] = []
    for month in _months(key, large):
        wanted = common(large, (month.span,))
        if month.span.stop_ms <= clock_ms and (key.kind == "funding" or total_ms(wanted) >= MONTH_MS_MIN):
            files.append(month)
        else:
            files += day_files(key, wanted, clock_ms)
    covered = joined(file.span for file in files)
    return Plan(tuple(files), without(lacking, covered))


def day_files(key: SeriesKey, lacking: Spans, clock_ms: int) -> list[ArchiveFile]:
    """The files of the days that are over and lack entirely; funding has no files of days."""
    if key.kind == "funding":
        return []
    found = []
    for span in lacking:
        start = -(-span.from_ms // DAY_MS) * DAY_MS
        stop = min(span.stop_ms, clock_ms) // DAY_MS * DAY_MS
        found += [day_file(key, day) for day in range(start, stop, DAY_MS)]
    return found


def _months(key: SeriesKey, spans: Spans) -> Iterator[ArchiveFile]:
    at = None
    for span in spans:
        at = span.from_ms if at is None else max(at, span.from_ms)
        while at < span.stop_ms:
            month = month_file(key, at)
            yield month
            at = month.span.stop_ms
