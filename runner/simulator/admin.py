"""The admin endpoint: step time, set prices, inject faults, read the truth.

In: a method, a path below /admin, a JSON body. Out: a status and a JSON tree.
Refuses to know: sockets; server.py lets only the own machine through.
"""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from runner.errors import UsageError
from runner.simulator.audit import audit
from runner.simulator.box import Box, needs_setup
from runner.simulator.faults import parse_faults
from runner.simulator.log import line
from runner.simulator.pacing import Pacer
from runner.simulator.refusal import Refused
from runner.simulator.types import Tick

Body = Mapping[str, Any]
Told = tuple[int, Any]
LOG_MAX = 1000

HELP = {
    "GET /admin": "this list",
    "GET /admin/state": "the exchange's time, prices, accounts, connections, faults that struck",
    "GET /admin/log?since=0&limit=1000": "the truth: all that was asked, answered and done",
    "GET /admin/audit": "what does not add up in the books; [] is sound",
    "GET /admin/faults": "the faults that are armed",
    "POST /admin/faults": '{"script": "net.drop_after(POST order)"}: arm more; `at +10m` counts from now',
    "DELETE /admin/faults": "disarm all",
    "POST /admin/price": '{"symbol": "BTCUSDT", "price": "60000", "mark": "60010"}: a print, a mark if told',
    "POST /admin/step": '{"bars": 1} or {"ms": 60000} or {"to_ms": 1700000000000}: play on',
    "POST /admin/ready": "this client has answered: returns when the next bar has closed",
}


async def answer_admin(box: Box, pacer: Pacer, method: str, path: str, sent: Body) -> Told:
    """One admin call."""
    act = _CALLS.get((method, path.removeprefix("/admin").strip("/")))
    if act is None:
        return 404, {"problem": f"no such call: {method} {path}", "calls": HELP}
    try:
        return 200, await act(box, pacer, sent)
    except (UsageError, Refused, ValueError, KeyError, InvalidOperation) as error:
        return 400, {"problem": str(error) or type(error).__name__}


async def _help(box: Box, pacer: Pacer, sent: Body) -> Any:
    return {"calls": HELP}


async def _state(box: Box, pacer: Pacer, sent: Body) -> Any:
    exchange = box.exchange
    return {
        "time_ms": box.now_ms,
        "next_step_ms": box.player.next_ms(),
        "is_over": pacer.is_over,
        "connections": box.hub.listeners,
        "prices": {
            one: {"last": str(exchange.last_price(one)), "mark": str(exchange.premium(one).mark_price)}
            for one in exchange.symbols
        },
        "accounts": {
            name: {
                "wallet_usdt": str(exchange.desk.view(name).wallet_usdt),
                "positions": [
                    {"symbol": leg.symbol, "side": leg.position_side, "quantity": str(leg.quantity)}
                    for leg in exchange.desk.view(name).positions
                ],
                "orders": len(exchange.orders.open(name)),
                "stops": len(exchange.algos.open(name)),
            }
            for name in exchange.accounts
        },
        "struck": dict(box.mischief.hits),
        "moments": [
            {"time_ms": one.time_ms, "fault": one.text, "outcome": one.outcome} for one in box.struck
        ],
        "log": {"entries": len(exchange.log), "digest": exchange.log.digest()},
    }


async def _log(box: Box, pacer: Pacer, sent: Body) -> Any:
    since, limit = int(sent.get("since", 0)), min(int(sent.get("limit", LOG_MAX)), LOG_MAX)
    entries = box.exchange.log.since(since, limit)
    return {
        "entries": [
            {
                "seq": one.seq,
                "time_ms": one.time_ms,
                "account": one.account,
                "kind": type(one.payload).__name__,
                "text": line(one),
            }
            for one in entries
        ],
        "next": since + len(entries),
        "total": len(box.exchange.log),
    }


async def _audit(box: Box, pacer: Pacer, sent: Body) -> Any:
    return {"problems": audit(box.exchange)}


async def _faults(box: Box, pacer: Pacer, sent: Body) -> Any:
    return {"faults": [one.text for one in box.mischief.faults], "struck": dict(box.mischief.hits)}


async def _arm(box: Box, pacer: Pacer, sent: Body) -> Any:
    faults = parse_faults(str(sent["script"]), box.now_ms)
    late = [one.text for one in faults if needs_setup(one)]
    if late:
        raise UsageError(
            f"{', '.join(late)}: this is how an exchange is opened; give it to runner simulator --faults"
        )
    for fault in faults:
        box.arm(fault)
    box.settle()
    return await _faults(box, pacer, sent)


async def _disarm(box: Box, pacer: Pacer, sent: Body) -> Any:
    box.mischief.clear()
    return await _faults(box, pacer, sent)


async def _price(box: Box, pacer: Pacer, sent: Body) -> Any:
    symbol, mark = str(sent["symbol"]), sent.get("mark")
    price = Decimal(str(sent["price"]))
    box.exchange.tick(Tick(symbol, price, mark=None if mark is None else Decimal(str(mark))))
    box.settle()
    return await _state(box, pacer, sent)


async def _step(box: Box, pacer: Pacer, sent: Body) -> Any:
    if "bars" in sent:
        for _ in range(int(sent["bars"])):
            if box.play_bar() is None:
                break
    else:
        box.advance_to(int(sent["to_ms"]) if "to_ms" in sent else box.now_ms + int(sent["ms"]))
    return {"time_ms": box.now_ms, "next_step_ms": box.player.next_ms()}


async def _ready(box: Box, pacer: Pacer, sent: Body) -> Any:
    return {"time_ms": await pacer.ready(), "is_over": pacer.is_over}


_CALLS: dict[tuple[str, str], Callable[[Box, Pacer, Body], Awaitable[Any]]] = {
    ("GET", ""): _help,
    ("GET", "state"): _state,
    ("GET", "log"): _log,
    ("GET", "audit"): _audit,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _arm,
    ("DELETE", "faults"): _disarm,
    ("POST", "price"): _price,
    ("POST", "step"): _step,
    ("POST", "ready"): _ready,
}
