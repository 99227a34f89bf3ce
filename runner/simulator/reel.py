"""One contract's tape being played onto the exchange, step by step.

In: a tape, a place to start. Out: prints, marks, funding on the exchange, at their times; growing candles.
Refuses to know: other contracts, clients, the real clock.

A bar is: its open print; three legs with a print at each end, at every level at which the exchange has
something to do, and at `steps_per_leg` even parts; then the boundary. At the boundary the bar is closed and
told, funding due is paid, and the book is quoted at the next bar's open while nothing has traded yet:
whoever acts there meets the next open's prices, as a decision at a close is meant to.
"""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from runner.simulator.candles import Growing
from runner.simulator.events import Candle, CandleEvent
from runner.simulator.exchange import Exchange
from runner.simulator.path import LEGS, ONE, Leg, Point, is_low_first, legs_of, next_point
from runner.simulator.tape import PlayedBar, Tape
from runner.simulator.types import ZERO, Tick

BOUNDARY, OPEN, INSIDE = "boundary", "open", "inside"
FUNDING_INTERVAL_MS = 8 * 3_600_000


@dataclass(frozen=True, slots=True)
class PlayerSettings:
    """`path`: adverse (as backtests count), favourable or nearest. More steps: a smoother, slower market."""

    path: str = "adverse"
    steps_per_leg: int = 1


class Reel:
    """Where one tape stands. `index` is the bar being played or, at a boundary, the one just closed."""

    def __init__(self, exchange: Exchange, tape: Tape, settings: PlayerSettings, start_ms: int) -> None:
        self._exchange = exchange
        self._settings = settings
        self.tape = tape
        self.symbol = tape.symbol
        self._tick = exchange.rules(tape.symbol).tick_size
        self._step = exchange.rules(tape.symbol).step_size
        self.index = tape.first_at(start_ms)
        self._bar: PlayedBar | None = None  # None: between bars, the next is `index`
        self._legs: tuple[Leg, Leg, Leg] | None = None  # None: the open has not been left yet
        self._at = Point(0, ZERO, ZERO, ZERO)
        self._volume = ZERO  # of the running bar so far
        self._funding = 0
        self.base, self.base_mark = Growing(tape.timeframe_ms), Growing(tape.timeframe_ms)
        self.watched: dict[tuple[int, str], Growing] = {}
        self._quote_first()

    def _quote_first(self) -> None:
        """Before the first print there is a price already: the last close, or the first open."""
        tape = self.tape
        if not len(tape):
            return
        before = tape.bar(max(0, self.index - 1))
        known = self.index > 0
        self._exchange.requote(self.symbol, before.last.close if known else before.last.open)
        self._exchange.set_mark(self.symbol, before.mark.close if known else before.mark.open)
        first_ms = tape.open_ms(min(self.index, len(tape) - 1))
        while self._funding < len(tape.funding_ms) and tape.funding_ms[self._funding] < first_ms:
            self._funding += 1
        self._announce_funding(first_ms)

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────

    def next_step(self) -> tuple[int, str] | None:
        """When the next step is due, and what it is; None when the tape is played out."""
        if self._bar is None:
            return (self.tape.open_ms(self.index), OPEN) if self.index < len(self.tape) else None
        if self._is_walked:
            return self._bar.open_ms + self.tape.timeframe_ms, BOUNDARY
        return self._time_of(self._next_point(self._bar)[1]), INSIDE

    @property
    def _is_walked(self) -> bool:
        return self._at.leg == LEGS - 1 and self._at.fraction >= ONE

    def play(self) -> str | None:
        """Play the next step, the exchange's clock with it; what it was."""
        bar = self._bar
        if bar is None:
            if self.index >= len(self.tape):
                return None
            self._exchange.advance_to(self.tape.open_ms(self.index))
            self._open()
            return OPEN
        if self._is_walked:
            self._exchange.advance_to(bar.open_ms + self.tape.timeframe_ms)
            self._close()
            return BOUNDARY
        self._go_on(bar)
        return INSIDE

    def _time_of(self, point: Point) -> int:
        """A leg is a third of the bar; the close is its last millisecond."""
        bar = self._bar
        opened = bar.open_ms if bar is not None else 0
        length = self.tape.timeframe_ms
        return opened + min(length - 1, round(length * (point.leg + point.fraction) / LEGS))

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        bar = self.tape.bar(self.index)
        self._pay_funding_until(bar.open_ms, bar.mark.open)
        self._bar, self._legs, self._volume = bar, None, ZERO
        self._at = Point(0, ZERO, bar.last.open, bar.mark.open)
        self._print(bar.last.open, bar.mark.open, ZERO, self._step)

    def _go_on(self, bar: PlayedBar) -> None:
        """The way is chosen when the open is left: by then whoever acts at the open has acted."""
        self._legs, point = self._next_point(bar)
        leg = self._legs[point.leg]
        self._exchange.advance_to(self._time_of(point))
        self._at = point
        self._pay_funding_until(self._exchange.now_ms, point.mark)
        done = (point.leg + point.fraction) / LEGS
        is_end = point.leg == LEGS - 1 and point.fraction >= ONE
        volume = bar.volume if is_end else (bar.volume * done / self._step).to_integral_value() * self._step
        grown, self._volume = max(ZERO, volume - self._volume), volume
        ticks = abs(leg.last_to - leg.last_from) / self._tick + 1
        traded = (bar.volume / LEGS / ticks / self._step).to_integral_value(ROUND_FLOOR) * self._step
        self._print(point.last, point.mark, grown, max(self._step, traded))

    def _close(self) -> None:
        """Tell the closed bar, pay what is due, quote the next open."""
        self._bar = self._legs = None
        self.index += 1
        now_ms = self._exchange.now_ms
        self._tell_closed(now_ms)
        if self.index >= len(self.tape) or self.tape.open_ms(self.index) != now_ms:
            self._pay_funding_until(now_ms, self._exchange.premium(self.symbol).mark_price)
            return
        upcoming = self.tape.bar(self.index)
        self._pay_funding_until(now_ms, upcoming.mark.open)
        self._exchange.requote(self.symbol, upcoming.last.open)
        self._grow(upcoming.last.open, upcoming.mark.open, ZERO, trades=0)

    def _next_point(self, bar: PlayedBar) -> tuple[tuple[Leg, Leg, Leg], Point]:
        """The way, and on it the next even part, funding time or level, whichever comes first."""
        reach = self._exchange.reach(self.symbol)
        legs = self._legs
        if legs is None:
            low_first = is_low_first(bar, self._settings.path, is_low_adverse=reach.is_low_adverse)
            legs = legs_of(bar, low_first=low_first)
        at = self._at
        number, done = (at.leg + 1, ZERO) if at.fraction >= ONE else (at.leg, at.fraction)
        until = self._before_funding(bar, number, done, self._next_part(done))
        return legs, next_point(legs[number], done, until, (reach.last, reach.mark), self._tick)

    def _next_part(self, done: Decimal) -> Decimal:
        """The next even part of a leg; a third is not exact: the part just reached is skipped."""
        steps = self._settings.steps_per_leg
        part = int(done * steps) + 1
        until = Decimal(part) / steps
        return min(ONE, until if until > done else Decimal(part + 1) / steps)

    def _before_funding(self, bar: PlayedBar, number: int, done: Decimal, until: Decimal) -> Decimal:
        """Where on the leg funding falls due, if it does before `until`."""
        funding_ms = self.tape.funding_ms
        if self._funding >= len(funding_ms):
            return until
        share = Decimal(funding_ms[self._funding] - bar.open_ms) / self.tape.timeframe_ms
        fraction = share * LEGS - number
        return fraction if done < fraction < until else until

    # ── what a step does ─────────────────────────────────────────────────────────────────────────────────

    def _print(self, last: Decimal, mark: Decimal, grown: Decimal, traded: Decimal) -> None:
        """To the candles first: whoever hears of a fill finds it in them."""
        self._grow(last, mark, grown, trades=1)
        self._exchange.tick(Tick(self.symbol, last, traded, mark))

    def _grow(self, last: Decimal, mark: Decimal, grown: Decimal, *, trades: int) -> None:
        now_ms = self._exchange.now_ms
        self.base.add(now_ms, last, grown, trades)
        self.base_mark.add(now_ms, mark, ZERO, trades)
        for (timeframe_ms, kind), growing in self.watched.items():
            if kind == "last":
                growing.add(now_ms, last, grown, trades)
            else:
                growing.add(now_ms, mark, ZERO, trades)
            event = CandleEvent(self.symbol, timeframe_ms, kind, now_ms, growing.candle(), False)
            self._exchange.world.tell(event)

    def _tell_closed(self, now_ms: int) -> None:
        for (timeframe_ms, kind), growing in self.watched.items():
            if growing.is_over(now_ms):
                event = CandleEvent(self.symbol, timeframe_ms, kind, now_ms, growing.candle(), True)
                growing.open_ms = -1
                self._exchange.world.tell(event)

    def _pay_funding_until(self, now_ms: int, mark: Decimal) -> None:
        tape = self.tape
        while self._funding < len(tape.funding_ms) and tape.funding_ms[self._funding] <= now_ms:
            ratio = tape.funding_ratios[self._funding]
            self._funding += 1
            self._exchange.settle_funding(self.symbol, ratio, mark)
            self._announce_funding(now_ms)

    def _announce_funding(self, now_ms: int) -> None:
        """What is due next; where nothing is stored any more, nothing at the usual hours."""
        tape = self.tape
        if self._funding < len(tape.funding_ms):
            ratio, due_ms = tape.funding_ratios[self._funding], tape.funding_ms[self._funding]
        else:
            ratio, due_ms = ZERO, (now_ms // FUNDING_INTERVAL_MS + 1) * FUNDING_INTERVAL_MS
        self._exchange.set_funding(self.symbol, ratio, due_ms)

    @property
    def is_out(self) -> bool:
        """Played out."""
        return self._bar is None and self.index >= len(self.tape)

    def running(self, *, of_mark: bool) -> Candle | None:
        """The bar being played, as far as it has come; at a boundary the one just quoted; else None."""
        growing = self.base_mark if of_mark else self.base
        is_current = self.index < len(self.tape) and growing.open_ms == self.tape.open_ms(self.index)
        return growing.candle() if is_current else None
