"""Bars and days as the exchange writes them, over REST and in streams.

In: values of `events`. Out: JSON rows. Refuses to know: which endpoint or stream they go to.
Source: Binance USDⓈ-M `klines`, `ticker/24hr`, market streams of 2026.
"""

from typing import Any

from runner.simulator.events import BookEvent, Candle, CandleEvent, ForceOrderEvent, MarketTrade, MarkEvent
from runner.simulator.rows import Row, average, text

MINUTE_MS, DAY_MS = 60_000, 86_400_000
TIMEFRAMES_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}
PERPETUAL_KIND = 1  # `st`: what a symbol is


def kline_row(candle: Candle, *, has_volume: bool) -> list[Any]:
    """Twelve columns; what a stored bar does not tell is made up: half was bought, at a typical price."""
    volume = candle.volume if has_volume else candle.volume * 0
    turnover = volume * (candle.open + candle.high + candle.low + candle.close) / 4
    return [
        candle.open_ms,
        text(candle.open),
        text(candle.high),
        text(candle.low),
        text(candle.close),
        text(volume),
        candle.close_ms,
        text(round(turnover, 5)),
        candle.trades,
        text(volume / 2),
        text(round(turnover / 2, 5)),
        "0",
    ]


def kline_event(event: CandleEvent, interval: str, *, is_closed: bool) -> Row:
    """A kline stream's message."""
    row = kline_row(event.candle, has_volume=True)
    return {
        "e": "kline",
        "E": event.time_ms,
        "s": event.symbol,
        "k": {
            "t": row[0],
            "T": row[6],
            "s": event.symbol,
            "i": interval,
            "f": 1,
            "L": max(1, event.candle.trades),
            "o": row[1],
            "c": row[4],
            "h": row[2],
            "l": row[3],
            "v": row[5],
            "n": row[8],
            "x": is_closed,
            "q": row[7],
            "V": row[9],
            "Q": row[10],
            "B": "0",
        },
        "st": PERPETUAL_KIND,
    }


def day_row(symbol: str, day: Candle, now_ms: int) -> Row:
    """`ticker/24hr`."""
    change = day.close - day.open
    share = 100 * change / day.open if day.open else change
    mean = (day.open + day.high + day.low + day.close) / 4
    return {
        "symbol": symbol,
        "priceChange": text(change),
        "priceChangePercent": text(round(share, 3)),
        "weightedAvgPrice": text(round(mean, 2)),
        "lastPrice": text(day.close),
        "lastQty": "0.001",
        "openPrice": text(day.open),
        "highPrice": text(day.high),
        "lowPrice": text(day.low),
        "volume": text(day.volume),
        "quoteVolume": text(round(day.volume * mean, 2)),
        "openTime": day.open_ms,
        "closeTime": now_ms,
        "firstId": 1,
        "lastId": max(1, day.trades),
        "count": day.trades,
    }


def day_event(symbol: str, day: Candle, now_ms: int, *, is_mini: bool) -> Row:
    """`@ticker` and `@miniTicker`."""
    row = day_row(symbol, day, now_ms)
    short = {
        "e": "24hrMiniTicker" if is_mini else "24hrTicker",
        "E": now_ms,
        "s": symbol,
        "c": row["lastPrice"],
        "o": row["openPrice"],
        "h": row["highPrice"],
        "l": row["lowPrice"],
        "v": row["volume"],
        "q": row["quoteVolume"],
        "ps": symbol,
        "st": PERPETUAL_KIND,
    }
    if is_mini:
        return short
    return short | {
        "p": row["priceChange"],
        "P": row["priceChangePercent"],
        "w": row["weightedAvgPrice"],
        "Q": row["lastQty"],
        "O": row["openTime"],
        "C": row["closeTime"],
        "F": row["firstId"],
        "L": row["lastId"],
        "n": row["count"],
    }


def trade_event(event: MarketTrade) -> Row:
    """`@aggTrade`: each print is one aggregate."""
    return {
        "e": "aggTrade",
        "E": event.time_ms,
        "s": event.symbol,
        "a": event.trade_id,
        "p": text(event.price),
        "q": text(event.quantity),
        "nq": text(event.quantity),
        "f": event.trade_id,
        "l": event.trade_id,
        "T": event.time_ms,
        "m": event.is_buyer_maker,
        "st": PERPETUAL_KIND,
    }


def raw_trade_event(event: MarketTrade) -> Row:
    """`@trade`: one print."""
    return {
        "e": "trade",
        "E": event.time_ms,
        "T": event.time_ms,
        "s": event.symbol,
        "t": event.trade_id,
        "p": text(event.price),
        "q": text(event.quantity),
        "X": "MARKET",
        "m": event.is_buyer_maker,
        "st": PERPETUAL_KIND,
    }


def book_event(event: BookEvent) -> Row:
    """`@bookTicker`."""
    return {
        "e": "bookTicker",
        "u": event.update_id,
        "E": event.time_ms,
        "T": event.time_ms,
        "s": event.symbol,
        "ps": event.symbol,
        "b": text(event.bid_price),
        "B": text(event.bid_quantity),
        "a": text(event.ask_price),
        "A": text(event.ask_quantity),
        "st": PERPETUAL_KIND,
    }


def mark_event(event: MarkEvent) -> Row:
    """`@markPrice`."""
    return {
        "e": "markPriceUpdate",
        "E": event.time_ms,
        "s": event.symbol,
        "p": text(event.mark_price),
        "ap": text(event.mark_price),
        "P": text(event.index_price),
        "i": text(event.index_price),
        "r": text(event.funding_ratio),
        "T": event.next_funding_ms,
        "st": PERPETUAL_KIND,
    }


def force_event(event: ForceOrderEvent) -> Row:
    """`@forceOrder`."""
    order = event.order
    return {
        "e": "forceOrder",
        "E": event.time_ms,
        "o": {
            "s": order.symbol,
            "S": order.side,
            "o": order.type,
            "f": order.time_in_force,
            "q": text(order.quantity),
            "p": text(order.price),
            "ap": average(order),
            "X": order.status,
            "l": text(order.executed),
            "z": text(order.executed),
            "T": event.time_ms,
        },
        "ps": order.symbol,
        "st": PERPETUAL_KIND,
    }
