"""Many bars at once: stretches in which the loop would do nothing but mark the account to market.

In: plan, market, rows and settlements of a run; a state and the row it stands before. Out: the first row that
the loop has to walk, the state before that row, and the tape of the rows in between.
Refuses to know: orders' fills, paths. Wherever it is in doubt the loop walks the row, so that a leap may end
early but never late; the numbers that it writes are those of `core.loop.run` to the last bit
(tests/backtest/test_leap.py runs random bots both ways).

A row is calm when `eventful` would say no and `decide` would change nothing but the account and the best
price. For an open position that is a matter of prices only: how far down and how far up they may go is
known beforehand, and `Reach` finds the first bar that goes further without looking at each of them.
"""

from typing import Any, NamedTuple

import numpy as np

from runner.backtest.feed import Payable
from runner.backtest.reach import Reach, possible_exits
from runner.compiler.columns import Rows
from runner.core.exits import daily_loss_level, drawdown_level, price_at_equity
from runner.core.limits import DAY_MS, flattening, judged
from runner.core.match import through_level
from runner.domain.bar import TRUE
from runner.domain.order import BUY, LIMIT, MARKET, NO_ORDER, SELL, Order
from runner.domain.plan import ABSENT, Plan
from runner.domain.position import ACCEPTED, Account, State, Trade
from runner.domain.series import Floats, Market, Times
from runner.domain.tape import Progress, Tape

SLACK = 1e-9  # of a price that stands for a level of equity: it is met early rather than late


class Bounds(NamedTuple):
    """Prices at which something may happen: at or below, at or above; of the last price and of the mark."""

    low: float = -np.inf
    high: float = np.inf
    mark_low: float = -np.inf
    mark_high: float = np.inf

    def with_level(self, level: float, *, rising: bool, on_mark: bool) -> "Bounds":
        """Narrowed by a price that is met from below (`rising`) or from above."""
        if on_mark:
            if rising:
                return self._replace(mark_high=min(self.mark_high, level))
            return self._replace(mark_low=max(self.mark_low, level))
        if rising:
            return self._replace(high=min(self.high, level))
        return self._replace(low=max(self.low, level))


class Landing(NamedTuple):
    """The first row that the loop has to walk, the state before it, settlements done by then."""

    row: int
    state: State
    settlements: int


class Ground:
    """What every leap of a run looks at; `first` is the market's row that the tape begins with."""

    def __init__(self, plan: Plan, market: Market, rows: Rows, due: Payable) -> None:
        bars, mark = market.bars, market.mark
        self.plan, self.first, self.due = plan, market.first, due
        self.open_time_ms, self.timeframe_ms = bars.open_time_ms, bars.timeframe_ms
        self.low, self.high = bars.low, bars.high
        self.mark_low, self.mark_high, self.mark_close = bars.low, bars.high, bars.close
        self.trail_distance = rows.trail_distance
        counted = rows.trail_distance[market.first :]
        self._steady_trail = plan.trailing.kind == ABSENT or bool(np.all(counted == counted[0]))
        self._falls, self._rises = Reach(bars.low, rising=False), Reach(bars.high, rising=True)
        self._mark_falls, self._mark_rises = self._falls, self._rises
        if mark is not None:
            self.mark_low = _filled(mark.low, bars.low)
            self.mark_high = _filled(mark.high, bars.high)
            self.mark_close = _filled(mark.close, bars.close)
            self._mark_falls = Reach(self.mark_low, rising=False)
            self._mark_rises = Reach(self.mark_high, rising=True)
        self._landings: dict[int, tuple[State, int, Landing]] = {}
        self._signals = np.flatnonzero((rows.enter_long == TRUE) | (rows.enter_short == TRUE))
        self._exits = {
            side: possible_exits(steps, rows.slots)
            for side, steps in ((1, plan.exit_long), (-1, plan.exit_short))
        }

    def leap(self, state: State, progress: Progress, at: int, stop: int, tape: Tape) -> Landing:
        """From row `at` of the market over all calm bars up to `stop`; those rows stand on the tape."""
        end = self._calm_until(state, progress, at, stop)
        if end <= at:
            return Landing(at, state, progress.settlements)
        settled = progress.settlements
        if settled < len(self.due.time_ms):
            settled = self._settle(state, settled, self._close_ms(end - 1), tape)
        landing = Landing(end, self._marked(state, at, end, tape), settled)
        self._landings[at] = (state, stop, landing)
        return landing

    def leap_untold(self, state: State, progress: Progress, at: int, stop: int, tape: Tape) -> Landing:
        """The same for a run whose tape nobody reads: it mostly goes where another went."""
        known = self._landings.get(at)
        if known is not None and known[1] == stop and known[0] == state:
            return known[2]
        return self.leap(state, progress, at, stop, tape)

    def forget(self) -> None:
        """The landings so far: no run comes back to them."""
        self._landings.clear()

    def _close_ms(self, row: int) -> int:
        return int(self.open_time_ms[row]) + self.timeframe_ms

    def _first_closing_from(self, time_ms: int) -> int:
        """The first row that closes at `time_ms` or later."""
        return int(np.searchsorted(self.open_time_ms, time_ms - self.timeframe_ms))

    def _calm_until(self, state: State, progress: Progress, at: int, stop: int) -> int:
        orders = state.orders
        if orders.market.kind != NO_ORDER or orders.entry.kind != NO_ORDER or orders.stop.kind == MARKET:
            return at
        end = min(stop, _next_of(self._signals, at))
        if end <= at:
            return at
        if state.position.quantity == 0.0:
            return self._calm_while_flat(state, at, end)
        return self._calm_while_open(state, progress, at, end)

    def _calm_while_flat(self, state: State, at: int, end: int) -> int:
        """Equity does not move: the limits would say the same at every close, but for a new day's."""
        if not _limited(self.plan):
            return end
        account, guard, cash = state.account, state.guard, state.account.cash_usdt
        if account.day < 0 or account.equity_usdt != cash:
            return at
        tomorrow = Account(cash, cash, account.peak_equity_usdt, account.day + 1, cash)
        same = judged(self.plan, account, guard) == guard and judged(self.plan, tomorrow, guard) == guard
        return end if same else at

    def _calm_while_open(self, state: State, progress: Progress, at: int, end: int) -> int:
        plan, trade = self.plan, state.trade
        if trade.entry_time_ms >= self.open_time_ms[at] or flattening(plan, state.account, state.guard):
            return at
        end = min(end, _next_of(self._exits[trade.side], at))
        if plan.time_stop_bars > 0:
            age_ms = (plan.time_stop_bars - 1) * plan.timeframe_ms + 1
            end = min(end, self._first_closing_from(trade.entry_time_ms + age_ms))
        if progress.settlements < len(self.due.time_ms):
            settlement_ms = int(self.due.time_ms[progress.settlements])
            end = min(end, self._first_closing_from(settlement_ms + 1))
        bounds = _order_bounds(plan, state)
        if _limited(plan):
            if state.account.day != self._close_ms(at) // DAY_MS:
                return at
            end = min(end, self._first_closing_from((state.account.day + 1) * DAY_MS))
            bounds = _equity_bounds(plan, state, bounds)
        if plan.break_even.kind != ABSENT or plan.trailing.kind != ABSENT:
            bounds = _best_bounds(plan, trade, bounds)
        if not self._steady_trail:
            end = self._trail_tightens(at, end)
        for reach, level in zip(
            (self._falls, self._rises, self._mark_falls, self._mark_rises), bounds, strict=True
        ):
            if np.isfinite(level):
                end = reach.first(at, end, level)
        return end

    def _trail_tightens(self, at: int, end: int) -> int:
        """The first row whose trailing distance is less than that of the row before `at`, or `end`."""
        before = float(self.trail_distance[at - 1]) if at > 0 else np.nan
        seen = self.trail_distance[at:end]
        less = seen < before if before > 0.0 else seen > 0.0
        place = int(less.argmax()) if len(less) else 0
        return at + place if len(less) and less[place] else end

    def _settle(self, state: State, settled: int, until_ms: int, tape: Tape) -> int:
        """Settlements before `until_ms`: without a position, of nothing."""
        done = int(np.searchsorted(self.due.time_ms, until_ms))
        if done > settled:
            due = slice(settled, done)
            nothing = -state.position.quantity * self.due.mark_price[due]
            np.multiply(nothing, self.due.funding_rate[due], out=tape.payments[due])
        return max(done, settled)

    def _marked(self, state: State, at: int, end: int, tape: Tape) -> State:
        """The state after the close of row `end − 1`, and what every close on the way there writes."""
        position, account = state.position, state.account
        rows, places = slice(at, end), slice(at - self.first, end - self.first)
        equity, cash = tape.equity_usdt[places], account.cash_usdt
        peak = account.peak_equity_usdt
        if position.quantity == 0.0:
            equity.fill(cash)
            tape.worst_equity_usdt[places].fill(cash)
            peak = max(cash, peak)
        else:
            _equity(state, self.mark_close[rows], equity)
            worst = tape.worst_equity_usdt[places]
            hurt = self.mark_low if position.quantity > 0.0 else self.mark_high
            _equity(state, hurt[rows], worst)
            np.minimum(worst, equity, out=worst)
            tape.position[places].fill(position.quantity)
            peak = max(float(equity.max()), peak)
        day, day_equity = self._day(account, at, end, equity)
        marked = Account(cash, float(equity[-1]), peak, day, day_equity)
        trade = state.trade if position.quantity == 0.0 else self._followed(state.trade, rows)
        return State(position, trade, state.orders, marked, state.guard, 0, ACCEPTED)

    def _day(self, account: Account, at: int, end: int, equity: Floats) -> tuple[int, float]:
        """The UTC day of the last close, and the equity with which it began."""
        day = self._close_ms(end - 1) // DAY_MS
        if day == account.day:
            return day, account.day_equity_usdt
        first = max(self._first_closing_from(day * DAY_MS), at)
        before = float(equity[first - at - 1]) if first > at else account.equity_usdt
        started = first == at and account.day < 0
        at_midnight = self._close_ms(first) % DAY_MS == 0
        return day, float(equity[first - at]) if at_midnight or started else before

    def _followed(self, trade: Trade, rows: slice) -> Trade:
        """The trade with the best price of these rows."""
        on_mark = self.plan.stop.on_mark
        if trade.side > 0:
            best = float((self.mark_high if on_mark else self.high)[rows].max())
        else:
            best = float((self.mark_low if on_mark else self.low)[rows].min())
        return trade._replace(best_price=best) if (best - trade.best_price) * trade.side > 0.0 else trade


def _filled(mark: Floats, last: Floats) -> Floats:
    return np.where(np.isnan(mark), last, mark)


def _next_of(places: Times, at: int) -> int:
    """The first of the sorted `places` that is not before `at`; beyond all rows when there is none."""
    found = int(np.searchsorted(places, at))
    return int(places[found]) if found < len(places) else 1 << 62


def _equity(state: State, prices: Floats, out: Any) -> None:
    """Equity with the mark at these prices, as `equity_at` reckons it."""
    np.subtract(prices, state.position.entry_price, out=out)
    np.multiply(out, state.position.quantity, out=out)
    np.add(out, state.account.cash_usdt, out=out)


def _limited(plan: Plan) -> bool:
    return plan.limits.daily_loss_action > 0 or plan.limits.drawdown_action > 0


def _order_bounds(plan: Plan, state: State) -> Bounds:
    """Where liquidation, the stop or a target may execute."""
    position, orders, on_mark = state.position, state.orders, plan.stop.on_mark
    bounds = Bounds()
    if position.liquidation_price > 0.0:
        level = position.liquidation_price
        bounds = bounds.with_level(level, rising=position.quantity < 0.0, on_mark=True)
    if orders.stop.kind != NO_ORDER:
        bounds = bounds.with_level(orders.stop.price, rising=orders.stop.side == BUY, on_mark=on_mark)
    for target in orders.targets:
        if target.kind != NO_ORDER:
            level, watched = _target_level(plan, target)
            bounds = bounds.with_level(level, rising=target.side == SELL, on_mark=watched)
    return bounds


def _target_level(plan: Plan, target: Order) -> tuple[float, bool]:
    """(price, whether the mark has to reach it)."""
    if target.kind == LIMIT:
        return through_level(plan, target), False
    return target.price, plan.stop.on_mark


def _best_bounds(plan: Plan, trade: Trade, bounds: Bounds) -> Bounds:
    """Where the best price gets better, and with it what follows it."""
    better = float(np.nextafter(trade.best_price, trade.side * np.inf))
    return bounds.with_level(better, rising=trade.side > 0, on_mark=plan.stop.on_mark)


def _equity_bounds(plan: Plan, state: State, bounds: Bounds) -> Bounds:
    """Mark prices at which a limit may be hit or recover, or at which the peak that one counts from rises:
    present equity stands on one side of each, and stays there until the bound.
    """
    limits, account, position = plan.limits, state.account, state.position
    levels = []
    if limits.daily_loss_action > 0:
        levels.append(daily_loss_level(limits, account))
    if limits.drawdown_action > 0:
        levels += [drawdown_level(limits, account), account.peak_equity_usdt]
    for level in levels:
        price = price_at_equity(position, account, level)
        slack = SLACK * (abs(price) + position.entry_price + abs(account.cash_usdt / position.quantity))
        rising = (account.equity_usdt <= level) == (position.quantity > 0.0)
        bounds = bounds.with_level(price - slack if rising else price + slack, rising=rising, on_mark=True)
    return bounds
