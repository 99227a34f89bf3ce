"""Finding out what became of a write whose answer cannot be trusted, and what an order really did.

In: a desk, the account port, an order of ours. Out: journal entries that say what is proven, and no others.
Refuses to know: what should be done about it.
Source: `resolve.py` says when silence is proof.
"""

from runner.domain.entry import Entry, Event
from runner.domain.order_event import OrderUpdated, Resolved
from runner.domain.venue import AccountPort, ReadFailed, VenueOrder
from runner.live.actions import Own
from runner.live.desk import Desk
from runner.live.resolve import (
    ASK_EVERY_MS,
    ASK_MS_MAX,
    RECEIVE_WINDOW_MS,
    Absent,
    AskAgain,
    Question,
    missed,
)
from runner.live.trades import read_trades
from runner.live.wanted import held_quantity


def stamped(desk: Desk, own: Own, event: Event) -> Entry:
    """An entry about one of our orders."""
    name = own.id
    return desk.entry(event, intent=name.intent, client_id=str(name), attempt=name.attempt)


async def look_up(desk: Desk, account: AccountPort, own: Own) -> VenueOrder | None:
    """The order as the exchange has it, written down; its executions too, where some are missing."""
    found = await account.look_up(own.request.symbol, str(own.id), own.request.kind.book)
    if found is not None:
        desk.record(stamped(desk, own, OrderUpdated(found, "read")))
        if desk.book.trades_missing():
            await read_trades(desk, account)
    return found


async def resolve(desk: Desk, account: AccountPort, own: Own) -> None:
    """Ask until there is proof, by whichever way it comes first."""
    question: Question | None = Question(
        own.signed_ms or own.sent_ms + desk.exchange_offset_ms, RECEIVE_WINDOW_MS
    )
    pause_ms = ASK_EVERY_MS
    while question is not None and desk.book.is_unknown(str(own.id)):
        try:
            question = await _ask(desk, account, own, question)
            pause_ms = ASK_EVERY_MS
        except ReadFailed as failed:
            await desk.clock.sleep(max(pause_ms, failed.until_ms - desk.clock.now_ms()))
            pause_ms = min(2 * pause_ms, ASK_MS_MAX)


async def _ask(desk: Desk, account: AccountPort, own: Own, question: Question) -> Question | None:
    """One look; None: proven. May raise ReadFailed."""
    found = await look_up(desk, account, own)
    if found is not None:
        desk.record(
            stamped(desk, own, Resolved("found", f"it is {found.status.value}", found.venue_order_id))
        )
        return None
    moved = desk.exchange_ms() <= question.certain_ms or await has_moved(desk, account)
    match missed(question, desk.exchange_ms(), position_moved=moved):
        case Absent():
            event = Resolved("absent", "not found after its window; no trade, no change of the position")
            desk.record(stamped(desk, own, event))
            return None
        case AskAgain(again, at_ms):
            await desk.clock.sleep(max(at_ms - desk.exchange_ms(), ASK_EVERY_MS))
            return again


async def has_moved(desk: Desk, account: AccountPort) -> bool:
    """Whether the position is not what the executions we applied make of it."""
    await read_trades(desk, account)
    snapshot = await account.snapshot(desk.identity.symbol)
    return snapshot.position.quantity != held_quantity(desk.book.plan, desk.book.state)
