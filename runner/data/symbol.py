"""The two spellings of a symbol: `BTC/USDT:USDT` in documents, `BTCUSDT` in file names.

In: either. Out: either; ValueError for what is neither.
Refuses to know: whether the exchange lists it.
"""

import re

_QUOTES = ("USDT", "USDC")
_CANONICAL = re.compile(r"([A-Z0-9]{1,20})/(USDT|USDC):\2")
_MARKET_ID = re.compile(r"([A-Z0-9]{1,20}?)(USDT|USDC)")


def market_id(symbol: str) -> str:
    """`BTCUSDT`, from either spelling. Its letters are safe in a file name."""
    found = _CANONICAL.fullmatch(symbol) or _MARKET_ID.fullmatch(symbol)
    if not found:
        raise ValueError(f"{symbol!r} is not a symbol; write BTC/USDT:USDT or BTCUSDT")
    return found[1] + found[2]


def canonical_symbol(symbol: str) -> str:
    """`BTC/USDT:USDT`, from either spelling."""
    joined = market_id(symbol)
    quote = next(quote for quote in _QUOTES if joined.endswith(quote))
    return f"{joined.removesuffix(quote)}/{quote}:{quote}"
