"""Exit rules that ask about the open position: a small postfix program over verdicts.

In: the plan's steps, the row, position and trade. Out: FALSE, UNKNOWN or TRUE.
Refuses to know: text, columns, orders. What a rule can say without the position stands in the row already.
"""

import math

from runner.domain.bar import TRUE, UNKNOWN, Bar, Row
from runner.domain.plan import (
    CMP_EQ,
    CMP_GE,
    CMP_GT,
    CMP_LE,
    CMP_LT,
    FACT_BARS_IN_TRADE,
    FACT_PROFIT_R,
    FACT_PROFIT_RATIO,
    STEP_AND,
    STEP_COMPARE,
    STEP_END,
    STEP_NOT,
    STEP_SLOT,
    Plan,
    Step,
)
from runner.domain.position import Position, Trade

from .kernel import hot_kernel, inner_kernel


@hot_kernel
def bars_in_trade(plan: Plan, trade: Trade, bar: Bar) -> int:
    """Bars that the trade has seen, the one it was opened in included."""
    return (bar.close_time_ms - trade.entry_time_ms + plan.timeframe_ms - 1) // plan.timeframe_ms


@inner_kernel
def exit_verdict(
    plan: Plan,
    steps: tuple[Step, ...],
    position: Position,
    trade: Trade,
    bar: Bar,
    row: Row,
) -> int:
    """A postfix program over verdicts; its stack is one integer, two bits a verdict."""
    stack = 0
    for step in steps:
        if step.op == STEP_END:
            break
        if step.op == STEP_SLOT:
            stack = stack * 4 + int(row.slots[step.slot])
        elif step.op == STEP_COMPARE:
            fact = fact_of(plan, step.fact, position, trade, bar)
            stack = stack * 4 + compared(step.compare, fact, row.slots[step.slot])
        elif step.op == STEP_NOT:
            stack = stack - stack % 4 + 2 - stack % 4
        else:
            right = stack % 4
            left = stack // 4 % 4
            joined = min(left, right) if step.op == STEP_AND else max(left, right)
            stack = stack // 16 * 4 + joined
    return stack % 4


@inner_kernel
def fact_of(plan: Plan, fact: int, position: Position, trade: Trade, bar: Bar) -> float:
    """What exit rules may ask about the open position; NaN where it is not defined."""
    if fact == FACT_BARS_IN_TRADE:
        return float(bars_in_trade(plan, trade, bar))
    gain = (bar.close - position.entry_price) * trade.side
    if fact == FACT_PROFIT_RATIO:
        return gain / position.entry_price
    if fact == FACT_PROFIT_R:
        return gain / trade.r_distance if trade.r_distance > 0.0 else math.nan
    return float(trade.side)


@inner_kernel
def compared(compare: int, left: float, right: float) -> int:
    """Three-valued comparison: UNKNOWN when either side is NaN."""
    if math.isnan(left) or math.isnan(right):
        return UNKNOWN
    if compare == CMP_GT:
        holds = left > right
    elif compare == CMP_GE:
        holds = left >= right
    elif compare == CMP_LT:
        holds = left < right
    elif compare == CMP_LE:
        holds = left <= right
    elif compare == CMP_EQ:
        holds = left == right
    else:
        holds = left != right
    return TRUE if holds else 0
