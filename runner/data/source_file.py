"""A user's Parquet or CSV file as columns of numbers, nothing believed yet.

In: a path and the columns wanted. Out: arrays, names of other columns; DataDamaged naming file and row.
Refuses to know: what the numbers mean; `faults.py` judges them.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from runner.data.part import Columns
from runner.domain.series import Times
from runner.errors import DataDamaged, UsageError

FILE_BYTES_MAX = 2 << 30  # forty years of 1m as CSV is half of this
ROWS_MAX = 25_000_000

# Epoch times by magnitude: 2009 to 2100 in each unit; the ranges do not meet.
_UNITS = {"seconds": (10**9, 1000, 1), "milliseconds": (10**12, 1, 1), "microseconds": (10**15, 1, 1000)}
_UNITS["nanoseconds"] = (10**18, 1, 1_000_000)

_CSV_ROW = re.compile(r"Row #(\d+)")
_CSV_CELL = re.compile(
    r"In CSV column #(\d+).*CSV conversion error to (\w+): invalid value '(.*)'", re.DOTALL
)


class Raw(NamedTuple):
    """Times in UTC ms; `unit` is what the file had."""

    columns: Columns
    unit: str
    ignored: tuple[str, ...]


def column_names(path: Path) -> list[str]:
    """Names in the file's header."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise refusal(path, f"larger than {FILE_BYTES_MAX >> 30} GiB; split it")
        if _is_csv(path):
            with path.open(encoding="utf-8-sig") as file:
                line = file.readline(10_000).strip()
            return [name.strip().strip('"') for name in line.split(",")] if line else []
        with pq.ParquetFile(path) as parquet:
            return list(parquet.schema_arrow.names)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such file") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise refusal(
            path, f"not a readable {'CSV' if _is_csv(path) else 'Parquet'} file: {_line(error)}"
        ) from error


def read_columns(path: Path, wanted: Sequence[str]) -> Raw:
    """The wanted columns, `timestamp` first; every value a number, times in ms."""
    names = column_names(path)
    lacking = [name for name in wanted if name not in names]
    if lacking or len(set(names)) != len(names):
        found = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        fault = f"no column {lacking[0]}" if lacking else "a column name stands twice"
        raise refusal(path, f"{fault}; it needs {','.join(wanted)} and has {found or 'nothing'}")
    table = _read_csv(path, wanted) if _is_csv(path) else _read_parquet(path, wanted)
    if not table.num_rows:
        raise refusal(path, "it has no rows")
    if table.num_rows > ROWS_MAX:
        raise refusal(path, f"{table.num_rows:,} rows; the most in one file is {ROWS_MAX:,}")
    for name in wanted:
        if table.column(name).null_count:
            row = int(np.flatnonzero(table.column(name).is_null().to_numpy())[0])
            raise refusal(path, f"row {row + 1:,}: {name} is empty")
    try:
        times, unit = to_milliseconds(table.column("timestamp").to_numpy())
    except ValueError as error:
        raise refusal(path, str(error)) from error
    floats = tuple(table.column(name).to_numpy() for name in wanted[1:])
    return Raw((times, floats), unit, tuple(name for name in names if name not in wanted))


def refusal(path: Path, what: str) -> DataDamaged:
    """The one form in which a file is refused."""
    return DataDamaged(f"{path}: {what}; nothing of this file was taken")


def _is_csv(path: Path) -> bool:
    if path.suffix.lower() not in {".csv", ".parquet", ".pq"}:
        raise UsageError(f"{path}: not a file to import; its name must end in .parquet or .csv")
    return path.suffix.lower() == ".csv"


def _read_parquet(path: Path, wanted: Sequence[str]) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows > ROWS_MAX:
                raise refusal(path, f"{file.metadata.num_rows:,} rows; the most in one file is {ROWS_MAX:,}")
            table = file.read(columns=list(wanted))
        arrays = [_as_times(table.column("timestamp"))]
        arrays += [table.column(name).cast(pa.float64()) for name in wanted[1:]]
        return pa.table(arrays, names=list(wanted))
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise refusal(path, f"not a whole Parquet file of numbers: {_line(error)}") from error


def _as_times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ns")).cast(pa.int64())
    if not pa.types.is_integer(column.type):
        raise pa.ArrowInvalid(f"timestamp is {column.type}, not whole numbers")
    return column.cast(pa.int64())


def _read_csv(path: Path, wanted: Sequence[str]) -> pa.Table:
    types = {"timestamp": pa.int64()} | dict.fromkeys(wanted[1:], pa.float64())
    try:
        return csv.read_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False),  # one thread, or errors come without a row
            convert_options=csv.ConvertOptions(
                column_types=types, include_columns=list(wanted), null_values=[""], strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise refusal(path, _csv_fault(error, wanted)) from error


def _csv_fault(error: BaseException, wanted: Sequence[str]) -> str:
    text = _line(error)
    row = _CSV_ROW.search(text)
    where = f"line {int(row[1]):,}: " if row else ""
    cell = _CSV_CELL.search(text)
    if cell:
        kind = "a whole number" if cell[2] == "int64" else "a number"
        return f"{where}{cell[3][:40]!r} is not {kind} (column {int(cell[1]) + 1})"
    return f"{where}{text[:120]}"


def to_milliseconds(times: Times) -> tuple[Times, str]:
    """Times in ms and what they were in; ValueError when they are in no unit.

    The unit is that of the first time; the others must follow it, or they are faults later on.
    """
    first = int(times[0])
    for unit, (one, multiplied, divided) in _UNITS.items():
        if one <= first < one * 5:
            rest = times % divided != 0
            if rest.any():
                row = int(np.flatnonzero(rest)[0])
                raise ValueError(f"row {row + 1:,}: timestamp {int(times[row])} is no whole millisecond")
            limit = (1 << 62) // multiplied
            safe = np.clip(times, -limit, limit)
            return safe * multiplied // divided, unit
    raise ValueError(f"row 1: timestamp {first} is no time in seconds, ms, µs or ns between 2009 and 2100")


def _line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
