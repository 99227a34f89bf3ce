"""What a rehearsal comes to: every difference from the backtest by name, explained or not.

In: nothing. Out: plain values.
Refuses to know: how differences are found (`parity.py`, `fills.py`), how they are told.
"""

from dataclasses import dataclass, field

from runner.report.deviation import Bridge

VERSION = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """`why` "": nothing explains it, and the rehearsal has failed."""

    time_ms: int
    what: str
    why: str
    usdt: float = 0.0

    @property
    def is_explained(self) -> bool:
        """Whether it has a reason."""
        return bool(self.why)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was compared: closes, signals among them, executions, and how many of each agree."""

    closes: int
    closes_equal: int
    signals: int
    signals_equal: int
    trades: int
    trades_paired: int
    executions: int
    executions_paired: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole comparison, differences in the order of their times."""

    counts: Counts
    differences: tuple[Difference, ...]
    bridge: Bridge
    notes: tuple[str, ...] = field(default=())

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """Those that fail the rehearsal."""
        return tuple(one for one in self.differences if not one.is_explained)

    @property
    def holds(self) -> bool:
        """Whether the bot did what its backtest says, or the journal says why not."""
        return not self.unexplained
