"""Loss limits, cooldowns and the gates before an entry.

In: plan, account, guard, instants. Out: the guard's next value, and the first gate that refuses.
Refuses to know: rules, the venue. `block` stops entries and nothing else; `flatten` also closes; `halt` waits
for an operator.
Source: execution semantics "Limits: named states, named actions".
"""

from runner.domain.order import LIQUIDATION, STOP_LOSS
from runner.domain.plan import (
    ABSENT,
    AFTER_EXIT,
    AFTER_LOSS,
    AFTER_LOSSES,
    AFTER_STOP,
    BLOCK,
    BY_PRICE,
    BY_RATIO,
    HALT,
    Plan,
)
from runner.domain.position import (
    ACCEPTED,
    REFUSED_COOLDOWN,
    REFUSED_DAILY_LOSS,
    REFUSED_DRAWDOWN,
    REFUSED_HALTED,
    REFUSED_NO_EQUITY,
    REFUSED_STOP_BEYOND_LIQUIDATION,
    REFUSED_STOP_SIDE,
    REFUSED_STOP_UNKNOWN,
    REFUSED_TRADES_PER_DAY,
    Account,
    Guard,
)

from .exits import daily_loss_level, drawdown_level
from .kernel import hot_kernel, inner_kernel
from .margin import liquidation_price, margin_behind

DAY_MS = 86_400_000


@hot_kernel
def judged(plan: Plan, account: Account, guard: Guard) -> Guard:
    """The guard after the loss limits saw this close's equity."""
    limits = plan.limits
    if limits.daily_loss_action == 0 and limits.drawdown_action == 0:
        return guard
    equity = account.equity_usdt
    daily = guard.daily_loss_day
    level = daily_loss_level(limits, account)
    if limits.daily_loss_action > 0 and level > 0.0 and equity <= level:
        daily = account.day
    level = drawdown_level(limits, account)
    drawdown = limits.drawdown_action > 0 and level > 0.0 and equity <= level
    if limits.drawdown_action > BLOCK:  # closed at its level: costs and slippage may leave equity beside it
        drawdown = drawdown or guard.drawdown_hit
    halted = guard.halted or (drawdown and limits.drawdown_action == HALT)
    if daily == guard.daily_loss_day and drawdown == guard.drawdown_hit and halted == guard.halted:
        return guard
    return Guard(
        daily,
        drawdown,
        halted,
        guard.losses_in_row,
        guard.blocked_until_ms,
        guard.entries_day,
        guard.entries_today,
    )


@hot_kernel
def flattening(plan: Plan, account: Account, guard: Guard) -> bool:
    """Whether a limit wants the position closed now."""
    limits = plan.limits
    if limits.daily_loss_action > BLOCK and guard.daily_loss_day == account.day:
        return True
    return limits.drawdown_action > BLOCK and guard.drawdown_hit


@inner_kernel
def after_exit(plan: Plan, guard: Guard, net_pnl_usdt: float, reason: int, closed_ms: int) -> Guard:
    """The guard after a round trip ended inside the bar that closes at `closed_ms`: streak and cooldowns."""
    losses = guard.losses_in_row + 1 if net_pnl_usdt < 0.0 else 0
    until = guard.blocked_until_ms
    for cooldown in plan.limits.cooldowns:
        applies = False
        if cooldown.after == AFTER_EXIT:
            applies = True
        elif cooldown.after == AFTER_LOSS:
            applies = net_pnl_usdt < 0.0
        elif cooldown.after == AFTER_STOP:
            applies = reason in (STOP_LOSS, LIQUIDATION)
        elif cooldown.after == AFTER_LOSSES:
            applies = losses > 0 and losses % cooldown.losses == 0
        if applies and closed_ms + cooldown.wait_ms > until:
            until = closed_ms + cooldown.wait_ms
    return Guard(
        guard.daily_loss_day,
        guard.drawdown_hit,
        guard.halted,
        losses,
        until,
        guard.entries_day,
        guard.entries_today,
    )


@inner_kernel
def after_entry(guard: Guard, time_ms: int) -> Guard:
    """The guard after an entry: one more on its UTC day."""
    day = time_ms // DAY_MS
    entries = guard.entries_today + 1 if guard.entries_day == day else 1
    return Guard(
        guard.daily_loss_day,
        guard.drawdown_hit,
        guard.halted,
        guard.losses_in_row,
        guard.blocked_until_ms,
        day,
        entries,
    )


@inner_kernel
def halted_gate(guard: Guard) -> bool:
    """An operator has to resume."""
    return guard.halted


@inner_kernel
def daily_loss_gate(account: Account, guard: Guard) -> bool:
    """The daily loss limit was hit on this UTC day."""
    return guard.daily_loss_day == account.day


@inner_kernel
def cooldown_gate(guard: Guard, now_ms: int) -> bool:
    """A cooldown runs."""
    return now_ms < guard.blocked_until_ms


@inner_kernel
def trades_gate(plan: Plan, account: Account, guard: Guard) -> bool:
    """The day's entries are used up."""
    most = plan.limits.trades_per_day
    return most > 0 and guard.entries_day == account.day and guard.entries_today >= most


@inner_kernel
def standing_refusal(account: Account, guard: Guard, now_ms: int) -> int:
    """The first gate that refuses an entry at `now_ms`, be it new or under way; or ACCEPTED."""
    if halted_gate(guard):
        return REFUSED_HALTED
    if daily_loss_gate(account, guard):
        return REFUSED_DAILY_LOSS
    if guard.drawdown_hit:
        return REFUSED_DRAWDOWN
    if cooldown_gate(guard, now_ms):
        return REFUSED_COOLDOWN
    return ACCEPTED


@inner_kernel
def limit_refusal(plan: Plan, account: Account, guard: Guard, now_ms: int) -> int:
    """The first gate of the limits that refuses a new entry at `now_ms`, or ACCEPTED."""
    refusal = standing_refusal(account, guard, now_ms)
    if refusal != ACCEPTED:
        return refusal
    if trades_gate(plan, account, guard):
        return REFUSED_TRADES_PER_DAY
    if account.equity_usdt <= 0.0 or account.cash_usdt <= 0.0:
        return REFUSED_NO_EQUITY
    return ACCEPTED


@inner_kernel
def stop_refusal(plan: Plan, side: int, price: float, setup: float, stop_price: float) -> int:
    """Whether an entry of `side` at `price` would have a stop that is known and on its side."""
    if plan.stop.kind == ABSENT:
        return ACCEPTED
    if setup != setup:  # NaN: not warm yet  # noqa: PLR0124
        return REFUSED_STOP_UNKNOWN
    if plan.stop.kind != BY_PRICE and setup <= 0.0:
        return REFUSED_STOP_UNKNOWN
    if plan.stop.kind == BY_RATIO and setup >= 1.0 and side > 0:
        return REFUSED_STOP_SIDE
    if stop_price <= 0.0 or (price - stop_price) * side <= 0.0:
        return REFUSED_STOP_SIDE
    return ACCEPTED


@inner_kernel
def liquidation_refusal(
    plan: Plan, quantity: float, price: float, stop_price: float, cash_usdt: float
) -> int:
    """Whether a position of the signed `quantity` would be liquidated before its stop at `stop_price`."""
    if plan.stop.kind == ABSENT:
        return ACCEPTED
    margin = margin_behind(plan, quantity, price, cash_usdt)
    liquidation = liquidation_price(plan, quantity, price, margin)
    if liquidation > 0.0 and (stop_price - liquidation) * quantity <= 0.0:
        return REFUSED_STOP_BEYOND_LIQUIDATION
    return ACCEPTED
