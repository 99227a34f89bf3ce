"""The candle store: bars, mark bars and funding on disk, many readers and one writer at once.

In: a root path, a symbol in either spelling, times in UTC ms. Out: Bars, columns; DataMissing, DataDamaged.
Refuses to know: imports, downloads, who reads.
How it lies on disk is said in `layout.py`.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np

from runner.data.layout import (
    ASKED_NAME,
    INDEX_NAME,
    Index,
    Part,
    SeriesKey,
    index_bytes,
    read_index,
    series_key,
)
from runner.data.part import COLUMN_NAMES, Columns, encode_part, read_part, release_memory
from runner.domain.series import Bars, Floats, Times
from runner.domain.time import format_day, format_time, timeframe_name
from runner.durable import sync_directory, write_whole
from runner.errors import DataConflict, DataDamaged, DataMissing, StoreBusy

_TRIES_MAX = 20  # a reader tries again while writers replace parts under it
_CONFLICTS_SHOWN = 3


def read_bars(
    root: Path, symbol: str, timeframe_ms: int, start_ms: int | None = None, stop_ms: int | None = None
) -> Bars:
    """Last-price bars with open times in [start_ms, stop_ms)."""
    times, floats = read_rows(root, series_key(symbol, "last", timeframe_ms), start_ms, stop_ms)
    return Bars(timeframe_ms, times, *floats)


def read_mark(
    root: Path, symbol: str, timeframe_ms: int, start_ms: int | None = None, stop_ms: int | None = None
) -> Bars:
    """Mark-price bars with open times in [start_ms, stop_ms); their volume is 0."""
    times, floats = read_rows(root, series_key(symbol, "mark", timeframe_ms), start_ms, stop_ms)
    return Bars(timeframe_ms, times, *(*floats, np.zeros(len(times))))


def read_funding(
    root: Path, symbol: str, start_ms: int | None = None, stop_ms: int | None = None
) -> tuple[Times, Floats]:
    """Settlement times in [start_ms, stop_ms) and their funding rates."""
    times, floats = read_rows(root, series_key(symbol, "funding"), start_ms, stop_ms)
    return times, floats[0]


def read_rows(root: Path, key: SeriesKey, start_ms: int | None = None, stop_ms: int | None = None) -> Columns:
    """Columns of one series in [start_ms, stop_ms): own, writable arrays. DataMissing when not stored."""
    start = start_ms if start_ms is not None else -(1 << 62)
    stop = stop_ms if stop_ms is not None else 1 << 62
    for _ in range(_TRIES_MAX):
        index = read_index(root, key)
        if index is None:
            wanted = pull_command(key.symbol, key.timeframe_ms, start_ms)
            raise DataMissing(f"the candle store at {root} has no {key.label}", wanted)
        parts = [part for part in index.parts if part.from_ms < stop and part.last_ms >= start]
        pieces = (read_part(key.folder(root) / part.file, key, part) for part in parts)
        try:
            columns = _join(key, pieces, sum(part.rows for part in parts))
        except FileNotFoundError as error:
            gone = str(error)
            continue  # a writer has just replaced the parts: the new index names the new ones
        release_memory()
        return _cut(columns, start, stop)
    raise DataDamaged(f"{key.folder(root)}: the index names a part that is not there ({gone})")


def pull_command(symbol: str, timeframe_ms: int, from_ms: int | None) -> str:
    """What to type when rows from `from_ms` on are missing: `runner data pull BTC/USDT:USDT …`."""
    bars = f" --timeframe {timeframe_name(timeframe_ms)}" if timeframe_ms else ""
    return f"runner data pull {symbol}{bars} --from {'DATE' if from_ms is None else format_day(from_ms)}"


class Written(NamedTuple):
    """How many of the rows handed in were new, already there, or differed from the row of the same time."""

    new: int
    same: int
    replaced: int

    def plus(self, other: "Written") -> "Written":
        """Both together."""
        return Written(self.new + other.new, self.same + other.same, self.replaced + other.replaced)


NOTHING_WRITTEN = Written(0, 0, 0)


class Difference(NamedTuple):
    """A stored row and a new one of the same time disagree."""

    time_ms: int
    text: str


class Merged(NamedTuple):
    """What became of the rows, and the first differences of each part."""

    written: Written
    differences: tuple[Difference, ...]


Differing = Literal["refuse", "replace", "keep"]  # what becomes of a stored row that a new one contradicts


def write_rows(root: Path, key: SeriesKey, columns: Columns, *, venue: str, replace: bool = False) -> Written:
    """Merge valid, sorted rows into a series, all or nothing.

    A stored row that differs from the new one of the same time is a DataConflict unless `replace`.
    """
    with writer_lock(root):
        differing: Differing = "replace" if replace else "refuse"
        return merge_rows(root, key, columns, venue=venue, differing=differing).written


def merge_rows(
    root: Path, key: SeriesKey, columns: Columns, *, venue: str, differing: Differing = "refuse"
) -> Merged:
    """As `write_rows`, for a caller that holds the writer's lock; `keep` takes all but the differing rows."""
    times, floats = columns
    columns = times.astype(np.int64), tuple(column + 0.0 for column in floats)  # −0.0 becomes 0.0
    index = read_index(root, key)
    require_venue(index, key, venue)
    folder = key.folder(root)
    stored = {part.period: part for part in index.parts} if index else {}
    written = NOTHING_WRITTEN
    changed: dict[str, tuple[Part, bytes]] = {}
    differences: list[Difference] = []
    for period, piece in _split(key, columns):
        old = stored.get(period)
        rows = read_part(folder / old.file, key, old) if old else _join(key, (), 0)
        merged, counts, told = _merge(key, rows, piece, is_replacing=differing != "keep")
        differences += told
        written = written.plus(counts)
        if counts.new or (counts.replaced and differing != "keep"):
            changed[period] = encode_part(key, venue, merged)
    if differences and differing == "refuse":
        raise DataConflict(_conflict_message(key, differences, written.replaced))
    if changed:
        parts = stored | {period: part for period, (part, _) in changed.items()}
        ordered = Index(key, venue, tuple(parts[period] for period in sorted(parts)))
        _commit(folder, ordered, {part.file: content for part, content in changed.values()})
    return Merged(written, tuple(differences))


def require_venue(index: Index | None, key: SeriesKey, venue: str) -> None:
    """DataConflict when the series holds another venue's rows."""
    if index and index.venue != venue:
        raise DataConflict(
            f"{key.label} in the candle store is {index.venue}; these rows are {venue}: "
            f"take them into another RUNNER_HOME, or first: runner data remove {key.symbol}"
        )


def clear_leftovers(root: Path, key: SeriesKey) -> None:
    """Remove what killed writers left in a series' directory; the caller holds the writer's lock."""
    index = read_index(root, key)
    if index is not None:
        _clear(key.folder(root), index)


@contextmanager
def writer_lock(root: Path) -> Iterator[None]:
    """Hold the store's one writer's place; StoreBusy at once when somebody else has it."""
    import fcntl  # here, so that reading works on systems without it  # noqa: PLC0415

    root.mkdir(parents=True, exist_ok=True)
    path = root.with_name(root.name + ".lock")
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            raise StoreBusy(
                f"another runner (process {holder}) is writing to the candle store at {root}; "
                f"try again when it has ended"
            ) from None
        _note_holder(file, str(os.getpid()))
        try:
            yield
        finally:
            _note_holder(file, "")


def _note_holder(file: IO[str], holder: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(holder)
    file.flush()


def _split(key: SeriesKey, columns: Columns) -> Iterator[tuple[str, Columns]]:
    """The rows by part; periods change at midnight UTC, so one look a day is enough."""
    times, floats = columns
    days = times // 86_400_000
    starts = np.flatnonzero(np.concatenate(([True], days[1:] != days[:-1])))
    periods = [key.period(int(times[at])) for at in starts]
    edges = [int(starts[0])]
    edges += [int(starts[at]) for at in range(1, len(starts)) if periods[at] != periods[at - 1]]
    for start, stop in pairwise([*edges, len(times)]):
        piece = times[start:stop], tuple(column[start:stop] for column in floats)
        yield key.period(int(times[start])), piece


def _merge(
    key: SeriesKey, old: Columns, new: Columns, *, is_replacing: bool
) -> tuple[Columns, Written, list[Difference]]:
    """Old and new rows as one; a new row wins over a different old one if `is_replacing`, and it is told."""
    old_times, new_times = old[0], new[0]
    at = np.searchsorted(old_times, new_times)
    known = np.zeros(len(new_times), dtype=bool)
    inside = at < len(old_times)
    known[inside] = old_times[at[inside]] == new_times[inside]
    differs = np.zeros(len(new_times), dtype=bool)
    for old_column, new_column in zip(old[1], new[1], strict=True):
        differs[known] |= old_column[at[known]] != new_column[known]
    kept = np.ones(len(old_times), dtype=bool)
    fresh = ~known
    if is_replacing:
        kept[at[differs]] = False
        fresh |= differs
    times = np.concatenate((old_times[kept], new_times[fresh]))
    order = np.argsort(times, kind="stable")
    floats = tuple(
        np.concatenate((old_column[kept], new_column[fresh]))[order]
        for old_column, new_column in zip(old[1], new[1], strict=True)
    )
    first = np.flatnonzero(differs)[:_CONFLICTS_SHOWN]
    told = [_difference(key, old, int(at[row]), new, int(row)) for row in first]
    counts = Written(int(np.sum(~known)), int(np.sum(known & ~differs)), int(np.sum(differs)))
    return (times[order], floats), counts, told


def _difference(key: SeriesKey, old: Columns, old_row: int, new: Columns, new_row: int) -> Difference:
    pairs = [
        f"{name} {float(old_column[old_row])!r} is now {float(new_column[new_row])!r}"
        for name, old_column, new_column in zip(COLUMN_NAMES[key.kind][1:], old[1], new[1], strict=True)
        if old_column[old_row] != new_column[new_row]
    ]
    time = int(new[0][new_row])
    return Difference(time, f"{format_time(time)}: " + ", ".join(pairs))


def _conflict_message(key: SeriesKey, conflicts: list[Difference], count: int) -> str:
    rows = "row differs" if count == 1 else "rows differ"
    lines = [f"{count:,} {rows} from what is stored for {key.label}; --replace takes the new ones"]
    lines += [f"  {one.text}" for one in conflicts[:_CONFLICTS_SHOWN]]
    if count > _CONFLICTS_SHOWN:
        lines.append(f"  … and {count - min(len(conflicts), _CONFLICTS_SHOWN):,} more")
    return "\n".join(lines)


def _commit(folder: Path, index: Index, files: dict[str, bytes]) -> None:
    """New parts first, then the index by rename, then the leftovers go."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        for level in (folder.parent, folder.parent.parent, folder.parent.parent.parent):
            sync_directory(level)
    for name, content in files.items():
        write_whole(folder / name, content)
    sync_directory(folder)
    write_whole(folder / INDEX_NAME, index_bytes(index))
    sync_directory(folder)
    _clear(folder, index)


def _clear(folder: Path, index: Index) -> None:
    """Replaced parts go, and what a killed writer left behind."""
    named = {INDEX_NAME, ASKED_NAME} | {part.file for part in index.parts}
    for name in set(os.listdir(folder)) - named:
        (folder / name).unlink(missing_ok=True)


def _join(key: SeriesKey, pieces: Iterable[Columns], rows: int) -> Columns:
    """Pieces end to end in fresh arrays of `rows` rows, writable (numba compiles read-only arrays a second
    time).

    Only one piece is held at a time: Arrow keeps the memory it once had.
    """
    times = np.empty(rows, np.int64)
    floats = tuple(np.empty(rows) for _ in COLUMN_NAMES[key.kind][1:])
    start = 0
    for piece_times, piece_floats in pieces:
        part = slice(start, start + len(piece_times))
        times[part] = piece_times
        for column, piece in zip(floats, piece_floats, strict=True):
            column[part] = piece
        start = part.stop
    return times, floats


def _cut(columns: Columns, start_ms: int, stop_ms: int) -> Columns:
    times, floats = columns
    first, last = np.searchsorted(times, (start_ms, stop_ms))
    if first == 0 and last == len(times):
        return columns
    return times[first:last], tuple(column[first:last] for column in floats)
