"""A backtest in the journal, and whether it comes out the same again.

In: a finished run: its document, plan, market and result. Out: entries and texts; what differs from those
kept. Refuses to know: databases, how a market is loaded.
Fills stand one by one as entries; the decisions that had a signal are one text, equity at every close one
digest: together they cover every bar.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from runner.compiler.build import Compiled
from runner.domain.entry import Entry, Event
from runner.domain.order import REASONS
from runner.domain.order_event import Filled, FundingPaid
from runner.domain.position import REFUSALS
from runner.domain.result import DecisionRecord, FillRecord, Result
from runner.domain.series import Bars, Market
from runner.domain.session_event import DataUsed, Reported, RunEnded, RunStarted
from runner.domain.time import format_time
from runner.journal.codec import text_of
from runner.journal.write import Text


@dataclass(frozen=True, slots=True)
class Ran:
    """All that is kept of a run. `text` is the document as written, `version_hash` its own bot hash."""

    mode: str
    file: str
    text: str
    version_hash: str
    sets: tuple[tuple[str, str], ...]
    data_source: str
    asked_from_ms: int | None
    asked_to_ms: int | None
    compiled: Compiled
    market: Market
    result: Result
    report: str
    max_drawdown_ratio: float | None
    trades: int


def texts_of(ran: Ran) -> list[Text]:
    """What the entries name by hash."""
    return [
        Text("document", ran.text),
        Text("plan", text_of(ran.compiled.plan)),
        Text("report", ran.report),
        Text("decisions", decisions_text(ran.result.decisions)),
    ]


def entries_of(ran: Ran, run: str, *, started_ms: int, ended_ms: int, build: str) -> Iterator[Entry]:
    """The run from its start to its end; fills and payments carry the time at which they happened."""
    document, plan, report, decisions = texts_of(ran)
    facts, result = ran.result.facts, ran.result

    def entry(event: Event, time_ms: int, bar: int | None = None, fact: str | None = None) -> Entry:
        bar_ms = int(result.close_time_ms[bar]) if bar is not None else None
        return Entry(run, time_ms, event, ran.compiled.bot_hash, build, bar_ms, fact=fact)

    data = DataUsed(
        source=ran.data_source,
        asked_from_ms=ran.asked_from_ms,
        asked_to_ms=facts.to_ms if ran.asked_to_ms is None else ran.asked_to_ms,
        from_ms=facts.from_ms,
        to_ms=facts.to_ms,
        bars=facts.bars,
        first=ran.market.first,
        digest=market_digest(ran.market),
    )
    started = RunStarted(
        mode=ran.mode,
        account="",
        bot=ran.compiled.document.name,
        symbol=facts.symbol,
        timeframe=facts.timeframe,
        text_hash=document.hash,
        version_hash=ran.version_hash,
        plan_hash=plan.hash,
        file=ran.file,
        sets=ran.sets,
        data=data,
    )
    yield entry(started, started_ms)
    for bar, time_ms, event in _happenings(result):
        place = f"{run}:{event.trade_id}" if isinstance(event, Filled) else None
        yield entry(event, time_ms, bar, place)
    start_usdt = result.plan.capital_usdt
    end_usdt = float(result.equity_usdt[-1])
    reported = Reported(
        start_equity_usdt=_exact(start_usdt),
        end_equity_usdt=_exact(end_usdt),
        net_pnl_usdt=_exact(end_usdt) - _exact(start_usdt),
        max_drawdown_ratio=ran.max_drawdown_ratio,
        trades=ran.trades,
        report_hash=report.hash,
        decisions_hash=decisions.hash,
        equity_digest=equity_digest(result),
    )
    yield entry(reported, ended_ms)
    yield entry(RunEnded(result.halted or "end of data", 0), ended_ms)


def _happenings(result: Result) -> list[tuple[int, int, Filled | FundingPaid]]:
    """Fills and payments by bar; a payment of the same bar comes first, as it does at an open."""
    paid = [
        (
            payment.bar,
            payment.time_ms,
            FundingPaid(result.facts.symbol, _exact(payment.payment_usdt), payment.payment_usdt),
        )
        for payment in result.payments
        if payment.payment_usdt != 0.0
    ]
    filled = [
        (fill.bar, fill.time_ms, filled_event(result.facts.symbol, number, fill))
        for number, fill in enumerate(result.fills, start=1)
    ]
    return sorted([*paid, *filled], key=lambda happened: happened[0])


def filled_event(symbol: str, number: int, fill: FillRecord) -> Filled:
    """The journal's word for a fill of the simulated venue; floats become the decimals that read back as
    them.
    """
    return Filled(
        symbol=symbol,
        side=fill.side,
        quantity=_exact(fill.quantity),
        price=_exact(fill.price),
        fee_usdt=_exact(fill.fee_usdt),
        maker=fill.maker,
        reason=REASONS[fill.reason],
        trade_id=str(number),
        slippage_usdt=_exact(fill.slippage_usdt),
        risk_usdt=_exact(fill.risk_usdt),
        position_after=_exact(fill.position_after),
    )


def differences(ran: Ran, kept: Sequence[Event], kept_decisions: str) -> Iterator[str]:
    """What came out otherwise this time, the earliest of each kind first; nothing: the run is reproduced."""
    yield from _first(
        "decision", kept_decisions.splitlines(), decisions_text(ran.result.decisions).splitlines()
    )
    fresh = [event for _, _, event in _happenings(ran.result)]
    for kind, name in ((Filled, "fill"), (FundingPaid, "funding payment")):
        before = [text_of(event) for event in kept if isinstance(event, kind)]
        yield from _first(name, before, [text_of(event) for event in fresh if isinstance(event, kind)])
    reported = next((event for event in kept if isinstance(event, Reported)), None)
    if reported is None:
        yield "the run has no report"
    elif reported.equity_digest != equity_digest(ran.result):
        yield "equity at the bars' closes differs"


def _first(what: str, kept: Sequence[str], fresh: Sequence[str]) -> Iterator[str]:
    for number, (before, now) in enumerate(zip(kept, fresh, strict=False), start=1):
        if before != now:
            yield f"{what} {number} differs\n  kept:  {before}\n  again: {now}"
            return
    if len(kept) != len(fresh):
        yield f"{len(kept):,} {what}s were kept, {len(fresh):,} come out again"


def decisions_text(decisions: Sequence[DecisionRecord]) -> str:
    """A line for each signal: the close, which way, and what became of it."""
    ways = {1: "long", -1: "short", 2: "both"}
    return "".join(
        f"{format_time(decision.time_ms)} {ways[decision.signal]}: "
        f"{REFUSALS.get(decision.refusal, 'accepted')}\n"
        for decision in decisions
    )


def market_digest(market: Market) -> str:
    """SHA-256 over every array that the run read."""
    digest = hashlib.sha256(f"{market.symbol} {market.first}".encode())
    for bars in (market.bars, market.mark, market.detail, *market.higher.values()):
        _add_bars(digest, bars)
    if market.funding is not None:
        for column in (market.funding.time_ms, market.funding.funding_rate, market.funding.mark_price):
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _add_bars(digest: "hashlib._Hash", bars: Bars | None) -> None:
    if bars is None:
        digest.update(b"none")
        return
    digest.update(f"{bars.timeframe_ms} {len(bars)}".encode())
    for column in (bars.open_time_ms, bars.open, bars.high, bars.low, bars.close, bars.volume):
        digest.update(np.ascontiguousarray(column).tobytes())


def equity_digest(result: Result) -> str:
    """SHA-256 over equity at every close and its worst inside every bar."""
    digest = hashlib.sha256(np.ascontiguousarray(result.equity_usdt + 0.0).tobytes())
    digest.update(np.ascontiguousarray(result.worst_equity_usdt + 0.0).tobytes())
    return digest.hexdigest()


def _exact(number: float) -> Decimal:
    return Decimal(repr(float(number) + 0.0))
