"""The exchange in a box: one object that holds a market, accounts and their orders, in virtual time.

In: prints and marks (from the player or an admin), accounts' commands, times. Out: answers, Refused, events,
the truth log. Synchronous, Decimal, without I/O, clock or chance: same calls, same digest.
Refuses to know: HTTP, JSON, signatures, weights, where prices come from.
Source: Binance USDⓈ-M futures; what is simplified is said in docs/simulator.md.

    exchange = Exchange(recorded_rules(), start_ms=…)
    exchange.open_account("main", Decimal(10_000))
    exchange.tick(Tick("BTCUSDT", Decimal("60000.0")))
    order = NewOrder(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=Decimal("0.01"))
    exchange.orders.place("main", order)
"""

from collections.abc import Iterable
from decimal import Decimal

from runner.simulator.algos import AlgoDesk
from runner.simulator.book import centre, depth
from runner.simulator.desk import AccountDesk
from runner.simulator.events import BookEvent, Event, MarketTrade, MarkEvent
from runner.simulator.hazards import Hazards
from runner.simulator.ledger import pay_funding
from runner.simulator.levels import Reach, reach_of
from runner.simulator.log import TruthLog
from runner.simulator.margin import cut
from runner.simulator.matching import print_through
from runner.simulator.orders import OrderDesk
from runner.simulator.registry import end_order
from runner.simulator.rules import Fees, InstrumentRules, Levers, Switches
from runner.simulator.shape import BookShape
from runner.simulator.types import ZERO, Premium, Quote, Request, Tick
from runner.simulator.world import Account, Countdown, GoodTill, Market, Timer, World


class Exchange:
    """Clock, market and log; the four desks do the rest: `orders`, `algos`, `desk`, `hazards`."""

    def __init__(
        self,
        rules: Iterable[InstrumentRules],
        *,
        start_ms: int,
        seed: int = 0,
        switches: Switches | None = None,
        shape: BookShape | None = None,
    ) -> None:
        self._world = World(tuple(rules), start_ms, switches or Switches(), shape or BookShape(), seed)
        self.orders = OrderDesk(self._world)
        self.algos = AlgoDesk(self._world, self.orders)
        self.desk = AccountDesk(self._world)
        self.hazards = Hazards(self._world)

    # ── state ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def now_ms(self) -> int:
        """The exchange's own clock; it never goes back."""
        return self._world.now_ms

    @property
    def log(self) -> TruthLog:
        """All that was asked, answered and done."""
        return self._world.log

    @property
    def levers(self) -> Levers:
        """Misbehaviour, to be set at any time."""
        return self._world.levers

    @property
    def switches(self) -> Switches:
        return self._world.switches

    @property
    def world(self) -> World:
        """For the audit and the player; nobody else looks inside."""
        return self._world

    @property
    def accounts(self) -> tuple[str, ...]:
        return tuple(self._world.accounts)

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._world.markets)

    def rules(self, symbol: str) -> InstrumentRules:
        """Refused -1121 when there is no such contract."""
        return self._world.market(symbol).rules

    def change_rules(self, rules: InstrumentRules) -> None:
        """What `exchangeInfo` will say from now on: tick, notional, status, …"""
        self._world.market(rules.symbol).rules = rules
        self._world.log.append(self.now_ms, "", Request("change_rules", (repr(rules),)))

    def open_account(self, name: str, wallet_usdt: Decimal, fees: Fees | None = None) -> None:
        """An account with money in it; KeyError when the name is taken."""
        if name in self._world.accounts:
            raise KeyError(f"account {name!r} is there already")
        self._world.accounts[name] = Account(name, fees or Fees(), updated_ms=self.now_ms)
        self.desk.transfer(name, wallet_usdt)

    def take_events(self) -> list[Event]:
        """What happened since the last call, in order. For one consumer."""
        events, self._world.events = self._world.events, []
        return events

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────

    def advance_to(self, time_ms: int) -> None:
        """Let time pass: orders expire, countdowns end, triggers are released. An earlier time does
        nothing.
        """
        while (timer := self._world.next_timer(time_ms)) is not None:
            self._wake(timer)
        self._world.now_ms = max(self._world.now_ms, time_ms)

    def _wake(self, timer: Timer) -> None:
        if isinstance(timer, Countdown):
            self.orders.count_down(timer)
        elif isinstance(timer, GoodTill):
            if timer.algo_id is not None:
                self.algos.expire(timer)
            else:
                order = self._world.accounts[timer.account].orders[timer.order_id or 0]
                if order.is_open and order.good_till_ms <= self.now_ms:
                    end_order(self._world, order, "EXPIRED")
        else:
            self.algos.release(timer)

    # ── market ───────────────────────────────────────────────────────────────────────────────────────────

    def tick(self, tick: Tick) -> None:
        """A print, now: book and last price move, then liquidations, resting orders, triggers, in that order.

        Without a mark of its own the mark stays, and follows the print only while there is none.
        """
        world, market = self._world, self._world.market(tick.symbol)
        centre(market, world.shape, tick.price)
        market.last_price = tick.price
        if tick.mark is not None or not market.mark_price:
            self._move_mark(market, cut(tick.mark if tick.mark is not None else tick.price))
        self._tell_print(market, tick)
        self.hazards.watch(market)
        print_through(world, market, tick.price, tick.quantity)
        self.algos.watch(market)
        self.hazards.watch(market)

    def _tell_print(self, market: Market, tick: Tick) -> None:
        event = MarketTrade(
            tick.symbol,
            self.now_ms,
            self._world.next_trade_id(),
            tick.price,
            tick.quantity,
            not market.is_rising,
        )
        market.prints.append(event)
        self._world.tell(event)
        self._tell_book(market)

    def _tell_book(self, market: Market) -> None:
        bid, ask = self.book_ticker(market.rules.symbol)
        self._world.tell(
            BookEvent(
                market.rules.symbol,
                self.now_ms,
                market.update_id,
                bid.price,
                bid.quantity,
                ask.price,
                ask.quantity,
            )
        )

    def requote(self, symbol: str, price: Decimal) -> None:
        """The quotes move, nothing trades: last price, resting orders and triggers stay as they are."""
        market = self._world.market(symbol)
        centre(market, self._world.shape, price)
        if not market.last_price:
            market.last_price = price
        if not market.mark_price:
            self._move_mark(market, cut(price))
        self._tell_book(market)

    def set_mark(self, symbol: str, mark: Decimal, index: Decimal | None = None) -> None:
        """The mark moves alone: liquidations and mark triggers follow."""
        market = self._world.market(symbol)
        self._move_mark(market, cut(mark), index)
        self.hazards.watch(market)
        self.algos.watch(market)
        self.hazards.watch(market)

    def _move_mark(self, market: Market, mark: Decimal, index: Decimal | None = None) -> None:
        market.mark_price = mark
        market.index_price = index if index is not None else mark
        self._world.tell(
            MarkEvent(
                market.rules.symbol,
                self.now_ms,
                mark,
                market.index_price,
                market.funding_ratio,
                market.next_funding_ms,
            )
        )

    def set_funding(self, symbol: str, funding_ratio: Decimal, next_funding_ms: int) -> None:
        """What `premiumIndex` announces; nothing is paid."""
        market = self._world.market(symbol)
        market.funding_ratio, market.next_funding_ms = funding_ratio, next_funding_ms

    def settle_funding(self, symbol: str, funding_ratio: Decimal, mark: Decimal | None = None) -> None:
        """Every position pays or is paid, now; at `mark`, or at the mark as it stands."""
        market = self._world.market(symbol)
        pay_funding(self._world, symbol, funding_ratio, mark if mark is not None else market.mark_price)
        self.hazards.watch(market)

    def last_price(self, symbol: str) -> Decimal:
        """0 before the first print."""
        return self._world.market(symbol).last_price

    def update_id(self, symbol: str) -> int:
        """Of the book."""
        return self._world.market(symbol).update_id

    def book_ticker(self, symbol: str) -> tuple[Quote, Quote]:
        """Best bid and ask, quantities included."""
        bids, asks = self.depth(symbol, 1)
        nothing = Quote(ZERO, ZERO)
        return bids[0] if bids else nothing, asks[0] if asks else nothing

    def depth(self, symbol: str, limit: int) -> tuple[list[Quote], list[Quote]]:
        """Bids and asks, best first."""
        market, shape = self._world.market(symbol), self._world.shape
        return depth(market, shape, True, limit), depth(market, shape, False, limit)

    def premium(self, symbol: str) -> Premium:
        """Mark, index and the funding that is due next."""
        market = self._world.market(symbol)
        return Premium(
            symbol,
            market.mark_price,
            market.index_price,
            market.funding_ratio,
            market.next_funding_ms,
            self.now_ms,
        )

    def recent_trades(self, symbol: str, limit: int) -> list[MarketTrade]:
        """Prints, oldest first."""
        prints = self._world.market(symbol).prints
        return list(prints)[max(0, len(prints) - limit) :]

    def reach(self, symbol: str) -> Reach:
        """The prices and marks at which something will happen: for whoever walks a price along a path."""
        return reach_of(self._world, self._world.market(symbol))
