"""Which fault strikes when: a script played against requests, messages and the clock, chance by seed.

In: faults, a seed; each request, message and moment. Out: verdicts. Counts what struck.
Refuses to know: how an order executes, sockets; rest.py, streams.py, strikes.py carry out what is said here.
"""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from runner.simulator.faults import ALWAYS, Fault
from runner.simulator.limits import Denial, Limits
from runner.simulator.wire import Call, Reply, page, refused

PAGE = b"<html><body><h1>Please wait</h1></body></html>"
UNKNOWN = "Unknown error, please check your request or try again later."
UNAVAILABLE = "Service Unavailable."
INTERNAL = "Internal error; unable to process your request. Please try again."
OVERLOAD = (
    "Request throttled by system-level protection. "
    "Reduce-only/close-position orders are exempt. Please try again."
)
TIMED_OUT = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
UNEXPECTED = "An unexpected response was received from the message bus. Execution status unknown."
GONE = -5000


class Verdict(NamedTuple):
    """What becomes of a request. `reply` takes the place of the true one; `fate` of it on its way back."""

    executes: bool = True
    times: int = 1
    delay_ms: int = 0
    late_ms: int = 0
    fate: str = "sent"
    cut: int = 0
    reply: Reply | None = None


CLEAR = Verdict()


@dataclass(slots=True)
class _Armed:
    """A fault and how often it was looked at, and struck."""

    fault: Fault
    seen: int = 0
    spent: int = 0


class Mischief:
    """The faults of one run. A fault armed later counts from then."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self._chance = random.Random(seed)
        self._requests: list[_Armed] = []
        self._messages: list[_Armed] = []
        self._states: list[Fault] = []
        self._moments: list[tuple[int, Fault, bool]] = []  # when, what, is it the lifting
        self.faults: list[Fault] = []
        self.hits: Counter[str] = Counter()
        for fault in faults:
            self.arm(fault)

    def arm(self, fault: Fault) -> None:
        """One more fault."""
        self.faults.append(fault)
        match fault.kind.bites:
            case "request":
                self._requests.append(_Armed(fault))
            case "message":
                self._messages.append(_Armed(fault))
            case "moment":
                self._moments.append((fault.from_ms, fault, False))
                if fault.until_ms is not None:
                    self._moments.append((fault.until_ms, fault, True))
            case _:
                self._states.append(fault)

    def clear(self) -> None:
        """No fault is left, but liftings of those that hold; counts stay."""
        self._moments = [one for one in self._moments if one[2]]
        for faults in (self.faults, self._states):
            faults.clear()
        for armed in (self._requests, self._messages):
            armed.clear()

    def holding(self, name: str, now_ms: int) -> Fault | None:
        """The fault of this name that holds now, the last armed first."""
        for fault in reversed(self._states):
            if fault.name == name and _is_due(fault, now_ms):
                return fault
        return None

    def next_ms(self) -> int | None:
        """When the next fault strikes by itself."""
        return min((one[0] for one in self._moments), default=None)

    def moments(self, now_ms: int) -> list[tuple[Fault, bool]]:
        """Faults whose time has come, and those whose time is over (True), in order."""
        if not self._moments:
            return []
        due = sorted((one for one in self._moments if one[0] <= now_ms), key=lambda one: one[0])
        self._moments = [one for one in self._moments if one[0] > now_ms]
        struck: list[tuple[Fault, bool]] = []
        for _, fault, is_lifting in due:
            times = 1 if is_lifting or fault.times == ALWAYS else fault.times
            struck += [(fault, is_lifting)] * times
            self.hits[fault.name] += not is_lifting
        return struck

    def message(self, names: tuple[str, ...], now_ms: int) -> str:
        """drop, dup, reorder or nothing, for a message of these names."""
        for armed in self._messages:
            does, wanted = _MESSAGES.get(armed.fault.name) or (
                armed.fault.name.removeprefix("ws."),
                armed.fault.word(0),
            )
            if wanted in names and self._strikes(armed, now_ms):
                return does
        return ""

    def request(self, call: Call, limits: Limits, now_ms: int) -> Verdict:
        """What becomes of this request: the first fault of the script that strikes."""
        if self._states:
            is_private = bool(call.key) and (call.is_signed or call.path == "listenKey")
            for name in ("net.outage", "net.private_down" if is_private else "net.public_down"):
                if self.holding(name, now_ms):
                    self.hits[name] += 1
                    return Verdict(executes=False, fate="reset")
        for armed in self._requests:
            fault = armed.fault
            is_meant = fault.operation.matches(call.method, call.path, call.is_signed) and _is_meant(
                fault, call
            )
            if is_meant and self._strikes(armed, now_ms):
                return self._verdict(fault, call, limits, now_ms)
        return CLEAR

    def _strikes(self, armed: _Armed, now_ms: int) -> bool:
        fault = armed.fault
        if not _is_due(fault, now_ms) or armed.spent >= fault.times:
            return False
        armed.seen += 1
        if armed.seen <= fault.skipped:
            return False
        if fault.chance < 1 and Decimal(self._chance.random()) >= fault.chance:
            return False
        armed.spent += 1
        self.hits[fault.name] += 1
        return True

    def _executes(self, said: str) -> bool:
        return said == "executed" or (said == "either" and self._chance.random() < 0.5)

    def _verdict(self, fault: Fault, call: Call, limits: Limits, now_ms: int) -> Verdict:
        name = fault.name
        if name in _NETWORK:
            return _NETWORK[name]
        if name in _ANSWERS:
            executes = self._executes(fault.word(1, "either")) if name in _MAYBE else False
            return Verdict(executes=executes, reply=_ANSWERS[name])
        match name:
            case "net.hang":
                return Verdict(executes=self._executes(fault.word(1, "either")), fate="hangs")
            case "net.delay":
                return Verdict(delay_ms=fault.whole(1))
            case "net.late":
                return Verdict(late_ms=fault.whole(1))
            case "net.truncate":
                return Verdict(fate="cut", cut=fault.whole(1, 12))
            case "http.answer":
                reply = refused(fault.whole(2), fault.word(3, "Refused by script."), fault.whole(1))
                return Verdict(executes=self._executes(fault.word(4, "lost")), reply=reply)
            case "http.busy":
                return _denied(limits.busy(fault.whole(1, 30_000), now_ms))
            case "http.ban":
                return _denied(limits.ban(now_ms, fault.whole(0, 0)))
            case "ex.retire_endpoint":
                text = f"Path /fapi/v{call.version}/{call.path}, Method {call.method} is invalid"
                return Verdict(executes=False, reply=refused(GONE, text, 404))
            case _:
                assert name == "ex.reject", name
                code = fault.whole(1)
                return Verdict(executes=False, reply=refused(code, fault.word(2, "Rejected.")))


def _is_due(fault: Fault, now_ms: int) -> bool:
    return fault.from_ms <= now_ms and (fault.until_ms is None or now_ms < fault.until_ms)


def _is_meant(fault: Fault, call: Call) -> bool:
    """`only entries`, `only exits`; an overload is about entries by itself."""
    only = "entries" if fault.name == "http.overload" else fault.only
    return only is None or (only == "entries") == is_entry(call)


def is_entry(call: Call) -> bool:
    """Can this request open or grow a position?"""
    if call.method != "POST" or call.path not in ("order", "batchOrders", "algoOrder"):
        return False
    said = call.params.get("reduceOnly", ""), call.params.get("closePosition", "")
    return "true" not in said


def _denied(denial: Denial) -> Verdict:
    headers = {"Retry-After": str(denial.retry_after_s)}
    return Verdict(executes=False, reply=refused(denial.code, denial.message, denial.status, headers))


_JSON = {"Content-Type": "application/json;charset=UTF-8"}
_NETWORK = {
    "net.drop_before": Verdict(executes=False, fate="reset"),
    "net.drop_after": Verdict(fate="reset"),
    "net.dup": Verdict(times=2),
    "net.half_json": Verdict(reply=Reply(200, _JSON, b'{"orderId": 12')),
    "net.empty": Verdict(reply=Reply(200, _JSON, b"")),
    "net.blank": Verdict(reply=Reply(200, _JSON, b"{}")),
    "net.html": Verdict(reply=Reply(200, {"Content-Type": "text/html"}, PAGE)),
}
_ANSWERS = {
    "http.unknown": refused(-1000, UNKNOWN, 503),
    "http.unavailable": refused(-1, UNAVAILABLE, 503),
    "http.internal": refused(-1001, INTERNAL, 503),
    "http.overload": refused(-1008, OVERLOAD, 503),
    "http.timeout": refused(-1007, TIMED_OUT, 408),
    "http.unexpected": refused(-1006, UNEXPECTED),
    "http.gateway": page(502, "Bad Gateway"),
    "http.firewall": page(403, "Forbidden"),
}
_MESSAGES = {"feed.dup": ("dup", "kline/closed"), "feed.drop_close": ("drop", "kline/closed")}
_MAYBE = ("http.unknown", "http.timeout", "http.unexpected", "http.gateway")
