"""Rows, files and hashes for the tests of the candle store."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.data.layout import series_key
from runner.data.part import Columns
from runner.data.store import write_rows
from runner.domain.facts import PERPETUAL
from runner.domain.time import MINUTE_MS, parse_time

REAL = Path(__file__).parents[3] / "shared" / "data"
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason="the folder of real candles is not beside this repository"
)

START = parse_time("2024-01-30")
BTC = "BTC/USDT:USDT"


def candles(
    count: int, start: int = START, step: int = 15 * MINUTE_MS, seed: int = 1, missing: tuple[int, ...] = ()
) -> Columns:
    """Plausible rows; those at the places in `missing` are left out."""
    draws = np.random.default_rng(seed).random((count, 4))  # row by row: more rows begin with the same ones
    close = np.round(40_000 * np.cumprod(1 + (draws[:, 0] - 0.5) / 300), 1)
    opening = np.concatenate(([40_000.0], close[:-1]))
    high = np.maximum(opening, close) + np.round(draws[:, 1] * 20, 1)
    low = np.minimum(opening, close) - np.round(draws[:, 2] * 20, 1)
    volume = np.round(draws[:, 3] * 100 + 1, 3)
    times = start + np.arange(count, dtype=np.int64) * step
    kept = np.setdiff1d(np.arange(count), missing)
    return times[kept], tuple(column[kept] for column in (opening, high, low, close, volume))


def settlements(count: int, start: int = START, missing: tuple[int, ...] = ()) -> Columns:
    """Funding every 8 hours: 1 bp, 2 bps, 3 bps, …"""
    kept = np.setdiff1d(np.arange(count), missing)
    return start + kept * 8 * 60 * MINUTE_MS, ((kept + 1) / 10_000,)


def put(
    root: Path, columns: Columns, *, step: int = 15 * MINUTE_MS, kind: str = "last", venue: str = PERPETUAL
) -> None:
    """Straight into the store."""
    if kind == "mark":
        columns = columns[0], columns[1][:4]
    write_rows(root, series_key(BTC, kind, step), columns, venue=venue)  # type: ignore[arg-type]


def parquet(path: Path, columns: Columns, names: str = "timestamp open high low close volume") -> Path:
    """A file as other programs write it."""
    pq.write_table(pa.table(dict(zip(names.split(), (columns[0], *columns[1]), strict=True))), path)
    return path


def tree_digest(folder: Path) -> str:
    """Names and bytes of everything under a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes() if path.is_file() else b"/")
    return digest.hexdigest()


def same(left: Columns, right: Columns) -> bool:
    """Equal to the bit."""
    pairs = zip((left[0], *left[1]), (right[0], *right[1]), strict=True)
    return all(one.tobytes() == other.tobytes() for one, other in pairs)
