"""Do the books balance? Every identity that must hold at any moment, recomputed from the histories alone.

In: an exchange. Out: what is wrong, in words; empty when all is well. Changes nothing.
Refuses to know: how anything came about. Sums are exact; only realised PnL against prices has a tolerance, of
1e-8 for each fill that was cut to 8 decimals.
"""

from collections.abc import Iterator
from decimal import Decimal

from runner.simulator.exchange import Exchange
from runner.simulator.margin import available, closes, cross_wallet, order_notionals
from runner.simulator.matching import only_reduces, reducible
from runner.simulator.types import EIGHT, ZERO, Trade
from runner.simulator.world import Account, Holding, Leg, Market, World

_ENTRY_SLACK = Decimal("0.000000000002")


def audit(exchange: Exchange) -> list[str]:
    """Findings, the account or symbol first."""
    world = exchange.world
    findings: list[str] = []
    for account in world.accounts.values():
        checks = (_wallet, _legs, _orders, _client_ids, _algos, _margins)
        findings += [f"{account.name}: {words}" for check in checks for words in check(world, account)]
    for market in world.markets.values():
        findings += [f"{market.rules.symbol}: {words}" for words in _book(world, market)]
    paid = sum((sum_of(account, "INSURANCE_CLEAR") for account in world.accounts.values()), ZERO)
    if paid != -world.insurance_usdt:
        findings.append(f"the insurance fund has {world.insurance_usdt}, accounts paid {-paid}")
    return findings + list(_log(exchange))


def sum_of(account: Account, kind: str) -> Decimal:
    """All incomes of one type."""
    return sum((income.amount_usdt for income in account.incomes if income.type == kind), ZERO)


def _wallet(world: World, account: Account) -> Iterator[str]:
    """Wallet change = fills − fees + funding + transfers + insurance, to the last digit."""
    total = sum((income.amount_usdt for income in account.incomes), ZERO)
    if total != account.wallet_usdt:
        yield f"wallet {account.wallet_usdt}, incomes {total}"
    realised = sum((trade.realised_usdt for trade in account.trades), ZERO)
    if sum_of(account, "REALIZED_PNL") != realised:
        yield f"realised by trades {realised}, by incomes {sum_of(account, 'REALIZED_PNL')}"
    fees = sum((trade.commission_usdt for trade in account.trades), ZERO)
    if sum_of(account, "COMMISSION") != -fees:
        yield f"fees by trades {fees}, by incomes {-sum_of(account, 'COMMISSION')}"
    isolated = sum(
        (leg.isolated_wallet_usdt for held in account.holdings.values() for leg in held.legs.values()), ZERO
    )
    if cross_wallet(account) + isolated != account.wallet_usdt:
        yield f"cross {cross_wallet(account)} and isolated {isolated} are not {account.wallet_usdt}"
    if any(income.amount_usdt != income.amount_usdt.quantize(EIGHT) for income in account.incomes):
        yield "an income has more than 8 decimals"
    backed = any(
        leg.quantity and not held.is_isolated
        for held in account.holdings.values()
        for leg in held.legs.values()
    )
    if cross_wallet(account) < 0 and not backed:
        yield f"cross wallet {cross_wallet(account)} with nothing behind it"
    ids = [trade.trade_id for trade in account.trades]
    if len(set(ids)) != len(ids):
        yield "a trade id occurs twice"


def _legs(world: World, account: Account) -> Iterator[str]:
    trades: dict[tuple[str, str], list[Trade]] = {}
    for trade in account.trades:
        trades.setdefault((trade.symbol, trade.position_side), []).append(trade)
    for holding in account.holdings.values():
        for leg in holding.legs.values():
            where = f"{leg.symbol} {leg.position_side}"
            for words in _leg(holding, leg, trades.pop((leg.symbol, leg.position_side), [])):
                yield f"{where}: {words}"
    for symbol, position_side in trades:
        yield f"{symbol} {position_side}: trades without a leg"


def _leg(holding: Holding, leg: Leg, trades: list[Trade]) -> Iterator[str]:
    bought = sum((_signed(trade) for trade in trades), ZERO)
    if bought != leg.quantity:
        yield f"quantity {leg.quantity}, trades {bought}"
    realised = sum((trade.realised_usdt for trade in trades), ZERO)
    if realised != leg.realised_ever_usdt:
        yield f"realised {leg.realised_ever_usdt}, trades {realised}"
    cash = sum((-_signed(trade) * trade.price for trade in trades), ZERO)
    turnover = sum((trade.quantity for trade in trades), ZERO)
    slack = len(trades) * EIGHT + turnover * _ENTRY_SLACK * (len(trades) + 1)
    if abs(cash + leg.quantity * leg.entry_price - realised) > slack:
        yield f"realised {realised}, money spent and held says {cash + leg.quantity * leg.entry_price}"
    if not leg.quantity and (leg.isolated_wallet_usdt or leg.entry_price):
        yield f"flat, but with an isolated wallet of {leg.isolated_wallet_usdt}, entry {leg.entry_price}"
    if leg.quantity and leg.entry_price <= 0:
        yield f"entry price {leg.entry_price}"
    if leg.isolated_wallet_usdt and not holding.is_isolated:
        yield f"in cross with an isolated wallet of {leg.isolated_wallet_usdt}"
    if leg.isolated_wallet_usdt < 0:
        yield f"isolated wallet {leg.isolated_wallet_usdt}"
    if (leg.position_side == "LONG" and leg.quantity < 0) or (
        leg.position_side == "SHORT" and leg.quantity > 0
    ):
        yield f"the wrong way round: {leg.quantity}"


def _signed(trade: Trade) -> Decimal:
    return trade.quantity if trade.side == "BUY" else -trade.quantity


def _orders(world: World, account: Account) -> Iterator[str]:
    executed: dict[int, Decimal] = {}
    cost: dict[int, Decimal] = {}
    for trade in account.trades:
        executed[trade.order_id] = executed.get(trade.order_id, ZERO) + trade.quantity
        cost[trade.order_id] = cost.get(trade.order_id, ZERO) + trade.notional_usdt
    for order in account.orders.values():
        if order.executed != executed.get(order.order_id, ZERO) or order.cost_usdt != cost.get(
            order.order_id, ZERO
        ):
            yield f"order {order.order_id}: executed {order.executed}, its trades say otherwise"
        if not ZERO <= order.executed <= order.quantity:
            yield f"order {order.order_id}: executed {order.executed} of {order.quantity}"
        if (order.status == "FILLED") != (order.executed == order.quantity):
            yield f"order {order.order_id}: {order.status} with {order.executed} of {order.quantity}"
        held = order.order_id in account.holdings[order.symbol].orders
        rests = order.order_id in world.markets[order.symbol].resting
        if (held, rests) != (order.is_open, order.is_open):
            yield f"order {order.order_id} is {order.status}; held open: {held}, in the book: {rests}"
        waits = order.is_open and world.switches.reduce_only_expires_when_flat
        if waits and only_reduces(account, order) and not reducible(account, order):
            yield f"order {order.order_id} only reduces, and there is nothing to reduce"


def _client_ids(world: World, account: Account) -> Iterator[str]:
    open_ids = [
        (order.symbol, order.client_id)
        for held in account.holdings.values()
        for order in held.orders.values()
    ]
    if len(set(open_ids)) != len(open_ids):
        yield "two open orders have one client id"
    algo_ids = [algo.client_id for held in account.holdings.values() for algo in held.algos.values()]
    if len(set(algo_ids)) != len(algo_ids):
        yield "two open algo orders have one client id"


def _algos(world: World, account: Account) -> Iterator[str]:
    for algo in account.algos.values():
        held = algo.algo_id in account.holdings[algo.symbol].algos
        watched = algo.algo_id in world.markets[algo.symbol].algos
        if (held, watched) != (algo.is_open, algo.is_open):
            yield f"algo {algo.algo_id} is {algo.status}; held open: {held}, watched: {watched}"
        if algo.status in {"TRIGGERED", "FINISHED"}:
            child = account.orders[algo.order_id or 0]
            if child.is_open != (algo.status == "TRIGGERED"):
                yield f"algo {algo.algo_id} is {algo.status}, its order {child.status}"
    closing = [
        (algo.symbol, algo.side, algo.position_side, algo.type)
        for held in account.holdings.values()
        for algo in held.algos.values()
        if algo.close_position
    ]
    if len(set(closing)) != len(closing):
        yield "two closePosition orders of one kind and direction"


def _margins(world: World, account: Account) -> Iterator[str]:
    """Open-order margin is the sum over the orders, whatever was remembered of it."""
    free = cross_wallet(account)
    profit = ZERO
    for holding in account.holdings.values():
        mark = world.markets[holding.symbol].mark_price
        remembered = order_notionals(holding, account.is_dual)
        for position_side in ("BOTH", "LONG", "SHORT"):
            sums = {"BUY": ZERO, "SELL": ZERO}
            for order in holding.orders.values():
                reduces = order.reduce_only or (account.is_dual and closes(order.side, position_side))
                if order.position_side == position_side and not reduces:
                    sums[order.side] += order.price * order.remaining
            if remembered.get(position_side, (ZERO, ZERO)) != (sums["BUY"], sums["SELL"]):
                yield f"{holding.symbol} {position_side}: open orders of {sums}, remembered {remembered}"
            leg = holding.legs.get(position_side)
            held = leg.quantity * mark if leg is not None else ZERO
            both = max(abs(held + sums["BUY"]), abs(held - sums["SELL"]), abs(held)) / holding.leverage
            free -= both - abs(held) / holding.leverage
            if leg is not None and leg.quantity and not holding.is_isolated:
                free -= abs(held) / holding.leverage
                profit += leg.quantity * (mark - leg.entry_price)
    if abs(free + min(ZERO, profit) - available(world, account)) > EIGHT:
        yield f"available {available(world, account)}, recomputed {free + min(ZERO, profit)}"


def _book(world: World, market: Market) -> Iterator[str]:
    for resting in market.resting.values():
        order = world.accounts[resting.account].orders[resting.order_id]
        if resting.remaining != order.remaining or resting.price != order.price:
            yield f"order {order.order_id} rests with {resting.remaining} @ {resting.price}"
        if resting.remaining <= 0 or resting.ahead < 0:
            yield f"order {order.order_id} rests with {resting.remaining}, {resting.ahead} ahead"
    if market.last_price and not ZERO < market.bid_price < market.ask_price:
        yield f"bid {market.bid_price}, ask {market.ask_price}"
    if min(market.last_price, market.mark_price) < 0 or any(taken < 0 for taken in market.taken.values()):
        yield "a price or a quantity is below zero"


def _log(exchange: Exchange) -> Iterator[str]:
    before_ms = -1
    for place, entry in enumerate(exchange.log.since(0)):
        if entry.seq != place or entry.time_ms < before_ms:
            yield f"log entry {place} is out of order"
        before_ms = entry.time_ms
