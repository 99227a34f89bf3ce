"""Replies of the exchange as they are recorded, cut down to a few symbols."""

import json
from pathlib import Path
from typing import Any

AS_OF_MS = 1_730_000_000_000  # 2024-10-27 03:33:20

LADDERS = {
    "BTCUSDT": """
        125   50000 0.004      0
        100  600000 0.005     50
         75 3000000 0.0065   950""",
    "SOLUSDT": """
        100   50000 0.005      0
         75  400000 0.0065    75
         50 1000000 0.01    1475""",
}


def contract(symbol: str, **other: Any) -> dict[str, Any]:
    """One symbol of exchangeInfo; numbers are text there."""
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.002", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "50"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
    ]
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "liquidationFee": "0.012500",
        "filters": filters,
    } | other


def exchange_info(*symbols: dict[str, Any], server_time: Any = AS_OF_MS) -> dict[str, Any]:
    """The reply; without a time when `server_time` is None."""
    time = {} if server_time is None else {"serverTime": server_time}
    return {"timezone": "UTC", **time, "rateLimits": [], "exchangeFilters": [], "symbols": list(symbols)}


def ladder(symbol: str, text: str | None = None) -> dict[str, Any]:
    """One symbol of leverageBracket: leverage, cap, maintenance ratio and cum of each line."""
    brackets: list[dict[str, float]] = []
    floor = 0.0
    for at, line in enumerate((text or LADDERS[symbol]).strip().splitlines(), 1):
        leverage, cap, ratio, cum = (float(word) for word in line.split())
        brackets.append(
            {
                "bracket": at,
                "initialLeverage": leverage,
                "notionalCap": cap,
                "notionalFloor": floor,
                "maintMarginRatio": ratio,
                "cum": cum,
            }
        )
        floor = cap
    return {"symbol": symbol, "brackets": brackets}


def saved(path: Path, tree: Any) -> Path:
    """The reply as a file."""
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree), encoding="utf-8")
    return path
