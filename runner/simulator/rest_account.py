"""The account over REST: money, positions, income, settings, fees, listen keys.

In: an `Asked` and whose account. Out: JSON trees. Refuses to know: signatures, limits, orders.
Source: Binance USDⓈ-M account and trade endpoints, v1 to v3.
"""

from decimal import Decimal
from typing import Any

from runner.simulator.asked import Asked
from runner.simulator.box import Box
from runner.simulator.history import Span
from runner.simulator.refusal import Refused
from runner.simulator.rows import (
    Row,
    account_position_row,
    asset_row,
    balance_row,
    income_row,
    order_row,
    position_row_v2,
    position_row_v3,
    text,
    totals,
)
from runner.simulator.types import AccountView, PositionView, SymbolConfig

DONE = {"code": 200, "msg": "success"}
DAY_MS = 86_400_000
INCOME_KEPT_MS = 90 * DAY_MS


def account(box: Box, name: str, asked: Asked, version: int) -> Row:
    """GET account: sums, assets, positions; v2 lists every symbol and what the account may do."""
    del asked
    view = box.past.view(name)
    head: Row = _abilities(box, name, view) if version == 2 else {}
    shown = _every_leg(box, name) if version == 2 else view.positions
    return {
        **head,
        **totals(view),
        "assets": [asset_row(view, box.updated_ms(view))],
        "positions": [account_position_row(one, version=version) for one in shown],
    }


def account_v2(box: Box, name: str, asked: Asked) -> Row:
    """GET /fapi/v2/account."""
    return account(box, name, asked, 2)


def account_v3(box: Box, name: str, asked: Asked) -> Row:
    """GET /fapi/v3/account."""
    return account(box, name, asked, 3)


def _abilities(box: Box, name: str, view: AccountView) -> Row:
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": box.is_on("ex.may_withdraw"),
        "tradeGroupId": -1,
        "updateTime": box.updated_ms(view),
        "multiAssetsMargin": box.exchange.desk.is_multi_assets(name),
    }


def config(box: Box, name: str, asked: Asked) -> Row:
    """GET accountConfig."""
    del asked
    abilities = _abilities(box, name, box.past.view(name))
    abilities.pop("feeBurn")
    return {**abilities, "dualSidePosition": box.exchange.desk.is_dual(name)}


def balance(box: Box, name: str, asked: Asked) -> list[Row]:
    """GET balance, v2 and v3 alike."""
    del asked
    view = box.past.view(name)
    return [balance_row(view, box.updated_ms(view))]


def positions_v3(box: Box, name: str, asked: Asked) -> list[Row]:
    """GET /fapi/v3/positionRisk: what is held or ordered; of one symbol, its legs even when flat."""
    return [position_row_v3(one) for one in _seen_positions(box, name, asked)]


def positions_v2(box: Box, name: str, asked: Asked) -> list[Row]:
    """GET /fapi/v2/positionRisk: every symbol's legs."""
    symbol = asked.text_or_none("symbol")
    shown = _seen_positions(box, name, asked) if symbol else _every_leg(box, name)
    return [position_row_v2(one) for one in shown]


def _seen_positions(box: Box, name: str, asked: Asked) -> tuple[PositionView, ...]:
    symbol = asked.text_or_none("symbol")
    if not symbol:
        return box.past.positions(name)
    legs = box.exchange.desk.positions(name, symbol)
    seen = {(one.symbol, one.position_side): one for one in box.past.positions(name)}
    if box.past.is_lagging("positions"):
        return tuple(one for one in seen.values() if one.symbol == symbol)
    return tuple(legs)


def _every_leg(box: Box, name: str) -> tuple[PositionView, ...]:
    return tuple(leg for symbol in box.exchange.symbols for leg in box.exchange.desk.positions(name, symbol))


def incomes(box: Box, name: str, asked: Asked) -> list[Row]:
    """GET income, oldest first; the last seven days unless told otherwise."""
    start_ms, end_ms = asked.whole_or_none("startTime"), asked.whole_or_none("endTime")
    oldest_ms = box.now_ms - box.history_ms(INCOME_KEPT_MS)
    if start_ms is None and end_ms is None:
        start_ms = box.now_ms - 7 * DAY_MS
    span = Span(None, start_ms, end_ms, asked.limit(100, 1000))
    found = box.exchange.desk.incomes(
        name, span, asked.text_or_none("symbol"), asked.text_or_none("incomeType")
    )
    seen_ms = box.past.until_ms("account")
    return [income_row(one) for one in found if oldest_ms <= one.time_ms <= seen_ms]


def set_leverage(box: Box, name: str, asked: Asked) -> Row:
    """POST leverage."""
    chosen = box.exchange.desk.set_leverage(name, asked.text("symbol"), asked.whole("leverage"))
    return {
        "symbol": chosen.symbol,
        "leverage": chosen.leverage,
        "maxNotionalValue": text(chosen.notional_usdt_max),
    }


def set_margin_type(box: Box, name: str, asked: Asked) -> Row:
    """POST marginType."""
    wanted = asked.choice("marginType", ("ISOLATED", "CROSSED"), -1130, "Invalid marginType.")
    box.exchange.desk.set_margin_type(name, asked.text("symbol"), wanted)
    return DONE


def set_dual(box: Box, name: str, asked: Asked) -> Row:
    """POST positionSide/dual."""
    box.exchange.desk.set_dual(name, asked.flag("dualSidePosition"))
    return DONE


def is_dual(box: Box, name: str, asked: Asked) -> Row:
    """GET positionSide/dual."""
    del asked
    return {"dualSidePosition": box.exchange.desk.is_dual(name)}


def set_multi_assets(box: Box, name: str, asked: Asked) -> Row:
    """POST multiAssetsMargin."""
    box.exchange.desk.set_multi_assets(name, asked.flag("multiAssetsMargin"))
    return DONE


def is_multi_assets(box: Box, name: str, asked: Asked) -> Row:
    """GET multiAssetsMargin."""
    del asked
    return {"multiAssetsMargin": box.exchange.desk.is_multi_assets(name)}


def change_margin(box: Box, name: str, asked: Asked) -> Row:
    """POST positionMargin: 1 adds, 2 takes away."""
    way, change = asked.whole("type"), asked.decimal("amount")
    if way not in (1, 2):
        raise Refused(-4056, "Amount must be positive." if change <= 0 else "Invalid parameter type.")
    side = asked.text_or_none("positionSide")
    box.exchange.desk.add_margin(name, asked.text("symbol"), change if way == 1 else -change, side)
    return {"amount": float(change), "code": 200, "msg": "Successfully modify position margin.", "type": way}


def symbol_config(box: Box, name: str, asked: Asked) -> list[Row]:
    """GET symbolConfig."""
    return [_config_row(one) for one in box.exchange.desk.config(name, asked.text_or_none("symbol"))]


def _config_row(one: SymbolConfig) -> Row:
    return {
        "symbol": one.symbol,
        "marginType": one.margin_type,
        "isAutoAddMargin": False,
        "leverage": one.leverage,
        "maxNotionalValue": text(one.notional_usdt_max),
    }


def brackets(box: Box, name: str, asked: Asked) -> Any:
    """GET leverageBracket: one symbol's is an object, all symbols' a list; ccxt takes a list for one too."""
    del name
    symbol = asked.text_or_none("symbol")
    return [_bracket_row(box, one) for one in ([symbol] if symbol else box.exchange.symbols)]


def _bracket_row(box: Box, symbol: str) -> Row:
    return {
        "symbol": symbol,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": one.number,
                "initialLeverage": one.leverage_max,
                "notionalCap": _plain(one.notional_cap),
                "notionalFloor": _plain(one.notional_floor),
                "maintMarginRatio": float(one.maintenance_ratio),
                "cum": float(one.deduction_usdt),
            }
            for one in box.exchange.rules(symbol).brackets
        ],
    }


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def commission(box: Box, name: str, asked: Asked) -> Row:
    """GET commissionRate."""
    symbol = asked.text("symbol")
    box.exchange.rules(symbol)
    fees = box.exchange.desk.fees(name)
    return {
        "symbol": symbol,
        "makerCommissionRate": text(fees.maker_ratio),
        "takerCommissionRate": text(fees.taker_ratio),
        "rpiCommissionRate": "0",
    }


def quantiles(box: Box, name: str, asked: Asked) -> list[Row]:
    """GET adlQuantile."""
    symbol = asked.text_or_none("symbol")
    held: dict[str, dict[str, int]] = {}
    for one in _every_leg(box, name):
        if symbol in (None, one.symbol):
            held.setdefault(one.symbol, {})[one.position_side] = one.adl
    return [{"symbol": one, "adlQuantile": legs} for one, legs in held.items()]


def force_orders(box: Box, name: str, asked: Asked) -> list[Row]:
    """GET forceOrders: liquidations and auto-deleveraging of this account."""
    wanted = asked.choice_or_none("autoCloseType", ("LIQUIDATION", "ADL"), -1130, "Invalid autoCloseType.")
    start = {"LIQUIDATION": "autoclose-", "ADL": "adl_autoclose"}.get(wanted or "", "")
    found = box.exchange.desk.force_orders(name, asked.text_or_none("symbol"))
    return [
        order_row(one, is_read=True, has_averages=True) for one in found if one.client_id.startswith(start)
    ]


def order_limits(box: Box, name: str, asked: Asked) -> list[Row]:
    """GET rateLimit/order."""
    del name, asked
    return box.order_limits()


def open_key(box: Box, name: str, asked: Asked) -> Row:
    """POST listenKey: the key that lives, or a new one; good for another hour."""
    del asked
    return {"listenKey": box.keys.open(name)}


def keep_key(box: Box, name: str, asked: Asked) -> Row:
    """PUT listenKey: -1125 when there is none."""
    del asked
    return {"listenKey": box.keys.keep(name)}


def close_key(box: Box, name: str, asked: Asked) -> Row:
    """DELETE listenKey."""
    del asked
    box.keys.close(name)
    return {}
