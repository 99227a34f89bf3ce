"""What every `runner data` command says about a series: its key and its gaps; and how JSON is printed.

In: keys, gaps. Out: lines and records.
Refuses to know: where they come from.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from runner.domain.facts import Gap

JSON_VERSION = 1
_SHOWN_MAX = 5  # gaps listed in text; --json lists all


def key_record(key: Any) -> dict[str, Any]:
    """Symbol, kind and timeframe."""
    from runner.domain.time import timeframe_name

    timeframe = timeframe_name(key.timeframe_ms) if key.timeframe_ms else None
    return {"symbol": key.symbol, "kind": key.kind, "timeframe": timeframe}


def gap_lines(title: str, gaps: Sequence["Gap"], key: Any) -> list[str]:
    """How many, and the longest of them."""
    from runner.data.check import describe_gap

    if not gaps:
        return []
    total = sum(gap.bars for gap in gaps)
    longest = sorted(gaps, key=lambda gap: -gap.bars)[:_SHOWN_MAX]
    lines = [f"    {title}: {len(gaps):,}, together {total:,}"]
    lines += [f"      {describe_gap(gap, key)}" for gap in sorted(longest)]
    return lines + ([f"      … the {_SHOWN_MAX} longest; all with --json"] if len(gaps) > _SHOWN_MAX else [])


def gap_records(gaps: Sequence["Gap"]) -> list[dict[str, int]]:
    """All of them."""
    return [gap._asdict() for gap in gaps]


def print_json(tree: dict[str, Any]) -> None:
    """The tree under its version."""
    click.echo(json.dumps({"version": JSON_VERSION, **tree}, indent=2, ensure_ascii=False))
