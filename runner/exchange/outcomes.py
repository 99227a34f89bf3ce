"""What an answer to a write means: surely done, surely not done, or unknown, as is all that no table names.

In: an exception of the client, or a reply's body. Out: an `Outcome`.
Refuses to know: what was sent, what is done about it.
Source: Binance USDⓈ-M error codes and the documented meaning of its 503s; ccxt's exception classes cannot
tell these apart (a cut answer after execution and a sure rejection are both `ExchangeError`).
"""

from collections.abc import Callable, Mapping

from runner.domain.venue import Duplicate, NotSent, Outcome, Rejected, Retry, Unknown
from runner.exchange.client import never_left, reply_of

DUPLICATE_ID = -4116
TIMESTAMP = (-1021, -5028)
UNKNOWN_CODES = frozenset({-1000, -1001, -1006, -1007, -1016, -2012, -4117, -5041})
THROTTLED = frozenset({-1003, -1008, -1015})

# Surely not executed, by number; what is not here or above is unknown.
REJECTED_CODES = (
    frozenset(
        {
            *(-1002, -1010, -1013, -1014, -1020, -1022, -1023, -1108, -1109),
            *range(-1136, -1099),
            *(-2008, -2010, -2011, -2013, -2014, -2015, -2016, -2017, -2018, -2019),
            *range(-2028, -2019),
            *range(-4100, -3999),
            *(-4109, -4118, -4120, -4130, -4131, -4135, -4136, -4137, -4138, -4140, -4141, -4142, -4144),
            *(-4161, -4164, -4168, -4183, -4184, -4192, -4202, -4203, -4205, -4206, -4210, -4211),
            *(-4400, -4401, -4402, -4403, -4411, -4509, -4531),
            *range(-5040, -5036),
            *(-5021, -5022, -5024, -5025, -5026, -5027),
            *(-20130, -20132),
        }
    )
    - UNKNOWN_CODES
)

# A 503 whose very words say that nothing happened.
_NOT_DONE = ("service unavailable.", "internal error; unable to process your request. please try again.")

THROTTLE_MS = 500
SILENT_BAN_MS = 60_000


def outcome_of(error: BaseException, now_ms: int, blocked_until_ms: int) -> Outcome:
    """What a failed write means; `blocked_until_ms`: what the client learnt from the reply's headers."""
    text = f"{type(error).__name__}: {error}"[:500]
    reply = reply_of(error)
    if reply is None:
        return NotSent(text) if never_left(error) else Unknown(text)
    if reply.status in (418, 429):
        until = blocked_until_ms if blocked_until_ms > now_ms else now_ms + SILENT_BAN_MS
        return Retry(reply.code or 0, text, until)
    if reply.code is None:
        return Unknown(text) if reply.status not in (403, 404, 451) else Rejected(0, text)
    return _by_code(reply.code, reply.status, reply.message, now_ms)


def _by_code(code: int, status: int, message: str, now_ms: int) -> Outcome:
    if code == DUPLICATE_ID:
        return Duplicate(message)
    if code in TIMESTAMP:
        return Retry(code, message, now_ms)
    if code in THROTTLED:
        return Retry(code, message, now_ms + THROTTLE_MS)
    if status == 503 and message.strip().lower() in _NOT_DONE:
        return Retry(code, message, now_ms + THROTTLE_MS)
    if 400 <= status < 500 and code in REJECTED_CODES:
        return Rejected(code, message)
    return Unknown(f"{status} {code} {message}")


def checked(
    reply: object, is_whole: Callable[[Mapping[str, object]], bool]
) -> Mapping[str, object] | Unknown:
    """A 200 whose body is the object we asked for, or Unknown: half a body parses as nothing, too."""
    if isinstance(reply, Mapping) and is_whole(reply):
        return reply
    return Unknown(f"an answer that is none: {str(reply)[:200]!r}")
