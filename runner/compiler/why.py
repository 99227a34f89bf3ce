"""Why: the rule trees of a program at the close of one bar, every node with its numbers and its verdict.

In: a program, a market, a row. Out: a `Trace`, as values and as text.
Refuses to know: orders, money, the gates behind the rules, files. A rule that asks about the open position
needs its facts handed in; without them it is UNKNOWN.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from indicators import registry
from runner.bot.problem import Path, dotted
from runner.compiler.algebra import Unit
from runner.compiler.columns import Compute, evaluate_tails
from runner.compiler.figures import figure, figures
from runner.compiler.names import FACTS
from runner.compiler.program import STATEFUL, FactTest, Program, Rule
from runner.compiler.tree import Between, Comparison, Cross, Held, Name, Trend, bars_text
from runner.domain.bar import FALSE, TRUE, UNKNOWN
from runner.domain.plan import (
    CMP_EQ,
    CMP_GE,
    CMP_GT,
    CMP_LE,
    CMP_LT,
    CMP_NE,
    FACT_PROFIT_R,
    FACT_PROFIT_RATIO,
)
from runner.domain.series import Market

SHOWN_MAX = 6  # earlier values printed for a trend

MARKS = {TRUE: "✓", FALSE: "✗", UNKNOWN: "?"}
WORDS = {TRUE: "yes", FALSE: "no", UNKNOWN: "unknown"}

_COMPARE: dict[int, tuple[str, Callable[[float, float], bool]]] = {
    CMP_GT: (">", lambda left, right: left > right),
    CMP_GE: (">=", lambda left, right: left >= right),
    CMP_LT: ("<", lambda left, right: left < right),
    CMP_LE: ("<=", lambda left, right: left <= right),
    CMP_EQ: ("==", lambda left, right: left == right),
    CMP_NE: ("!=", lambda left, right: left != right),
}
_SUBJECTS = {
    "entry.long": "long",
    "entry.short": "short",
    "exit.when.long": "exit from long",
    "exit.when.short": "exit from short",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One node: `detail` are its numbers in words; `operands` each with its last numbers, newest last."""

    kind: str
    path: Path
    text: str
    verdict: int
    detail: str
    operands: tuple[tuple[str, tuple[float, ...]], ...] = ()
    children: tuple["Reading", ...] = ()

    def plain(self) -> dict[str, object]:
        """As JSON would have it; an unknown number is None."""
        return {
            "path": dotted(self.path),
            "text": self.text,
            "verdict": WORDS[self.verdict],
            "detail": self.detail,
            "operands": [
                {"text": text, "now": None if math.isnan(numbers[-1]) else numbers[-1]}
                for text, numbers in self.operands
            ],
            "children": [child.plain() for child in self.children],
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """All rules at one row; before `warmup_bars` rows every rule's verdict is UNKNOWN."""

    row: int
    warmup_bars: int
    readings: tuple[tuple[str, Reading], ...]

    @property
    def warm(self) -> bool:
        """Whether rules count on this row."""
        return self.row >= self.warmup_bars

    def verdict(self, place: str) -> int:
        """The verdict of 'entry.long' and the like, as the bot sees it; FALSE for a rule it does not have."""
        reading = dict(self.readings).get(place)
        if reading is None:
            return FALSE
        return reading.verdict if self.warm else UNKNOWN


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The last numbers of every column, and the facts of the open position."""

    program: Program
    tails: Mapping[int, list[float]]
    facts: Mapping[int, float] = field(default_factory=dict)

    def now(self, column: int) -> float:
        return self.tails[column][-1]

    def unit(self, column: int) -> Unit:
        return self.program.columns[column].unit


def trace(
    program: Program,
    market: Market,
    row: int,
    *,
    facts: Mapping[int, float] | None = None,
    compute: Compute = registry.compute,
) -> Trace:
    """Reads every rule at the close of `row`. `facts`: domain's FACT_* of the open position, when there is
    one.
    """
    longest = max((column.bars for column in program.columns), default=1)
    tails = evaluate_tails(program, market, row, longest + 2, compute)
    numbers = _Numbers(program, tails, facts or {})
    readings = tuple((place, _reading(rule, numbers)) for place, rule in program.rules)
    return Trace(row, program.warmup_bars, readings)


def render_trace(found: Trace) -> str:
    """The text of `runner why`: a headline for each rule, then its nodes."""
    lines: list[str] = []
    for place, reading in found.readings:
        lines.append(_headline(place, reading, found))
        shown = reading.children if reading.kind in ("all", "any") else (reading,)
        for child in shown:
            lines += _lines(child, "  ")
    return "\n".join(lines)


def _reading(rule: Rule, numbers: _Numbers) -> Reading:
    children = tuple(_reading(child, numbers) for child in rule.children)
    operands = tuple((side.text, tuple(numbers.tails[side.column][-2:])) for side in rule.operands)
    if rule.column == STATEFUL:
        verdict = _stateful_verdict(rule, children, numbers)
    else:
        verdict = int(numbers.now(rule.column))
    return Reading(rule.kind, rule.path, rule.text, verdict, _detail(rule, numbers), operands, children)


def _stateful_verdict(rule: Rule, children: tuple[Reading, ...], numbers: _Numbers) -> int:
    if rule.facts:
        return min(_fact_verdict(test, numbers) for test in rule.facts)
    verdicts = [child.verdict for child in children]
    if rule.kind == "not":
        return TRUE - verdicts[0]
    return max(verdicts) if rule.kind == "any" else min(verdicts)


def _fact_verdict(test: FactTest, numbers: _Numbers) -> int:
    fact, limit = numbers.facts.get(test.fact, math.nan), numbers.now(test.column)
    if math.isnan(fact) or math.isnan(limit):
        return UNKNOWN
    return TRUE if _COMPARE[test.compare][1](fact, limit) else FALSE


def _detail(rule: Rule, numbers: _Numbers) -> str:
    if rule.facts:
        return " and ".join(_fact_detail(test, numbers) for test in rule.facts)
    sides = [side.column for side in rule.operands]
    match rule.node:
        case Comparison():
            left, right = _pair(sides, numbers, -1)
            return f"{left} {rule.node.sign} {right}"
        case Cross():
            return _cross_detail(rule.node, sides, numbers, rule.column)
        case Trend():
            shown = numbers.tails[sides[0]][-min(rule.node.bars + 1, SHOWN_MAX) :]
            return " → ".join(figures(shown, numbers.unit(sides[0])))
        case Between():
            low, high = numbers.now(sides[1]), numbers.now(sides[2])
            unit = numbers.unit(sides[0])
            ends = [figure(low, numbers.unit(sides[1])), figure(high, numbers.unit(sides[2]))]
            return f"{figure(numbers.now(sides[0]), unit)} between {ends[0]} and {ends[1]}"
        case Held():
            return _held_detail(rule, rule.node.bars, numbers)
        case Name() if rule.kind == "held":
            return f"as it was {bars_text(rule.node.bars_ago)} before"
        case _:
            return ""


def _pair(sides: list[int], numbers: _Numbers, at: int) -> tuple[str, str]:
    """Two sides `at` a place from the end, with digits enough to tell them apart."""
    shown = [_at(numbers.tails[side], at) for side in sides]
    units = [numbers.unit(side) for side in sides]
    for digits in range(6, 18):
        left, right = (figure(number, unit, digits) for number, unit in zip(shown, units, strict=True))
        if left != right or shown[0] == shown[1]:
            break
    return left, right


def _at(tail: list[float], at: int) -> float:
    """A constant has one number, on every row."""
    return tail[at] if len(tail) >= -at else tail[0] if len(tail) == 1 else math.nan


def _cross_detail(node: Cross, sides: list[int], numbers: _Numbers, column: int) -> str:
    now, before = _pair(sides, numbers, -1), _pair(sides, numbers, -2)
    signs = _sign(sides, numbers, -1), _sign(sides, numbers, -2)
    text = f"{now[0]} {signs[0]} {now[1]} (before: {before[0]} {signs[1]} {before[1]})"
    if node.within > 1:
        inner = numbers.tails[numbers.program.columns[column].inputs[0]][-node.within :]
        ago = next((bars for bars, verdict in enumerate(reversed(inner)) if verdict == TRUE), None)
        when = f"{bars_text(ago)} ago" if ago else "this bar"
        text += f"; last cross {when}" if ago is not None else f"; no cross in the last {node.within} bars"
    return text


def _sign(sides: list[int], numbers: _Numbers, at: int) -> str:
    left, right = (_at(numbers.tails[side], at) for side in sides)
    if math.isnan(left) or math.isnan(right):
        return "?"
    return ">" if left > right else "<" if left < right else "="


def _held_detail(rule: Rule, bars: int, numbers: _Numbers) -> str:
    inner = rule.children[0].column
    verdicts = numbers.tails[inner][-bars:]
    held = sum(verdict == TRUE for verdict in verdicts)
    return f"held on {held} of the last {bars} bars"


def _fact_detail(test: FactTest, numbers: _Numbers) -> str:
    profit = (FACT_PROFIT_RATIO, FACT_PROFIT_R)
    name = next(
        name for name, (fact, _) in FACTS.items() if fact == test.fact or {fact, test.fact} == set(profit)
    )
    unit = numbers.unit(test.column)
    limit = figure(numbers.now(test.column), unit)
    if test.fact not in numbers.facts:
        return f"{name} {_COMPARE[test.compare][0]} {limit} (depends on the open position)"
    return f"{name} {figure(numbers.facts[test.fact], unit)} {_COMPARE[test.compare][0]} {limit}"


def _headline(place: str, reading: Reading, found: Trace) -> str:
    subject = _SUBJECTS[place]
    if not found.warm:
        return f"no {subject}: warming up, bar {found.row} of {found.warmup_bars}"
    lead = subject if reading.verdict == TRUE else f"no {subject}"
    if reading.kind not in ("all", "any"):
        return f"{lead}: {WORDS[reading.verdict]}"
    count = len(reading.children)
    held = sum(child.verdict == TRUE for child in reading.children)
    unknown = sum(child.verdict == UNKNOWN for child in reading.children)
    asked = "" if reading.kind == "all" else ", one is enough"
    tail = f", {unknown} not known" if unknown else ""
    return f"{lead}: {held} of {count} conditions held{asked}{tail}"


def _lines(reading: Reading, indent: str) -> list[str]:
    head = f"{indent}{MARKS[reading.verdict]} {WORDS[reading.verdict]:<8}{_label(reading)}"
    if reading.detail:
        head = f"{head:<52} {reading.detail}"
    lines = [head]
    # A named condition and its only node are one line of thought: the node's own children follow at once.
    for child in reading.children:
        lines += _lines(child, indent + "  ")
    return lines


def _label(reading: Reading) -> str:
    if reading.kind in ("all", "any") and reading.text in ("all", "any"):
        return f"{reading.text} of:"
    return reading.text
