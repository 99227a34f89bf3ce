"""What a finished run did: its fills and payments, and the account at every bar's close.

In: records from a loop over bars. Out: immutable values that the report reads.
Refuses to know: how fills came about, what a report shows.
It stands here, and not in `runner.backtest`, because the report must read it and may not import a driver.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from runner.domain.facts import DataFacts
from runner.domain.plan import Plan
from runner.domain.series import Floats, Times

Flags = npt.NDArray[np.bool_]


class FillRecord(NamedTuple):
    """One execution. `quantity` is positive, `side` +1 or −1, `position_after` signed.

    `bar` is an index into the arrays of `Result`; `slippage_usdt` is already inside `price`;
    `risk_usdt` is 1 R of the trade in USDT as it stands after this fill, 0 when there is no stop.
    """

    time_ms: int
    bar: int
    leg: int
    side: int
    quantity: float
    price: float
    fee_usdt: float
    slippage_usdt: float
    reason: int
    maker: bool
    position_after: float
    risk_usdt: float


class DecisionRecord(NamedTuple):
    """A close at which a rule gave a signal (+1, −1, 2 both), and the gate that refused it, if one did."""

    time_ms: int
    signal: int
    refusal: int


class PaymentRecord(NamedTuple):
    """One funding payment, received is positive; `mark_missing`: reckoned from the last price."""

    time_ms: int
    bar: int
    payment_usdt: float
    mark_missing: bool


@dataclass(frozen=True, slots=True)
class Result:
    """Arrays have shape (n,), one place per counted bar (warm-up is not in here), n ≥ 1.

    `equity_usdt` is taken at the bar's close, the last after the fill that closes an open trade at the end of
    data; `worst_equity_usdt` is the lowest inside the bar; `position_open` tells whether a position was
    open at the close. `adverse_net_pnl_usdt` and `favourable_net_pnl_usdt` are those of the whole run
    on the two bounding paths (NaN: not run); `path` names the one that all other figures are of.
    """

    bot: str
    bot_hash: str
    plan: Plan
    facts: DataFacts
    fills: list[FillRecord]
    payments: list[PaymentRecord]
    close_time_ms: Times
    equity_usdt: Floats
    worst_equity_usdt: Floats
    position_open: Flags
    bars_close: Floats
    first_open: float
    refusals: dict[str, int]
    ambiguous_bars: int
    resolved_bars: int
    halted: str | None
    adverse_net_pnl_usdt: float
    favourable_net_pnl_usdt: float
    path: Literal["adverse", "favourable", "nearest"]
    notes: list[str]
    decisions: tuple[DecisionRecord, ...] = ()
