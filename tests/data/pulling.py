"""A pull in a process of its own, to be killed: `python pulling.py ROOT ARCHIVE_URL MARKET.npz`."""

import asyncio
import sys
from pathlib import Path

import numpy as np
from data_files import BTC
from rest_rows import RestRows

from runner.data.archive import open_archive
from runner.data.layout import series_key
from runner.data.part import Columns
from runner.data.pull import Order, pull
from runner.domain.time import MINUTE_MS, parse_time

KEY = series_key(BTC, "last", MINUTE_MS)
START, NOW = parse_time("2023-01-01"), parse_time("2024-01-01T00:07Z")
PUBLISHED = parse_time("2023-12-30")


def load(path: Path) -> Columns:
    """Rows as `np.savez` wrote them."""
    with np.load(path) as columns:
        times, *floats = (columns[name] for name in columns.files)
    return times, tuple(floats)


async def main(root: Path, url: str, rows: Columns) -> None:
    """The whole year."""
    async with open_archive(url) as archive:
        print("ready", flush=True)
        await pull(root, Order((KEY,), START), RestRows({KEY: rows}, NOW), archive, now_ms=NOW)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], load(Path(sys.argv[3]))))
