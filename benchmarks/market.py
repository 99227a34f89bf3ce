"""The candles to measure on: a year of one-minute bars, the same year four times over, a year of hours.

In: a folder, how many days of minutes (all of 2023 by default). Out: candle stores under it, the same minutes
as one Parquet file for others to read, and `market.json` saying what they are.
Refuses to know: bots, timing. Real candles are taken where they lie beside the repository, else the synthetic
sample.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from runner.data.importing import Said, import_file
from runner.data.layout import series_key
from runner.data.part import COLUMN_NAMES, Columns
from runner.data.resample import columns
from runner.data.sample import sample_shelf
from runner.data.store import read_rows, write_rows
from runner.domain.facts import SPOT, SYNTHETIC
from runner.domain.time import DAY_MS, HOUR_MS, MINUTE_MS

SYMBOL = "BTC/USDT:USDT"
REAL = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL_MINUTES = REAL / "BTCUSDT-spot-1m-2023.parquet"
REAL_HOURS = REAL / "BTCUSDT-perp-1h-2019_2025H1.parquet"
YEAR_START_MS = 1_672_531_200_000  # 2023-01-01
YEARS = 4
YEAR_MS = 365 * DAY_MS
HOURS_BEFORE_MS = 90 * DAY_MS  # for the hourly bot to warm up in


def write_market(folder: Path, days: int) -> None:
    """Fill `folder`: homes `year` and `years`, `year.parquet`, `market.json`."""
    real = days == 365 and REAL_MINUTES.exists() and REAL_HOURS.exists()
    year = folder / "year" / "candles"
    year.mkdir(parents=True)
    if real:
        _take_real(year)
    else:
        _take_synthetic(year, days)
    minutes = read_rows(year, series_key(SYMBOL, "last", MINUTE_MS))
    _write_years(folder / "years" / "candles", minutes, days * DAY_MS, SPOT if real else SYNTHETIC)
    table = pa.table(dict(zip(COLUMN_NAMES["last"], (minutes[0], *minutes[1]), strict=True)))
    pq.write_table(table, folder / "year.parquet")
    source = "real candles, BTCUSDT spot 1m of 2023" if real else "the SYNTHETIC sample market, BTCUSDT 1m"
    facts = {"source": source, "minutes": len(minutes[0])}
    (folder / "market.json").write_text(json.dumps(facts), encoding="utf-8")


def _take_real(root: Path) -> None:
    import_file(root, REAL_MINUTES, Said(symbol=SYMBOL, accept_spot=True))
    import_file(root, REAL_HOURS, Said())


def _take_synthetic(root: Path, days: int) -> None:
    shelf = sample_shelf(SYMBOL)
    minutes = shelf.bars("last", MINUTE_MS, YEAR_START_MS, YEAR_START_MS + days * DAY_MS)
    hours = shelf.bars("last", HOUR_MS, YEAR_START_MS - HOURS_BEFORE_MS, YEAR_START_MS + YEAR_MS)
    for bars in (minutes, hours):
        times, *floats = columns(bars)
        write_rows(
            root, series_key(SYMBOL, "last", bars.timeframe_ms), (times, tuple(floats)), venue=SYNTHETIC
        )


def _write_years(root: Path, minutes: Columns, length_ms: int, venue: str) -> None:
    """The same minutes once more for every year, each time further on."""
    root.mkdir(parents=True)
    times = np.concatenate([minutes[0] + year * length_ms for year in range(YEARS)])
    floats = tuple(np.tile(column, YEARS) for column in minutes[1])
    write_rows(root, series_key(SYMBOL, "last", MINUTE_MS), (times, floats), venue=venue)


if __name__ == "__main__":
    write_market(Path(sys.argv[1]), int(sys.argv[2]))
