"""What becomes of a result when one thing about its run is made worse.

In: nothing. Out: plain values that a driver fills in and the report reads.
Refuses to know: how a scenario is run, how it is shown.
It stands here for the reason `Result` does: the report must read it and may not import a driver.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["costs", "delay", "parameter", "trades", "bound"]


class Figures(NamedTuple):
    """The few figures that are compared. None: undefined, or not a run of its own.

    `halted`: the bot halted itself, so they are of a run cut short.
    """

    net_pnl_ratio: float
    max_drawdown_ratio: float | None = None
    sharpe: float | None = None
    trades: int | None = None
    halted: bool = False


class Move(NamedTuple):
    """A declared parameter and the two numbers it stood at; `after` None: it could not be moved."""

    parameter: str
    before: float
    after: float | None


class Scenario(NamedTuple):
    """One thing made worse. `figures` None: there was nothing to change, `note` says why."""

    kind: Kind
    name: str
    figures: Figures | None
    move: Move | None = None
    note: str | None = None


class Shuffles(NamedTuple):
    """The largest drawdown, from trade's end to trade's end, when the same trades come in another order.

    `ratio_5` is reached or passed by 95 of 100 orders, `ratio_99` by one of 100; `deeper_than_ratio` is the
    share of orders whose drawdown was smaller than the real one.
    """

    trades: int
    times: int
    ratio_5: float
    ratio_50: float
    ratio_95: float
    ratio_99: float
    real_ratio: float
    deeper_than_ratio: float


@dataclass(frozen=True, slots=True)
class StressResult:
    """All scenarios in the order in which they are told; `shuffles` None: fewer than two trades."""

    headline: Figures
    scenarios: tuple[Scenario, ...]
    shuffles: Shuffles | None
    seed: int
