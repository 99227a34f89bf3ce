"""Conditional orders, a world of their own: placed, cancelled, triggered, finished.

In: an account's name and a command; prices. Out: the algo order as it then stands, or Refused; child orders.
Refuses to know: JSON. No margin is checked before the trigger; then a normal order is made, with all checks.
Source: reference sections 2.4, 5.5, 5.6.
"""

from dataclasses import replace

from runner.simulator.book import matched_price
from runner.simulator.clearance import check_open
from runner.simulator.filters import check_algo, check_notional
from runner.simulator.history import WHOLE, Span, open_algos, page
from runner.simulator.margin import closes
from runner.simulator.matching import only_reduces, reducible
from runner.simulator.orders import OrderDesk
from runner.simulator.refusal import Refused, refused
from runner.simulator.registry import end_algo, put_algo
from runner.simulator.triggers import followed, is_due, watched_price, would_trigger
from runner.simulator.types import ZERO, AlgoOrder, NewAlgo, Order, Request
from runner.simulator.world import Account, GoodTill, Market, TriggerDue, World


class AlgoDesk:
    """The algo service's counter, and the clerk who watches prices."""

    def __init__(self, world: World, orders: OrderDesk) -> None:
        self._world = world
        self._orders = orders

    def place(self, account: str, command: NewAlgo) -> AlgoOrder:
        """NEW, or Refused: -2021 when it would trigger at once."""
        return self._world.answer(account, command, lambda: self._place(account, command))

    def _place(self, name: str, command: NewAlgo) -> AlgoOrder:
        world, account = self._world, self._world.account(name)
        market = world.market(command.symbol)
        check_algo(market.rules, command, world.switches, is_dual=account.is_dual, now_ms=world.now_ms)
        if not market.last_price:
            raise refused(-4140)  # nothing has traded yet
        algo = self._drafted(account, market, command)
        self._check_account(account, market, algo)
        put_algo(world, algo)
        if algo.good_till_ms:
            world.wake_at(algo.good_till_ms, GoodTill(name, None, algo.algo_id))
        if algo.type == "TRAILING_STOP_MARKET" and command.activation_price is None:
            algo = replace(algo, is_activated=True)
            put_algo(world, algo)
        return algo

    def _drafted(self, account: Account, market: Market, command: NewAlgo) -> AlgoOrder:
        world = self._world
        algo_id = world.next_algo_id()
        time_in_force = command.time_in_force
        if time_in_force is None:
            gte = command.close_position and world.switches.close_position_is_gte
            time_in_force = "GTE_GTC" if gte else "GTC"
        trailing = command.type == "TRAILING_STOP_MARKET"
        price = watched_price(market, command.working_type)
        return AlgoOrder(
            account=account.name,
            algo_id=algo_id,
            client_id=command.client_id or f"x-{algo_id}",
            symbol=command.symbol,
            side=command.side,
            position_side=command.position_side or "BOTH",
            type=command.type,
            time_in_force=time_in_force,
            quantity=ZERO if command.close_position else command.quantity or ZERO,
            price=command.price or ZERO,
            trigger_price=ZERO if trailing else command.trigger_price or ZERO,
            status="NEW",
            created_ms=world.now_ms,
            updated_ms=world.now_ms,
            reduce_only=bool(command.reduce_only or command.close_position),
            close_position=bool(command.close_position),
            working_type=command.working_type,
            price_protect=command.price_protect,
            activation_price=(command.activation_price or price) if trailing else None,
            callback_ratio=command.callback_ratio,
            best_price=price if trailing and command.activation_price is None else None,
            price_match=command.price_match,
            self_trade_prevention=command.self_trade_prevention,
            good_till_ms=command.good_till_ms or 0,
        )

    def _check_account(self, account: Account, market: Market, algo: AlgoOrder) -> None:
        """What depends on prices and on what else is open."""
        world = self._world
        levers = world.levers
        no = levers.orders_refused.get(algo.symbol) or levers.orders_refused.get("")
        if no is not None:
            raise no
        if levers.entries_refused is not None and not _protects(account, algo):
            raise levers.entries_refused
        before = account.algo_of_client.get(algo.client_id)
        if before is not None and account.algos[before].is_open:
            raise refused(-4116)
        if not _protects(account, algo):
            check_notional(
                market.rules, algo.quantity * (algo.price or algo.trigger_price or market.mark_price)
            )
        self._check_position(account, algo)
        if sum(len(holding.algos) for holding in account.holdings.values()) >= world.switches.algo_orders_max:
            raise refused(-4045)
        price = watched_price(market, algo.working_type)
        if algo.type == "TRAILING_STOP_MARKET":
            level = algo.activation_price or price
            if level > price if algo.side == "BUY" else level < price:
                raise refused(world.switches.activation_code)
        elif would_trigger(algo, price):
            raise refused(-2021)

    def _check_position(self, account: Account, algo: AlgoOrder) -> None:
        world = self._world
        position = reducible(account, _child_of(world, algo))
        if not position and (
            (algo.time_in_force == "GTE_GTC" and not algo.close_position)
            or (algo.close_position and world.switches.close_position_needs_position)
        ):
            raise refused(-4509)
        if algo.close_position:
            for other in account.holding(algo.symbol).algos.values():
                same_side = (other.side, other.position_side) == (algo.side, algo.position_side)
                if other.close_position and same_side and other.type == algo.type:
                    raise refused(-4130)

    def cancel(
        self,
        account: str,
        symbol: str | None = None,
        algo_id: int | None = None,
        client_id: str | None = None,
    ) -> AlgoOrder:
        """-2011 when it is not open; -4117 (a switch) while it triggers."""
        command = Request("cancel_algo", (str(symbol), str(algo_id), str(client_id)))
        return self._world.answer(account, command, lambda: self._cancel(account, algo_id, client_id))

    def _cancel(self, name: str, algo_id: int | None, client_id: str | None) -> AlgoOrder:
        algo = self._find(self._world.account(name), algo_id, client_id)
        if algo is None or not algo.is_open:
            raise refused(-2011)
        if algo.status == "TRIGGERING":
            raise refused(self._world.switches.cancel_while_triggering_code)
        return end_algo(self._world, algo, "CANCELED")

    def cancel_all(self, account: str, symbol: str) -> tuple[AlgoOrder, ...]:
        """Every conditional order of a symbol, but for those just triggering."""
        command = Request("cancel_all_algos", (symbol,))
        return self._world.answer(account, command, lambda: self._cancel_all(account, symbol))

    def _cancel_all(self, name: str, symbol: str) -> tuple[AlgoOrder, ...]:
        self._world.market(symbol)
        algos = list(self._world.account(name).holding(symbol).algos.values())
        return tuple(end_algo(self._world, algo, "CANCELED") for algo in algos if algo.status == "NEW")

    def _find(self, account: Account, algo_id: int | None, client_id: str | None) -> AlgoOrder | None:
        if algo_id is None:
            algo_id = account.algo_of_client.get(client_id or "")
        return account.algos.get(algo_id) if algo_id is not None else None

    def get(self, account: str, algo_id: int | None = None, client_id: str | None = None) -> AlgoOrder:
        """-2013 when there never was one."""
        algo = self._find(self._world.account(account), algo_id, client_id)
        if algo is None:
            raise refused(-2013)
        return algo

    def open(self, account: str, symbol: str | None = None) -> list[AlgoOrder]:
        """Open conditional orders, oldest first."""
        return open_algos(self._world, self._world.account(account), symbol)

    def all(self, account: str, symbol: str | None = None, span: Span = WHOLE) -> list[AlgoOrder]:
        """Conditional orders of any status, oldest first."""
        every = self._world.account(account).algos.values()
        chosen = [algo for algo in every if symbol in {None, algo.symbol}]
        return page(chosen, span, lambda algo: algo.algo_id, lambda algo: algo.created_ms)

    def watch(self, market: Market) -> None:
        """Prices have moved: follow trailing stops, trigger whatever is due, oldest first."""
        for algo_id, name in list(market.algos.items()):
            algo = self._world.accounts[name].algos[algo_id]
            if algo.status != "NEW":
                continue  # ended by one before it, or triggering
            moved = followed(algo, watched_price(market, algo.working_type))
            if moved is not algo:
                self._keep(algo, moved)
            if is_due(moved, market):
                self._trigger(replace(moved, triggered_ms=self._world.now_ms))

    def _keep(self, algo: AlgoOrder, moved: AlgoOrder) -> None:
        """A trailing stop's new best price is not told; its activation is."""
        if moved.is_activated != algo.is_activated:
            put_algo(self._world, replace(moved, updated_ms=self._world.now_ms))
            return
        account = self._world.accounts[algo.account]
        account.algos[algo.algo_id] = account.holding(algo.symbol).algos[algo.algo_id] = moved

    def _trigger(self, algo: AlgoOrder) -> None:
        world = self._world
        triggering = replace(algo, status="TRIGGERING", updated_ms=world.now_ms)
        put_algo(world, triggering)
        if world.levers.trigger_hangs > 0:
            world.levers.trigger_hangs -= 1
        elif world.switches.trigger_window_ms > 0:
            due_ms = world.now_ms + world.switches.trigger_window_ms
            world.wake_at(due_ms, TriggerDue(algo.account, algo.algo_id))
        else:
            self.release(TriggerDue(algo.account, algo.algo_id))

    def release(self, timer: TriggerDue) -> None:
        """The trigger's order is made and placed, or rejected with a reason."""
        world, account = self._world, self._world.accounts[timer.account]
        algo = account.algos[timer.algo_id]
        if algo.status != "TRIGGERING":
            return
        child = self._child(account, algo)
        held = reducible(account, child)
        if only_reduces(account, child) and not held:
            end_algo(
                world, algo, world.switches.nothing_to_reduce_status, "-2022 ReduceOnly Order is rejected."
            )
            return
        try:
            if world.levers.trigger_rejections > 0:
                world.levers.trigger_rejections -= 1
                raise refused(-2019)
            check_open(world, account, child)
        except Refused as no:
            end_algo(world, algo, "REJECTED", f"{no.code} {no.msg}")
            return
        upcoming = world.next_order_id()
        triggered = replace(algo, status="TRIGGERED", order_id=upcoming, updated_ms=world.now_ms)
        put_algo(world, triggered)
        named = replace(child, order_id=upcoming, client_id=self._child_name(account, algo))
        self._orders.submit(account, named)

    def _child(self, account: Account, algo: AlgoOrder) -> Order:
        """The trigger's order as of now: the whole position, the price to match."""
        world, market = self._world, self._world.markets[algo.symbol]
        child = _child_of(world, algo)
        if algo.close_position:
            child = replace(child, quantity=reducible(account, child))
        if algo.price_match != "NONE":
            found = matched_price(market, world.shape, algo.side == "BUY", algo.price_match)
            child = replace(child, price=found if found is not None else market.last_price)
        return child

    def _child_name(self, account: Account, algo: AlgoOrder) -> str:
        """The algo order's client id, unless an open order has it; empty: one will be made up."""
        before = account.order_of_client.get((algo.symbol, algo.client_id))
        is_free = before is None or not account.orders[before].is_open
        levers = self._world.levers
        if levers.foreign_child_ids > 0:
            levers.foreign_child_ids -= 1
            return ""
        return algo.client_id if is_free and self._world.switches.child_id_same_as_algo else ""

    def expire(self, timer: GoodTill) -> None:
        """A GTD conditional order's last moment."""
        algo = self._world.accounts[timer.account].algos[timer.algo_id or 0]
        if algo.status == "NEW":
            end_algo(self._world, algo, "EXPIRED", "good till date")


def _child_of(world: World, algo: AlgoOrder) -> Order:
    """The order that the trigger makes; its quantity is still 0 with closePosition."""
    is_limit = algo.type in {"STOP", "TAKE_PROFIT"}
    time_in_force = algo.time_in_force if is_limit and algo.time_in_force != "GTE_GTC" else "GTC"
    return Order(
        account=algo.account,
        order_id=0,
        client_id="",
        symbol=algo.symbol,
        side=algo.side,
        position_side=algo.position_side,
        type="LIMIT" if is_limit else "MARKET",
        original_type=algo.type,
        time_in_force=time_in_force,
        quantity=algo.quantity,
        price=algo.price,
        status="NEW",
        created_ms=world.now_ms,
        updated_ms=world.now_ms,
        reduce_only=algo.reduce_only and algo.position_side == "BOTH",
        close_position=algo.close_position,
        trigger_price=algo.trigger_price,
        working_type=algo.working_type,
        price_protect=algo.price_protect,
        activation_price=algo.activation_price,
        callback_ratio=algo.callback_ratio,
        price_match=algo.price_match,
        self_trade_prevention=algo.self_trade_prevention,
        good_till_ms=algo.good_till_ms,
        algo_id=algo.algo_id,
    )


def _protects(account: Account, algo: AlgoOrder) -> bool:
    """It can only make a position smaller."""
    return algo.reduce_only or (account.is_dual and closes(algo.side, algo.position_side))
