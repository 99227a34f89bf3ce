"""An account's settings and money: leverage, margin type, position mode, transfers, views, incomes.

In: an account's name and what it wants. Out: views, or Refused. Refuses to know: orders' conditions.
Source: reference sections 2.2, 2.5.
"""

from decimal import Decimal

from runner.simulator.events import LeverageEvent, MultiAssetsEvent
from runner.simulator.history import WHOLE, Span, page
from runner.simulator.ledger import tell_account
from runner.simulator.margin import available, cut, maintenance, notional_max, unrealised
from runner.simulator.refusal import refused
from runner.simulator.rules import Fees
from runner.simulator.types import ZERO, AccountView, Income, Order, PositionView, Request, SymbolConfig
from runner.simulator.views import view_account, view_config, view_positions
from runner.simulator.world import Holding, Leg, World


class AccountDesk:
    """Everything of an account that is not an order."""

    def __init__(self, world: World) -> None:
        self._world = world

    def set_leverage(self, account: str, symbol: str, leverage: int) -> SymbolConfig:
        """-4028 out of range, -2027 too large a position, -2028 too little margin, -4161 isolated."""
        command = Request("set_leverage", (symbol, str(leverage)))
        return self._world.answer(account, command, lambda: self._set_leverage(account, symbol, leverage))

    def _set_leverage(self, name: str, symbol: str, leverage: int) -> SymbolConfig:
        world, account, market = self._world, self._world.account(name), self._world.market(symbol)
        if not 1 <= leverage <= market.rules.brackets[0].leverage_max:
            raise refused(-4028, leverage)
        holding = account.holding(symbol)
        legs = [leg for leg in holding.legs.values() if leg.quantity]
        if holding.is_isolated and legs and leverage < holding.leverage:
            raise refused(-4161)
        held = sum((abs(leg.quantity) * market.mark_price for leg in legs), ZERO)
        if held > notional_max(market.rules, leverage):
            raise refused(-2027)
        before = holding.leverage
        holding.leverage = leverage
        if leverage < before and available(world, account) < 0:
            holding.leverage = before
            raise refused(-2028)
        if holding.is_isolated and leverage != before:
            self._free_isolated(holding, legs, before)
        world.tell(LeverageEvent(name, world.now_ms, symbol, leverage), name)
        return view_config(world, account, symbol)

    def _free_isolated(self, holding: Holding, legs: list[Leg], before: int) -> None:
        """A higher leverage gives part of an isolated margin back, as long as maintenance stays covered."""
        market = self._world.markets[holding.symbol]
        for leg in legs:
            cost = abs(leg.quantity) * leg.entry_price
            freed = cut(cost / before - cost / holding.leverage)
            left = leg.isolated_wallet_usdt - freed
            loss = min(ZERO, unrealised(leg, market.mark_price))
            if left + loss > maintenance(market.rules, leg, market.mark_price):
                leg.isolated_wallet_usdt = left

    def set_margin_type(self, account: str, symbol: str, margin_type: str) -> None:
        """ISOLATED or CROSSED: -4046 unchanged, -4047 open orders, -4048 open position, -4168."""
        command = Request("set_margin_type", (symbol, margin_type))
        self._world.answer(account, command, lambda: self._set_margin_type(account, symbol, margin_type))

    def _set_margin_type(self, name: str, symbol: str, margin_type: str) -> None:
        self._world.market(symbol)
        if margin_type not in {"ISOLATED", "CROSSED"}:
            raise refused(-1102, "marginType")
        account = self._world.account(name)
        holding = account.holding(symbol)
        isolated = margin_type == "ISOLATED"
        if holding.is_isolated == isolated:
            raise refused(-4046)
        if isolated and account.is_multi_assets:
            raise refused(-4168)
        if holding.orders or holding.algos:
            raise refused(-4047)
        legs = list(holding.legs.values())
        if any(leg.quantity for leg in legs):
            raise refused(-4048)
        holding.is_isolated = isolated
        tell_account(self._world, account, "MARGIN_TYPE_CHANGE", legs, symbol=symbol)

    def is_dual(self, account: str) -> bool:
        """Hedge mode."""
        return self._world.account(account).is_dual

    def set_dual(self, account: str, is_dual: bool) -> None:
        """-4059 unchanged, -4067 open orders, -4068 open positions."""
        command = Request("set_dual", (str(is_dual),))
        self._world.answer(account, command, lambda: self._set_dual(account, is_dual))

    def _set_dual(self, name: str, is_dual: bool) -> None:
        account = self._world.account(name)
        if account.is_dual == is_dual:
            raise refused(-4059)
        if any(holding.orders or holding.algos for holding in account.holdings.values()):
            raise refused(-4067)
        if any(leg.quantity for holding in account.holdings.values() for leg in holding.legs.values()):
            raise refused(-4068)
        account.is_dual = is_dual

    def is_multi_assets(self, account: str) -> bool:
        return self._world.account(account).is_multi_assets

    def set_multi_assets(self, account: str, is_on: bool) -> None:
        """A flag and its event; margin stays in USDT alone. -4171 unchanged, -4167 with isolated symbols."""
        command = Request("set_multi_assets", (str(is_on),))
        self._world.answer(account, command, lambda: self._set_multi_assets(account, is_on))

    def _set_multi_assets(self, name: str, is_on: bool) -> None:
        account = self._world.account(name)
        if account.is_multi_assets == is_on:
            raise refused(-4171)
        if is_on and any(holding.is_isolated for holding in account.holdings.values()):
            raise refused(-4167)
        account.is_multi_assets = is_on
        self._world.tell(MultiAssetsEvent(name, self._world.now_ms, is_on), name)

    def add_margin(
        self, account: str, symbol: str, amount_usdt: Decimal, position_side: str | None = None
    ) -> None:
        """To an isolated position; a negative amount takes from it."""
        command = Request("add_margin", (symbol, str(amount_usdt), str(position_side)))
        self._world.answer(
            account, command, lambda: self._add_margin(account, symbol, amount_usdt, position_side)
        )

    def _add_margin(self, name: str, symbol: str, amount_usdt: Decimal, position_side: str | None) -> None:
        world, account, market = self._world, self._world.account(name), self._world.market(symbol)
        amount_usdt = cut(amount_usdt)
        if not amount_usdt:
            raise refused(-4055)
        if account.is_dual != (position_side in {"LONG", "SHORT"}):
            raise refused(-4061)
        holding = account.holding(symbol)
        leg = holding.leg(position_side or "BOTH")
        if not leg.quantity:
            raise refused(-4054)
        if not holding.is_isolated:
            raise refused(-4046)
        if amount_usdt > 0 and amount_usdt > available(world, account):
            raise refused(-2019)
        if amount_usdt < 0:
            mark = market.mark_price
            least = max(abs(leg.quantity) * mark / holding.leverage, maintenance(market.rules, leg, mark))
            if leg.isolated_wallet_usdt + min(ZERO, unrealised(leg, mark)) + amount_usdt < least:
                raise refused(-4051)
        leg.isolated_wallet_usdt += amount_usdt
        tell_account(world, account, "MARGIN_TRANSFER", (leg,), symbol=symbol)

    def transfer(self, account: str, amount_usdt: Decimal) -> None:
        """Deposit, or with a negative amount withdraw: -2018 when there is not so much to take."""
        command = Request("transfer", (str(amount_usdt),))
        self._world.answer(account, command, lambda: self._transfer(account, amount_usdt))

    def _transfer(self, name: str, amount_usdt: Decimal) -> None:
        world, account = self._world, self._world.account(name)
        amount_usdt = cut(amount_usdt)
        if amount_usdt < 0 and -amount_usdt > available(world, account):
            raise refused(-2018)
        if amount_usdt:
            world.book_income(account, "TRANSFER", amount_usdt)
            reason = "DEPOSIT" if amount_usdt > 0 else "WITHDRAW"
            tell_account(world, account, reason, (), change_usdt=amount_usdt)

    def view(self, account: str) -> AccountView:
        """All money; positions where there is one or an order that could make one."""
        return view_account(self._world, self._world.account(account))

    def positions(self, account: str, symbol: str | None = None) -> list[PositionView]:
        """Of one symbol every leg, also when flat; of all those with a position or orders."""
        if symbol is not None:
            self._world.market(symbol)
        return view_positions(self._world, self._world.account(account), symbol)

    def config(self, account: str, symbol: str | None = None) -> list[SymbolConfig]:
        """Leverage and margin type of one symbol or all."""
        if symbol is not None:
            self._world.market(symbol)
        owner = self._world.account(account)
        names = self._world.markets if symbol is None else (symbol,)
        return [view_config(self._world, owner, name) for name in names]

    def fees(self, account: str) -> Fees:
        return self._world.account(account).fees

    def incomes(
        self, account: str, span: Span = WHOLE, symbol: str | None = None, kind: str | None = None
    ) -> list[Income]:
        """Changes of the wallet, oldest first."""
        every = self._world.account(account).incomes
        chosen = [row for row in every if symbol in {None, row.symbol} and kind in {None, row.type}]
        return page(chosen, span, lambda row: row.transaction_id, lambda row: row.time_ms)

    def force_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Orders that the exchange placed in the account's name, oldest first."""
        return [
            order
            for order in self._world.account(account).orders.values()
            if symbol in {None, order.symbol} and is_forced(order)
        ]


def is_forced(order: Order) -> bool:
    """By its client id, as the exchange marks them."""
    return order.client_id.startswith(("autoclose-", "adl_autoclose", "settlement_autoclose-"))
