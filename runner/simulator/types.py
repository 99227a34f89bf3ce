"""What the model takes, holds and tells: commands, orders, trades, incomes, views.

In: nothing. Out: frozen values; words (`BUY`, `STOP_MARKET`, `GTC`) are the exchange's own, as on the wire.
Refuses to know: JSON, sockets, files. Quantities of orders are positive, `side` carries the sign; a
position's quantity is signed. Money is USDT, times are UTC ms of the exchange's own clock.
Source: Binance USDⓈ-M futures, section numbers in other docstrings are those of its reference.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

ZERO = Decimal(0)
EIGHT = Decimal("0.00000001")

CONDITIONAL_TYPES = frozenset(
    {"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"}
)
OPEN_STATUSES = frozenset({"NEW", "PARTIALLY_FILLED"})
OPEN_ALGO_STATUSES = frozenset({"NEW", "TRIGGERING"})


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """POST order. None: not sent. `quantity` and `price` as sent: their decimals are judged."""

    symbol: str
    side: str
    type: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: str | None = None
    position_side: str | None = None
    reduce_only: bool | None = None
    close_position: bool | None = None
    client_id: str | None = None
    price_match: str = "NONE"
    self_trade_prevention: str = "EXPIRE_MAKER"
    good_till_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOrder:
    """PUT order: by `order_id`, else by `client_id`. None: as it is."""

    symbol: str
    side: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    order_id: int | None = None
    client_id: str | None = None
    price_match: str = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlgo:
    """POST algoOrder. `callback_ratio` in percent, as sent."""

    symbol: str
    side: str
    type: str
    trigger_price: Decimal | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: str | None = None
    position_side: str | None = None
    reduce_only: bool | None = None
    close_position: bool | None = None
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False
    activation_price: Decimal | None = None
    callback_ratio: Decimal | None = None
    client_id: str | None = None
    price_match: str = "NONE"
    self_trade_prevention: str = "EXPIRE_MAKER"
    good_till_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Any other command, as the truth log has it: `cancel`, `leverage`, … with its arguments as text."""

    name: str
    arguments: tuple[str, ...]


# ── orders and what comes of them ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A plain order as it stood at `updated_ms`. `algo_id`: the conditional order it is the child of."""

    account: str
    order_id: int
    client_id: str
    symbol: str
    side: str
    position_side: str
    type: str
    original_type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    status: str
    created_ms: int
    updated_ms: int
    executed: Decimal = ZERO
    cost_usdt: Decimal = ZERO
    reduce_only: bool = False
    close_position: bool = False
    trigger_price: Decimal = ZERO
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False
    activation_price: Decimal | None = None
    callback_ratio: Decimal | None = None
    price_match: str = "NONE"
    self_trade_prevention: str = "EXPIRE_MAKER"
    good_till_ms: int = 0
    expiry_reason: int = 0
    amendments: int = 0
    algo_id: int | None = None

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.executed

    @property
    def average_price(self) -> Decimal:
        """0 while nothing is executed."""
        return self.cost_usdt / self.executed if self.executed else ZERO

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoOrder:
    """A conditional order: NEW → TRIGGERING → TRIGGERED → FINISHED, or CANCELED, EXPIRED, REJECTED."""

    account: str
    algo_id: int
    client_id: str
    symbol: str
    side: str
    position_side: str
    type: str
    time_in_force: str
    quantity: Decimal  # 0 with close_position
    price: Decimal
    trigger_price: Decimal  # 0 for a trailing stop
    status: str
    created_ms: int
    updated_ms: int
    reduce_only: bool = False
    close_position: bool = False
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False
    activation_price: Decimal | None = None
    callback_ratio: Decimal | None = None
    is_activated: bool = False  # trailing stops only
    best_price: Decimal | None = None  # since activation
    price_match: str = "NONE"
    self_trade_prevention: str = "EXPIRE_MAKER"
    good_till_ms: int = 0
    triggered_ms: int = 0
    order_id: int | None = None  # of the child
    reason: str = ""  # why it was rejected or expired

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_ALGO_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution of one account's order. `commission_usdt` is positive when paid."""

    account: str
    trade_id: int
    order_id: int
    symbol: str
    side: str
    position_side: str
    price: Decimal
    quantity: Decimal
    realised_usdt: Decimal
    commission_usdt: Decimal
    is_maker: bool
    time_ms: int

    @property
    def notional_usdt(self) -> Decimal:
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Income:
    """A change of a wallet: the only way one changes. REALIZED_PNL, COMMISSION, FUNDING_FEE, TRANSFER, …"""

    account: str
    type: str
    amount_usdt: Decimal
    symbol: str
    time_ms: int
    transaction_id: int
    trade_id: int | None
    info: str = ""


# ── views: numbers cut to 8 decimals, as the exchange shows them ─────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """A leg of a symbol; `liquidation_price` 0 when it cannot be liquidated."""

    account: str
    symbol: str
    position_side: str
    quantity: Decimal
    entry_price: Decimal
    break_even_price: Decimal
    mark_price: Decimal
    unrealised_usdt: Decimal
    liquidation_price: Decimal
    notional_usdt: Decimal
    margin_type: str
    leverage: int
    isolated_margin_usdt: Decimal  # isolated wallet + unrealised; 0 in cross
    isolated_wallet_usdt: Decimal
    initial_margin_usdt: Decimal
    maintenance_usdt: Decimal
    position_margin_usdt: Decimal
    open_order_margin_usdt: Decimal
    bid_notional_usdt: Decimal
    ask_notional_usdt: Decimal
    notional_usdt_max: Decimal
    realised_usdt: Decimal  # since the position was opened, without commission
    adl: int
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """All money of an account; positions flat or with open orders are left out unless asked for."""

    account: str
    wallet_usdt: Decimal
    cross_wallet_usdt: Decimal
    unrealised_usdt: Decimal
    cross_unrealised_usdt: Decimal
    margin_balance_usdt: Decimal
    initial_margin_usdt: Decimal
    position_margin_usdt: Decimal
    open_order_margin_usdt: Decimal
    maintenance_usdt: Decimal
    available_usdt: Decimal
    withdrawable_usdt: Decimal
    updated_ms: int
    positions: tuple[PositionView, ...]


@dataclass(frozen=True, slots=True)
class SymbolConfig:
    """What an account has chosen for a symbol."""

    symbol: str
    margin_type: str
    leverage: int
    notional_usdt_max: Decimal


class Quote(NamedTuple):
    """One level of the book."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Premium:
    """`premiumIndex` of a symbol."""

    symbol: str
    mark_price: Decimal
    index_price: Decimal
    funding_ratio: Decimal
    next_funding_ms: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A print: `quantity` traded at `price`. `mark`: the mark price from now on; None: as it was."""

    symbol: str
    price: Decimal
    quantity: Decimal = ZERO
    mark: Decimal | None = None
