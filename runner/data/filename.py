"""What a data file's name says: `BTCUSDT-perp-15m-2023_2025H1.parquet`, `BTC_USDT_USDT-1h-mark.csv`.

In: a name. Out: a guess, with None for what it does not say.
Refuses to know: the file.
"""

import re
from pathlib import PurePath
from typing import NamedTuple

from runner.data.layout import Kind
from runner.data.symbol import canonical_symbol
from runner.domain.time import TIMEFRAMES

_KINDS: dict[str, Kind] = {
    "perp": "last",
    "perpetual": "last",
    "futures": "last",
    "swap": "last",
    "last": "last",
    "mark": "mark",
    "markprice": "mark",
    "mark_price": "mark",
    "funding": "funding",
    "fundingrate": "funding",
    "funding_rate": "funding",
}
_PAIR = re.compile(r"([A-Z0-9]+)_(USDT|USDC)(?:_\2)?")


class Guess(NamedTuple):
    """`spot`: the name says that these are spot candles."""

    symbol: str | None
    kind: Kind | None
    timeframe_ms: int | None
    spot: bool


def guess_from_name(name: str) -> Guess:
    """Words between dashes; the first is the symbol."""
    first, *words = PurePath(name).name.removesuffix(PurePath(name).suffix).split("-")
    pair = _PAIR.fullmatch(first)
    try:
        symbol = canonical_symbol(pair[1] + pair[2] if pair else first)
    except ValueError:
        symbol = None
    kinds = [_KINDS[word.lower()] for word in words if word.lower() in _KINDS]
    lengths = [TIMEFRAMES[word] for word in words if word in TIMEFRAMES]
    spot = any(word.lower() == "spot" for word in words)
    return Guess(symbol, kinds[0] if kinds else None, lengths[0] if lengths else None, spot)
