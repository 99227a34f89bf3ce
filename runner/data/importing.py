"""Users' files into the candle store: each file whole or not at all.

In: a path and what the user said about it. Out: what was taken; DataDamaged, DataConflict or UsageError.
Refuses to know: the command line, other files of the same call.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.data.faults import first_fault
from runner.data.filename import Guess, guess_from_name
from runner.data.layout import Kind, SeriesKey, series_key
from runner.data.part import COLUMN_NAMES
from runner.data.resample import find_gaps
from runner.data.settlement import on_the_hour
from runner.data.source_file import Raw, column_names, read_columns, refusal
from runner.data.store import Written, write_rows
from runner.domain.facts import PERPETUAL, SPOT, Gap
from runner.domain.series import Times
from runner.domain.time import FUNDING_INTERVAL_MS, HOUR_MS, TIMEFRAMES, timeframe_name
from runner.errors import DataConflict, UsageError


@dataclass(frozen=True, slots=True)
class Said:
    """What the user said; it goes before what the name or the rows suggest."""

    symbol: str | None = None
    timeframe_ms: int | None = None
    kind: Kind | None = None
    accept_spot: bool = False
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file; `notes` are sentences about how it was read."""

    file: str
    key: SeriesKey
    venue: str
    rows: int
    from_ms: int
    to_ms: int
    written: Written
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]


def import_file(root: Path, path: Path, said: Said) -> Imported:
    """Read, judge and merge one file; the store is untouched unless every row of it can be taken."""
    if not path.is_file():
        what = "this is a folder; name the files in it" if path.is_dir() else "no such file"
        raise UsageError(f"{path}: {what}")
    guess = guess_from_name(path.name)
    symbol, venue = _symbol_and_venue(path, said, guess)
    names = column_names(path)
    kind = _kind(path, said, guess, names)
    raw = read_columns(path, COLUMN_NAMES[kind])
    notes = _notes(raw, guess, said, kind)
    columns = raw.columns
    if kind == "funding":
        columns, late = on_the_hour(columns)
        notes += [f"{late:,} settlement times taken back to the whole hour"] if late else []
        key = series_key(symbol, kind)
    else:
        key = series_key(symbol, kind, _timeframe(path, said, guess, columns[0]))
    fault = first_fault(key, columns)
    if fault:
        raise refusal(path, fault)
    times = columns[0]
    try:
        written = write_rows(root, key, columns, venue=venue, replace=said.replace)
    except DataConflict as conflict:
        raise DataConflict(f"{path}: {conflict}") from conflict
    return Imported(
        file=str(path),
        key=key,
        venue=venue,
        rows=len(times),
        from_ms=int(times[0]),
        to_ms=int(times[-1]) + key.timeframe_ms,
        written=written,
        gaps=find_gaps(times, key.timeframe_ms or FUNDING_INTERVAL_MS),
        notes=tuple(notes),
    )


def _symbol_and_venue(path: Path, said: Said, guess: Guess) -> tuple[str, str]:
    if guess.spot and not (said.accept_spot and said.symbol):
        name = said.symbol or guess.symbol or "BTC/USDT:USDT"
        raise UsageError(
            f"{path}: spot candles are not the perpetual's; to use them in its place all the same, and have "
            f"every report say so, add --symbol {name} --accept-spot"
        )
    symbol = said.symbol or guess.symbol
    if symbol is None:
        raise UsageError(f"{path}: the name does not tell the symbol; give --symbol BTC/USDT:USDT")
    return symbol, SPOT if guess.spot or said.accept_spot else PERPETUAL


def _kind(path: Path, said: Said, guess: Guess, names: list[str]) -> Kind:
    """What the user says, or what the columns and the name say together."""
    if said.kind:
        return said.kind
    by_columns: Kind = "funding" if "rate" in names and "open" not in names else "last"
    if guess.kind is None or guess.kind == by_columns or (guess.kind, by_columns) == ("mark", "last"):
        return guess.kind or by_columns
    raise refusal(
        path,
        f"its name says {guess.kind}, its columns are {', '.join(names[:8])}; --kind settles which it is",
    )


def _timeframe(path: Path, said: Said, guess: Guess, times: Times) -> int:
    """What the user says; else the name and the commonest step, which must agree."""
    if said.timeframe_ms:
        return said.timeframe_ms
    steps, counts = np.unique(np.diff(times), return_counts=True)
    step = int(steps[np.argmax(counts)]) if len(steps) else None
    if step is None and guess.timeframe_ms is None:
        raise refusal(path, "one row does not tell a timeframe; give --timeframe")
    if step is None or step <= 0:  # unsorted or doubled rows: judged later, against what the name says
        return guess.timeframe_ms or HOUR_MS
    if step not in TIMEFRAMES.values():
        raise refusal(path, f"rows are mostly {step / 60_000:g} minutes apart, which is no timeframe")
    if guess.timeframe_ms not in (None, step):
        raise refusal(
            path,
            f"its name says {timeframe_name(guess.timeframe_ms)}, its rows are mostly {timeframe_name(step)} "
            f"apart; --timeframe settles which it is",
        )
    return step


def _notes(raw: Raw, guess: Guess, said: Said, kind: Kind) -> list[str]:
    notes = []
    if raw.unit != "milliseconds":
        notes.append(f"timestamps read as {raw.unit}")
    ignored = [name for name in raw.ignored if (kind, name) != ("mark", "volume")]
    if ignored:
        notes.append(f"columns not used: {', '.join(ignored[:8])}")
    if kind == "last" and guess.kind is None and not guess.spot and said.kind is None:
        notes.append("the name does not tell the venue: taken as the perpetual's last prices")
    return notes
