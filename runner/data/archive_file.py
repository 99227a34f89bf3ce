"""Binance's public archive of USDⓈ-M futures: which files there are, and what is in one.

In: a series and instants; the bytes of a zip. Out: paths and checked columns; ValueError says what is wrong.
Refuses to know: the network, the candle store.
Source: data.binance.vision, `data/futures/um/`. Files of bars exist for months and for days, of funding for
months only. Their CSV has a header line since 2022 and none before; times are in ms (in µs in the spot files
since 2025). A month's file may lack whole days.
"""

import io
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pyarrow as pa
from pyarrow import csv

from runner.data.faults import first_fault
from runner.data.layout import Kind, SeriesKey
from runner.data.part import COLUMN_NAMES, Columns, no_rows
from runner.data.settlement import on_the_hour
from runner.data.source_file import to_milliseconds
from runner.data.spans import Span
from runner.domain.time import DAY_MS, format_time, timeframe_name

CSV_BYTES_MAX = 256 << 20  # a month of 1m is 5 MB

_FOLDERS: dict[Kind, str] = {"last": "klines", "mark": "markPriceKlines", "funding": "fundingRate"}
_CANDLE = [
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
]
_HEADS: dict[Kind, list[str]] = {
    "last": _CANDLE,
    "mark": _CANDLE,
    "funding": ["calc_time", "funding_interval_hours", "last_funding_rate"],
}
_NAMES = {"timestamp": "open_time"}
_FUNDING_NAMES = {"timestamp": "calc_time", "rate": "last_funding_rate"}


class ArchiveFile(NamedTuple):
    """One zip: a series in one month (`2023-01`) or one day (`2023-01-05`)."""

    key: SeriesKey
    period: str
    span: Span

    @property
    def path(self) -> str:
        """`data/futures/um/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2023-01.zip`."""
        folder, symbol = _FOLDERS[self.key.kind], self.key.market_id
        span = "monthly" if self.is_month else "daily"
        if self.key.kind == "funding":
            return f"data/futures/um/{span}/{folder}/{symbol}/{symbol}-{folder}-{self.period}.zip"
        length = timeframe_name(self.key.timeframe_ms)
        return f"data/futures/um/{span}/{folder}/{symbol}/{length}/{symbol}-{length}-{self.period}.zip"

    @property
    def is_month(self) -> bool:
        """Whether it holds a whole month."""
        return len(self.period) == len("2023-01")


def month_file(key: SeriesKey, time_ms: int) -> ArchiveFile:
    """The file of the month in which an instant lies."""
    first = datetime.fromtimestamp(time_ms / 1000, tz=UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    following = (first + timedelta(days=31)).replace(day=1)
    span = Span(int(first.timestamp()) * 1000, int(following.timestamp()) * 1000)
    return ArchiveFile(key, f"{first:%Y-%m}", span)


def day_file(key: SeriesKey, time_ms: int) -> ArchiveFile:
    """The file of the day in which an instant lies."""
    start = time_ms - time_ms % DAY_MS
    return ArchiveFile(key, format_time(start)[:10], Span(start, start + DAY_MS))


def read_zip(file: ArchiveFile, content: bytes) -> Columns:
    """Every row of a file, each judged; there may be none."""
    kind = file.key.kind
    table = _read_csv(kind, _unzipped(content))
    if not table.num_rows:
        return no_rows(file.key)
    columns: Columns = (
        to_milliseconds(table.column(0).to_numpy())[0],
        tuple(column.to_numpy() for column in table.columns[1:]),
    )
    if kind == "funding":
        columns = _inside(file.span, on_the_hour(columns)[0])
    fault = first_fault(file.key, columns)
    if fault:
        raise ValueError(fault)
    times = columns[0]
    if times[0] < file.span.from_ms or times[-1] >= file.span.stop_ms:
        outside = times[0] if times[0] < file.span.from_ms else times[-1]
        raise ValueError(f"a row of {format_time(int(outside))} in the file of {file.period}")
    return columns


def _inside(span: Span, columns: Columns) -> Columns:
    """A settlement of midnight may stand in the files of both months; its own is enough."""
    times, floats = columns
    kept = (times >= span.from_ms) & (times < span.stop_ms)
    return (times[kept], tuple(column[kept] for column in floats)) if kept.any() else columns


def _unzipped(content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) != 1 or not members[0].filename.endswith(".csv"):
                raise ValueError("not a zip of one CSV file")
            if members[0].file_size > CSV_BYTES_MAX:
                raise ValueError(f"its CSV is larger than {CSV_BYTES_MAX >> 20} MiB")
            return archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise ValueError(f"not a whole zip file ({error})") from error


def _read_csv(kind: Kind, text: bytes) -> pa.Table:
    """The wanted columns in the store's order, times first."""
    head = text[:4096].split(b"\n", 1)[0].decode(errors="replace").strip()
    named = _FUNDING_NAMES if kind == "funding" else _NAMES
    wanted = [named.get(name, name) for name in COLUMN_NAMES[kind]]
    has_head = not head[:1].isdigit()
    names = head.split(",") if has_head else _HEADS[kind]
    lacking = [name for name in wanted if name not in names]
    if not head or lacking:
        raise ValueError(f"its CSV has no column {lacking[0]}" if head else "its CSV is empty")
    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(
                use_threads=False, column_names=names, skip_rows=1 if has_head else 0
            ),
            convert_options=csv.ConvertOptions(
                column_types={wanted[0]: pa.int64()} | dict.fromkeys(wanted[1:], pa.float64()),
                include_columns=wanted,
            ),
        )
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise ValueError(f"its CSV cannot be read: {str(error).splitlines()[0][:120]}") from error
    empty = [name for name in wanted if table.column(name).null_count]
    if empty:
        raise ValueError(f"its CSV has empty cells in {empty[0]}")
    return table
