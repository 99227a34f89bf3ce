"""The contest as one table.

In: what was measured. Out: text, or JSON (version 1).
Refuses to know: how anything is measured.
"""

import json

from benchmarks.peers.contest import Contest
from benchmarks.peers.rounds import Measured
from benchmarks.table import render_table

_HEAD = (
    *("engine", "whole s", "cpu s", "inside s", "memory MB", "trades"),
    *("whole ÷ ours", "cpu ÷ ours", "inside ÷ ours", "differs"),
)


def render_standing(contest: Contest) -> str:
    """One line an engine, then the targets, then the notes."""
    ours = contest.engines[0]
    rows = [_HEAD, *(_row(engine, ours) for engine in contest.engines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD) - 1)]
    lines = []
    for row in rows:
        numbers = [f"{row[at]:>{widths[at]}}" for at in range(1, len(widths))]
        lines.append("  ".join([f"{row[0]:<{widths[0]}}", *numbers, row[-1]]).rstrip())
    return "\n".join([*lines, "", render_table(contest.figures, contest.notes)])


def standing_json(contest: Contest) -> str:
    """The same for machines."""
    told = {
        "version": 1,
        "engines": [engine._asdict() for engine in contest.engines],
        "figures": [{**figure._asdict(), "met": figure.met} for figure in contest.figures],
        "notes": contest.notes,
    }
    return json.dumps(told, indent=2) + "\n"


def _row(engine: Measured, ours: Measured) -> tuple[str, ...]:
    name = f"{engine.name} {engine.version}".strip()
    if engine.skipped:
        return (name, *("–",) * (len(_HEAD) - 2), f"skipped: {engine.skipped}")
    return (
        name,
        f"{engine.whole_s:.2f}",
        f"{engine.cpu_s:.2f}",
        f"{engine.inside_s:.3f}",
        f"{engine.memory_mb:,.0f}",
        f"{engine.trades:,}",
        f"{engine.whole_s / ours.whole_s:.1f}",
        f"{engine.cpu_s / ours.cpu_s:.1f}",
        f"{engine.inside_s / ours.inside_s:.1f}",
        engine.differs,
    )
