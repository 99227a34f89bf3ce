"""Whether a session has nothing to do until something happens at the exchange.

In: a session, the time. Out: yes or no. Refuses to know: how time moves.
A no costs a little time, a wrong yes would let the market run away from a bot that is still acting.
"""

from runner.live.actions import Holding, Phase, next_actions
from runner.live.session import Session
from runner.live.states import SessionState
from runner.live.wanted import held_quantity, wanted_legs

_SETTLED = (SessionState.RUNNING, SessionState.HALTED)


def is_settled(session: Session, now_ms: int, since_ms: int) -> bool:
    """Everything that should rest does, everything that was heard is worked off, the last close after
    `since_ms` is decided.
    """
    desk = session.desk
    timeframe_ms = session.compiled.plan.timeframe_ms
    closed_ms = now_ms // timeframe_ms * timeframe_ms
    return (
        desk.state in _SETTLED
        and session.stream_is_alive
        and not session.differs
        and not desk.unwritten
        and not session.must_reconcile.is_set()
        and not session.must_price.is_set()
        and not session.must_read_income
        and (desk.book.decided_ms >= closed_ms or closed_ms <= since_ms)
        and _is_order(session, now_ms)
    )


def _is_order(session: Session, now_ms: int) -> bool:
    """The exchange's orders are as wanted, and nothing about them is unknown."""
    book, executor = session.desk.book, session.executor
    if executor is None or executor.is_reading or executor.asking or executor.must_reconcile:
        return False
    if book.unknown_orders or book.trades_missing():
        return False
    if any(own.phase is not Phase.OPEN or own.cancel_ms for own in book.live_orders):
        return False
    held = Holding(held_quantity(book.plan, book.state), session.desk.held_there)
    if held.ours != held.theirs:
        return False
    wanted = wanted_legs(book.plan, book.state, beyond_stop=book.beyond_stop)
    return not next_actions(wanted, book.live_orders, held, now_ms, stop_failed=book.beyond_stop)
