"""A bar has closed: what was seen, what is decided, and what that does to the account, in one journal commit.

In: a desk, the window of closed bars. Out: journal entries; the book then wants what was decided.
Refuses to know: where the bar came from, how orders leave.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from runner.core.decide import decide
from runner.core.exits import daily_loss_level, drawdown_level
from runner.domain.entry import Entry
from runner.domain.order_event import EquityMarked
from runner.domain.plan import BLOCK, FLATTEN, HALT
from runner.domain.position import State
from runner.domain.session_event import BarClosed, Decided, Halted, LimitTripped, StopLevel
from runner.domain.time import DAY_MS
from runner.domain.venue import ClosedBar
from runner.journal.codec import digest_of
from runner.live.book import Book
from runner.live.desk import Desk
from runner.live.wanted import held_quantity
from runner.live.window import Window

_RULES = {1: "entry.long", -1: "entry.short"}
_VIA = {True: "rest", False: "rest, the last price for the mark"}
# without a limit (the bot's text may have changed) there is nothing to tell
_ACTIONS: Mapping[int, StopLevel] = {BLOCK: "no_entries", FLATTEN: "flatten", HALT: "halt"}


def judge_close(desk: Desk, window: Window, closed: ClosedBar) -> bool:
    """Decide at this close, once ever; False: the window is not warm, or the close was decided before."""
    if not window.is_warm or closed.open_time_ms + window.timeframe_ms <= desk.book.decided_ms:
        return False
    desk.record(*close_entries(desk, desk.book, window))
    return True


def close_entries(desk: Desk, book: Book, window: Window) -> list[Entry]:
    """What is to be written of the window's last bar, the book being as it is before the decision."""
    bar, row = window.last()
    state = decide(book.plan, book.state, bar, row)
    rule = _RULES.get(state.signal, "")
    events = (
        BarClosed(bar, row, _VIA[window.bars[-1].has_mark], desk.clock.now_ms()),
        Decided(state.signal, state.refusal, digest_of(state), state.orders, rule),
        EquityMarked(
            _money(state.account.equity_usdt),
            _money(state.account.cash_usdt),
            held_quantity(book.plan, state),
            Decimal(repr(bar.mark_close)),
        ),
        *_tripped(book, state),
    )
    return [replace(desk.entry(event), bar_ms=bar.close_time_ms) for event in events]


def _tripped(book: Book, state: State) -> Iterator[LimitTripped | Halted]:
    """Limits that this close's equity reached: each is told once. What halts is an operator's matter from
    here on.
    """
    limits, guard, account = book.plan.limits, state.guard, state.account
    equity = _money(account.equity_usdt)
    day, action = guard.daily_loss_day, _ACTIONS.get(limits.daily_loss_action)
    if action is not None and day > book.told_loss_day and day >= account.day - 1:
        seen = account if day == account.day else book.state.account  # hit in the bar that ended its day
        level = _money(daily_loss_level(limits, seen))
        yield LimitTripped("daily_loss", action, equity, level, (day + 1) * DAY_MS)
    action = _ACTIONS.get(limits.drawdown_action)
    if action is not None and guard.drawdown_hit and not book.told_drawdown:
        yield LimitTripped("max_drawdown", action, equity, _money(drawdown_level(limits, account)))
    if guard.halted and book.halted is None:
        yield Halted("no_entries", "the maximum drawdown was reached", "limit")


def resumed(state: State) -> State:
    """An operator's word clears what only an operator may clear; drawdown counts from here."""
    guard = state.guard._replace(drawdown_hit=False, halted=False)
    account = state.account._replace(peak_equity_usdt=state.account.equity_usdt)
    return state._replace(guard=guard, account=account)


def _money(figure: float) -> Decimal:
    return Decimal(repr(round(figure, 8)))
