"""One rehearsal from beginning to end: the backtest, the run, the comparison.

In: a bot as deployed, its market with enough warm-up, faults, a folder. Out: a Rehearsed.
Refuses to know: where bars come from, how results are told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.backtest.engine import Engine
from runner.backtest.run import charges_funding, run_backtest
from runner.compiler.build import Compiled
from runner.domain.entry import Entry, Recorded
from runner.domain.facts import DataFacts
from runner.domain.instrument import Bracket
from runner.domain.result import Result
from runner.domain.series import Market
from runner.journal.write import open_journal
from runner.live.feed import SLACK_BARS
from runner.live.takeup import Deployment, plan_of
from runner.live.window import Window
from runner.rehearsal.parity import Score, judge
from runner.rehearsal.stage import Play, Played, journal_url, play
from runner.rehearsal.verdict import Verdict
from runner.replay import replay
from runner.simulator.fault_draw import drawn_script

WEATHER = {"calm": 0, "rough": 10, "storm": 40}  # faults of all kinds, drawn by the seed


@dataclass(frozen=True, slots=True)
class Bill:
    """What is played. `market` has the bars of the bot's own timeframe, and no finer ones."""

    deployed: Deployment
    market: Market
    facts: DataFacts
    brackets: tuple[Bracket, ...]
    faults: str
    seed: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Everything that came of it."""

    bill: Bill
    script: str
    result: Result
    played: Played
    verdict: Verdict


def history_bars(compiled: Compiled) -> int:
    """How many bars before the first the session asks the exchange for."""
    return Window(compiled, compiled.plan.timeframe_ms).bars_needed + SLACK_BARS + 2


def rehearse(
    bill: Bill, folder: Path, engine: Engine, *, on_close: Callable[[int], None] = lambda now_ms: None
) -> Rehearsed:
    """The backtest in a moment, the run as fast as the bot keeps up, and what differs."""
    compiled = bill.deployed.compiled
    result = run_backtest(compiled, bill.market, bill.facts, engine=engine)
    script = script_of(bill)
    played = play(
        Play(
            deployed=bill.deployed,
            market=bill.market,
            brackets=bill.brackets,
            script=script,
            seed=bill.seed,
            folder=folder,
            charges_funding=charges_funding(compiled),
            on_close=on_close,
        )
    )
    lines, replayed = _written(folder, played.run, bill.deployed)
    verdict = judge(Score(compiled, bill.market, result, lines, played, replayed))
    return Rehearsed(bill, script, result, played, verdict)


def script_of(bill: Bill) -> str:
    """The faults as they are played: a word for weather draws so many by the seed."""
    count = WEATHER.get(bill.faults.strip())
    if count is None:
        return bill.faults
    if not count:
        return ""
    span_ms = bill.facts.to_ms - bill.facts.from_ms
    return drawn_script(count, seed=bill.seed, span_ms=span_ms, symbol=bill.deployed.symbol)


def _written(folder: Path, run: str, deployed: Deployment) -> tuple[Sequence[Entry], str]:
    """The run's entries, and the first decision among them that does not follow from the others."""
    with open_journal(journal_url(folder)) as journal:
        lines: list[Recorded] = list(journal.read.entries(run=run))
        again = replay(deployed.compiled.plan, lines, lambda name: plan_of(journal, name))
    return [line.entry for line in lines], again.difference or ""
