"""How much the exchange bears: the weight used this minute, the time until it may be asked again, what asking
took.

In: reply headers, statuses, the time. Out: how long to wait before a request; counts and latencies.
Refuses to know: sockets, clocks, what is asked.
Source: Binance USDⓈ-M futures, limits: 2400 weight a minute and IP, counted from each full minute and told
in X-MBX-USED-WEIGHT-1M; after 429 and 418 nothing may be sent for Retry-After seconds.

Other programs at the same address use the same budget, so only a part of it is ours, and the header is the
truth: what was counted here is only added until the next header says. So several bots share it out among
themselves: pulls stop at three quarters, a session's bars, prices and income at nine tenths, and the rest is
for orders and for the reads that protection depends on.
"""

import re
from array import array
from collections.abc import Mapping

from runner.domain.source import Traffic
from runner.domain.time import MINUTE_MS

WEIGHT_MAX = 2400
SHARE_OURS = 0.75  # a running bot at the same address must still be heard
SHARE_READ = 0.9  # of reads that can wait

_LATENCIES_MAX = 100_000  # of one client; ten years of minutes are 5,300 requests
_WAIT_SILENT_S = 60  # when a 429 does not say how long
_BANNED_UNTIL = re.compile(r"banned until (\d{13})")


class Budget:
    """The weight of one IP address as one client sees it."""

    def __init__(self, weight_max: int = WEIGHT_MAX, share: float = SHARE_OURS) -> None:
        self.weight_max = int(weight_max * share)
        self.read_max = int(weight_max * SHARE_READ)
        self.used = 0
        self.orders_10s = 0
        self.orders_1m = 0
        self.blocked_until_ms = 0
        self._minute = -1

    def wait_ms(self, weight: int, now_ms: int) -> int:
        """How long to hold back a request of this weight."""
        if now_ms < self.blocked_until_ms:
            return self.blocked_until_ms - now_ms
        self._turn(now_ms)
        if self.used == 0 or self.used + weight <= self.weight_max:
            return 0
        return MINUTE_MS - now_ms % MINUTE_MS

    def is_spent(self, now_ms: int) -> bool:
        """Whether this minute's weight is used up, by whomever, but for what orders may need."""
        self._turn(now_ms)
        return self.used >= self.read_max

    def spend(self, weight: int, now_ms: int) -> None:
        """A request of this weight leaves."""
        self._turn(now_ms)
        self.used += weight

    def heard(self, headers: Mapping[str, str], now_ms: int) -> None:
        """Take the exchange's own count from a reply."""
        self._turn(now_ms)
        counted = _counts(headers)
        self.used = counted.get("x-mbx-used-weight-1m", self.used)
        self.orders_10s = counted.get("x-mbx-order-count-10s", self.orders_10s)
        self.orders_1m = counted.get("x-mbx-order-count-1m", self.orders_1m)

    def block(self, headers: Mapping[str, str], body: str, now_ms: int) -> int:
        """A 429 or 418: how long nothing may be sent, from the header, the words, or a minute."""
        wait_ms = _WAIT_SILENT_S * 1000
        until = _BANNED_UNTIL.search(body)
        if until:
            wait_ms = max(int(until[1]) - now_ms, 0)
        for name, text in headers.items():
            if name.lower() == "retry-after" and text.strip().isdigit():
                wait_ms = int(text) * 1000
        self.blocked_until_ms = max(self.blocked_until_ms, now_ms + wait_ms)
        return wait_ms

    def _turn(self, now_ms: int) -> None:
        if now_ms // MINUTE_MS != self._minute:
            self._minute = now_ms // MINUTE_MS
            self.used = 0


def _counts(headers: Mapping[str, str]) -> dict[str, int]:
    lowered = {name.lower(): text for name, text in headers.items() if name.lower().startswith("x-mbx-")}
    return {name: int(text) for name, text in lowered.items() if text.isdigit()}


class Meter:
    """Counts requests and retries, and how long each try took."""

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0
        self.weight_used_max = 0
        self._latencies_ms = array("d")

    def took(self, latency_ms: float, weight_used: int) -> None:
        """One try, whatever came of it."""
        self.requests += 1
        self.weight_used_max = max(self.weight_used_max, weight_used)
        if len(self._latencies_ms) < _LATENCIES_MAX:
            self._latencies_ms.append(latency_ms)

    def retried(self) -> None:
        """A request will be sent again."""
        self.retries += 1

    def traffic(self) -> Traffic:
        """The figures so far."""
        return Traffic(self.requests, self.retries, tuple(self._latencies_ms), self.weight_used_max)
