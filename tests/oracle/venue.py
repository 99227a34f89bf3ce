"""The simulator's exchange: what executes at a bar's open and on the walk through it, and what it does to the
books.

In: books with resting orders, a candle. Out: fills.
Source: the execution semantics, and "Bar by bar" in ARCHITECTURE.md.
"""

from collections.abc import Iterator
from decimal import Decimal

from runner.domain import order as o
from runner.domain import plan as p
from runner.domain.bar import FAVOURABLE, NEAREST, Funding
from runner.domain.time import DAY_MS
from tests.oracle.books import HALF, ZERO, Books, Executed, Holding, Ticket, exact


class Venue(Books):
    """Matches the books' orders against one candle."""

    def settle(self, due: list[Funding], before: Decimal) -> None:
        """Funding on the position carried into the instant; the dearer of two where that is not known."""
        for pay in due:
            price = exact(pay.mark_price) * exact(pay.funding_rate)
            payment = min(-before * price, -self.signed() * price)
            self.cash += payment
            if self.held is not None:
                self.held.net += payment

    def at_open(self) -> None:
        """Whatever executes at the open, one after the other."""
        bar = self.now
        self.last, self.mark = bar.open, bar.mark_open
        if self.entry is not None and self.entry.expires_ms <= bar.open_ms:
            self.entry = None
        while self.next_at_open():
            pass

    def next_at_open(self) -> bool:
        """Liquidation, targets, market orders, stops, entries: the first of them that executes."""
        if self.held is not None and self.liquidated(self.mark):
            self.liquidate()
            return True
        for place, target in enumerate(self.targets):
            if target is not None and self.can_execute(target) and self.target_at_open(target):
                self.execute_target(place, self.last)
                return True
        if self.market is not None and self.can_execute(self.market):
            self.execute(self.market, o.LEG_MARKET, self.last, at_open=True)
            return True
        stop = self.stop
        if stop is not None and self.can_execute(stop) and (stop.market or self.stop_reached()):
            self.execute_stop()
            return True
        return self.entry is not None and self.entry_at_open(self.entry)

    def entry_at_open(self, order: Ticket) -> bool:
        """A fresh limit that crosses takes, or is rejected if post-only; a resting one was jumped over."""
        if not self.traded_through(order, self.last):
            return False
        fresh = order.placed_ms == self.now.open_ms
        if fresh and self.plan.entry.post_only:
            self.entry = None
            return True
        if not self.can_execute(order):
            return False
        self.execute(order, o.LEG_ENTRY, self.last if fresh else order.price, maker=not fresh, at_open=True)
        return True

    def inside(self) -> None:
        """The walk through the bar: at each step whatever comes first."""
        bar = self.now
        side = self.held.side if self.held is not None else 0
        waits = side == 0 and self.entry is not None
        if waits and self.entry is not None:
            side = self.entry.side
        low_first = (side > 0) != waits
        if self.path == FAVOURABLE:
            low_first = not low_first
        if self.path == NEAREST:
            nearer = self.sign(bar.open - bar.low, bar.high - bar.open)
            low_first = low_first if nearer == 0 else nearer < 0
        points = self.points(low_first)
        while points:
            last, mark = points[0]
            events = sorted(self.events(last, mark))
            if not events:
                self.last, self.mark = points.pop(0)
                continue
            way, _, leg = events[0]
            self.last += way * (last - self.last)
            self.mark += way * (mark - self.mark)
            self.happen(leg)
            if leg == o.LEG_ENTRY and self.path == FAVOURABLE:  # what helps comes next
                points = self.points(low_first=self.signed() < 0)

    def points(self, low_first: bool) -> list[tuple[Decimal, Decimal]]:
        """(last, mark) of the extremes and the close, in the order in which they are visited."""
        bar = self.now
        lows, highs, close = (bar.low, bar.mark_low), (bar.high, bar.mark_high), (bar.close, bar.mark_close)
        return [lows, highs, close] if low_first else [highs, lows, close]

    def events(self, last: Decimal, mark: Decimal) -> Iterator[tuple[Decimal, int, int]]:
        """(share of the leg walked, precedence, which order) of all that this leg reaches."""
        held, entry, stop = self.held, self.entry, self.stop
        if held is not None:
            level = self.liquidation_price(held.side, held.quantity, held.entry, self.wallet(held))
            yield from self.way(self.mark, mark, level, -held.side, 0, o.LEG_LIQUIDATION)
        watched = (self.mark, mark) if self.plan.stop.on_mark else (self.last, last)
        if held is not None and stop is not None and not stop.market and self.can_execute(stop):
            yield from self.way(*watched, stop.price, -held.side, 1, o.LEG_STOP)
        for place, target in enumerate(self.targets):
            if held is None or target is None or not self.can_execute(target):
                continue
            level = target.price + held.side * (ZERO if target.market else self.through())
            prices = watched if target.market else (self.last, last)
            yield from self.way(*prices, level, held.side, 2 + place, o.LEG_TARGET + place)
        if entry is not None and self.can_execute(entry):
            level = entry.price - entry.side * self.through()
            yield from self.way(self.last, last, level, -entry.side, 9, o.LEG_ENTRY)

    def way(
        self, start: Decimal, end: Decimal, level: Decimal | None, up: int, rank: int, leg: int
    ) -> Iterator[tuple[Decimal, int, int]]:
        """When the price, going from `start` to `end`, is at or beyond `level` in the direction `up`."""
        if level is None:
            return
        quotient = leg == o.LEG_LIQUIDATION
        if self.sign(start, level, quotient=quotient) * up >= 0:
            yield ZERO, rank, leg
        elif self.sign(end, level, quotient=quotient) * up >= 0:
            yield (level - start) / (end - start), rank, leg

    def happen(self, leg: int) -> None:
        """Execute what was reached."""
        if leg == o.LEG_LIQUIDATION:
            self.liquidate()
        elif leg == o.LEG_STOP:
            self.execute_stop()
        elif leg == o.LEG_ENTRY:
            assert self.entry is not None
            self.execute(self.entry, leg, self.entry.price, maker=True)
        else:
            self.execute_target(leg - o.LEG_TARGET, self.worse(self.targets[leg - o.LEG_TARGET]))

    def through(self) -> Decimal:
        return ZERO if self.plan.fill_on_touch else self.tick

    def traded_through(self, order: Ticket, price: Decimal) -> bool:
        """A resting limit order's price was traded through (or touched)."""
        return self.sign(price * order.side, order.price * order.side - self.through()) <= 0

    def stop_reached(self) -> bool:
        assert self.stop is not None
        price = self.mark if self.plan.stop.on_mark else self.last
        return self.sign(price, self.stop.price) * self.stop.side >= 0

    def target_at_open(self, order: Ticket) -> bool:
        """The open is beyond a target."""
        if order.market:
            price = self.mark if self.plan.stop.on_mark else self.last
            return self.sign(price, order.price) * order.side <= 0
        return self.traded_through(order, self.last)

    def worse(self, order: Ticket | None) -> Decimal:
        """The trigger, or the last price of the moment where that is worse for us."""
        assert order is not None
        return self.last if self.sign(self.last, order.price) * order.side > 0 else order.price

    def execute_stop(self) -> None:
        order = self.stop
        assert order is not None
        price = self.last if order.market else self.worse(order)
        order.market = order.market or self.can_execute(order)  # triggered: a rest goes on at the next open
        self.execute(order, o.LEG_STOP, price)

    def execute_target(self, place: int, reference: Decimal) -> None:
        """A limit at its own price; one of type market at the reference."""
        order = self.targets[place]
        assert order is not None
        price = reference if order.market else order.price
        self.execute(order, o.LEG_TARGET + place, price, maker=not order.market)

    def most(self, order: Ticket) -> Decimal:
        """How much of an order this bar's volume lets through, and an exit has left to close."""
        held = self.held.quantity if self.held is not None else ZERO
        wanted = order.quantity if order.opens > 0 else min(order.quantity, held)
        if self.plan.liquidity.share > 0:
            share = exact(self.plan.liquidity.share) * self.now.volume
            wanted = min(wanted, self.rounded(share, self.step, up=False))
        elif self.plan.costs.slippage_impact > 0 and self.now.volume == 0:
            return ZERO
        return wanted

    def can_execute(self, order: Ticket) -> bool:
        """Once in a bar, where there is volume."""
        return order.tried < self.place and self.most(order) > 0

    def funded(self, order: Ticket, price: Decimal, ratio: Decimal) -> Decimal:
        """The most that an order can do with margin and fee for what it opens, at this price."""
        held, cash = self.held, self.cash
        closes = ZERO
        if held is not None and held.side != order.side:
            closes = held.quantity
            cash += closes * (price - held.entry) * held.side - closes * price * ratio
        elif held is not None:
            cash -= held.margin
        opens = max(cash, ZERO) / (price / self.leverage + price * ratio)
        return closes + self.rounded(opens, self.step, up=False)

    def execute(
        self, order: Ticket, leg: int, reference: Decimal, *, maker: bool = False, at_open: bool = False
    ) -> None:
        """As much as the bar's volume allows, at the reference, moved against us when taking."""
        if not self.can_execute(order):
            return
        order.tried = self.place
        wanted = quantity = self.most(order)
        price = reference if maker else self.slipped(reference, order.side, quantity)
        if leg == o.LEG_ENTRY:
            price = min(price, order.price) if order.side > 0 else max(price, order.price)
        ratio = exact(self.plan.costs.maker_ratio if maker else self.plan.costs.taker_ratio)
        if order.opens > 0:
            quantity = min(wanted, self.funded(order, price, ratio))
            if quantity < wanted:
                order.quantity, order.opens = quantity, min(order.opens, quantity)  # the rest is dropped
        if quantity > 0:
            fee = price * quantity * ratio
            self.note(leg, order, quantity, price, fee, maker)
            self.book(order, leg, quantity, price, fee, at_open)
        self.leave(order, leg, quantity)

    def slipped(self, reference: Decimal, side: int, quantity: Decimal) -> Decimal:
        costs = self.plan.costs
        ratio = exact(costs.slippage_ratio)
        if costs.slippage_impact > 0:
            ratio += exact(costs.slippage_impact) * (quantity / self.now.volume).sqrt()
            ratio = min(ratio, HALF)
        return reference * (1 + side * ratio)

    def note(
        self, leg: int, order: Ticket, quantity: Decimal, price: Decimal, fee: Decimal, maker: bool
    ) -> None:
        self.fills.append(Executed(self.place, leg, order.side, quantity, price, fee, order.reason, maker))

    def leave(self, order: Ticket, leg: int, quantity: Decimal) -> None:
        """What remains of an order: exits go on, entries as the plan says."""
        order.quantity -= quantity
        closing = max(order.quantity - order.opens, ZERO)
        order.opens = min(order.opens, order.quantity)
        if not self.plan.liquidity.carry and closing == 0:
            order.quantity = order.opens = ZERO
        if order.quantity > 0:
            if leg == o.LEG_MARKET and order.opens > 0:
                self.market = order  # also where a reverse closed the old position
        elif leg == o.LEG_MARKET and self.market is order:
            self.market = None
        elif leg == o.LEG_ENTRY and self.entry is order:
            self.entry = None

    def book(
        self, order: Ticket, leg: int, quantity: Decimal, price: Decimal, fee: Decimal, at_open: bool
    ) -> None:
        """Position, cash, round trip."""
        self.cash -= fee
        held = self.held
        closing = min(quantity, held.quantity) if held is not None and held.side != order.side else ZERO
        if held is not None and closing > 0:
            profit = closing * (price - held.entry) * held.side
            self.cash += profit
            held.net += profit - fee * closing / quantity
            held.margin -= held.margin * closing / held.quantity
            held.quantity -= closing
            if leg >= o.LEG_TARGET:
                held.rungs_closed[leg - o.LEG_TARGET] += closing
            self.entry = None  # a position that is being closed does not grow any more
            if self.market is not None and self.market is not order and self.market.side == held.side:
                self.market = None
            if held.quantity == 0:
                self.ended(held, order.reason)
            elif self.market is not None and self.market is not order and self.market.side == order.side:
                self.market.quantity -= closing  # less is left for it to close
        if quantity > closing:
            self.opened(order, quantity - closing, price, fee * (quantity - closing) / quantity, at_open)
        elif self.held is not None:
            self.ladder(self.held)
            self.protect(self.held)

    def ended(self, held: Holding, reason: int) -> None:
        """Flat: its orders go, and the limits take note."""
        self.held = self.entry = self.stop = None
        self.market = None
        self.targets = [None] * 4
        self.losses = self.losses + 1 if self.sign(held.net, ZERO, quotient=True) < 0 else 0
        if reason == o.DAILY_LOSS:
            self.lost_day = self.now.open_ms // DAY_MS
        if reason == o.MAX_DRAWDOWN:
            self.drawdown_hit = True
            self.halted = self.plan.limits.drawdown_action == p.HALT
        waits = self.cooldowns(self.losses, reason)
        self.blocked_until = max(self.blocked_until, *(self.now.close_ms + wait for wait in waits))

    def opened(self, order: Ticket, quantity: Decimal, price: Decimal, fee: Decimal, at_open: bool) -> None:
        """A position begins or grows; its protection stands at once."""
        if self.held is None:
            self.held = Holding(order.side, order.setup, self.place, self.now.open_ms, at_open, best=price)
            today = self.now.open_ms // DAY_MS
            self.entries = self.entries + 1 if self.entries_day == today else 1
            self.entries_day = today
        held = self.held
        held.entry = (held.quantity * held.entry + quantity * price) / (held.quantity + quantity)
        held.quantity += quantity
        held.entered += quantity
        held.net -= fee
        held.margin += quantity * price / self.leverage
        if held.entered == quantity:
            held.first = held.stop = self.first_stop(held.side, held.entry, held.setup)
            held.stop_reason = o.STOP_LOSS
        if held.first is not None:
            held.unit = abs(held.entry - held.first)
            self.sign(held.unit, ZERO, quotient=True)  # an average that meets the first stop has no R
        self.ladder(held)
        self.protect(held)

    def liquidate(self) -> None:
        """Everything at the bankruptcy price, and the liquidation fee."""
        held = self.held
        assert held is not None
        price = held.entry - held.side * self.wallet(held) / held.quantity
        fee = price * held.quantity * exact(self.plan.instrument.liquidation_fee_ratio)
        fee = min(fee, max(self.cash - self.wallet(held), ZERO))
        order = Ticket(-held.side, held.quantity, price, o.LIQUIDATION)
        quantity = held.quantity
        self.note(o.LEG_LIQUIDATION, order, quantity, price, fee, False)
        self.book(order, o.LEG_LIQUIDATION, quantity, price, fee, False)
