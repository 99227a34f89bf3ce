"""Where market data is pulled from when it is not at home: pages of rows, two replies, a clock, counters.

In: a span of one series. Out: pages of columns; Binance's own replies as JSON text.
Refuses to know: HTTP, ccxt, files, the candle store.

A source waits, retries and counts by itself. What it cannot get in the end it raises as ExchangeUnreachable
(no answer, a ban, still busy after all tries) or ExchangeRefused (an answer that says no); a row that is no
row is ExchangeUnreachable too. What was yielded before stays good.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from runner.domain.series import Floats, Times

Kind = Literal["last", "mark", "funding"]


class Wanted(NamedTuple):
    """Rows of one series with times in [from_ms, stop_ms): a bar's time is its open, a settlement's its hour.

    `timeframe_ms` is 0 for funding. All bars of the span have closed.
    """

    market_id: str
    kind: Kind
    timeframe_ms: int
    from_ms: int
    stop_ms: int


class Page(NamedTuple):
    """Rows in order of time: open, high, low, close, volume; mark without volume; funding its rate."""

    time_ms: Times
    columns: tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a pull cost. `requests` counts tries, `retries` those after the first; a latency is of one try."""

    requests: int = 0
    retries: int = 0
    latencies_ms: tuple[float, ...] = ()
    weight_used_max: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            self.requests + other.requests,
            self.retries + other.retries,
            self.latencies_ms + other.latencies_ms,
            max(self.weight_used_max, other.weight_used_max),
        )

    def latency_ms(self, share: float) -> float | None:
        """The latency that `share` of all tries did not exceed (0.5, 0.99); None without any."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


class RestSource(Protocol):
    """The exchange's public REST interface, asked in order; used within one event loop."""

    def pages(self, wanted: Wanted) -> AsyncIterator[Page]:
        """Every row of the span that there is, in pages; none is empty, none reaches out of the span."""

    async def first_ms(self, market_id: str, kind: Kind, timeframe_ms: int) -> int | None:
        """Time of the very first row that the exchange has of a series; None when it has none."""

    async def time_ms(self) -> int:
        """The exchange's clock."""

    async def exchange_info(self) -> str:
        """The reply of `exchangeInfo`."""

    async def leverage_bracket(self) -> str | None:
        """The reply of `leverageBracket`; None when there are no keys to ask with, for it is signed."""

    @property
    def traffic(self) -> Traffic:
        """What it cost so far."""
