"""The words of a condition or formula: numbers with their suffix, names, signs.

In: one text. Out: tokens with their offsets, closed by one END; or a Fault.
Refuses to know: grammar, names, YAML, files.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches

LENGTH_MAX = 1000  # characters of one text: longer ones are better named parts
TOKENS_MAX = 200  # also bounds the depth of chains like a + b + c, which nest to the left

NUMBER, WORD, PARAMETER, TIMEFRAME, SIGN, END = "number", "word", "parameter", "timeframe", "sign", "end"

SUFFIXES = ("%", "bps", "R")

_TOKEN = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<suffix>\ ?%|\ ?bps(?![A-Za-z0-9_])|\ ?R(?![A-Za-z0-9_]))?"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\$(?P<parameter>[A-Za-z_][A-Za-z0-9_]*)"
    r"|@(?P<timeframe>[A-Za-z0-9_]+)"
    r"|(?P<sign>>=|<=|==|!=|[-+*/()<>,.\[\]])"
)

# What people write from other languages, and what it is here.
_FOREIGN = {
    "&&": "write 'and'",
    "&": "write 'and'",
    "||": "write 'or'",
    "|": "write 'or'",
    "!": "write 'not'",
    "=": "write '==' to compare",
    "=>": "write '>='",
    "=<": "write '<='",
    "<>": "write '!='",
    "≥": "write '>='",
    "≤": "write '<='",
    "≠": "write '!='",
    "×": "write '*'",
    "÷": "write '/'",
    "−": "write '-'",
    "**": "multiply instead: close * close",
    "^": "multiply instead",
    "?": "conditions have no '?:'; use all: and any:",
    "$": "a parameter is written $name",
    "@": "a timeframe follows the name at once: close@4h",
    "{": "use round brackets",
    "}": "use round brackets",
    '"': "names are written without quotation marks",
    "'": "names are written without quotation marks",
}


OPERATORS = (
    "is above",
    "is below",
    "crosses above",
    "crosses below",
    "is rising",
    "is falling",
    "between",
    "and",
    "or",
    "for",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at characters [offset, offset + length) of a text."""

    code: str
    message: str
    hint: str
    offset: int
    length: int


class TextError(Exception):
    """Carries the first fault out of the tokenizer and the parser."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is the word, the digits or the sign; `suffix` belongs to numbers."""

    kind: str
    text: str
    offset: int
    length: int
    suffix: str = ""


def syntax_fault(message: str, hint: str, offset: int, length: int) -> TextError:
    """A fault of the code rule/syntax, ready to raise."""
    return TextError(Fault("rule/syntax", message, hint, offset, max(1, length)))


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`. Raises TextError at the first character that belongs to none."""
    if len(text) > LENGTH_MAX:
        hint = "name parts of it under 'conditions'"
        raise syntax_fault(f"a condition of {len(text)} characters; {LENGTH_MAX} at most", hint, 0, len(text))
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _token(text, at)
        tokens.append(token)
        at += token.length
        if len(tokens) > TOKENS_MAX:
            hint = "name parts of it under 'conditions'"
            raise syntax_fault(f"more than {TOKENS_MAX} words and signs", hint, token.offset, token.length)
    return [*tokens, Token(END, "", len(text.rstrip()), 1)]


def _token(text: str, at: int) -> Token:
    match = _TOKEN.match(text, at)
    if match is None:
        raise _foreign(text, at)
    end = match.end()
    if match["number"]:
        _check_number_end(text, at, match)
        return Token(NUMBER, match["number"], at, end - at, (match["suffix"] or "").strip())
    if match["word"]:
        if match["word"] != match["word"].lower():
            hint = f"write '{match['word'].lower()}'"
            raise syntax_fault("words and names are in lower case", hint, at, end - at)
        return Token(WORD, match["word"], at, end - at)
    if match["parameter"]:
        return Token(PARAMETER, match["parameter"], at, end - at)
    if match["timeframe"]:
        return Token(TIMEFRAME, match["timeframe"], at, end - at)
    if text[at : at + 2] in ("<>", "**", "=>"):
        raise _foreign(text, at)
    return Token(SIGN, match["sign"], at, end - at)


def _check_number_end(text: str, at: int, match: re.Match[str]) -> None:
    """Refuses `15m`, `2atr`, `1.5.2` and digits beyond reason."""
    if len(match["number"]) > 31 or len(match["number"].partition(".")[0]) > 15:
        raise syntax_fault("this number has too many digits", "fifteen before and after the point", at, 31)
    tail = re.compile(r"[A-Za-z_0-9.]+").match(text, match.end())
    if tail is None or match["suffix"]:
        return
    word, digits = tail[0], match["number"]
    written = digits + word
    if word in ("m", "h", "d"):
        hint = f"a count of bars is written '{digits} bars'; a timeframe follows @: close@{written}"
    elif re.fullmatch(r"[eE][0-9]+", word):
        hint = "write the number out: 1e5 is 100000"
    elif word == "r":
        hint = f"write '{digits}R'"
    elif re.fullmatch(r"[a-z][a-z0-9_]*", word):
        hint = f"multiply: '{digits} * {word}'"
    else:
        hint = "a number is written 30 or 0.5, with %, bps or R behind it where it has a unit"
    raise syntax_fault(f"'{written}' is not a number", hint, at, len(written))


def _foreign(text: str, at: int) -> TextError:
    for length in (2, 1):
        sign = text[at : at + length]
        if sign in _FOREIGN:
            return syntax_fault(f"'{sign}' is not an operator", _FOREIGN[sign], at, length)
    if text[at] == "%":
        return syntax_fault("'%' without a number before it", "write 5%", at, 1)
    hint = "a condition is made of names, numbers, words and + - * / ( ) < >"
    return syntax_fault(f"the character {text[at]!r} does not belong in a condition", hint, at, 1)


def missing(token: Token) -> TextError:
    """Where an operand belongs and something else stands."""
    if token.kind == END:
        return syntax_fault(
            "the text ends too early", "a name or a number is missing at the end", token.offset, 1
        )
    hint = "a name, a number or a bracket is expected here"
    return syntax_fault(f"'{token.text}' is not expected here", hint, token.offset, token.length)


def leftover(token: Token) -> TextError:
    """What stands where a condition could end."""
    if token.kind == WORD:
        hint = meant(token.text, (*OPERATORS, "is", "crosses"))
        return syntax_fault(f"'{token.text}' is not an operator", hint, token.offset, token.length)
    if token.kind == SIGN and token.text in ")]":
        return syntax_fault(f"'{token.text}' closes nothing", "leave it out", token.offset, token.length)
    if token.kind == SIGN:
        hint = "two comparisons are joined with 'and'"
        return syntax_fault(f"'{token.text}' is not expected here", hint, token.offset, token.length)
    hint = "an operator is missing before it, such as '>', 'crosses above' or 'and'"
    shown = {PARAMETER: "$", TIMEFRAME: "@"}.get(token.kind, "") + token.text
    return syntax_fault(f"'{shown}' is not expected here", hint, token.offset, token.length)


def meant(word: str, known: tuple[str, ...]) -> str:
    """The nearest of the known words, or all of them."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else one_of(known[: len(OPERATORS)])


def one_of(known: tuple[str, ...]) -> str:
    """A list of spellings to choose from."""
    return "write one of: " + ", ".join(known)
