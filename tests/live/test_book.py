"""What a session remembers is bounded, however long a trade lasts."""

from dataclasses import replace
from decimal import Decimal

from runner.domain.entry import Entry
from runner.domain.order_event import Answered, OrderUpdated, Sending
from runner.domain.position import Position
from runner.domain.venue import Kind, Request, Status, VenueOrder
from runner.live.book import KNOWN_MAX, Book, folded, new_book
from runner.live.ids import ClientId, Leg
from tests.live.test_takeup import deployment

LOT = Decimal("0.5")


def moved_stop(attempt: int) -> list[Entry]:
    """A stop is sent, rests, and is cancelled for the next one."""
    name = str(ClientId("aaaaaa", "b" * 16, Leg.STOP, 0, attempt))
    request = Request(name, "BTCUSDT", Kind.STOP_MARKET, -1, LOT, None, Decimal(90), reduce_only=True)
    gone = VenueOrder(
        name, f"algo-{attempt}", "BTCUSDT", Kind.STOP_MARKET, -1, LOT, Decimal(0), Status.CANCELLED
    )
    events = (
        Sending("place", attempt, 3_000, request),
        Answered("place", "acked", None, "", f"algo-{attempt}"),
        OrderUpdated(gone, "stream"),
    )
    return [Entry("run", attempt, event, client_id=name) for event in events]


def known(book: Book) -> int:
    """How much is remembered, all in all."""
    parts = (book.orders, book.attempts, book.requests, book.filled_told, book.venue_ids, book.applied_trades)
    return sum(map(len, parts))


def test_a_trade_that_moves_its_stop_a_thousand_times_remembers_the_latest() -> None:
    book = new_book(deployment().compiled.plan)
    book = replace(book, state=book.state._replace(position=Position(0.5, 100.0, 20.0, 60.0)))
    sizes = []
    for attempt in range(1, 1_001):
        book = folded(book, moved_stop(attempt))
        sizes.append(known(book))
    assert max(sizes) <= 4 * KNOWN_MAX
    assert str(ClientId("aaaaaa", "b" * 16, Leg.STOP, 0, 1_000)) in book.orders
