"""Real perpetual bars for the comparison with other engines; nothing of them is kept in this repository."""

from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from runner.domain.series import Bars
from runner.domain.time import TIMEFRAMES, parse_time

REAL = Path(__file__).parents[3] / "shared" / "data"
FILES = {"BTCUSDT 1h": "BTCUSDT-perp-1h-2019_2025H1", "ETHUSDT 15m": "ETHUSDT-perp-15m-2022_2025H1"}

needs_real = pytest.mark.skipif(
    not all((REAL / f"{name}.parquet").is_file() for name in FILES.values()),
    reason="the folder of real candles is not beside this repository",
)


@cache
def real_bars(series: str, from_day: str, to_day: str) -> Bars:
    """The bars of a series that open in [from_day, to_day)."""
    table = pq.read_table(REAL / f"{FILES[series]}.parquet")
    times = table["timestamp"].to_numpy()
    part = slice(*np.searchsorted(times, (parse_time(from_day), parse_time(to_day))).tolist())
    columns = [table[name].to_numpy()[part] for name in ("open", "high", "low", "close", "volume")]
    return Bars(TIMEFRAMES[series.split()[1]], times[part], *columns)
