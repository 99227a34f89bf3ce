"""Conditional orders over REST: the algo service, with its own ids and lists.

In: an `Asked` and whose account. Out: JSON trees. Refuses to know: signatures, limits, plain orders.
Source: Binance USDⓈ-M algo endpoints, since 2025-12-09 the only home of stops and targets.
"""

from typing import Any

from runner.simulator.asked import Asked
from runner.simulator.box import Box
from runner.simulator.refusal import Refused, refused
from runner.simulator.rest_orders import CONDITIONAL, LASTING, SIDES, position_side, span_of
from runner.simulator.rows import Row, algo_row
from runner.simulator.types import AlgoOrder, NewAlgo, Order

WORKING = ("CONTRACT_PRICE", "MARK_PRICE")
ALL_CANCELLED = {"code": 200, "msg": "The operation of cancel all open order is done."}


def place(box: Box, account: str, asked: Asked) -> Row:
    """POST algoOrder."""
    asked.choice("algoType", ("CONDITIONAL",), -1116, "Invalid algoType.")
    cap = box.algo_cap
    if cap is not None and len(box.exchange.algos.open(account)) >= cap:
        raise refused(-4045)
    return algo_row(box.exchange.algos.place(account, _new(asked)), None, is_read=False)


def _new(asked: Asked) -> NewAlgo:
    return NewAlgo(
        symbol=asked.text("symbol"),
        side=asked.choice("side", SIDES, -1117, "Invalid side."),
        type=asked.choice("type", CONDITIONAL, -1116, "Invalid orderType."),
        trigger_price=asked.decimal_or_none("triggerPrice"),
        quantity=asked.decimal_or_none("quantity"),
        price=asked.decimal_or_none("price"),
        time_in_force=asked.choice_or_none("timeInForce", LASTING, -1115, "Invalid timeInForce."),
        position_side=position_side(asked),
        reduce_only=asked.flag_or_none("reduceOnly"),
        close_position=asked.flag_or_none("closePosition"),
        working_type=asked.choice_or_none("workingType", WORKING, -1130, "Invalid workingType.")
        or WORKING[0],
        price_protect=(asked.text_or_none("priceProtect") or "").upper() == "TRUE",
        activation_price=asked.decimal_or_none("activatePrice"),
        callback_ratio=asked.decimal_or_none("callbackRate"),
        client_id=asked.text_or_none("clientAlgoId"),
        price_match=asked.text_or_none("priceMatch") or "NONE",
        self_trade_prevention=asked.text_or_none("selfTradePreventionMode") or "EXPIRE_MAKER",
        good_till_ms=asked.whole_or_none("goodTillDate"),
    )


def cancel(box: Box, account: str, asked: Asked) -> Row:
    """DELETE algoOrder; the code is a text here, as on the exchange."""
    algo = box.exchange.algos.cancel(account, symbol=asked.text_or_none("symbol"), **_identity(asked))
    return {"algoId": algo.algo_id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def cancel_all(box: Box, account: str, asked: Asked) -> Row:
    """DELETE algoOpenOrders of a symbol."""
    box.exchange.algos.cancel_all(account, asked.text("symbol"))
    return ALL_CANCELLED


def read(box: Box, account: str, asked: Asked) -> Row:
    """GET algoOrder."""
    seen = box.past.algo(box.exchange.algos.get(account, **_identity(asked)))
    if seen is None:
        raise refused(-2013)
    return _row(box, account, seen)


def open_algos(box: Box, account: str, asked: Asked) -> list[Row]:
    """GET openAlgoOrders, of one symbol or of all."""
    seen = box.past.open_algos(account, asked.text_or_none("symbol"))
    return [_row(box, account, algo) for algo in seen]


def all_algos(box: Box, account: str, asked: Asked) -> list[Row]:
    """GET allAlgoOrders, oldest first."""
    span = span_of(asked, asked.whole_or_none("algoId"))
    found = box.exchange.algos.all(account, asked.text_or_none("symbol"), span)
    return [_row(box, account, seen) for algo in found if (seen := box.past.algo(algo))]


def _row(box: Box, account: str, algo: AlgoOrder) -> Row:
    child: Order | None = None
    if algo.order_id is not None:
        child = box.exchange.orders.get(account, algo.symbol, order_id=algo.order_id)
    return algo_row(algo, child, is_read=True)


def _identity(asked: Asked) -> dict[str, Any]:
    algo_id, client_id = asked.whole_or_none("algoId"), asked.text_or_none("clientAlgoId")
    if algo_id is None and client_id is None:
        raise Refused(-1102, "Param 'algoid' or 'clientalgoid' must be sent, but both were empty/null!")
    return {"algo_id": algo_id, "client_id": client_id}
