"""The market player: stored bars of one or more contracts become the exchange's market, in virtual time.

In: an exchange, histories, a start, a path. Out: steps played in the order of their times; klines and funding
history up to now, never beyond. Refuses to know: clients, the real clock, files.

Real time and ×N: `advance_to(virtual now)` whenever somebody asks or a timer says so. As fast as the clients
keep up: `run_to_boundary()`, let them answer, again.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from runner.domain.time import DAY_MS, TIMEFRAMES
from runner.errors import UsageError
from runner.simulator.candles import Growing, joined
from runner.simulator.events import Candle
from runner.simulator.exchange import Exchange
from runner.simulator.history import WHOLE, Span
from runner.simulator.path import PATHS
from runner.simulator.reel import BOUNDARY, INSIDE, OPEN, PlayerSettings, Reel
from runner.simulator.refusal import refused
from runner.simulator.tape import MarketHistory, Tape

_ORDER = {BOUNDARY: 0, OPEN: 1, INSIDE: 2}


class FundingRow(NamedTuple):
    """One settlement of the past."""

    time_ms: int
    funding_ratio: Decimal


class Player:
    """Plays tapes. All times are the exchange's."""

    def __init__(
        self,
        exchange: Exchange,
        histories: Iterable[MarketHistory],
        *,
        start_ms: int,
        settings: PlayerSettings | None = None,
    ) -> None:
        chosen = settings or PlayerSettings()
        if chosen.path not in PATHS:
            raise UsageError(f"{chosen.path!r} is not a path; the known ones are {', '.join(PATHS)}")
        if chosen.steps_per_leg < 1:
            raise UsageError("a leg has one step at least")
        self._exchange = exchange
        exchange.advance_to(start_ms)
        self._reels = {
            history.symbol: Reel(exchange, Tape(history), chosen, start_ms) for history in histories
        }

    # ── playing ──────────────────────────────────────────────────────────────────────────────────────────

    def next_ms(self) -> int | None:
        """When the next step is due; None when everything is played out."""
        found = self._next_reel()
        step = found.next_step() if found is not None else None
        return step[0] if step is not None else None

    def next_kind(self) -> str | None:
        """Of the step that is due next: boundary, open or inside."""
        found = self._next_reel()
        step = found.next_step() if found is not None else None
        return step[1] if step is not None else None

    def _next_reel(self) -> Reel | None:
        """The reel whose turn it is; boundaries before opens before prices inside bars."""
        if len(self._reels) == 1:
            only = next(iter(self._reels.values()))
            return None if only.is_out else only
        best: tuple[tuple[int, int], Reel] | None = None
        for reel in self._reels.values():
            step = reel.next_step()
            if step is None:
                continue
            key = (step[0], _ORDER[step[1]])
            if best is None or key < best[0]:
                best = (key, reel)
        return best[1] if best is not None else None

    def step(self) -> str | None:
        """Play one step: `boundary`, `open` or `inside`; None when everything is played out."""
        reel = self._next_reel()
        return reel.play() if reel is not None else None

    def advance_to(self, time_ms: int) -> None:
        """Every step up to a time, then the clock."""
        while (due_ms := self.next_ms()) is not None and due_ms <= time_ms:
            self.step()
        self._exchange.advance_to(time_ms)

    def run_to_boundary(self) -> int | None:
        """Play until a bar has closed, with every other bar that closes at that moment; its time, or None."""
        while True:
            played = self.step()
            if played is None:
                return None
            if played == BOUNDARY:
                break
        now_ms = self._exchange.now_ms
        while any(reel.next_step() == (now_ms, BOUNDARY) for reel in self._reels.values()):
            self.step()
        return now_ms

    # ── candles ──────────────────────────────────────────────────────────────────────────────────────────

    def watch(self, symbol: str, timeframe_ms: int, kind: str = "last") -> None:
        """From now on that candle is told at every change, and when it closes."""
        reel = self._reel(symbol)
        self._check_timeframe(reel, timeframe_ms)
        if (timeframe_ms, kind) in reel.watched:
            return
        growing = Growing(timeframe_ms)
        latest = self.klines(symbol, timeframe_ms, Span(limit=1), kind)
        if latest and latest[-1].close_ms >= self._exchange.now_ms:
            growing.take(latest[-1])
        reel.watched[timeframe_ms, kind] = growing

    def timeframes(self, symbol: str) -> tuple[str, ...]:
        """Names of the timeframes that can be asked for: the tape's own and its multiples."""
        base = self._reel(symbol).tape.timeframe_ms
        return tuple(name for name, length in TIMEFRAMES.items() if length % base == 0)

    def _check_timeframe(self, reel: Reel, timeframe_ms: int) -> None:
        if timeframe_ms not in TIMEFRAMES.values() or timeframe_ms % reel.tape.timeframe_ms:
            raise refused(-1120)

    def klines(self, symbol: str, timeframe_ms: int, span: Span = WHOLE, kind: str = "last") -> list[Candle]:
        """Candles that open inside the span, oldest first; the last may be the running one. -1120 when the
        tape has no such timeframe. `kind`: last, mark or index (which is the mark).
        """
        reel = self._reel(symbol)
        self._check_timeframe(reel, timeframe_ms)
        of_mark = kind != "last"
        tape, frame_ms = reel.tape, timeframe_ms
        stop = reel.index  # bars before it are closed
        start, latest_ms = 0, self._exchange.now_ms
        if span.end_ms is not None:
            latest_ms = min(latest_ms, span.end_ms)
            stop = min(stop, tape.first_at(latest_ms // frame_ms * frame_ms + frame_ms))
        if span.start_ms is not None:
            oldest_ms = tape.open_ms(0) // frame_ms * frame_ms if len(tape) else 0
            first_ms = max(-(-span.start_ms // frame_ms) * frame_ms, oldest_ms)
            start = tape.first_at(first_ms)
            stop = min(stop, tape.first_at(first_ms + span.limit * frame_ms)) if _is_dense(tape) else stop
        else:
            first_ms = latest_ms // frame_ms * frame_ms - (span.limit + 1) * frame_ms
            start = tape.first_at(first_ms) if _is_dense(tape) else 0
        found = tape.candles(start, stop, frame_ms, of_mark=of_mark)
        self._add_running(reel, found, frame_ms, latest_ms, of_mark=of_mark)
        if span.start_ms is not None:
            found = [candle for candle in found if candle.open_ms >= span.start_ms]
            return found[: span.limit]
        return found[max(0, len(found) - span.limit) :]

    def _add_running(
        self, reel: Reel, found: list[Candle], frame_ms: int, latest_ms: int, *, of_mark: bool
    ) -> None:
        """What the bar being played has shown so far joins the last candle, or is the last."""
        running = reel.running(of_mark=of_mark)
        if running is None or running.open_ms > latest_ms:
            return
        open_ms = running.open_ms // frame_ms * frame_ms
        piece = Candle(
            open_ms,
            open_ms + frame_ms - 1,
            running.open,
            running.high,
            running.low,
            running.close,
            running.volume,
            running.trades,
        )
        if found and found[-1].open_ms == open_ms:
            found[-1] = joined(found[-1], piece)
        else:
            found.append(piece)

    def day_candle(self, symbol: str) -> Candle:
        """The last 24 hours as one candle: `ticker/24hr`."""
        reel = self._reel(symbol)
        now_ms = self._exchange.now_ms
        first = reel.tape.first_at(now_ms - DAY_MS)
        pieces = reel.tape.candles(first, reel.index, reel.tape.timeframe_ms, of_mark=False)
        running = reel.running(of_mark=False)
        if running is not None:
            pieces.append(running)
        if not pieces:
            price = self._exchange.last_price(symbol)
            nothing = Decimal(0)
            return Candle(now_ms - DAY_MS, now_ms, price, price, price, price, nothing, 0)
        whole = pieces[0]
        for piece in pieces[1:]:
            whole = joined(whole, piece)
        return Candle(
            now_ms - DAY_MS,
            now_ms,
            whole.open,
            whole.high,
            whole.low,
            whole.close,
            whole.volume,
            whole.trades,
        )

    def funding_history(self, symbol: str, span: Span = WHOLE) -> list[FundingRow]:
        """Settlements up to now, oldest first."""
        tape = self._reel(symbol).tape
        now_ms = self._exchange.now_ms
        rows = [
            FundingRow(time_ms, ratio)
            for time_ms, ratio in zip(tape.funding_ms, tape.funding_ratios, strict=True)
            if time_ms <= now_ms
            and (span.start_ms is None or time_ms >= span.start_ms)
            and (span.end_ms is None or time_ms <= span.end_ms)
        ]
        if span.start_ms is not None:
            return rows[: span.limit]
        return rows[max(0, len(rows) - span.limit) :]

    def _reel(self, symbol: str) -> Reel:
        found = self._reels.get(symbol)
        if found is None:
            raise refused(-1121)
        return found


def _is_dense(tape: Tape) -> bool:
    """Without holes, so that a number of candles is a length of time."""
    count = len(tape)
    if not count:
        return True
    return tape.open_ms(count - 1) - tape.open_ms(0) == (count - 1) * tape.timeframe_ms
