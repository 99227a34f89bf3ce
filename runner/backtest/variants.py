"""Each declared parameter a tenth lower and a tenth higher, compiled again.

In: a compiled bot. Out: variants, each compiled or with the reason why the parameter cannot move there.
Refuses to know: markets, runs.
A document's parameters fit their indicators over their whole range, so the range is all there is to keep.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from runner.bot.canonical import apply_overrides
from runner.bot.model import Parameter
from runner.compiler.build import Compiled, build
from runner.domain.instrument import NO_BRACKET
from runner.domain.stress import Move

TENTH = 0.1
DIGITS = 12  # 21 × 1.1 is 23.1, not 23.1 and some bits


class Variant(NamedTuple):
    """`compiled` None: the parameter stays where it is, `reason` says why."""

    name: str
    move: Move
    compiled: Compiled | None
    reason: str | None = None


def moved_parameters(compiled: Compiled) -> list[Variant]:
    """Two variants for each parameter, the lower number first."""
    return [
        _variant(compiled, name, parameter, upwards)
        for name, parameter in compiled.document.parameters.items()
        for upwards in (False, True)
    ]


def _variant(compiled: Compiled, name: str, parameter: Parameter, upwards: bool) -> Variant:
    before = float(parameter.default)
    title = f"{name} {'+' if upwards else '-'}10 %"
    stays = Move(name, before, None)
    if before == 0.0:
        return Variant(title, stays, None, f"{name} is 0, a tenth of which is nothing")
    edge = parameter.max if upwards else parameter.min
    if before == edge:
        word = "maximum" if upwards else "minimum"
        return Variant(title, stays, None, f"{name} stands at its {word}, {before:g}")
    reason = ""
    for after in candidates(before, edge):
        moved, refused = _recompiled(compiled, name, after)
        if moved is not None:
            return Variant(f"{name} {before:g} → {after:g}", Move(name, before, after), moved)
        reason = refused
    return Variant(title, stays, None, reason)


def candidates(before: float, edge: float) -> Iterator[float]:
    """A tenth towards `edge`, at most to it; then, for what must be whole, the whole number beyond that,
    or before it where the edge is nearer.
    """
    tenth = abs(before) * TENTH
    upwards = edge > before
    exact = float(f"{before + (tenth if upwards else -tenth):.{DIGITS}g}")
    exact = min(exact, edge) if upwards else max(exact, edge)
    yield exact
    away, back = (math.ceil, math.floor) if upwards else (math.floor, math.ceil)
    for whole in (float(away(exact)), float(back(exact))):
        within = before < whole <= edge if upwards else edge <= whole < before
        if within and whole != exact:
            yield whole


def _recompiled(compiled: Compiled, name: str, number: float) -> tuple[Compiled | None, str]:
    document, problems = apply_overrides(compiled.document, {name: number})
    if problems:
        return None, problems[0].message
    brackets = tuple(bracket for bracket in compiled.plan.brackets if bracket != NO_BRACKET)
    moved, problems = build(document, None, compiled.plan.instrument, brackets)
    return moved, next((found.message for found in problems if found.severity == "error"), "")
