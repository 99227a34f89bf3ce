"""Recorded inputs through the core once more: the state they lead to, and the first decision that differs.

In: a plan, recorded entries in order. Out: the state; differences.
Refuses to know: where entries lie, how bars came, why a run is replayed. A session that starts folds its run
in the same way: what it then believes is what can be proven from the journal.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from runner.core.apply import apply, settle
from runner.core.decide import decide
from runner.domain.entry import Recorded
from runner.domain.order_event import Filled, FundingPaid
from runner.domain.plan import Plan
from runner.domain.position import REFUSALS, State
from runner.domain.session_event import CHECKPOINT, BarClosed, Decided, Reloaded, StateSet
from runner.domain.time import format_time
from runner.journal.codec import digest_of

PlanOf = Callable[[str], Plan]  # a plan by its hash


class Replayed(NamedTuple):
    """How much was replayed, where it ended, and the first difference if there is one."""

    decisions: int
    fills: int
    state: State | None
    difference: str | None


class Fold:
    """The core's state along a run's entries."""

    def __init__(self, plan: Plan, plan_of: PlanOf) -> None:
        self.plan = plan
        self.plan_of = plan_of
        self.state: State | None = None
        self.decisions = 0
        self.fills = 0

    def step(self, line: Recorded) -> str | None:
        """One entry further; what differs from the record, in words."""
        match line.entry.event:
            case StateSet(state, why):
                return self._set(line, state, why)
            case Reloaded(plan_hash=plan_hash):
                self.plan = self.plan_of(plan_hash)
            case BarClosed(bar, row) if self.state is not None:
                self.state = decide(self.plan, self.state, bar, row)
            case Decided() as decided if self.state is not None:
                self.decisions += 1
                return self._compared(line, decided, self.state)
            case Filled(applied=fill) if fill is not None and self.state is not None:
                self.fills += 1
                self.state = apply(self.plan, self.state, fill)
            case Filled(settled_usdt=money) if money is not None and self.state is not None:
                self.state = settle(self.plan, self.state, money)
            case FundingPaid(settled_usdt=payment) if payment is not None and self.state is not None:
                self.state = settle(self.plan, self.state, payment)
        return None

    def _set(self, line: Recorded, state: State, why: str) -> str | None:
        if why == CHECKPOINT and self.state is not None and digest_of(self.state) != digest_of(state):
            return f"the state differs from the checkpoint{_at(line)}"
        self.state = state
        return None

    def _compared(self, line: Recorded, decided: Decided, state: State) -> str | None:
        place = f"decision {self.decisions:,}{_at(line)}"
        kept, again = _said(decided.signal, decided.refusal), _said(state.signal, state.refusal)
        if kept != again:
            return f"{place} differs\n  kept:  {kept}\n  again: {again}"
        if decided.orders is not None and decided.orders != state.orders:
            return f"{place} wants other orders\n  kept:  {decided.orders}\n  again: {state.orders}"
        if decided.state_digest and decided.state_digest != digest_of(state):
            return f"{place} leads to another state, though signal and orders agree"
        return None


def replay(plan: Plan, lines: Iterable[Recorded], plan_of: PlanOf) -> Replayed:
    """A run from its first entry to its last, or to the first difference."""
    fold = Fold(plan, plan_of)
    for line in lines:
        difference = fold.step(line)
        if difference is not None:
            return Replayed(fold.decisions, fold.fills, fold.state, difference)
    return Replayed(fold.decisions, fold.fills, fold.state, None)


def _said(signal: int, refusal: int) -> str:
    ways = {0: "no signal", 1: "long", -1: "short", 2: "long and short"}
    return ways[signal] + (f", refused: {REFUSALS[refusal]}" if refusal in REFUSALS else "")


def _at(line: Recorded) -> str:
    close = f" at the close of {format_time(line.entry.bar_ms)} UTC" if line.entry.bar_ms is not None else ""
    return f"{close} (entry {line.seq:,})"
