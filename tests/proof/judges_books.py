"""Two books that must agree: fates, executions, positions, money, bars, the chain itself.

In: `Histories`. Out: what is violated. Refuses to know: how the bot works.
"""

import itertools
from collections.abc import Iterator
from decimal import Decimal

from runner.domain.entry import Recorded
from runner.domain.order_event import (
    Answered,
    Filled,
    FundingPaid,
    Intended,
    OrderUpdated,
    Resolved,
    Sending,
    Transferred,
)
from runner.domain.session_event import (
    CHECKPOINT,
    Alerted,
    BarClosed,
    Decided,
    Halted,
    Mismatched,
    RecoveryStep,
    SessionChanged,
    SessionStarted,
    StateSet,
)
from runner.domain.venue import Status
from runner.journal.chain import columns_of, hash_of
from runner.simulator.events import AlgoEvent, OrderEvent
from runner.simulator.types import Income, Order, Request
from tests.proof.histories import Exchange, Found, Histories

PENNY = Decimal("0.00000001")
STEP = Decimal("0.001")


def _book_after(h: Histories) -> Iterator[tuple[Recorded, Decimal, set[str]]]:
    """The journal's own position and open orders after each line."""
    position, live = Decimal(0), dict[str, Decimal]()
    for line in h.journal:
        entry, event = line.entry, line.entry.event
        match event:
            case StateSet(state, why) if why != CHECKPOINT:
                position = Decimal(repr(state.position.quantity)).quantize(STEP)
            case Filled():
                if event.applied is not None:
                    position += event.side * Decimal(repr(event.applied.quantity)).quantize(STEP)
                name = entry.client_id or ""
                if name in live:
                    live[name] -= event.quantity
                    if live[name] <= 0:
                        del live[name]
            case Sending("place", request=request) if request is not None:
                live[request.client_id] = request.quantity
            case Answered("place", outcome) if outcome in ("rejected", "retry", "not_sent"):
                live.pop(entry.client_id or "", None)
            case Resolved("absent"):
                live.pop(entry.client_id or "", None)
            case OrderUpdated(order) if order.status.ended:
                live.pop(order.client_id, None)
        yield line, position, set(live)


def inv_3(h: Histories) -> Found:
    """Where reconcile says that both sides agree, they do: position, and own open orders in both books."""
    states: list[tuple[int, Decimal, set[str]]] = []
    exchange = Exchange(h.terms)
    for entry in h.truth:
        exchange.take(entry)
        states.append((entry.time_ms, exchange.position, exchange.own_open(h.terms.tag)))
    for line, position, live in _book_after(h):
        event = line.entry.event
        is_agreed = isinstance(event, RecoveryStep) and event.step == "verify" and event.outcome == "agreed"
        if is_agreed and not _agrees(states[: h.mark(line.seq)], h.terms.lag_ms, position, live):
            there = states[h.mark(line.seq) - 1]
            yield f"line {line.seq} agrees with {position} and {sorted(live)}; the exchange had {there}"
    if h.is_quiet and h.journal and states:
        _, position, live = list(_book_after(h))[-1]
        _, held, resting = states[-1]
        stuck = exchange.triggering()
        if (position, live - stuck) != (held, resting - stuck):
            here, there = f"{position} and {sorted(live)}", f"{held} and {sorted(resting)}"
            yield f"at the end the journal has {here}, the exchange {there}"


def _agrees(
    states: list[tuple[int, Decimal, set[str]]], lag_ms: int, position: Decimal, live: set[str]
) -> bool:
    """Whether the exchange was so at some moment shortly before; orders on their way may be in either."""
    if not states:
        return position == 0
    latest = states[-1][0]
    for time_ms, held, resting in reversed(states):
        if held == position and resting == live:
            return True
        if held == position and all(name in live for name in resting):
            return True  # more is on its way than rests
        if time_ms < latest - lag_ms:
            return False
    return position == 0 and not live


def inv_6(h: Histories) -> Found:
    """Nothing is called rejected or absent that the exchange took, whenever; nothing ended that rests."""
    taken = {command.client_id: entry.seq for entry, command, _, accepted in h.sent() if accepted}
    times = {entry.seq: entry.time_ms for entry in h.truth}
    for line in h.journal:
        event, name = line.entry.event, line.entry.client_id
        denied = (
            isinstance(event, Answered)
            and event.action == "place"
            and event.outcome in ("rejected", "retry", "not_sent")
        ) or (isinstance(event, Resolved) and event.resolution == "absent")
        if denied and name in taken:
            when = times[taken[name]]
            yield f"line {line.seq}: {name} is said never to have been; the exchange took it at {when}"
        if (
            isinstance(event, OrderUpdated)
            and event.order.status.ended
            and event.order.status is not Status.FILLED
        ):
            exchange = Exchange(h.terms)
            for entry in h.truth[: h.mark(line.seq)]:
                exchange.take(entry)
            algo = exchange.algos.get(event.order.client_id)
            still = [one for one in exchange.orders.values() if one.client_id == event.order.client_id]
            if (algo is not None and algo.status == "NEW") or still:
                said = event.order.status.value
                yield f"line {line.seq}: {event.order.client_id} is said to be {said}; it rests"


def inv_9(h: Histories) -> Found:
    """What is somebody else's is never cancelled, amended or closed, nor counted as ours."""
    foreign: set[str] = set()
    for entry in h.truth:
        event = entry.payload
        if isinstance(event, OrderEvent | AlgoEvent):
            order = event.order if isinstance(event, OrderEvent) else event.algo
            if h.ours(order.client_id) is None:
                number = order.order_id if isinstance(order, Order) else order.algo_id
                foreign |= {order.client_id, str(number)}
        if isinstance(event, Request) and entry.seq not in h.by_hand:
            touched = [one for one in event.arguments if one in foreign]
            if touched or "cancel_all" in event.name:
                yield f"{event.name}{event.arguments} at {entry.time_ms} touches what is not ours"
    held = Decimal(0)
    for line in h.journal:
        event = line.entry.event
        if isinstance(event, StateSet) and event.why != CHECKPOINT:
            held = Decimal(repr(event.state.position.quantity)).quantize(STEP)
        if isinstance(event, Filled) and event.applied is not None:
            change = event.side * Decimal(repr(event.applied.quantity)).quantize(STEP)
            if h.ours(line.entry.client_id or "") is None and (held * change >= 0 or abs(change) > abs(held)):
                yield f"line {line.seq}: somebody else's {change} is counted as ours beside {held}"
            held += change


def inv_10(h: Histories) -> Found:
    """Each execution is applied once, with its true figures; at the end none of ours is missing."""
    truth = {str(trade.trade_id): (order, trade) for _, order, trade in h.trades()}
    seen: set[str] = set()
    for line in h.journal:
        event = line.entry.event
        if not isinstance(event, Filled):
            continue
        if event.trade_id in seen:
            yield f"line {line.seq}: trade {event.trade_id} a second time"
        seen.add(event.trade_id)
        if event.trade_id not in truth:
            yield f"line {line.seq}: trade {event.trade_id} is not the exchange's"
            continue
        _, trade = truth[event.trade_id]
        side = 1 if trade.side == "BUY" else -1
        if (event.side, event.quantity, event.price, event.fee_usdt) != (
            side,
            trade.quantity,
            trade.price,
            trade.commission_usdt,
        ):
            yield f"line {line.seq}: trade {event.trade_id} is told wrongly"
    if h.is_quiet:
        for trade_id, (order, _) in truth.items():
            if trade_id not in seen and h.owner(order) is not None:
                yield f"trade {trade_id} of {order.client_id} is not in the journal"


def inv_11(first: str, second: str) -> Found:
    """The same seed, the same hash. Asked of two runs (`seeds.py`)."""
    if first != second:
        yield f"one seed, two journals: {first[:12]} and {second[:12]}"


def inv_12(h: Histories) -> Found:
    """A close is decided once ever, and leads to one entry intent at most. Parity itself: see ELSEWHERE."""
    closes: set[int] = set()
    intents: dict[tuple[int | None, str], str] = {}
    bar_ms = 0
    for line in h.journal:
        event = line.entry.event
        if isinstance(event, BarClosed):
            bar_ms = event.bar.close_time_ms
        if isinstance(event, Decided):
            if bar_ms in closes:
                yield f"line {line.seq}: the close of {bar_ms} is decided a second time"
            closes.add(bar_ms)
        if isinstance(event, Intended) and event.rule.startswith("entry") and line.entry.intent:
            before = intents.setdefault((line.entry.bar_ms, event.rule), line.entry.intent)
            if before != line.entry.intent:
                yield f"line {line.seq}: the close of {line.entry.bar_ms} has two entry intents"


def inv_16(h: Histories) -> Found:
    """An entry rests on a bar that is closed, finite, the newest, and recent."""
    last: BarClosed | None = None
    deadlines: dict[str, int] = {}
    for line in h.journal:
        entry, event = line.entry, line.entry.event
        if isinstance(event, BarClosed):
            bar = event.bar
            figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
            if not all(abs(one) < float("inf") for one in figures) or bar.low > bar.high:
                yield f"line {line.seq}: a bar of {figures}"
            if last is not None and bar.open_time_ms < last.bar.close_time_ms:
                before_ms = last.bar.open_time_ms
                yield f"line {line.seq}: the bar of {bar.open_time_ms} comes after that of {before_ms}"
            if event.received_ms < bar.close_time_ms - h.terms.lag_ms - 10_000:
                yield f"line {line.seq}: the bar of {bar.open_time_ms} was taken before its close"
            last = event
        if isinstance(event, Intended) and any(leg.name == "entry" for leg in event.legs) and entry.intent:
            deadlines[entry.intent] = event.deadline_ms
        if isinstance(event, Sending) and event.action == "place":
            name = h.ours(entry.client_id or "")
            if name is None or name.leg != "e":
                continue
            if last is None:
                yield f"line {line.seq}: {entry.client_id} rests on no bar"
            elif entry.time_ms >= deadlines.get(name.intent, 0) + h.terms.slack_ms:
                yield f"line {line.seq}: {entry.client_id} after its deadline"


def inv_17(h: Histories) -> Found:
    """Each process that takes a run up has a higher epoch than the one before. Two at once: see ELSEWHERE."""
    epochs = [line.entry.event.epoch for line in h.journal if isinstance(line.entry.event, SessionStarted)]
    for before, after in itertools.pairwise(epochs):
        if after <= before:
            yield f"epoch {after} after {before}"
    for (_, end), (begin, _) in zip(sorted(h.alive), sorted(h.alive)[1:], strict=False):
        if begin < end:
            yield f"two processes live at {begin}"


def inv_19(h: Histories) -> Found:
    """Once faults are over, the session runs, or it has told somebody why it does not."""
    if not h.is_quiet or not h.journal:
        return
    state, untold = "", ""
    for line in h.journal:
        match line.entry.event:
            case SessionChanged(_, "closed"):
                pass  # an orderly end says nothing about how it was
            case SessionChanged(_, after, why):
                state = after
                untold = {"protect_only": why, "running": ""}.get(after, untold)
            case Halted(_, reason, "runner" | "limit"):  # who halted it by hand knows
                untold = reason
            case Alerted():
                untold = ""
    if state in ("", "starting"):
        yield "the session never came out of its recovery"
    if state in ("protect_only", "halted") and untold:
        yield f"the session is {state} and nobody was told: {untold}"


def inv_20(h: Histories) -> Found:
    """Every intent says which text it comes from. Refused texts: see ELSEWHERE."""
    for line in h.journal:
        if isinstance(line.entry.event, Intended | Sending) and not (
            line.entry.bot_hash and line.entry.build
        ):
            yield f"line {line.seq} does not say which bot and build"


def inv_21(h: Histories) -> Found:
    """The chain holds, and every order leads back to an intent with a rule."""
    before = h.genesis
    for seq, line in enumerate(h.journal, 1):
        row = columns_of(line.entry) | {"seq": seq, "prev_hash": before}
        if line.seq != seq or line.prev_hash != before or hash_of(row) != line.hash:
            yield f"line {line.seq} is not what was written"
            return
        before = line.hash
    rules = {
        (line.entry.intent, leg.name[0])
        for line in h.journal
        if isinstance(line.entry.event, Intended) and line.entry.event.rule
        for leg in line.entry.event.legs
    }
    unsaid = {line.entry.client_id for line in h.journal if isinstance(line.entry.event, Mismatched)}
    letters = {"e": "e", "x": "e", "s": "s", "t": "t"}
    for entry, command, name, _ in h.sent():
        leads = (name.intent, letters[name.leg]) in rules
        muted = any(begin <= entry.time_ms <= end + 1_000 for begin, end in h.mute)
        if not leads and not muted and command.client_id not in unsaid:
            yield f"{command.client_id} leads back to no rule"


def inv_25(h: Histories) -> Found:
    """The wallet's change is fills less fees, funding and transfers, to the last digit."""
    if not h.is_quiet:
        return
    kinds = ("REALIZED_PNL", "COMMISSION", "FUNDING_FEE", "TRANSFER")
    truth = dict.fromkeys(kinds, Decimal(0))
    foreign = {trade.trade_id for _, order, trade in h.trades() if h.owner(order) is None}
    for entry in h.truth:
        income = entry.payload
        if isinstance(income, Income) and income.type in kinds and income.trade_id not in foreign:
            truth[income.type] += income.amount_usdt
    told = dict.fromkeys(kinds, Decimal(0))
    for line in h.journal:
        event = line.entry.event
        if isinstance(event, Filled) and h.ours(line.entry.client_id or "") is not None:
            told["REALIZED_PNL"] += event.realised_pnl_usdt or Decimal(0)
            told["COMMISSION"] -= event.fee_usdt
        elif isinstance(event, FundingPaid):
            told["FUNDING_FEE"] += event.payment_usdt
        elif isinstance(event, Transferred):
            told["TRANSFER"] += event.moved_usdt
    for kind in ("REALIZED_PNL", "COMMISSION", "FUNDING_FEE"):
        if abs(truth[kind] - told[kind]) > PENNY:
            yield f"{kind}: the exchange says {truth[kind]}, the journal {told[kind]}"


def inv_28(h: Histories) -> Found:
    """To reconcile twice in a row changes nothing the second time."""
    if h.is_quiet and h.repeated:
        yield f"the second time {h.repeated} entries were written"
