"""What a report must tell about the data under a run.

In: nothing. Out: plain values. Times are UTC milliseconds.
Refuses to know: where candles lie, how they were loaded.
"""

from dataclasses import dataclass
from typing import NamedTuple

PERPETUAL = "Binance USDⓈ-M perpetual"
SPOT = "SPOT data, not perpetual"
SYNTHETIC = "SYNTHETIC"


class Gap(NamedTuple):
    """`bars` consecutive bars are missing, the first of them at `from_ms`."""

    from_ms: int
    bars: int


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Counts are over the bars that count, [from_ms, to_ms): warm-up is not among them.

    `source` names where the bars came from, in words; `notes` are sentences for the report.
    """

    symbol: str
    timeframe: str
    timeframe_ms: int
    from_ms: int
    to_ms: int
    bars: int
    gaps: tuple[Gap, ...]
    warmup_bars: int
    synthetic: bool
    venue: str
    source: str
    funding_missing: int
    mark_missing: int
    moved_start: bool
    detail_timeframe: str | None = None
    detail_missing: int = 0
    funding_mark_missing: int = 0
    instrument_source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def gap_bars(self) -> int:
        """Bars missing in all gaps together."""
        return sum(gap.bars for gap in self.gaps)
