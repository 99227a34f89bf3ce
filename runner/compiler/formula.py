"""Formulas: the numeric half of a text, from syntax tree to columns.

In: a tree and what its names stand for. Out: a `Term` (column, unit); faults collected beside it.
Refuses to know: conditions (handed in as a function), documents, NumPy.
Longer timeframes: a formula whose names all live on one longer timeframe is computed on that timeframe's own
rows, so `[1]`, `change` and `highest` count its bars; where timeframes meet, each is first seen from the
bot's own bars.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from runner.bot.problem import Path, did_you_mean
from runner.compiler.algebra import Unit, arithmetic, joined, mismatch_hint
from runner.compiler.expression import BARS_MAX
from runner.compiler.names import (
    BAR_COLUMNS,
    FACTS,
    FUNCTIONS,
    MARKET_COLUMNS,
    Field,
    Scope,
    function_example,
)
from runner.compiler.program import STATEFUL, Op, Rule, Sheet
from runner.compiler.tokens import Fault
from runner.compiler.tree import (
    Arithmetic,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Parameter,
    unparse,
)
from runner.domain.time import FUNDING_INTERVAL_MS, TIMEFRAMES

SINCE_BARS = 500  # how far bars_since looks back unless told; beyond it answers this number

_ARITHMETIC = {"+": Op.ADD, "-": Op.SUBTRACT, "*": Op.MULTIPLY, "/": Op.DIVIDE}
_POINTWISE = {"min": Op.MIN, "max": Op.MAX}
_WINDOWS = {"highest": Op.HIGHEST, "lowest": Op.LOWEST, "average": Op.AVERAGE, "change": Op.CHANGE}
_SUFFIX = {
    "": (Unit.PLAIN, 0),
    "%": (Unit.PERCENTAGE, -2),
    "bps": (Unit.PERCENTAGE, -4),
    "R": (Unit.R, 0),
}


@dataclass(frozen=True, slots=True)
class Term:
    """A resolved formula: its column and unit; `fact` is a domain FACT_* for a fact of the open position,
    which has no column.
    """

    column: int
    unit: Unit
    fact: int = 0


@dataclass(slots=True)
class Context:
    """What resolving one text needs, and its faults. `rule` resolves a condition inside a formula."""

    sheet: Sheet
    scope: Scope
    rule: "Callable[[Context, Node], Rule]"
    path: Path = ()
    facts: bool = False
    faults: list[Fault] = field(default_factory=list)

    def fault(self, code: str, message: str, hint: str, node: Node) -> None:
        """Notes a fault at the node's place."""
        self.faults.append(Fault(code, message, hint, node.place.offset, node.place.length))

    def wrong(self) -> Term:
        """Stands for what has a fault; agrees with everything, so that one fault is told once."""
        return Term(self.sheet.constant(0.0, Unit.WRONG), Unit.WRONG)

    def timeframe_ms(self, term: Term) -> int:
        """Whose rows a term has; 0 for a constant."""
        return self.sheet.columns[term.column].timeframe_ms


def term(context: Context, node: Node) -> Term:
    """The column of a formula. What is no formula is a fault."""
    match node:
        case Number():
            unit, power = _SUFFIX[node.suffix]
            return Term(context.sheet.constant(float(f"{node.digits}e{power}"), unit), unit)
        case Parameter():
            return _parameter(context, node)
        case Name():
            return _name(context, node)
        case Call():
            return _call(context, node)
        case Negative():
            operand = term(context, node.operand)
            return Term(_derived(context, Op.NEGATE, (operand,), operand.unit), operand.unit)
        case Arithmetic():
            return _arithmetic(context, node)
        case _:
            context.rule(context, node)
            message = f"'{unparse(node)}' is a condition, not a number"
            context.fault("rule/type", message, "a number or a price is needed here", node)
            return context.wrong()


def fact_name(node: Node) -> str:
    """The fact of the open position that this node names, or ''."""
    return node.name if isinstance(node, Name) and node.name in FACTS else ""


def shared(context: Context, terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """The terms on one timeframe: as they are when they agree, else all on the bot's own bars."""
    timeframes = {context.timeframe_ms(one) for one in terms} - {0}
    if len(timeframes) <= 1:
        return terms
    return tuple(Term(context.sheet.aligned(one.column), one.unit) for one in terms)


def on_own_bars(context: Context, one: Term) -> Term:
    """The term seen from the bot's own bars."""
    return Term(context.sheet.aligned(one.column), one.unit)


def meet(context: Context, sign: str, sides: tuple[Term, Term], nodes: tuple[Node, Node], at: Node) -> bool:
    """Whether two sides can be compared; a fault when not."""
    unit = joined(sides[0].unit, sides[1].unit)
    if unit is not None and unit != Unit.R:
        return True
    message = f"{_said(nodes[0], sides[0])} and {_said(nodes[1], sides[1])} cannot be compared"
    hint = _percent_hint(sides, nodes) or mismatch_hint(sign, sides[0].unit, sides[1].unit, unparse(nodes[1]))
    context.fault("rule/type", message, hint, at)
    return False


def _said(node: Node, one: Term) -> str:
    return f"'{unparse(node)}' ({one.unit.value})"


def _percent_hint(sides: tuple[Term, Term], nodes: tuple[Node, Node]) -> str:
    """`funding_rate > 0.0005` → write 0.05%."""
    for at, other in ((0, 1), (1, 0)):
        node = nodes[at]
        if isinstance(node, Number) and not node.suffix and sides[other].unit == Unit.PERCENTAGE:
            scaled = float(node.digits) * 100
            return f"a percentage is written with its unit: {node.digits} is {scaled:g}%"
    return ""


def _parameter(context: Context, node: Parameter) -> Term:
    number = context.scope.parameters.get(node.name)
    if number is None:
        hint = context.scope.unknown_parameter_hint(node.name)
        context.fault("rule/unknown-name", f"unknown name '${node.name}'", hint, node)
        return context.wrong()
    return Term(context.sheet.constant(float(number), Unit.PLAIN), Unit.PLAIN)


def _name(context: Context, node: Name) -> Term:
    scope = context.scope
    if node.name in scope.conditions:
        message = f"'{node.name}' is a condition, not a number"
        context.fault("rule/type", message, "a number or a price is needed here", node)
        return context.wrong()
    if node.name in FACTS:
        return _misused_fact(context, node)
    if node.name in scope.indicators:
        return _indicator(context, node, scope.indicators[node.name])
    if node.name in BAR_COLUMNS or node.name in MARKET_COLUMNS:
        return _bar_column(context, node)
    hint = scope.unknown_name_hint(node.name, facts=context.facts)
    context.fault("rule/unknown-name", f"unknown name '{node.name}'", hint, node)
    return context.wrong()


def _misused_fact(context: Context, node: Name) -> Term:
    if not context.facts:
        exit_only_fault(context, node, f"'{node.name}'")
    else:
        message = f"'{node.name}' can only be compared"
        hint = "put it alone on one side: bars_in_trade >= 20, open_profit > 2R, position == 1"
        context.fault("rule/fact", message, hint, node)
    return context.wrong()


def exit_only_fault(context: Context, node: Node, subject: str) -> None:
    """A fact of the open position where there is none."""
    message = f"{subject} exists only while a position is open"
    context.fault("rule/exit-only", message, "use it under exit.when", node)


def _bar_column(context: Context, node: Name) -> Term:
    sheet = context.sheet
    if node.output:
        context.fault("rule/unknown-name", f"'{node.name}' has no outputs", f"write '{node.name}'", node)
        return context.wrong()
    if node.name in MARKET_COLUMNS:
        unit = MARKET_COLUMNS[node.name]
        if node.timeframe:
            hint = f"write '{node.name}'"
            context.fault("rule/timeframe", f"'{node.name}' has no other timeframe", hint, node)
            return context.wrong()
        funding_bars = -(-FUNDING_INTERVAL_MS // sheet.timeframe_ms)
        history = funding_bars if node.name == "funding_rate" else 0
        return _shifted(context, sheet.bar(node.name, unit, sheet.timeframe_ms, history), unit, node.bars_ago)
    unit = BAR_COLUMNS[node.name]
    timeframe_ms = sheet.timeframe_ms
    if node.timeframe:
        message, hint = timeframe_fault(node.timeframe, sheet.timeframe_ms, f"write '{node.name}'")
        if message:
            context.fault("rule/timeframe", message, hint, node)
            return context.wrong()
        timeframe_ms = TIMEFRAMES[node.timeframe]
    return _shifted(context, sheet.bar(node.name, unit, timeframe_ms), unit, node.bars_ago)


def timeframe_fault(timeframe: str, own_ms: int, without: str) -> tuple[str, str]:
    """Message and hint when `timeframe` is not a longer whole multiple of the bot's own; empty when it is."""
    asked_ms = TIMEFRAMES.get(timeframe, 0)
    longer = ", ".join(name for name, ms in TIMEFRAMES.items() if ms > own_ms and ms % own_ms == 0)
    allowed = f"longer ones are {longer}" if longer else "there is no longer one"
    if not asked_ms:
        return f"'{timeframe}' is not a timeframe", did_you_mean(
            timeframe, list(TIMEFRAMES), list_all=""
        ) or allowed
    if asked_ms == own_ms:
        return f"'{timeframe}' is the bot's own timeframe", without
    if asked_ms < own_ms:
        return f"'{timeframe}' is shorter than the bot's own timeframe", allowed
    if asked_ms % own_ms:
        return f"'{timeframe}' is no multiple of the bot's own timeframe", allowed
    return "", ""


def _indicator(context: Context, node: Name, declared: Field) -> Term:
    if node.timeframe:
        hint = f"give the declaration 'timeframe: {node.timeframe}'"
        message = f"'@{node.timeframe}' belongs to prices, not to the indicator '{node.name}'"
        context.fault("rule/timeframe", message, hint, node)
        return context.wrong()
    if not node.output and not declared.main:
        every = ", ".join(f"{node.name}.{output}" for output in declared.outputs)
        context.fault("rule/output", f"'{node.name}' has several outputs", f"write one of: {every}", node)
        return context.wrong()
    if node.output and node.output not in declared.outputs:
        hint = did_you_mean(node.output, list(declared.outputs))
        context.fault("rule/output", f"'{node.name}' has no output '{node.output}'", hint, node)
        return context.wrong()
    if declared.call is None:
        return context.wrong()
    output = declared.outputs.index(node.output) if node.output else 0
    unit = declared.unit(output)
    column = context.sheet.indicator(declared.call, output, unit, declared.memory_bars)
    return _shifted(context, column, unit, node.bars_ago)


def _shifted(context: Context, column: int, unit: Unit, bars_ago: int) -> Term:
    if bars_ago:
        column = context.sheet.derived(Op.SHIFT, (column,), unit, bars_ago)
    return Term(column, unit)


def _arithmetic(context: Context, node: Arithmetic) -> Term:
    left, right = term(context, node.left), term(context, node.right)
    unit = arithmetic(node.sign, left.unit, right.unit)
    if unit is None:
        message = f"{_said(node.left, left)} {node.sign} {_said(node.right, right)} has no meaning"
        hint = mismatch_hint(node.sign, left.unit, right.unit, unparse(node.right))
        context.fault("rule/type", message, hint, node)
        return context.wrong()
    divisor = context.sheet.columns[right.column]
    if node.sign == "/" and divisor.op == Op.CONSTANT and divisor.number == 0 and right.unit != Unit.WRONG:
        context.fault("rule/division", "this divides by zero", "nothing divided by zero is known", node.right)
        return context.wrong()
    return Term(_derived(context, _ARITHMETIC[node.sign], (left, right), unit), unit)


def _call(context: Context, node: Call) -> Term:
    if node.function not in FUNCTIONS:
        for argument in node.arguments:
            if not isinstance(argument, Name):
                term(context, argument)
        hint = context.scope.unknown_function_hint(node.function)
        context.fault("rule/unknown-name", f"unknown function '{node.function}'", hint, node)
        return context.wrong()
    least, most = FUNCTIONS[node.function]
    if not least <= len(node.arguments) <= most:
        needs = f"{least}" if least == most else f"{least} to {most}"
        noun = "argument" if needs == "1" else "arguments"
        message = f"'{node.function}' takes {needs} {noun}, not {len(node.arguments)}"
        context.fault("rule/arguments", message, f"write {function_example(node.function)}", node)
        return context.wrong()
    if node.function == "bars_since":
        return _bars_since(context, node)
    if node.function == "abs":
        operand = term(context, node.arguments[0])
        return Term(_derived(context, Op.ABS, (operand,), operand.unit), operand.unit)
    if node.function in _POINTWISE:
        return _pointwise(context, node)
    return _window(context, node)


def _pointwise(context: Context, node: Call) -> Term:
    """min and max: two at a time, from the left."""
    left_node = node.arguments[0]
    left = term(context, left_node)
    for right_node in node.arguments[1:]:
        right = term(context, right_node)
        if not meet(context, "<", (left, right), (left_node, right_node), node):
            return context.wrong()
        unit = joined(left.unit, right.unit)
        assert unit is not None
        left = Term(_derived(context, _POINTWISE[node.function], (left, right), unit), unit)
    return left


def _window(context: Context, node: Call) -> Term:
    operand = term(context, node.arguments[0])
    bars = _bars(context, node, node.arguments[1]) if len(node.arguments) > 1 else 1
    if operand.unit == Unit.WRONG or not bars:
        return context.wrong()
    if not context.timeframe_ms(operand):
        message = f"'{unparse(node.arguments[0])}' is the same on every bar"
        context.fault("rule/constant", message, f"write {function_example(node.function)}", node.arguments[0])
        return context.wrong()
    if bars == 1 and node.function != "change":
        return operand
    return Term(
        context.sheet.derived(_WINDOWS[node.function], (operand.column,), operand.unit, bars), operand.unit
    )


def _bars_since(context: Context, node: Call) -> Term:
    rule = context.rule(context, node.arguments[0])
    bars = _bars(context, node, node.arguments[1]) if len(node.arguments) > 1 else SINCE_BARS
    if rule.column == STATEFUL:
        message = "bars_since counts what the market shows, not the open position"
        context.fault("rule/fact", message, "use bars_in_trade", node.arguments[0])
        return context.wrong()
    if not bars:
        return context.wrong()
    return Term(context.sheet.derived(Op.BARS_SINCE, (rule.column,), Unit.COUNT, bars), Unit.COUNT)


def _bars(context: Context, call: Call, node: Node) -> int:
    """A count of bars: a whole number or parameter; 0 after a fault."""
    if not isinstance(node, Number | Parameter) or (isinstance(node, Number) and node.suffix):
        message = f"the second part of '{call.function}' is a whole number of bars"
        context.fault("rule/arguments", message, f"write {function_example(call.function)}", node)
        return 0
    number = context.sheet.columns[term(context, node).column]
    if number.unit == Unit.WRONG:
        return 0
    if number.number != int(number.number) or not 1 <= number.number <= BARS_MAX:
        message = f"{number.number:g} is not a number of bars"
        context.fault("rule/arguments", message, f"a whole number from 1 to {BARS_MAX}", node)
        return 0
    return int(number.number)


def _derived(context: Context, op: Op, terms: tuple[Term, ...], unit: Unit) -> int:
    """The column of `op`; constants are computed at once."""
    columns = [context.sheet.columns[one.column] for one in terms]
    if unit == Unit.WRONG or any(one.unit == Unit.WRONG for one in columns):
        return context.sheet.constant(0.0, Unit.WRONG)
    if all(one.op == Op.CONSTANT for one in columns):
        return context.sheet.constant(folded(op, *(one.number for one in columns)), unit)
    inputs = tuple(one.column for one in shared(context, terms))
    return context.sheet.derived(op, inputs, unit)


def folded(op: Op, left: float, right: float = 0.0) -> float:
    """`op` over constants."""
    match op:
        case Op.NEGATE:
            return 0.0 - left
        case Op.ABS:
            return abs(left)
        case Op.ADD:
            return left + right
        case Op.SUBTRACT:
            return left - right
        case Op.MULTIPLY:
            return left * right
        case Op.DIVIDE:
            return left / right
        case Op.MIN:
            return min(left, right)
        case _:
            assert op == Op.MAX, op
            return max(left, right)
