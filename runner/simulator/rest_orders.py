"""Plain orders over REST: place, amend, cancel, read; alone, in batches, all at once, by countdown.

In: an `Asked` and whose account. Out: JSON trees. Refuses to know: signatures, limits, conditional orders.
Source: Binance USDⓈ-M trade endpoints; what each field is worth stands in docs/simulator.md.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from runner.simulator.asked import Asked, missing
from runner.simulator.box import Box
from runner.simulator.history import Span
from runner.simulator.refusal import Refused, refused
from runner.simulator.rows import Row, order_row, text, trade_row
from runner.simulator.types import AmendOrder, NewOrder, Order

SIDES = ("BUY", "SELL")
PLAIN_TYPES = ("LIMIT", "MARKET")
CONDITIONAL = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
LASTING = ("GTC", "IOC", "FOK", "GTX", "GTD", "GTE_GTC", "RPI")
POSITION_SIDES = ("BOTH", "LONG", "SHORT")
BATCH_MAX, CANCEL_BATCH_MAX = 5, 10
DAY_MS = 86_400_000
EMPTY_KEPT_MS, KEPT_MS = 3 * DAY_MS, 90 * DAY_MS  # orders without a fill that ended; all others
WINDOW_MS = 7 * DAY_MS
ALL_CANCELLED = {"code": 200, "msg": "The operation of cancel all open order is done."}


def place(box: Box, account: str, asked: Asked) -> Row:
    """POST order."""
    return _placed(box, account, asked)


def check(box: Box, account: str, asked: Asked) -> Row:
    """POST order/test: judged as if it were placed, and never is."""
    new = new_order(asked)
    box.exchange.orders.check(account, new)
    return {
        "orderId": 0,
        "symbol": new.symbol,
        "status": "NEW",
        "clientOrderId": new.client_id or "testorder",
        "price": text(new.price),
        "avgPrice": "0.00",
        "origQty": text(new.quantity),
        "executedQty": "0",
        "cumQty": "0",
        "cumQuote": "0",
        "timeInForce": new.time_in_force or "GTC",
        "type": new.type,
        "reduceOnly": bool(new.reduce_only),
        "closePosition": bool(new.close_position),
        "side": new.side,
        "positionSide": new.position_side or "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": new.type,
        "priceMatch": new.price_match,
        "selfTradePreventionMode": new.self_trade_prevention,
        "goodTillDate": new.good_till_ms or 0,
        "updateTime": box.now_ms,
    }


def new_order(asked: Asked) -> NewOrder:
    """The order that the parameters describe."""
    return NewOrder(
        symbol=asked.text("symbol"),
        side=asked.choice("side", SIDES, -1117, "Invalid side."),
        type=asked.choice("type", PLAIN_TYPES + CONDITIONAL, -1116, "Invalid orderType."),
        quantity=asked.decimal_or_none("quantity"),
        price=asked.decimal_or_none("price"),
        time_in_force=asked.choice_or_none("timeInForce", LASTING, -1115, "Invalid timeInForce."),
        position_side=position_side(asked),
        reduce_only=asked.flag_or_none("reduceOnly"),
        close_position=asked.flag_or_none("closePosition"),
        client_id=asked.text_or_none("newClientOrderId"),
        price_match=asked.text_or_none("priceMatch") or "NONE",
        self_trade_prevention=asked.text_or_none("selfTradePreventionMode") or "EXPIRE_MAKER",
        good_till_ms=asked.whole_or_none("goodTillDate"),
    )


def position_side(asked: Asked) -> str | None:
    """BOTH, LONG or SHORT, if told."""
    return asked.choice_or_none("positionSide", POSITION_SIDES, -4060, "Invalid position side.")


def _placed(box: Box, account: str, asked: Asked) -> Row:
    style = asked.choice_or_none("newOrderRespType", ("ACK", "RESULT"), -1130, "Invalid newOrderRespType.")
    order = box.exchange.orders.place(account, new_order(asked))
    row = order_row(order, is_read=False, has_averages=box.has_averages)
    if style != "RESULT":  # ACK is told before anything matched
        row |= {"status": "NEW", "executedQty": "0", "cumQty": "0", "updateTime": order.created_ms}
        if box.has_averages:
            row |= {"avgPrice": "0.00", "cumQuote": "0"}
    return row


def place_batch(box: Box, account: str, asked: Asked) -> list[Row]:
    """POST batchOrders: each on its own, refusals as rows."""
    wanted = asked.rows("batchOrders")
    if not wanted:
        raise missing("batchOrders")
    if len(wanted) > BATCH_MAX:
        raise Refused(-4082, "Invalid number of batch place orders.")
    return [_row_or_refusal(partial(_batch_item, _placed, box, account, one)) for one in wanted]


def amend(box: Box, account: str, asked: Asked) -> Row:
    """PUT order."""
    return _amended(box, account, asked)


def amend_batch(box: Box, account: str, asked: Asked) -> list[Row]:
    """PUT batchOrders."""
    wanted = asked.rows("batchOrders")
    if not wanted:
        raise missing("batchOrders")
    if len(wanted) > BATCH_MAX:
        raise Refused(-4082, "Invalid number of batch place orders.")
    return [_row_or_refusal(partial(_batch_item, _amended, box, account, one)) for one in wanted]


def _amended(box: Box, account: str, asked: Asked) -> Row:
    changed = AmendOrder(
        symbol=asked.text("symbol"),
        side=asked.choice("side", SIDES, -1117, "Invalid side."),
        quantity=asked.decimal("quantity"),
        price=asked.decimal_or_none("price"),
        order_id=asked.whole_or_none("orderId"),
        client_id=asked.text_or_none("origClientOrderId"),
        price_match=asked.text_or_none("priceMatch") or "NONE",
    )
    order = box.exchange.orders.amend(account, changed)
    row = order_row(order, is_read=False, has_averages=box.has_averages)
    return {**row, "pair": order.symbol}


def cancel(box: Box, account: str, asked: Asked) -> Row:
    """DELETE order."""
    order = box.exchange.orders.cancel(account, asked.text("symbol"), **_identity(asked))
    return order_row(order, is_read=False, has_averages=box.has_averages)


def cancel_batch(box: Box, account: str, asked: Asked) -> list[Row]:
    """DELETE batchOrders: by a list of ids or of client ids."""
    symbol = asked.text("symbol")
    numbers = asked.rows("orderIdList", "orderidlist") or []
    names = asked.rows("origClientOrderIdList", "origclientorderidlist") or []
    if not numbers and not names:
        raise missing("orderIdList")
    if len(numbers) + len(names) > CANCEL_BATCH_MAX:
        raise Refused(-4083, "Invalid number of batch cancel orders.")
    wanted: list[dict[str, Any]] = [{"order_id": int(one)} for one in numbers]
    wanted += [{"client_id": str(one)} for one in names]

    def cancelled(identity: dict[str, Any]) -> Row:
        order = box.exchange.orders.cancel(account, symbol, **identity)
        return order_row(order, is_read=False, has_averages=box.has_averages)

    return [_row_or_refusal(partial(cancelled, one)) for one in wanted]


def cancel_all(box: Box, account: str, asked: Asked) -> Row:
    """DELETE allOpenOrders: the plain book only, unless a fault says otherwise."""
    symbol = asked.text("symbol")
    box.exchange.orders.cancel_all(account, symbol)
    if box.is_on("ex.cancel_all_takes_stops"):
        box.exchange.algos.cancel_all(account, symbol)
    return ALL_CANCELLED


def countdown(box: Box, account: str, asked: Asked) -> Row:
    """POST countdownCancelAll."""
    symbol, countdown_ms = asked.text("symbol"), asked.whole("countdownTime")
    box.exchange.orders.countdown(account, symbol, countdown_ms)
    return {"symbol": symbol, "countdownTime": str(countdown_ms)}


def read(box: Box, account: str, asked: Asked) -> Row:
    """GET order: also one that ended, while it is remembered."""
    return order_row(_found(box, account, asked), is_read=True, has_averages=True)


def read_open(box: Box, account: str, asked: Asked) -> Row:
    """GET openOrder: only one that rests."""
    order = _found(box, account, asked)
    if not order.is_open:
        raise refused(-2013)
    return order_row(order, is_read=True, has_averages=True)


def _found(box: Box, account: str, asked: Asked) -> Order:
    order = box.exchange.orders.get(account, asked.text("symbol"), **_identity(asked))
    seen = box.past.order(order)
    if seen is None or not _is_remembered(box, seen):
        raise refused(-2013)
    return seen


def open_orders(box: Box, account: str, asked: Asked) -> list[Row]:
    """GET openOrders, of one symbol or of all."""
    symbol = asked.text_or_none("symbol")
    if symbol:
        box.exchange.rules(symbol)
    seen = box.past.open_orders(account, symbol)
    return [order_row(order, is_read=True, has_averages=True) for order in seen]


def all_orders(box: Box, account: str, asked: Asked) -> list[Row]:
    """GET allOrders, oldest first."""
    span = span_of(asked, asked.whole_or_none("orderId"))
    found = box.exchange.orders.all(account, asked.text_or_none("symbol"), span)
    seen = [past for order in found if (past := box.past.order(order)) and _is_remembered(box, past)]
    return [order_row(order, is_read=True, has_averages=True) for order in seen]


def trades(box: Box, account: str, asked: Asked) -> list[Row]:
    """GET userTrades, oldest first; the last seven days unless told otherwise."""
    order_id, from_id = asked.whole_or_none("orderId"), asked.whole_or_none("fromId")
    span = span_of(asked, from_id)
    if span.start_ms is None and span.end_ms is None and order_id is None and from_id is None:
        span = replace(span, start_ms=box.now_ms - WINDOW_MS)
    found = box.exchange.orders.trades(account, asked.text("symbol"), span, order_id)
    seen_ms, oldest_ms = box.past.until_ms("fills"), box.now_ms - box.history_ms(KEPT_MS)
    return [trade_row(trade) for trade in found if oldest_ms <= trade.time_ms <= seen_ms]


def span_of(asked: Asked, from_id: int | None, *, limit: int = 500) -> Span:
    """Which rows of a history: -1023 and -4165 for times that make no window of seven days."""
    start_ms, end_ms = asked.whole_or_none("startTime"), asked.whole_or_none("endTime")
    if start_ms is not None and end_ms is not None:
        if end_ms < start_ms:
            raise Refused(-1023, "Start time is greater than end time.")
        if end_ms - start_ms > WINDOW_MS:
            raise Refused(-4165, "Maximum time interval is 7 days.")
    return Span(from_id, start_ms, end_ms, asked.limit(limit, 1000))


def _is_remembered(box: Box, order: Order) -> bool:
    age_ms = box.now_ms - order.updated_ms
    is_empty = not order.is_open and not order.executed
    return order.is_open or age_ms <= box.history_ms(EMPTY_KEPT_MS if is_empty else KEPT_MS)


def _identity(asked: Asked) -> dict[str, Any]:
    """By number if there is one, else by client id."""
    order_id, client_id = asked.whole_or_none("orderId"), asked.text_or_none("origClientOrderId")
    if order_id is None and client_id is None:
        raise Refused(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    return {"order_id": order_id, "client_id": client_id}


def _of_tree(tree: Any) -> Asked:
    """A batch's item as parameters."""
    if not isinstance(tree, dict):
        raise Refused(-1130, "Data sent for parameter 'batchOrders' is not valid.")
    words = {True: "true", False: "false"}
    return Asked(
        {name: words.get(one, str(one)) if isinstance(one, bool) else str(one) for name, one in tree.items()}
    )


def _batch_item(act: Callable[[Box, str, Asked], Row], box: Box, account: str, tree: Any) -> Row:
    return act(box, account, _of_tree(tree))


def _row_or_refusal(act: Callable[[], Row]) -> Row:
    try:
        return act()
    except Refused as no:
        return {"code": no.code, "msg": no.msg}
