"""What a market can be loaded from: the candle store and the synthetic sample look the same from here.

In: a symbol and where to look. Out: offers (what is there) and rows.
Refuses to know: bots, warm-up, what the rows are for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from runner.data import store
from runner.data.layout import Index, Kind, list_series
from runner.data.symbol import canonical_symbol, market_id
from runner.domain.facts import SPOT
from runner.domain.series import Bars, Floats, Times


class Stretch(NamedTuple):
    """`bars` bars lie somewhere in [from_ms, to_ms)."""

    from_ms: int
    to_ms: int
    bars: int


class Offer(NamedTuple):
    """Bars of one timeframe, in stretches that follow each other."""

    timeframe_ms: int
    venue: str
    stretches: tuple[Stretch, ...]

    @property
    def from_ms(self) -> int:
        """Open time of the first bar."""
        return self.stretches[0].from_ms

    @property
    def to_ms(self) -> int:
        """Close time of the last bar."""
        return self.stretches[-1].to_ms

    def covered_ms(self, start_ms: int | None, stop_ms: int | None) -> int:
        """How much of [start_ms, stop_ms) has bars; holes in a stretch count as if they were at its ends."""
        covered = 0
        for stretch in self.stretches:
            start = stretch.from_ms if start_ms is None else max(start_ms, stretch.from_ms)
            stop = stretch.to_ms if stop_ms is None else min(stop_ms, stretch.to_ms)
            covered += max(0, min(stop - start, stretch.bars * self.timeframe_ms))
        return covered


class About(NamedTuple):
    """How a shelf is named in the report and in a message about something lacking."""

    words: str
    place: str
    synthetic: bool


class Shelf(Protocol):
    """Where one symbol's rows come from."""

    @property
    def symbol(self) -> str:
        """`BTC/USDT:USDT`."""

    @property
    def about(self) -> About:
        """Its names."""

    def command(self, timeframe_ms: int, from_ms: int | None) -> str:
        """What would bring bars that are lacking from `from_ms` on."""

    def offers(self, kind: Kind) -> Sequence[Offer]:
        """What is there for `last` or `mark`."""

    def bars(self, kind: Kind, timeframe_ms: int, start_ms: int, stop_ms: int) -> Bars:
        """Bars of an offered timeframe with open times in [start_ms, stop_ms)."""

    def funding(self, start_ms: int, stop_ms: int) -> tuple[Times, Floats] | None:
        """Settlements in [start_ms, stop_ms); None when there are none at all."""


@dataclass(frozen=True, slots=True)
class StoreShelf:
    """One symbol in the candle store."""

    root: Path
    symbol: str

    @property
    def about(self) -> About:
        """The store and its path."""
        return About("candle store", f"the candle store at {self.root}", synthetic=False)

    def command(self, timeframe_ms: int, from_ms: int | None) -> str:
        """A pull from the exchange."""
        return store.pull_command(self.symbol, timeframe_ms, from_ms)

    def offers(self, kind: Kind) -> list[Offer]:
        """Every stored timeframe."""
        found = list_series(self.root, self.symbol, kind)
        return [_offer(index) for index in found]

    def bars(self, kind: Kind, timeframe_ms: int, start_ms: int, stop_ms: int) -> Bars:
        """Straight from disk."""
        read = store.read_mark if kind == "mark" else store.read_bars
        return read(self.root, self.symbol, timeframe_ms, start_ms, stop_ms)

    def funding(self, start_ms: int, stop_ms: int) -> tuple[Times, Floats] | None:
        """Straight from disk."""
        if not list_series(self.root, self.symbol, "funding"):
            return None
        return store.read_funding(self.root, self.symbol, start_ms, stop_ms)


def store_shelf(root: Path, symbol: str) -> StoreShelf:
    """The shelf of one symbol, in either spelling."""
    return StoreShelf(root, canonical_symbol(symbol))


def _offer(index: Index) -> Offer:
    length = index.key.timeframe_ms
    parts = tuple(Stretch(part.from_ms, part.last_ms + length, part.rows) for part in index.parts)
    return Offer(length, index.venue, parts)


def choose_offer(
    offers: Sequence[Offer], timeframe_ms: int, start_ms: int | None, stop_ms: int | None
) -> Offer | None:
    """The offer that serves bars of `timeframe_ms` best, or None.

    Perpetual before spot; then what covers most of the range; among equals the timeframe itself, then the
    finest.
    """

    def order(offer: Offer) -> tuple[bool, bool, int, bool, int]:
        covered = offer.covered_ms(start_ms, stop_ms)
        other = offer.timeframe_ms != timeframe_ms
        return covered == 0, offer.venue == SPOT, -covered, other, offer.timeframe_ms

    fitting = [offer for offer in offers if timeframe_ms % offer.timeframe_ms == 0]
    return min(fitting, key=order, default=None)


def short_name(shelf: Shelf) -> str:
    """`BTCUSDT`."""
    return market_id(shelf.symbol)
