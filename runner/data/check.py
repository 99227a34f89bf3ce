"""The candle store under examination: is every part whole, and what is in it that a reader should know?

In: a root path. Out: one finding record a series, one a symbol for its instrument rules.
Refuses to know: how it is printed. It repairs nothing.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from runner.data.faults import find_faults
from runner.data.layout import Index, SeriesKey, list_keys, read_index
from runner.data.part import Columns, damaged
from runner.data.resample import find_gaps
from runner.data.rules import read_rules, ruled_symbols
from runner.data.store import read_rows
from runner.data.symbol import canonical_symbol, market_id
from runner.domain.facts import Gap
from runner.domain.series import Floats, Times
from runner.domain.time import FUNDING_INTERVAL_MS, format_time
from runner.errors import RunnerError


@dataclass(frozen=True, slots=True)
class Checked:
    """`damage` says why the series cannot be trusted; the rest are facts about the market's own record.

    `gaps` are missing bars or settlements, `zero_volume` runs of bars without a trade, `faults` counts rows.
    """

    key: SeriesKey
    index: Index | None
    damage: str | None
    faults: dict[str, int]
    gaps: tuple[Gap, ...]
    zero_volume: tuple[Gap, ...]

    @property
    def sound(self) -> bool:
        """Nothing is damaged or at fault; gaps and quiet bars are no fault."""
        return self.damage is None and not self.faults


def check_store(root: Path, symbol: str | None = None) -> list[Checked]:
    """Every series, or those of one symbol."""
    wanted = market_id(symbol) if symbol else None
    return [check_series(root, key) for key in list_keys(root) if wanted in (None, key.market_id)]


class CheckedRules(NamedTuple):
    """`damage` says why a symbol's instrument rules cannot be trusted."""

    symbol: str
    damage: str | None


def check_rules(root: Path, symbol: str | None = None) -> list[CheckedRules]:
    """The instrument rules of every symbol, or of one."""
    return [_check_rules(root, name) for name in ruled_symbols(root, symbol)]


def _check_rules(root: Path, name: str) -> CheckedRules:
    try:
        read_rules(root, name)
    except RunnerError as error:
        return CheckedRules(canonical_symbol(name), str(error))
    return CheckedRules(canonical_symbol(name), None)


def check_series(root: Path, key: SeriesKey) -> Checked:
    """Read all of it, compare the files with their SHA-256, judge the rows."""
    index: Index | None = None
    try:
        index = read_index(root, key)
        columns = read_rows(root, key)
        if index is not None:
            _compare_digests(root, index)
    except RunnerError as error:
        if index != _current_index(root, key):
            return check_series(root, key)  # a writer has changed the series meanwhile
        return Checked(key, index, str(error), {}, (), ())
    faults = {fault.name: len(fault.rows) for fault in find_faults(key, columns)}
    gaps = find_gaps(columns[0], key.timeframe_ms or FUNDING_INTERVAL_MS)
    return Checked(key, index, None, faults, gaps, _zero_volume_runs(key, columns))


def describe_gap(gap: Gap, key: SeriesKey) -> str:
    """`2023-03-24 12:40 to 14:00, 80 bars`, the day said once when it is the same."""
    step_ms = key.timeframe_ms or FUNDING_INTERVAL_MS
    start, stop = format_time(gap.from_ms), format_time(gap.from_ms + gap.bars * step_ms)
    shown = stop[11:] if start[:10] == stop[:10] else stop
    noun = "bar" if key.timeframe_ms else "settlement"
    return f"{start} to {shown}, {gap.bars:,} {noun}{'' if gap.bars == 1 else 's'}"


def _current_index(root: Path, key: SeriesKey) -> Index | None:
    """The index if it can be read."""
    try:
        return read_index(root, key)
    except RunnerError:
        return None


def _compare_digests(root: Path, index: Index) -> None:
    for part in index.parts:
        path = index.key.folder(root) / part.file
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise damaged(path, "its SHA-256 is not the one in the index")


def _zero_volume_runs(key: SeriesKey, columns: Columns) -> tuple[Gap, ...]:
    if key.kind != "last":
        return ()
    times, floats = columns
    return _runs(times, floats[4])


def _runs(times: Times, volume: Floats) -> tuple[Gap, ...]:
    quiet = np.concatenate(([0], (volume == 0).astype(np.int8), [0]))
    edges = np.diff(quiet)
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple(Gap(int(times[at]), int(end - at)) for at, end in zip(starts, stops, strict=True))
