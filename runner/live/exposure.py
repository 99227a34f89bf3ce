"""How much a bot can risk on an account: what the gate allows, and what is said before the first order.

In: a compiled bot, its equity, a price. Out: the gate's limits; the worst case in USDT.
Refuses to know: what is held now, the market's future: gaps lose more than stops say.
"""

from decimal import Decimal
from typing import NamedTuple

from runner.compiler.build import Compiled
from runner.domain.plan import BY_RATIO, SIZE_EQUITY, SIZE_NOTIONAL, SIZE_QUANTITY, SIZE_RISK, Plan
from runner.domain.units import Ratio
from runner.live.gate import GateLimits

SLACK = 1.02  # between the core's reckoning at the close and the mark when the order leaves
PRICE_BAND_RATIO = 0.05  # of an entry's limit price around the mark, beyond the bot's own offset


class Exposure(NamedTuple):
    """USDT. `stop` of one trade at its first stop, `day` of the daily limit; None: the bot sets none that
    could be told before an entry.


    """

    equity_usdt: float
    leverage: float
    isolated: bool
    notional_usdt: float
    margin_usdt: float  # what a liquidation takes
    stop_usdt: float | None
    day_usdt: float | None
    drawdown_usdt: float | None


def exposure_of(compiled: Compiled, equity_usdt: float, price: float, cap_usdt: float | None) -> Exposure:
    """The worst case; `cap_usdt` is the operator's own cap on notional."""
    plan = compiled.plan
    notional = notional_most(plan, equity_usdt, price, cap_usdt)
    leverage, limits = plan.sizing.leverage, plan.limits
    return Exposure(
        equity_usdt=equity_usdt,
        leverage=leverage,
        isolated=not plan.sizing.cross,
        notional_usdt=notional,
        margin_usdt=equity_usdt if plan.sizing.cross else min(notional / leverage, equity_usdt),
        stop_usdt=_at_stop(compiled, equity_usdt, notional),
        day_usdt=_least(limits.daily_loss_ratio * equity_usdt, limits.daily_loss_usdt),
        drawdown_usdt=_least(limits.drawdown_ratio * equity_usdt),
    )


def notional_most(plan: Plan, equity_usdt: float, price: float, cap_usdt: float | None) -> float:
    """The largest position that the bot's own sizing comes to."""
    sizing = plan.sizing
    caps = [equity_usdt * sizing.leverage]
    if sizing.notional_ratio_max > 0.0:
        caps.append(equity_usdt * sizing.notional_ratio_max)
    if sizing.notional_usdt_max > 0.0:
        caps.append(sizing.notional_usdt_max)
    if cap_usdt is not None:
        caps.append(cap_usdt)
    asked = {
        SIZE_EQUITY: sizing.measure * equity_usdt,
        SIZE_NOTIONAL: sizing.measure,
        SIZE_QUANTITY: sizing.measure * price,
    }
    if sizing.kind in asked:
        caps.append(asked[sizing.kind])
    return min(caps)


def gate_limits(
    compiled: Compiled, symbol: str, equity_usdt: float, price: float, cap_usdt: float | None
) -> GateLimits:
    """What the gate lets through: the bot's largest position with a little slack, never beyond the cap."""
    most = notional_most(compiled.plan, equity_usdt, price, None) * SLACK
    if cap_usdt is not None:
        most = min(most, cap_usdt)
    band = PRICE_BAND_RATIO + compiled.plan.entry.offset_ratio
    return GateLimits(symbol, Decimal(repr(round(most, 2))), Decimal(repr(round(band, 6))))


def _at_stop(compiled: Compiled, equity_usdt: float, notional_usdt: float) -> float | None:
    sizing, first = compiled.plan.sizing, compiled.document.exit.stop_loss
    if first is None:
        return None
    if sizing.kind == SIZE_RISK:
        return sizing.measure * equity_usdt
    if compiled.plan.stop.kind == BY_RATIO and isinstance(first.distance, Ratio):
        return first.distance.ratio * notional_usdt
    return None


def _least(*figures: float) -> float | None:
    return min((figure for figure in figures if figure > 0.0), default=None)
