"""The books of one run: its trades, its funding, what it made.

In: a backtest's Result, or a run's journal entries. Out: Books.
Refuses to know: what they are compared with.
Source: what a backtest made is the sum of its records; what a run made is what its own account says, so that
a ledger shows whatever its records leave out.
"""

from collections.abc import Sequence
from typing import NamedTuple

from runner.domain.bar import Bar
from runner.domain.entry import Entry
from runner.domain.order_event import EquityMarked
from runner.domain.result import Result
from runner.domain.session_event import BarClosed
from runner.report.executions import Payment, Trade, of_entries, of_result, payments_of, trades_of


class Books(NamedTuple):
    """One run."""

    trades: Sequence[Trade]
    payments: Sequence[Payment]
    net_usdt: float


def books_of_result(result: Result, end_ms: int, last_price: float) -> Books:
    """A backtest's; a position that is open at the end is worth `last_price`."""
    trades = trades_of(of_result(result), end_ms, last_price)
    paid = [Payment(one.time_ms, one.payment_usdt) for one in result.payments]
    made = sum(trade.gross_usdt - trade.fees_usdt for trade in trades)
    return Books(trades, paid, made + sum(one.payment_usdt for one in paid))


def books_of_entries(entries: Sequence[Entry], timeframe_ms: int, capital_usdt: float) -> Books:
    """A run's, up to its last close."""
    bars = closed_bars(entries)
    opens = {bar.open_time_ms: bar.open for bar in bars}
    end_ms, last_price = bars[-1].close_time_ms, bars[-1].mark_close
    trades = trades_of(of_entries(entries, timeframe_ms, opens, end_ms), end_ms, last_price)
    marked = [one.event for one in entries if isinstance(one.event, EquityMarked)]
    return Books(trades, payments_of(entries, end_ms), float(marked[-1].equity_usdt) - capital_usdt)


def closed_bars(entries: Sequence[Entry]) -> list[Bar]:
    """The bars that a run decided on."""
    return [one.event.bar for one in entries if isinstance(one.event, BarClosed)]
