"""Orders that should rest, and fills.

In: numbers. Out: immutable values. Quantities are positive, `side` carries the sign (+1 buy, −1 sell).
Refuses to know: client order ids, the exchange, the wire.
"""

from typing import NamedTuple

TARGETS_MAX = 4

BUY, SELL = 1, -1

# Order types as the exchange has them.
NO_ORDER, MARKET, LIMIT, STOP_MARKET, TAKE_PROFIT_MARKET = 0, 1, 2, 3, 4

# What an order or fill stands for.
(
    ENTRY,
    STOP_LOSS,
    TRAILING_STOP,
    BREAK_EVEN,
    TAKE_PROFIT,
    TIME_STOP,
    RULE,
    REVERSE,
    DAILY_LOSS,
    MAX_DRAWDOWN,
    LIQUIDATION,
    END_OF_DATA,
    POST_ONLY,
    NO_MARGIN,
    OPERATOR,  # by a hand: a command, an account's limit, somebody at the exchange
    RECOVERY,  # a position that nobody could explain
) = range(1, 17)

REASONS = {
    ENTRY: "entry",
    STOP_LOSS: "stop_loss",
    TRAILING_STOP: "trailing_stop",
    BREAK_EVEN: "break_even",
    TAKE_PROFIT: "take_profit",
    TIME_STOP: "time_stop",
    RULE: "rule",
    REVERSE: "reverse",
    DAILY_LOSS: "daily_loss",
    MAX_DRAWDOWN: "max_drawdown",
    LIQUIDATION: "liquidation",
    END_OF_DATA: "end_of_data",
    POST_ONLY: "post_only",
    NO_MARGIN: "no_margin",
    OPERATOR: "operator",
    RECOVERY: "recovery",
}

# Which of the wanted orders a fill belongs to; targets are LEG_TARGET + their place in the ladder.
LEG_NONE, LEG_MARKET, LEG_ENTRY, LEG_STOP, LEG_LIQUIDATION, LEG_TARGET = 0, 1, 2, 3, 4, 5


class Order(NamedTuple):
    """`price` is the limit or trigger price (0 for MARKET); a LIMIT entry lives until `expires_ms`.

    An order placed at an instant can execute in bars that open then or later.
    """

    kind: int
    side: int
    quantity: float
    price: float
    reason: int
    placed_ms: int
    expires_ms: int


NOTHING = Order(NO_ORDER, 0, 0.0, 0.0, 0, 0, 0)


class Orders(NamedTuple):
    """The orders that should rest right now: one market order or one limit entry, one stop, the ladder."""

    market: Order
    entry: Order
    stop: Order
    targets: tuple[Order, Order, Order, Order]


NO_TARGETS = (NOTHING, NOTHING, NOTHING, NOTHING)
NO_ORDERS = Orders(NOTHING, NOTHING, NOTHING, NO_TARGETS)


class Fill(NamedTuple):
    """One execution, whole or partial. `quantity` 0, reason POST_ONLY or NO_MARGIN: the order was rejected.

    `slippage_usdt` is what the fill cost against its reference price (already inside `price`);
    `at_open` tells a fill at the bar's open from one inside it; `final`: nothing of the order is left
    to wait.
    """

    leg: int
    side: int
    quantity: float
    price: float
    fee_usdt: float
    slippage_usdt: float
    reason: int
    time_ms: int
    maker: bool
    at_open: bool
    final: bool


NO_FILL = Fill(LEG_NONE, 0, 0.0, 0.0, 0.0, 0.0, 0, 0, False, False, True)
