"""What was measured, against what was promised.

In: figures. Out: one table as text, or JSON (version 1); which figures miss a target that must hold anywhere.
Refuses to know: how anything is measured.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """One measurement. A ratio within one run holds on any machine; a time or a size only on a like one."""

    what: str
    measured: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    ratio: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.at_most is not None:
            return self.measured <= self.at_most
        return self.measured >= self.at_least if self.at_least is not None else None


def missed_ratios(figures: Sequence[Figure]) -> list[Figure]:
    """The ratios beyond their targets."""
    return [figure for figure in figures if figure.ratio and figure.met is False]


def render_table(figures: Sequence[Figure], notes: Sequence[str]) -> str:
    """One line a figure, then the notes."""
    rows = [
        (figure.what, f"{_short(figure.measured)} {figure.unit}", _target(figure), _MARKS[figure.met])
        for figure in figures
    ]
    widths = [max(len(row[at]) for row in [*rows, _HEAD]) for at in range(3)]
    lines = [
        f"{what:<{widths[0]}}  {measured:>{widths[1]}}  {target:>{widths[2]}}  {mark}".rstrip()
        for what, measured, target, mark in [_HEAD, *rows]
    ]
    return "\n".join([*lines, "", *notes]) + "\n"


def render_json(figures: Sequence[Figure], notes: Sequence[str]) -> str:
    """The same for machines."""
    listed = [{**figure._asdict(), "met": figure.met} for figure in figures]
    return json.dumps({"version": 1, "figures": listed, "notes": list(notes)}, indent=2) + "\n"


_HEAD = ("what", "measured", "target", "")
_MARKS = {True: "✓", False: "✗", None: ""}


def _short(measured: float) -> str:
    """Three digits, or all before the point."""
    return f"{measured:,.0f}" if measured >= 100 else f"{measured:.3g}"


def _target(figure: Figure) -> str:
    if figure.at_most is not None:
        return f"≤ {figure.at_most:g} {figure.unit}".rstrip()
    return f"≥ {figure.at_least:g} {figure.unit}".rstrip() if figure.at_least is not None else ""
