"""Conditions: the yes-or-no half of a text, and the YAML lists around it, from trees to rules.

In: a condition as the document has it, and what its names stand for. Out: a `Rule` whose column is its
verdict on the bot's own bars, or that is stateful: it asks about the open position. Faults are collected with
their offsets. Refuses to know: how verdicts are computed, documents.
"""

from collections.abc import Callable

from runner.bot.problem import Path
from runner.compiler.algebra import Unit
from runner.compiler.expression import parse
from runner.compiler.formula import (
    Context,
    Term,
    exit_only_fault,
    fact_name,
    meet,
    on_own_bars,
    shared,
    term,
)
from runner.compiler.names import FACTS
from runner.compiler.program import STATEFUL, FactTest, Op, Operand, Rule
from runner.compiler.tokens import Fault, TextError
from runner.compiler.tree import (
    Between,
    Comparison,
    Cross,
    Held,
    Junction,
    Name,
    Node,
    Not,
    Trend,
    unparse,
)
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

_COMPARE = {">": CMP_GT, ">=": CMP_GE, "<": CMP_LT, "<=": CMP_LE, "==": CMP_EQ, "!=": CMP_NE}
_MIRROR = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_CROSS = {"above": Op.CROSS_ABOVE, "below": Op.CROSS_BELOW, "": Op.CROSS}

# Tells the faults of one text: its path and what was found.
Tell = Callable[[Path, list[Fault]], None]


def condition(context: Context, written: object, path: Path, tell: Tell) -> Rule:
    """The rule of a condition as the document has it: text, a list (all of them), {all: …}, {any: …} or {not:
    …}.
    """
    if isinstance(written, str):
        return text_rule(context, written, path, tell)
    if isinstance(written, list):
        return _list(context, "all", written, path, tell)
    assert isinstance(written, dict), "the schema has refused anything else"
    ((word, inner),) = written.items()
    if word == "not":
        child = condition(context, inner, (*path, "not"), tell)
        return Rule("not", path, f"not {child.text}", _negated(context, child), (child,))
    return _list(context, word, inner, (*path, word), tell)


def text_rule(context: Context, text: str, path: Path, tell: Tell) -> Rule:
    """The rule of one text; its faults go to `tell`."""
    context.path, context.faults = path, []
    try:
        made = rule(context, parse(text))
    except TextError as found:
        context.faults = [found.fault]
        made = undecided(context, text)
    if context.faults:
        tell(path, context.faults)
    return made


def rule(context: Context, node: Node) -> Rule:
    """The rule of a tree."""
    match node:
        case Junction():
            children = tuple(rule(context, operand) for operand in node.operands)
            return _joined(context, "all" if node.word == "and" else "any", children, unparse(node), node)
        case Not():
            child = rule(context, node.operand)
            column = _negated(context, child)
            return Rule("not", context.path, unparse(node), column, (child,), node=node)
        case Comparison():
            return _comparison(context, node)
        case Cross():
            return _cross(context, node)
        case Trend():
            return _trend(context, node)
        case Between():
            return _between(context, node)
        case Held():
            return _held(context, node)
        case Name() if node.name in context.scope.conditions:
            return _named(context, node)
        case _:
            return _number_instead(context, node)


def undecided(context: Context, text: str) -> Rule:
    """Stands for a rule with a fault."""
    return Rule("test", context.path, text, context.sheet.derived(Op.UNDECIDED, (), Unit.CONDITION))


def _list(context: Context, word: str, written: object, path: Path, tell: Tell) -> Rule:
    assert isinstance(written, list), "the schema has refused anything else"
    children = tuple(condition(context, one, (*path, at), tell) for at, one in enumerate(written))
    context.path = path
    return _joined(context, word, children, word, None)


def _joined(context: Context, word: str, children: tuple[Rule, ...], text: str, node: Node | None) -> Rule:
    columns = tuple(child.column for child in children)
    column = STATEFUL
    if STATEFUL not in columns:
        column = together(context, word, columns)
    return Rule(word, context.path, text, column, children, node=node)


def together(context: Context, word: str, columns: tuple[int, ...]) -> int:
    """The column of `all` or `any` over verdicts."""
    if len(columns) == 1:
        return columns[0]
    return context.sheet.derived(Op.ALL if word == "all" else Op.ANY, columns, Unit.CONDITION)


def _negated(context: Context, child: Rule) -> int:
    if child.column == STATEFUL:
        return STATEFUL
    return context.sheet.derived(Op.NOT, (child.column,), Unit.CONDITION)


def _named(context: Context, node: Name) -> Rule:
    if node.output or node.timeframe:
        context.fault("rule/type", f"'{node.name}' is a condition", f"write '{node.name}'", node)
        return undecided(context, unparse(node))
    child = context.scope.conditions[node.name]
    if child is None:
        context.fault("rule/cycle", f"'{node.name}' is defined by itself", "break the circle", node)
        return undecided(context, unparse(node))
    if child.column == STATEFUL and not context.facts:
        facts = ", ".join(sorted(facts_of(child)))
        exit_only_fault(context, node, f"'{node.name}' reads {facts}, which")
        return undecided(context, unparse(node))
    if not node.bars_ago:
        return Rule("named", context.path, node.name, child.column, (child,), node=node)
    if child.column == STATEFUL:
        _stateful_fault(context, node)
        return undecided(context, unparse(node))
    column = context.sheet.derived(Op.SHIFT_VERDICT, (child.column,), Unit.CONDITION, node.bars_ago)
    return Rule("held", context.path, unparse(node), column, (child,), node=node)


def facts_of(made: Rule) -> set[str]:
    """Names of the facts that a rule asks for."""
    names = {name for name, (fact, _) in FACTS.items() for test in made.facts if _same_fact(test.fact, fact)}
    for child in made.children:
        names |= facts_of(child)
    return names


def _same_fact(one: int, other: int) -> bool:
    profit = (FACT_PROFIT_RATIO, FACT_PROFIT_R)
    return one == other or (one in profit and other in profit)


def _number_instead(context: Context, node: Node) -> Rule:
    fact = fact_name(node)
    if fact and context.facts:
        hint = (
            f"compare it: '{fact} >= 20'"
            if fact == "bars_in_trade"
            else f"compare it: '{_FACT_EXAMPLES[fact]}'"
        )
        context.fault("rule/not-a-condition", f"'{fact}' is a number, not a condition", hint, node)
        return undecided(context, unparse(node))
    made = term(context, node)
    if made.unit != Unit.WRONG:
        text = unparse(node)
        message = f"'{text}' is {_a_number(made.unit)}, not a condition"
        hint = f"compare it: '{text} > …', '{text} crosses above …'"
        if made.unit == Unit.INDEX:
            hint = f"compare it: '{text} > 30'"
        context.fault("rule/not-a-condition", message, hint, node)
    return undecided(context, unparse(node))


_FACT_EXAMPLES = {"open_profit": "open_profit > 2R", "position": "position == 1"}


def _a_number(unit: Unit) -> str:
    return "a number" if unit in (Unit.PLAIN, Unit.COUNT, Unit.INDEX) else unit.value


def _comparison(context: Context, node: Comparison) -> Rule:
    if context.facts and (fact_name(node.left) or fact_name(node.right)):
        return _fact_comparison(context, node)
    left, right = term(context, node.left), term(context, node.right)
    if not meet(context, node.sign, (left, right), (node.left, node.right), node):
        return undecided(context, unparse(node))
    column = _compared(context, Op(node.sign), left, right)
    return _test(context, node, column, (node.left, node.right), (left, right))


def _compared(context: Context, op: Op, left: Term, right: Term) -> int:
    """The verdict on the bot's own bars; compared on a longer timeframe's rows if both sides live there."""
    if Unit.WRONG in (left.unit, right.unit):
        return context.sheet.derived(Op.UNDECIDED, (), Unit.CONDITION)
    inputs = tuple(one.column for one in shared(context, (left, right)))
    return context.sheet.aligned(context.sheet.derived(op, inputs, Unit.CONDITION))


def _test(
    context: Context, node: Node, column: int, nodes: tuple[Node, ...], terms: tuple[Term, ...]
) -> Rule:
    operands = tuple(Operand(unparse(at), one.column) for at, one in zip(nodes, terms, strict=True))
    return Rule("test", context.path, unparse(node), column, operands=operands, node=node)


def _fact_comparison(context: Context, node: Comparison) -> Rule:
    sign, fact_node, other_node = node.sign, node.left, node.right
    if not fact_name(fact_node):
        sign, fact_node, other_node = _MIRROR[node.sign], node.right, node.left
    tests = _fact_test(context, sign, fact_node, other_node, node)
    return _stateful(context, node, tests)


def _stateful(context: Context, node: Node, tests: tuple[FactTest | None, ...] | FactTest | None) -> Rule:
    found = tests if isinstance(tests, tuple) else (tests,)
    facts = tuple(test for test in found if test is not None)
    if len(facts) != len(found):
        return undecided(context, unparse(node))
    return Rule("test", context.path, unparse(node), STATEFUL, facts=facts, node=node)


def _fact_test(
    context: Context, sign: str, fact_node: Node, other_node: Node, at: Comparison | Between
) -> FactTest | None:
    assert isinstance(fact_node, Name)
    if fact_node.bars_ago or fact_node.timeframe or fact_node.output:
        hint = f"write '{fact_node.name}'"
        context.fault("rule/fact", f"only the present '{fact_node.name}' is known", hint, fact_node)
        return None
    if fact_name(other_node):
        hint = "compare it with a number, or with what the market shows"
        context.fault("rule/fact", "two facts of the open position cannot be compared", hint, at)
        return None
    fact, unit = FACTS[fact_node.name]
    other = on_own_bars(context, term(context, other_node))
    if fact == FACT_PROFIT_RATIO and other.unit == Unit.R:
        return FactTest(FACT_PROFIT_R, _COMPARE[sign], other.column)
    if fact == FACT_PROFIT_RATIO and other.unit == Unit.PLAIN:
        message = "open_profit is a percentage or a multiple of R"
        text = unparse(other_node)
        hint = f"write open_profit {sign} {text}% or open_profit {sign} {text}R"
        context.fault("rule/type", message, hint, at)
        return None
    if not meet(context, sign, (Term(other.column, unit), other), (fact_node, other_node), at):
        return None
    return FactTest(fact, _COMPARE[sign], other.column)


def _between(context: Context, node: Between) -> Rule:
    if context.facts and fact_name(node.operand):
        low = _fact_test(context, ">=", node.operand, node.low, node)
        high = _fact_test(context, "<=", node.operand, node.high, node)
        return _stateful(context, node, (low, high))
    nodes = (node.operand, node.low, node.high)
    operand, low_term, high_term = (term(context, one) for one in nodes)
    fits = [
        meet(context, sign, (operand, end), (node.operand, end_node), node)
        for sign, end, end_node in ((">=", low_term, node.low), ("<=", high_term, node.high))
    ]
    if not all(fits):
        return undecided(context, unparse(node))
    above = _compared(context, Op.GE, operand, low_term)
    below = _compared(context, Op.LE, operand, high_term)
    column = together(context, "all", (above, below))
    return _test(context, node, column, nodes, (operand, low_term, high_term))


def _cross(context: Context, node: Cross) -> Rule:
    """A cross is an event of one of the bot's own bars, whatever timeframes its sides live on."""
    left, right = term(context, node.left), term(context, node.right)
    if not meet(context, "crosses", (left, right), (node.left, node.right), node):
        return undecided(context, unparse(node))
    if Unit.WRONG in (left.unit, right.unit):
        return undecided(context, unparse(node))
    if not (context.timeframe_ms(left) or context.timeframe_ms(right)):
        hint = "one side must be a name that changes"
        context.fault("rule/constant", "two constants never cross", hint, node)
        return undecided(context, unparse(node))
    left, right = on_own_bars(context, left), on_own_bars(context, right)
    column = context.sheet.derived(_CROSS[node.direction], (left.column, right.column), Unit.CONDITION)
    if node.within > 1:
        column = context.sheet.derived(Op.WITHIN, (column,), Unit.CONDITION, node.within)
    return _test(context, node, column, (node.left, node.right), (left, right))


def _trend(context: Context, node: Trend) -> Rule:
    """Counted on the operand's own rows: `ema_4h is rising for 3 bars` speaks of 4h bars."""
    operand = term(context, node.operand)
    if operand.unit == Unit.WRONG:
        return undecided(context, unparse(node))
    if not context.timeframe_ms(operand):
        message = f"'{unparse(node.operand)}' is the same on every bar"
        context.fault("rule/constant", message, "it never rises and never falls", node)
        return undecided(context, unparse(node))
    op = Op.RISING if node.direction == "rising" else Op.FALLING
    column = context.sheet.derived(op, (operand.column,), Unit.CONDITION, node.bars)
    return _test(context, node, context.sheet.aligned(column), (node.operand,), (operand,))


def _held(context: Context, node: Held) -> Rule:
    child = rule(context, node.operand)
    if child.column == STATEFUL:
        _stateful_fault(context, node)
        return undecided(context, unparse(node))
    column = child.column
    if node.bars > 1:
        column = context.sheet.derived(Op.HELD, (column,), Unit.CONDITION, node.bars)
    return Rule("held", context.path, unparse(node), column, (child,), node=node)


def _stateful_fault(context: Context, node: Node) -> None:
    message = "what held about the open position on earlier bars is not kept"
    hint = "compare bars_in_trade, open_profit or position by itself"
    context.fault("rule/fact", message, hint, node)
