"""A fill becomes a position, incomes and events; so do funding, transfers and what liquidation leaves.

In: an account, a leg, a fill. Out: changed legs and wallets, told and logged. Refuses to know: books, orders'
conditions. Realised = closed quantity × (price − entry) × side; the entry stays when a position shrinks,
is volume-weighted when it grows; a flip closes the old and opens the rest at the fill's price.
Source: reference sections 3.3 and 5.4.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from runner.simulator.events import AccountEvent, PositionUpdate
from runner.simulator.margin import break_even, cross_wallet, cut, unrealised
from runner.simulator.types import ZERO
from runner.simulator.world import Account, Holding, Leg, World

ENTRY_GRID = Decimal("0.000000000001")


class Settled(NamedTuple):
    """What one fill brought; `closed` is the part of it that made a position smaller."""

    realised_usdt: Decimal
    commission_usdt: Decimal
    closed: Decimal


def settle(
    world: World,
    account: Account,
    leg: Leg,
    change: Decimal,
    price: Decimal,
    fee_ratio: Decimal,
    trade_id: int,
) -> Settled:
    """Apply a fill of signed quantity `change` to a leg: position, isolated wallet, wallet."""
    holding = account.holdings[leg.symbol]
    commission = cut(abs(change) * price * fee_ratio)
    opposite = leg.quantity * change < 0
    closed = min(abs(change), abs(leg.quantity)) if opposite else ZERO
    opened = abs(change) - closed
    realised = ZERO
    if closed:
        realised = _close(leg, closed, price)
    if opened:
        _open(leg, opened if change > 0 else -opened, price, holding)
    if leg.quantity:
        leg.fees_usdt += commission if not closed or not opened else commission * opened / abs(change)
    leg.updated_ms = world.now_ms
    if realised:
        world.book_income(account, "REALIZED_PNL", realised, leg.symbol, trade_id)
    if commission:
        world.book_income(account, "COMMISSION", -commission, leg.symbol, trade_id)
    return Settled(realised, commission, closed)


def _close(leg: Leg, closed: Decimal, price: Decimal) -> Decimal:
    """Take `closed` out of the leg; its share of an isolated wallet goes back to the cross wallet."""
    is_long = leg.quantity > 0
    gain = price - leg.entry_price if is_long else leg.entry_price - price
    realised = cut(closed * gain)
    leg.realised_ever_usdt += realised
    if closed == abs(leg.quantity):
        leg.quantity = leg.entry_price = leg.isolated_wallet_usdt = ZERO
        leg.fees_usdt = leg.realised_usdt = ZERO
        return realised
    leg.isolated_wallet_usdt -= cut(leg.isolated_wallet_usdt * closed / abs(leg.quantity))
    leg.quantity += -closed if is_long else closed
    leg.realised_usdt += realised
    return realised


def _open(leg: Leg, change: Decimal, price: Decimal, holding: Holding) -> None:
    """Make the leg larger; isolated, its initial margin is set aside."""
    if leg.quantity:
        cost = leg.entry_price * leg.quantity + price * change
        entry = cost / (leg.quantity + change)
        leg.entry_price = entry.quantize(ENTRY_GRID, ROUND_HALF_EVEN).normalize()
    else:
        leg.entry_price = price
    leg.quantity += change
    if holding.is_isolated:
        leg.isolated_wallet_usdt += cut(abs(change) * price / holding.leverage)


def make_good(world: World, account: Account, symbol: str) -> None:
    """No wallet stays below zero with nothing behind it: first isolated wallets pay, then the insurance fund.

    A cross wallet below zero is left alone while cross positions stand behind it.
    """
    short = -cross_wallet(account)
    if short <= 0:
        return
    legs = [(held.is_isolated, leg) for held in account.holdings.values() for leg in held.legs.values()]
    if any(leg.quantity and not is_isolated for is_isolated, leg in legs):
        return
    for _, leg in legs:
        paid = min(short, max(ZERO, leg.isolated_wallet_usdt))
        leg.isolated_wallet_usdt -= paid
        short -= paid
    if short > 0:
        world.book_income(account, "INSURANCE_CLEAR", short, symbol)
        world.insurance_usdt -= short


def tell_account(
    world: World,
    account: Account,
    reason: str,
    legs: Iterable[Leg],
    *,
    change_usdt: Decimal = ZERO,
    symbol: str = "",
) -> None:
    """ACCOUNT_UPDATE."""
    world.tell(
        AccountEvent(
            account.name,
            world.now_ms,
            reason,
            symbol,
            account.wallet_usdt,
            cross_wallet(account),
            change_usdt,
            tuple(_update_of(world, account.holdings[leg.symbol], leg) for leg in legs),
        ),
        account.name,
    )


def _update_of(world: World, holding: Holding, leg: Leg) -> PositionUpdate:
    mark = world.markets[leg.symbol].mark_price
    return PositionUpdate(
        leg.symbol,
        leg.position_side,
        leg.quantity,
        leg.entry_price,
        cut(break_even(leg)),
        leg.realised_ever_usdt,
        cut(unrealised(leg, mark)),
        "isolated" if holding.is_isolated else "cross",
        leg.isolated_wallet_usdt,
    )


def pay_funding(world: World, symbol: str, funding_ratio: Decimal, mark: Decimal) -> None:
    """Every open leg of a symbol pays or is paid: −quantity × mark × ratio, stamped now."""
    for account in world.accounts.values():
        holding = account.holdings.get(symbol)
        if holding is None:
            continue
        for leg in holding.legs.values():
            payment = cut(-leg.quantity * mark * funding_ratio)
            if not payment:
                continue
            if holding.is_isolated and world.switches.funding_from_isolated_wallet:
                # what the isolated wallet cannot pay comes from the cross wallet
                leg.isolated_wallet_usdt = max(ZERO, leg.isolated_wallet_usdt + payment)
            world.book_income(account, "FUNDING_FEE", payment, symbol)
            shown = (leg,) if holding.is_isolated else ()
            tell_account(world, account, "FUNDING_FEE", shown, change_usdt=payment, symbol=symbol)
            make_good(world, account, symbol)
