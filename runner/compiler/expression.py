"""The parser of conditions and formulas: text in, syntax tree out.

In: the text of one condition or formula. Out: a tree of `tree.py`, or a TextError with the place of the first
fault. Refuses to know: which names exist, units, documents. Imports no NumPy: `runner check` must stay fast.
Grammar: the language's reference (bots/README.md); a Pratt parser, so that every fault has its own sentence
and place.
"""

import re

from runner.compiler.tokens import (
    END,
    NUMBER,
    PARAMETER,
    SIGN,
    TIMEFRAME,
    WORD,
    Fault,
    TextError,
    Token,
    leftover,
    meant,
    missing,
    one_of,
    syntax_fault,
    tokenize,
)
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
    Place,
    Trend,
    unparse,
)
from runner.domain.units import shifted

DEPTH_MAX = 24  # brackets, calls, signs and nots inside each other
BARS_MAX = 5000  # the longest count of bars: more is a longer timeframe's business

_LOGIC = ("and", "or", "not")
_TESTS = ("is", "above", "below", "crosses", "rising", "falling", "between")
_COUNTS = ("for", "within", "last", "bars", "bar")
KEYWORDS = frozenset((*_LOGIC, *_TESTS, *_COUNTS))
_COMPARISONS = (">", ">=", "<", "<=", "==", "!=")
_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2}
_CROSS_CALLS = {
    "crosses_above": "above",
    "crossover": "above",
    "crosses_below": "below",
    "crossunder": "below",
}


def parse(text: str) -> Node:
    """The tree of `text`. Raises TextError."""
    return _Parser(tokenize(text)).whole()


def spelling(text: str) -> str:
    """The canonical spelling of `text`; the text itself, blanks trimmed, when it has a fault."""
    try:
        return unparse(parse(text))
    except TextError:
        return " ".join(text.split())


def identity(text: str) -> str:
    """What the bot hash is made of: the canonical spelling, percentages in one unit: `5 bps` → `0.05%`."""
    return re.sub(r"([0-9.]+) bps\b", lambda match: f"{shifted(float(match[1] + 'e-2'), 0)}%", spelling(text))


def canonical_number(digits: str) -> str:
    """`007.50` → `7.5`."""
    whole, _, fraction = digits.partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


class _Parser:
    """One pass over the tokens; each method reads one rule of the grammar and leaves `at` behind it."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def whole(self) -> Node:
        if self.token.kind == END:
            raise syntax_fault("an empty condition", "write one, such as: close > open", 0, 1)
        node = self._junction()
        if self.token.kind != END:
            raise leftover(self.token)
        return node

    def _junction(self) -> Node:
        start = self.token
        operands = [self._negation()]
        word = ""
        while self.token.kind == WORD and self.token.text in ("and", "or"):
            if word and self.token.text != word:
                message = "'and' and 'or' side by side: which comes first is not said"
                hint = "use brackets, or the lists all: and any:"
                raise TextError(
                    Fault("rule/mixed-and-or", message, hint, self.token.offset, self.token.length)
                )
            word = self._take().text
            operands.append(self._negation())
        return Junction(word, tuple(operands), self._place(start)) if word else operands[0]

    def _negation(self) -> Node:
        start = self.token
        if not self._accept("not"):
            return self._test()
        self._deeper(start)
        node = Not(self._negation(), self._place(start))
        self.depth -= 1
        return node

    def _test(self) -> Node:
        start = self.token
        node = self._test_core(self._sum(), start)
        while self._accept("for"):
            node = Held(node, self._bars(), self._place(start))
        return node

    def _test_core(self, left: Node, start: Token) -> Node:
        if self.token.kind == SIGN and self.token.text in _COMPARISONS:
            sign = self._take().text
            right = self._sum()
            node = Comparison(sign, left, right, self._place(start))
            if self.token.kind == SIGN and self.token.text in _COMPARISONS:
                hint = "write 'x between a and b', or two comparisons with 'and'"
                raise syntax_fault("two comparisons in a row", hint, self.token.offset, self.token.length)
            return node
        if self._accept("is"):
            return self._is(left, start)
        if self._accept("crosses"):
            return self._cross(left, start)
        if self._accept("between"):
            low = self._sum()
            self._expect("and", "'between' takes two ends", "write 'x between 10 and 20'")
            high = self._sum()
            return Between(left, low, high, self._place(start))
        return left

    def _is(self, left: Node, start: Token) -> Node:
        for word, sign in (("above", ">"), ("below", "<")):
            if self._accept(word):
                right = self._sum()
                return Comparison(sign, left, right, self._place(start))
        for word in ("rising", "falling"):
            if self._accept(word):
                bars = self._bars() if self._accept("for") else 1
                return Trend(word, left, bars, self._place(start))
        if self.token.kind == WORD and self.token.text == "not":
            hint = "put 'not' in front: 'not adx is rising'"
            raise syntax_fault("'is not' is not an operator", hint, self.token.offset, self.token.length)
        raise self._bad_operator("is", ("is above", "is below", "is rising", "is falling"))

    def _cross(self, left: Node, start: Token) -> Node:
        direction = ""
        if self.token.kind == WORD and self.token.text in ("above", "below"):
            direction = self._take().text
        elif self._misspelled_direction():
            raise self._bad_operator("crosses", ("crosses above", "crosses below"))
        right = self._sum()
        within = 0
        if self._accept("within"):
            self._expect("last", "'within' is followed by 'last'", "write 'within last 3 bars'")
            within = self._bars()
        return Cross(direction, left, right, within, self._place(start))

    def _misspelled_direction(self) -> bool:
        """`crosses abov ema`: a word where above or below belongs, and an operand behind it."""
        if self.token.kind != WORD:
            return False
        behind = self.tokens[self.at + 1]
        return behind.kind in (NUMBER, PARAMETER) or (behind.kind == WORD and behind.text not in KEYWORDS)

    def _sum(self, binding: int = 1) -> Node:
        """Precedence climbing over + - * /; signs of one precedence nest to the left."""
        start = self.token
        left = self._unary()
        while self.token.kind == SIGN and _BINDING.get(self.token.text, 0) >= binding:
            sign = self._take().text
            right = self._sum(_BINDING[sign] + 1)
            left = Arithmetic(sign, left, right, self._place(start))
        return left

    def _unary(self) -> Node:
        start = self.token
        if start.kind == SIGN and start.text in "+-":
            if start.text == "+":
                raise syntax_fault("a plus sign with nothing before it", "leave it out", start.offset, 1)
            self._take()
            self._deeper(start)
            node = Negative(self._unary(), self._place(start))
            self.depth -= 1
            return node
        return self._atom()

    def _atom(self) -> Node:
        start = self.token
        if start.kind == NUMBER:
            self._take()
            node: Node = Number(canonical_number(start.text), start.suffix, self._place(start))
        elif start.kind == PARAMETER:
            self._take()
            node = Parameter(start.text, self._place(start))
        elif start.kind == WORD and start.text not in KEYWORDS:
            self._take()
            if not self._at_sign("("):
                return self._name(start)
            node = self._call(start)
        elif self._at_sign("("):
            self._take()
            self._deeper(start)
            node = self._junction()
            self._close(start, ")")
            self.depth -= 1
        else:
            raise missing(start)
        self._refuse_bars_ago(node)
        return node

    def _refuse_bars_ago(self, node: Node) -> None:
        if self._at_sign("[") or self.token.kind == TIMEFRAME:
            sign = self.token.text if self._at_sign("[") else "@"
            hint = "write close[1] - open[1], or name the part: an indicator or a condition"
            raise syntax_fault(
                f"'{sign}' belongs to a name, not to '{unparse(node)}'", hint, self.token.offset, 1
            )

    def _name(self, start: Token) -> Node:
        output = timeframe = ""
        bars_ago = 0
        if self._at_sign("."):
            self._take()
            if self.token.kind != WORD:
                raise syntax_fault("an output's name is missing", "write bands.upper", self.token.offset, 1)
            output = self._take().text
            if self._at_sign("("):
                hint = "functions have no prefix: crosses_above(a, b)"
                raise syntax_fault(
                    f"'{start.text}.{output}' is not a function", hint, start.offset, start.length
                )
        if self.token.kind == TIMEFRAME:
            timeframe = self._take().text
        if self._at_sign("["):
            bars_ago = self._bars_ago()
        return Name(start.text, output, timeframe, bars_ago, self._place(start))

    def _bars_ago(self) -> int:
        opening = self._take()
        number = self.token
        if self._at_sign("-"):
            hint = "bars ago count backwards: close[1] is the bar before; the future cannot be read"
            raise TextError(Fault("rule/bars-ago", "bars ago cannot be negative", hint, number.offset, 2))
        if number.kind != NUMBER or number.suffix or "." in number.text or int(number.text) > BARS_MAX:
            hint = f"write a whole number from 0 to {BARS_MAX}: close[1] is the bar before"
            message = "bars ago is a plain whole number"
            raise TextError(Fault("rule/bars-ago", message, hint, number.offset, number.length))
        self._take()
        self._close(opening, "]")
        return int(number.text)

    def _call(self, start: Token) -> Node:
        opening = self._take()
        self._deeper(start)
        arguments: list[Node] = []
        if not self._at_sign(")"):
            arguments.append(self._junction())
            while self._at_sign(","):
                self._take()
                arguments.append(self._junction())
        self._close(opening, ")")
        self.depth -= 1
        place = self._place(start)
        direction = _CROSS_CALLS.get(start.text)
        if direction is None:
            return Call(start.text, tuple(arguments), place)
        if len(arguments) != 2:
            hint = f"write 'a crosses {direction} b'"
            raise syntax_fault(f"'{start.text}' takes two arguments", hint, place.offset, place.length)
        return Cross(direction, arguments[0], arguments[1], 0, place)

    def _bars(self) -> int:
        number = self.token
        if number.kind != NUMBER or number.suffix or "." in number.text:
            hint = "write 'for 3 bars'"
            raise syntax_fault("a whole number of bars is expected", hint, number.offset, number.length)
        self._take()
        if not 1 <= int(number.text) <= BARS_MAX:
            hint = f"from 1 to {BARS_MAX}"
            raise syntax_fault(f"{number.text} bars is out of reach", hint, number.offset, number.length)
        if not (self._accept("bars") or self._accept("bar")):
            hint = f"write '{number.text} bars'"
            raise syntax_fault("the word 'bars' is missing", hint, number.offset, number.length)
        return int(number.text)

    def _bad_operator(self, first: str, known: tuple[str, ...]) -> TextError:
        """For `crosses abov` and the like: the place is the second word, or both when it is misspelled."""
        second = self.token
        if second.kind != WORD:
            return syntax_fault(f"'{first}' is not complete", one_of(known), second.offset, second.length)
        before = self.tokens[self.at - 1]
        wrong = f"{first} {second.text}"
        length = second.offset + second.length - before.offset
        return syntax_fault(f"'{wrong}' is not an operator", meant(wrong, known), before.offset, length)

    def _take(self) -> Token:
        taken = self.token
        self.at += 1
        return taken

    def _accept(self, word: str) -> bool:
        if self.token.kind == WORD and self.token.text == word:
            self.at += 1
            return True
        return False

    def _expect(self, word: str, message: str, hint: str) -> None:
        if not self._accept(word):
            raise syntax_fault(message, hint, self.token.offset, self.token.length)

    def _at_sign(self, sign: str) -> bool:
        return self.token.kind == SIGN and self.token.text == sign

    def _close(self, opening: Token, sign: str) -> None:
        if not self._at_sign(sign):
            if self.token.kind == END:
                hint = f"add '{sign}'"
                raise syntax_fault("this bracket is never closed", hint, opening.offset, opening.length)
            raise leftover(self.token)
        self._take()

    def _deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            hint = "name the inner part under 'conditions'"
            raise syntax_fault(f"nested more than {DEPTH_MAX} deep", hint, token.offset, token.length)

    def _place(self, start: Token) -> Place:
        last = self.tokens[self.at - 1]
        return Place(start.offset, last.offset + last.length - start.offset)
