"""Start-up, which is recovery, also the first time.

In: a desk whose book was folded from the journal, ports, an executor. Out: the session's first state.
Refuses to know: locks and databases (they come first, outside), bars. Each step may be cut off anywhere and
done again.
Source: reliability design 5.3: ban → clock → protect → resolve → match → repair → ledger → verify. Protection
comes before anything that takes time.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from runner.core.exits import tightened
from runner.domain.order import RECOVERY, STOP_LOSS
from runner.domain.order_event import Answered, PositionSet
from runner.domain.session_event import Halted, Mismatched, RecoveryStep, StateSet
from runner.domain.venue import AccountPort, Kind, MarketPort, ReadFailed, Snapshot, VenueOrder
from runner.live.actions import Phase, is_protected
from runner.live.adopt import adopted, disaster_stop, leaving
from runner.live.desk import Desk
from runner.live.executor import CLOCK_CODES, Executor
from runner.live.ids import Leg
from runner.live.inquiry import stamped
from runner.live.promise import promised_trigger
from runner.live.reconcile import Agreed, Differs, reconcile
from runner.live.resolve import READ_LAG_MS
from runner.live.states import SessionState
from runner.live.trades import read_trades
from runner.live.wanted import Wanted, exact, held_quantity

Policy = Literal["halt", "adopt", "flatten"]

ASK_MS = 250
PROTECT_MS_MAX = 5_000  # then recovery goes on, and the executor goes on trying
SETTLE_MS, SETTLE_MS_MAX = 500, 2_000  # between two looks, at first and after a while: a look weighs 17
DIFFERENT = "the position is not what our executions make of it"


@dataclass(slots=True)
class Recovery:
    """What the steps work on."""

    desk: Desk
    account: AccountPort
    market: MarketPort
    executor: Executor
    policy: Policy

    async def run(self) -> None:
        """All steps. Waits as long as the exchange cannot be reached; who is halted stays halted."""
        steps: tuple[tuple[str, Callable[[], Awaitable[str]]], ...] = (
            ("doubt", self._doubt),
            ("ban", self._wait_out_ban),
            ("clock", self._set_clock),
            ("protect", self._protect),
            ("match", self._match),
            ("verify", self._verify),
        )
        for name, step in steps:
            outcome = await self._insist(step)
            self.desk.record(self.desk.entry(RecoveryStep(name, outcome)))
        if self.desk.book.halted is not None:
            self.desk.move(SessionState.HALTED, self.desk.book.halted.reason)

    async def _insist(self, step: Callable[[], Awaitable[str]]) -> str:
        pause = ASK_MS
        while True:
            try:
                return await step()
            except ReadFailed as failed:
                pause = min(2 * pause, 5_000)
                self.executor.must_sync_clock |= failed.code in CLOCK_CODES
                await self.desk.clock.sleep(max(pause, failed.until_ms - self.desk.clock.now_ms()))
            await self._keep_time()

    async def _keep_time(self) -> None:
        """The exchange's clock once more, where it refused ours: its own may have moved since."""
        if self.executor.must_sync_clock:
            with suppress(ReadFailed):
                await self._set_clock()
                self.executor.must_sync_clock = False

    async def _doubt(self) -> str:
        return f"{doubt(self.desk)} requests without an answer"

    async def _wait_out_ban(self) -> str:
        left = self.desk.book.banned_until_ms - self.desk.clock.now_ms()
        if left <= 0:
            return "none"
        await self.desk.clock.sleep(left)
        return f"waited {left} ms"

    async def _set_clock(self) -> str:
        self.desk.exchange_offset_ms = await clock_offset(self.desk, self.market)
        self.executor.orders.set_clock(self.desk.exchange_offset_ms)
        return f"{self.desk.exchange_offset_ms} ms"

    async def _protect(self) -> str:
        """A position in our symbol gets a stop before anybody asks whose it is."""
        snapshot = await self.account.snapshot(self.desk.identity.symbol)
        held = snapshot.position.quantity
        self.desk.held_there, self.desk.account_ms = held, self.desk.clock.now_ms()
        if held == 0:
            return "flat"
        if any(_covers(order, held) for order in snapshot.orders):
            return "a stop rests"
        await read_trades(self.desk, self.account)
        deadline = self.desk.clock.now_ms() + PROTECT_MS_MAX
        while not is_protected(self.desk.book.live_orders, held):
            protect(self.desk, self.executor, snapshot)
            if self.desk.clock.now_ms() > deadline:
                return "no stop rests yet"
            await self.desk.clock.sleep(ASK_MS)
            await self._keep_time()
        return "a stop was placed"

    async def _match(self) -> str:
        """Until every fate is known and both sides agree, or differ twice."""
        doubts, pause = Doubts(), SETTLE_MS
        self.executor.step()
        while True:
            verdict = await reconcile(self.desk, self.account)
            if isinstance(verdict, Agreed):
                return "agreed"
            if isinstance(verdict, Differs):
                protect(self.desk, self.executor, verdict.snapshot)
                if doubts.stand(verdict, self.desk.clock.now_ms()):
                    settle_difference(self.desk, verdict, self.policy)
                    return f"{DIFFERENT}: {self.policy}"
            self.executor.step()
            await self._work(pause)
            pause = min(2 * pause, SETTLE_MS_MAX) if self._is_covered() else SETTLE_MS

    def _is_covered(self) -> bool:
        """Whether nothing is held that no stop of ours covers, by the last look."""
        held = self.desk.held_there
        return held is not None and is_protected(self.desk.book.live_orders, held)

    async def _work(self, for_ms: int) -> None:
        """The executor goes on between two looks."""
        for _ in range(for_ms // SETTLE_MS):
            await self.desk.clock.sleep(SETTLE_MS)
            await self._keep_time()
            self.executor.step()

    async def _verify(self) -> str:
        """What is wanted rests, and both sides still agree."""
        for _ in range(20):
            self.executor.step()
            verdict = await reconcile(self.desk, self.account)
            book = self.desk.book
            held = held_quantity(book.plan, book.state)
            wants_stop = book.state.orders.stop.kind != 0
            if isinstance(verdict, Agreed) and (not wants_stop or is_protected(book.live_orders, held)):
                return "agreed"
            await self.desk.clock.sleep(ASK_MS)
            await self._keep_time()
        return "not agreed yet"


@dataclass(slots=True)
class Doubts:
    """A difference is real when it stands, the same, for longer than reads lag."""

    first: Differs | None = None
    since_ms: int = 0

    def stand(self, verdict: Differs, now_ms: int) -> bool:
        """Whether this difference has stood for long enough."""
        before = self.first
        if before is None or before.ours != verdict.ours or not _same(before, verdict):
            self.first, self.since_ms = verdict, now_ms
        return now_ms - self.since_ms > READ_LAG_MS


def protect(desk: Desk, executor: Executor, snapshot: Snapshot) -> None:
    """A stop behind the position as the exchange has it, whether or not the core knows of it."""
    held = snapshot.position.quantity
    if held == 0 or is_protected(desk.book.live_orders, held):
        return
    asked = any(own.id.leg is Leg.STOP and desk.book.is_unknown(str(own.id)) for own in desk.book.live_orders)
    if held_quantity(desk.book.plan, desk.book.state) == held:
        executor.step()
    elif not asked:
        executor.protect(_disaster(desk, snapshot))


def doubt(desk: Desk) -> int:
    """What was under way when the last process ended has an unknown fate now; how many that were."""
    count = 0
    for own in desk.book.live_orders:
        if own.phase is Phase.SENDING:
            event = Answered("place", "unknown", None, "the process ended before an answer")
        elif own.cancel_ms:
            event = Answered("cancel", "rejected", None, "the process ended before an answer")
        else:
            continue
        desk.record(stamped(desk, own, event))
        count += 1
    return count


async def clock_offset(desk: Desk, market: MarketPort) -> int:
    """The exchange's clock less ours: the middle of the quickest of three round trips."""
    best = None
    for _ in range(3):
        before = desk.clock.now_ms()
        server = await market.server_time()
        after = desk.clock.now_ms()
        if best is None or after - before < best[0]:
            best = (after - before, server - (before + after) // 2)
    assert best is not None
    return best[1]


def settle_difference(desk: Desk, differs: Differs, policy: Policy) -> None:
    """The book takes the exchange's position over, protected; what happens next is the policy's."""
    snapshot = differs.snapshot
    position, book = snapshot.position, desk.book
    now = desk.exchange_ms()
    state = adopted(book.plan, book.state, position, now)
    if policy == "flatten":
        state = leaving(state, now, RECOVERY)
    symbol, asked_ms = desk.identity.symbol, snapshot.position_ms + desk.exchange_offset_ms
    as_of_ms = position.updated_ms or asked_ms  # a flat one often does not say since when
    taken = PositionSet(symbol, position.quantity, position.entry_price, DIFFERENT)
    entries = [
        desk.entry(Mismatched(symbol, DIFFERENT, str(differs.ours), str(position.quantity), policy)),
        desk.entry(taken, time_ms=as_of_ms),  # executions up to then are in it, whenever they are read
        desk.entry(StateSet(state, f"{DIFFERENT}: {policy}")),
    ]
    if policy == "halt" and book.halted is None:
        why = f"{DIFFERENT}: {differs.ours} here, {position.quantity} there"
        entries.append(desk.entry(Halted("no_entries", why, "runner")))
    desk.record(*entries)


def _same(first: Differs, second: Differs) -> bool:
    return first.snapshot.position.quantity == second.snapshot.position.quantity


def _covers(order: VenueOrder, held: Decimal) -> bool:
    """Whether this resting stop would close the whole position."""
    side = -1 if held > 0 else 1
    whole = order.close_position or order.quantity - order.filled_quantity >= abs(held)
    return order.kind is Kind.STOP_MARKET and order.side == side and whole


def _disaster(desk: Desk, snapshot: Snapshot) -> Wanted:
    """A stop for a position that the core does not know (yet): the promised one, else a far one."""
    position, plan = snapshot.position, desk.book.plan
    side = 1 if position.quantity > 0 else -1
    mark = float(position.mark_price)
    price = disaster_stop(plan, side, mark, float(position.liquidation_price))
    promised = promised_trigger(desk.book, side, mark)
    if promised is not None and tightened(side, price, float(promised)):
        price = float(promised)
    return Wanted(
        leg=Leg.STOP,
        place=0,
        kind=Kind.STOP_MARKET,
        side=-side,
        quantity=abs(position.quantity),
        price=None,
        trigger_price=exact(price, plan.instrument.tick_size),
        reduce_only=True,
        post_only=False,
        triggers_on_mark=True,
        reason=STOP_LOSS,
        decided_ms=desk.exchange_ms(),
        expires_ms=None,
    )
