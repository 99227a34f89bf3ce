"""The black-box judge: 28 invariants over two histories, the exchange's own log and the journal.

In: `Histories`. Out: what is violated, in words, by invariant.
Refuses to know: how the bot works; nothing of runner.live or runner.core is imported. A request of unknown fate may have
executed or not; what the exchange's log says is what happened.

What two histories of one run cannot show is judged elsewhere; `ELSEWHERE` names the test.
"""

from collections.abc import Callable, Iterator
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
    Banned,
    BarClosed,
    Decided,
    Halted,
    LimitTripped,
    Mismatched,
    RecoveryStep,
    Resumed,
    SessionChanged,
    SessionStarted,
    StateSet,
)
from runner.domain.venue import Status
from runner.journal.chain import columns_of, hash_of
from runner.simulator.events import AlgoEvent, OrderEvent
from runner.simulator.types import Income, NewAlgo, NewOrder, Order, Request
from tests.proof.histories import Exchange, Histories, Terms, Truth, within

Found = Iterator[str]
MINUTE_MS = 60_000
PENNY = Decimal("0.00000001")
STEP = Decimal("0.001")

ELSEWHERE: dict[str, str] = {
    "INV-12": "tests/backtest/test_parity.py and the rehearsal's verdict: the same bars and fills, the same decisions",
    "INV-17": "tests/journal/test_journal_lease.py: two real processes; here only that epochs rise",
    "INV-20": "tests/bot/test_bot_fuzz.py, test_bad_bots.py; here only that every intent names the text it comes from",
    "INV-22": "tests/test_canary.py, tests/logs/test_logs.py; tests/proof/test_matrix.py searches the database for the keys",
    "INV-23": "hooks are no part of this version: there is nothing to run",
    "INV-24": "tests/notify/test_notify_courier.py, test_notify_crash.py: sinks that hang, fail, and die",
}


def check(h: Histories) -> list[str]:
    """Every violation, each with its invariant's name first."""
    return [f"{name}: {words}" for name, judge in INVARIANTS.items() for words in judge(h)]


def inv_1(h: Histories) -> Found:
    """One signal enters once: no more than planned, and never two orders of it live together."""
    planned: dict[str, Decimal] = {}
    for line in h.journal:
        if isinstance(line.entry.event, Intended):
            for leg in line.entry.event.legs:
                if leg.name == "entry" and line.entry.intent:
                    planned.setdefault(line.entry.intent, leg.request.quantity)
    executed: dict[str, Decimal] = {}
    live: dict[str, set[int]] = {}
    for entry in h.truth:
        event = entry.payload
        if not isinstance(event, OrderEvent):
            continue
        name = h.ours(event.order.client_id)
        if name is None or name.leg != "e":
            continue
        if event.trade is not None:
            executed[name.intent] = executed.get(name.intent, Decimal(0)) + event.trade.quantity
        orders = live.setdefault(name.intent, set())
        (orders.add if event.order.is_open else orders.discard)(event.order.order_id)
        if len(orders) > 1:
            yield f"two entries of {name.intent} are live at {entry.time_ms}"
    for intent, quantity in executed.items():
        if quantity > planned.get(intent, Decimal(0)):
            yield f"{intent} entered {quantity}, planned {planned.get(intent)}"


def inv_2(h: Histories) -> Found:
    """A position is without a sufficient stop for at most protect_ms of reachable time. Each try to leave at the market
    for which the book is too thin counts as an answer.
    """
    spans, exchange = h.reachable(), Exchange(h.terms)
    naked_since: dict[bool, int | None] = {True: None, False: None}
    limits = {True: h.terms.protect_ms, False: h.terms.protect_ms + h.terms.silent_ms}
    told: set[tuple[bool, int]] = set()
    for time_ms, entry in [*((one.time_ms, one) for one in h.truth), (h.end_ms, None)]:
        for silent, since in naked_since.items():
            if since is None or (silent, since) in told:
                continue
            lasted = within(spans, since, time_ms)
            if lasted > limits[silent]:
                told.add((silent, since))
                yield f"{exchange.position} without a stop for {lasted} ms from {since} on"
        if entry is not None:
            exchange.take(entry)
            if _tried_to_leave(h, entry):
                naked_since = dict.fromkeys(naked_since)
        for silent in naked_since:
            if exchange.is_covered(silent=silent):
                naked_since[silent] = None
            elif naked_since[silent] is None:
                naked_since[silent] = time_ms


def _tried_to_leave(h: Histories, entry: Truth) -> bool:
    """Whether a market order of ours that can only reduce found nobody, or not enough, on the other side."""
    event = entry.payload
    if not isinstance(event, OrderEvent) or event.order.status != "EXPIRED":
        return False
    order = event.order
    return order.original_type == "MARKET" and order.reduce_only and h.ours(order.client_id) is not None


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
            yield f"line {line.seq} agrees with {position} and {sorted(live)}; the exchange had {states[h.mark(line.seq) - 1]}"
    if h.is_quiet and h.journal and states:
        _, position, live = list(_book_after(h))[-1]
        _, held, resting = states[-1]
        stuck = exchange.triggering()
        if (position, live - stuck) != (held, resting - stuck):
            yield f"at the end the journal has {position} and {sorted(live)}, the exchange {held} and {sorted(resting)}"


def _agrees(states: list[tuple[int, Decimal, set[str]]], lag_ms: int, position: Decimal, live: set[str]) -> bool:
    """Whether the exchange was so at some moment shortly before; orders on their way may be in either book."""
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


def inv_4(h: Histories) -> Found:
    """A day's loss is never forgotten, and what it stopped stays stopped until the next day or an operator's word."""
    starts = [line for line in h.journal if isinstance(line.entry.event, StateSet) and line.entry.event.why == "start"]
    for again in starts[1:]:
        yield f"line {again.seq} begins the ledger anew"
    day_equity: dict[int, float] = {}
    for line in h.journal:
        event = line.entry.event
        if isinstance(event, StateSet):
            account, guard = event.state.account, event.state.guard
            known = day_equity.setdefault(account.day, account.day_equity_usdt)
            if account.day >= 0 and account.day_equity_usdt < known:
                yield f"line {line.seq} lowers the day's opening equity from {known} to {account.day_equity_usdt}"
            if guard.daily_loss_day == account.day >= 0:
                yield from _entered(h, line, (account.day + 1) * 86_400_000, "the day's loss was reached")
        elif isinstance(event, LimitTripped):
            day_end = (line.entry.time_ms // 86_400_000 + 1) * 86_400_000
            yield from _entered(h, line, event.until_ms or day_end, f"{event.limit} was reached")


def _entered(h: Histories, since: Recorded, until_ms: int, why: str) -> Found:
    """Entries that reached the exchange after a line, before a time, and before an operator's word."""
    resumed = [line.seq for line in h.journal if isinstance(line.entry.event, Resumed) and line.seq > since.seq]
    last = h.mark(resumed[0]) if resumed else len(h.truth)
    for entry, command, name, _ in h.sent():
        if name.leg == "e" and h.mark(since.seq) <= entry.seq < last and entry.time_ms < until_ms:
            if not _was_under_way(h, command.client_id or "", since.seq):
                yield f"{command.client_id} entered at {entry.time_ms} although {why} (line {since.seq})"


def _was_under_way(h: Histories, client_id: str, seq: int) -> bool:
    """Whether an order had been sent before a line was written."""
    return any(
        line.seq < seq and line.entry.client_id == client_id and isinstance(line.entry.event, Sending) for line in h.journal
    )


def inv_5(h: Histories) -> Found:
    """No order of ours reaches the exchange whose sending was not committed before; only what reduces may go out while
    the journal takes nothing.
    """
    known = {
        line.entry.client_id: h.mark(line.seq)
        for line in reversed(h.journal)
        if isinstance(line.entry.event, Sending) and line.entry.event.action == "place"
    }
    for entry, command, _, _ in h.sent():
        if any(begin <= entry.time_ms <= end + 1_000 for begin, end in h.mute) and command.reduce_only:
            continue
        if known.get(command.client_id, len(h.truth) + 1) > entry.seq:
            yield f"{command.client_id} reached the exchange at {entry.time_ms} before it was journaled"


def inv_6(h: Histories) -> Found:
    """Nothing is called rejected or absent that the exchange took, at whatever time; nothing ended that rests."""
    taken = {command.client_id: entry.seq for entry, command, _, accepted in h.sent() if accepted}
    times = {entry.seq: entry.time_ms for entry in h.truth}
    for line in h.journal:
        event, name = line.entry.event, line.entry.client_id
        denied = (isinstance(event, Answered) and event.action == "place" and event.outcome in ("rejected", "retry", "not_sent")) or (
            isinstance(event, Resolved) and event.resolution == "absent"
        )
        if denied and name in taken:
            yield f"line {line.seq}: {name} is said never to have been; the exchange took it at {times[taken[name]]}"
        if isinstance(event, OrderUpdated) and event.order.status.ended and event.order.status is not Status.FILLED:
            exchange = Exchange(h.terms)
            for entry in h.truth[: h.mark(line.seq)]:
                exchange.take(entry)
            algo = exchange.algos.get(event.order.client_id)
            still = [one for one in exchange.orders.values() if one.client_id == event.order.client_id]
            if (algo is not None and algo.status == "NEW") or still:
                yield f"line {line.seq}: {event.order.client_id} is said to be {event.order.status.value}; it rests"


def inv_7(h: Histories) -> Found:
    """No stop, target or exit ever makes a position larger, or turns it over."""
    position = Decimal(0)
    for entry, order, trade in h.trades():
        change = trade.quantity if trade.side == "BUY" else -trade.quantity
        name = h.owner(order)
        if name is not None and name.leg != "e" and (position * change >= 0 or abs(change) > abs(position)):
            yield f"{order.client_id} took {change} of {position} at {entry.time_ms}"
        position += change


def inv_8(h: Histories) -> Found:
    """Flat for orphan_ms of reachable time: no stop, target or exit of ours rests any more. One that is triggering cannot
    be cancelled (-4117), and can only reduce.
    """
    spans, exchange, flat_since = h.reachable(), Exchange(h.terms), None
    told: set[str] = set()
    for time_ms, entry in [*((one.time_ms, one) for one in h.truth), (h.end_ms, None)]:
        if flat_since is not None and within(spans, flat_since, time_ms) > h.terms.orphan_ms:
            for one in exchange.own_open(h.terms.tag) - exchange.triggering() - told:
                name = h.ours(one)
                if name is not None and name.leg != "e":
                    told.add(one)
                    yield f"{one} rests although flat since {flat_since}"
        if entry is not None:
            exchange.take(entry)
        if exchange.position != 0:
            flat_since = None
        elif flat_since is None:
            flat_since = time_ms


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
        if (event.side, event.quantity, event.price, event.fee_usdt) != (side, trade.quantity, trade.price, trade.commission_usdt):
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


def inv_13(h: Histories) -> Found:
    """From the commit of a halt nothing leaves that adds risk, across any number of restarts."""
    halted: Recorded | None = None
    spans: list[tuple[int, int]] = []
    for line in h.journal:
        if isinstance(line.entry.event, Halted) and halted is None:
            halted = line
        if isinstance(line.entry.event, Resumed) and halted is not None:
            spans.append((halted.seq, line.seq))
            halted = None
    if halted is not None:
        spans.append((halted.seq, len(h.journal) + 1))
    for begin, end in spans:
        last = h.mark(end) if end <= len(h.journal) else len(h.truth)
        for entry, command, name, _ in h.sent():
            adds = name.leg == "e" or not command.reduce_only
            if adds and h.mark(begin) <= entry.seq < last and not _was_under_way(h, command.client_id or "", begin):
                yield f"{command.client_id} left at {entry.time_ms} although halted (line {begin})"


def inv_14(h: Histories) -> Found:
    """Symbol, notional, price band, orders a minute and leverage hold at the wire; prices as the bars had them."""
    terms, position = h.terms, Decimal(0)
    closes = [
        (h.mark(line.seq), Decimal(repr(line.entry.event.bar.mark_close)))
        for line in h.journal
        if isinstance(line.entry.event, BarClosed)
    ]
    times: list[int] = []
    for entry in h.truth:
        event = entry.payload
        if isinstance(event, OrderEvent) and event.trade is not None:
            position += event.trade.quantity if event.trade.side == "BUY" else -event.trade.quantity
        if entry.seq in h.by_hand:
            continue
        if isinstance(event, Request) and event.name == "set_leverage" and h.alive and entry.time_ms >= h.alive[0][0]:
            if event.arguments[1] != str(terms.leverage):
                yield f"leverage {event.arguments} at {entry.time_ms}"
        name = h.ours(event.client_id or "") if isinstance(event, NewOrder | NewAlgo) else None
        if name is None or not isinstance(event, NewOrder | NewAlgo):
            continue
        times = [*(one for one in times if entry.time_ms - one < MINUTE_MS), entry.time_ms]
        mark = next((price for at, price in reversed(closes) if at <= entry.seq), None)
        if event.symbol != terms.symbol:
            yield f"{event.client_id} is in {event.symbol}"
        if len(times) > terms.orders_minute_max:
            yield f"{len(times)} orders in a minute at {entry.time_ms}"
        if name.leg == "e" and mark is not None:
            yield from _too_much(terms, event, position, mark)


def _too_much(terms: Terms, order: NewOrder | NewAlgo, position: Decimal, mark: Decimal) -> Found:
    """An entry's notional, and its distance from the mark. A bar is older than the order: a little slack."""
    quantity, price = order.quantity or Decimal(0), order.price or mark
    after = abs(position + (quantity if order.side == "BUY" else -quantity)) * max(price, mark)
    if after > terms.notional_usdt_max * Decimal("1.05"):
        yield f"{order.client_id} makes {after:.2f} USDT"
    if abs(price / mark - 1) > terms.band_ratio:
        yield f"{order.client_id} at {price}, the mark at {mark}"


def inv_15(h: Histories) -> Found:
    """No entry inside a cooldown."""
    if not h.terms.cooldown_ms:
        return
    position, flat_ms = Decimal(0), None
    for entry in h.truth:
        event = entry.payload
        if isinstance(event, OrderEvent) and event.trade is not None:
            position += event.trade.quantity if event.trade.side == "BUY" else -event.trade.quantity
            flat_ms = entry.time_ms if position == 0 else None
        if isinstance(event, NewOrder) and flat_ms is not None and entry.seq not in h.by_hand:
            name = h.ours(event.client_id or "")
            if name is not None and name.leg == "e" and entry.time_ms < flat_ms + h.terms.cooldown_ms:
                yield f"{event.client_id} at {entry.time_ms}, {entry.time_ms - flat_ms} ms after the last exit"


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
                yield f"line {line.seq}: the bar of {bar.open_time_ms} comes after that of {last.bar.open_time_ms}"
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
            elif entry.time_ms >= deadlines.get(name.intent, 0):
                yield f"line {line.seq}: {entry.client_id} after its deadline"


def inv_17(h: Histories) -> Found:
    """Each process that takes a run up has a higher epoch than the one before. Two at once: see ELSEWHERE."""
    epochs = [line.entry.event.epoch for line in h.journal if isinstance(line.entry.event, SessionStarted)]
    for before, after in zip(epochs, epochs[1:], strict=False):
        if after <= before:
            yield f"epoch {after} after {before}"
    for (_, end), (begin, _) in zip(sorted(h.alive), sorted(h.alive)[1:], strict=False):
        if begin < end:
            yield f"two processes live at {begin}"


def inv_18(h: Histories) -> Found:
    """After a 429 or 418 nothing is sent before the time that was told, not even by a new process."""
    until_ms = 0
    bans = iter([(h.mark(line.seq), line.entry.event.until_ms) for line in h.journal if isinstance(line.entry.event, Banned)])
    upcoming = next(bans, None)
    for entry, command, _, _ in h.sent():
        while upcoming is not None and upcoming[0] <= entry.seq:
            until_ms = max(until_ms, upcoming[1])
            upcoming = next(bans, None)
        if entry.time_ms < until_ms - h.terms.lag_ms:
            yield f"{command.client_id} at {entry.time_ms}, inside a ban until {until_ms}"
    denied = 0
    for contact in h.contacts:
        denied = denied + 1 if contact.status in (418, 429) else 0
        if denied > 5:
            yield f"{denied} requests in a row went on into a ban, the last at {contact.sent_ms}"
            return


def inv_19(h: Histories) -> Found:
    """Once faults are over, the session runs, or it has said why it does not."""
    if not h.is_quiet or not h.journal:
        return
    state, told = "", False
    for line in h.journal:
        event = line.entry.event
        if isinstance(event, SessionChanged):
            state, told = event.after, False
        if isinstance(event, Alerted | Halted):
            told = True
    if state == "starting" or state == "":
        yield "the session never came out of its recovery"
    if state in ("protect_only", "halted") and not (told or any(isinstance(one.entry.event, Halted) for one in h.journal)):
        yield f"the session is {state} and nobody was told"


def inv_20(h: Histories) -> Found:
    """Every intent says which text it comes from. Refused texts: see ELSEWHERE."""
    for line in h.journal:
        if isinstance(line.entry.event, Intended | Sending) and not (line.entry.bot_hash and line.entry.build):
            yield f"line {line.seq} does not say which bot and build"


def inv_21(h: Histories) -> Found:
    """The chain holds, and every order leads back to an intent with a rule."""
    before, seq = h.genesis, 0
    for line in h.journal:
        seq += 1
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


def inv_26(h: Histories) -> Found:
    """The tightest stop of a trade is never replaced by a looser one."""
    position, tightest = Decimal(0), None
    taken_over = [h.mark(line.seq) for line in h.journal if isinstance(line.entry.event, Mismatched)]
    for entry in h.truth:
        event = entry.payload
        if isinstance(event, OrderEvent) and event.trade is not None:
            before = position
            position += event.trade.quantity if event.trade.side == "BUY" else -event.trade.quantity
            if position == 0 or before * position < 0 or h.owner(event.order) is None:
                tightest = None
        if taken_over and taken_over[0] <= entry.seq:
            taken_over.pop(0)
            tightest = None
        if isinstance(event, AlgoEvent) and event.algo.status not in ("NEW", "CANCELED"):
            tightest = None  # spent: what comes after it answers another question
        if isinstance(event, AlgoEvent) and event.algo.status == "NEW" and position != 0:
            name = h.ours(event.algo.client_id)
            if name is None or name.leg != "s" or event.algo.created_ms != entry.time_ms:
                continue
            sign = 1 if position > 0 else -1
            price = event.algo.trigger_price
            if tightest is not None and (price - tightest) * sign < 0:
                yield f"{event.algo.client_id} at {price} is looser than {tightest}"
            tightest = price if tightest is None else max(price * sign, tightest * sign) * sign


def inv_27(h: Histories) -> Found:
    """While the journal takes nothing, nothing that adds risk leaves."""
    for entry, command, name, _ in h.sent():
        if any(begin < entry.time_ms < end for begin, end in h.mute) and (name.leg == "e" or not command.reduce_only):
            if not _sent_before(h, command.client_id or "", entry.time_ms):
                yield f"{command.client_id} left at {entry.time_ms} while the journal took nothing"


def _sent_before(h: Histories, client_id: str, time_ms: int) -> bool:
    """Whether its sending is in the journal from before the silence: it was on its way."""
    begun = max((begin for begin, end in h.mute if begin < time_ms < end), default=0)
    return any(
        line.entry.client_id == client_id and isinstance(line.entry.event, Sending) and line.entry.time_ms <= begun
        for line in h.journal
    )


def inv_28(h: Histories) -> Found:
    """To reconcile twice in a row changes nothing the second time."""
    if h.is_quiet and h.repeated:
        yield f"the second time {h.repeated} entries were written"


INVARIANTS: dict[str, Callable[[Histories], Found]] = {
    "INV-1": inv_1,
    "INV-2": inv_2,
    "INV-3": inv_3,
    "INV-4": inv_4,
    "INV-5": inv_5,
    "INV-6": inv_6,
    "INV-7": inv_7,
    "INV-8": inv_8,
    "INV-9": inv_9,
    "INV-10": inv_10,
    "INV-12": inv_12,
    "INV-13": inv_13,
    "INV-14": inv_14,
    "INV-15": inv_15,
    "INV-16": inv_16,
    "INV-17": inv_17,
    "INV-18": inv_18,
    "INV-19": inv_19,
    "INV-20": inv_20,
    "INV-21": inv_21,
    "INV-25": inv_25,
    "INV-26": inv_26,
    "INV-27": inv_27,
    "INV-28": inv_28,
}
