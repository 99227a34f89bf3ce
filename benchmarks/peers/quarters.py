"""The year of minutes once more as fifteen-minute bars, both kept in one store: `detail: 1m` then reads both.

In: the folder that benchmarks.market filled. Out: home `quarters` in it.
Refuses to know: bots, timing.
"""

import json
import sys
from pathlib import Path

from benchmarks.market import SYMBOL
from runner.data.layout import series_key
from runner.data.resample import columns, resample
from runner.data.store import read_rows, write_rows
from runner.domain.facts import SPOT, SYNTHETIC
from runner.domain.series import Bars
from runner.domain.time import MINUTE_MS

QUARTER_MS = 15 * MINUTE_MS


def write_quarters(folder: Path) -> None:
    """Fill home `quarters`."""
    root = folder / "quarters" / "candles"
    root.mkdir(parents=True)
    real = json.loads((folder / "market.json").read_text(encoding="utf-8"))["source"].startswith("real")
    times, prices = read_rows(folder / "year" / "candles", series_key(SYMBOL, "last", MINUTE_MS))
    minutes = Bars(MINUTE_MS, times, *prices)
    for bars in (minutes, resample(minutes, QUARTER_MS)):
        opens, *floats = columns(bars)
        write_rows(
            root,
            series_key(SYMBOL, "last", bars.timeframe_ms),
            (opens, tuple(floats)),
            venue=SPOT if real else SYNTHETIC,
        )


if __name__ == "__main__":
    write_quarters(Path(sys.argv[1]))
