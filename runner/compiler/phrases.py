"""Conditions and formulas in plain words: parameters as numbers, indicators by kind and settings.

In: syntax trees and the document that declares their names. Out: phrases.
Refuses to know: columns, verdicts, numbers of any bar.
"""

from dataclasses import dataclass

from indicators.registry import REGISTRY
from runner.bot.leaves import Condition
from runner.bot.model import Document, IndicatorUse
from runner.bot.settings import settings_of
from runner.compiler.expression import parse
from runner.compiler.names import MARKET_COLUMNS
from runner.compiler.tree import (
    Arithmetic,
    Between,
    Call,
    Comparison,
    Cross,
    Held,
    Junction,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Parameter,
    Trend,
    bars_text,
    unparse,
)

_SIGNS = {
    ">": "is above",
    ">=": "is at least",
    "<": "is below",
    "<=": "is at most",
    "==": "equals",
    "!=": "is not",
}
_CROSS = {
    "above": ("crosses above", "was at or below it on the bar before"),
    "below": ("crosses below", "was at or above it on the bar before"),
    "": ("crosses", "was not on this side of it on the bar before"),
}
_FACTS = {
    "bars_in_trade": "the number of bars in the trade",
    "open_profit": "the open profit",
    "position": "the position (1 long, -1 short)",
}
_WINDOWS = {"highest": "the highest", "lowest": "the lowest", "average": "the average"}


@dataclass(frozen=True, slots=True)
class Phrased:
    """A condition in words; `parts` are its list when it is one, joined by `word` all or any."""

    text: str
    word: str = ""
    parts: tuple["Phrased", ...] = ()


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases in the words of one document, its parameters at their defaults."""

    document: Document

    def condition(self, written: Condition) -> Phrased:
        """A condition as the document has it."""
        if isinstance(written, str):
            node = parse(written)
            if isinstance(node, Junction):
                parts = tuple(Phrased(self.node(operand)) for operand in node.operands)
                return Phrased(self.node(node), "all" if node.word == "and" else "any", parts)
            return Phrased(self.node(node))
        if isinstance(written, list):
            return self._list("all", written)
        ((word, inner),) = written.items()
        if word == "not":
            return Phrased(f"not: {self._joined(self.condition(inner))}")
        assert isinstance(inner, list)
        return self._list(word, inner)

    def node(self, node: Node) -> str:
        """A text's tree."""
        match node:
            case Junction():
                return f" {node.word} ".join(self._bracketed(operand) for operand in node.operands)
            case Not():
                return f"not: {self._bracketed(node.operand)}"
            case Comparison():
                return f"{self.formula(node.left)} {_SIGNS[node.sign]} {self.formula(node.right)}"
            case Cross():
                return self._cross(node)
            case Trend():
                verb = "has risen" if node.direction == "rising" else "has fallen"
                bars = f" {node.bars} bars in a row" if node.bars > 1 else ""
                return f"{self.formula(node.operand)} {verb}{bars}"
            case Between():
                ends = f"{self.formula(node.low)} and {self.formula(node.high)}"
                return f"{self.formula(node.operand)} is between {ends}"
            case Held():
                return f"{self._bracketed(node.operand)}, for {bars_text(node.bars)} in a row"
            case Name() if node.name in self.document.conditions:
                return self._named(node)
            case _:
                return self.formula(node)

    def formula(self, node: Node) -> str:
        """A number in words."""
        match node:
            case Number():
                return unparse(node)
            case Parameter():
                return f"{self.document.parameters[node.name].default:g}"
            case Name():
                return self._name(node)
            case Negative():
                return f"-{self._operand(node.operand)}"
            case Arithmetic():
                sign = {"*": "×", "/": "÷", "-": "−"}.get(node.sign, node.sign)
                seats = ("+-", "+-*/") if node.sign in "*/" else ("", "+-" if node.sign == "-" else "")
                return f"{self._operand(node.left, seats[0])} {sign} {self._operand(node.right, seats[1])}"
            case Call():
                return self._call(node)
            case _:
                return self.node(node)

    def indicator(self, use: IndicatorUse, output: str = "") -> str:
        """`EMA(50) on 4h`, `BOLLINGER(20, 2) upper`."""
        numbers = {name: parameter.default for name, parameter in self.document.parameters.items()}
        settings = settings_of(use.kind, use.settings, numbers)
        inside = ", ".join(f"{number:g}" for number in settings.values())
        source = "" if use.input == "close" or REGISTRY[use.kind].inputs != ("input",) else f" of {use.input}"
        timeframe = f" on {use.timeframe}" if use.timeframe else ""
        shown = f" {output}" if output and output != use.kind else ""
        return f"{use.kind.upper()}({inside}){shown}{source}{timeframe}"

    def _list(self, word: str, written: list[Condition]) -> Phrased:
        parts = tuple(self.condition(one) for one in written)
        joiner = " and " if word == "all" else " or "
        return Phrased(joiner.join(self._joined(part) for part in parts), word, parts)

    def _joined(self, phrased: Phrased) -> str:
        return f"({phrased.text})" if len(phrased.parts) > 1 else phrased.text

    def _bracketed(self, node: Node) -> str:
        text = self.node(node)
        return f"({text})" if isinstance(node, Junction) else text

    def _operand(self, node: Node, bracketed: str = "+-*/") -> str:
        text = self.formula(node)
        return f"({text})" if isinstance(node, Arithmetic) and node.sign in bracketed else text

    def _cross(self, node: Cross) -> str:
        verb, before = _CROSS[node.direction]
        sides = f"{self.formula(node.left)} {verb} {self.formula(node.right)}"
        if node.within > 1:
            return f"{sides} on one of the last {node.within} bars"
        return f"{sides} ({before})"

    def _named(self, node: Name) -> str:
        inner = self.condition(self.document.conditions[node.name]).text
        ago = f", {bars_text(node.bars_ago)} ago" if node.bars_ago else ""
        return f"{inner}{ago} [{node.name}]"

    def _name(self, node: Name) -> str:
        use = self.document.indicators.get(node.name)
        if use is not None:
            text = self.indicator(use, node.output)
        elif node.name in _FACTS:
            text = _FACTS[node.name]
        elif node.name in MARKET_COLUMNS:
            text = f"the {node.name.replace('_', ' ')}"
        else:
            text = f"the {node.timeframe} {node.name}" if node.timeframe else f"the {node.name}"
        return f"{text} {bars_text(node.bars_ago)} ago" if node.bars_ago else text

    def _call(self, node: Call) -> str:
        inside = [self.formula(argument) for argument in node.arguments]
        if node.function in _WINDOWS:
            return f"{_WINDOWS[node.function]} {inside[0]} of {inside[1]} bars"
        if node.function == "change":
            bars = inside[1] if len(inside) > 1 else "1"
            return f"the change of {inside[0]} over {bars} {'bar' if bars == '1' else 'bars'}"
        if node.function == "bars_since":
            return f"the number of bars since {self._bracketed(node.arguments[0])}"
        if node.function == "abs":
            return f"the distance of {inside[0]} from zero"
        chosen = "smallest" if node.function == "min" else "greatest"
        return f"the {chosen} of {', '.join(inside[:-1])} and {inside[-1]}"
