"""A second opinion on what conditions mean: one tree, one bar at a time, plain Python, straight from the
language's text.

It shares the syntax tree with the compiler and nothing else: no columns, no NumPy operations.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    Trend,
    parts,
)
from runner.domain.series import Bars, Market
from runner.domain.time import TIMEFRAMES

FALSE, UNKNOWN, TRUE = 0, 1, 2


@dataclass
class Slow:
    """Evaluates trees at the close of one of the bot's own bars; `columns` are indicators by name."""

    market: Market
    columns: Mapping[str, tuple[int, list[float]]] = field(default_factory=dict)
    conditions: Mapping[str, Node] = field(default_factory=dict)

    def number(self, node: Node, row: int) -> float:
        """A formula's number seen from the bot's own bar `row`."""
        return self._on(node, self.market.bars.timeframe_ms, row)

    def verdict(self, node: Node, row: int) -> int:
        """A condition's verdict at the bot's own bar `row`."""
        if row < 0:
            return UNKNOWN
        match node:
            case Junction():
                verdicts = [self.verdict(one, row) for one in node.operands]
                return min(verdicts) if node.word == "and" else max(verdicts)
            case Not():
                return 2 - self.verdict(node.operand, row)
            case Held():
                return min(self.verdict(node.operand, row - back) for back in range(node.bars))
            case Comparison():
                return compared(node.sign, self.number(node.left, row), self.number(node.right, row))
            case Between():
                x, low, high = (self.number(one, row) for one in (node.operand, node.low, node.high))
                return min(compared(">=", x, low), compared("<=", x, high))
            case Cross():
                return max(self._cross(node, row - back) for back in range(max(1, node.within)))
            case Trend():
                return self._trend(node, row)
            case Name():
                return self.verdict(self.conditions[node.name], row - node.bars_ago)
            case _:
                raise AssertionError(node)

    def _cross(self, node: Cross, row: int) -> int:
        if row < 1:
            return UNKNOWN
        now = self.number(node.left, row), self.number(node.right, row)
        before = self.number(node.left, row - 1), self.number(node.right, row - 1)
        if any(math.isnan(number) for number in (*now, *before)):
            return UNKNOWN
        up = now[0] > now[1] and before[0] <= before[1]
        down = now[0] < now[1] and before[0] >= before[1]
        return 2 * {"above": up, "below": down, "": up or down}[node.direction]

    def _trend(self, node: Trend, row: int) -> int:
        timeframe_ms = self.timeframe(node.operand)
        own = self._row(timeframe_ms, row)
        verdicts = []
        for back in range(node.bars):
            now = self._on(node.operand, timeframe_ms, own - back)
            before = self._on(node.operand, timeframe_ms, own - back - 1)
            verdicts.append(compared(">" if node.direction == "rising" else "<", now, before))
        return min(verdicts)

    def timeframe(self, node: Node) -> int:
        """Whose rows a formula counts: its names' one timeframe, else the bot's own; 0 for a constant."""
        found = self._timeframes(node)
        return found.pop() if len(found) == 1 else self.market.bars.timeframe_ms if found else 0

    def _timeframes(self, node: Node) -> set[int]:
        if isinstance(node, Name):
            if node.name in self.columns:
                return {self.columns[node.name][0]}
            return {TIMEFRAMES[node.timeframe] if node.timeframe else self.market.bars.timeframe_ms}
        if isinstance(node, Call) and node.function == "bars_since":
            return {self.market.bars.timeframe_ms}
        return set[int]().union(*(self._timeframes(part) for part in parts(node)))

    def _on(self, node: Node, timeframe_ms: int, row: int) -> float:
        """A formula on row `row` of a timeframe; parts that live on a longer one are looked up from there."""
        if row < 0:
            return math.nan
        own = self.timeframe(node)
        if own not in (0, timeframe_ms):
            return self._on(node, own, self._row(own, row))
        match node:
            case Number():
                return float(node.digits) / {"": 1, "%": 100, "bps": 10_000, "R": 1}[node.suffix]
            case Negative():
                return -self._on(node.operand, timeframe_ms, row)
            case Arithmetic():
                left = self._on(node.left, timeframe_ms, row)
                return calculated(node.sign, left, self._on(node.right, timeframe_ms, row))
            case Name():
                return self._column(node, timeframe_ms, row - node.bars_ago)
            case Call():
                return self._call(node, timeframe_ms, row)
            case _:
                raise AssertionError(node)

    def _column(self, node: Name, timeframe_ms: int, row: int) -> float:
        if row < 0:
            return math.nan
        if node.name in self.columns:
            return self.columns[node.name][1][row]
        bars = self._bars(timeframe_ms)
        open_ms = int(bars.open_time_ms[row])
        match node.name:
            case "hour":
                return open_ms // 3_600_000 % 24
            case "weekday":
                return (open_ms // 86_400_000 + 3) % 7
            case "funding_rate":
                return self._funding_rate(open_ms + bars.timeframe_ms)
            case "mark_price":
                mark = self.market.mark
                price = float(mark.close[row]) if mark is not None else math.nan
                return float(bars.close[row]) if math.isnan(price) else price
            case "hl2":
                return (float(bars.high[row]) + float(bars.low[row])) / 2
            case _:
                return float(getattr(bars, node.name)[row])

    def _funding_rate(self, close_ms: int) -> float:
        funding = self.market.funding
        known = math.nan
        if funding is not None:
            for time_ms, funding_rate in zip(funding.time_ms, funding.funding_rate, strict=True):
                if time_ms <= close_ms:
                    known = float(funding_rate)
        return known

    def _call(self, node: Call, timeframe_ms: int, row: int) -> float:
        if node.function == "bars_since":
            return self._bars_since(node, row)
        if node.function in ("abs", "min", "max"):
            numbers = [self._on(one, timeframe_ms, row) for one in node.arguments]
            if any(math.isnan(number) for number in numbers):
                return math.nan
            return {"abs": lambda: abs(numbers[0]), "min": lambda: min(numbers), "max": lambda: max(numbers)}[
                node.function
            ]()
        count = int(self._on(node.arguments[1], timeframe_ms, row)) if len(node.arguments) > 1 else 1
        if node.function == "change":
            before = self._on(node.arguments[0], timeframe_ms, row - count)
            return self._on(node.arguments[0], timeframe_ms, row) - before
        window = [self._on(node.arguments[0], timeframe_ms, row - back) for back in range(count)]
        if any(math.isnan(number) for number in window):
            return math.nan
        if node.function == "average":
            return sum(window) / count
        return max(window) if node.function == "highest" else min(window)

    def _bars_since(self, node: Call, row: int) -> float:
        limit = int(self.number(node.arguments[1], row)) if len(node.arguments) > 1 else 500
        for back in range(limit):
            verdict = self.verdict(node.arguments[0], row - back)
            if verdict == TRUE:
                return back
            if verdict == UNKNOWN:
                return math.nan
        return limit

    def _row(self, timeframe_ms: int, row: int) -> int:
        """The last bar of a timeframe that closed by the close of the bot's own bar `row`; −1 for none."""
        own = self.market.bars
        if timeframe_ms == own.timeframe_ms:
            return row
        if row < 0:
            return -1
        close_ms = int(own.open_time_ms[row]) + own.timeframe_ms
        found = -1
        for at, open_ms in enumerate(self.market.higher[timeframe_ms].open_time_ms):
            if int(open_ms) + timeframe_ms <= close_ms:
                found = at
        return found

    def _bars(self, timeframe_ms: int) -> Bars:
        own = self.market.bars
        return own if timeframe_ms == own.timeframe_ms else self.market.higher[timeframe_ms]


def compared(sign: str, left: float, right: float) -> int:
    """Three-valued."""
    if math.isnan(left) or math.isnan(right):
        return UNKNOWN
    holds = {
        ">": left > right,
        ">=": left >= right,
        "<": left < right,
        "<=": left <= right,
        "==": left == right,
        "!=": left != right,
    }
    return TRUE if holds[sign] else FALSE


def calculated(sign: str, left: float, right: float) -> float:
    """Division by zero is not a number."""
    if sign == "/":
        return left / right if right else math.nan
    return {"+": left + right, "-": left - right, "*": left * right}[sign]
