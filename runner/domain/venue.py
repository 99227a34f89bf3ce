"""What a live session and an exchange say to each other.

In: exact numbers (Decimal), instants in UTC ms. Out: plain values, and the ports that an exchange implements.
Refuses to know: HTTP, ccxt, Binance's field names, the core's floats.
Source: reliability design "wanted against actual", "unknown stays unknown"; Binance's two books.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from runner.domain.bar import Funding


class Book(StrEnum):
    """Where an order rests: stops and market targets live in the algo service, with ids of their own."""

    PLAIN = "plain"
    ALGO = "algo"


class Kind(StrEnum):
    """Order types as the exchange has them."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_MARKET = "stop_market"
    TAKE_PROFIT_MARKET = "take_profit_market"

    @property
    def book(self) -> Book:
        """The book that this kind is sent to."""
        return Book.ALGO if self in (Kind.STOP_MARKET, Kind.TAKE_PROFIT_MARKET) else Book.PLAIN


class Status(StrEnum):
    """The life of an order at the exchange. TRIGGERED: an algo order whose market order is under way."""

    RESTING = "resting"
    PARTLY_FILLED = "partly_filled"
    TRIGGERED = "triggered"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def ended(self) -> bool:
        """Whether nothing of the order is left to happen."""
        return self not in (Status.RESTING, Status.PARTLY_FILLED, Status.TRIGGERED)


@dataclass(frozen=True, slots=True)
class Request:
    """One order to be sent. `side` +1 buy, −1 sell; `quantity` positive; None: the kind has no such price.

    `expires_ms`: a limit order is good till then (GTD); None: till cancelled.
    """

    client_id: str
    symbol: str
    kind: Kind
    side: int
    quantity: Decimal
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    triggers_on_mark: bool = True
    reduce_only: bool = False
    post_only: bool = False
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """One order as the exchange tells it. `filled_price` is the average of what was filled; None: not told.

    `child_id`: the plain order that a triggered algo order became, "" before. `updated_ms` 0: not told.
    """

    client_id: str
    venue_order_id: str
    symbol: str
    kind: Kind
    side: int
    quantity: Decimal
    filled_quantity: Decimal
    status: Status
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    filled_price: Decimal | None = None
    reduce_only: bool = False
    close_position: bool = False
    child_id: str = ""
    reason: str = ""
    created_ms: int = 0
    updated_ms: int = 0


@dataclass(frozen=True, slots=True)
class VenueTrade:
    """One execution. `client_id` "" where the exchange names only its own order id."""

    trade_id: str
    venue_order_id: str
    client_id: str
    symbol: str
    side: int
    quantity: Decimal
    price: Decimal
    fee_usdt: Decimal
    realised_pnl_usdt: Decimal
    maker: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """`quantity` signed, 0: flat. Prices 0 where there is none."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    liquidation_price: Decimal
    updated_ms: int


@dataclass(frozen=True, slots=True)
class VenueAccount:
    """USDT. `one_way` False: the account is in hedge mode, which we refuse."""

    wallet_usdt: Decimal
    available_usdt: Decimal
    one_way: bool
    single_asset: bool
    can_trade: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the exchange says by REST: the truth. `position_ms`: by our clock, just before the position was
    asked for.
    """

    account: VenueAccount
    position: VenuePosition
    orders: tuple[VenueOrder, ...]  # both books, open ones only
    position_ms: int


@dataclass(frozen=True, slots=True)
class Income:
    """A change of the wallet that is no trade of ours: FUNDING_FEE, TRANSFER, INSURANCE_CLEAR, …"""

    income_id: str
    kind: str
    symbol: str
    income_usdt: Decimal
    time_ms: int


@dataclass(frozen=True, slots=True)
class ClosedBar:
    """A bar whose close time has passed by the exchange's clock; mark prices as of the same span, or the last
    prices in their place where the exchange has no mark bar.
    """

    open_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    mark_open: float
    mark_high: float
    mark_low: float
    mark_close: float
    has_mark: bool = True


@dataclass(frozen=True, slots=True)
class CloseTold:
    """A stream's word that a bar has closed: when, by the exchange's clock, and with which figures."""

    time_ms: int
    open_time_ms: int
    close: float
    volume: float


# --- outcomes of a write ---


@dataclass(frozen=True, slots=True)
class Acked:
    """The exchange has the order (or has cancelled it)."""

    order: VenueOrder


@dataclass(frozen=True, slots=True)
class Rejected:
    """Surely not executed: 4xx, a complete JSON object, and a code of our list."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Surely not executed; the way is blocked: rate limit, throttle, clock. `until_ms` by our clock."""

    code: int
    text: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An open order with this client id exists: look it up."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have executed. Ask with the client id; never send again on this alone."""

    text: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not one byte left: connection refused, host not found, our own gate at the transport."""

    text: str


Outcome = Acked | Rejected | Retry | Duplicate | Unknown | NotSent


# --- what an account stream tells ---


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order's new status, and the execution that caused it, if one did."""

    order: VenueOrder
    trade: VenueTrade | None
    time_ms: int


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """Position or wallet changed; `reason` is the exchange's (ORDER, FUNDING_FEE, …)."""

    position: VenuePosition | None
    wallet_usdt: Decimal | None
    reason: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """Leverage, margin mode or position mode was changed, by us or by somebody else."""

    text: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class StreamLost:
    """Events may have been missed: reconcile by REST before trusting anything."""

    text: str


@dataclass(frozen=True, slots=True)
class StreamAlive:
    """Proof of life without news: connected, or kept alive."""

    time_ms: int


AccountEvent = OrderChanged | PositionChanged | SettingsChanged | StreamLost | StreamAlive


class ReadFailed(Exception):  # noqa: N818 – says what happened
    """A read gave no answer we can trust. `until_ms` > 0: the exchange told us to wait (our clock)."""

    def __init__(self, text: str, until_ms: int = 0, code: int = 0) -> None:
        super().__init__(text)
        self.until_ms = until_ms
        self.code = code


class OrderPort(Protocol):
    """Writes. Each answers with an Outcome and never raises for what the network or the exchange did."""

    async def place(self, request: Request) -> Outcome:
        """Send one order, once."""
        ...

    async def cancel(self, symbol: str, client_id: str, book: Book) -> Outcome:
        """Cancel one order of ours by its client id; Rejected(-2011) when there is none to cancel."""
        ...

    def set_clock(self, offset_ms: int) -> None:
        """Sign with the exchange's clock: ours plus this."""
        ...


class AccountPort(Protocol):
    """Reads of the account. ReadFailed when the answer cannot be trusted."""

    async def snapshot(self, symbol: str) -> Snapshot:
        """Account, position and both books."""
        ...

    async def look_up(self, symbol: str, client_id: str, book: Book) -> VenueOrder | None:
        """One order by its client id; None: the exchange knows none (yet)."""
        ...

    async def order_of(self, symbol: str, venue_order_id: str) -> VenueOrder | None:
        """The plain order behind an execution, whoever sent it; None: not to be seen (yet)."""
        ...

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueTrade]:
        """Executions since then, oldest first, each once."""
        ...

    async def income(self, symbol: str, since_ms: int) -> Sequence[Income]:
        """Funding, transfers and the like since then, oldest first."""
        ...

    def events(self, symbol: str) -> AsyncIterator[AccountEvent]:
        """The account stream; ends only when closed. Loss is told as StreamLost, then it connects again."""
        ...


class MarketPort(Protocol):
    """Public data of one symbol."""

    async def server_time(self) -> int:
        """The exchange's clock, UTC ms."""
        ...

    async def bars(
        self, symbol: str, timeframe_ms: int, since_ms: int, now_ms: int | None = None
    ) -> Sequence[ClosedBar]:
        """Closed bars with open times from `since_ms` on, oldest first, by REST. What has closed says the
        exchange's clock, which is asked where `now_ms` does not say how far it has come.
        """
        ...

    def closes(self, symbol: str, timeframe_ms: int) -> AsyncIterator[CloseTold]:
        """Whenever a bar closes, by stream. A hint: bars themselves are read by REST."""
        ...

    async def settlements(self, symbol: str, since_ms: int) -> Sequence[Funding]:
        """Funding settlements from then on, oldest first."""
        ...

    async def prices(self, symbol: str) -> tuple[Decimal, Decimal]:
        """(last price, mark price) now."""
        ...


class SetupPort(Protocol):
    """Settings of the account that a bot needs, read back after they are written."""

    async def read_setup(self, symbol: str) -> tuple[int, bool]:
        """(leverage, isolated)."""
        ...

    async def write_setup(self, symbol: str, leverage: int, isolated: bool) -> None:
        """Set both where they differ; ReadFailed when refused."""
        ...

    async def rules(self, symbol: str) -> tuple[str, str]:
        """(exchangeInfo, leverageBracket) as the JSON text that the store's reader understands."""
        ...

    async def withdrawals_allowed(self) -> bool | None:
        """Whether the key may withdraw; None: the exchange does not say for this kind of key."""
        ...
