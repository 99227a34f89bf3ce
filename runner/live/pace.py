"""How long a session waits between two reads of prices and of the account.

In: what stands at the exchange, its clock. Out: milliseconds.
Refuses to know: what is read, what the gate asks for. Shortly before a close both are read, so that an entry
which that close decides finds them fresh: reading them then would take longer than all the rest.
"""

import asyncio
from collections.abc import Callable

from runner.live.book import Book
from runner.live.desk import Desk, either
from runner.live.ids import Leg

PRICE_MS = 3_000
RECONCILE_MS = 10_000
IDLE_MS = 30_000  # while nothing is held, rests or is wanted
RESTING_MS = 3_000  # while an entry rests: its fill wants a stop, stream or not
DIFFERS_MS = 1_000
READY_MS = 5_000  # before a close
STEP_MS = 1_000


def price_pause_ms(*, is_idle: bool) -> int:
    """Between two reads of the prices."""
    return IDLE_MS if is_idle else PRICE_MS


def account_pause_ms(book: Book, *, is_idle: bool, differs: bool) -> int:
    """Between two reads of the account."""
    if differs:
        return DIFFERS_MS
    if any(own.id.leg is Leg.ENTRY for own in book.live_orders):
        return RESTING_MS
    return IDLE_MS if is_idle else RECONCILE_MS


async def pause(desk: Desk, event: asyncio.Event, wait_ms: Callable[[], int]) -> None:
    """Until the event, or for so long, but not beyond the moment at which the next close wants all ready.
    Asked again and again: what was idle may hold a position a moment later.
    """
    began_ms = desk.clock.now_ms()
    ready_ms = began_ms + before_close_ms(desk.exchange_ms(), desk.book.plan.timeframe_ms)
    while not event.is_set():
        left_ms = min(began_ms + wait_ms(), ready_ms) - desk.clock.now_ms()
        if left_ms <= 0:
            return
        await either(event, desk.clock.sleep(min(left_ms, STEP_MS)))


def before_close_ms(exchange_ms: int, timeframe_ms: int) -> int:
    """Until shortly before the next close; never 0."""
    left_ms = timeframe_ms - READY_MS - exchange_ms % timeframe_ms
    return left_ms if left_ms > 0 else left_ms + timeframe_ms
