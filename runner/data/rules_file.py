"""Binance's replies of `exchangeInfo` and `leverageBracket` into stored rules, each whole or not at all.

In: a path to a saved reply. Out: what was taken; DataDamaged naming file, symbol and what is wrong.
Refuses to know: the network, the command line, shipped defaults.
Source: Binance USDⓈ-M futures, GET /fapi/v1/exchangeInfo (filters PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE,
MIN_NOTIONAL; liquidationFee) and GET /fapi/v1/leverageBracket (a list, or one object for one symbol).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from runner.data.rules import (
    StoredRules,
    judge_brackets,
    judge_instrument,
    read_rules,
    rules_bytes,
    said_time,
)
from runner.data.source_file import refusal
from runner.data.store import Written, writer_lock
from runner.data.symbol import market_id
from runner.domain.instrument import Bracket, Instrument
from runner.durable import sync_directory, write_whole
from runner.errors import DataConflict, UsageError

FILE_BYTES_MAX = 64 << 20  # exchangeInfo of 900 contracts is 2 MB

_TIME_MS_MIN, _TIME_MS_MAX = 1_230_768_000_000, 4_102_444_800_000

Reply = Literal["exchangeInfo", "leverageBracket"]


class Taken(NamedTuple):
    """The rules found in one reply, one half of each symbol's; `others` contracts are not ours to trade."""

    reply: Reply
    as_of_ms: int | None
    rules: tuple[StoredRules, ...]
    others: int


@dataclass(frozen=True, slots=True)
class ImportedRules:
    """What became of one file; `written` counts symbols."""

    file: str
    taken: Taken
    written: Written


def import_rules(root: Path, path: Path, symbol: str | None, *, is_replacing: bool) -> ImportedRules:
    """Read, judge and store the rules of every USDT and USDC perpetual in a file, or those of one symbol.

    Rules change, so a later reply takes the place of an earlier one; an earlier one that of a later only
    with `is_replacing`.
    """
    return _import(root, path, read_reply(path), symbol, is_replacing)


def import_reply(
    root: Path, name: str, text: str, symbol: str | None, *, is_replacing: bool
) -> ImportedRules:
    """The same for a reply that is no file; `name` is what messages call it."""
    path = Path(name)
    return _import(root, path, _taken(path, _parsed(path, text)), symbol, is_replacing)


def read_reply(path: Path) -> Taken:
    """The rules in a saved reply; nothing is stored."""
    return _taken(path, _json_of(path))


def rules_in(name: str, text: str) -> Taken:
    """The rules in a reply that is no file, called `name` in messages; nothing is stored."""
    path = Path(name)
    return _taken(path, _parsed(path, text))


def _import(root: Path, path: Path, taken: Taken, symbol: str | None, is_replacing: bool) -> ImportedRules:
    if symbol is not None:
        wanted = market_id(symbol)
        taken = taken._replace(rules=tuple(rules for rules in taken.rules if rules.market_id == wanted))
    if not taken.rules:
        raise refusal(path, f"{symbol} is not in it" if symbol else "no USDT or USDC perpetual is in it")
    return ImportedRules(str(path), taken, _write(root, path, taken.rules, is_replacing))


def _taken(path: Path, tree: Any) -> Taken:
    try:
        if isinstance(tree, Mapping) and "symbols" in tree:
            return _exchange_info(tree)
        if isinstance(tree, Mapping) and "brackets" in tree:
            return _leverage_bracket([tree])
        if isinstance(tree, list) and all(isinstance(one, Mapping) and "brackets" in one for one in tree):
            return _leverage_bracket(tree)
    except ValueError as error:
        raise refusal(path, str(error)) from error
    if isinstance(tree, Mapping) and "code" in tree and "msg" in tree:
        raise refusal(path, f"the exchange's reply is an error: {tree['code']} {str(tree['msg'])[:120]}")
    raise refusal(path, "neither a reply of exchangeInfo nor one of leverageBracket")


def _json_of(path: Path) -> Any:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise refusal(path, f"larger than {FILE_BYTES_MAX >> 20} MiB")
        return _parsed(path, path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such file") from error
    except (OSError, UnicodeError) as error:
        raise refusal(path, f"not a readable JSON file: {str(error)[:120]}") from error


def _parsed(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refusal(path, f"not a readable JSON file: {str(error)[:120]}") from error


def _exchange_info(tree: Mapping[str, Any]) -> Taken:
    symbols = _records("exchangeInfo", tree["symbols"])
    if not any("contractType" in one for one in symbols):
        raise ValueError("its symbols have no contractType: not the exchangeInfo of USDⓈ-M futures")
    as_of_ms = None if tree.get("serverTime") is None else _server_time(tree)
    ours = [one for one in symbols if _is_ours(one)]
    rules = tuple(
        StoredRules(market_id(one["symbol"]), instrument=_instrument(one), instrument_as_of_ms=as_of_ms)
        for one in ours
    )
    return Taken("exchangeInfo", as_of_ms, _unique(rules), len(symbols) - len(ours))


def _server_time(tree: Mapping[str, Any]) -> int:
    moment = _number("exchangeInfo", tree, "serverTime")
    if not _TIME_MS_MIN <= moment < _TIME_MS_MAX:
        raise ValueError(f"serverTime {moment:g} is no time in milliseconds between 2009 and 2100")
    return int(moment)


def _is_ours(record: Mapping[str, Any]) -> bool:
    """A perpetual that settles in the money it is quoted in; its name is one the store can use."""
    kind = record.get("contractType", "PERPETUAL")  # leverageBracket does not tell
    try:
        name = market_id(str(record.get("symbol")))
    except ValueError:
        return False  # delivery contracts, other quotes, names beyond A to Z
    quote = record.get("quoteAsset", name[-4:])
    return str(kind).endswith("PERPETUAL") and quote == record.get("marginAsset", quote) == name[-4:]


def _instrument(record: Mapping[str, Any]) -> Instrument:
    symbol = str(record["symbol"])
    filters = {one.get("filterType"): one for one in _records(f"{symbol}: filters", record.get("filters"))}

    def figure(kind: str, key: str) -> float:
        if kind not in filters:
            raise ValueError(f"{symbol}: no filter {kind}")
        return _number(f"{symbol}: {kind}", filters[kind], key)

    instrument = Instrument(
        tick_size=figure("PRICE_FILTER", "tickSize"),
        step_size=figure("LOT_SIZE", "stepSize"),
        quantity_min=figure("LOT_SIZE", "minQty"),
        quantity_max=figure("LOT_SIZE", "maxQty"),
        market_quantity_max=figure("MARKET_LOT_SIZE", "maxQty"),
        notional_usdt_min=figure("MIN_NOTIONAL", "notional"),
        liquidation_fee_ratio=_number(symbol, record, "liquidationFee"),
    )
    try:
        judge_instrument(instrument)
    except ValueError as error:
        raise ValueError(f"{symbol}: {error}") from error
    return instrument


def _leverage_bracket(tree: Sequence[Mapping[str, Any]]) -> Taken:
    ours = [one for one in tree if _is_ours(one)]
    rules = tuple(StoredRules(market_id(one["symbol"]), brackets=_brackets(one)) for one in ours)
    return Taken("leverageBracket", None, _unique(rules), len(tree) - len(ours))


def _brackets(record: Mapping[str, Any]) -> tuple[Bracket, ...]:
    symbol = str(record["symbol"])
    made: list[Bracket] = []
    cap = 0.0
    for at, one in enumerate(_records(f"{symbol}: brackets", record["brackets"]), 1):
        where = f"{symbol}: bracket {at}"
        floor = _number(where, one, "notionalFloor")
        if floor != cap:
            raise ValueError(f"{where}: floor {floor:g} is not the cap before it, {cap:g}")
        cap = _number(where, one, "notionalCap")
        ratio, cum = _number(where, one, "maintMarginRatio"), _number(where, one, "cum")
        made.append(Bracket(cap, ratio, cum, _number(where, one, "initialLeverage")))
    try:
        judge_brackets(tuple(made))
    except ValueError as error:
        raise ValueError(f"{symbol}: {error}") from error
    return tuple(made)


def _records(where: str, tree: Any) -> list[Mapping[str, Any]]:
    if not isinstance(tree, list) or not all(isinstance(one, Mapping) for one in tree):
        raise ValueError(f"{where}: not a list of records")
    return tree


def _number(where: str, record: Mapping[str, Any], key: str) -> float:
    """Binance writes numbers as text in one reply and plainly in the other."""
    found = record.get(key)
    if found is None:
        raise ValueError(f"{where}: no {key}")
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise ValueError(f"{where}: {key} is no number")
    try:
        return float(found)
    except (ValueError, OverflowError):
        raise ValueError(f"{where}: {key} {str(found)[:40]!r} is no number") from None


def _unique(rules: tuple[StoredRules, ...]) -> tuple[StoredRules, ...]:
    seen: set[str] = set()
    for one in rules:
        if one.market_id in seen:
            raise ValueError(f"{one.market_id} is in it twice")
        seen.add(one.market_id)
    return rules


def _write(root: Path, path: Path, found: tuple[StoredRules, ...], is_replacing: bool) -> Written:
    """All symbols are merged before the first is written; each file is replaced by a rename."""
    changed: list[StoredRules] = []
    new = same = replaced = 0
    with writer_lock(root):
        for rules in found:
            stored = read_rules(root, rules.market_id) or StoredRules(rules.market_id)
            known, equal = _compared(stored, rules)
            is_earlier = _is_earlier(stored, rules)
            new, same, replaced = new + (not known), same + equal, replaced + (known and not equal)
            if is_earlier and not equal and not is_replacing:
                raise _earlier(path, stored, rules)
            if not (is_earlier and equal):  # equal rules of an earlier time tell nothing new
                changed.append(_merged(stored, rules))
        for merged in changed:
            _replace(merged.path(root), rules_bytes(merged))
        sync_directory(root)
    return Written(new, same, replaced)


def _replace(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(exist_ok=True)
    write_whole(
        path, content
    )  # a rename lost in a power cut leaves the file before: nothing to sync 900 times


def _compared(stored: StoredRules, found: StoredRules) -> tuple[bool, bool]:
    """(whether the half that was found is stored, whether it has the same figures)."""
    if found.instrument is not None:
        return stored.instrument is not None, stored.instrument == found.instrument
    return stored.brackets is not None, stored.brackets == found.brackets


def _merged(stored: StoredRules, found: StoredRules) -> StoredRules:
    if found.instrument is not None:
        return replace(stored, instrument=found.instrument, instrument_as_of_ms=found.instrument_as_of_ms)
    return replace(stored, brackets=found.brackets, brackets_as_of_ms=found.brackets_as_of_ms)


def _is_earlier(stored: StoredRules, found: StoredRules) -> bool:
    """Only exchangeInfo has a time; a file without one counts as later than any."""
    before, now = stored.instrument_as_of_ms, found.instrument_as_of_ms
    return before is not None and now is not None and now < before


def _earlier(path: Path, stored: StoredRules, found: StoredRules) -> DataConflict:
    before, now = said_time(stored.instrument_as_of_ms), said_time(found.instrument_as_of_ms)
    return DataConflict(
        f"{path}: {found.market_id} is stored as of {before}, this file is of {now}; "
        f"--replace takes it all the same"
    )
