"""How the candle store lies on disk: one directory a series, one index, one Parquet file a month or year.

    candles/BTCUSDT/last-15m/index.json              the series: venue, parts with their SHA-256
    candles/BTCUSDT/last-15m/2024-3f1a….parquet      a part, named by its period and its content
    candles/BTCUSDT/last-15m/asked.json              spans for which the exchange was asked: see `asked.py`
    candles.lock                                     held by the one writer, beside the store

In: a root path and keys. Out: indexes and file names.
Refuses to know: what is in a part.

The index is the commit point. A writer adds new parts under new names, replaces the index by a rename, and
only then removes the parts that the new index no longer names. A reader with the old index reads the old
parts or, when they are gone, the index again. A write of many parts is seen whole or not at all.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, get_args

from runner.data.symbol import canonical_symbol, market_id
from runner.domain import source
from runner.domain.time import MINUTE_MS, TIMEFRAMES, timeframe_ms, timeframe_name
from runner.errors import DataDamaged

SCHEMA_VERSION = 1

Kind = source.Kind
KINDS: tuple[Kind, ...] = get_args(Kind)

INDEX_NAME = "index.json"
ASKED_NAME = "asked.json"
INDEX_BYTES_MAX = 4 << 20  # ten years of monthly parts are 30 KB; anything near this is not ours

# A part is what one write has to rewrite: about 45,000 rows of 1m or 35,000 of 15m.
_MONTHLY_BELOW_MS = 15 * MINUTE_MS


class SeriesKey(NamedTuple):
    """One series of rows; `timeframe_ms` is 0 for funding."""

    market_id: str
    kind: Kind
    timeframe_ms: int

    @property
    def label(self) -> str:
        """`BTCUSDT 15m`, `BTCUSDT mark 1h`, `BTCUSDT funding`: as messages name it."""
        words = [self.market_id]
        if self.kind != "last":
            words.append(self.kind)
        if self.timeframe_ms:
            words.append(timeframe_name(self.timeframe_ms))
        return " ".join(words)

    @property
    def symbol(self) -> str:
        """`BTC/USDT:USDT`."""
        return canonical_symbol(self.market_id)

    def folder(self, root: Path) -> Path:
        """Its directory."""
        name = self.kind if self.kind == "funding" else f"{self.kind}-{timeframe_name(self.timeframe_ms)}"
        return root / self.market_id / name

    def period(self, time_ms: int) -> str:
        """The part that a row belongs to: `2024-03` for short timeframes, `2024` for the others."""
        moment = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
        monthly = self.kind != "funding" and self.timeframe_ms < _MONTHLY_BELOW_MS
        return f"{moment.year}-{moment.month:02d}" if monthly else str(moment.year)


def series_key(symbol: str, kind: Kind, timeframe: int = 0) -> SeriesKey:
    """The key of a series, from either spelling of the symbol."""
    return SeriesKey(market_id(symbol), kind, 0 if kind == "funding" else timeframe)


class Part(NamedTuple):
    """One Parquet file; `from_ms` and `last_ms` are its first and last row's times."""

    period: str
    file: str
    rows: int
    from_ms: int
    last_ms: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Index:
    """A series as it stands, parts in order of time."""

    key: SeriesKey
    venue: str
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """Rows in all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def from_ms(self) -> int:
        """Time of the first row."""
        return self.parts[0].from_ms

    @property
    def to_ms(self) -> int:
        """End of the last bar; for funding the time of the last settlement."""
        return self.parts[-1].last_ms + self.key.timeframe_ms

    @property
    def bytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.bytes for part in self.parts)


def read_index(root: Path, key: SeriesKey) -> Index | None:
    """The series' index, or None when there is no such series; DataDamaged when it cannot be understood."""
    path = key.folder(root) / INDEX_NAME
    try:
        with path.open("rb") as file:
            content = file.read(INDEX_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        tree = json.loads(content)
        version = tree["schema"]
        if version == SCHEMA_VERSION:
            index = Index(key, str(tree["venue"]), tuple(Part(**part) for part in tree["parts"]))
            if index.parts and (tree["symbol"], tree["kind"]) == (key.symbol, key.kind):
                return index
    except (ValueError, KeyError, TypeError):
        version = SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        raise DataDamaged(
            f"{path}: written with schema {version}, this runner reads schema {SCHEMA_VERSION}; "
            f"use the runner that wrote it, or another RUNNER_HOME"
        )
    raise DataDamaged(
        f"{path}: not an index of the candle store; `runner data remove` takes the series away, "
        f"then pull or import it again"
    )


def index_bytes(index: Index) -> bytes:
    """The index as it is written: the same rows always give the same bytes."""
    key = index.key
    tree = {
        "schema": SCHEMA_VERSION,
        "symbol": key.symbol,
        "kind": key.kind,
        "timeframe": timeframe_name(key.timeframe_ms) if key.timeframe_ms else None,
        "venue": index.venue,
        "parts": [part._asdict() for part in index.parts],
    }
    return (json.dumps(tree, indent=1, ensure_ascii=False) + "\n").encode()


def list_keys(root: Path) -> Iterator[SeriesKey]:
    """Every series that has an index, by symbol, kind and timeframe."""
    if not root.is_dir():
        return
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        try:
            symbol = market_id(folder.name)
        except ValueError:
            continue  # not ours
        found = []
        for name in os.listdir(folder):
            kind, _, timeframe = name.partition("-")
            named = timeframe in TIMEFRAMES if kind != "funding" else not timeframe
            if kind in KINDS and named and (folder / name / INDEX_NAME).is_file():
                found.append(SeriesKey(symbol, kind, timeframe_ms(timeframe) if timeframe else 0))
        yield from sorted(found, key=lambda key: (KINDS.index(key.kind), key.timeframe_ms))


def list_series(root: Path, symbol: str | None = None, kind: Kind | None = None) -> list[Index]:
    """The indexes of all series, or of one symbol, or of one kind; DataDamaged when one cannot be read."""
    wanted = market_id(symbol) if symbol else None
    keys = (key for key in list_keys(root) if wanted in (None, key.market_id) and kind in (None, key.kind))
    return [index for key in keys if (index := read_index(root, key)) is not None]
