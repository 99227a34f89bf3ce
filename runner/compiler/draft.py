"""A document's rules resolved: its program, its exit steps, and every problem on the way.

In: a validated and linted document and its places. Out: a `Draft`, or None, and problems (rule/…).
Refuses to know: NumPy, money, instruments, how rows are computed.
"""

from dataclasses import dataclass, field

from runner.bot.leaves import Condition
from runner.bot.model import Document
from runner.bot.problem import Path, Problem, error, has_errors, ordered
from runner.bot.source import Source
from runner.compiler.algebra import Unit
from runner.compiler.declared import declare_indicators
from runner.compiler.expression import parse
from runner.compiler.formula import Context, Term, term
from runner.compiler.names import Scope
from runner.compiler.nesting import DEPTH_MAX, PARTS_MAX, Extent, arranged, expanded, extent
from runner.compiler.program import ABSENT, STATEFUL, FactTest, Op, Program, Rule, Sheet
from runner.compiler.rule import condition, rule, together, undecided
from runner.compiler.tokens import Fault, TextError
from runner.domain.bar import SLOTS_MAX
from runner.domain.plan import (
    ABSENT as NO_STOP,
)
from runner.domain.plan import (
    BY_DISTANCE,
    BY_PRICE,
    BY_RATIO,
    NO_STEP,
    STEP_AND,
    STEP_COMPARE,
    STEP_NOT,
    STEP_OR,
    STEP_SLOT,
    STEPS_MAX,
    Step,
)
from runner.domain.time import TIMEFRAMES
from runner.domain.units import Ratio

_EXAMPLE_DISTANCE = "write 2% or 2.5 * atr"


@dataclass(frozen=True, slots=True)
class Draft:
    """`stop_kind`, `trail_kind`: domain's ABSENT, BY_RATIO, BY_DISTANCE or BY_PRICE."""

    program: Program
    exit_long: tuple[Step, ...]
    exit_short: tuple[Step, ...]
    stop_kind: int
    trail_kind: int
    timeframes: tuple[int, ...]
    needs_funding: bool
    needs_mark_price: bool


@dataclass(slots=True)
class _Work:
    """What is being drafted."""

    document: Document
    source: Source
    sheet: Sheet
    scope: Scope
    rules: dict[str, Rule | None]  # of named conditions, None until resolved; the scope reads it
    extents: dict[str, Extent] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)

    def tell(self, path: Path, faults: list[Fault]) -> None:
        """Faults of one text, with their places in the file."""
        for fault in faults:
            span = self.source.at(path, fault.offset, fault.length)
            self.problems.append(error(fault.code, fault.message, span, hint=fault.hint, path=path))

    def context(self, *, facts: bool) -> Context:
        """To resolve one text in."""
        return Context(self.sheet, self.scope, rule, facts=facts)


def draft(document: Document, source: Source) -> tuple[Draft | None, list[Problem]]:
    """Resolves everything that is text; None when something has a fault."""
    numbers = {name: parameter.default for name, parameter in document.parameters.items()}
    rules: dict[str, Rule | None] = dict.fromkeys(document.conditions)
    scope = Scope(numbers, declare_indicators(document), rules)
    work = _Work(document, source, Sheet(TIMEFRAMES[document.market.timeframe]), scope, rules)
    _resolve_conditions(work)
    entry, when = document.entry, document.exit.when
    enter_long = _rule(work, entry.long, ("entry", "long"), facts=False)
    enter_short = _rule(work, entry.short, ("entry", "short"), facts=False)
    exit_long = _rule(work, when.long, ("exit", "when", "long"), facts=True)
    exit_short = _rule(work, when.short, ("exit", "when", "short"), facts=True)
    stop_kind, stop = _stop(work)
    trail_kind, trail = _trail(work)
    steps_long, steps_short = _steps(work, "long", exit_long), _steps(work, "short", exit_short)
    if has_errors(work.problems):
        return None, ordered(work.problems)
    named = {
        "entry.long": enter_long,
        "entry.short": enter_short,
        "exit.when.long": exit_long,
        "exit.when.short": exit_short,
    }
    enter = [ABSENT if made is None else made.column for made in (enter_long, enter_short)]
    roots = [at for at in (*enter, stop, trail, *work.slots) if at != ABSENT]
    needed = [work.sheet.columns[at] for at in reachable(work.sheet, roots)]
    program = Program(
        timeframe_ms=work.sheet.timeframe_ms,
        columns=tuple(work.sheet.columns),
        calls=tuple(work.sheet.calls),
        enter_long=enter[0],
        enter_short=enter[1],
        stop=stop,
        trail_distance=trail,
        slots=tuple(work.slots),
        warmup_bars=max(
            (column.history for column in needed if column.timeframe_ms == work.sheet.timeframe_ms), default=0
        ),
        rules=tuple((place, made) for place, made in named.items() if made is not None),
    )
    made = Draft(
        program=program,
        exit_long=steps_long,
        exit_short=steps_short,
        stop_kind=stop_kind,
        trail_kind=trail_kind,
        timeframes=tuple(sorted({one.timeframe_ms for one in needed} - {0, program.timeframe_ms})),
        needs_funding=any(one.op == Op.BAR and one.name == "funding_rate" for one in needed),
        needs_mark_price=any(one.op == Op.BAR and one.name == "mark_price" for one in needed),
    )
    return made, ordered(work.problems)


def reachable(sheet: Sheet, roots: list[int]) -> list[int]:
    """The columns that the roots are made of, in computable order."""
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += sheet.columns[at].inputs
    return sorted(found)


def _resolve_conditions(work: _Work) -> None:
    """Every named condition, each after those it names; a name without a rule stands for a circle."""
    written = work.document.conditions
    own = {name: extent(one) for name, one in written.items()}
    for name in arranged(own):
        work.extents[name] = expanded(own[name], work.extents)
        work.rules[name] = _rule(work, written[name], ("conditions", name), facts=True)


def _rule(work: _Work, written: Condition | None, path: Path, *, facts: bool) -> Rule | None:
    """The rule at `path`; one that expands beyond reason is a problem and is not walked."""
    if written is None:
        return None
    context = work.context(facts=facts)
    if expanded(extent(written), work.extents).within():
        return condition(context, written, path, work.tell)
    message = f"written out, this has more than {PARTS_MAX} parts or {DEPTH_MAX} levels"
    hint = "use fewer conditions inside conditions"
    work.problems.append(error("rule/too-complex", message, work.source.span(path), hint=hint, path=path))
    if path[0] == "conditions":
        work.extents[str(path[1])] = Extent(1, 1)
    return undecided(context, "")


def _stop(work: _Work) -> tuple[int, int]:
    """Kind and column of the first stop."""
    stop = work.document.exit.stop_loss
    if stop is None:
        return NO_STOP, ABSENT
    if stop.price is None:
        assert stop.distance is not None
        return _distance(work, stop.distance, ("exit", "stop_loss", "distance"))
    path = ("exit", "stop_loss", "price")
    made = _formula(work, stop.price, path)
    if made.unit not in (Unit.PRICE, Unit.WRONG):
        _wrong_unit(
            work,
            stop.price,
            path,
            f"'{stop.price}' is {made.unit.value}, not a price",
            "write bands.lower, or lowest(low, 20)",
        )
    return BY_PRICE, made.column


def _trail(work: _Work) -> tuple[int, int]:
    trailing = work.document.exit.trailing_stop
    if trailing is None:
        return NO_STOP, ABSENT
    return _distance(work, trailing.distance, ("exit", "trailing_stop", "distance"))


def _distance(work: _Work, written: Ratio | str, path: Path) -> tuple[int, int]:
    if isinstance(written, Ratio):
        return BY_RATIO, work.sheet.constant(written.ratio, Unit.PERCENTAGE)
    made = _formula(work, written, path)
    if made.unit in (Unit.RATIO, Unit.PERCENTAGE):
        return BY_RATIO, made.column
    if made.unit not in (Unit.PRICE, Unit.WRONG):
        message = f"'{written}' is {made.unit.value}, not a distance"
        _wrong_unit(work, written, path, message, _EXAMPLE_DISTANCE)
    return BY_DISTANCE, made.column


def _wrong_unit(work: _Work, text: str, path: Path, message: str, hint: str) -> None:
    work.tell(path, [Fault("rule/type", message, hint, 0, len(text))])


def _formula(work: _Work, text: str, path: Path) -> Term:
    """The term of a formula on the bot's own bars; it knows no open position."""
    context = work.context(facts=False)
    context.path = path
    try:
        made = term(context, parse(text))
    except TextError as found:
        context.faults, made = [found.fault], context.wrong()
    if context.faults:
        work.tell(path, context.faults)
    return Term(work.sheet.aligned(made.column), made.unit)


def _steps(work: _Work, side: str, made: Rule | None) -> tuple[Step, ...]:
    """The exit program of one side, padded; too long a one is a problem."""
    if made is None:
        return (NO_STEP,) * STEPS_MAX
    steps = _lowered(work, made)
    message = hint = ""
    if len(steps) > STEPS_MAX:
        message = f"this exit rule takes {len(steps)} steps; {STEPS_MAX} at most"
        hint = "use fewer tests of the open position"
    elif len(work.slots) > SLOTS_MAX:
        message = f"exit rules compare with {len(work.slots)} different columns; {SLOTS_MAX} at most"
        hint = "put what the market shows into one named condition"
    if message:
        path = ("exit", "when", side)
        work.problems.append(error("rule/too-complex", message, work.source.span(path), hint=hint, path=path))
        steps, work.slots = [], []
    return tuple(steps) + (NO_STEP,) * (STEPS_MAX - len(steps))


def _lowered(work: _Work, made: Rule) -> list[Step]:
    """Postfix steps of a rule; what the market alone decides becomes one slot."""
    if made.column != STATEFUL:
        return [Step(STEP_SLOT, 0, 0, _slot(work, made.column))]
    if made.facts:
        return _compared(work, made.facts)
    if made.kind == "not":
        return [*_lowered(work, made.children[0]), Step(STEP_NOT, 0, 0, 0)]
    free = tuple(child.column for child in made.children if child.column != STATEFUL)
    parts: list[list[Step]] = []
    if free:
        column = together(work.context(facts=False), made.kind, free)
        parts.append([Step(STEP_SLOT, 0, 0, _slot(work, column))])
    parts += [_lowered(work, child) for child in made.children if child.column == STATEFUL]
    return _chained(parts, STEP_AND if made.kind in ("all", "named") else STEP_OR)


def _compared(work: _Work, facts: tuple[FactTest, ...]) -> list[Step]:
    tests = [[Step(STEP_COMPARE, test.fact, test.compare, _slot(work, test.column))] for test in facts]
    return _chained(tests, STEP_AND)


def _chained(parts: list[list[Step]], op: int) -> list[Step]:
    steps = list(parts[0])
    for part in parts[1:]:
        steps += [*part, Step(op, 0, 0, 0)]
    return steps


def _slot(work: _Work, column: int) -> int:
    if column not in work.slots:
        work.slots.append(column)
    return work.slots.index(column)
