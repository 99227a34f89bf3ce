"""The syntax tree of a condition or formula, and its canonical spelling.

In: what the parser built. Out: immutable nodes; `unparse` gives one spelling per tree, and parsing it gives
an equal tree. Refuses to know: which names exist, units, timeframes, numbers behind names.
Places (`offset`, `length` in the text) do not take part in equality: two spellings of one thing are equal.
"""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands in its text; equal to any other, so that trees compare by meaning."""

    offset: int = field(default=0, compare=False)
    length: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """`digits` canonical decimal text; `suffix` '', '%', 'bps' or 'R'."""

    digits: str
    suffix: str
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$name`."""

    name: str
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Name:
    """`name.output@timeframe[bars_ago]`."""

    name: str
    output: str = ""
    timeframe: str = ""
    bars_ago: int = 0
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments)`."""

    function: str
    arguments: tuple["Node", ...]
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Negative:
    """`-operand`."""

    operand: "Node"
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left sign right` with one of + - * /."""

    sign: str
    left: "Node"
    right: "Node"
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left sign right` with one of > >= < <= == !=."""

    sign: str
    left: "Node"
    right: "Node"
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Cross:
    """`left crosses [above|below] right [within last N bars]`; `direction` '' is either way, `within` 0 is
    this bar.
    """

    direction: str
    left: "Node"
    right: "Node"
    within: int = 0
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Trend:
    """`operand is rising|falling for N bars`: N changes in a row in that direction."""

    direction: str
    operand: "Node"
    bars: int = 1
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Between:
    """`operand between low and high`, both ends included."""

    operand: "Node"
    low: "Node"
    high: "Node"
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Held:
    """`operand for N bars`: true on each of the last N bars."""

    operand: "Node"
    bars: int
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Not:
    """`not operand`."""

    operand: "Node"
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Junction:
    """`a and b and c`, or the same with `or`; `word` says which."""

    word: str
    operands: tuple["Node", ...]
    place: Place = field(default_factory=Place)


Node: TypeAlias = (
    Number
    | Parameter
    | Name
    | Call
    | Negative
    | Arithmetic
    | Comparison
    | Cross
    | Trend
    | Between
    | Held
    | Not
    | Junction
)

# How tightly a node binds: an operand that binds less than its seat wants gets brackets.
_OR, _AND, _NOT, _TEST, _SUM, _TERM, _UNARY, _ATOM = range(8)


def unparse(node: Node) -> str:
    """The canonical spelling: one blank around signs, brackets only where they are needed."""
    return _text(node, _OR)


def parts(node: Node) -> tuple[Node, ...]:
    """The direct children of a node."""
    match node:
        case Number() | Parameter() | Name():
            return ()
        case Call():
            return node.arguments
        case Junction():
            return node.operands
        case Negative() | Trend() | Held() | Not():
            return (node.operand,)
        case Between():
            return (node.operand, node.low, node.high)
        case _:
            return (node.left, node.right)


def _text(node: Node, seat: int) -> str:
    binding, spelled = _spelling(node)
    return spelled if binding >= seat else f"({spelled})"


def _spelling(node: Node) -> tuple[int, str]:
    match node:
        case Number():
            blank = " " if node.suffix == "bps" else ""
            return _ATOM, f"{node.digits}{blank}{node.suffix}"
        case Parameter():
            return _ATOM, f"${node.name}"
        case Name():
            return _ATOM, _name(node)
        case Call():
            inside = ", ".join(_text(argument, _OR) for argument in node.arguments)
            return _ATOM, f"{node.function}({inside})"
        case Negative():
            return _UNARY, f"-{_text(node.operand, _UNARY)}"
        case Arithmetic():
            seat = _SUM if node.sign in "+-" else _TERM
            return seat, f"{_text(node.left, seat)} {node.sign} {_text(node.right, seat + 1)}"
        case Not():
            return _NOT, f"not {_text(node.operand, _NOT)}"
        case Junction():
            seat = _AND if node.word == "and" else _OR
            return seat, f" {node.word} ".join(_text(operand, _NOT) for operand in node.operands)
        case _:
            return _TEST, _test(node)


def _name(node: Name) -> str:
    output = f".{node.output}" if node.output else ""
    timeframe = f"@{node.timeframe}" if node.timeframe else ""
    ago = f"[{node.bars_ago}]" if node.bars_ago else ""
    return f"{node.name}{output}{timeframe}{ago}"


def _test(node: Comparison | Cross | Trend | Between | Held) -> str:
    match node:
        case Comparison():
            return f"{_operand(node.left)} {node.sign} {_operand(node.right)}"
        case Cross():
            way = f" {node.direction}" if node.direction else ""
            within = f" within last {bars_text(node.within)}" if node.within else ""
            return f"{_operand(node.left)} crosses{way} {_operand(node.right)}{within}"
        case Trend():
            bars = f" for {bars_text(node.bars)}" if node.bars > 1 else ""
            return f"{_operand(node.operand)} is {node.direction}{bars}"
        case Between():
            return f"{_operand(node.operand)} between {_operand(node.low)} and {_operand(node.high)}"
        case Held():
            # `x is rising for 3 bars` is a Trend, and a second `for` would read oddly: both get brackets.
            seat = _ATOM if isinstance(node.operand, Trend | Held) else _TEST
            return f"{_text(node.operand, seat)} for {bars_text(node.bars)}"


def _operand(node: Node) -> str:
    return _text(node, _SUM)


def bars_text(bars: int) -> str:
    """`1 bar`, `3 bars`."""
    return f"{bars} bar" if bars == 1 else f"{bars} bars"
