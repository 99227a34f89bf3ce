"""What can be wrong with rows of market data, said row by row.

In: columns of one series. Out: for each kind of fault the rows that have it, and a sentence for a row.
Refuses to know: files, the store. It repairs nothing.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from runner.data.layout import SeriesKey
from runner.data.part import COLUMN_NAMES, Columns
from runner.domain.time import HOUR_MS, format_time, timeframe_name

FUNDING_RATE_MAX = 0.1  # Binance caps at 0.03; beyond this it is a percentage, not a ratio

_YEAR_2009_MS, _YEAR_2100_MS = 1_230_768_000_000, 4_102_444_800_000

Mask = npt.NDArray[np.bool_]


class Fault(NamedTuple):
    """`rows` counts from 0; `name` is stable, for --json."""

    name: str
    rows: npt.NDArray[np.int64]


def find_faults(key: SeriesKey, columns: Columns) -> list[Fault]:
    """Every kind of fault that occurs, with its rows."""
    times, floats = columns
    off_grid = times % (key.timeframe_ms or HOUR_MS) != 0
    step = np.diff(times, prepend=times[:1] - 1)
    masks: dict[str, Mask] = {
        "not_a_time": (times < _YEAR_2009_MS) | (times >= _YEAR_2100_MS),
        "not_a_number": ~np.logical_and.reduce([np.isfinite(column) for column in floats]),
        "off_grid": off_grid,
        "duplicate": step == 0,
        "unsorted": step < 0,
    }
    if key.kind == "funding":
        masks["not_a_ratio"] = np.abs(floats[0]) > FUNDING_RATE_MAX
    else:
        opening, high, low, close = floats[:4]
        masks["not_positive"] = np.minimum(np.minimum(opening, close), np.minimum(low, high)) <= 0
        masks["high_too_low"] = high < np.maximum(np.maximum(opening, close), low)
        masks["low_too_high"] = low > np.minimum(opening, close)
        if key.kind == "last":
            masks["negative_volume"] = floats[4] < 0
    return [Fault(name, np.flatnonzero(mask)) for name, mask in masks.items() if mask.any()]


def describe_fault(key: SeriesKey, columns: Columns, name: str, row: int) -> str:
    """What is wrong with one row, with its numbers."""
    time = int(columns[0][row])
    figures = dict(
        zip(COLUMN_NAMES[key.kind][1:], (float(column[row]) for column in columns[1]), strict=True)
    )
    prices = {column: number for column, number in figures.items() if column not in {"volume", "rate"}}
    match name:
        case "not_a_time":
            return f"timestamp {time} is no time between 2009 and 2100"
        case "not_a_number":
            empty = next(column for column, number in figures.items() if not np.isfinite(number))
            return f"{empty} is {'empty or not a number' if np.isnan(figures[empty]) else figures[empty]}"
        case "off_grid":
            grid = f"{timeframe_name(key.timeframe_ms)} grid" if key.timeframe_ms else "whole hour"
            return f"its time is off the {grid}"
        case "duplicate":
            return "its time stands twice"
        case "unsorted":
            return f"it comes after {format_time(int(columns[0][row - 1]))}: rows are not sorted"
        case "not_a_ratio":
            return f"rate {figures['rate']!r} is not a ratio per interval (0.0001 is 0.01 %)"
        case "not_positive":
            worst = min(prices, key=lambda column: prices[column])
            return f"{worst} {prices[worst]!r} is not positive"
        case "high_too_low":
            other = max((column for column in prices if column != "high"), key=lambda column: prices[column])
            return f"high {prices['high']!r} is below the {other} {prices[other]!r}"
        case "low_too_high":
            other = min((column for column in prices if column != "low"), key=lambda column: prices[column])
            return f"low {prices['low']!r} is above the {other} {prices[other]!r}"
        case _:
            return f"volume {figures['volume']!r} is negative"


def first_fault(key: SeriesKey, columns: Columns) -> str | None:
    """The first bad row, counted from 1, and how many more there are; None when all is well."""
    faults = find_faults(key, columns)
    if not faults:
        return None
    earliest = min(faults, key=lambda fault: int(fault.rows[0]))
    row = int(earliest.rows[0])
    time = int(columns[0][row])
    when = "" if earliest.name == "not_a_time" else f" ({format_time(time)})"
    bad = len(np.unique(np.concatenate([fault.rows for fault in faults])))
    others = f"; {bad - 1:,} more bad row{'s' if bad > 2 else ''}" if bad > 1 else ""
    return f"row {row + 1:,}{when}: {describe_fault(key, columns, earliest.name, row)}{others}"
