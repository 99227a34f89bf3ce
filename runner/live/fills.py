"""From an execution at the exchange to what the core is given.

In: plan, core state, our order, the exchange's trade. Out: the core's `Fill`.
Refuses to know: where the trade was read. Decimals become the core's floats here and nowhere else.
Source: `runner/core/apply.py`; a fill belongs to the wanted order that its client id names.
"""

from decimal import Decimal

from runner.domain.order import (
    ENTRY,
    LEG_ENTRY,
    LEG_LIQUIDATION,
    LEG_MARKET,
    LEG_STOP,
    LEG_TARGET,
    LIQUIDATION,
    NO_MARGIN,
    POST_ONLY,
    REVERSE,
    RULE,
    STOP_LOSS,
    TAKE_PROFIT,
    Fill,
)
from runner.domain.plan import Plan
from runner.domain.position import State
from runner.domain.venue import Kind, VenueTrade
from runner.live.actions import Own
from runner.live.ids import Leg
from runner.live.wanted import Wanted


def core_leg(own: Own) -> int:
    """Which of the core's wanted orders one of ours stands for."""
    if own.id.leg is Leg.TARGET:
        return LEG_TARGET + own.id.place
    if own.id.leg is Leg.STOP:
        return LEG_STOP
    at_market = own.id.leg is Leg.EXIT or own.request.kind is Kind.MARKET
    return LEG_MARKET if at_market else LEG_ENTRY


def reason_of(state: State, own: Own) -> int:
    """Why, in the core's words: what the wanted order says now, else what its leg usually means."""
    market = state.orders.market.reason
    match own.id.leg:
        case Leg.TARGET:
            return TAKE_PROFIT
        case Leg.STOP:
            return state.orders.stop.reason or STOP_LOSS
        case Leg.EXIT:
            return market if market not in (0, ENTRY) else RULE
        case Leg.ENTRY:
            return REVERSE if market == REVERSE else ENTRY


def fill_of(plan: Plan, state: State, own: Own, trade: VenueTrade, reference: Decimal | None) -> Fill:
    """One execution of one of our orders. `reference`: the price that slippage is reckoned from.

    An entry at the market is meant for an open and executes a little later, or not at all. It counts as of
    that open, or its bar's extremes would move no stop, as they do in a backtest.
    """
    at_open = own.id.leg is Leg.ENTRY and own.request.kind is Kind.MARKET
    open_ms = trade.time_ms // plan.timeframe_ms * plan.timeframe_ms
    slippage = abs(trade.price - reference) * trade.quantity if reference is not None else Decimal(0)
    return Fill(
        leg=core_leg(own),
        side=trade.side,
        quantity=float(trade.quantity),
        price=float(trade.price),
        fee_usdt=float(trade.fee_usdt),
        slippage_usdt=0.0 if trade.maker else float(slippage),
        reason=reason_of(state, own),
        time_ms=open_ms if at_open else trade.time_ms,
        maker=trade.maker,
        at_open=at_open,
        final=own.filled + trade.quantity >= own.request.quantity and not _is_half(state, own, trade),
    )


def _is_half(state: State, own: Own, trade: VenueTrade) -> bool:
    """Whether this closes what a reverse holds, and the half that opens is still to come."""
    market = state.orders.market
    return own.id.leg is Leg.EXIT and market.reason == REVERSE and market.quantity > float(trade.quantity)


def liquidation_of(trade: VenueTrade) -> Fill:
    """The exchange took the position, or a part of it."""
    return Fill(
        leg=LEG_LIQUIDATION,
        side=trade.side,
        quantity=float(trade.quantity),
        price=float(trade.price),
        fee_usdt=float(trade.fee_usdt),
        slippage_usdt=0.0,
        reason=LIQUIDATION,
        time_ms=trade.time_ms,
        maker=False,
        at_open=False,
        final=True,
    )


def stranger_of(trade: VenueTrade, held: Decimal, reason: int) -> Fill:
    """Somebody else closed a part of our position, or all of it; what goes beyond that is not ours."""
    quantity = min(trade.quantity, abs(held))
    share = float(quantity / trade.quantity)
    return Fill(
        leg=LEG_MARKET,
        side=trade.side,
        quantity=float(quantity),
        price=float(trade.price),
        fee_usdt=float(trade.fee_usdt) * share,
        slippage_usdt=0.0,
        reason=reason,
        time_ms=trade.time_ms,
        maker=trade.maker,
        at_open=False,
        final=True,
    )


def nothing_of(leg: int, wanted: Wanted, time_ms: int) -> Fill:
    """The entry, or what was left of it, will not execute: the core drops it."""
    reason = POST_ONLY if wanted.post_only else NO_MARGIN
    return Fill(leg, wanted.side, 0.0, 0.0, 0.0, 0.0, reason, time_ms, False, True, True)
