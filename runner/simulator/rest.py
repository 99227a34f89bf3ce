"""The front of the exchange: every request passes here, in memory as over sockets.

In: method, target, headers, body, time of arrival. Out: a Reply: limits, signature, time, endpoint, faults.
Refuses to know: sockets; what endpoints do stands in rest_market, rest_orders, rest_algos, rest_account.
Source: Binance USDⓈ-M REST API; docs/simulator.md has this table with what is faithful in each row.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from runner.simulator import rest_account, rest_algos, rest_market, rest_orders
from runner.simulator.asked import Asked
from runner.simulator.box import Box, Login
from runner.simulator.mischief import CLEAR, GONE, Verdict
from runner.simulator.refusal import Refused
from runner.simulator.wire import Call, Reply, answered, check_signature, check_time, read_call, refused

Answer = Callable[[Box, str, Asked], Any]  # of whom: an account
PublicAnswer = Callable[[Box, Asked], Any]
OPEN, KEYED, SIGNED = "open", "keyed", "signed"
_STATUSES = {-2014: 401, -2015: 401, -1003: 429, -1015: 429, -1007: 408}
ENGINE_LATE = "Timestamp for this request is outside of the ME recvWindow."


class Route(NamedTuple):
    """One endpoint: `weight` of a request, and how many orders it counts as."""

    answer: Any
    security: str
    weight: int = 1
    orders: int = 0
    versions: tuple[int, ...] = (1,)
    weight_of_all: int = 0  # without a symbol


_WEIGHTS_BY_LIMIT = {"klines", "markPriceKlines", "indexPriceKlines", "continuousKlines"}
_VERSIONED: dict[str, dict[int, Answer]] = {
    "account": {2: rest_account.account_v2, 3: rest_account.account_v3},
    "positionRisk": {2: rest_account.positions_v2, 3: rest_account.positions_v3},
}

ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "ping"): Route(rest_market.ping, OPEN),
    ("GET", "time"): Route(rest_market.time, OPEN),
    ("GET", "exchangeInfo"): Route(rest_market.exchange_info, OPEN),
    ("GET", "depth"): Route(rest_market.depth, OPEN, 5),
    ("GET", "trades"): Route(rest_market.trades, OPEN, 5),
    ("GET", "historicalTrades"): Route(rest_market.trades, OPEN, 20),
    ("GET", "aggTrades"): Route(rest_market.aggregate_trades, OPEN, 20),
    ("GET", "klines"): Route(rest_market.klines, OPEN),
    ("GET", "markPriceKlines"): Route(rest_market.mark_klines, OPEN),
    ("GET", "indexPriceKlines"): Route(rest_market.index_klines, OPEN),
    ("GET", "continuousKlines"): Route(rest_market.continuous_klines, OPEN),
    ("GET", "premiumIndex"): Route(rest_market.premium, OPEN, 1, weight_of_all=10),
    ("GET", "fundingRate"): Route(rest_market.funding, OPEN, 1),
    ("GET", "fundingInfo"): Route(rest_market.funding_info, OPEN, 1),
    ("GET", "ticker/24hr"): Route(rest_market.day, OPEN, 1, weight_of_all=40),
    ("GET", "ticker/price"): Route(rest_market.last_price, OPEN, 1, versions=(1, 2), weight_of_all=2),
    ("GET", "ticker/bookTicker"): Route(rest_market.book_ticker, OPEN, 2, weight_of_all=5),
    ("POST", "order"): Route(rest_orders.place, SIGNED, 0, 1),
    ("POST", "order/test"): Route(rest_orders.check, SIGNED, 0),
    ("PUT", "order"): Route(rest_orders.amend, SIGNED, 1, 1),
    ("GET", "order"): Route(rest_orders.read, SIGNED),
    ("DELETE", "order"): Route(rest_orders.cancel, SIGNED),
    ("POST", "batchOrders"): Route(rest_orders.place_batch, SIGNED, 5, 5),
    ("PUT", "batchOrders"): Route(rest_orders.amend_batch, SIGNED, 5, 5),
    ("DELETE", "batchOrders"): Route(rest_orders.cancel_batch, SIGNED),
    ("DELETE", "allOpenOrders"): Route(rest_orders.cancel_all, SIGNED),
    ("POST", "countdownCancelAll"): Route(rest_orders.countdown, SIGNED, 10),
    ("GET", "openOrder"): Route(rest_orders.read_open, SIGNED),
    ("GET", "openOrders"): Route(rest_orders.open_orders, SIGNED, 1, weight_of_all=40),
    ("GET", "allOrders"): Route(rest_orders.all_orders, SIGNED, 5),
    ("GET", "userTrades"): Route(rest_orders.trades, SIGNED, 5),
    ("POST", "algoOrder"): Route(rest_algos.place, SIGNED, 0, 1),
    ("GET", "algoOrder"): Route(rest_algos.read, SIGNED),
    ("DELETE", "algoOrder"): Route(rest_algos.cancel, SIGNED),
    ("DELETE", "algoOpenOrders"): Route(rest_algos.cancel_all, SIGNED),
    ("GET", "openAlgoOrders"): Route(rest_algos.open_algos, SIGNED, 1, weight_of_all=40),
    ("GET", "allAlgoOrders"): Route(rest_algos.all_algos, SIGNED, 5),
    ("GET", "account"): Route(None, SIGNED, 5, versions=(2, 3)),
    ("GET", "balance"): Route(rest_account.balance, SIGNED, 5, versions=(2, 3)),
    ("GET", "positionRisk"): Route(None, SIGNED, 5, versions=(2, 3)),
    ("GET", "accountConfig"): Route(rest_account.config, SIGNED, 5),
    ("GET", "symbolConfig"): Route(rest_account.symbol_config, SIGNED, 5),
    ("GET", "income"): Route(rest_account.incomes, SIGNED, 30),
    ("POST", "leverage"): Route(rest_account.set_leverage, SIGNED),
    ("POST", "marginType"): Route(rest_account.set_margin_type, SIGNED),
    ("POST", "positionMargin"): Route(rest_account.change_margin, SIGNED),
    ("GET", "positionSide/dual"): Route(rest_account.is_dual, SIGNED, 30),
    ("POST", "positionSide/dual"): Route(rest_account.set_dual, SIGNED),
    ("GET", "multiAssetsMargin"): Route(rest_account.is_multi_assets, SIGNED, 30),
    ("POST", "multiAssetsMargin"): Route(rest_account.set_multi_assets, SIGNED),
    ("GET", "leverageBracket"): Route(rest_account.brackets, SIGNED),
    ("GET", "commissionRate"): Route(rest_account.commission, SIGNED, 20),
    ("GET", "adlQuantile"): Route(rest_account.quantiles, SIGNED, 5),
    ("GET", "forceOrders"): Route(rest_account.force_orders, SIGNED, 20, weight_of_all=50),
    ("GET", "rateLimit/order"): Route(rest_account.order_limits, SIGNED),
    ("POST", "listenKey"): Route(rest_account.open_key, KEYED),
    ("PUT", "listenKey"): Route(rest_account.keep_key, KEYED),
    ("DELETE", "listenKey"): Route(rest_account.close_key, KEYED),
}


class Arrival(NamedTuple):
    """A request that came in, and what will become of it. It is answered `delay_ms` after it was read."""

    call: Call
    route: Route | None
    verdict: Verdict

    @property
    def delay_ms(self) -> int:
        """How much later than sent it reaches the exchange."""
        return self.verdict.delay_ms


def handle(box: Box, method: str, target: str, headers: Mapping[str, str], body: bytes, now_ms: int) -> Reply:
    """One request from arrival to answer; a skin that can wait calls `arrive` and `answer` itself."""
    return answer(box, arrive(box, method, target, headers, body), now_ms)


def arrive(box: Box, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Arrival:
    """Read a request, and let the script decide about it."""
    call = read_call(method, target, headers, body)
    route = ROUTES.get((call.method, call.path))
    if route is not None and call.version not in route.versions:
        route = None
    verdict = box.mischief.request(call, box.limits, box.now_ms) if box.mischief.faults else CLEAR
    return Arrival(call, route, verdict)


def answer(box: Box, arrival: Arrival, now_ms: int) -> Reply:
    """Execute a request at a time of the exchange's clock, and say what travels back."""
    box.advance_to(now_ms)
    call, route, verdict = arrival
    reply = verdict.reply
    for _ in range(verdict.times if verdict.executes else 0):
        true_reply = _answered(box, call, route)
        reply = verdict.reply or true_reply
        box.settle()
    if reply is None:
        reply = Reply(0, {}, b"")
    if verdict is CLEAR:
        return reply
    return reply._replace(fate=verdict.fate, cut=verdict.cut, late_ms=verdict.late_ms)


def _answered(box: Box, call: Call, route: Route | None) -> Reply:
    if route is None:
        return refused(GONE, f"Path /fapi/v{call.version}/{call.path}, Method {call.method} is invalid", 404)
    now_ms = box.now_ms
    denial = box.limits.admit(_weight(call, route), route.orders, now_ms)
    headers = box.limits.headers(route.orders > 0, now_ms)
    if denial:
        headers["Retry-After"] = str(denial.retry_after_s)
        return refused(denial.code, denial.message, denial.status, headers)
    try:
        if route.security == OPEN:
            return answered(route.answer(box, Asked(call.params)), 200, headers)
        login = _checked_login(box, call, route)
        act = route.answer or _VERSIONED[call.path][call.version]
        return answered(act(box, login.account, Asked(call.params)), 200, headers)
    except Refused as no:
        return refused(no.code, no.msg, _STATUSES.get(no.code, 400), headers)


def _checked_login(box: Box, call: Call, route: Route) -> Login:
    if not call.key:
        raise Refused(-2014, "API-key format invalid.")
    login = box.login(call.key)
    if login is None:
        raise Refused(-2015, "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1")
    if route.security == SIGNED:
        if not call.is_signed:
            raise Refused(
                -1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."
            )
        check_signature(call, login.secret)
        clocks = [box.shown_ms]
        if box.setting.wall:
            clocks.append(box.setting.wall() + box.skew_ms)
        check_time(call, clocks)
        lag = box.holding("ex.engine_lag") if route.orders else None
        if lag:
            check_time(call, [clock + lag.whole(0) for clock in clocks], late=Refused(-5028, ENGINE_LATE))
    return login


def _weight(call: Call, route: Route) -> int:
    if call.path in _WEIGHTS_BY_LIMIT:
        text = call.params.get("limit", "500")
        limit = int(text) if text.isdigit() else 500
        return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10
    if route.weight_of_all and not call.params.get("symbol"):
        return route.weight_of_all
    return route.weight
