"""What the simulator remembers: account, position, orders; margin and protection follow from them.

In: a plan. Out: numbers in Decimal. Comparisons are exact: all inputs are taken as the decimal numbers they
are written as. Where two numbers are no tie but closer than floats can tell (1e-9), `hairs` counts it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from runner.domain import order as o
from runner.domain import plan as p

ZERO, HALF, ONE = Decimal(0), Decimal("0.5"), Decimal(1)
HAIR, SAME = Decimal("1e-9"), Decimal("1e-30")
CONTEXT = Context(prec=60)


def exact(number: float) -> Decimal:
    """The decimal number that a float is written as."""
    return Decimal(repr(float(number)))


class Candle(NamedTuple):
    """A bar in Decimal."""

    open_ms: int
    close_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    mark_open: Decimal
    mark_high: Decimal
    mark_low: Decimal
    mark_close: Decimal


class Executed(NamedTuple):
    """One fill as it is compared."""

    bar: int
    leg: int
    side: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    reason: int
    maker: bool


@dataclass
class Ticket:
    """One order that waits. `tried` is the last bar in which it was executed, or cut to nothing."""

    side: int
    quantity: Decimal
    price: Decimal
    reason: int
    setup: Decimal | None = None
    placed_ms: int = 0
    expires_ms: int = 0
    market: bool = False  # a target that takes; a stop that was triggered and goes on at the next open
    opens: Decimal = ZERO  # of a market order: how much of it opens a position
    tried: int = -1


@dataclass
class Holding:
    """The open position and its round trip."""

    side: int
    setup: Decimal | None
    entered_bar: int
    entered_ms: int
    at_open: bool
    quantity: Decimal = ZERO
    entry: Decimal = ZERO
    margin: Decimal = ZERO
    entered: Decimal = ZERO
    net: Decimal = ZERO
    best: Decimal = ZERO
    unit: Decimal = ZERO  # 1 R
    first: Decimal | None = None
    stop: Decimal | None = None
    stop_reason: int = 0
    rungs_closed: list[Decimal] = field(default_factory=lambda: [ZERO] * 4)


class Books:
    """One account, one bot, one path."""

    now: Candle

    def __init__(self, plan: p.Plan, path: int) -> None:
        self.plan, self.path = plan, path
        self.tick, self.step = exact(plan.instrument.tick_size), exact(plan.instrument.step_size)
        self.cash = self.equity = self.peak = self.day_equity = exact(plan.capital_usdt)
        self.leverage = exact(plan.sizing.leverage)
        self.day, self.lost_day, self.entries_day = -1, -1, -1
        self.drawdown_hit = self.halted = False
        self.losses = self.blocked_until = self.entries = 0
        self.held: Holding | None = None
        self.market: Ticket | None = None
        self.entry: Ticket | None = None
        self.stop: Ticket | None = None
        self.targets: list[Ticket | None] = [None] * 4
        self.fills: list[Executed] = []
        self.equities: list[Decimal] = []
        self.refused: list[int] = []
        self.hairs = 0
        self.place = -1
        self.last = self.mark = ZERO

    def sign(self, first: Decimal, second: Decimal, *, quotient: bool = False) -> int:
        """−1, 0 or +1: how `first` compares with `second`. A quotient is not on the price grid:
        that it meets a price is chance, and a hair.
        """
        apart, scale = abs(first - second), max(abs(first), abs(second), ONE)
        if apart <= SAME * scale:
            self.hairs += quotient
            return 0
        self.hairs += apart <= HAIR * scale
        return 1 if first > second else -1

    def rounded(self, number: Decimal, unit: Decimal, up: bool) -> Decimal:
        """To a multiple of `unit`."""
        times = number / unit
        nearest = times.to_integral_value(ROUND_HALF_EVEN)
        if self.sign(times, nearest) == 0:
            return nearest * unit
        return times.to_integral_value(ROUND_CEILING if up else ROUND_FLOOR) * unit

    def signed(self) -> Decimal:
        """The position's signed quantity."""
        return self.held.side * self.held.quantity if self.held is not None else ZERO

    def wallet(self, held: Holding) -> Decimal:
        return self.cash if self.plan.sizing.cross else held.margin

    def liquidation_price(
        self, side: int, quantity: Decimal, entry: Decimal, wallet: Decimal
    ) -> Decimal | None:
        """Where wallet + unrealised pnl is the maintenance margin of the bracket that the notional is
        in there.
        """
        price = None
        for bracket in self.plan.brackets:
            if bracket.notional_usdt_max == 0:
                break
            ratio = exact(bracket.maintenance_ratio)
            above = wallet + exact(bracket.deduction_usdt) - side * quantity * entry
            price = above / (quantity * (ratio - side))
            if self.sign(price * quantity, exact(bracket.notional_usdt_max)) <= 0:
                break
        return price if price is not None and price > 0 else None

    def liquidated(self, mark: Decimal) -> bool:
        held = self.held
        assert held is not None
        level = self.liquidation_price(held.side, held.quantity, held.entry, self.wallet(held))
        return level is not None and self.sign(mark, level, quotient=True) * held.side <= 0

    def first_stop(self, side: int, entry: Decimal, setup: Decimal | None) -> Decimal | None:
        kind = self.plan.stop.kind
        if kind == p.ABSENT or setup is None:
            return None
        level = setup
        if kind == p.BY_RATIO:
            level = entry * (1 - side * setup)
        elif kind == p.BY_DISTANCE:
            level = entry - side * setup
        return self.rounded(level, self.tick, up=side > 0) if level > 0 else None

    def tighten(self, held: Holding, level: Decimal, reason: int) -> None:
        """A stop moves, but never loosens."""
        if level > 0 and (held.stop is None or self.sign(level, held.stop) * held.side > 0):
            held.stop, held.stop_reason = level, reason

    def ladder(self, held: Holding) -> None:
        """The rungs: each its part of what was entered, less what it took, and never more than is open. A
        stop that was triggered closes everything, and leaves them nothing.
        """
        upto = part = ZERO
        left = held.quantity if self.stop is None or not self.stop.market else ZERO
        for place, target in enumerate(self.plan.targets):
            old, self.targets[place] = self.targets[place], None
            if target.kind == p.ABSENT or (target.kind == p.BY_R and held.unit == 0):
                continue
            part, start = part + exact(target.part), upto
            upto = self.rounded(held.entered * min(part, ONE), self.step, up=False)
            quantity = min(upto - start - held.rungs_closed[place], left)
            left -= quantity
            away = exact(target.at) * (held.unit if target.kind == p.BY_R else held.entry)
            price = self.rounded(held.entry + held.side * away, self.tick, up=held.side > 0)
            if quantity > 0:
                ticket = Ticket(-held.side, quantity, price, o.TAKE_PROFIT, market=target.market)
                ticket.tried = old.tried if old is not None else -1
                self.targets[place] = ticket

    def protect(self, held: Holding) -> None:
        """The tightest of the strategy's stop and the prices of the loss limits rests."""
        level, reason = held.stop, held.stop_reason
        for floor, name in self.limit_floors():
            price = held.entry + (floor - self.cash) / (held.quantity * held.side)
            price = self.rounded(price, self.tick, up=held.side > 0)
            if price > 0 and (level is None or self.sign(price, level) * held.side > 0):
                level, reason = price, name
        if self.stop is not None and self.stop.market:
            self.stop.quantity = held.quantity
            return
        tried = self.stop.tried if self.stop is not None else -1
        self.stop = None
        if level is not None:
            self.stop = Ticket(-held.side, held.quantity, level, reason, tried=tried)

    def daily_floor(self) -> Decimal | None:
        limits = self.plan.limits
        if limits.daily_loss_action == 0:
            return None
        most = exact(limits.daily_loss_usdt) or exact(limits.daily_loss_ratio) * self.day_equity
        return self.day_equity - most if most < self.day_equity else None

    def drawdown_floor(self) -> Decimal | None:
        limits = self.plan.limits
        return self.peak * (1 - exact(limits.drawdown_ratio)) if limits.drawdown_action else None

    def limit_floors(self) -> Iterator[tuple[Decimal, int]]:
        """The equities at which a limit closes the position."""
        daily, drawdown = self.daily_floor(), self.drawdown_floor()
        if daily is not None and self.plan.limits.daily_loss_action != p.BLOCK:
            yield daily, o.DAILY_LOSS
        if drawdown is not None and self.plan.limits.drawdown_action != p.BLOCK:
            yield drawdown, o.MAX_DRAWDOWN

    def cooldowns(self, losses: int, reason: int) -> Iterator[int]:
        """The waits that a trade's end starts, after so many losses in a row."""
        yield 0
        for rule in self.plan.limits.cooldowns:
            if (
                rule.after == p.AFTER_EXIT
                or (rule.after == p.AFTER_LOSS and losses > 0)
                or (rule.after == p.AFTER_STOP and reason in (o.STOP_LOSS, o.LIQUIDATION))
                or (rule.after == p.AFTER_LOSSES and losses > 0 and losses % rule.losses == 0)
            ):
                yield rule.wait_ms
