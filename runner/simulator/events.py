"""What the exchange tells, in the order in which it happened.

In: nothing. Out: frozen events; an account's go to its user stream, the others to market streams.
Refuses to know: how they are sent, doubled, delayed or lost.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from runner.simulator.types import AlgoOrder, Order, PositionView, Trade


@dataclass(frozen=True, slots=True)
class PositionUpdate:
    """A leg after a change, as ACCOUNT_UPDATE tells it. `realised_usdt`: since the account was opened."""

    symbol: str
    position_side: str
    quantity: Decimal
    entry_price: Decimal
    break_even_price: Decimal
    realised_usdt: Decimal
    unrealised_usdt: Decimal
    margin_type: str
    isolated_wallet_usdt: Decimal


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """ORDER_TRADE_UPDATE. `execution`: NEW, TRADE, CANCELED, EXPIRED, CALCULATED, AMENDMENT."""

    account: str
    time_ms: int
    execution: str
    order: Order
    trade: Trade | None = None


@dataclass(frozen=True, slots=True)
class AlgoEvent:
    """ALGO_UPDATE; `child` once it is triggered."""

    account: str
    time_ms: int
    algo: AlgoOrder
    child: Order | None = None


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """ACCOUNT_UPDATE. `change_usdt`: of the wallet, without realised PnL and commission (`bc`)."""

    account: str
    time_ms: int
    reason: str
    symbol: str
    wallet_usdt: Decimal
    cross_wallet_usdt: Decimal
    change_usdt: Decimal
    positions: tuple[PositionUpdate, ...]


@dataclass(frozen=True, slots=True)
class LeverageEvent:
    """ACCOUNT_CONFIG_UPDATE of one symbol."""

    account: str
    time_ms: int
    symbol: str
    leverage: int


@dataclass(frozen=True, slots=True)
class MultiAssetsEvent:
    """ACCOUNT_CONFIG_UPDATE of the account."""

    account: str
    time_ms: int
    is_on: bool


@dataclass(frozen=True, slots=True)
class MarginCallEvent:
    """MARGIN_CALL: maintenance is near."""

    account: str
    time_ms: int
    cross_wallet_usdt: Decimal
    positions: tuple[PositionView, ...]


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """A print: the last price is now this. `is_buyer_maker`: the aggressor sold."""

    symbol: str
    time_ms: int
    trade_id: int
    price: Decimal
    quantity: Decimal
    is_buyer_maker: bool


@dataclass(frozen=True, slots=True)
class BookEvent:
    """The best bid and ask moved."""

    symbol: str
    time_ms: int
    update_id: int
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal


@dataclass(frozen=True, slots=True)
class MarkEvent:
    """The mark price, with the funding that is due next."""

    symbol: str
    time_ms: int
    mark_price: Decimal
    index_price: Decimal
    funding_ratio: Decimal
    next_funding_ms: int


@dataclass(frozen=True, slots=True)
class ForceOrderEvent:
    """Somebody was liquidated: public."""

    symbol: str
    time_ms: int
    order: Order


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar. `trades` is how many prints it is made of, 0 where only the bar is stored."""

    open_ms: int
    close_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int


@dataclass(frozen=True, slots=True)
class CandleEvent:
    """A watched candle changed; `is_closed`: for the last time."""

    symbol: str
    timeframe_ms: int
    kind: str  # last or mark
    time_ms: int
    candle: Candle
    is_closed: bool


AccountBound: TypeAlias = (
    OrderEvent | AlgoEvent | AccountEvent | LeverageEvent | MultiAssetsEvent | MarginCallEvent
)
MarketBound: TypeAlias = MarketTrade | BookEvent | MarkEvent | ForceOrderEvent | CandleEvent
Event: TypeAlias = AccountBound | MarketBound
