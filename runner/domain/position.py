"""Position, trade in progress, account and limits: all that the core remembers.

In: numbers. Out: immutable values. A position's quantity is signed (+ long, − short).
Refuses to know: how it was rebuilt, who asks.
"""

from typing import NamedTuple

from runner.domain.order import NO_ORDERS, Orders

# Why an entry signal did not become an order.
(
    ACCEPTED,
    REFUSED_BOTH_SIDES,
    REFUSED_HALTED,
    REFUSED_DAILY_LOSS,
    REFUSED_DRAWDOWN,
    REFUSED_COOLDOWN,
    REFUSED_TRADES_PER_DAY,
    REFUSED_NO_EQUITY,
    REFUSED_STOP_UNKNOWN,
    REFUSED_STOP_SIDE,
    REFUSED_QUANTITY,
    REFUSED_NOTIONAL,
    REFUSED_STOP_BEYOND_LIQUIDATION,
    REFUSED_IN_POSITION,
    REFUSED_RESTING,
) = range(15)

REFUSALS = {
    REFUSED_BOTH_SIDES: "long and short at once",
    REFUSED_HALTED: "halted",
    REFUSED_DAILY_LOSS: "daily loss limit",
    REFUSED_DRAWDOWN: "maximum drawdown",
    REFUSED_COOLDOWN: "cooldown",
    REFUSED_TRADES_PER_DAY: "trades per day",
    REFUSED_NO_EQUITY: "no equity left",
    REFUSED_STOP_UNKNOWN: "stop not known yet",
    REFUSED_STOP_SIDE: "stop on the wrong side of the price",
    REFUSED_QUANTITY: "quantity under the minimum",
    REFUSED_NOTIONAL: "notional under the minimum",
    REFUSED_STOP_BEYOND_LIQUIDATION: "stop beyond the liquidation price",
    REFUSED_IN_POSITION: "already in a position",
    REFUSED_RESTING: "an entry is already resting",
}


class Position(NamedTuple):
    """`quantity` signed, `entry_price` the average, `margin_usdt` the isolated margin behind it."""

    quantity: float
    entry_price: float
    margin_usdt: float
    liquidation_price: float  # 0: none


class Trade(NamedTuple):
    """The round trip in progress. `setup` is Row's stop figure at the decision that opened it."""

    entry_time_ms: int
    side: int
    quantity: float  # entered so far
    taken: tuple[float, float, float, float]  # what each rung of the ladder has closed
    setup: float
    r_distance: float  # price distance of 1 R; 0: no stop
    stop_price: float  # of the strategy; 0: none; never loosens
    stop_reason: int
    best_price: float
    net_pnl_usdt: float  # realised, less fees, plus funding
    entered_at_open: bool


class Account(NamedTuple):
    """USDT. `equity_usdt` as of the last close; `day` counts UTC days since 1970, `day_equity_usdt`
    its opening equity.
    """

    cash_usdt: float
    equity_usdt: float
    peak_equity_usdt: float
    day: int
    day_equity_usdt: float


class Guard(NamedTuple):
    """What the limits remember: nothing here is reset by a restart."""

    daily_loss_day: int  # the UTC day on which the limit was hit; −1: never
    drawdown_hit: bool
    halted: bool
    losses_in_row: int
    blocked_until_ms: int
    entries_day: int
    entries_today: int


class State(NamedTuple):
    """What is, and which orders should be resting now. `signal` and `refusal` tell the last decision."""

    position: Position
    trade: Trade
    orders: Orders
    account: Account
    guard: Guard
    signal: int  # +1 long, −1 short, 2 both, 0 none
    refusal: int


FLAT = Position(0.0, 0.0, 0.0, 0.0)
NO_TRADE = Trade(0, 0, 0.0, (0.0, 0.0, 0.0, 0.0), 0.0, 0.0, 0.0, 0, 0.0, 0.0, True)


def initial_state(capital_usdt: float) -> State:
    """A flat account holding `capital_usdt`; the first close sets its day."""
    account = Account(capital_usdt, capital_usdt, capital_usdt, -1, capital_usdt)
    return State(FLAT, NO_TRADE, NO_ORDERS, account, Guard(-1, False, False, 0, 0, -1, 0), 0, ACCEPTED)
