"""The user stream's messages as the exchange writes them.

In: an account's events. Out: dictionaries with the exchange's one-letter keys.
Refuses to know: who listens, faults.
Source: Binance USDⓈ-M user data streams of 2026; the official SDK's stream models name every field.
"""

from typing import assert_never

from runner.simulator.events import (
    AccountBound,
    AccountEvent,
    AlgoEvent,
    LeverageEvent,
    MarginCallEvent,
    MultiAssetsEvent,
    OrderEvent,
    PositionUpdate,
)
from runner.simulator.rows import Row, average, text


def user_messages(event: AccountBound) -> list[Row]:
    """One event's messages; a fill has a short one, TRADE_LITE, before the long one."""
    match event:
        case OrderEvent():
            update = _order_update(event)
            return [_trade_lite(event), update] if event.trade is not None else [update]
        case AlgoEvent():
            return [_algo_update(event)]
        case AccountEvent():
            return [_account_update(event)]
        case LeverageEvent():
            return [_config_update(event.time_ms, {"ac": {"s": event.symbol, "l": event.leverage}})]
        case MultiAssetsEvent():
            return [_config_update(event.time_ms, {"ai": {"j": event.is_on}})]
        case MarginCallEvent():
            return [_margin_call(event)]
        case _:
            assert_never(event)


def key_expired(listen_key: str, now_ms: int) -> Row:
    """listenKeyExpired."""
    return {"e": "listenKeyExpired", "E": now_ms, "listenKey": listen_key}


def _order_update(event: OrderEvent) -> Row:
    order, trade = event.order, event.trade
    told: Row = {
        "s": order.symbol,
        "c": order.client_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": text(order.quantity),
        "p": text(order.price),
        "ap": average(order),
        "sp": text(order.trigger_price),
        "x": event.execution,
        "X": order.status,
        "i": order.order_id,
        "l": text(trade.quantity) if trade else "0",
        "z": text(order.executed),
        "L": text(trade.price) if trade else "0",
        "n": text(trade.commission_usdt) if trade else "0",
        "N": "USDT",
        "T": event.time_ms,
        "t": trade.trade_id if trade else 0,
        "b": "0",
        "a": "0",
        "m": trade.is_maker if trade else False,
        "R": order.reduce_only,
        "wt": order.working_type,
        "ot": order.original_type,
        "ps": order.position_side,
        "cp": order.close_position,
        "rp": text(trade.realised_usdt) if trade else "0",
        "pP": order.price_protect,
        "si": 0,
        "ss": 0,
        "V": order.self_trade_prevention,
        "pm": order.price_match,
        "gtd": order.good_till_ms,
        "er": str(order.expiry_reason),
    }
    if order.callback_ratio is not None:
        told |= {"AP": text(order.activation_price), "cr": text(order.callback_ratio)}
    return {"e": "ORDER_TRADE_UPDATE", "T": event.time_ms, "E": event.time_ms, "o": told}


def _trade_lite(event: OrderEvent) -> Row:
    order, trade = event.order, event.trade
    assert trade is not None
    return {
        "e": "TRADE_LITE",
        "E": event.time_ms,
        "T": event.time_ms,
        "s": order.symbol,
        "q": text(order.quantity),
        "p": text(order.price),
        "m": trade.is_maker,
        "c": order.client_id,
        "S": order.side,
        "L": text(trade.price),
        "l": text(trade.quantity),
        "t": trade.trade_id,
        "i": order.order_id,
    }


def _algo_update(event: AlgoEvent) -> Row:
    algo, child = event.algo, event.child
    told: Row = {
        "caid": algo.client_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": algo.type,
        "s": algo.symbol,
        "S": algo.side,
        "ps": algo.position_side,
        "f": algo.time_in_force,
        "q": text(algo.quantity),
        "X": algo.status,
        "ai": "" if algo.order_id is None else str(algo.order_id),
        "tp": text(algo.trigger_price),
        "p": text(algo.price),
        "V": algo.self_trade_prevention,
        "wt": algo.working_type,
        "pm": algo.price_match,
        "cp": algo.close_position,
        "pP": algo.price_protect,
        "R": algo.reduce_only,
        "tt": algo.triggered_ms,
        "gtd": algo.good_till_ms,
        "rm": algo.reason,
        "ap": average(child) if child else "0.00",
        "aq": text(child.executed) if child else "0",
        "act": child.type if child else "",
    }
    if algo.type == "TRAILING_STOP_MARKET":
        told |= {
            "ia": algo.is_activated,
            "AP": text(algo.activation_price),
            "cr": text(algo.callback_ratio),
        }
    return {"e": "ALGO_UPDATE", "T": event.time_ms, "E": event.time_ms, "o": told}


def _account_update(event: AccountEvent) -> Row:
    told: Row = {
        "m": event.reason,
        "B": [
            {
                "a": "USDT",
                "wb": text(event.wallet_usdt),
                "cw": text(event.cross_wallet_usdt),
                "bc": text(event.change_usdt),
            }
        ],
        "P": [_position(one) for one in event.positions],
    }
    if event.symbol:
        told["S"] = event.symbol
    return {"e": "ACCOUNT_UPDATE", "T": event.time_ms, "E": event.time_ms, "a": told}


def _position(view: PositionUpdate) -> Row:
    return {
        "s": view.symbol,
        "pa": text(view.quantity),
        "ep": text(view.entry_price),
        "bep": text(view.break_even_price),
        "cr": text(view.realised_usdt),
        "up": text(view.unrealised_usdt),
        "mt": "isolated" if view.margin_type == "ISOLATED" else "cross",
        "iw": text(view.isolated_wallet_usdt),
        "ps": view.position_side,
    }


def _margin_call(event: MarginCallEvent) -> Row:
    return {
        "e": "MARGIN_CALL",
        "E": event.time_ms,
        "cw": text(event.cross_wallet_usdt),
        "p": [
            {
                "s": one.symbol,
                "ps": one.position_side,
                "pa": text(one.quantity),
                "mt": one.margin_type,
                "iw": text(one.isolated_wallet_usdt),
                "mp": text(one.mark_price),
                "up": text(one.unrealised_usdt),
                "mm": text(one.maintenance_usdt),
            }
            for one in event.positions
        ],
    }


def _config_update(time_ms: int, told: Row) -> Row:
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": time_ms, "T": time_ms, **told}
