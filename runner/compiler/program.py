"""The program: every column that a bot's rules need, each once, in an order in which they can be computed.

In: operations asked for by the resolver. Out: a `Program` of plain, immutable values: columns by number, rule
trees for `why`. Refuses to know: NumPy, text, documents. Equal operations on equal inputs are one column.
`history`: rows of its own timeframe before the first row on which a column no longer depends on where the
data began.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from runner.bot.problem import Path
from runner.compiler.algebra import Unit
from runner.compiler.tree import Node

STATEFUL = -1  # the column of a rule that asks about the open position: it has none
ABSENT = -1


class Op(StrEnum):
    """What a column is. The first group are numbers, the second verdicts (FALSE, UNKNOWN, TRUE)."""

    CONSTANT = "constant"
    BAR = "bar"
    INDICATOR = "indicator"
    ALIGN = "align"
    SHIFT = "shift"
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    NEGATE = "negate"
    ABS = "abs"
    MIN = "min"
    MAX = "max"
    HIGHEST = "highest"
    LOWEST = "lowest"
    AVERAGE = "average"
    CHANGE = "change"
    BARS_SINCE = "bars_since"

    UNDECIDED = "undecided"
    GT = ">"
    GE = ">="
    LT = "<"
    LE = "<="
    EQ = "=="
    NE = "!="
    CROSS_ABOVE = "crosses above"
    CROSS_BELOW = "crosses below"
    CROSS = "crosses"
    RISING = "rising"
    FALLING = "falling"
    NOT = "not"
    ALL = "all"
    ANY = "any"
    HELD = "held"
    WITHIN = "within"
    ALIGN_VERDICT = "align verdict"
    SHIFT_VERDICT = "shift verdict"


# How much further back than its inputs an operation reads, by its `bars`.
_REACH_BARS = frozenset({Op.SHIFT, Op.SHIFT_VERDICT, Op.CHANGE, Op.RISING, Op.FALLING})
_REACH_WINDOW = frozenset({Op.HIGHEST, Op.LOWEST, Op.AVERAGE, Op.HELD, Op.WITHIN, Op.BARS_SINCE})
_REACH_ONE = frozenset({Op.CROSS_ABOVE, Op.CROSS_BELOW, Op.CROSS})


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `inputs` are earlier columns; `timeframe_ms` says whose rows it has (0: a constant, no
    rows).
    """

    op: Op
    inputs: tuple[int, ...]
    timeframe_ms: int
    unit: Unit
    history: int
    number: float = 0.0  # CONSTANT
    bars: int = 0  # length of a window, distance of a shift
    name: str = ""  # BAR: open … ohlc4, hour, weekday, funding_rate, mark_price
    call: int = ABSENT  # INDICATOR: which call
    output: int = 0  # INDICATOR: which of its outputs


@dataclass(frozen=True, slots=True)
class IndicatorCall:
    """One indicator to compute; `settings` sorted by name, `source` the chosen input column, '' when it is
    fixed.
    """

    kind: str
    settings: tuple[tuple[str, float], ...]
    source: str
    timeframe_ms: int


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a test, for `why`: its text and its column."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class FactTest:
    """A fact of the open position (domain's FACT_*) compared (CMP_*) with a column."""

    fact: int
    compare: int
    column: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A node of a rule tree.

    `kind`: all, any, not, named (one child: the named condition), held (one child) or test. `column` is its
    verdict on the bot's own bars, or STATEFUL; a stateful test has `facts`: all of them must hold. `node` is
    the text's tree, None for YAML lists.
    """

    kind: str
    path: Path
    text: str
    column: int
    children: tuple["Rule", ...] = ()
    operands: tuple[Operand, ...] = ()
    facts: tuple[FactTest, ...] = ()
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """All columns, and which of them the rows are made of; ABSENT where a bot has no such rule."""

    timeframe_ms: int
    columns: tuple[Column, ...] = ()
    calls: tuple[IndicatorCall, ...] = ()
    enter_long: int = ABSENT
    enter_short: int = ABSENT
    stop: int = ABSENT
    trail_distance: int = ABSENT
    slots: tuple[int, ...] = ()
    warmup_bars: int = 0
    rules: tuple[
        tuple[str, Rule], ...
    ] = ()  # by 'entry.long', 'entry.short', 'exit.when.long', 'exit.when.short'

    @property
    def outputs(self) -> tuple[int, ...]:
        """The columns that the rows are made of."""
        wanted = (self.enter_long, self.enter_short, self.stop, self.trail_distance, *self.slots)
        return tuple(at for at in wanted if at != ABSENT)

    def rule(self, place: str) -> Rule | None:
        """The tree of one rule, such as 'entry.long'."""
        return dict(self.rules).get(place)


@dataclass(slots=True)
class Sheet:
    """Collects columns while texts are resolved; asking twice for one column gives one number."""

    timeframe_ms: int
    columns: list[Column] = field(default_factory=list)
    calls: list[IndicatorCall] = field(default_factory=list)
    _known: dict[Column, int] = field(default_factory=dict)

    def constant(self, number: float, unit: Unit) -> int:
        """A number without rows."""
        return self._add(Column(Op.CONSTANT, (), 0, unit, 0, number=number))

    def bar(self, name: str, unit: Unit, timeframe_ms: int, history: int = 0) -> int:
        """A column of the bars themselves."""
        return self._add(Column(Op.BAR, (), timeframe_ms, unit, history, name=name))

    def indicator(self, call: IndicatorCall, output: int, unit: Unit, memory_bars: int) -> int:
        """One output of an indicator."""
        if call not in self.calls:
            self.calls.append(call)
        at = self.calls.index(call)
        return self._add(
            Column(Op.INDICATOR, (), call.timeframe_ms, unit, memory_bars, call=at, output=output)
        )

    def derived(self, op: Op, inputs: tuple[int, ...], unit: Unit, bars: int = 0) -> int:
        """`op` over inputs that share one timeframe, or are constants; constants alone give rows of the bot's
        own bars.
        """
        timeframes = {self.columns[at].timeframe_ms for at in inputs} - {0}
        assert len(timeframes) <= 1, (op, timeframes)
        timeframe_ms = timeframes.pop() if timeframes else self.timeframe_ms
        history = max((self.columns[at].history for at in inputs), default=0) + _reach(op, bars)
        return self._add(Column(op, inputs, timeframe_ms, unit, history, bars=bars))

    def aligned(self, at: int) -> int:
        """The same column on the bot's own bars: of a longer timeframe each row shows the last closed bar."""
        column = self.columns[at]
        if column.timeframe_ms in (0, self.timeframe_ms):
            return at
        # One longer bar may be half over when the data begins, and one is forming now.
        history = (column.history + 2) * (column.timeframe_ms // self.timeframe_ms)
        op = Op.ALIGN_VERDICT if column.unit == Unit.CONDITION else Op.ALIGN
        return self._add(Column(op, (at,), self.timeframe_ms, column.unit, history))

    def _add(self, column: Column) -> int:
        at = self._known.get(column)
        if at is None:
            at = self._known[column] = len(self.columns)
            self.columns.append(column)
        return at


def _reach(op: Op, bars: int) -> int:
    if op in _REACH_BARS:
        return bars
    if op in _REACH_WINDOW:
        return bars - 1
    return 1 if op in _REACH_ONE else 0
