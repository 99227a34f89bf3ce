"""What the exchange does to an account unasked: margin calls, liquidation, deleveraging.

In: prices that moved, or an order to do it. Out: forced orders, insurance rows, events.
Refuses to know: players. Isolated: the leg closes and its whole isolated wallet is gone. Cross: open orders
go first, then positions, the largest loss first, until what is left is healthy. Nobody loses more than he
has: the insurance fund pays.
Source: reference section 5.4; the exchange's tiered, partial liquidation is simplified to whole positions.
"""

from dataclasses import replace
from decimal import Decimal

from runner.simulator.book import down_to, up_to
from runner.simulator.events import ForceOrderEvent, MarginCallEvent
from runner.simulator.ledger import make_good, settle, tell_account
from runner.simulator.margin import cross_health, cross_wallet, cut, maintenance, unrealised
from runner.simulator.matching import tidy_up
from runner.simulator.refusal import refused
from runner.simulator.registry import end_order, put_order
from runner.simulator.types import ZERO, Order, Request, Trade
from runner.simulator.views import view_positions
from runner.simulator.world import Account, Holding, Leg, Market, World

CALL_RATIO = Decimal("0.8")  # maintenance ÷ margin balance at which the account is told


class Hazards:
    """Watches health at every mark; also the admin's way to liquidate or deleverage at will."""

    def __init__(self, world: World) -> None:
        self._world = world

    def watch(self, market: Market) -> None:
        """The mark has moved: liquidate what has lost its maintenance margin."""
        for account in self._world.accounts.values():
            holding = account.holdings.get(market.rules.symbol)
            if holding is None:
                continue
            for leg in list(holding.legs.values()):
                if not leg.quantity:
                    continue
                if holding.is_isolated:
                    self._watch_isolated(account, holding, leg, market)
                else:
                    self._watch_cross(account)

    def _watch_isolated(self, account: Account, holding: Holding, leg: Leg, market: Market) -> None:
        balance = leg.isolated_wallet_usdt + unrealised(leg, market.mark_price)
        if balance <= maintenance(market.rules, leg, market.mark_price):
            self._liquidate(account, holding, leg)

    def _watch_cross(self, account: Account) -> None:
        balance, needed = cross_health(self._world, account)
        if balance > needed:
            self._call(account, is_near=needed > balance * CALL_RATIO)
            return
        for holding in account.holdings.values():
            for order in list(holding.orders.values()) if not holding.is_isolated else ():
                end_order(self._world, order, "EXPIRED", reason=1)
        while balance <= needed:
            worst = self._worst_cross(account)
            if worst is None:
                return
            self._liquidate(account, *worst)
            balance, needed = cross_health(self._world, account)

    def _worst_cross(self, account: Account) -> tuple[Holding, Leg] | None:
        held = [
            (unrealised(leg, self._world.markets[leg.symbol].mark_price), leg.symbol, holding, leg)
            for holding in account.holdings.values()
            if not holding.is_isolated
            for leg in holding.legs.values()
            if leg.quantity
        ]
        return min(held, key=lambda row: (row[0], row[1], row[3].position_side))[2:] if held else None

    def _call(self, account: Account, *, is_near: bool) -> None:
        if is_near and not account.is_called:
            positions = tuple(view_positions(self._world, account, None))
            event = MarginCallEvent(account.name, self._world.now_ms, cross_wallet(account), positions)
            self._world.tell(event, account.name)
        account.is_called = is_near

    def liquidate(self, account: str, symbol: str) -> None:
        """By the admin: as if maintenance were gone. -2022 when flat."""
        command = Request("liquidate", (symbol,))
        self._world.answer(account, command, lambda: self._force(account, symbol))

    def _force(self, name: str, symbol: str) -> None:
        self._world.market(symbol)
        account = self._world.account(name)
        holding = account.holding(symbol)
        legs = [leg for leg in holding.legs.values() if leg.quantity]
        if not legs:
            raise refused(-2022)
        for leg in legs:
            self._liquidate(account, holding, leg)

    def _liquidate(self, account: Account, holding: Holding, leg: Leg) -> None:
        world, market = self._world, self._world.markets[leg.symbol]
        backing = (
            leg.isolated_wallet_usdt if holding.is_isolated else max(ZERO, self._cross_backing(account, leg))
        )
        is_long = leg.quantity > 0
        bankrupt = leg.entry_price - backing / leg.quantity
        price = max(market.mark_price, bankrupt) if is_long else min(market.mark_price, bankrupt)
        price = up_to(price, market.rules.tick_size) if is_long else down_to(price, market.rules.tick_size)
        quantity, set_aside = abs(leg.quantity), leg.isolated_wallet_usdt
        order = self._forced_order(account, leg, f"autoclose-{world.now_ms}-{account.name}", quantity, price)
        realised = self._execute(account, leg, order, price)
        if holding.is_isolated:
            rest = set_aside + realised
        else:
            fee = cut(quantity * price * market.rules.liquidation_fee_ratio)
            rest = min(fee, max(ZERO, cross_wallet(account)))
        if rest:
            world.book_income(account, "INSURANCE_CLEAR", -rest, leg.symbol)
            world.insurance_usdt += rest
        make_good(world, account, leg.symbol)
        tell_account(world, account, "INSURANCE_CLEAR", (leg,), change_usdt=-rest, symbol=leg.symbol)
        tidy_up(world, account, leg.symbol)

    def _cross_backing(self, account: Account, leg: Leg) -> Decimal:
        """All that stands behind one cross leg: the wallet, and what the other legs have gained or lost."""
        balance, _ = cross_health(self._world, account)
        return balance - unrealised(leg, self._world.markets[leg.symbol].mark_price)

    def _forced_order(
        self, account: Account, leg: Leg, client_id: str, quantity: Decimal, price: Decimal
    ) -> Order:
        """Accepted, and told to everybody."""
        world = self._world
        order = Order(
            account=account.name,
            order_id=world.next_order_id(),
            client_id=client_id,
            symbol=leg.symbol,
            side="SELL" if leg.quantity > 0 else "BUY",
            position_side=leg.position_side,
            type="LIMIT",
            original_type="LIMIT",
            time_in_force="IOC",
            quantity=quantity,
            price=price,
            status="NEW",
            created_ms=world.now_ms,
            updated_ms=world.now_ms,
            reduce_only=leg.position_side == "BOTH",
        )
        put_order(world, order, "NEW")
        return order

    def _execute(self, account: Account, leg: Leg, order: Order, price: Decimal) -> Decimal:
        """A forced order fills whole, at its price, free of commission; what it realised."""
        world = self._world
        trade_id = world.next_trade_id()
        change = order.quantity if order.side == "BUY" else -order.quantity
        settled = settle(world, account, leg, change, price, ZERO, trade_id)
        trade = Trade(
            account=account.name,
            trade_id=trade_id,
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            position_side=order.position_side,
            price=price,
            quantity=order.quantity,
            realised_usdt=settled.realised_usdt,
            commission_usdt=settled.commission_usdt,
            is_maker=False,
            time_ms=world.now_ms,
        )
        account.trades.append(trade)
        filled = replace(
            order,
            executed=order.quantity,
            cost_usdt=order.quantity * price,
            status="FILLED",
            updated_ms=world.now_ms,
        )
        tell_account(world, account, "ORDER", (leg,), symbol=leg.symbol)
        put_order(world, filled, "CALCULATED", trade)
        world.tell(ForceOrderEvent(leg.symbol, world.now_ms, filled))
        return settled.realised_usdt

    def deleverage(
        self, account: str, symbol: str, position_side: str = "BOTH", share: Decimal = Decimal(1)
    ) -> None:
        """By the admin: part or all of a position closes at the mark against a bankrupt one. -2022 when
        flat.
        """
        command = Request("deleverage", (symbol, position_side, str(share)))
        self._world.answer(account, command, lambda: self._deleverage(account, symbol, position_side, share))

    def _deleverage(self, name: str, symbol: str, position_side: str, share: Decimal) -> None:
        world, market = self._world, self._world.market(symbol)
        account = world.account(name)
        leg = account.holding(symbol).leg(position_side)
        quantity = down_to(abs(leg.quantity) * share, market.rules.step_size)
        if quantity <= 0:
            raise refused(-2022)
        price = down_to(market.mark_price, market.rules.tick_size)
        order = self._forced_order(account, leg, "adl_autoclose", quantity, price)
        self._execute(account, leg, order, price)
        make_good(world, account, symbol)
        tidy_up(world, account, symbol)
