"""Market data over REST: rules, time, bars, marks, funding, book, tickers, trades.

In: an `Asked`. Out: JSON trees. Refuses to know: accounts, limits.
Source: Binance USDⓈ-M market endpoints.
"""

from collections.abc import Sequence
from typing import Any

from runner.simulator.asked import Asked
from runner.simulator.box import Box
from runner.simulator.events import Candle
from runner.simulator.history import Span
from runner.simulator.refusal import Refused
from runner.simulator.rows import Row, text
from runner.simulator.rows_market import TIMEFRAMES_MS, day_row, kline_row
from runner.simulator.rules import InstrumentRules

ORDER_TYPES = (
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)
DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
INTEREST_RATIO = "0.00010000"


def ping(box: Box, asked: Asked) -> Row:
    """GET ping."""
    del box, asked
    return {}


def time(box: Box, asked: Asked) -> Row:
    """GET time."""
    del asked
    return {"serverTime": box.shown_ms}


def exchange_info(box: Box, asked: Asked) -> Row:
    """GET exchangeInfo."""
    del asked
    caps = box.limits.caps
    limits = [
        {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": caps.weight_minute,
        }
    ]
    return {
        "timezone": "UTC",
        "serverTime": box.shown_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": limits + box.order_limits(),
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_symbol_row(box.exchange.rules(one)) for one in box.exchange.symbols],
    }


def _symbol_row(rules: InstrumentRules) -> Row:
    lowest = rules.brackets[0]
    return {
        "symbol": rules.symbol,
        "pair": rules.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": rules.onboard_ms,
        "status": rules.status,
        "maintMarginPercent": text(lowest.maintenance_ratio * 100),
        "requiredMarginPercent": "5.0000",
        "baseAsset": rules.base_asset,
        "quoteAsset": rules.quote_asset,
        "marginAsset": rules.margin_asset,
        "pricePrecision": rules.price_precision,
        "quantityPrecision": rules.quantity_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "settlePlan": 0,
        "triggerProtect": text(rules.trigger_protect_ratio),
        "liquidationFee": text(rules.liquidation_fee_ratio),
        "marketTakeBound": text(rules.market_take_bound_ratio),
        "maxMoveOrderLimit": rules.amendments_max,
        "filters": _filters(rules),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _filters(rules: InstrumentRules) -> list[Row]:
    step, least = text(rules.step_size), text(rules.quantity_min)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": text(rules.price_min),
            "maxPrice": text(rules.price_max),
            "tickSize": text(rules.tick_size),
        },
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": text(rules.quantity_max), "stepSize": step},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": least,
            "maxQty": text(rules.market_quantity_max),
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": rules.orders_max},
        {"filterType": "MIN_NOTIONAL", "notional": text(rules.notional_usdt_min)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": text(rules.percent_up),
            "multiplierDown": text(rules.percent_down),
            "multiplierDecimal": "4",
        },
    ]


def klines(box: Box, asked: Asked) -> list[list[Any]]:
    """GET klines: the last row is the running bar."""
    return [kline_row(one, has_volume=True) for one in _bars(box, asked, "symbol", "last")]


def mark_klines(box: Box, asked: Asked) -> list[list[Any]]:
    """GET markPriceKlines: volumes are 0."""
    return [kline_row(one, has_volume=False) for one in _bars(box, asked, "symbol", "mark")]


def index_klines(box: Box, asked: Asked) -> list[list[Any]]:
    """GET indexPriceKlines, by `pair`."""
    return [kline_row(one, has_volume=False) for one in _bars(box, asked, "pair", "index")]


def continuous_klines(box: Box, asked: Asked) -> list[list[Any]]:
    """GET continuousKlines of a perpetual: its klines."""
    asked.choice(
        "contractType", ("PERPETUAL",), -1130, "Data sent for parameter 'contractType' is not valid."
    )
    return [kline_row(one, has_volume=True) for one in _bars(box, asked, "pair", "last")]


def _bars(box: Box, asked: Asked, name: str, kind: str) -> Sequence[Candle]:
    symbol, interval = known(box, asked.text(name)), asked.text("interval")
    if interval not in TIMEFRAMES_MS:
        raise Refused(-1120, "Invalid interval.")
    return box.bars(
        symbol,
        TIMEFRAMES_MS[interval],
        kind,
        (asked.whole_or_none("startTime"), asked.whole_or_none("endTime")),
        asked.limit(500, 1500),
    )


def premium(box: Box, asked: Asked) -> Any:
    """GET premiumIndex, of one symbol or of all."""
    return _one_or_all(box, asked, _premium_row)


def _premium_row(box: Box, symbol: str) -> Row:
    now = box.exchange.premium(symbol)
    return {
        "symbol": symbol,
        "markPrice": text(now.mark_price),
        "indexPrice": text(now.index_price),
        "estimatedSettlePrice": text(now.index_price),
        "lastFundingRate": text(now.funding_ratio),
        "interestRate": INTEREST_RATIO,
        "nextFundingTime": now.next_funding_ms,
        "time": now.time_ms,
    }


def funding(box: Box, asked: Asked) -> list[Row]:
    """GET fundingRate: settlements that were, oldest first."""
    symbol = asked.text_or_none("symbol")
    span = Span(
        None, asked.whole_or_none("startTime"), asked.whole_or_none("endTime"), asked.limit(100, 1000)
    )
    rows: list[Row] = []
    for one in [known(box, symbol)] if symbol else box.exchange.symbols:
        rows += [
            {
                "symbol": one,
                "fundingTime": row.time_ms,
                "fundingRate": text(row.funding_ratio),
                "markPrice": text(box.mark_at(one, row.time_ms)),
                "rateType": "REGULAR",
            }
            for row in box.player.funding_history(one, span)
        ]
    return sorted(rows, key=lambda row: row["fundingTime"])[: span.limit]


def funding_info(box: Box, asked: Asked) -> list[Row]:
    """GET fundingInfo: caps, floors, hours between settlements."""
    del asked
    return [
        {
            "symbol": one,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": box.exchange.rules(one).funding_interval_ms // 3_600_000,
            "disclaimer": False,
        }
        for one in box.exchange.symbols
    ]


def depth(box: Box, asked: Asked) -> Row:
    """GET depth."""
    symbol = known(box, asked.text("symbol"))
    limit = asked.whole_or_none("limit") or 500
    if limit not in DEPTH_LIMITS:
        raise Refused(-4021, f"'{limit}' is not valid depth limit.")
    bids, asks = box.exchange.depth(symbol, limit)
    return {
        "lastUpdateId": box.exchange.update_id(symbol),
        "E": box.now_ms,
        "T": box.now_ms,
        "bids": [[text(one.price), text(one.quantity)] for one in bids],
        "asks": [[text(one.price), text(one.quantity)] for one in asks],
    }


def book_ticker(box: Box, asked: Asked) -> Any:
    """GET ticker/bookTicker, of one symbol or of all."""
    return _one_or_all(box, asked, _book_row)


def _book_row(box: Box, symbol: str) -> Row:
    bid, ask = box.exchange.book_ticker(symbol)
    return {
        "symbol": symbol,
        "bidPrice": text(bid.price),
        "bidQty": text(bid.quantity),
        "askPrice": text(ask.price),
        "askQty": text(ask.quantity),
        "time": box.now_ms,
        "lastUpdateId": box.exchange.update_id(symbol),
    }


def last_price(box: Box, asked: Asked) -> Any:
    """GET ticker/price, v1 and v2."""
    return _one_or_all(
        box,
        asked,
        lambda box, symbol: {
            "symbol": symbol,
            "price": text(box.exchange.last_price(symbol)),
            "time": box.now_ms,
        },
    )


def day(box: Box, asked: Asked) -> Any:
    """GET ticker/24hr, of one symbol or of all."""
    return _one_or_all(
        box, asked, lambda box, symbol: day_row(symbol, box.player.day_candle(symbol), box.now_ms)
    )


def trades(box: Box, asked: Asked) -> list[Row]:
    """GET trades and historicalTrades: the last prints, oldest first."""
    found = box.exchange.recent_trades(known(box, asked.text("symbol")), asked.limit(500, 1000))
    return [
        {
            "id": one.trade_id,
            "price": text(one.price),
            "qty": text(one.quantity),
            "quoteQty": text(one.price * one.quantity),
            "time": one.time_ms,
            "isBuyerMaker": one.is_buyer_maker,
            "isRPITrade": False,
        }
        for one in found
    ]


def aggregate_trades(box: Box, asked: Asked) -> list[Row]:
    """GET aggTrades: each print is one aggregate."""
    found = box.exchange.recent_trades(known(box, asked.text("symbol")), asked.limit(500, 1000))
    return [
        {
            "a": one.trade_id,
            "p": text(one.price),
            "q": text(one.quantity),
            "nq": text(one.quantity),
            "f": one.trade_id,
            "l": one.trade_id,
            "T": one.time_ms,
            "m": one.is_buyer_maker,
        }
        for one in found
    ]


def known(box: Box, symbol: str) -> str:
    """The symbol itself; -1121 when there is none such."""
    box.exchange.rules(symbol)
    return symbol


def _one_or_all(box: Box, asked: Asked, row: Any) -> Any:
    symbol = asked.text_or_none("symbol")
    if symbol:
        return row(box, known(box, symbol))
    return [row(box, one) for one in box.exchange.symbols]
