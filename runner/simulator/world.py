"""All state of the exchange, and the few verbs by which it may change: log, tell, count, wait.

In: rules, switches, a start. Out: mutable records that only this package writes.
Refuses to know: how orders are judged or matched.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeAlias, TypeVar

from runner.simulator.events import Event, MarketTrade
from runner.simulator.log import Command, Refusal, TruthLog
from runner.simulator.refusal import Refused, refused
from runner.simulator.rules import Fees, InstrumentRules, Levers, Switches
from runner.simulator.shape import BookShape
from runner.simulator.types import ZERO, AlgoOrder, Income, Order, Trade

TRADES_KEPT = 1000
_FIRST_ORDER, _FIRST_ALGO, _FIRST_TRADE, _FIRST_TRANSACTION = (
    8_000_000_000,
    2_000_000_000_000,
    500_000_000,
    10**12,
)

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Leg:
    """A position: quantity is signed; `fees_usdt` and `realised_usdt` since it was opened."""

    symbol: str
    position_side: str
    quantity: Decimal = ZERO
    entry_price: Decimal = ZERO
    isolated_wallet_usdt: Decimal = ZERO
    fees_usdt: Decimal = ZERO
    realised_usdt: Decimal = ZERO
    realised_ever_usdt: Decimal = ZERO
    updated_ms: int = 0


@dataclass(slots=True)
class Holding:
    """One account in one symbol: its choices, its legs, its open orders of both books by id."""

    symbol: str
    leverage: int = 20
    is_isolated: bool = False
    legs: dict[str, Leg] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, AlgoOrder] = field(default_factory=dict)
    countdown_ms: int = 0  # when all orders are cancelled; 0: never
    notionals: dict[str, tuple[Decimal, Decimal]] | None = None  # of open orders by leg; None: reckon anew

    def leg(self, position_side: str) -> Leg:
        found = self.legs.get(position_side)
        if found is None:
            found = self.legs[position_side] = Leg(self.symbol, position_side)
        return found


@dataclass(slots=True)
class Account:
    """`wallet_usdt` includes the isolated wallets of its legs. Histories are in the order of events."""

    name: str
    fees: Fees
    wallet_usdt: Decimal = ZERO
    is_dual: bool = False
    is_multi_assets: bool = False
    is_called: bool = False  # told that maintenance is near
    updated_ms: int = 0
    holdings: dict[str, Holding] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, AlgoOrder] = field(default_factory=dict)
    order_of_client: dict[tuple[str, str], int] = field(
        default_factory=dict
    )  # (symbol, client id): the latest
    algo_of_client: dict[str, int] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    incomes: list[Income] = field(default_factory=list)

    def holding(self, symbol: str) -> Holding:
        found = self.holdings.get(symbol)
        if found is None:
            found = self.holdings[symbol] = Holding(symbol)
        return found


@dataclass(slots=True)
class Resting:
    """A limit order in the book; `ahead` of it at its price stand others."""

    account: str
    order_id: int
    is_buy: bool
    price: Decimal
    ahead: Decimal
    remaining: Decimal


@dataclass(slots=True)
class Market:
    """One contract's prices and book. `taken`: what takers have eaten of a level since the last tick."""

    rules: InstrumentRules
    last_price: Decimal = ZERO  # 0: no price yet
    mark_price: Decimal = ZERO
    index_price: Decimal = ZERO
    bid_price: Decimal = ZERO
    ask_price: Decimal = ZERO
    is_rising: bool = True
    funding_ratio: Decimal = ZERO
    next_funding_ms: int = 0
    update_id: int = 1
    taken: dict[Decimal, Decimal] = field(default_factory=dict)
    resting: dict[int, Resting] = field(default_factory=dict)
    algos: dict[int, str] = field(default_factory=dict)  # open conditional orders, and whose
    prints: deque[MarketTrade] = field(default_factory=lambda: deque(maxlen=TRADES_KEPT))


class GoodTill(NamedTuple):
    """An order's or an algo order's last moment."""

    account: str
    order_id: int | None
    algo_id: int | None


class Countdown(NamedTuple):
    """countdownCancelAll of an account in a symbol."""

    account: str
    symbol: str


class TriggerDue(NamedTuple):
    """The window between trigger and order is over."""

    account: str
    algo_id: int


Timer: TypeAlias = GoodTill | Countdown | TriggerDue


class World:
    """What the desks share. Only `answer`, `tell` and `book_income` write to the log."""

    def __init__(
        self,
        rules: tuple[InstrumentRules, ...],
        start_ms: int,
        switches: Switches,
        shape: BookShape,
        seed: int,
    ) -> None:
        self.now_ms = start_ms
        self.switches = switches
        self.shape = shape
        self.levers = Levers()
        self.log = TruthLog()
        self.events: list[Event] = []
        self.accounts: dict[str, Account] = {}
        self.markets = {rule.symbol: Market(rule, update_id=1 + seed * 7919) for rule in rules}
        self.insurance_usdt = ZERO
        self._timers: list[tuple[int, int, Timer]] = []
        self._timer_seq = 0
        self._order_id, self._algo_id = _FIRST_ORDER, _FIRST_ALGO
        self._trade_id, self._transaction_id = _FIRST_TRADE, _FIRST_TRANSACTION

    def account(self, name: str) -> Account:
        found = self.accounts.get(name)
        if found is None:
            raise KeyError(f"no account {name!r}")
        return found

    def market(self, symbol: str) -> Market:
        """Refused -1121 when there is no such contract."""
        found = self.markets.get(symbol)
        if found is None:
            raise refused(-1121)
        return found

    def answer(self, account: str, command: Command, work: Callable[[], Answer]) -> Answer:
        """Do what a command asks, with command and refusal in the log."""
        self.log.append(self.now_ms, account, command)
        try:
            return work()
        except Refused as no:
            self.log.append(self.now_ms, account, Refusal(no.code, no.msg))
            raise

    def tell(self, event: Event, account: str = "") -> None:
        """To the streams, and, unless it is a mere price, to the log."""
        self.events.append(event)
        if account or self.switches.log_ticks:
            self.log.append(self.now_ms, account, event)

    def book_income(
        self, account: Account, kind: str, amount_usdt: Decimal, symbol: str = "", trade_id: int | None = None
    ) -> None:
        """The one place where a wallet changes. Whole 1e-8 only, so that sums are exact."""
        self._transaction_id += 1
        income = Income(account.name, kind, amount_usdt, symbol, self.now_ms, self._transaction_id, trade_id)
        account.wallet_usdt += amount_usdt
        account.updated_ms = self.now_ms
        account.incomes.append(income)
        self.log.append(self.now_ms, account.name, income)

    def next_order_id(self) -> int:
        self._order_id += 1
        return self._order_id

    def next_algo_id(self) -> int:
        self._algo_id += 1
        return self._algo_id

    def next_trade_id(self) -> int:
        self._trade_id += 1
        return self._trade_id

    def wake_at(self, due_ms: int, timer: Timer) -> None:
        self._timer_seq += 1
        heapq.heappush(self._timers, (due_ms, self._timer_seq, timer))

    def next_timer(self, until_ms: int) -> Timer | None:
        """The next due timer, its moment having become now; None when none is due up to `until_ms`."""
        if not self._timers or self._timers[0][0] > until_ms:
            return None
        due_ms, _, timer = heapq.heappop(self._timers)
        self.now_ms = max(self.now_ms, due_ms)
        return timer
