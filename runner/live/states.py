"""The states of a session, and what each of them may do: one literal table.

In: nothing. Out: states, purposes, the table.
Refuses to know: how a state is reached; `session.py` moves, the gate asks here.
"""

from enum import StrEnum


class SessionState(StrEnum):
    """Where a session stands."""

    STARTING = "starting"  # recovery is under way
    RUNNING = "running"
    PROTECT_ONLY = "protect_only"  # something is not as it should be: what is open stays protected
    HALTED = "halted"  # an operator or a limit said so; survives restarts
    CLOSED = "closed"


class Purpose(StrEnum):
    """Why something is sent."""

    ENTER = "enter"  # adds risk
    PROTECT = "protect"  # a stop
    TARGET = "target"
    EXIT = "exit"  # takes risk away
    CANCEL = "cancel"


ALLOWED: dict[SessionState, frozenset[Purpose]] = {
    SessionState.STARTING: frozenset({Purpose.PROTECT, Purpose.EXIT, Purpose.CANCEL}),
    SessionState.RUNNING: frozenset(Purpose),
    SessionState.PROTECT_ONLY: frozenset({Purpose.PROTECT, Purpose.TARGET, Purpose.EXIT, Purpose.CANCEL}),
    SessionState.HALTED: frozenset({Purpose.PROTECT, Purpose.TARGET, Purpose.EXIT, Purpose.CANCEL}),
    SessionState.CLOSED: frozenset(),
}

# Which state may follow which; a move that is not here is a fault of ours.
MOVES: dict[SessionState, frozenset[SessionState]] = {
    SessionState.STARTING: frozenset(
        {SessionState.RUNNING, SessionState.PROTECT_ONLY, SessionState.HALTED, SessionState.CLOSED}
    ),
    SessionState.RUNNING: frozenset(
        {SessionState.STARTING, SessionState.PROTECT_ONLY, SessionState.HALTED, SessionState.CLOSED}
    ),
    SessionState.PROTECT_ONLY: frozenset(
        {SessionState.STARTING, SessionState.RUNNING, SessionState.HALTED, SessionState.CLOSED}
    ),
    SessionState.HALTED: frozenset({SessionState.STARTING, SessionState.CLOSED}),
    SessionState.CLOSED: frozenset(),
}
