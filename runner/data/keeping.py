"""Rows out of the candle store again: into a file for other programs, or away.

In: a root path, keys, a range, a path. Out: the file's rows; directories removed.
Refuses to know: the command line, who is asked first.

A file has the columns that `import` takes, so what was exported can be imported anywhere else.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from runner.data.layout import ASKED_NAME, INDEX_NAME, KINDS, SeriesKey, read_index, series_key
from runner.data.part import COLUMN_NAMES
from runner.data.rules import RULES_NAME
from runner.data.store import read_rows, writer_lock
from runner.domain.facts import SPOT
from runner.domain.time import TIMEFRAMES, format_time, timeframe_name
from runner.durable import sync_directory, write_whole
from runner.errors import DataMissing, UsageError

Form = Literal["parquet", "csv"]


class Exported(NamedTuple):
    """What is in the file: rows with times in [from_ms, last_ms]."""

    key: SeriesKey
    path: Path
    rows: int
    from_ms: int
    last_ms: int
    venue: str


def export_name(root: Path, key: SeriesKey, form: Form) -> str:
    """`BTCUSDT-perp-1m.parquet`: a name from which `import` reads symbol, kind, timeframe and venue."""
    index = read_index(root, key)
    is_spot = index is not None and index.venue == SPOT
    kind = {"last": "spot" if is_spot else "perp"}.get(key.kind, key.kind)
    words = [key.market_id, kind, *([timeframe_name(key.timeframe_ms)] if key.timeframe_ms else [])]
    return "-".join(words) + f".{form}"


def export_series(
    root: Path, key: SeriesKey, path: Path, form: Form, *, span: tuple[int | None, int | None], replace: bool
) -> Exported:
    """Rows with times in [start, stop) into a file, whole or not at all; DataMissing when there are none."""
    if path.exists() and not replace:
        raise UsageError(f"{path}: exists; --replace overwrites it, --out names another file")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: there is no such folder")
    index = read_index(root, key)
    times, floats = read_rows(root, key, *span)
    assert index is not None  # or its rows could not have been read
    if not len(times):
        first, last = (format_time(at) for at in (index.from_ms, index.to_ms))
        raise DataMissing(
            f"{key.label} is stored from {first} to {last} UTC; nothing of it is in the range",
            f"runner data export {key.symbol}",
        )
    table = pa.table(dict(zip(COLUMN_NAMES[key.kind], (times, *floats), strict=True)))
    sink = pa.BufferOutputStream()
    if form == "csv":
        csv.write_csv(table, sink, csv.WriteOptions(quoting_style="none"))
    else:
        pq.write_table(table, sink, compression="zstd")
    write_whole(path, sink.getvalue().to_pybytes())
    sync_directory(path.parent)
    return Exported(key, path, len(times), int(times[0]), int(times[-1]), index.venue)


def kept_keys(root: Path, symbol: str) -> tuple[SeriesKey, ...]:
    """Every series of a symbol of which anything lies in the store, broken ones too."""
    found = [series_key(symbol, kind, length) for kind in KINDS for length in TIMEFRAMES.values()]
    return tuple(key for key in dict.fromkeys(found) if key.folder(root).is_dir())


def remove_series(root: Path, keys: tuple[SeriesKey, ...]) -> None:
    """Take series out of the store. The index goes first, so that a reader sees all of a series or none."""
    with writer_lock(root):
        for key in keys:
            folder = key.folder(root)
            for name in (ASKED_NAME, INDEX_NAME):
                (folder / name).unlink(missing_ok=True)
            sync_directory(folder)
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
            _remove_if_empty(folder.parent)


def remove_rules(root: Path, name: str) -> None:
    """Take a symbol's imported instrument rules away; those shipped with the program serve again."""
    with writer_lock(root):
        path = root / name / RULES_NAME
        path.unlink(missing_ok=True)
        _remove_if_empty(path.parent)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
