"""The judge is judged: each invariant finds the forgery that violates it, and nothing in the true history."""

import ast
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.domain.entry import Recorded
from runner.domain.order_event import Filled, Intended, Resolved, Sending
from runner.domain.session_event import (
    Banned,
    BarClosed,
    Decided,
    Halted,
    SessionChanged,
    SessionStarted,
    StateSet,
)
from runner.simulator.events import AlgoEvent, OrderEvent
from runner.simulator.log import Entry as Truth
from runner.simulator.types import NewOrder, Request
from tests.live.virtual import VirtualLoop
from tests.proof import checker
from tests.proof.checker import ELSEWHERE, INVARIANTS, check, inv_11
from tests.proof.histories import Histories, read_name
from tests.proof.scenarios import LEAD_MS, act_ms, story_stage, terms_of
from tests.proof.shelf import Shelf
from tests.proof.stage import perform


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    """A whole trade: in at the market, protected, with a target, out by a rule, strays removed."""
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    stage = story_stage(VirtualLoop(act_ms("entry") - LEAD_MS), shelf, "exit", "long")

    async def play() -> None:
        life = stage.begin()
        await stage.play(act_ms("exit") + 10_000, life)
        await life.stop()

    perform(stage.loop, stage, play())
    histories = stage.histories(terms_of("exit"))
    shelf.close()
    return histories


def test_the_true_history_violates_nothing(true: Histories) -> None:
    assert check(true) == []
    assert len(list(true.trades())) == 2


def with_truth(h: Histories, change: Callable[[Truth], Any]) -> Histories:
    """The exchange's log with some entries changed; None drops one."""
    found = [change(entry) for entry in h.truth]
    return replace(h, truth=[one for one in found if one is not None])


def with_line(h: Histories, kind: type, change: Callable[[Recorded], Recorded]) -> Histories:
    """The journal with the first line of a kind changed."""
    lines = list(h.journal)
    at = next(place for place, line in enumerate(lines) if isinstance(line.entry.event, kind))
    lines[at] = change(lines[at])
    return replace(h, journal=lines)


def added(
    h: Histories, event: Any, *, at: int | None = None, mark: int | None = None, **stamp: Any
) -> Histories:
    """The journal with one line more, at the end or before a place."""
    place = len(h.journal) if at is None else at
    pattern = h.journal[min(place, len(h.journal) - 1)]
    line = replace(pattern, seq=place + 1, entry=replace(pattern.entry, event=event, **stamp))
    marks = dict(h.marks) | {place + 1: len(h.truth) if mark is None else mark}
    lines = [*h.journal[:place], line, *h.journal[place:]]
    return replace(h, journal=lines, marks=marks)


def leg_of(entry: Truth) -> str:
    """Which of our legs an order's event is about."""
    event = entry.payload
    order = (
        event.order if isinstance(event, OrderEvent) else event.algo if isinstance(event, AlgoEvent) else None
    )
    name = read_name(order.client_id) if order is not None else None
    return name.leg if name is not None else ""


def is_trade(entry: Truth, leg: str) -> bool:
    return isinstance(entry.payload, OrderEvent) and entry.payload.trade is not None and leg_of(entry) == leg


def first_sent(h: Histories, leg: str) -> tuple[Truth, str]:
    return next((entry, str(command.client_id)) for entry, command, name, _ in h.sent() if name.leg == leg)


def twice_entered(h: Histories) -> Histories:
    again = next(entry for entry in h.truth if is_trade(entry, "e"))
    return replace(h, truth=[*h.truth[: again.seq + 1], again, *h.truth[again.seq + 1 :]])


def never_stopped(h: Histories) -> Histories:
    return with_truth(h, lambda one: None if isinstance(one.payload, AlgoEvent) else one)


def exit_lost(h: Histories) -> Histories:
    return with_truth(h, lambda one: None if is_trade(one, "x") else one)


def ledger_anew(h: Histories) -> Histories:
    start = next(line.entry.event for line in h.journal if isinstance(line.entry.event, StateSet))
    return added(h, start)


def sent_unwritten(h: Histories) -> Histories:
    late = {line.seq: len(h.truth) for line in h.journal if isinstance(line.entry.event, Sending)}
    return replace(h, marks=dict(h.marks) | late)


def called_absent(h: Histories) -> Histories:
    return added(h, Resolved("absent", "forged"), client_id=first_sent(h, "e")[1])


def exit_grows(h: Histories) -> Histories:
    def change(one: Truth) -> Truth:
        if not is_trade(one, "x"):
            return one
        event = one.payload
        return one._replace(payload=replace(event, trade=replace(event.trade, side="BUY")))

    return with_truth(h, change)


def stop_stays(h: Histories) -> Histories:
    def change(one: Truth) -> Truth | None:
        is_end = isinstance(one.payload, AlgoEvent) and one.payload.algo.status != "NEW"
        return None if is_end else one

    later = h.end_ms + 60_000
    begin, end = h.alive[-1]
    kept = with_truth(h, change)
    return replace(kept, end_ms=later, alive=[*h.alive[:-1], (begin, later)]) if end else kept


def touches_foreign(h: Histories) -> Histories:
    pattern = next(entry for entry in h.truth if is_trade(entry, "e"))
    event = pattern.payload
    foreign = pattern._replace(
        payload=replace(event, trade=None, order=replace(event.order, client_id="web_1"))
    )
    asked = pattern._replace(payload=Request("cancel", (h.terms.symbol, "None", "web_1")))
    return replace(h, truth=[*h.truth, foreign, asked])


def counted_twice(h: Histories) -> Histories:
    line = next(line for line in h.journal if isinstance(line.entry.event, Filled))
    return added(h, line.entry.event, client_id=line.entry.client_id)


def decided_twice(h: Histories) -> Histories:
    at = next(place for place, line in enumerate(h.journal) if isinstance(line.entry.event, Decided))
    return added(h, h.journal[at].entry.event, at=at)


def entered_though_halted(h: Histories) -> Histories:
    return added(h, Halted("halt", "forged", "operator"), at=0, mark=0)


def too_large(h: Histories) -> Histories:
    def change(one: Truth) -> Truth:
        order = one.payload
        if not isinstance(order, NewOrder) or order.reduce_only:
            return one
        return one._replace(payload=replace(order, quantity=(order.quantity or Decimal(1)) * 100))

    return with_truth(h, change)


def too_soon(h: Histories) -> Histories:
    entry, _ = first_sent(h, "e")
    again = entry._replace(seq=len(h.truth), time_ms=h.truth[-1].time_ms + 1_000)
    return replace(h, truth=[*h.truth, again], terms=replace(h.terms, cooldown_ms=60_000))


def bar_not_closed(h: Histories) -> Histories:
    def change(line: Recorded) -> Recorded:
        event = line.entry.event
        assert isinstance(event, BarClosed)
        return replace(
            line, entry=replace(line.entry, event=replace(event, received_ms=event.bar.open_time_ms))
        )

    return with_line(h, BarClosed, change)


def same_epoch(h: Histories) -> Histories:
    return added(h, SessionStarted("forged", 2, 1))


def sent_into_ban(h: Histories) -> Histories:
    return added(h, Banned(h.end_ms + 60_000, 418), at=0, mark=0)


def never_recovered(h: Histories) -> Histories:
    return added(h, SessionChanged("running", "starting", "forged"))


def without_bot(h: Histories) -> Histories:
    return with_line(h, Intended, lambda line: replace(line, entry=replace(line.entry, bot_hash="")))


def rewritten(h: Histories) -> Histories:
    return with_line(
        h, Decided, lambda line: replace(line, entry=replace(line.entry, time_ms=line.entry.time_ms + 1))
    )


def fee_forgotten(h: Histories) -> Histories:
    def change(line: Recorded) -> Recorded:
        event = line.entry.event
        assert isinstance(event, Filled)
        return replace(line, entry=replace(line.entry, event=replace(event, fee_usdt=Decimal(0))))

    return with_line(h, Filled, change)


def loosened(h: Histories) -> Histories:
    at, new = next(
        (place, one)
        for place, one in enumerate(h.truth)
        if isinstance(one.payload, AlgoEvent) and leg_of(one) == "s"
    )
    algo = new.payload.algo
    looser = replace(algo, client_id=f"{algo.client_id}1", trigger_price=algo.trigger_price - 100)
    return replace(
        h,
        truth=[
            *h.truth[: at + 1],
            new._replace(payload=replace(new.payload, algo=looser)),
            *h.truth[at + 1 :],
        ],
    )


def sent_while_mute(h: Histories) -> Histories:
    at_ms = first_sent(h, "e")[0].time_ms
    line = next(line for line in h.journal if isinstance(line.entry.event, Sending))
    later = replace(line, entry=replace(line.entry, time_ms=at_ms + 5))
    return replace(
        h, mute=((at_ms - 100, at_ms + 100),), journal=[later if one is line else one for one in h.journal]
    )


FORGERIES: dict[str, Callable[[Histories], Histories]] = {
    "INV-1": twice_entered,
    "INV-2": never_stopped,
    "INV-3": exit_lost,
    "INV-4": ledger_anew,
    "INV-5": sent_unwritten,
    "INV-6": called_absent,
    "INV-7": exit_grows,
    "INV-8": stop_stays,
    "INV-9": touches_foreign,
    "INV-10": counted_twice,
    "INV-12": decided_twice,
    "INV-13": entered_though_halted,
    "INV-14": too_large,
    "INV-15": too_soon,
    "INV-16": bar_not_closed,
    "INV-17": same_epoch,
    "INV-18": sent_into_ban,
    "INV-19": never_recovered,
    "INV-20": without_bot,
    "INV-21": rewritten,
    "INV-25": fee_forgotten,
    "INV-26": loosened,
    "INV-27": sent_while_mute,
    "INV-28": lambda h: replace(h, repeated=3),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_history_is_found(name: str, true: Histories) -> None:
    forged = FORGERIES[name](true)
    assert list(INVARIANTS[name](forged)), f"{name} believes everything"


def test_one_seed_with_two_hashes_is_found() -> None:
    assert list(inv_11("a", "a")) == []
    assert list(inv_11("a", "b")) != []


def test_every_invariant_is_judged_here_or_named_elsewhere() -> None:
    wanted = {f"INV-{number}" for number in range(1, 29)}
    assert set(INVARIANTS) | {"INV-11"} | set(ELSEWHERE) == wanted
    assert set(FORGERIES) == set(INVARIANTS)
    root = Path(__file__).parents[2]
    for words in ELSEWHERE.values():
        for file in (part.strip(" ,;:") for part in words.split() if part.startswith("tests/")):
            assert (root / file).exists(), file


@pytest.mark.parametrize("module", ["checker", "histories", "judges_books", "judges_order", "judges_wire"])
def test_the_judge_knows_nothing_of_the_bot(module: str) -> None:
    text = Path(checker.__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [
            name for name in names if name.startswith(("runner.live", "runner.core", "runner.exchange"))
        ]
