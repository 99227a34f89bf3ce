"""What the author most likely meant: near spellings of a text that does not fit its pattern.

In: a scalar and the pattern it should match. Out: candidates that do match, best first.
Refuses to know: keys, places, sentences.
"""

import re
from collections.abc import Iterator

from runner.domain.units import shifted

SUGGESTIONS_MAX = 3

_UNITS = ("%", "% of equity", "R", " USDT", " bars", "h", "m", " bps")
_WORDS = (
    (r"\s*(percent|pct|per cent)\b", "%"),
    (r"\s*(basis points?|bp)\b(?!s)", " bps"),
    (r"\s*(candles?|periods?|Bars?)\b", " bars"),
    (r"\s*(days?|D)\b", "d"),
    (r"\s*(hours?|hrs?|H)\b", "h"),
    (r"\s*(minutes?|mins?|M)\b", "m"),
    (r"\s*(USD|usd|usdt|\$|dollars?)$", " USDT"),
    (r"^\$\s*(.*)$", r"\1 USDT"),
    (r"\s*%? of (the )?(equity|balance|account|capital|position)$", "%"),
    (r"\s*% of (the )?(balance|account|capital|portfolio)$", "% of equity"),
    (r"(\d) losses$", r"\1 losses in a row"),
    (r"(\d) (consecutive )?(losses|losing trades)( in a row)?$", r"\1 losses in a row"),
    (r"^(\w+)[-_]?exit$", "exit"),
    (r"^stop$|^stoploss$|^stop-loss$", "stop_loss"),
)


def suggestions(scalar: object, pattern: str) -> list[str]:
    """Spellings near `scalar` that match `pattern`, at most SUGGESTIONS_MAX."""
    found: dict[str, None] = {}
    for candidate in _candidates(scalar):
        if candidate != scalar and re.match(pattern, candidate):
            found.setdefault(candidate)
        if len(found) == SUGGESTIONS_MAX:
            break
    return list(found)


def _candidates(scalar: object) -> Iterator[str]:
    if isinstance(scalar, bool) or not isinstance(scalar, int | float | str):
        return
    if isinstance(scalar, int | float):
        yield from (f"{shifted(abs(scalar), 0)}{unit}" for unit in _UNITS)
        return
    text = scalar.strip()[:100]
    yield from _symbols(text)
    yield from _days(text)
    plain = _number_repaired(text)
    for start in dict.fromkeys((text, plain)):
        yield start
        yield f"{start} of equity"
        yield start.upper()
        yield start.lower()
        for word, replacement in _WORDS:
            yield re.sub(word, replacement, start).strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", plain):
        yield from (f"{plain}{unit}" for unit in _UNITS)
    yield re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")[:32]


def _number_repaired(text: str) -> str:
    """`-2%` → `2%`, `.5%` → `0.5%`, `0,5%` → `0.5%`, `10_000 USDT` and `10,000 USDT` → `10000 USDT`."""
    text = re.sub(r"(?<=\d)[_,](?=\d{3}(\D|$))", "", text)
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    text = re.sub(r"^[-+]\s*", "", text)
    text = re.sub(r"^\.(?=\d)", "0.", text)
    return re.sub(r"(\d)\.(?=\D|$)", r"\1", text)


def _symbols(text: str) -> Iterator[str]:
    if len(text) > 30:
        return
    joined = re.sub(r"[-_/ ]|:.*$|\.P$|PERP$", "", text.upper())
    base = joined.removesuffix("USDT").removesuffix("USD")
    if base and re.fullmatch("[A-Z0-9]{1,20}", base):
        yield f"{base}/USDT:USDT"


def _days(text: str) -> Iterator[str]:
    match = re.match(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::\d{2})?Z?)?$", text)
    if match:
        day = f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}"
        yield f"{day}T{int(match[4]):02d}:{match[5]}Z" if match[4] else day
