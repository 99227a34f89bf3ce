"""A REST source over rows in memory: what the exchange would answer, and who asked for what."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np

from runner.data.layout import SeriesKey
from runner.data.part import Columns
from runner.domain.source import Kind, Page, Traffic, Wanted
from runner.errors import ExchangeUnreachable


@dataclass
class RestRows:
    """Pages of `page_rows`; after `pages_left` pages the exchange cannot be reached any more."""

    market: dict[SeriesKey, Columns]
    clock_ms: int
    page_rows: int = 1000
    pages_left: int = 1 << 60
    asked: list[Wanted] = field(default_factory=list)
    calls: int = 0

    async def pages(self, wanted: Wanted) -> AsyncIterator[Page]:
        """What there is of the span."""
        self.asked.append(wanted)
        times, floats = self.market[SeriesKey(*wanted[:3])]
        first, last = (int(at) for at in np.searchsorted(times, wanted[3:]))
        for start in range(first, last, self.page_rows):
            self.calls += 1
            self.pages_left -= 1
            if self.pages_left < 0:
                raise ExchangeUnreachable("no answer from the exchange in 5 tries")
            part = slice(start, min(start + self.page_rows, last))
            yield Page(times[part], tuple(column[part] for column in floats))

    async def first_ms(self, market_id: str, kind: Kind, timeframe_ms: int) -> int | None:
        """Time of the very first row."""
        self.calls += 1
        times, _ = self.market[SeriesKey(market_id, kind, timeframe_ms)]
        return int(times[0]) if len(times) else None

    async def time_ms(self) -> int:
        """A clock that stands still."""
        self.calls += 1
        return self.clock_ms

    async def exchange_info(self) -> str:
        """No contracts at all."""
        return json.dumps({"symbols": []})

    async def leverage_bracket(self) -> str | None:
        """No keys."""
        return None

    @property
    def traffic(self) -> Traffic:
        """One request a page."""
        return Traffic(self.calls, 0, (20.0,) * self.calls, 40)
