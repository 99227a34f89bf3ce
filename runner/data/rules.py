"""Instrument rules in the candle store: one `instrument.json` a symbol, beside its series.

    candles/BTCUSDT/instrument.json    increments, minimums, liquidation fee; brackets; the time of each

In: a root path and a symbol. Out: the rules that were imported, or None; DataDamaged for a broken file.
Refuses to know: the shape in which the exchange hands them out, shipped defaults.

Either half may be missing: it comes from the exchange in two replies. A file is replaced whole, by a rename.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from runner.data.symbol import canonical_symbol, market_id
from runner.domain.instrument import BRACKETS_MAX, Bracket, Instrument
from runner.domain.time import MINUTE_MS, format_time
from runner.errors import DataDamaged

RULES_NAME = "instrument.json"
RULES_SCHEMA = 1
RULES_BYTES_MAX = 64 << 10  # sixteen brackets are 2 KB

_CENT_USDT = 0.01  # deductions are published to the cent


@dataclass(frozen=True, slots=True)
class StoredRules:
    """What was imported of one symbol; a half that never was is None. Times None: the reply did not tell."""

    market_id: str
    instrument: Instrument | None = None
    instrument_as_of_ms: int | None = None
    brackets: tuple[Bracket, ...] | None = None
    brackets_as_of_ms: int | None = None

    def path(self, root: Path) -> Path:
        """Its file."""
        return root / self.market_id / RULES_NAME


def read_rules(root: Path, symbol: str) -> StoredRules | None:
    """The stored rules of a symbol in either spelling."""
    name = market_id(symbol)
    path = StoredRules(name).path(root)
    try:
        with path.open("rb") as file:
            content = file.read(RULES_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        tree = json.loads(content)
        schema = tree["schema"]
        if schema == RULES_SCHEMA:
            return _rules_of(name, tree)
    except (ValueError, KeyError, TypeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DataDamaged(
            f"{path}: damaged ({what}); remove it and import exchangeInfo.json and leverageBracket.json again"
        ) from error
    raise DataDamaged(
        f"{path}: written with schema {schema}, this runner reads schema {RULES_SCHEMA}; "
        f"use the runner that wrote it, or another RUNNER_HOME"
    )


def rules_bytes(rules: StoredRules) -> bytes:
    """The file's content: the same rules always give the same bytes."""
    tree: dict[str, Any] = {
        "schema": RULES_SCHEMA,
        "symbol": canonical_symbol(rules.market_id),
        "instrument": None,
        "brackets": None,
    }
    if rules.instrument is not None:
        tree["instrument"] = {"as_of_ms": rules.instrument_as_of_ms, **rules.instrument._asdict()}
    if rules.brackets is not None:
        ladder = [bracket._asdict() for bracket in rules.brackets]
        tree["brackets"] = {"as_of_ms": rules.brackets_as_of_ms, "ladder": ladder}
    return (json.dumps(tree, indent=1, ensure_ascii=False) + "\n").encode()


def ruled_symbols(root: Path, symbol: str | None = None) -> Iterator[str]:
    """Market ids that have stored rules, or the one asked for if it has."""
    wanted = market_id(symbol) if symbol else None
    for path in sorted(root.glob(f"*/{RULES_NAME}")):
        try:
            name = market_id(path.parent.name)
        except ValueError:
            continue  # not ours
        if wanted in (None, name):
            yield name


def list_rules(root: Path) -> list[StoredRules]:
    """All stored rules, by symbol; DataDamaged when one cannot be read."""
    return [rules for name in ruled_symbols(root) if (rules := read_rules(root, name)) is not None]


def said_time(as_of_ms: int | None) -> str:
    """When the exchange said it, to the minute; the reply with the brackets has no time in it."""
    return "undated" if as_of_ms is None else f"{format_time(as_of_ms - as_of_ms % MINUTE_MS)} UTC"


def judge_instrument(instrument: Instrument) -> None:
    """ValueError that says what is wrong with increments and floors."""
    for name, number in zip(instrument._fields, instrument, strict=True):
        if not (math.isfinite(number) and number >= 0):
            raise ValueError(f"{name} {number!r} is not a number ≥ 0")
    for name in ("tick_size", "step_size", "quantity_max", "market_quantity_max"):
        if getattr(instrument, name) == 0:
            raise ValueError(f"{name} is 0")
    least = instrument.quantity_min
    if least > min(instrument.quantity_max, instrument.market_quantity_max):
        raise ValueError(f"the least quantity {least:g} is above the greatest")
    if instrument.liquidation_fee_ratio >= 1:
        raise ValueError(f"liquidation fee {instrument.liquidation_fee_ratio!r} is not a ratio below 1")


def judge_brackets(brackets: tuple[Bracket, ...]) -> None:
    """ValueError that says which bracket, counted from 1, is not what the one before it asks for.

    Caps and maintenance ratios rise, leverage falls, and maintenance has no jump at a floor:
    `deduction_n = floor_n × (ratio_n − ratio_n−1) + deduction_n−1`, to the cent.
    """
    if not 1 <= len(brackets) <= BRACKETS_MAX:
        raise ValueError(f"{len(brackets)} brackets; between 1 and {BRACKETS_MAX} can be held")
    for at, bracket in enumerate(brackets, 1):
        if not all(math.isfinite(number) for number in bracket):
            raise ValueError(f"bracket {at}: not all of its figures are numbers")
        if not 0 < bracket.maintenance_ratio < 1:
            raise ValueError(f"bracket {at}: maintenance ratio {bracket.maintenance_ratio!r} is not in 0 … 1")
        if bracket.leverage_max < 1:
            raise ValueError(f"bracket {at}: leverage {bracket.leverage_max:g} is below 1")
    first = brackets[0]
    if first.notional_usdt_max <= 0:
        raise ValueError(f"bracket 1: cap {first.notional_usdt_max:g} is not positive")
    if first.deduction_usdt != 0:
        raise ValueError(f"bracket 1: cum {first.deduction_usdt:g} should be 0")
    for at, (lower, upper) in enumerate(pairwise(brackets), 2):
        _judge_step(at, lower, upper)


def _judge_step(at: int, lower: Bracket, upper: Bracket) -> None:
    floor = lower.notional_usdt_max
    if upper.notional_usdt_max <= floor:
        raise ValueError(
            f"bracket {at}: cap {upper.notional_usdt_max:g} is not above the one before, {floor:g}"
        )
    if upper.maintenance_ratio <= lower.maintenance_ratio:
        raise ValueError(
            f"bracket {at}: maintenance ratio {upper.maintenance_ratio:g} is not above the one before, "
            f"{lower.maintenance_ratio:g}"
        )
    if upper.leverage_max > lower.leverage_max:
        raise ValueError(
            f"bracket {at}: leverage {upper.leverage_max:g} is above the one before, {lower.leverage_max:g}"
        )
    should = floor * (upper.maintenance_ratio - lower.maintenance_ratio) + lower.deduction_usdt
    if abs(upper.deduction_usdt - should) > _CENT_USDT:
        raise ValueError(
            f"bracket {at}: cum {upper.deduction_usdt:.2f} does not follow from the bracket before, "
            f"that gives {should:.2f}"
        )


def _rules_of(name: str, tree: Mapping[str, Any]) -> StoredRules:
    if tree["symbol"] != canonical_symbol(name):
        raise ValueError(f"it says it is of {tree['symbol']}")
    instrument, brackets = None, None
    filters, ladder = tree["instrument"], tree["brackets"]
    if filters is not None:
        instrument = Instrument(*(float(filters[field]) for field in Instrument._fields))
        judge_instrument(instrument)
    if ladder is not None:
        rungs = ladder["ladder"]
        brackets = tuple(Bracket(*(float(rung[field]) for field in Bracket._fields)) for rung in rungs)
        judge_brackets(brackets)
    return StoredRules(
        name,
        instrument,
        _time_of(filters),
        brackets,
        _time_of(ladder),
    )


def _time_of(half: Mapping[str, Any] | None) -> int | None:
    as_of = half["as_of_ms"] if half is not None else None
    return None if as_of is None else int(as_of)
