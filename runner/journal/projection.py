"""Entries become rows: which step each kind of event takes.

In: recorded entries in order, a view that finds and keeps rows. Out: the rows.
Refuses to know: SQL, commits. The same steps run inside the writing transaction and when all is rebuilt.
"""

from collections.abc import Callable
from typing import Any

from runner.domain import order_event, session_event
from runner.domain.entry import Recorded
from runner.journal import order_steps, run_steps
from runner.journal.view import View

VERSION = 3  # of the reckoning; a database with another one is reckoned anew when it is opened


def project(view: View, line: Recorded) -> None:
    """What one entry changes."""
    step = _STEPS.get(type(line.entry.event))
    if step is not None:
        step(view, line, line.entry.event)


_STEPS: dict[type[Any], Callable[[View, Recorded, Any], None]] = {
    session_event.RunStarted: run_steps.run_started,
    session_event.SessionStarted: run_steps.session_started,
    session_event.SessionChanged: run_steps.session_changed,
    session_event.RunEnded: run_steps.run_ended,
    session_event.Reloaded: run_steps.reloaded,
    session_event.Reported: run_steps.reported,
    session_event.RolledBack: run_steps.rolled_back,
    session_event.LimitTripped: run_steps.limit_tripped,
    session_event.Halted: run_steps.halted,
    session_event.Resumed: run_steps.resumed,
    session_event.Banned: run_steps.banned,
    session_event.Alerted: run_steps.alerted,
    order_event.Intended: order_steps.intended,
    order_event.Sending: order_steps.sending,
    order_event.Answered: order_steps.answered,
    order_event.Resolved: order_steps.resolved,
    order_event.OrderUpdated: order_steps.order_updated,
    order_event.Filled: order_steps.filled,
    order_event.Protected: order_steps.protected,
    order_event.FundingPaid: order_steps.funding_paid,
    order_event.PositionSet: order_steps.position_set,
    order_event.EquityMarked: order_steps.equity_marked,
}
