"""Makes what rests at the exchange become what should rest: sends, hears, finds out what is unknown.

In: a desk, ports of the exchange, the gate's limits and facts. Out: journal entries, requests on the wire.
Refuses to know: bars, rules, HTTP. Each request is a task of its own, journaled before its first byte, so
that a lost answer of one never delays the stop of another.
Source: design "wanted against actual", "unknown stays unknown".
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from runner.core.apply import apply
from runner.domain.entry import Entry, Event
from runner.domain.order import LEG_ENTRY, LEG_MARKET, REASONS
from runner.domain.order_event import Action as Writing
from runner.domain.order_event import Answered, Intended, LegName, OrderUpdated, Sending
from runner.domain.order_event import Leg as IntendedLeg
from runner.domain.session_event import Banned, StateSet
from runner.domain.venue import (
    AccountPort,
    Acked,
    Duplicate,
    Kind,
    NotSent,
    OrderPort,
    Outcome,
    ReadFailed,
    Rejected,
    Request,
    Retry,
    Unknown,
)
from runner.errors import JournalFailed
from runner.live.actions import Action, Holding, Own, Phase, Place, next_actions
from runner.live.adopt import never_naked
from runner.live.desk import Desk
from runner.live.fills import nothing_of
from runner.live.gate import Approved, GateFacts, GateLimits, judge
from runner.live.ids import ClientId, Leg, intent_id
from runner.live.inquiry import look_up, resolve, stamped
from runner.live.promise import promised_stop, stop_rule
from runner.live.resolve import ASK_EVERY_MS, RECEIVE_WINDOW_MS
from runner.live.states import Purpose, SessionState
from runner.live.trades import ended_short, read_trades
from runner.live.wanted import Wanted, held_quantity, wanted_entry, wanted_legs

PAUSE_MS = 250  # after a request that surely did nothing, doubled each time
PAUSE_MS_MAX = 8_000
PAUSE_KNOWN_MS = 60_000  # after its end
URGENT_PAUSE_MS_MAX = 1_000  # of stops and exits: a position does not wait
TARGET_PAUSE_MS = 60_000  # after a rejection: a target that the exchange refuses is refused again
MISSING_MS_MAX = 30_000  # executions told of and not readable for so long hold nothing up any more

_LEG_NAMES: dict[Leg, LegName] = {
    Leg.ENTRY: "entry",
    Leg.EXIT: "exit",
    Leg.STOP: "stop",
    Leg.TARGET: "target",
}
_PURPOSES = {
    Leg.ENTRY: Purpose.ENTER,
    Leg.EXIT: Purpose.EXIT,
    Leg.STOP: Purpose.PROTECT,
    Leg.TARGET: Purpose.TARGET,
}
CLOCK_CODES = (-1021, -5028)  # the exchange found our timestamp outside its window


@dataclass(slots=True)
class Executor:
    """`facts` tells the gate what is known at this instant; `spawn` runs a task of the session."""

    desk: Desk
    orders: OrderPort
    account: AccountPort
    limits: GateLimits
    facts: Callable[[], GateFacts]
    spawn: Callable[[Coroutine[None, None, None]], object]
    entry_lifetime_ms: int
    sent_ms: list[int]  # by our clock, of the last minute
    refusals: dict[str, str] = field(default_factory=dict)  # leg → why the gate refused it last
    pauses: dict[object, tuple[int, int]] = field(default_factory=dict)  # leg or cancel → (until, length)
    missing_since_ms: int = 0
    is_closing: bool = False  # the session ends: nothing new
    asking: set[str] = field(default_factory=set)
    must_reconcile: bool = False
    must_sync_clock: bool = False
    is_reading: bool = False
    is_called_off: Callable[[], bool] = lambda: False  # whether somebody halted the run, heard at this moment

    def step(self) -> None:
        """Start everything that should be done now. Called after every change, and on a timer."""
        book, now = self.desk.book, self.desk.clock.now_ms()
        self._drop_lost_entry()
        self._ask_about_unknown()
        if book.trades_missing():
            self.missing_since_ms = self.missing_since_ms or now
            self._read_missing()
        else:
            self.missing_since_ms = 0
        entry = wanted_entry(book.plan, self.desk.book.state)
        if entry is not None and (self.is_closing or self.desk.state is SessionState.HALTED):
            self._drop_entry(entry, "the session ends" if self.is_closing else "halted")
        never_naked(self.desk)
        wanted = wanted_legs(book.plan, self.desk.book.state, beyond_stop=book.beyond_stop)
        held = Holding(held_quantity(book.plan, self.desk.book.state), self.desk.held_there)
        standing = self.desk.book.live_orders
        for action in next_actions(wanted, standing, held, now, stop_failed=book.beyond_stop):
            self._start(action, now)

    def _start(self, action: Action, now_ms: int) -> None:
        if isinstance(action, Place):
            self._start_place(action.wanted, now_ms)
        elif now_ms >= max(self.desk.book.banned_until_ms, self._pause_until(str(action.own.id))):
            own = action.own
            sending = Sending("cancel", self.desk.exchange_ms(), RECEIVE_WINDOW_MS)
            self.desk.record(stamped(self.desk, own, sending))
            self.spawn(self._cancel(own))

    def _pause_until(self, what: object) -> int:
        return self.pauses.get(what, (0, 0))[0]

    def _pause(self, what: object, length_ms_max: int) -> None:
        """Do not try this again at once; twice as long each time, unless the last time is long ago."""
        now = self.desk.clock.now_ms()
        self.pauses = {one: held for one, held in self.pauses.items() if now - held[0] < PAUSE_KNOWN_MS}
        length = min(max(PAUSE_MS, 2 * self.pauses.get(what, (0, 0))[1]), length_ms_max)
        self.pauses[what] = (now + length, length)

    def _start_place(self, wanted: Wanted, now_ms: int) -> None:
        if now_ms < self._pause_until((wanted.leg, wanted.place, wanted.kind)):
            return
        if wanted.leg is Leg.ENTRY and now_ms >= self._entry_deadline(wanted):
            refused = self.refusals.pop(wanted.leg.value, "")
            self._drop_entry(wanted, "the decision is too old" + (f": {refused}" if refused else ""))
            return
        if self._must_wait(wanted):
            return
        request, intent = self._request(wanted)
        purpose = _purpose_of(wanted)
        verdict = judge(request, purpose, self.facts(), self.limits)
        if not isinstance(verdict, Approved):
            self.refusals[wanted.leg.value] = verdict.reason
            return
        self.refusals.pop(wanted.leg.value, None)
        if purpose is Purpose.ENTER and self.is_called_off():
            return
        entries = self._sending(wanted, request, intent)
        try:
            (self.desk.commit if purpose is Purpose.ENTER else self.desk.record)(*entries)
        except JournalFailed as fault:
            self.refusals[wanted.leg.value] = f"the journal takes nothing: {fault}"
            return
        if purpose is Purpose.ENTER and self.is_called_off():
            self._note(
                self.desk.book.orders[request.client_id], Answered("place", "not_sent", None, "halted")
            )
            return
        self.sent_ms[:] = [*(at for at in self.sent_ms if now_ms - at < 60_000), now_ms]
        self.spawn(self._place(verdict.request))

    def _must_wait(self, wanted: Wanted) -> bool:
        """A decision enters once: while an order of it is known, its fills and its end are awaited. Exits and
        targets wait for executions that were told of and not read yet; a stop waits for nothing.
        """
        book = self.desk.book
        if wanted.leg is Leg.ENTRY:
            intent = self._intent(wanted)
            return any(own.id.leg is Leg.ENTRY and own.id.intent == intent for own in book.orders.values())
        missing = self.missing_since_ms and self.desk.clock.now_ms() - self.missing_since_ms < MISSING_MS_MAX
        return wanted.kind is not Kind.STOP_MARKET and bool(missing)

    def protect(self, wanted: Wanted) -> None:
        """Send a stop that the core does not know of: whose position it is will be settled behind it."""
        self._start_place(wanted, self.desk.clock.now_ms())

    def _read_missing(self) -> None:
        if not self.is_reading:
            self.is_reading = True
            self.spawn(self._read_trades())

    async def _read_trades(self) -> None:
        try:
            await read_trades(self.desk, self.account)
            if self.desk.book.trades_missing():
                await self.desk.clock.sleep(ASK_EVERY_MS)  # told of before they can be read
        except ReadFailed:
            await self.desk.clock.sleep(ASK_EVERY_MS)
        finally:
            self.is_reading = False
            self.desk.changed.set()

    def _entry_deadline(self, wanted: Wanted) -> int:
        """By our clock: a decision is acted on soon, or not at all."""
        latest_ms = self.desk.book.entry_ms + self.entry_lifetime_ms
        return min(wanted.expires_ms or latest_ms, latest_ms) - self.desk.exchange_offset_ms

    def _intent(self, wanted: Wanted) -> str:
        """A stop and its targets carry the intent of the entry that they belong to."""
        identity, book = self.desk.identity, self.desk.book
        if wanted.leg in (Leg.STOP, Leg.TARGET) and book.trade_intent:
            return book.trade_intent
        decided_ms = book.entry_ms if wanted.leg is Leg.ENTRY else wanted.decided_ms
        rule = _LEG_NAMES[wanted.leg]
        return intent_id(identity.bot, identity.symbol, decided_ms, rule, wanted.side, identity.bot_hash)

    def _request(self, wanted: Wanted, intent: str = "") -> tuple[Request, str]:
        """The request with the next client id of its intent."""
        book, identity = self.desk.book, self.desk.identity
        intent = intent or self._intent(wanted)
        attempt = book.attempts.get((intent, wanted.leg, wanted.place), 0) + 1
        name = ClientId(identity.tag, intent, wanted.leg, wanted.place, attempt)
        return (
            Request(
                client_id=str(name),
                symbol=identity.symbol,
                kind=wanted.kind,
                side=wanted.side,
                quantity=wanted.quantity,
                price=wanted.price,
                trigger_price=wanted.trigger_price,
                triggers_on_mark=wanted.triggers_on_mark,
                reduce_only=wanted.reduce_only,
                post_only=wanted.post_only,
                expires_ms=wanted.expires_ms if wanted.leg is Leg.ENTRY else None,
            ),
            intent,
        )

    def _sending(self, wanted: Wanted, request: Request, intent: str) -> list[Entry]:
        """What is journaled before the first byte: the intent at its first attempt, and the sending."""
        desk = self.desk
        attempt = desk.book.attempts.get((intent, wanted.leg, wanted.place), 0) + 1
        sending = Sending("place", desk.exchange_ms(), RECEIVE_WINDOW_MS, request)
        entries = [desk.entry(sending, intent=intent, client_id=request.client_id, attempt=attempt)]
        if attempt == 1 and request.client_id not in desk.book.requests:  # a stop may have been promised
            entries.insert(0, desk.entry(self._intended(wanted, request, intent), intent=intent))
        return entries

    def _intended(self, wanted: Wanted, request: Request, intent: str) -> Intended:
        """What an order is for; an entry comes with the stop that its execution will want."""
        legs, book = [IntendedLeg(_LEG_NAMES[wanted.leg], request)], self.desk.book
        if wanted.leg is not Leg.ENTRY:
            return Intended(request.symbol, REASONS[wanted.reason], wanted.side, tuple(legs), 0)
        stop = promised_stop(book.plan, book.state, wanted, book.last_close)
        if stop is not None:
            legs.append(IntendedLeg("stop", self._request(stop, intent)[0]))
        return Intended(
            symbol=request.symbol,
            rule="entry.long" if wanted.side > 0 else "entry.short",
            side=wanted.side,
            legs=tuple(legs),
            deadline_ms=self._entry_deadline(wanted),
            why=stop_rule(book.plan, book.state),
        )

    async def _place(self, request: Request) -> None:
        own = self.desk.book.orders[request.client_id]
        outcome = await self.orders.place(request)
        self._answered(own, "place", outcome)
        what = (own.id.leg, own.id.place, request.kind)
        urgent = own.id.leg in (Leg.STOP, Leg.EXIT)
        if isinstance(outcome, Acked) and not _fell_short(outcome, request):
            self.pauses.pop(what, None)
        elif isinstance(outcome, Rejected) and own.id.leg is Leg.TARGET:
            self.pauses[what] = (self.desk.clock.now_ms() + TARGET_PAUSE_MS, TARGET_PAUSE_MS)
        elif isinstance(outcome, Acked | Retry | NotSent | Rejected):
            self._pause(what, URGENT_PAUSE_MS_MAX if urgent else PAUSE_MS_MAX)

    async def _cancel(self, own: Own) -> None:
        """Cancel, then look: what a cancel's answer says about fills is not believed."""
        outcome = await self.orders.cancel(own.request.symbol, str(own.id), own.request.kind.book)
        self._answered(own, "cancel", outcome)
        if isinstance(outcome, Acked):
            self.pauses.pop(str(own.id), None)
        else:
            self._pause(str(own.id), PAUSE_MS_MAX)
        if isinstance(outcome, Retry | NotSent):
            return
        try:
            found = await look_up(self.desk, self.account, own)
        except ReadFailed:
            self.must_reconcile = True
            return
        if found is not None and not found.status.ended:
            self._note(own, Answered("cancel", "rejected", None, "it still rests"))

    def _answered(self, own: Own, action: Writing, outcome: Outcome) -> None:
        """Write down what an answer means, and what follows from it at once."""
        match outcome:
            case Acked(order):
                answered = Answered(action, "acked", None, "", order.venue_order_id)
                entries = [stamped(self.desk, own, answered)]
                if action == "place":
                    entries.append(stamped(self.desk, own, OrderUpdated(order, "answer")))
                self.desk.record(*entries)
            case Rejected(code, text):
                self._note(own, Answered(action, "rejected", code, text))
                self.must_reconcile = self.must_reconcile or own.id.leg in (Leg.EXIT, Leg.STOP)
            case Retry(code, text, until_ms):
                self._note(own, Answered(action, "retry", code, text))
                self.must_sync_clock = self.must_sync_clock or code in CLOCK_CODES
                if until_ms > self.desk.clock.now_ms():
                    self.desk.record(self.desk.entry(Banned(until_ms, 429, "exchange", text)))
            case NotSent(text):
                self._note(own, Answered(action, "not_sent", None, text))
            case Duplicate(text):
                self._note(own, Answered(action, "duplicate", None, text))
            case Unknown(text):
                self._note(own, Answered(action, "unknown", None, text))

    def _ask_about_unknown(self) -> None:
        for own in self.desk.book.orders.values():
            name = str(own.id)
            if own.phase is Phase.UNKNOWN and name not in self.asking:
                self.asking.add(name)
                self.spawn(self._resolve(own))

    async def _resolve(self, own: Own) -> None:
        try:
            await resolve(self.desk, self.account, own)
        finally:
            self.asking.discard(str(own.id))

    def _drop_lost_entry(self) -> None:
        """An entry that ended with something unfilled is not wanted any more: a missed entry is cheap."""
        book = self.desk.book
        wanted = wanted_entry(book.plan, book.state)
        if wanted is None:
            return
        intent = self._intent(wanted)
        mine = [own for own in book.orders.values() if own.id.leg is Leg.ENTRY and own.id.intent == intent]
        lost = [own for own in mine if ended_short(own, book)]
        settled = all(own.phase is Phase.ENDED for own in mine)
        if lost and settled:
            self._drop_entry(wanted, f"{lost[-1].id} ended with {lost[-1].left} unfilled")

    def _drop_entry(self, wanted: Wanted, why: str) -> None:
        leg = LEG_MARKET if wanted.kind is Kind.MARKET else LEG_ENTRY
        nothing = nothing_of(leg, wanted, self.desk.clock.now_ms())
        state = apply(self.desk.book.plan, self.desk.book.state, nothing)
        self.desk.record(self.desk.entry(StateSet(state, f"entry dropped: {why}")))

    def _note(self, own: Own, event: Event) -> None:
        self.desk.record(stamped(self.desk, own, event))


def _fell_short(acked: Acked, request: Request) -> bool:
    """Whether an order ended at once with something unfilled: the book is thin, and will be in a
    millisecond.
    """
    return acked.order.status.ended and acked.order.filled_quantity < request.quantity


def _purpose_of(wanted: Wanted) -> Purpose:
    """A stop that leaves at the market is an exit."""
    leaving = wanted.leg is Leg.STOP and wanted.kind is Kind.MARKET
    return Purpose.EXIT if leaving else _PURPOSES[wanted.leg]
