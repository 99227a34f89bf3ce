"""The crash matrix: every crash point, every answer of the exchange, every second death in recovery, every
story.

    python -m tests.proof.matrix                     all cells (about ten minutes on two cores)
    python -m tests.proof.matrix --sample 400        so many, drawn by --seed
    python -m tests.proof.matrix --cell long/entry/CP7/filled/RP5     one cell, with its journal

In: cells. Out: counts, the slowest, violations with the command that repeats them; exit code 1 when there
are any.
Refuses to know: how the bot works.
"""

import argparse
import logging
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from multiprocessing.util import Finalize
from pathlib import Path
from typing import NamedTuple

from runner.simulator.events import AlgoEvent, Event
from runner.simulator.refusal import refused
from tests.live.rig import SYMBOL
from tests.live.virtual import VirtualLoop
from tests.proof.checker import check
from tests.proof.door import Conduct
from tests.proof.figures import write_figures
from tests.proof.points import CRASHES, RECOVERIES, Aim, Instant
from tests.proof.scenarios import KINDS, LEAD_MS, SIDES, act_ms, story_stage, terms_of
from tests.proof.shelf import ACCOUNT, Shelf
from tests.proof.stage import Hook, Life, Stage, perform

OUTCOMES = ("never", "rejected", "unfilled", "partial", "filled", "liquidated")
NONE = "-"
DOWN_MS = 2_500
SETTLE_MS, PATIENCE_MS = 4_000, 60_000
LEGS = {"entry": ("e", 1), "limit": ("e", 1), "trail": ("s", 2), "exit": ("x", 1), "loss": ("s", 1)}
_REFUSED = {"e": -2019, "s": -4045, "x": -2022}


class Cell(NamedTuple):
    """One run."""

    side: str
    kind: str
    crash: str
    outcome: str
    recovery: str

    def __str__(self) -> str:
        return "/".join(self)


class Ran(NamedTuple):
    """What came of a cell. `died`: how often the process died; `passed`: recovery points that a second
    process came by without dying there.
    """

    cell: Cell
    died: int
    violations: tuple[str, ...]
    took_s: float
    recovered_ms: int
    passed: frozenset[str] = frozenset()


def groups() -> Iterator[tuple[Cell, ...]]:
    """Cells that share everything but the recovery point: where that one is not reached, the run is the
    same as without.
    """
    for kind in KINDS:
        for side in SIDES:
            for crash, point in CRASHES.items():
                if kind not in point.kinds:
                    continue
                for outcome in OUTCOMES:
                    yield tuple(Cell(side, kind, crash, outcome, one) for one in (NONE, *RECOVERIES))


class Director:
    """Lets the first process die at the cell's crash point, the second at its recovery point; and lets
    the exchange answer
    the main order once as the cell says.
    """

    def __init__(self, stage: Stage, cell: Cell) -> None:
        leg, attempt = LEGS[cell.kind]
        self.stage, self.cell = stage, cell
        self.aim = Aim(leg, attempt, act_ms(cell.kind))
        self.point = CRASHES[cell.crash]
        self.struck = self.answered = self.went = False
        self.passed: set[str] = set()
        stage.conduct = self.conduct

    def crash(self, life: Life, instant: Instant) -> None:
        """Told of every instant of the first process."""
        if self.struck or not self.point.sees(self.aim, life, instant):
            return
        self.struck = True
        if self.point.dies_ms:
            self.stage.loop.call_later(self.point.dies_ms / 1000, life.die)
        elif not self.point.late_ms:
            life.die()

    def recovery(self, life: Life, instant: Instant) -> None:
        """Told of every instant of the second process."""
        if self.cell.recovery == NONE:
            self.passed.update(name for name, sees in RECOVERIES.items() if sees(self.aim, life, instant))
        elif RECOVERIES[self.cell.recovery](self.aim, life, instant):
            life.die()

    def conduct(self, method: str, path: str, client_id: str) -> Conduct | None:
        """How this request goes."""
        conduct = None
        if method == "POST" and not self.answered and self.aim.is_main(client_id):
            self.answered = True
            conduct = self._answer()
        life = self.stage.life
        if self.struck and not self.went and life is not None and (self.point.late_ms or self.point.is_lost):
            self.went = True
            conduct = conduct or Conduct()
            conduct.late_ms, conduct.drops = self.point.late_ms, conduct.drops or self.point.is_lost
            if not self.point.dies_ms:
                life.die()
        return conduct

    def _answer(self) -> Conduct:
        levers = self.stage.box.exchange.levers
        outcome, leg = self.cell.outcome, self.aim.leg
        if self.cell.kind == "loss":
            return Conduct(after=self._at_trigger)
        market = self.cell.kind != "limit" and leg != "s"
        if outcome == "never":
            return Conduct(drops=True)
        if outcome == "rejected":

            def refuse() -> None:
                levers.orders_refused[""] = refused(_REFUSED[leg])

            return Conduct(before=refuse, after=lambda: levers.orders_refused.pop("", None) and None)
        if market:
            share = {"unfilled": Decimal(0), "partial": Decimal("0.4")}.get(outcome)

            def thin() -> None:
                levers.taker_share = share

            return Conduct(before=thin, after=self._then)
        return Conduct(after=self._then)

    def _at_trigger(self) -> None:
        """What the stop that now rests will meet when it triggers."""
        levers, outcome = self.stage.box.exchange.levers, self.cell.outcome
        if outcome == "never":
            levers.trigger_hangs += 1
        elif outcome == "rejected":
            levers.trigger_rejections += 1
        elif outcome in ("unfilled", "partial"):
            levers.taker_share = Decimal(0) if outcome == "unfilled" else Decimal("0.4")
        self.stage.witness = self._triggered

    def _triggered(self, events: Iterable[Event]) -> None:
        for event in events:
            if not isinstance(event, AlgoEvent) or not self.aim.is_main(event.algo.client_id):
                continue
            if event.algo.status in ("FINISHED", "EXPIRED", "REJECTED"):
                self.stage.box.exchange.levers.taker_share = None

    def _then(self) -> None:
        """After it was taken: it rests, or the price comes to it, and then perhaps goes through
        everything.
        """
        exchange, levers = self.stage.box.exchange, self.stage.box.exchange.levers
        outcome = self.cell.outcome
        levers.taker_share = None
        resting = self.cell.kind == "limit" or self.aim.leg == "s"
        if resting and outcome in ("partial", "filled", "liquidated"):
            share = Decimal("0.4") if outcome == "partial" else None
            levers.taker_share = levers.maker_share = share
            self._touch()
            levers.taker_share = levers.maker_share = None
        held = exchange.desk.positions(ACCOUNT, SYMBOL)
        if outcome == "liquidated" and any(leg.quantity for leg in held):
            exchange.hazards.liquidate(ACCOUNT, SYMBOL)

    def _touch(self) -> None:
        """The price comes to the main order."""
        from runner.simulator.types import Tick

        exchange = self.stage.box.exchange
        for order in exchange.orders.open(ACCOUNT, SYMBOL):
            if self.aim.is_main(order.client_id):
                beyond = order.price * (Decimal("0.9995") if order.side == "BUY" else Decimal("1.0005"))
                exchange.tick(Tick(SYMBOL, _on_tick(beyond), Decimal(1), mark=_on_tick(beyond)))
        for algo in exchange.algos.open(ACCOUNT, SYMBOL):
            if self.aim.is_main(algo.client_id):
                beyond = algo.trigger_price * (
                    Decimal("0.9995") if algo.side == "SELL" else Decimal("1.0005")
                )
                exchange.tick(Tick(SYMBOL, _on_tick(beyond), Decimal(1), mark=_on_tick(beyond)))


def _on_tick(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.1"))


def run_cell(shelf: Shelf, cell: Cell, *, keep: list[Stage] | None = None) -> Ran:
    """One cell from its beginning to its verdict."""
    began = time.perf_counter()
    loop = VirtualLoop(act_ms("entry") - LEAD_MS)
    stage = story_stage(loop, shelf, cell.kind, cell.side)
    director = Director(stage, cell)
    facts = {"died": 0, "recovered": 0, "repeated": 0}

    async def play() -> None:
        life = stage.begin(director.crash)
        await stage.play(director.aim.act_ms + 20_000, life)
        if life.is_dead:
            life = await again(life, director.recovery)
        else:
            life.hook = None
        facts["recovered"] = await _settled(stage, life)
        if life.is_dead:
            life = await again(life)
            facts["recovered"] = await _settled(stage, life)
        life.hook = None
        facts["repeated"] = await life.stop()

    async def again(life: Life, hook: Hook | None = None) -> Life:
        facts["died"] += 1
        await life.bury()
        await stage.play(stage.now_ms + DOWN_MS)
        return stage.begin(hook)

    perform(loop, stage, play())
    histories = stage.histories(terms_of(cell.kind), repeated=facts["repeated"])
    violations = [*check(histories), *(f"FAULT: {type(fault).__name__}: {fault}" for fault in stage.faults)]
    if keep is not None:
        keep.append(stage)
    took_s, passed = time.perf_counter() - began, frozenset(director.passed)
    return Ran(cell, facts["died"], tuple(violations), took_s, facts["recovered"], passed)


async def _settled(stage: Stage, life: Life) -> int:
    """Play on until nothing is open any more, and a little longer; how long the last process took to
    come to rest.
    """
    since_ms = calm_ms = stage.now_ms
    until_ms = since_ms + PATIENCE_MS
    while stage.now_ms < until_ms and not life.is_dead and life.task is not None and not life.task.done():
        await stage.play(stage.now_ms + 1_000, life)
        if not life.is_settled():
            calm_ms = stage.now_ms
        elif stage.now_ms - calm_ms >= SETTLE_MS:
            break
    return calm_ms - since_ms


def run_group(shelf: Shelf, cells: Sequence[Cell]) -> list[Ran]:
    """The cells of one group, without first; those whose second death cannot happen are that same run, and
    left out.
    """
    first = run_cell(shelf, cells[0])
    return [first, *(run_cell(shelf, cell) for cell in cells[1:] if cell.recovery in first.passed)]


_SHELVES: list[Shelf] = []


def _work(cells: tuple[Cell, ...]) -> list[Ran]:
    if not _SHELVES:
        _SHELVES.append(Shelf(scratch()))
    return run_group(_SHELVES[0], cells)


def scratch() -> Path:
    """A folder for one process, in memory where there is such a file system."""
    memory = Path("/dev/shm")
    inside = str(memory) if memory.is_dir() and os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="runner-proof-", dir=inside))
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=1)  # a pool's processes run no atexit
    return folder


def _quiet() -> None:
    logging.disable(logging.CRITICAL)


def run_all(work: Sequence[tuple[Cell, ...]], jobs: int, *, tell: bool = True) -> Iterator[list[Ran]]:
    """All groups, in whichever order they are done."""
    _quiet()
    if jobs == 1:
        yield from map(_work, work)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=_quiet) as pool:
        yield from pool.imap_unordered(_work, work, chunksize=1)


def sampled(work: Iterable[tuple[Cell, ...]], count: int, seed: int) -> list[tuple[Cell, ...]]:
    """So many groups with at most two cells each: without, and with one second death."""
    chance = random.Random(seed)
    every = list(work)
    drawn = chance.sample(every, min(count, len(every)))
    return [(cells[0], chance.choice(cells[1:])) for cells in drawn]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.matrix")
    parser.add_argument("--sample", type=int, help="so many groups (two cells each) instead of all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cell", help="side/kind/crash/outcome/recovery")
    given = parser.parse_args()
    if given.cell:
        return _show(Cell(*given.cell.split("/")))
    work = list(groups())
    if given.sample:
        work = sampled(work, given.sample, given.seed)
    return _report(work, given.jobs)


def progress(done: int, count: int, words: str) -> None:
    """How far it has come: in place on a terminal, now and then elsewhere."""
    if sys.stderr.isatty():
        print(f"\r{done}/{count} {words}", end="", file=sys.stderr)
    elif done % max(count // 10, 1) == 0:
        print(f"{done}/{count} {words}", file=sys.stderr, flush=True)


def _report(work: Sequence[tuple[Cell, ...]], jobs: int) -> int:
    began = time.monotonic()
    deaths: Counter[int] = Counter()
    reached: Counter[str] = Counter()
    red: list[Ran] = []
    slowest = recovered = None
    for done, ran in enumerate(run_all(work, jobs), 1):
        for one in ran:
            deaths[one.died] += 1
            if one.died:
                reached[one.cell.crash] += 1
            if slowest is None or one.took_s > slowest.took_s:
                slowest = one
            if recovered is None or one.recovered_ms > recovered.recovered_ms:
                recovered = one
            if one.violations:
                red.append(one)
                print(f"\nred  {one.cell}\n     " + "\n     ".join(one.violations), flush=True)
        progress(done, len(work), f"groups, {sum(deaths.values())} runs, {len(red)} red")
    took = time.monotonic() - began
    total = sum(deaths.values())
    print(f"\n{total} runs in {took:.0f} s, {took / max(total, 1) * jobs * 1000:.0f} ms each; {len(red)} red")
    print(f"{sum(map(len, work))} cells; the others are one of these runs: their deaths do not all happen")
    print(f"deaths: none {deaths[0]}, one {deaths[1]}, two {deaths[2]}")
    print("reached: " + ", ".join(f"{name} {reached[name]}" for name in CRASHES))
    if slowest and recovered:
        print(
            f"slowest run {slowest.took_s:.2f} s: {slowest.cell}; "
            f"slowest recovery {recovered.recovered_ms} ms: {recovered.cell}"
        )
        write_figures(
            "matrix",
            {
                "runs": total,
                "cells": sum(map(len, work)),
                "seconds": took,
                "deaths": {str(count): deaths[count] for count in range(3)},
                "reached": {name: reached[name] for name in CRASHES if reached[name]},
                "recovery_ms": recovered.recovered_ms,
                "recovery_cell": str(recovered.cell),
                "red": [str(one.cell) for one in red],
            },
        )
    for one in red[:20]:
        print(f"repeat: python -m tests.proof.matrix --cell {one.cell}")
    return 1 if red else 0


def _show(cell: Cell) -> int:
    from tests.proof.telling import told

    _quiet()
    shelf, stages = Shelf(scratch()), list[Stage]()
    ran = run_cell(shelf, cell, keep=stages)
    print(told(stages[0].histories(terms_of(cell.kind))))
    print(f"{cell}: died {ran.died} times, at rest after {ran.recovered_ms} ms, {ran.took_s * 1000:.0f} ms")
    for words in ran.violations:
        print(f"  {words}")
    shelf.close()
    return 1 if ran.violations else 0


if __name__ == "__main__":
    sys.exit(main())
