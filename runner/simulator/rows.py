"""The model's values as the exchange writes them in JSON: orders of both books, fills, positions, money.

In: values of `types`. Out: dictionaries with the exchange's own keys, numbers as text.
Refuses to know: which endpoint or event they go to, why they were asked for.
Source: Binance USDⓈ-M REST replies of 2026; the official SDK's reply models name every field.
"""

from decimal import Decimal
from typing import Any

from runner.simulator.types import AccountView, AlgoOrder, Income, Order, PositionView, Trade

Row = dict[str, Any]
_CENTS = Decimal("0.00000001")


def text(number: Decimal | None) -> str:
    """A number as the exchange prints it: no exponent, a plain 0."""
    return format(number, "f") if number else "0"


def average(order: Order) -> str:
    """The mean price of what was executed."""
    return text(order.average_price.quantize(_CENTS).normalize()) if order.executed else "0.00"


def order_row(order: Order, *, is_read: bool, has_averages: bool) -> Row:
    """One order. Reads carry `time`, `avgPrice`, `cumQuote`; replies to writes lost the averages in 2026."""
    row: Row = {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": text(order.price),
        "origQty": text(order.quantity),
        "executedQty": text(order.executed),
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": text(order.trigger_price),
        "workingType": order.working_type,
        "priceProtect": order.price_protect,
        "origType": order.original_type,
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.self_trade_prevention,
        "goodTillDate": order.good_till_ms,
        "updateTime": order.updated_ms,
    }
    if is_read or has_averages:
        row["avgPrice"], row["cumQuote"] = average(order), text(order.cost_usdt)
    if is_read:
        row["time"] = order.created_ms
    else:
        row["cumQty"] = text(order.executed)
    if order.callback_ratio is not None:
        row["activatePrice"], row["priceRate"] = text(order.activation_price), text(order.callback_ratio)
    return row


def algo_row(algo: AlgoOrder, child: Order | None, *, is_read: bool) -> Row:
    """One conditional order; reads tell of the order that it became."""
    row: Row = {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.type,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": algo.position_side,
        "timeInForce": algo.time_in_force,
        "quantity": text(algo.quantity),
        "algoStatus": algo.status,
        "triggerPrice": text(algo.trigger_price),
        "price": text(algo.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": algo.self_trade_prevention,
        "workingType": algo.working_type,
        "priceMatch": algo.price_match,
        "closePosition": algo.close_position,
        "priceProtect": algo.price_protect,
        "reduceOnly": algo.reduce_only,
        "activatePrice": text(algo.activation_price) if algo.activation_price else "",
        "callbackRate": text(algo.callback_ratio) if algo.callback_ratio else "",
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": algo.good_till_ms,
    }
    if is_read:
        row |= {
            "actualOrderId": "" if algo.order_id is None else str(algo.order_id),
            "actualPrice": average(child) if child else "0.00",
            "actualQty": text(child.executed) if child else "0",
            "actualType": child.type if child else "",
            "tpTriggerPrice": "0.00",
            "tpPrice": "0.00",
            "slTriggerPrice": "0.00",
            "slPrice": "0.00",
            "tpOrderType": "",
        }
    return row


def trade_row(trade: Trade) -> Row:
    """One fill of `userTrades`."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "realizedPnl": text(trade.realised_usdt),
        "quoteQty": text(trade.notional_usdt),
        "commission": text(trade.commission_usdt),
        "commissionAsset": "USDT",
        "time": trade.time_ms,
        "positionSide": trade.position_side,
        "buyer": trade.side == "BUY",
        "maker": trade.is_maker,
    }


def income_row(income: Income) -> Row:
    """One change of the wallet."""
    return {
        "symbol": income.symbol,
        "incomeType": income.type,
        "income": text(income.amount_usdt),
        "asset": "USDT",
        "info": income.info,
        "time": income.time_ms,
        "tranId": income.transaction_id,
        "tradeId": "" if income.trade_id is None else str(income.trade_id),
    }


def position_row_v3(view: PositionView) -> Row:
    """One leg of `/fapi/v3/positionRisk`."""
    return {
        "symbol": view.symbol,
        "positionSide": view.position_side,
        "positionAmt": text(view.quantity),
        "entryPrice": text(view.entry_price),
        "breakEvenPrice": text(view.break_even_price),
        "markPrice": text(view.mark_price),
        "unRealizedProfit": text(view.unrealised_usdt),
        "liquidationPrice": text(view.liquidation_price),
        "isolatedMargin": text(view.isolated_margin_usdt),
        "notional": text(view.notional_usdt),
        "marginAsset": "USDT",
        "isolatedWallet": text(view.isolated_wallet_usdt),
        "initialMargin": text(view.initial_margin_usdt),
        "maintMargin": text(view.maintenance_usdt),
        "positionInitialMargin": text(view.position_margin_usdt),
        "openOrderInitialMargin": text(view.open_order_margin_usdt),
        "adl": view.adl,
        "bidNotional": text(view.bid_notional_usdt),
        "askNotional": text(view.ask_notional_usdt),
        "updateTime": view.updated_ms,
    }


def position_row_v2(view: PositionView) -> Row:
    """One leg of `/fapi/v2/positionRisk`."""
    return {
        "symbol": view.symbol,
        "positionSide": view.position_side,
        "positionAmt": text(view.quantity),
        "entryPrice": text(view.entry_price),
        "breakEvenPrice": text(view.break_even_price),
        "markPrice": text(view.mark_price),
        "unRealizedProfit": text(view.unrealised_usdt),
        "liquidationPrice": text(view.liquidation_price),
        "leverage": str(view.leverage),
        "maxNotionalValue": text(view.notional_usdt_max),
        "marginType": "isolated" if view.margin_type == "ISOLATED" else "cross",
        "isolatedMargin": text(view.isolated_margin_usdt),
        "isAutoAddMargin": "false",
        "notional": text(view.notional_usdt),
        "isolatedWallet": text(view.isolated_wallet_usdt),
        "updateTime": view.updated_ms,
    }


def account_position_row(view: PositionView, *, version: int) -> Row:
    """One leg inside `/fapi/v2/account` or `/fapi/v3/account`."""
    row: Row = {
        "symbol": view.symbol,
        "positionSide": view.position_side,
        "positionAmt": text(view.quantity),
        "unrealizedProfit": text(view.unrealised_usdt),
        "initialMargin": text(view.initial_margin_usdt),
        "maintMargin": text(view.maintenance_usdt),
        "updateTime": view.updated_ms,
        "isolatedMargin": text(view.isolated_margin_usdt),
        "notional": text(view.notional_usdt),
        "isolatedWallet": text(view.isolated_wallet_usdt),
    }
    if version == 2:
        row |= {
            "positionInitialMargin": text(view.position_margin_usdt),
            "openOrderInitialMargin": text(view.open_order_margin_usdt),
            "leverage": str(view.leverage),
            "isolated": view.margin_type == "ISOLATED",
            "entryPrice": text(view.entry_price),
            "breakEvenPrice": text(view.break_even_price),
            "maxNotional": text(view.notional_usdt_max),
            "bidNotional": text(view.bid_notional_usdt),
            "askNotional": text(view.ask_notional_usdt),
        }
    return row


def totals(view: AccountView) -> Row:
    """The sums at the head of `account`."""
    return {
        "totalInitialMargin": text(view.initial_margin_usdt),
        "totalMaintMargin": text(view.maintenance_usdt),
        "totalWalletBalance": text(view.wallet_usdt),
        "totalUnrealizedProfit": text(view.unrealised_usdt),
        "totalMarginBalance": text(view.margin_balance_usdt),
        "totalPositionInitialMargin": text(view.position_margin_usdt),
        "totalOpenOrderInitialMargin": text(view.open_order_margin_usdt),
        "totalCrossWalletBalance": text(view.cross_wallet_usdt),
        "totalCrossUnPnl": text(view.cross_unrealised_usdt),
        "availableBalance": text(view.available_usdt),
        "maxWithdrawAmount": text(view.withdrawable_usdt),
    }


def asset_row(view: AccountView, updated_ms: int) -> Row:
    """USDT inside `account`."""
    return {
        "asset": "USDT",
        "walletBalance": text(view.wallet_usdt),
        "unrealizedProfit": text(view.unrealised_usdt),
        "marginBalance": text(view.margin_balance_usdt),
        "maintMargin": text(view.maintenance_usdt),
        "initialMargin": text(view.initial_margin_usdt),
        "positionInitialMargin": text(view.position_margin_usdt),
        "openOrderInitialMargin": text(view.open_order_margin_usdt),
        "crossWalletBalance": text(view.cross_wallet_usdt),
        "crossUnPnl": text(view.cross_unrealised_usdt),
        "availableBalance": text(view.available_usdt),
        "maxWithdrawAmount": text(view.withdrawable_usdt),
        "marginAvailable": True,
        "updateTime": updated_ms,
    }


def balance_row(view: AccountView, updated_ms: int) -> Row:
    """USDT of `balance`."""
    return {
        "accountAlias": "SgsR",
        "asset": "USDT",
        "balance": text(view.wallet_usdt),
        "crossWalletBalance": text(view.cross_wallet_usdt),
        "crossUnPnl": text(view.cross_unrealised_usdt),
        "availableBalance": text(view.available_usdt),
        "maxWithdrawAmount": text(view.withdrawable_usdt),
        "marginAvailable": True,
        "updateTime": updated_ms,
    }
