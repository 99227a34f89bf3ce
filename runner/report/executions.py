"""Executions of two runs in one form, and the trades that they make.

In: a backtest's Result, or a run's journal entries. Out: executions, trades from flat to flat.
Refuses to know: what is compared with what, files, the exchange.
Source: the records alone. A position still open at the end is closed at a given price, for both alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from typing import NamedTuple

from runner.domain.entry import Entry
from runner.domain.order import END_OF_DATA, LEG_LIQUIDATION, LEG_NONE, OPERATOR, REASONS, RECOVERY
from runner.domain.order_event import Filled, FundingPaid, Sending
from runner.domain.result import Result

BY_HAND = (REASONS[OPERATOR], REASONS[RECOVERY])  # our own order, and not the bot's will
LEG_MARK = -1  # no execution: what was open at the end, at the last close
_FLAT = 1e-9


class Execution(NamedTuple):
    """One execution; in a trade, all of one leg in one bar. `side` +1 buy, −1 sell; `bar_ms` the bar's open.

    `reference`: the price it is reckoned from: the open after the decision, the trigger, the limit. `asked`:
    what its order was for; `order` tells orders apart, where one executes in several bars. `own`: the
    bot's own will.
    """

    time_ms: int
    bar_ms: int
    leg: int
    reason: str
    side: int
    quantity: float
    price: float
    reference: float
    fee_usdt: float
    maker: bool
    asked: float
    own: bool = True
    order: str = ""

    @property
    def gross_usdt(self) -> float:
        """The money it moves, without its fee."""
        return -self.side * self.quantity * self.price


class Payment(NamedTuple):
    """One funding payment, received is positive."""

    time_ms: int
    payment_usdt: float


@dataclass(frozen=True, slots=True)
class Trade:
    """From flat to flat; the first execution opens it."""

    executions: tuple[Execution, ...]

    @property
    def side(self) -> int:
        """+1 long, −1 short."""
        return self.executions[0].side

    @property
    def bar_ms(self) -> int:
        """The open of the bar it began in."""
        return self.executions[0].bar_ms

    @property
    def end_ms(self) -> int:
        """The open of the bar it ended in."""
        return self.executions[-1].bar_ms

    @property
    def opened(self) -> float:
        """The quantity entered, all of it."""
        return sum(one.quantity for one in self.executions if one.side == self.side)

    @property
    def asked(self) -> float:
        """What the orders that entered were for; a later one was for what earlier ones had left."""
        asked, filled = 0.0, 0.0
        before: dict[str, float] = {}
        for place, one in enumerate(self.executions):
            if one.side == self.side:
                asked = max(asked, before.setdefault(one.order or str(place), filled) + one.asked)
                filled += one.quantity
        return asked

    @property
    def gross_usdt(self) -> float:
        """Profit before fees and funding."""
        return sum(one.gross_usdt for one in self.executions)

    @property
    def fees_usdt(self) -> float:
        """All its fees."""
        return sum(one.fee_usdt for one in self.executions)


def of_result(result: Result) -> list[Execution]:
    """A backtest's; the close at the end of data is none."""
    length = result.facts.timeframe_ms
    return [
        Execution(
            time_ms=int(fill.time_ms),
            bar_ms=int(result.close_time_ms[fill.bar]) - length,
            leg=fill.leg,
            reason=REASONS[fill.reason],
            side=fill.side,
            quantity=fill.quantity,
            price=fill.price,
            reference=fill.price - fill.side * fill.slippage_usdt / fill.quantity,
            fee_usdt=fill.fee_usdt,
            maker=fill.maker,
            asked=fill.quantity,
        )
        for fill in result.fills
        if fill.reason != END_OF_DATA
    ]


def of_entries(
    entries: Iterable[Entry], timeframe_ms: int, opens: Mapping[int, float], end_ms: int
) -> list[Execution]:
    """A run's, up to the end; `opens` are the opens of bars by their times."""
    sent: dict[str, tuple[Sending, int]] = {}
    found = []
    for entry in entries:
        event = entry.event
        if isinstance(event, Sending) and event.request is not None and entry.client_id:
            sent.setdefault(entry.client_id, (event, entry.bar_ms or 0))
        elif isinstance(event, Filled) and entry.time_ms < end_ms:
            sending, decided_ms = sent.get(entry.client_id or "", (None, 0))
            found.append(_execution(entry, event, sending, timeframe_ms, opens.get(decided_ms, 0.0)))
    return sorted(found, key=lambda one: one.time_ms)


def payments_of(entries: Iterable[Entry], end_ms: int) -> list[Payment]:
    """A run's funding, up to the end."""
    return [
        Payment(entry.time_ms, float(entry.event.payment_usdt))
        for entry in entries
        if isinstance(entry.event, FundingPaid) and entry.time_ms < end_ms
    ]


def _execution(
    entry: Entry, filled: Filled, sending: Sending | None, timeframe_ms: int, opened: float
) -> Execution:
    request = sending.request if sending is not None else None
    price, quantity = float(filled.price), float(filled.quantity)
    level = (request.trigger_price or request.price) if request is not None else None
    applied = filled.applied
    return Execution(
        time_ms=entry.time_ms,
        bar_ms=entry.time_ms // timeframe_ms * timeframe_ms,
        leg=applied.leg if applied is not None else LEG_NONE,
        reason=filled.reason,
        side=filled.side,
        quantity=quantity,
        price=price,
        reference=float(level) if level is not None else opened or price,
        fee_usdt=float(filled.fee_usdt),
        maker=filled.maker,
        asked=float(request.quantity) if request is not None else quantity,
        order=entry.client_id or "",
        own=(request is not None and filled.reason not in BY_HAND)
        or (applied is not None and applied.leg == LEG_LIQUIDATION),
    )


def joined(first: Execution, then: Execution) -> Execution:
    """Two executions as one, at the first's time and the mean price. Another order was for what the ones
    before it had left.
    """
    quantity = first.quantity + then.quantity
    left = then.asked if first.order == then.order else first.quantity + then.asked
    return first._replace(
        order=then.order,
        quantity=quantity,
        price=(first.quantity * first.price + then.quantity * then.price) / quantity,
        fee_usdt=first.fee_usdt + then.fee_usdt,
        maker=first.maker and then.maker,
        asked=max(first.asked, left),
    )


def _place(one: Execution) -> tuple[int, int, int, str, bool]:
    return one.bar_ms, one.leg, one.side, one.reason, one.own


def _trade(executions: Sequence[Execution]) -> Trade:
    """What one leg executed in one bar is one execution, however many orders it took."""
    return Trade(tuple(reduce(joined, group) for _, group in groupby(executions, _place)))


def trades_of(executions: Iterable[Execution], end_ms: int, last_price: float) -> list[Trade]:
    """From flat to flat; what turns a long into a short ends one trade and begins the next."""
    found: list[Trade] = []
    current: list[Execution] = []
    held = 0.0
    for one in executions:
        closing = min(abs(held), one.quantity) if held * one.side < 0.0 else 0.0
        if closing:
            current.append(_part(one, closing))
            held += one.side * closing
            if abs(held) < _FLAT:
                found.append(_trade(current))
                current, held = [], 0.0
        opening = one.quantity - closing
        if opening > _FLAT:
            current.append(_part(one, opening))
            held += one.side * opening
    if current:
        side = -1 if held > 0.0 else 1
        mark = Execution(
            *(end_ms, end_ms, LEG_MARK, "still open", side, abs(held), last_price, last_price, 0.0),
            maker=False,
            asked=abs(held),
        )
        found.append(_trade((*current, mark)))
    return found


def _part(one: Execution, quantity: float) -> Execution:
    """A part of an execution, its fee with it."""
    if abs(quantity - one.quantity) < _FLAT:
        return one
    share = quantity / one.quantity
    return one._replace(quantity=quantity, fee_usdt=one.fee_usdt * share, asked=one.asked * share)
