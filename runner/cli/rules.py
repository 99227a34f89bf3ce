"""What `runner data` says about instrument rules, as text and as JSON.

In: what was imported or is stored. Out: lines and records.
Refuses to know: how rules are read, judged or stored.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.data.rules import StoredRules
    from runner.data.rules_file import ImportedRules

SHOWN_MAX = 12  # symbols without candles in text; --json lists all
_SHIPPED = "shipped defaults"


def imported_text(taken: "ImportedRules") -> str:
    """One file's line, and how many contracts were passed over."""
    from pathlib import Path

    from runner.data.rules import said_time

    reply, as_of_ms, rules, others = taken.taken
    new, same, replaced = taken.written
    counts = [f"{new:,} new"]
    counts += [f"{same:,} already there"] if same else []
    counts += [f"{replaced:,} replaced"] if replaced else []
    what = "tick, step and minimums" if reply == "exchangeInfo" else "margin brackets"
    whose = rules[0].market_id if len(rules) == 1 else f"{len(rules):,} symbols"
    lines = [f"✓ {Path(taken.file).name}  {what} of {whose} ({', '.join(counts)})  {said_time(as_of_ms)}"]
    if others:
        noun = "contract is" if others == 1 else "contracts are"
        lines.append(f"    {others:,} other {noun} no USDT or USDC perpetual")
    return "\n".join(lines)


def imported_record(taken: "ImportedRules") -> dict[str, Any]:
    """The same for --json."""
    from runner.data.symbol import canonical_symbol

    return {
        "file": taken.file,
        "taken": True,
        "kind": "instrument" if taken.taken.reply == "exchangeInfo" else "brackets",
        "symbols": [canonical_symbol(rules.market_id) for rules in taken.taken.rules],
        "as_of_ms": taken.taken.as_of_ms,
        "others": taken.taken.others,
        "new": taken.written.new,
        "same": taken.written.same,
        "replaced": taken.written.replaced,
    }


def stored_lines(stored: Sequence["StoredRules"], with_candles: set[str]) -> list[tuple[str, ...]]:
    """A table of the symbols with candles and the first few others; nothing when no rules are stored."""
    from runner.data.rules import said_time

    chosen = [rules for rules in stored if rules.market_id in with_candles]
    others = [rules for rules in stored if rules.market_id not in with_candles]
    chosen += others[: max(0, SHOWN_MAX - len(chosen))]
    if not chosen:
        return []
    lines: list[tuple[str, ...]] = [("instrument rules", "tick, step, minimums", "margin brackets")]
    for rules in sorted(chosen, key=lambda one: one.market_id):
        filters = _SHIPPED if rules.instrument is None else said_time(rules.instrument_as_of_ms)
        ladder = _SHIPPED
        if rules.brackets is not None:
            ladder = f"{len(rules.brackets)}, {said_time(rules.brackets_as_of_ms)}"
        lines.append((rules.market_id, filters, ladder))
    if len(chosen) < len(stored):
        lines.append((f"… and {len(stored) - len(chosen):,} more, all with --json", "", ""))
    return lines


def stored_record(rules: "StoredRules") -> dict[str, Any]:
    """One symbol's rules for --json, figures included."""
    from runner.data.symbol import canonical_symbol

    instrument, brackets = rules.instrument, rules.brackets
    return {
        "symbol": canonical_symbol(rules.market_id),
        "instrument": None if instrument is None else instrument._asdict(),
        "instrument_as_of_ms": rules.instrument_as_of_ms,
        "brackets": None if brackets is None else [bracket._asdict() for bracket in brackets],
        "brackets_as_of_ms": rules.brackets_as_of_ms,
    }
