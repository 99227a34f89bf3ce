"""A run is taken up: found in the journal or begun, its book folded, its desk laid out.

In: a deployment (what runs where), a journal, a lease, the exchange's position. Out: a desk, and since when
others' entries are news.
Refuses to know: the exchange, terminals. All that is remembered comes from the journal.
Source: design "starting and recovering are one path"; a run is one deployment of a bot, each process start
of it adds a SessionStarted.

Capital: a new run reckons with the account's wallet balance at its start, or less where somebody said so;
from then on with what its own fills, fees and funding make of it. Transfers and other bots' profits are not
its own.


"""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from runner.compiler.build import Compiled
from runner.domain.entry import Entry
from runner.domain.order import NO_ORDER
from runner.domain.plan import Plan
from runner.domain.position import initial_state
from runner.domain.session_event import (
    Commanded,
    Halted,
    Handover,
    Reloaded,
    RunStarted,
    SessionStarted,
    StateSet,
)
from runner.journal.build import build_id
from runner.journal.codec import structure_of, text_of
from runner.journal.naming import free_name
from runner.journal.rows import Run
from runner.journal.write import Journal, Text
from runner.live.adopt import leaving
from runner.live.book import Book, new_book
from runner.live.desk import Clock, Desk, Identity
from runner.live.ids import bot_tag
from runner.live.kept import further, last_kept


@dataclass(frozen=True, slots=True)
class Deployment:
    """What runs, and where. `text` is the document as written, `version_hash` its own bot hash, without
    `sets`.
    """

    mode: str
    account: str
    symbol: str
    file: str
    text: str
    version_hash: str
    sets: tuple[tuple[str, str], ...]
    compiled: Compiled

    @property
    def bot(self) -> str:
        """The bot's own name."""
        return self.compiled.document.name


def latest_run(journal: Journal, deployed: Deployment) -> Run | None:
    """The run to take up again."""
    return journal.read.latest_run(
        deployed.bot, mode=deployed.mode, account=deployed.account, symbol=deployed.symbol
    )


def capital_of(journal: Journal, run: Run) -> float:
    """What a run began with."""
    return plan_of(journal, run.plan_hash).capital_usdt


def plan_of(journal: Journal, plan_hash: str) -> Plan:
    """A plan that the journal kept."""
    plan: Plan = structure_of(Plan, journal.read.text(plan_hash))
    return plan


def with_capital(deployed: Deployment, capital_usdt: float) -> Deployment:
    """The same, reckoning with so much money from the start."""
    plan = deployed.compiled.plan._replace(capital_usdt=capital_usdt)
    return replace(deployed, compiled=replace(deployed.compiled, plan=plan))


def begin(journal: Journal, deployed: Deployment, now_ms: int) -> str:
    """The name of a new run, whose beginning is not written yet."""
    return free_name(journal.read, deployed.bot, deployed.compiled.bot_hash, now_ms)


def lay_desk(
    journal: Journal,
    deployed: Deployment,
    run: str,
    clock: Clock,
    append: Callable[[Sequence[Entry]], Sequence[object | None]],
) -> Desk:
    """The desk of a run, its book as the journal has it."""
    name = deployed.bot
    identity = Identity(
        run=run,
        tag=bot_tag(name, deployed.account),
        bot=name,
        account=deployed.account,
        symbol=deployed.symbol,
        bot_hash=deployed.compiled.bot_hash,
        build=build_id(),
    )
    return Desk(identity, clock, append, book_of(journal, run, deployed.compiled.plan))


def book_of(journal: Journal, run: str, plan: Plan) -> Book:
    """The fold of all that the run wrote, each stretch by the plan of its time; it begins where the book was
    kept last. `plan`: of a run that wrote nothing. Bans hold for every run of the account.
    """
    book, after_seq = last_kept(journal, run) or (new_book(plan), 0)
    for line in journal.read.entries(run=run, after_seq=after_seq):
        book = further(book, line, lambda wanted: plan_of(journal, wanted))
    banned_ms = max(book.banned_until_ms, journal.read.banned_until_ms())
    return replace(book, banned_until_ms=banned_ms)


def texts_of(deployed: Deployment) -> list[Text]:
    """What a run's entries name by hash."""
    return [Text("document", deployed.text), Text("plan", text_of(deployed.compiled.plan))]


def first_entries(desk: Desk, deployed: Deployment) -> list[Entry]:
    """The beginning of a new run."""
    document, plan = texts_of(deployed)
    started = RunStarted(
        mode=deployed.mode,
        account=deployed.account,
        bot=deployed.bot,
        symbol=deployed.symbol,
        timeframe=deployed.compiled.document.market.timeframe,
        text_hash=document.hash,
        version_hash=deployed.version_hash,
        plan_hash=plan.hash,
        file=deployed.file,
        sets=deployed.sets,
    )
    state = initial_state(deployed.compiled.plan.capital_usdt)
    return [desk.entry(started), desk.entry(StateSet(state, "start"))]


def session_started(desk: Desk, epoch: int) -> Entry:
    """This process takes the run up."""
    return desk.entry(SessionStarted(socket.gethostname(), os.getpid(), epoch))


def go_on(desk: Desk, deployed: Deployment, known: Run, handover: Handover | None) -> None:
    """Write down with which text and plan the run goes on, where it is not the one it was left with.
    Without a word on it (`handover`) an open position is taken over.


    """
    document, plan = texts_of(deployed)
    if (document.hash, plan.hash) != (known.text_hash, known.plan_hash):
        what = "the bot's text" if document.hash != known.text_hash else "parameters, rules or brackets"
        why = f"{what} changed between sessions"
        desk.commit(desk.entry(Reloaded(document.hash, deployed.version_hash, plan.hash, why)))
        desk.book = replace(desk.book, plan=deployed.compiled.plan)
        if handover == "flatten":
            told = Commanded("rollback", (document.hash[:12],), "runner rollback", "the position is closed")
            desk.commit(desk.entry(told))
            leave(desk, "rolled back: the position is closed")
    halted = desk.book.halted
    if halted is not None and halted.level != "no_entries":
        leave(desk, f"halted while nothing ran: {halted.reason}")


def leave(desk: Desk, why: str) -> None:
    """Want the position closed at the market, if there is one and it is not wanted yet."""
    state = desk.book.state
    closing = leaving(state, desk.exchange_ms())
    held, market = state.position.quantity, state.orders.market
    if held != 0.0 and (market.kind == NO_ORDER or market.side * held > 0.0):
        desk.record(desk.entry(StateSet(closing, why)))


def halted_for(desk: Desk, faults: Sequence[str]) -> list[Entry]:
    """Where something must not go on but a position is open: nothing new, and what is open stays
    protected.
    """
    if not faults or desk.book.halted is not None:
        return []
    return [desk.entry(Halted("no_entries", "; ".join(faults), "runner"))]
