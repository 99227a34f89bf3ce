"""Faults that strike at a time of their own: what each does to the exchange, its market, its streams.

In: the box and a fault. Out: nothing but what happens; Refused when the exchange itself says no.
Refuses to know: when they strike, what clients asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from runner.simulator.faults import Fault
from runner.simulator.types import NewOrder, PositionView, Tick

if TYPE_CHECKING:
    from runner.simulator.box import Box

Strike = Callable[["Box", Fault], None]


def _trigger_reject(box: "Box", fault: Fault) -> None:
    box.exchange.levers.trigger_rejections += 1


def _trigger_hang(box: "Box", fault: Fault) -> None:
    box.exchange.levers.trigger_hangs += 1


def _child_id(box: "Box", fault: Fault) -> None:
    box.exchange.levers.foreign_child_ids += 1


def _partial(box: "Box", fault: Fault) -> None:
    box.exchange.levers.taker_share = box.exchange.levers.maker_share = fault.number(0)


def _whole(box: "Box", fault: Fault) -> None:
    box.exchange.levers.taker_share = box.exchange.levers.maker_share = None


def _rules(box: "Box", fault: Fault) -> None:
    symbol, which, number = fault.word(0), fault.word(1), fault.number(2)
    rules = box.exchange.rules(symbol)
    if which == "tick_size":
        rules = replace(rules, tick_size=number)
    elif which == "step_size":
        rules = replace(rules, step_size=number)
    else:
        rules = replace(rules, notional_usdt_min=number)
    box.exchange.change_rules(rules)


def _halt(box: "Box", fault: Fault) -> None:
    _set_status(box, fault.word(0), "PENDING_TRADING")


def _resume(box: "Box", fault: Fault) -> None:
    _set_status(box, fault.word(0), "TRADING")


def _set_status(box: "Box", symbol: str, status: str) -> None:
    box.exchange.change_rules(replace(box.exchange.rules(symbol), status=status))


def _liquidate(box: "Box", fault: Fault) -> None:
    for account in sorted({name for name, _ in _held(box, fault.word(0))}):
        box.exchange.hazards.liquidate(account, fault.word(0))


def _deleverage(box: "Box", fault: Fault) -> None:
    symbol, share = fault.word(0), fault.number(1, "1")
    for account, leg in _held(box, symbol):
        box.exchange.hazards.deleverage(account, symbol, leg.position_side, share)


def _held(box: "Box", symbol: str) -> list[tuple[str, PositionView]]:
    return [
        (name, leg)
        for name in box.exchange.accounts
        for leg in box.exchange.desk.positions(name, symbol)
        if leg.quantity
    ]


def _switch_mode(box: "Box", fault: Fault) -> None:
    for account in box.exchange.accounts:
        box.exchange.desk.set_dual(account, fault.word(0) == "hedge")


def _leverage(box: "Box", fault: Fault) -> None:
    for account in box.exchange.accounts:
        box.exchange.desk.set_leverage(account, fault.word(0), fault.whole(1))


def _manual_trade(box: "Box", fault: Fault) -> None:
    for account in box.exchange.accounts:
        box.exchange.orders.place(
            account,
            NewOrder(
                symbol=fault.word(0),
                side=fault.word(1).upper(),
                type="MARKET",
                quantity=fault.number(2),
                client_id=f"ios_{box.now_ms}",
            ),
        )


def _manual_close(box: "Box", fault: Fault) -> None:
    for account, leg in _held(box, fault.word(0)):
        is_both = leg.position_side == "BOTH"
        box.exchange.orders.place(
            account,
            NewOrder(
                symbol=leg.symbol,
                side="SELL" if leg.quantity > 0 else "BUY",
                type="MARKET",
                quantity=abs(leg.quantity),
                position_side=None if is_both else leg.position_side,
                reduce_only=True if is_both else None,
                client_id=f"ios_{box.now_ms}",
            ),
        )


def _manual_cancel(box: "Box", fault: Fault) -> None:
    symbol, which = fault.word(0), fault.word(1, "both")
    for account in box.exchange.accounts:
        if which in ("orders", "both"):
            box.exchange.orders.cancel_all(account, symbol)
        if which in ("stops", "both"):
            box.exchange.algos.cancel_all(account, symbol)


def _foreign_order(box: "Box", fault: Fault) -> None:
    for account in box.exchange.accounts:
        box.exchange.orders.place(
            account,
            NewOrder(
                symbol=fault.word(0),
                side=fault.word(1).upper(),
                type="LIMIT",
                quantity=fault.number(2),
                price=fault.number(3),
                time_in_force="GTC",
                client_id=f"web_{box.now_ms}",
            ),
        )


def _transfer(box: "Box", fault: Fault) -> None:
    for account in box.exchange.accounts:
        box.exchange.desk.transfer(account, fault.number(0))


def _gap(box: "Box", fault: Fault) -> None:
    box.feed_faults.leave_out(box.now_ms, fault.whole(0))


def _revise(box: "Box", fault: Fault) -> None:
    box.feed_faults.revise(box.now_ms, fault.whole(0), fault.number(1))


def _wick(box: "Box", fault: Fault) -> None:
    """There and back in one instant; the mark is not asked."""
    symbol = fault.word(0)
    price = box.exchange.last_price(symbol)
    box.exchange.tick(Tick(symbol, _moved(box, symbol, price, fault.number(1))))
    box.exchange.tick(Tick(symbol, price))


def _jump(box: "Box", fault: Fault) -> None:
    symbol, ratio = fault.word(0), fault.number(1)
    price, mark = box.exchange.last_price(symbol), box.exchange.premium(symbol).mark_price
    moved, moved_mark = _moved(box, symbol, price, ratio), _moved(box, symbol, mark, ratio)
    box.exchange.tick(Tick(symbol, moved, mark=moved_mark))


def _moved(box: "Box", symbol: str, price: Decimal, ratio: Decimal) -> Decimal:
    tick = box.exchange.rules(symbol).tick_size
    return max(tick, price * (1 + ratio) // tick * tick)


def _kill(box: "Box", fault: Fault) -> None:
    box.hub.close(fault.word(0, "all"), fault.whole(1, 1006))


def _expire_key(box: "Box", fault: Fault) -> None:
    box.hub.expire(box.keys.expire_all())


STRIKES: Mapping[str, Strike] = {
    "ws.kill": _kill,
    "ws.expire_key": _expire_key,
    "ex.trigger_reject": _trigger_reject,
    "ex.trigger_hang": _trigger_hang,
    "ex.child_id": _child_id,
    "ex.partial": _partial,
    "ex.rules": _rules,
    "ex.halt": _halt,
    "ex.liquidate": _liquidate,
    "ex.adl": _deleverage,
    "ex.switch_mode": _switch_mode,
    "ex.leverage": _leverage,
    "ex.manual_trade": _manual_trade,
    "ex.manual_close": _manual_close,
    "ex.manual_cancel": _manual_cancel,
    "ex.foreign_order": _foreign_order,
    "ex.transfer": _transfer,
    "feed.gap": _gap,
    "feed.revise": _revise,
    "feed.wick": _wick,
    "feed.jump": _jump,
}
LIFTS: Mapping[str, Strike] = {"ex.partial": _whole, "ex.halt": _resume}
