"""Binance's JSON rows as the values that a session knows.

In: one row of a reply or an event. Out: VenueOrder, VenueTrade, VenuePosition, Income.
Refuses to know: how it was asked for. A missing field is a fault of the reply: KeyError, ValueError; the
caller calls that no answer.
Source: Binance USDⓈ-M futures, REST replies and user stream events; algo orders have names of their own.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from runner.domain.venue import Income, Kind, Status, VenueOrder, VenuePosition, VenueTrade

Row = Mapping[str, Any]

_STATUSES = {
    "NEW": Status.RESTING,
    "PARTIALLY_FILLED": Status.PARTLY_FILLED,
    "FILLED": Status.FILLED,
    "CANCELED": Status.CANCELLED,
    "EXPIRED": Status.EXPIRED,
    "EXPIRED_IN_MATCH": Status.EXPIRED,
    "REJECTED": Status.REJECTED,
}
_ALGO_STATUSES = {
    "NEW": Status.RESTING,
    "WORKING": Status.RESTING,
    "TRIGGERING": Status.TRIGGERED,
    "TRIGGERED": Status.TRIGGERED,
    "FINISHED": Status.FILLED,  # its market order ended, in whatever way: the executions say how
    "CANCELED": Status.CANCELLED,
    "EXPIRED": Status.EXPIRED,
    "REJECTED": Status.REJECTED,
}
_KINDS = {
    "MARKET": Kind.MARKET,
    "LIMIT": Kind.LIMIT,
    "STOP_MARKET": Kind.STOP_MARKET,
    "TAKE_PROFIT_MARKET": Kind.TAKE_PROFIT_MARKET,
}
TAKER_RATIO = Decimal("0.0005")
SIDES = {"BUY": 1, "SELL": -1}


def plain_order(row: Row, status: Status | None = None) -> VenueOrder:
    """A row of order, openOrders or the answer to a POST."""
    return VenueOrder(
        client_id=row["clientOrderId"],
        venue_order_id=str(row["orderId"]),
        symbol=row["symbol"],
        kind=_kind(row.get("origType") or row["type"]),
        side=SIDES[row["side"]],
        quantity=_decimal(row.get("origQty")),
        filled_quantity=_decimal(row.get("executedQty")),
        status=status or _STATUSES.get(row["status"], Status.RESTING),
        price=_price(row.get("price")),
        trigger_price=_price(row.get("stopPrice")),
        filled_price=_price(row.get("avgPrice")),
        reduce_only=bool(row.get("reduceOnly")),
        close_position=bool(row.get("closePosition")),
        created_ms=int(row.get("time") or row.get("updateTime") or 0),
        updated_ms=int(row.get("updateTime") or 0),
    )


def algo_order(row: Row) -> VenueOrder:
    """A row of algoOrder or openAlgoOrders. A finished one filled what its market order filled."""
    status = _ALGO_STATUSES.get(row["algoStatus"], Status.RESTING)
    quantity = _decimal(row.get("quantity"))
    filled = _decimal(row.get("actualQty"))
    if status is Status.FILLED and "actualQty" in row and filled < quantity:
        status = Status.EXPIRED
    return VenueOrder(
        client_id=row["clientAlgoId"],
        venue_order_id=f"algo-{row['algoId']}",
        symbol=row["symbol"],
        kind=_kind(row["orderType"]),
        side=SIDES[row["side"]],
        quantity=quantity,
        filled_quantity=filled,
        status=status,
        price=_price(row.get("price")),
        trigger_price=_price(row.get("triggerPrice")),
        filled_price=_price(row.get("actualPrice")),
        reduce_only=bool(row.get("reduceOnly")),
        close_position=bool(row.get("closePosition")),
        child_id=str(row.get("actualOrderId") or ""),
        created_ms=int(row.get("createTime") or 0),
        updated_ms=int(row.get("updateTime") or 0),
    )


def order_event(order: Row) -> VenueOrder:
    """`o` of ORDER_TRADE_UPDATE."""
    return VenueOrder(
        client_id=order["c"],
        venue_order_id=str(order["i"]),
        symbol=order["s"],
        kind=_kind(order.get("ot") or order["o"]),
        side=SIDES[order["S"]],
        quantity=_decimal(order["q"]),
        filled_quantity=_decimal(order["z"]),
        status=_STATUSES.get(order["X"], Status.RESTING),
        price=_price(order.get("p")),
        trigger_price=_price(order.get("sp")),
        filled_price=_price(order.get("ap")),
        reduce_only=bool(order.get("R")),
        close_position=bool(order.get("cp")),
        reason=str(order.get("er") or ""),
        updated_ms=int(order.get("T") or 0),
    )


def algo_event(order: Row, time_ms: int) -> VenueOrder:
    """`o` of ALGO_UPDATE."""
    status = _ALGO_STATUSES.get(order["X"], Status.RESTING)
    quantity, filled = _decimal(order.get("q")), _decimal(order.get("aq"))
    if status is Status.FILLED and filled < quantity:
        status = Status.EXPIRED
    child = str(order.get("ai") or "")
    return VenueOrder(
        client_id=order["caid"],
        venue_order_id=f"algo-{order['aid']}",
        symbol=order["s"],
        kind=_kind(order["o"]),
        side=SIDES[order["S"]],
        quantity=quantity,
        filled_quantity=filled,
        status=status,
        price=_price(order.get("p")),
        trigger_price=_price(order.get("tp")),
        reduce_only=bool(order.get("R")),
        close_position=bool(order.get("cp")),
        child_id="" if child == "0" else child,
        reason=str(order.get("rm") or ""),
        updated_ms=time_ms,
    )


def trade_row(row: Row) -> VenueTrade:
    """A row of userTrades; it does not name the client id."""
    return VenueTrade(
        trade_id=str(row["id"]),
        venue_order_id=str(row["orderId"]),
        client_id="",
        symbol=row["symbol"],
        side=SIDES[row["side"]],
        quantity=_decimal(row["qty"]),
        price=_decimal(row["price"]),
        fee_usdt=_fee(row["commission"], row.get("commissionAsset"), row["price"], row["qty"]),
        realised_pnl_usdt=_decimal(row.get("realizedPnl")),
        maker=bool(row["maker"]),
        time_ms=int(row["time"]),
    )


def trade_event(order: Row) -> VenueTrade | None:
    """The execution inside an ORDER_TRADE_UPDATE; None when it tells of none."""
    if order.get("x") not in ("TRADE", "CALCULATED") or not _decimal(order.get("l")):
        return None
    return VenueTrade(
        trade_id=str(order["t"]),
        venue_order_id=str(order["i"]),
        client_id=order["c"],
        symbol=order["s"],
        side=SIDES[order["S"]],
        quantity=_decimal(order["l"]),
        price=_decimal(order["L"]),
        fee_usdt=_fee(order.get("n"), order.get("N"), order["L"], order["l"]),
        realised_pnl_usdt=_decimal(order.get("rp")),
        maker=bool(order.get("m")),
        time_ms=int(order["T"]),
    )


def position_row(row: Row) -> VenuePosition:
    """A row of positionRisk."""
    return VenuePosition(
        symbol=row["symbol"],
        quantity=_decimal(row["positionAmt"]),
        entry_price=_decimal(row["entryPrice"]),
        mark_price=_decimal(row["markPrice"]),
        liquidation_price=_decimal(row["liquidationPrice"]),
        updated_ms=int(row.get("updateTime") or 0),
    )


def income_row(row: Row) -> Income:
    """A row of income."""
    return Income(
        income_id=f"{row['tranId']}-{row['symbol']}",
        kind=row["incomeType"],
        symbol=row["symbol"],
        income_usdt=_decimal(row["income"]),
        time_ms=int(row["time"]),
    )


def _kind(name: str) -> Kind:
    """What we never send ourselves (a hand's trailing stop) counts as its nearest kin."""
    found = _KINDS.get(name)
    if found is not None:
        return found
    return (
        Kind.STOP_MARKET if "STOP" in name else Kind.TAKE_PROFIT_MARKET if "PROFIT" in name else Kind.MARKET
    )


def _fee(fee: Any, asset: Any, price: Any, quantity: Any) -> Decimal:
    """In USDT. A fee paid in another asset (BNB) is reckoned by the regular taker's ratio: never too low."""
    if asset in (None, "", "USDT"):
        return _decimal(fee)
    return _decimal(price) * _decimal(quantity) * TAKER_RATIO


def _decimal(text: Any) -> Decimal:
    """A figure; none is 0."""
    return Decimal(str(text)) if text not in (None, "") else Decimal(0)


def _price(text: Any) -> Decimal | None:
    """A price; 0 is none."""
    figure = _decimal(text)
    return figure if figure else None
