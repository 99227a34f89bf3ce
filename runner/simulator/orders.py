"""Plain orders: placed, amended, cancelled, looked up.

In: an account's name and a command. Out: the order as it then stands, or Refused.
Refuses to know: JSON, weights.
Source: reference sections 2.3, 4.1, 5.4 (order cost), 5.5 (reduceOnly).
"""

from dataclasses import replace

from runner.simulator.book import matched_price, queue_ahead
from runner.simulator.clearance import check_affordable, check_open, check_reducing, would_take
from runner.simulator.filters import (
    check_limit_band,
    check_notional,
    check_order,
    check_price,
    check_quantity,
)
from runner.simulator.history import WHOLE, Span, find_order, open_orders, page
from runner.simulator.matching import only_reduces, reducible, take, tidy_up
from runner.simulator.refusal import refused
from runner.simulator.registry import end_algo, end_order, put_order, rest_order
from runner.simulator.types import ZERO, AmendOrder, NewOrder, Order, Request, Trade
from runner.simulator.world import Account, Countdown, GoodTill, World


class OrderDesk:
    """The order book's counter. Cancels and amends name an order by id, or by the latest use of a client
    id.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def place(self, account: str, command: NewOrder) -> Order:
        """Judge, match, and rest or end. FOK (-5021) and post-only (-5022) refusals leave no order behind."""
        return self._world.answer(account, command, lambda: self._place(account, command))

    def check(self, account: str, command: NewOrder) -> None:
        """All judgements of `place` and nothing else (`order/test`)."""
        self._judge(self._world.account(account), command)

    def _place(self, name: str, command: NewOrder) -> Order:
        account = self._world.account(name)
        return self.submit(account, self._judge(account, command))

    def _judge(self, account: Account, command: NewOrder) -> Order:
        """The order as it would be accepted."""
        world, market = self._world, self._world.market(command.symbol)
        check_order(market.rules, command, is_dual=account.is_dual, now_ms=world.now_ms)
        price = command.price if command.price is not None else ZERO
        if command.price_match != "NONE":
            found = matched_price(market, world.shape, command.side == "BUY", command.price_match)
            if found is None:
                raise refused(-5041)
            price = found
        order = Order(
            account=account.name,
            order_id=0,
            client_id=command.client_id or "",
            symbol=command.symbol,
            side=command.side,
            position_side=command.position_side or "BOTH",
            type=command.type,
            original_type=command.type,
            time_in_force=command.time_in_force or "GTC",
            quantity=command.quantity or ZERO,
            price=price,
            status="NEW",
            created_ms=world.now_ms,
            updated_ms=world.now_ms,
            reduce_only=bool(command.reduce_only),
            price_match=command.price_match,
            self_trade_prevention=command.self_trade_prevention,
            good_till_ms=command.good_till_ms or 0,
        )
        check_open(world, account, order)
        return order

    def submit(self, account: Account, judged: Order) -> Order:
        """Give a judged order its id, match it, and rest or end what is left."""
        world = self._world
        order_id = judged.order_id or world.next_order_id()
        order = replace(judged, order_id=order_id, client_id=judged.client_id or f"x-{order_id}")
        put_order(world, order, "NEW")
        order = take(world, order, order.price if order.type == "LIMIT" else None)
        if order.is_open:
            order = self._rest_or_end(account, order)
        if order.executed:
            tidy_up(world, account, order.symbol)
        return account.orders[order.order_id]

    def _rest_or_end(self, account: Account, order: Order) -> Order:
        world, market = self._world, self._world.markets[order.symbol]
        if order.type == "MARKET" or order.time_in_force in {"IOC", "FOK"}:
            return end_order(world, order, "EXPIRED")
        if only_reduces(account, order) and not reducible(account, order):
            return end_order(world, order, "EXPIRED")
        rest_order(world, order, queue_ahead(market, world.shape, order.side == "BUY", order.price))
        if order.good_till_ms and not order.executed:
            world.wake_at(order.good_till_ms, GoodTill(account.name, order.order_id, None))
        return order

    def amend(self, account: str, command: AmendOrder) -> Order:
        """New price or quantity in place; the order goes to the end of its queue."""
        return self._world.answer(account, command, lambda: self._amend(account, command))

    def _amend(self, name: str, command: AmendOrder) -> Order:
        world, account = self._world, self._world.account(name)
        market = world.market(command.symbol)
        order = self._open_one(account, command.symbol, command.order_id, command.client_id, missing=-2013)
        if market.rules.status != "TRADING":
            raise refused(-5024)
        if order.type != "LIMIT":
            raise refused(-5025)
        if command.side != order.side:
            raise refused(-1117)
        if order.amendments >= market.rules.amendments_max:
            raise refused(-5026)
        amended = self._amended(account, order, command)
        if amended.quantity <= order.executed:
            return end_order(world, order, "CANCELED")
        if order.time_in_force == "GTX" and would_take(market, amended):
            return end_order(world, order, "CANCELED")
        market.resting.pop(order.order_id, None)
        put_order(world, amended, "AMENDMENT")
        amended = take(world, amended, amended.price)
        if amended.is_open:
            amended = self._rest_or_end(account, amended)
        if amended.executed != order.executed:
            tidy_up(world, account, order.symbol)
        return account.orders[order.order_id]

    def _amended(self, account: Account, order: Order, command: AmendOrder) -> Order:
        """The order with its new figures, judged; the old one stands when they are refused."""
        world, rules = self._world, self._world.markets[order.symbol].rules
        price = command.price if command.price is not None else order.price
        if command.price_match != "NONE":
            market = world.markets[order.symbol]
            found = matched_price(market, world.shape, order.side == "BUY", command.price_match)
            if found is None:
                raise refused(-5041)
            price = found
        quantity = command.quantity if command.quantity is not None else order.quantity
        check_quantity(rules, quantity, is_market=False)
        check_price(rules, price)
        check_limit_band(rules, order.side, price, world.markets[order.symbol].mark_price)
        if price == order.price and quantity == order.quantity:
            raise refused(-5027)
        amended = replace(
            order, price=price, quantity=quantity, updated_ms=world.now_ms, amendments=order.amendments + 1
        )
        if not only_reduces(account, order):
            check_notional(rules, quantity * price)
            if quantity > order.executed:
                check_affordable(world, account, amended, instead_of=order)
        elif quantity > order.quantity:
            check_reducing(world, account, amended, instead_of=order)
        return amended

    def cancel(
        self, account: str, symbol: str, order_id: int | None = None, client_id: str | None = None
    ) -> Order:
        """-2011 when there is no such open order."""
        command = Request("cancel", (symbol, str(order_id), str(client_id)))
        return self._world.answer(
            account, command, lambda: self._cancel(account, symbol, order_id, client_id)
        )

    def _cancel(self, name: str, symbol: str, order_id: int | None, client_id: str | None) -> Order:
        self._world.market(symbol)
        account = self._world.account(name)
        order = self._open_one(account, symbol, order_id, client_id, missing=-2011)
        return end_order(self._world, order, "CANCELED")

    def _open_one(
        self, account: Account, symbol: str, order_id: int | None, client_id: str | None, *, missing: int
    ) -> Order:
        order = find_order(account, symbol, order_id, client_id)
        if order is None or not order.is_open:
            raise refused(missing)
        return order

    def cancel_all(self, account: str, symbol: str) -> tuple[Order, ...]:
        """Every plain order of a symbol; conditional orders stay."""
        command = Request("cancel_all", (symbol,))
        return self._world.answer(account, command, lambda: self._cancel_all(account, symbol))

    def _cancel_all(self, name: str, symbol: str) -> tuple[Order, ...]:
        self._world.market(symbol)
        orders = list(self._world.account(name).holding(symbol).orders.values())
        return tuple(end_order(self._world, order, "CANCELED") for order in orders)

    def countdown(self, account: str, symbol: str, countdown_ms: int) -> None:
        """Cancel all orders of the symbol unless this is said again in time; 0 stops the clock."""
        command = Request("countdown", (symbol, str(countdown_ms)))
        self._world.answer(account, command, lambda: self._countdown(account, symbol, countdown_ms))

    def _countdown(self, name: str, symbol: str, countdown_ms: int) -> None:
        self._world.market(symbol)
        holding = self._world.account(name).holding(symbol)
        holding.countdown_ms = self._world.now_ms + countdown_ms if countdown_ms > 0 else 0
        if holding.countdown_ms:
            self._world.wake_at(holding.countdown_ms, Countdown(name, symbol))

    def count_down(self, timer: Countdown) -> None:
        """A countdown's moment: nothing, when it was set anew since."""
        world, holding = self._world, self._world.accounts[timer.account].holding(timer.symbol)
        if not holding.countdown_ms or holding.countdown_ms > world.now_ms:
            return
        holding.countdown_ms = 0
        for order in list(holding.orders.values()):
            end_order(world, order, "CANCELED")
        if world.switches.countdown_cancels_algos:
            for algo in list(holding.algos.values()):
                end_algo(world, algo, "CANCELED")

    def get(
        self, account: str, symbol: str, order_id: int | None = None, client_id: str | None = None
    ) -> Order:
        """-2013 when there never was one; of a client id used twice, the latest."""
        self._world.market(symbol)
        order = find_order(self._world.account(account), symbol, order_id, client_id)
        if order is None:
            raise refused(-2013)
        return order

    def open(self, account: str, symbol: str | None = None) -> list[Order]:
        """Open plain orders, oldest first."""
        return open_orders(self._world, self._world.account(account), symbol)

    def all(self, account: str, symbol: str | None, span: Span = WHOLE) -> list[Order]:
        """Orders of any status, oldest first."""
        every = self._world.account(account).orders.values()
        chosen = [order for order in every if symbol in {None, order.symbol}]
        return page(chosen, span, lambda order: order.order_id, lambda order: order.updated_ms)

    def trades(
        self, account: str, symbol: str | None, span: Span = WHOLE, order_id: int | None = None
    ) -> list[Trade]:
        """Fills, oldest first; `span.from_id` is a trade id."""
        every = self._world.account(account).trades
        chosen = [
            trade for trade in every if symbol in {None, trade.symbol} and order_id in {None, trade.order_id}
        ]
        return page(chosen, span, lambda trade: trade.trade_id, lambda trade: trade.time_ms)
