"""The verdict: a rehearsal beside the backtest of the same bars, one by one.

In: the bot, the bars, the backtest's result, what the run wrote, what the exchange says. Out: a Verdict.
Refuses to know: how either was made, how it is printed.

What has to hold: every close was decided once, with the backtest's signal; where an order was refused in one
and not in the other, or executed otherwise, there is a reason, or the rehearsal has failed. Reasons come from
the two sides' known differences (`fills.py`) and from the journal (`story.py`), never from the wish to find
one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from runner.compiler.build import Compiled
from runner.domain.bar import Bar, Row
from runner.domain.entry import Entry
from runner.domain.order_event import EquityMarked
from runner.domain.position import (
    ACCEPTED,
    REFUSALS,
    REFUSED_COOLDOWN,
    REFUSED_DAILY_LOSS,
    REFUSED_DRAWDOWN,
    REFUSED_HALTED,
    REFUSED_NO_EQUITY,
    REFUSED_NOTIONAL,
    REFUSED_QUANTITY,
)
from runner.domain.result import Result
from runner.domain.series import Market
from runner.domain.session_event import BarClosed, Decided
from runner.domain.time import format_time
from runner.rehearsal.fills import Scene, pair_differences
from runner.rehearsal.stage import Played
from runner.rehearsal.story import Story
from runner.rehearsal.verdict import Counts, Difference, Verdict
from runner.report.books import Books, books_of_entries, books_of_result
from runner.report.deviation import Bridge, bridge
from runner.report.executions import LEG_MARK, Trade

BAR_NOISE = 1e-9
BOOKS_USDT_MAX = 0.02  # the exchange cuts to eight digits, the core does not
_BY_EQUITY = {
    REFUSED_HALTED,
    REFUSED_DAILY_LOSS,
    REFUSED_DRAWDOWN,
    REFUSED_NO_EQUITY,
    REFUSED_QUANTITY,
    REFUSED_NOTIONAL,
}
_BY_LOSSES = {REFUSED_COOLDOWN}
_SIGNALS = {0: "no signal", 1: "long", -1: "short", 2: "long and short"}


@dataclass(frozen=True)
class Score:
    """Both runs. `replayed`: the first decision that does not follow from the run's own journal, "" for
    none.
    """

    compiled: Compiled
    market: Market
    result: Result
    entries: Sequence[Entry]
    played: Played
    replayed: str = ""

    @cached_property
    def timeframe_ms(self) -> int:
        return self.compiled.plan.timeframe_ms

    @cached_property
    def closes(self) -> list[int]:
        """Every close that counts."""
        return [int(time_ms) for time_ms in self.result.close_time_ms]

    @cached_property
    def story(self) -> Story:
        return Story(self.entries, self.played.moments)

    @cached_property
    def bars(self) -> dict[int, Bar]:
        """The bars as the exchange told them, by their opens."""
        return {
            one.event.bar.open_time_ms: one.event.bar
            for one in self.entries
            if isinstance(one.event, BarClosed)
        }

    @cached_property
    def rows(self) -> dict[int, Row]:
        """What the rules said, by closes."""
        return {
            one.event.bar.close_time_ms: one.event.row
            for one in self.entries
            if isinstance(one.event, BarClosed)
        }

    @cached_property
    def decided(self) -> dict[int, Decided]:
        """The run's decisions by their closes."""
        return {one.bar_ms or 0: one.event for one in self.entries if isinstance(one.event, Decided)}

    @cached_property
    def marked(self) -> dict[int, EquityMarked]:
        """The run's account by closes."""
        return {one.bar_ms or 0: one.event for one in self.entries if isinstance(one.event, EquityMarked)}

    def equity_at(self, close_ms: int) -> tuple[float, float]:
        """(backtest's, run's) at a close, or the last known before it."""
        capital = self.compiled.plan.capital_usdt
        place = int(np.searchsorted(self.result.close_time_ms, close_ms, side="right")) - 1
        expected = float(self.result.equity_usdt[place]) if place >= 0 else capital
        mark = self.marked.get(close_ms)
        return expected, float(mark.equity_usdt) if mark is not None else expected


def judge(score: Score) -> Verdict:
    """The whole comparison."""
    ledger = _ledger(score)
    named = [*_bar_differences(score), *_trade_differences(score, ledger)]
    spoken = _decision_differences(score, sorted(named, key=lambda one: one.time_ms), ledger)
    wrong = [*named, *spoken, *_end_differences(score, ledger)]
    differences = tuple(sorted(wrong, key=lambda one: one.time_ms))
    return Verdict(_counts(score, ledger), differences, ledger)


def _ledger(score: Score) -> Bridge:
    capital, last = score.compiled.plan.capital_usdt, float(score.market.bars.close[-1])
    if not score.bars:
        return bridge(
            books_of_result(score.result, score.closes[-1], last), Books((), (), 0.0), score.timeframe_ms
        )
    end_ms = max(score.bars) + score.timeframe_ms
    expected = books_of_result(score.result, end_ms, score.bars[max(score.bars)].mark_close)
    return bridge(expected, books_of_entries(score.entries, score.timeframe_ms, capital), score.timeframe_ms)


# --- bars and decisions ---


def _bar_differences(score: Score) -> list[Difference]:
    """Bars that the exchange told otherwise than they are stored: only a fault of its feed does that."""
    bars, found = score.market.bars, []
    feed = ", ".join(name for name in score.played.struck if name.startswith("feed."))
    for place in range(score.market.first, len(bars)):
        start = int(bars.open_time_ms[place])
        told = score.bars.get(start)
        if told is None:
            continue
        stored = (bars.open[place], bars.high[place], bars.low[place], bars.close[place], bars.volume[place])
        if not np.allclose(told[2:7], stored, rtol=BAR_NOISE, atol=0.0):
            what = f"the bar of {format_time(start)} was told otherwise than it is stored"
            found.append(Difference(start + score.timeframe_ms, what, feed and f"fault: {feed}"))
    return found


def _decision_differences(score: Score, named: Sequence[Difference], ledger: Bridge) -> list[Difference]:
    """Closes that were not decided, signals and refusals that differ."""
    expected = {one.time_ms: (one.signal, one.refusal) for one in score.result.decisions}
    found: list[Difference] = []
    if score.replayed:
        found.append(Difference(score.closes[0], f"the journal does not replay: {score.replayed}", ""))
    for close_ms in score.closes:
        mine = score.decided.get(close_ms)
        theirs = expected.get(close_ms, (0, ACCEPTED))
        if mine is None:
            why = _before(score, named, close_ms, lambda one: one.what.startswith("the bar of"))
            why = why or score.story.between(close_ms - score.timeframe_ms, close_ms + score.timeframe_ms)
            found.append(Difference(close_ms, f"the close of {format_time(close_ms)} was not decided", why))
        elif mine.signal != theirs[0]:
            what = f"signal at the close of {format_time(close_ms)}: {_said(mine.signal, 0)}"
            why = _before(score, named, close_ms, lambda one: one.what.startswith("the bar of"))
            found.append(Difference(close_ms, f"{what} instead of {_said(*theirs)}", why))
        elif mine.signal and mine.refusal != theirs[1]:
            what = f"decision at the close of {format_time(close_ms)}: {_said(mine.signal, mine.refusal)}"
            why = _before(score, named, close_ms, lambda one: one.is_explained)
            why = why or _why_refused(score, ledger, close_ms, {mine.refusal, theirs[1]})
            found.append(Difference(close_ms, f"{what} instead of {_said(*theirs)}", why))
    return found


def _why_refused(score: Score, ledger: Bridge, close_ms: int, refusals: set[int]) -> str:
    """Limits count what differs by price alone: equity, and whether a trade was a loss."""
    before, after = score.equity_at(close_ms)
    if refusals & _BY_EQUITY and abs(after - before) > BOOKS_USDT_MAX:
        return f"a limit goes by equity, which differs by {after - before:+.2f} USDT"
    turned = [
        pair
        for pair in ledger.pairing.pairs
        if pair.actual.end_ms < close_ms and _is_loss(pair.expected) != _is_loss(pair.actual)
    ]
    if refusals & _BY_LOSSES and turned:
        when = format_time(turned[-1].expected.bar_ms)
        return f"losses are counted, and the trade of {when} was one on one side only"
    return ""


def _is_loss(trade: Trade) -> bool:
    return trade.gross_usdt - trade.fees_usdt < 0.0


def _before(
    score: Score, named: Sequence[Difference], close_ms: int, fits: Callable[[Difference], bool]
) -> str:
    """The last difference before a close that may have led to another decision."""
    earlier = [one for one in named if one.time_ms <= close_ms + score.timeframe_ms and fits(one)]
    return f"follows from: {earlier[-1].what}" if earlier else ""


def _said(signal: int, refusal: int) -> str:
    return _SIGNALS[signal] + (f", refused ({REFUSALS[refusal]})" if refusal in REFUSALS else "")


# --- trades ---


def _trade_differences(score: Score, ledger: Bridge) -> list[Difference]:
    scene = Scene(
        score.compiled.plan,
        score.timeframe_ms,
        score.bars.get,
        score.rows.get,
        score.equity_at,
        score.story,
    )
    found: list[Difference] = []
    for pair in ledger.pairing.pairs:
        found += pair_differences(scene, pair)
    found.sort(key=lambda one: one.time_ms)
    for trade in (*ledger.pairing.missed, *ledger.pairing.others):
        is_missed = trade in ledger.pairing.missed
        found.append(_unpaired(score, trade, found, ledger, is_missed=is_missed))
    return found


def _unpaired(
    score: Score, trade: Trade, named: Sequence[Difference], ledger: Bridge, *, is_missed: bool
) -> Difference:
    """A trade that only one of the two made."""
    first = trade.executions[0]
    word = "missed" if is_missed else "made, but not by the backtest"
    side = "long" if first.side > 0 else "short"
    what = f"{first.reason} of {format_time(trade.bar_ms)} ({trade.opened:g} {side})"
    net = trade.gross_usdt - trade.fees_usdt
    usdt = -net if is_missed else net
    partners = ledger.pairing.others if is_missed else ledger.pairing.missed
    others = [*partners, *(pair.actual if is_missed else pair.expected for pair in ledger.pairing.pairs)]
    why = "" if first.own else "somebody else traded the position"
    if is_missed:
        lifetime_ms = max(score.compiled.plan.entry.expires_bars, 1) * score.timeframe_ms
        why = why or score.story.dropped(trade.bar_ms - lifetime_ms, trade.bar_ms)
        why = why or score.story.between(trade.bar_ms - score.timeframe_ms, trade.bar_ms + score.timeframe_ms)
    busy = next((one for one in others if one.bar_ms <= trade.bar_ms <= one.end_ms), None)
    if not why and busy is not None and any(one.is_explained for one in named):
        why = f"the position of {format_time(busy.bar_ms)} was still open"
    if not why and not is_missed:
        why = _before(score, named, trade.bar_ms, lambda one: one.is_explained)
    return Difference(trade.bar_ms, f"{what}: {word}", why, usdt)


# --- the end ---


def _end_differences(score: Score, ledger: Bridge) -> list[Difference]:
    """What has to be true whatever happened."""
    end_ms, played = score.closes[-1], score.played
    found = [f"the exchange's books: {problem}" for problem in played.problems]
    if not played.is_protected:
        found.append(f"the position of {played.quantity} was left without a stop")
    last = score.marked.get(end_ms)
    if last is None:
        return [*(Difference(end_ms, what, "") for what in found), _unfinished(score)]
    if played.quantity != last.position and not _acted_at_the_end(score):
        found.append(f"the exchange holds {played.quantity}, the bot {last.position}")
    told = float(played.wallet_usdt + played.unrealised_usdt)
    if abs(told - float(last.equity_usdt)) > BOOKS_USDT_MAX and not _acted_at_the_end(score):
        found.append(f"the exchange has {told:.2f} USDT for this account, the bot {last.equity_usdt:.2f}")
    if abs(ledger.residual_usdt) > BOOKS_USDT_MAX:
        found.append(f"{ledger.residual_usdt:+.2f} USDT of the run's result are in no item of the ledger")
    return [Difference(end_ms, what, "") for what in found]


def _acted_at_the_end(score: Score) -> bool:
    """Whether the last close led to orders: they executed beyond what is compared."""
    last = score.decided.get(score.closes[-1])
    return last is not None and last.orders is not None and last.orders.market.kind != 0


def _unfinished(score: Score) -> Difference:
    """The run ended before the bars did."""
    end_ms = max(score.marked, default=score.closes[0])
    what = f"the run ended after the close of {format_time(end_ms)}, exit code {score.played.exit_code}"
    why = score.story.between(end_ms - score.timeframe_ms, score.closes[-1])
    return Difference(end_ms, what, why)


def _counts(score: Score, ledger: Bridge) -> Counts:
    expected = {one.time_ms: one.signal for one in score.result.decisions}
    same = [
        close
        for close in score.closes
        if close in score.decided and score.decided[close].signal == expected.get(close, 0)
    ]
    pairing = ledger.pairing
    trades = len(pairing.pairs) + len(pairing.missed)
    of_pairs = [one for pair in pairing.pairs for one in pair.expected.executions if one.leg != LEG_MARK]
    lost = [one for trade in pairing.missed for one in trade.executions if one.leg != LEG_MARK]
    matched = [
        match
        for pair in pairing.pairs
        for match in pair.matches
        if match.expected.leg != LEG_MARK and match.expected.bar_ms == match.actual.bar_ms
    ]
    return Counts(
        closes=len(score.closes),
        closes_equal=len(same),
        signals=len(expected),
        signals_equal=sum(close in expected for close in same),
        trades=trades,
        trades_paired=len(pairing.pairs),
        executions=len(of_pairs) + len(lost),
        executions_paired=len(matched),
    )
