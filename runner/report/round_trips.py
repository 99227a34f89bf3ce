"""Fills and funding payments become trades: round trips from flat to flat.

In: FillRecords and PaymentRecords, each in the order in which they happened. Out: RoundTrips, by exit.
Refuses to know: bars' prices, equity, what a report shows.
Source of numbers: the records alone; a trade's pnl is what its fills moved, less fees, plus funding.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from runner.domain.result import FillRecord, PaymentRecord


class RoundTrip(NamedTuple):
    """One trade. Prices are averages weighted by quantity; `side` is +1 long, −1 short.

    `exit_reasons` names each closing fill's reason, in order; `risk_usdt` is 1 R, 0 when there was no stop.
    """

    side: int
    entry_time_ms: int
    exit_time_ms: int
    entry_bar: int
    exit_bar: int
    quantity: float
    entry_price: float
    exit_price: float
    pnl_usdt: float
    fees_usdt: float
    funding_usdt: float
    slippage_usdt: float
    risk_usdt: float
    exit_reasons: tuple[int, ...]

    @property
    def exit_reason(self) -> int:
        return self.exit_reasons[-1]

    @property
    def r_multiple(self) -> float | None:
        return self.pnl_usdt / self.risk_usdt if self.risk_usdt > 0.0 else None

    @property
    def bars_in_trade(self) -> int:
        return self.exit_bar - self.entry_bar


def build_round_trips(fills: list[FillRecord], payments: list[PaymentRecord]) -> list[RoundTrip]:
    """The trades that `fills` make; the last fill must leave the position flat.

    A fill that turns a long into a short ends one trade and begins the next, its fee and slippage shared by
    quantity. A payment belongs to the trade that was open at its time.
    """
    drafts = _drafts(fills)
    _assign(payments, drafts)
    return [draft.finished() for draft in drafts]


class _Side(NamedTuple):
    """All fills on one side of a trade: their total, their average price and the money they moved."""

    quantity: float = 0.0
    price: float = 0.0
    notional_usdt: float = 0.0

    def plus(self, quantity: float, price: float) -> "_Side":
        total = self.quantity + quantity
        # This form of the average gives back a single fill's price to the last bit.
        average = self.price + (price - self.price) * (quantity / total)
        return _Side(total, average, self.notional_usdt + quantity * price)


NOTHING_YET = _Side()


@dataclass(slots=True)
class _Draft:
    side: int
    first: FillRecord
    last: FillRecord
    entered: _Side = NOTHING_YET
    left: _Side = NOTHING_YET
    fees_usdt: float = 0.0
    slippage_usdt: float = 0.0
    funding_usdt: float = 0.0
    risk_usdt: float = 0.0
    exit_reasons: list[int] = field(default_factory=list)

    def enter(self, fill: FillRecord, quantity: float) -> None:
        self.entered = self.entered.plus(quantity, fill.price)
        self.risk_usdt = fill.risk_usdt
        self._charge(fill, quantity)

    def leave(self, fill: FillRecord, quantity: float) -> None:
        self.left = self.left.plus(quantity, fill.price)
        self.exit_reasons.append(fill.reason)
        self._charge(fill, quantity)

    def _charge(self, fill: FillRecord, quantity: float) -> None:
        share = quantity / fill.quantity
        self.fees_usdt += fill.fee_usdt * share
        self.slippage_usdt += fill.slippage_usdt * share
        self.last = fill

    def finished(self) -> RoundTrip:
        moved_usdt = self.side * (self.left.notional_usdt - self.entered.notional_usdt)
        return RoundTrip(
            side=self.side,
            entry_time_ms=self.first.time_ms,
            exit_time_ms=self.last.time_ms,
            entry_bar=self.first.bar,
            exit_bar=self.last.bar,
            quantity=self.entered.quantity,
            entry_price=self.entered.price,
            exit_price=self.left.price,
            pnl_usdt=moved_usdt - self.fees_usdt + self.funding_usdt,
            fees_usdt=self.fees_usdt,
            funding_usdt=self.funding_usdt,
            slippage_usdt=self.slippage_usdt,
            risk_usdt=self.risk_usdt,
            exit_reasons=tuple(self.exit_reasons),
        )


def _drafts(fills: list[FillRecord]) -> list[_Draft]:
    drafts: list[_Draft] = []
    position = 0.0
    for fill in fills:
        if fill.quantity == 0.0:  # an order that the venue refused
            continue
        closing, opening = _parts(position, fill)
        if closing > 0.0:
            drafts[-1].leave(fill, closing)
        if opening > 0.0:
            if position == 0.0 or closing > 0.0:
                drafts.append(_Draft(fill.side, fill, fill))
            drafts[-1].enter(fill, opening)
        position = fill.position_after
    assert position == 0.0, "a run ends flat: the engine closes an open trade at the end of the data"
    return drafts


def _parts(position: float, fill: FillRecord) -> tuple[float, float]:
    """How much of the fill closes, and how much opens."""
    if position * fill.side >= 0.0:
        return 0.0, fill.quantity
    if position * fill.position_after < 0.0:
        closing = abs(position)
        return closing, fill.quantity - closing
    return fill.quantity, 0.0


def _assign(payments: list[PaymentRecord], drafts: list[_Draft]) -> None:
    """Each payment goes to the latest trade entered before its time.

    Funding settles before any fill of the same instant, and a flat account pays none, so that trade is still
    open. A payment before the first entry would go to the first trade: no money is lost on the way.
    """
    entered = 0  # trades entered before the payment
    for payment in payments:
        while entered < len(drafts) and drafts[entered].first.time_ms < payment.time_ms:
            entered += 1
        if drafts:
            drafts[max(entered - 1, 0)].funding_usdt += payment.payment_usdt
        else:
            assert payment.payment_usdt == 0.0, "only a position pays funding"
