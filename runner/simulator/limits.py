"""Request weights and order counts: what is used, when it is too much, and the bans that follow.

In: the weight and order count of each request, and the time. Out: a `Denial` or none; the X-MBX headers.
Refuses to know: what a request asks for.
Source: Binance USDⓈ-M general information: REQUEST_WEIGHT 2400 a minute, ORDERS 300 in 10 s, 1200 a minute;
429 first, 418 and growing bans (2 minutes to 3 days) for those who go on.
"""

from typing import NamedTuple

MINUTE_MS, TEN_SECONDS_MS = 60_000, 10_000
BAN_MS_MIN, BAN_MS_MAX = 120_000, 3 * 86_400_000
STUBBORN_MAX = 10  # requests after a 429, before it is over, that are still answered with 429


class Caps(NamedTuple):
    """The limits of one address and account, as exchangeInfo tells them; 0 switches one off."""

    weight_minute: int = 2400
    orders_10s: int = 300
    orders_minute: int = 1200


class Denial(NamedTuple):
    """Why a request is not looked at, and when to come back."""

    status: int
    code: int
    message: str
    retry_after_s: int


class Limits:
    """Fixed windows, as the exchange counts them: a new minute starts at zero."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.weight = _Window(MINUTE_MS)
        self.orders_10s = _Window(TEN_SECONDS_MS)
        self.orders_minute = _Window(MINUTE_MS)
        self.banned_until_ms = 0
        self._next_ban_ms = BAN_MS_MIN
        self._busy_until_ms = 0
        self._stubborn = 0

    def admit(self, weight: int, orders: int, now_ms: int) -> Denial | None:
        """Count one request; a denial when it is one too many. Each call inside a ban makes it longer."""
        if now_ms < self.banned_until_ms:
            return self.ban(now_ms)
        if now_ms < self._busy_until_ms:
            self._stubborn += 1
            if self._stubborn > STUBBORN_MAX:
                return self.ban(now_ms)
            return self._denied(now_ms)
        self._stubborn = 0
        used = self.weight.add(weight, now_ms)
        if self.caps.weight_minute and used > self.caps.weight_minute:
            return self.busy(self.weight.left_ms(now_ms), now_ms)
        for window, cap in self._order_windows():
            if orders and cap and window.add(orders, now_ms) > cap:
                seconds = window.span_ms // 1000
                text = f"Too many new orders; current limit is {cap} orders per {seconds} SECONDS."
                return Denial(429, -1015, text, _seconds(window.left_ms(now_ms)))
        return None

    def busy(self, span_ms: int, now_ms: int) -> Denial:
        """From now on 429, until the span is over."""
        self._busy_until_ms, self._stubborn = now_ms + span_ms, 0
        return self._denied(now_ms)

    def ban(self, now_ms: int, span_ms: int = 0) -> Denial:
        """418 from now on; each further ban is twice as long as the last."""
        span_ms = span_ms or self._next_ban_ms
        self._next_ban_ms = min(2 * span_ms, BAN_MS_MAX)
        self.banned_until_ms = now_ms + span_ms
        text = (
            f"Way too many requests; IP(127.0.0.1) banned until {self.banned_until_ms}. "
            "Please use the websocket for live updates to avoid bans."
        )
        return Denial(418, -1003, text, _seconds(span_ms))

    def headers(self, is_order: bool, now_ms: int) -> dict[str, str]:
        """What the exchange says in each reply about what was used."""
        said = {"X-MBX-USED-WEIGHT-1M": str(self.weight.used(now_ms))}
        if is_order:
            said["X-MBX-ORDER-COUNT-10S"] = str(self.orders_10s.used(now_ms))
            said["X-MBX-ORDER-COUNT-1M"] = str(self.orders_minute.used(now_ms))
        return said

    def _order_windows(self) -> tuple[tuple["_Window", int], ...]:
        return (
            (self.orders_10s, self.caps.orders_10s),
            (self.orders_minute, self.caps.orders_minute),
        )

    def _denied(self, now_ms: int) -> Denial:
        text = (
            "Too many requests; current limit of IP(127.0.0.1) is "
            f"{self.caps.weight_minute} requests per minute. "
            "Please use the websocket for live updates to avoid polling the API."
        )
        return Denial(429, -1003, text, _seconds(self._busy_until_ms - now_ms))


class _Window:
    """A count that starts anew with each span of the clock."""

    def __init__(self, span_ms: int) -> None:
        self.span_ms = span_ms
        self._number, self._count = -1, 0

    def used(self, now_ms: int) -> int:
        number = now_ms // self.span_ms
        if number != self._number:
            self._number, self._count = number, 0
        return self._count

    def add(self, count: int, now_ms: int) -> int:
        self._count = self.used(now_ms) + count
        return self._count

    def left_ms(self, now_ms: int) -> int:
        return self.span_ms - now_ms % self.span_ms


def _seconds(span_ms: int) -> int:
    return max(1, -(-span_ms // 1000))
