"""A second opinion: the execution semantics once more, in Decimal, order by order, for reading, not speed.

In: a plan, bars, the rows' verdicts, settlements. Out: every fill, and the equity at every close.
It shares no code with `runner.core`: it reads the plan's plain values and enumerations of `runner.domain`.
This file is the loop and the decisions at a close; `venue.py` executes, `books.py` remembers.
"""

import math
from decimal import Decimal, localcontext

from runner.domain import order as o
from runner.domain import plan as p
from runner.domain import position as refusals
from runner.domain.bar import FALSE, TRUE, Funding, Row
from runner.domain.time import DAY_MS
from tests.oracle.books import CONTEXT, ZERO, Candle, Holding, Ticket, exact
from tests.oracle.venue import Venue


class Simulator(Venue):
    """One run."""

    def run(self, bars: list[Candle], rows: list[Row], settlements: list[Funding]) -> None:
        """The whole run."""
        with localcontext(CONTEXT):
            for self.place, bar in enumerate(bars):
                since = bars[self.place - 1].close_ms if self.place else bar.open_ms
                due = [pay for pay in settlements if since <= pay.time_ms < bar.close_ms]
                self.now = bar
                self.settle([pay for pay in due if pay.time_ms <= bar.open_ms], self.signed())
                self.at_open()
                before = self.signed()
                self.inside()
                self.settle([pay for pay in due if pay.time_ms > bar.open_ms], before)
                self.at_close(rows[self.place])

    def at_close(self, row: Row) -> None:
        """Mark to market, move stops, judge limits, hear the rules."""
        bar, held, before = self.now, self.held, self.equity
        self.equity = self.cash
        if held is not None:
            self.equity += held.side * held.quantity * (bar.mark_close - held.entry)
        self.equities.append(self.equity)
        self.peak = max(self.peak, self.equity)
        if bar.close_ms // DAY_MS != self.day:
            known = self.day < 0 or bar.close_ms % DAY_MS == 0
            self.day, self.day_equity = bar.close_ms // DAY_MS, self.equity if known else before
        if self.entry is not None and self.entry.expires_ms <= bar.close_ms:
            self.entry = None
        self.judge()
        closing = False
        if held is not None:
            self.move_stops(held, row)
            self.protect(held)
            closing = self.want_exit(held, row)
        elif self.market is not None and not self.plan.liquidity.carry:
            self.market = None  # nothing of it could execute
        self.refused.append(self.want_entry(row, closing))

    def judge(self) -> None:
        """The limits on losses, at the equity of this close. A limit that is hit opens nothing more."""
        daily, drawdown = self.daily_floor(), self.drawdown_floor()
        if daily is not None and self.sign(self.equity, daily, quotient=True) <= 0:
            self.lost_day = self.day
        under = drawdown is not None and self.sign(self.equity, drawdown, quotient=True) <= 0
        self.drawdown_hit = under or (self.drawdown_hit and self.plan.limits.drawdown_action != p.BLOCK)
        self.halted = self.drawdown_hit and self.plan.limits.drawdown_action == p.HALT
        blocked = self.drawdown_hit or self.lost_day == self.day
        if blocked:
            self.entry = None
        cooling = self.now.close_ms < self.blocked_until  # that of a reverse's own exit
        if (blocked or cooling) and self.market is not None:
            self.market.quantity, self.market.opens = self.market.quantity - self.market.opens, ZERO
            self.market = self.market if self.market.quantity > 0 else None

    def move_stops(self, held: Holding, row: Row) -> None:
        bar, plan, side = self.now, self.plan, held.side
        low, high, close = bar.low, bar.high, bar.close
        if plan.stop.on_mark:
            low, high, close = bar.mark_low, bar.mark_high, bar.mark_close
        reached = high if side > 0 else low
        if held.entered_bar == self.place and not held.at_open:
            reached = close
        held.best = max(held.best, reached) if side > 0 else min(held.best, reached)
        gain = (held.best - held.entry) * side

        def passed(kind: int, at: float) -> bool:
            unit = held.unit if kind == p.BY_R else held.entry
            return unit > 0 and self.sign(gain, exact(at) * unit) >= 0

        even = plan.break_even
        if even.kind != p.ABSENT and passed(even.kind, even.at):
            level = held.entry * (1 + side * exact(even.offset_ratio))
            self.tighten(held, self.rounded(level, self.tick, up=side > 0), o.BREAK_EVEN)
        trail = plan.trailing
        started = trail.start_kind == p.ABSENT or passed(trail.start_kind, trail.start_at)
        if trail.kind != p.ABSENT and started and not math.isnan(row.trail_distance):
            behind = exact(row.trail_distance)
            level = held.best - side * (behind * held.best if trail.kind == p.BY_RATIO else behind)
            self.tighten(held, self.rounded(level, self.tick, up=side > 0), o.TRAILING_STOP)

    def want_exit(self, held: Holding, row: Row) -> bool:
        """A market order that closes: limits, then time, then rules. One that was cut goes on."""
        limits, plan, reason = self.plan.limits, self.plan, 0
        bars = -(-(self.now.close_ms - held.entered_ms) // plan.timeframe_ms)
        if self.lost_day == self.day and limits.daily_loss_action == p.FLATTEN:
            reason = o.DAILY_LOSS
        elif self.drawdown_hit and limits.drawdown_action in (p.FLATTEN, p.HALT):
            reason = o.MAX_DRAWDOWN
        elif 0 < plan.time_stop_bars <= bars:
            reason = o.TIME_STOP
        elif self.heard(held, row, bars):
            reason = o.RULE
        if reason:
            self.entry = None
            self.market = Ticket(-held.side, held.quantity, ZERO, reason)
        return reason != 0

    def heard(self, held: Holding, row: Row, bars: int) -> bool:
        """The exit rule, in three values; None is unknown."""
        stack: list[bool | None] = []
        for step in self.plan.exit_long if held.side > 0 else self.plan.exit_short:
            if step.op == p.STEP_SLOT:
                stack.append({TRUE: True, FALSE: False}.get(int(row.slots[step.slot])))
            elif step.op == p.STEP_COMPARE:
                gain = (self.now.close - held.entry) * held.side
                facts = {
                    p.FACT_BARS_IN_TRADE: Decimal(bars),
                    p.FACT_PROFIT_RATIO: gain / held.entry,
                    p.FACT_PROFIT_R: gain / held.unit if held.unit > 0 else None,
                    p.FACT_POSITION: Decimal(held.side),
                }
                stack.append(self.compared(step.compare, facts[step.fact], row.slots[step.slot]))
            elif step.op == p.STEP_NOT:
                said = stack.pop()
                stack.append(None if said is None else not said)
            elif step.op in (p.STEP_AND, p.STEP_OR):
                decides = step.op == p.STEP_OR  # one true makes an or, one false unmakes an and
                pair = (stack.pop(), stack.pop())
                stack.append(decides if decides in pair else None if None in pair else not decides)
        return bool(stack) and stack[-1] is True

    def compared(self, compare: int, fact: Decimal | None, figure: float) -> bool | None:
        if fact is None or math.isnan(figure):
            return None
        order = self.sign(fact, exact(figure), quotient=fact != fact.to_integral_value())
        wanted = {
            p.CMP_GT: (1,),
            p.CMP_GE: (0, 1),
            p.CMP_LT: (-1,),
            p.CMP_LE: (-1, 0),
            p.CMP_EQ: (0,),
            p.CMP_NE: (-1, 1),
        }
        return order in wanted[compare]

    def want_entry(self, row: Row, closing: bool) -> int:
        """The entry signal of this close, through every gate; the code of the gate that refused it."""
        long, short = row.enter_long == TRUE, row.enter_short == TRUE
        if not long and not short:
            return refusals.ACCEPTED
        if long and short:
            return refusals.REFUSED_BOTH_SIDES
        side = 1 if long else -1
        held = self.held
        if held is not None and (held.side == side or not self.plan.entry.reverse):
            return refusals.REFUSED_IN_POSITION
        waiting = [order for order in (self.entry, self.market) if order is not None and order.side == side]
        if held is not None and closing:
            return refusals.REFUSED_IN_POSITION
        if held is None and waiting:
            return refusals.REFUSED_RESTING
        code, order = self.sized(side, self.now.close, exact(row.stop_long if long else row.stop_short))
        if held is None and code == refusals.ACCEPTED:
            self.entry = self.market = None
        if held is not None:
            new = order.quantity if code == refusals.ACCEPTED else ZERO
            self.market = Ticket(side, held.quantity + new, ZERO, o.REVERSE, order.setup, opens=new)
        elif code == refusals.ACCEPTED and self.plan.entry.limit:
            self.entry = order
        elif code == refusals.ACCEPTED:
            self.market = order
        return code

    def gate(self) -> int:
        now, limits = self.now.close_ms, self.plan.limits
        if self.halted:
            return refusals.REFUSED_HALTED
        if self.lost_day == self.day:
            return refusals.REFUSED_DAILY_LOSS
        if self.drawdown_hit:
            return refusals.REFUSED_DRAWDOWN
        if now < max(self.blocked_until, self.blocked_by_reverse()):
            return refusals.REFUSED_COOLDOWN
        today = self.entries if self.entries_day == now // DAY_MS else 0
        if limits.trades_per_day and today >= limits.trades_per_day:
            return refusals.REFUSED_TRADES_PER_DAY
        broke = self.sign(self.equity, ZERO, quotient=True) <= 0
        return refusals.REFUSED_NO_EQUITY if broke else refusals.ACCEPTED

    def blocked_by_reverse(self) -> int:
        """Until when the exit of a reverse decided now would block its own entry."""
        held, close = self.held, self.now.close
        if held is None:
            return 0
        fee = held.quantity * close * exact(self.plan.costs.taker_ratio)
        net = held.net + held.quantity * (close - held.entry) * held.side - fee
        losses = self.losses + 1 if self.sign(net, ZERO, quotient=True) < 0 else 0
        return max(self.now.close_ms + wait for wait in self.cooldowns(losses, o.REVERSE))

    def sized(self, side: int, close: Decimal, setup: Decimal) -> tuple[int, Ticket]:
        """(refusal, order) of an entry decided at this close."""
        plan, now = self.plan, self.now.close_ms
        price = close
        if plan.entry.limit:
            price = close * (1 - side * exact(plan.entry.offset_ratio))
            price = self.rounded(price, self.tick, up=side < 0)
        expires = now + plan.entry.expires_bars * plan.timeframe_ms
        order = Ticket(side, ZERO, price, o.ENTRY, setup, now, expires)
        code = self.gate()
        if code != refusals.ACCEPTED:
            return code, order
        stop = None
        if plan.stop.kind != p.ABSENT:
            if setup.is_nan():
                return refusals.REFUSED_STOP_UNKNOWN, order
            stop = self.first_stop(side, price, setup)
            if stop is None or self.sign(price, stop) * side <= 0:
                return refusals.REFUSED_STOP_SIDE, order
        quantity = self.rounded(self.wanted(price, stop), self.step, up=False)
        order.quantity = order.opens = quantity
        rules = plan.instrument
        if quantity <= 0 or self.sign(quantity, exact(rules.quantity_min)) < 0:
            return refusals.REFUSED_QUANTITY, order
        if self.sign(quantity * price, exact(rules.notional_usdt_min)) < 0:
            return refusals.REFUSED_NOTIONAL, order
        wallet = self.equity if plan.sizing.cross else quantity * price / self.leverage
        level = self.liquidation_price(side, quantity, price, wallet)
        if stop is not None and level is not None and self.sign(stop, level, quotient=True) * side <= 0:
            return refusals.REFUSED_STOP_BEYOND_LIQUIDATION, order
        return refusals.ACCEPTED, order

    def wanted(self, price: Decimal, stop: Decimal | None) -> Decimal:
        """The quantity asked for, under every cap."""
        plan, sizing, rules = self.plan, self.plan.sizing, self.plan.instrument
        measure = exact(sizing.measure)
        if sizing.kind == p.SIZE_RISK:
            assert stop is not None
            quantity = self.equity * measure / abs(price - stop)
        elif sizing.kind == p.SIZE_EQUITY:
            quantity = self.equity * measure / price
        else:
            quantity = measure / price if sizing.kind == p.SIZE_NOTIONAL else measure
        notionals = [self.leverage * self.equity]
        notionals.append(
            max(exact(b.notional_usdt_max) for b in plan.brackets if b.leverage_max >= sizing.leverage)
        )
        if sizing.notional_ratio_max > 0:
            notionals.append(exact(sizing.notional_ratio_max) * self.equity)
        if sizing.notional_usdt_max > 0:
            notionals.append(exact(sizing.notional_usdt_max))
        most = rules.quantity_max if plan.entry.limit else min(rules.quantity_max, rules.market_quantity_max)
        return min(quantity, exact(most), *(notional / price for notional in notionals))
