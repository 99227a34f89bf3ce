"""An exchange with one account at a price, and short words for what tests do with it."""

from decimal import Decimal
from typing import Any

import pytest

from runner.simulator.audit import audit
from runner.simulator.catalogue import recorded_rules
from runner.simulator.events import Event
from runner.simulator.exchange import Exchange
from runner.simulator.refusal import Refused
from runner.simulator.rules import Fees, Switches
from runner.simulator.shape import BookShape
from runner.simulator.types import AlgoOrder, NewAlgo, NewOrder, Order, PositionView, Tick

START_MS = 1_700_000_000_000
SYMBOL = "BTCUSDT"
EVEN = BookShape(
    jitter=False, growth=Decimal(1), level_notional_usdt=Decimal(60_000), levels=10
)  # 1 BTC a level


def d(text: str) -> Decimal:
    return Decimal(text)


class Market:
    """BTCUSDT at 60000 with 10,000 USDT in `me`, unless said otherwise; the books balance at the end."""

    def __init__(
        self,
        price: str = "60000.0",
        wallet: str = "10000",
        switches: Switches | None = None,
        shape: BookShape = EVEN,
        fees: Fees | None = None,
    ) -> None:
        self.exchange = Exchange(recorded_rules(), start_ms=START_MS, switches=switches, shape=shape)
        self.exchange.tick(Tick(SYMBOL, d(price), d("1"), d(price)))
        self.exchange.open_account("me", d(wallet), fees)

    def go(self, price: str, mark: str | None = None, traded: str = "1") -> None:
        """A print; the mark goes with it unless it is given, or '' to leave it."""
        told = price if mark is None else mark
        self.exchange.tick(Tick(SYMBOL, d(price), d(traded), d(told) if told else None))

    def order(self, side: str, quantity: str, price: str | None = None, **more: Any) -> Order:
        """A market order, or with a price a limit order (GTC)."""
        if price is not None:
            more.setdefault("time_in_force", "GTC")
        return self.exchange.orders.place(
            more.pop("account", "me"),
            NewOrder(
                symbol=more.pop("symbol", SYMBOL),
                side=side,
                type=more.pop("type", "MARKET" if price is None else "LIMIT"),
                quantity=d(quantity) if quantity else None,
                price=d(price) if price is not None else None,
                **more,
            ),
        )

    def algo(
        self, side: str, kind: str, trigger: str | None = None, quantity: str = "", **more: Any
    ) -> AlgoOrder:
        """A conditional order."""
        return self.exchange.algos.place(
            more.pop("account", "me"),
            NewAlgo(
                symbol=more.pop("symbol", SYMBOL),
                side=side,
                type=kind,
                trigger_price=d(trigger) if trigger is not None else None,
                quantity=d(quantity) if quantity else None,
                **more,
            ),
        )

    def now(self, order: Order) -> Order:
        return self.exchange.orders.get(order.account, order.symbol, order.order_id)

    def algo_now(self, algo: AlgoOrder) -> AlgoOrder:
        return self.exchange.algos.get(algo.account, algo.algo_id)

    def position(self, position_side: str = "BOTH", account: str = "me") -> PositionView:
        views = self.exchange.desk.positions(account, SYMBOL)
        return next(view for view in views if view.position_side == position_side)

    def wallet(self, account: str = "me") -> Decimal:
        return self.exchange.desk.view(account).wallet_usdt

    def events(self, *kinds: type) -> list[Event]:
        return [event for event in self.exchange.take_events() if isinstance(event, kinds)]

    def check(self) -> None:
        assert audit(self.exchange) == []


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> int:
    return refusal.value.code
