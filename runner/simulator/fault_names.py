"""The names of the faults, as a table: when each bites, what it takes, what it does, what it plays.

In: nothing. Out: FAULTS, and which numbers of the failure catalogue an exchange can play at all.
Refuses to know: how a script is read, how a fault is carried out.
Source: the failure catalogue (N network, X exchange, T clock, D data, C operator, R risk, Z security), as
docs/simulator.md repeats it.
"""

from typing import NamedTuple

# When a fault bites: at a request it matches, at a message it matches, at its time, for as long as it holds,
# or from the first moment on (a switch of the exchange that is set before it opens).
REQUEST, MESSAGE, MOMENT, STATE, SETUP = "request", "message", "moment", "state", "setup"


class FaultKind(NamedTuple):
    """One row. `takes` names the arguments: a reader, or choices between bars; `?` marks the optional ones.

    STATE and SETUP hold from their time on, until `for` is over; the others strike once, or `x` times.
    """

    name: str
    bites: str
    takes: tuple[str, ...]
    does: str
    catalogue: str

    @property
    def lasts(self) -> bool:
        """Holds until it is over, unless `x` says how often it strikes."""
        return self.bites in (STATE, SETUP) or self.name in ("ex.reject", "ex.retire_endpoint")

    @property
    def usage(self) -> str:
        """How to write it."""
        words = [one.rstrip("?") if not one.endswith("?") else f"[{one.rstrip('?')}]" for one in self.takes]
        return f"{self.name}({', '.join(words)})" if words else self.name


_OP, _WHICH = "operation", "all|private|market?"
_EXECUTED = "executed|lost|either?"

_ROWS = [
    # the network between the bot and the exchange
    FaultKind(
        "net.drop_before", REQUEST, (_OP,), "the request never arrives; the connection resets", "N1 R2"
    ),
    FaultKind(
        "net.drop_after",
        REQUEST,
        (_OP,),
        "the request executes, the connection resets before the answer",
        "N1 N5 R1",
    ),
    FaultKind(
        "net.hang",
        REQUEST,
        (_OP, _EXECUTED),
        "no answer ever comes; executed, lost, or one of both by seed",
        "N1 N3",
    ),
    FaultKind("net.delay", REQUEST, (_OP, "span"), "the request arrives later than it was signed", "T2 N1"),
    FaultKind(
        "net.late", REQUEST, (_OP, "span"), "the request executes at once, its answer comes later", "N5"
    ),
    FaultKind("net.dup", REQUEST, (_OP,), "the request arrives twice; the second answer is seen", "N1"),
    FaultKind(
        "net.truncate",
        REQUEST,
        (_OP, "whole?"),
        "executed; the body ends before its Content-Length (after 12 bytes)",
        "N4",
    ),
    FaultKind("net.half_json", REQUEST, (_OP,), "executed; a whole answer whose JSON is broken", "N4"),
    FaultKind("net.empty", REQUEST, (_OP,), "executed; status 200 and no body", "N4"),
    FaultKind("net.blank", REQUEST, (_OP,), "executed; status 200 and {}", "N4"),
    FaultKind("net.html", REQUEST, (_OP,), "executed; status 200 and a page of HTML from a proxy", "N4"),
    FaultKind(
        "net.outage", STATE, (), "nothing gets through, streams included; say how long with `for`", "N6"
    ),
    FaultKind(
        "net.private_down", STATE, (), "signed requests and the user stream are dead, market data flows", "N7"
    ),
    FaultKind(
        "net.public_down", STATE, (), "market data is dead, signed requests and the user stream work", "N7 D1"
    ),
    # answers of the exchange's front
    FaultKind(
        "http.answer",
        REQUEST,
        (_OP, "whole", "whole", "text?", _EXECUTED),
        "answers status, code, message instead of executing (`executed`: besides)",
        "N2 N3 N8 X13 R1 R5",
    ),
    FaultKind(
        "http.unknown",
        REQUEST,
        (_OP, _EXECUTED),
        "503 'Unknown error, please check your request…': may have executed",
        "N2",
    ),
    FaultKind("http.unavailable", REQUEST, (_OP,), "503 'Service Unavailable.': did not execute", "N2"),
    FaultKind(
        "http.internal",
        REQUEST,
        (_OP,),
        "503 'Internal error; unable to process your request…': did not execute",
        "N2",
    ),
    FaultKind(
        "http.overload",
        REQUEST,
        (_OP,),
        "503 -1008: did not execute; reduce-only orders and cancels pass by themselves",
        "N2",
    ),
    FaultKind(
        "http.timeout", REQUEST, (_OP, _EXECUTED), "408 -1007: send and execution status unknown", "N3"
    ),
    FaultKind("http.unexpected", REQUEST, (_OP, _EXECUTED), "400 -1006: execution status unknown", "N3"),
    FaultKind("http.gateway", REQUEST, (_OP, _EXECUTED), "502 and HTML", "N2 N4"),
    FaultKind("http.firewall", REQUEST, (_OP,), "403 and HTML of the web firewall; not executed", "N8"),
    FaultKind(
        "http.busy",
        REQUEST,
        (_OP, "span?"),
        "429 with Retry-After; requests before it is over lead to a growing 418 ban",
        "N8",
    ),
    FaultKind(
        "http.ban",
        REQUEST,
        ("span?",),
        "418 for everything (2 minutes); every call inside makes it longer",
        "N8",
    ),
    FaultKind(
        "clk.skew",
        STATE,
        ("span",),
        "the exchange's clock runs this far ahead of (behind: minus) the client's",
        "T1",
    ),
    # streams
    FaultKind(
        "ws.kill", MOMENT, (_WHICH, "whole?"), "sockets close with a code (1006: cut without a goodbye)", "N9"
    ),
    FaultKind("ws.refuse", STATE, (_WHICH,), "new sockets are refused", "N9"),
    FaultKind("ws.silent", STATE, (_WHICH,), "sockets stay open and say nothing, pongs included", "N9"),
    FaultKind(
        "ws.drop",
        MESSAGE,
        ("text",),
        "the next event of this type (ORDER_TRADE_UPDATE, kline, …) gets lost",
        "N9 D3",
    ),
    FaultKind("ws.dup", MESSAGE, ("text",), "the next event of this type comes twice", "N9 D2"),
    FaultKind(
        "ws.reorder",
        MESSAGE,
        ("text",),
        "the next event of this type comes after the one that follows it",
        "N9 N5",
    ),
    FaultKind("ws.lag", STATE, ("span", _WHICH), "events come this much later", "N9 N5"),
    FaultKind("ws.expire_key", MOMENT, (), "listenKeyExpired; the socket stays open and mute", "N9"),
    # how the exchange itself behaves
    FaultKind(
        "ex.read_lag",
        STATE,
        ("span", "all|orders|positions|fills|account?"),
        "reads show the account as it was this long ago",
        "X1 D5",
    ),
    FaultKind("ex.retire_endpoint", REQUEST, (_OP,), "the endpoint is gone: 404 -5000", "X2"),
    FaultKind(
        "ex.engine_lag",
        STATE,
        ("span",),
        "orders wait this long before they are matched: -5028 if that is too late",
        "T2",
    ),
    FaultKind(
        "ex.reject",
        REQUEST,
        (_OP, "whole", "text?"),
        "refuses with this code (-2021, -1111, …)",
        "X4 X6 X13 R1 R2",
    ),
    FaultKind("ex.algo_cap", STATE, ("whole",), "so many conditional orders at most, then -4045", "X13"),
    FaultKind("ex.trigger_reject", MOMENT, (), "the next conditional order that triggers is REJECTED", "X5"),
    FaultKind(
        "ex.trigger_hang", MOMENT, (), "the next conditional order that triggers stays in TRIGGERING", "X5"
    ),
    FaultKind(
        "ex.partial",
        MOMENT,
        ("ratio",),
        "orders find only this part of their quantity, at each touch",
        "X8 X9",
    ),
    FaultKind(
        "ex.count_open_reduce_only",
        SETUP,
        ("on|off",),
        "resting reduce-only orders use up what may be reduced: -4118",
        "X6",
    ),
    FaultKind(
        "ex.cancel_all_takes_stops",
        STATE,
        ("on|off",),
        "DELETE allOpenOrders removes conditional orders too",
        "X3",
    ),
    FaultKind(
        "ex.countdown_takes_stops",
        SETUP,
        ("on|off",),
        "countdownCancelAll removes conditional orders too",
        "X3",
    ),
    FaultKind(
        "ex.keep_orphans", SETUP, ("on|off",), "conditional orders stay when the position is gone", "X11"
    ),
    FaultKind(
        "ex.child_id", MOMENT, (), "the next order born of a trigger carries a client id of its own", "X2 R7"
    ),
    FaultKind(
        "ex.reply_style",
        SETUP,
        ("short|long",),
        "order replies without (2026) or with avgPrice and cumQuote",
        "X8",
    ),
    FaultKind(
        "ex.update_time_zero",
        STATE,
        ("on|off",),
        "balances carry updateTime 0, as a fresh account's do",
        "X10",
    ),
    FaultKind(
        "ex.short_history", STATE, ("span",), "fills, orders and income older than this are forgotten", "X12"
    ),
    FaultKind(
        "ex.rules",
        MOMENT,
        ("symbol", "tick_size|step_size|notional_min", "number"),
        "the instrument's rules change",
        "X13",
    ),
    FaultKind("ex.halt", MOMENT, ("symbol",), "the symbol leaves TRADING: -4140", "X13"),
    FaultKind("ex.liquidate", MOMENT, ("symbol",), "the position is liquidated, whatever its margin", "X10"),
    FaultKind(
        "ex.adl", MOMENT, ("symbol", "ratio?"), "auto-deleveraging takes the position, or a part of it", "X10"
    ),
    # another hand on the same account
    FaultKind(
        "ex.switch_mode",
        MOMENT,
        ("hedge|one_way",),
        "the position mode changes; only without orders and positions, as the exchange has it",
        "X7",
    ),
    FaultKind("ex.leverage", MOMENT, ("symbol", "whole"), "the leverage changes from outside", "X7 C6"),
    FaultKind(
        "ex.manual_trade", MOMENT, ("symbol", "buy|sell", "number"), "the owner trades by hand", "C7 R7"
    ),
    FaultKind("ex.manual_close", MOMENT, ("symbol",), "the owner closes the position by hand", "C7 X10"),
    FaultKind(
        "ex.manual_cancel", MOMENT, ("symbol", "orders|stops|both?"), "the owner cancels what rests", "C7 X3"
    ),
    FaultKind(
        "ex.foreign_order",
        MOMENT,
        ("symbol", "buy|sell", "number", "number"),
        "an order of somebody else's program rests: quantity, price",
        "C5",
    ),
    FaultKind("ex.transfer", MOMENT, ("number",), "USDT come in, or go out with a minus", "C6"),
    FaultKind("ex.may_withdraw", STATE, ("on|off",), "the key says it may withdraw", "Z5"),
    # prices and bars
    FaultKind("feed.freeze", STATE, (), "no new bars over REST, not a word from market streams", "D1"),
    FaultKind("feed.partial", STATE, ("on|off?",), "bars are called closed (x: true) before they are", "D2"),
    FaultKind("feed.dup", MESSAGE, (), "the next closed bar is sent twice", "D2"),
    FaultKind("feed.drop_close", MESSAGE, (), "the message that closes the next bar is missing", "D3 D2"),
    FaultKind("feed.gap", MOMENT, ("whole",), "so many bars are missing, in streams and in klines", "D3"),
    FaultKind("feed.revise", MOMENT, ("whole", "ratio"), "the bar so many back gets another close", "D3"),
    FaultKind(
        "feed.wick",
        MOMENT,
        ("symbol", "ratio"),
        "the last price jumps by this much and back; the mark stays",
        "D4",
    ),
    FaultKind("feed.jump", MOMENT, ("symbol", "ratio"), "last and mark price jump by this much", "X4 X5"),
]

FAULTS: dict[str, FaultKind] = {row.name: row for row in _ROWS}

# The numbers of the catalogue that are no exchange's to play, and where they belong.
ELSEWHERE = {
    "X14": "which host a mode may speak to: the bot's own check",
    "T3": "the bot's wall clock",
    "T4": "the bot's process stops and goes on",
    **{f"S{number}": "the bot's journal and disk" for number in range(1, 7)},
    **{f"C{number}": "bot files" for number in range(1, 5)},
    "R3": "the bot's restart; losses come from prices",
    "R4": "the bot's limits; losses come from prices",
    "R6": "the bot's own code under halt",
    "Z1": "bot files",
    "Z2": "bot files",
    "Z3": "bot files",
    "Z4": "the bot's logs",
    "Z6": "the dashboard",
    "Z7": "names",
    "Z8": "key files",
}

CATALOGUE = tuple(
    f"{letter}{number}"
    for letter, count in (("N", 9), ("X", 14), ("S", 6), ("T", 4), ("D", 5), ("C", 7), ("R", 7), ("Z", 8))
    for number in range(1, count + 1)
)
