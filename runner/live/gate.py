"""The gate: last before the wire, for every source alike. What it does not know, it refuses.

In: a request and its purpose, facts of this instant, limits. Out: Approved or Refused.
Refuses to know: who asks. Whatever does not enter can only reduce: a stale position cannot hold it back.
Source: design "one gate, last before the wire"; SEC Rule 15c3-5 on pre-trade controls.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from runner.domain.venue import Kind, Request
from runner.live.states import ALLOWED, Purpose, SessionState

ORDERS_PER_MINUTE_MAX = 60  # far above what one bot needs, far below what the exchange bans
URGENT_TIMES = 4  # so many more for stops, exits and cancels
INPUT_AGE_MS_MAX = 15_000  # of prices and account


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What one bot may do at most. `notional_usdt_max` is the position's after the order, at the mark."""

    symbol: str
    notional_usdt_max: Decimal
    price_band_ratio: Decimal
    orders_per_minute_max: int = ORDERS_PER_MINUTE_MAX


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What is known at this instant; None is not known."""

    now_ms: int
    state: SessionState
    mark_price: Decimal | None
    mark_time_ms: int
    account_time_ms: int
    held: Decimal | None
    resting_entry: Decimal  # quantity of our entries that rest or are unknown
    sent_last_minute: int
    banned_until_ms: int
    lease_is_held: bool
    anything_unknown: bool


@dataclass(frozen=True, slots=True)
class Approved:
    """A request that may leave now."""

    request: Request


@dataclass(frozen=True, slots=True)
class Refused:
    """Why it may not."""

    reason: str


Verdict = Approved | Refused


def judge(request: Request, purpose: Purpose, facts: GateFacts, limits: GateLimits) -> Verdict:
    """The first limit that refuses, else Approved."""
    reason = _standing(purpose, facts, limits) or _form(request, limits)
    if not reason and purpose is not Purpose.ENTER and not request.reduce_only:
        reason = f"{purpose.value} without reduce-only"
    if not reason and purpose is Purpose.ENTER:
        reason = _risk(request, facts, limits)
    return Refused(reason) if reason else Approved(request)


def _standing(purpose: Purpose, facts: GateFacts, limits: GateLimits) -> str:
    """What holds for every request of this purpose now; "" when nothing refuses."""
    if purpose not in ALLOWED[facts.state]:
        return f"{purpose.value} is not allowed while {facts.state.value}"
    if not facts.lease_is_held:
        return "another process holds the lease of this account and symbol"
    if facts.now_ms < facts.banned_until_ms:
        return "the exchange told us to wait"
    urgent = purpose in (Purpose.PROTECT, Purpose.EXIT, Purpose.CANCEL)
    most = limits.orders_per_minute_max * URGENT_TIMES if urgent else limits.orders_per_minute_max
    if facts.sent_last_minute >= most:
        return f"{facts.sent_last_minute} requests in the last minute"
    return ""


def _form(request: Request, limits: GateLimits) -> str:
    if request.symbol != limits.symbol:
        return f"{request.symbol} is not the bot's symbol"
    figures = (request.quantity, request.price, request.trigger_price)
    if any(figure is not None and (not figure.is_finite() or figure <= 0) for figure in figures):
        return "a quantity or price that is no positive number"
    return ""


def _risk(request: Request, facts: GateFacts, limits: GateLimits) -> str:
    """What new risk has to pass besides."""
    if facts.anything_unknown:
        return "an order's fate is unknown"
    mark = facts.mark_price
    if mark is None or mark <= 0 or facts.now_ms - facts.mark_time_ms > INPUT_AGE_MS_MAX:
        return "no fresh mark price"
    if facts.held is None or facts.now_ms - facts.account_time_ms > INPUT_AGE_MS_MAX:
        return "no fresh account"
    if request.kind is Kind.LIMIT and request.price is not None:
        gap = abs(request.price / mark - 1)
        if gap > limits.price_band_ratio:
            return f"the price is {gap:.2%} from the mark, more than {limits.price_band_ratio:.2%}"
    after = abs(facts.held + request.side * (request.quantity + facts.resting_entry))
    price = max(mark, request.price or mark)
    if not math.isfinite(after * price) or after * price > limits.notional_usdt_max:
        return f"the position would be {after * price:.2f} USDT, more than {limits.notional_usdt_max:.2f}"
    return ""
