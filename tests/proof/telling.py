"""Two histories as one text, in the order in which things happened: for whoever looks into a red run.

In: histories. Out: text. Refuses to know: what is right.
"""

from runner.domain.order_event import OrderUpdated
from runner.domain.session_event import Alerted, StateSet
from runner.simulator.events import AccountEvent, AlgoEvent, MarkEvent, OrderEvent
from tests.proof.histories import Histories


def told(h: Histories, width: int = 170) -> str:
    """A line for each entry of either side; times in ms from the first process on."""
    start = h.alive[0][0] if h.alive else 0
    lines: list[tuple[int, int, str]] = []
    for entry in h.truth:
        event = entry.payload
        match event:
            case OrderEvent():
                order, trade = event.order, event.trade
                done = f"{order.executed}/{order.quantity} {order.status}"
                words = f"{event.execution} {order.client_id} {order.side} {done}"
                words += f" trade {trade.trade_id} {trade.quantity} @ {trade.price}" if trade else ""
            case AlgoEvent():
                algo = event.algo
                level = f"{algo.quantity} at {algo.trigger_price}"
                words = f"ALGO {algo.client_id} {algo.side} {level} {algo.status} {algo.reason}"
            case AccountEvent() | MarkEvent():
                continue
            case _:
                words = str(event)
        lines.append((entry.seq, 1, f"{entry.time_ms - start:>8}  x{entry.seq:<4} {words}"))
    for line in h.journal:
        event = line.entry.event
        if isinstance(event, Alerted):
            continue
        words = str(event)
        if isinstance(event, StateSet):
            words = f"StateSet {event.why!r} {event.state.position} {event.state.orders}"
        if isinstance(event, OrderUpdated):
            order = event.order
            done = f"{order.filled_quantity}/{order.quantity} {order.status.value}"
            words = f"OrderUpdated {event.via} {order.client_id} {done}"
        at = h.mark(line.seq)
        lines.append(
            (at, 0, f"{line.entry.time_ms - start:>8}  j{line.seq:<4} {line.entry.client_id or ''} {words}")
        )
    spans = ", ".join(f"{begin - start}–{end - start}" for begin, end in h.alive)
    ordered = [text[:width] for _, _, text in sorted(lines, key=lambda one: (one[0], one[1]))]
    return "\n".join(
        [*ordered, f"alive: {spans}", f"reachable: {[(a - start, b - start) for a, b in h.reachable()]}"]
    )
