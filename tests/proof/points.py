"""Where a process may die: the crash points CP0 to CP28 and twelve recovery points, as predicates over
instants.

In: instants of a life (`stage.py`). Out: deaths.
Refuses to know: what is right. No product code knows of these points: they lie at its ports and at its
journal.

CP29 to CP32 are no instants of a session: the operator's word, reload, migration and rotation have tests of
their own
(`ELSEWHERE`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runner.domain.entry import Entry
from runner.domain.order_event import Answered, Filled, OrderUpdated, Protected, Resolved, Sending
from runner.domain.session_event import Decided, Halted, LimitTripped, RecoveryStep
from runner.domain.venue import OrderChanged
from runner.simulator.events import OrderEvent
from tests.proof.door import client_id_in
from tests.proof.histories import read_name
from tests.proof.stage import Life

ELSEWHERE = {
    "CP29": "tests/cli: a halt is told as accepted only once its journal entry is committed",
    "CP30": "runner.live.takeup.go_on: one commit; a reload takes place between processes, not within one",
    "CP31": "tests/journal/test_journal_migrations.py",
    "CP32": "tests/journal/test_journal_crash.py: SIGKILL of real writers on real files",
}

ENTERS, TRAILS, EXITS, LOSES = ("entry", "limit"), ("trail",), ("exit",), ("loss",)
SENDS = (*ENTERS, *TRAILS, *EXITS)
EVERY = (*SENDS, *LOSES)
LEAVES = (*EXITS, *LOSES)


@dataclass(frozen=True, slots=True)
class Aim:
    """What the story is about: the leg of its main order, from which attempt on, and the decisive close."""

    leg: str
    attempt: int
    act_ms: int

    def is_main(self, client_id: str | None) -> bool:
        """Whether this is the order under proof."""
        name = read_name(client_id or "")
        return name is not None and name.leg == self.leg and name.attempt >= self.attempt


Instant = tuple[Any, ...]
Sees = Callable[[Aim, Life, Instant], bool]


def _sending(entries: tuple[Entry, ...], action: str, wanted: Callable[[str | None], bool]) -> bool:
    return any(
        isinstance(one.event, Sending) and one.event.action == action and wanted(one.client_id)
        for one in entries
    )


def _holds(
    entries: tuple[Entry, ...], kind: Any, wanted: Callable[[Entry], bool] = lambda entry: True
) -> bool:
    return any(isinstance(one.event, kind) and wanted(one) for one in entries)


def _leg(letter: str) -> Callable[[str | None], bool]:
    def is_it(client_id: str | None) -> bool:
        name = read_name(client_id or "")
        return name is not None and name.leg == letter

    return is_it


def _wire(when: str, method: str, path: str, wanted: Callable[[str | None], bool]) -> Sees:
    def sees(aim: Aim, life: Life, instant: Instant) -> bool:
        if instant[0] != when or instant[1] != method or path not in instant[2]:
            return False
        return wanted(client_id_in(instant[3], instant[4]))

    return sees


def _main_wire(when: str) -> Sees:
    return lambda aim, life, instant: _wire(when, "POST", "rder", aim.is_main)(aim, life, instant)


def _pen(when: str, wanted: Callable[[Aim, tuple[Entry, ...]], bool]) -> Sees:
    return lambda aim, life, instant: instant[0] == when and wanted(aim, instant[1])


def _is_main_fill(aim: Aim, entries: tuple[Entry, ...]) -> bool:
    return _holds(entries, Filled, lambda one: aim.is_main(one.client_id))


def _is_main_answer(aim: Aim, entries: tuple[Entry, ...]) -> bool:
    return _holds(entries, Answered, lambda one: aim.is_main(one.client_id) and one.event.action == "place")  # type: ignore[union-attr]


def _bar_is_here(aim: Aim, life: Life, instant: Instant) -> bool:
    return instant[0] == "arrived" and "markPriceKlines" in instant[2] and life.stage.now_ms >= aim.act_ms


def _is_decision(aim: Aim, entries: tuple[Entry, ...]) -> bool:
    return _holds(entries, Decided, lambda one: one.time_ms >= aim.act_ms)


def _fill_happened(aim: Aim, life: Life, instant: Instant) -> bool:
    return instant[0] == "happened" and any(
        isinstance(one, OrderEvent) and one.trade is not None and aim.is_main(one.order.client_id)
        for one in instant[1]
    )


def _fill_heard(aim: Aim, life: Life, instant: Instant) -> bool:
    event = instant[1] if instant[0] == "heard" else None
    return isinstance(event, OrderChanged) and event.trade is not None and aim.is_main(event.order.client_id)


def _is_partial(aim: Aim, entries: tuple[Entry, ...]) -> bool:
    return _holds(
        entries,
        Filled,
        lambda one: (
            aim.is_main(one.client_id) and one.event.applied is not None and not one.event.applied.final
        ),  # type: ignore[union-attr]
    )


def _cancels_stop(aim: Aim, entries: tuple[Entry, ...]) -> bool:
    return _sending(entries, "cancel", _leg("s"))


def _stop_told_ended(aim: Aim, entries: tuple[Entry, ...]) -> bool:
    return _holds(
        entries, OrderUpdated, lambda one: _leg("s")(one.client_id) and one.event.order.status.ended
    )  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class Point:
    """One crash point. `late_ms`: the request under way is executed so long after the death; `dies_ms`:
    the process
    goes on for so long, hearing nothing of that request.
    """

    says: str
    sees: Sees
    kinds: tuple[str, ...] = EVERY
    late_ms: int = 0
    dies_ms: int = 0
    is_lost: bool = False


CRASHES: Mapping[str, Point] = {
    "CP0": Point("the bar is here, nothing decided", _bar_is_here),
    "CP1": Point(
        "decided, the intent not written",
        _pen("writing", lambda a, e: _sending(e, "place", a.is_main)),
        kinds=SENDS,
    ),
    "CP2": Point(
        "inside the intent's commit",
        _pen("committing", lambda a, e: _sending(e, "place", a.is_main)),
        kinds=SENDS,
    ),
    "CP3": Point(
        "the intent written, not sent",
        _pen("written", lambda a, e: _sending(e, "place", a.is_main)),
        kinds=SENDS,
    ),
    "CP4": Point("sending written, no byte left", _main_wire("leaving"), kinds=SENDS),
    "CP5": Point("the request partly written", _main_wire("leaving"), is_lost=True, dies_ms=700, kinds=SENDS),
    "CP6": Point("the request arrives after the death", _main_wire("leaving"), late_ms=2_000, kinds=SENDS),
    "CP7": Point("executed, the answer under way", _main_wire("arrived"), kinds=SENDS),
    "CP8": Point("the answer read, not parsed", _main_wire("arrived"), dies_ms=1, kinds=SENDS),
    "CP9": Point(
        "parsed, not written",
        lambda a, life, i: i[0] == "parsed" and i[1] == "place" and a.is_main(i[2]),
        kinds=SENDS,
    ),
    "CP10": Point("the answer written", _pen("written", _is_main_answer), kinds=SENDS),
    "CP11": Point("executed, the event not received", _fill_happened),
    "CP12": Point("the event received, the fill not written", _fill_heard),
    "CP13": Point("a partial fill written", _pen("written", _is_partial)),
    "CP14": Point("inside the fill's commit", _pen("committing", _is_main_fill)),
    "CP15": Point(
        "the fill written, no stop sent",
        _pen("writing", lambda a, e: _sending(e, "place", _leg("s"))),
        ENTERS,
    ),
    "CP16": Point(
        "the stop sent, its fate unknown",
        _wire("leaving", "POST", "algoOrder", _leg("s")),
        ENTERS,
        late_ms=1_000,
    ),
    "CP17": Point("the stop taken, not written", _wire("arrived", "POST", "algoOrder", _leg("s")), ENTERS),
    "CP18": Point(
        "protected, nobody told",
        _pen("written", lambda a, e: _holds(e, Protected, lambda one: one.event.protected)),  # type: ignore[union-attr]
        ENTERS,
    ),
    "CP19": Point("the new stop's level written", _pen("written", _is_decision), TRAILS),
    "CP20": Point("the new stop rests, the old one too", _pen("writing", _cancels_stop), TRAILS),
    "CP21": Point(
        "the old stop cancelled, not written", _wire("arrived", "DELETE", "algoOrder", _leg("s")), TRAILS
    ),
    "CP22": Point(
        "a target's cancel sent", _wire("leaving", "DELETE", "order", _leg("t")), EXITS, late_ms=300
    ),
    "CP23": Point("the exit sent, its fate unknown", _main_wire("leaving"), EXITS, late_ms=300, dies_ms=200),
    "CP24": Point("out, stops still rest", _pen("written", _is_main_fill), LEAVES),
    "CP25": Point(
        "the orphan cancelled, not written", _wire("arrived", "DELETE", "algoOrder", _leg("s")), LEAVES
    ),
    "CP26": Point("inside the commit after the orphan", _pen("committing", _stop_told_ended), LEAVES),
    "CP27": Point(
        "a limit crossed, not written", _pen("writing", lambda a, e: _holds(e, LimitTripped | Halted)), LOSES
    ),
    "CP28": Point(
        "the trip written, closing half done",
        _pen("written", lambda a, e: _holds(e, LimitTripped | Halted)),
        LOSES,
    ),
}


def _step(name: str) -> Sees:
    def sees(aim: Aim, life: Life, instant: Instant) -> bool:
        return instant[0] == "written" and _holds(
            instant[1], RecoveryStep, lambda one: one.event.step == name
        )  # type: ignore[union-attr]

    return sees


def _private_read(path: str) -> Sees:
    return lambda aim, life, instant: (
        instant[0] == "arrived" and instant[1] == "GET" and path in instant[2] and life.session is not None
    )


RECOVERIES: Mapping[str, Sees] = {
    "RP1": lambda aim, life, instant: instant[0] == "surveyed",
    "RP2": lambda aim, life, instant: instant[0] == "opened",
    "RP3": _step("doubt"),
    "RP4": _step("clock"),
    "RP5": _private_read("positionRisk"),
    "RP6": _wire("arrived", "POST", "algoOrder", _leg("s")),
    "RP7": _step("protect"),
    "RP8": _private_read("userTrades"),
    "RP9": _pen("writing", lambda a, e: _holds(e, Resolved)),
    "RP10": _step("match"),
    "RP11": _step("ledger"),
    "RP12": _step("verify"),
}
