"""Recorded inputs through the core once more: the same state, or the first decision that differs, by name.

The runs are the sample's bars and rows, fed bar by bar as a session would: the venue is `match`, and every
bar, fill and decision goes through a real journal.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.backtest.engine import interpreted_engine
from runner.backtest.feed import feed_of, payable
from runner.backtest.run import PATHS
from runner.bot.read import read_bot
from runner.cli import cli
from runner.compiler.build import Compiled
from runner.compiler.columns import evaluate
from runner.core.apply import apply, settle
from runner.core.decide import decide
from runner.core.match import match, match_open
from runner.core.walk import walk_from_open
from runner.domain.bar import Bar
from runner.domain.entry import Entry, Event, Recorded, trade_fact
from runner.domain.order import LEG_NONE, REASONS, Fill
from runner.domain.order_event import Filled, FundingPaid
from runner.domain.plan import Plan
from runner.domain.position import State, initial_state
from runner.domain.session_event import (
    CHECKPOINT,
    BarClosed,
    BookKept,
    Decided,
    Reloaded,
    RunStarted,
    StateSet,
)
from runner.journal.build import build_id
from runner.journal.codec import digest_of, structure_of, text_of
from runner.journal.write import Journal, Text, open_journal
from runner.live.book import new_book
from runner.modes import Range, compile_bot, load_for
from runner.replay import Fold, Replayed, replay

ROOT = Path(__file__).parents[1]
BARS = 2_000
BOTS = sorted((ROOT / "bots").glob("*.yaml"))


def compiled_bot(bot: Path) -> Compiled:
    document, _, source = read_bot(bot)
    assert document is not None
    compiled, _ = compile_bot(document, source)
    assert compiled is not None
    return compiled


def executions(plan: Plan, state: State, bar: Bar, path: int) -> Iterator[Fill]:
    """What the simulated venue executes in a bar."""
    while (fill := match_open(plan, state, bar)).leg != LEG_NONE:
        yield fill
        state = apply(plan, state, fill)
    walk = walk_from_open(state, bar, path)
    while True:
        fill, walk = match(plan, state, bar, walk)
        if fill.leg == LEG_NONE:
            return
        yield fill
        state = apply(plan, state, fill)


def told(symbol: str, fill: Fill, trade: int) -> Filled:
    """A fill as an exchange tells it, and what the core was given."""
    figures = (Decimal(repr(number)) for number in (fill.quantity, fill.price, fill.fee_usdt))
    quantity, price, fee = figures
    return Filled(
        symbol, fill.side, quantity, price, fee, fill.maker, REASONS[fill.reason], str(trade), applied=fill
    )


def lived(compiled: Compiled) -> Iterator[tuple[Event, int]]:
    """What a session over the sample's bars would write, and when."""
    plan, symbol = compiled.plan, compiled.document.market.symbol
    market, _ = load_for(compiled, "sample", Range(None, None), detail=False)
    rows = evaluate(compiled.program, market)
    none = payable(market, charged=False)
    feed = feed_of(interpreted_engine(), market, rows, none, market.first, market.first + BARS)
    state = initial_state(plan.capital_usdt)
    yield StateSet(state, "start"), 0
    trade = 0
    for number, (bar, row) in enumerate(zip(feed.bars, feed.rows, strict=True)):
        now = bar.close_time_ms
        for fill in executions(plan, state, bar, PATHS[compiled.document.backtest.path]):
            state, trade = apply(plan, state, fill), trade + 1
            yield told(symbol, fill, trade), now
        if number % 32 == 0 and state.position.quantity != 0.0:
            state = settle(plan, state, -0.25)
            yield FundingPaid(symbol, Decimal("-0.25"), -0.25), now
        state = decide(plan, state, bar, row)
        yield BarClosed(bar, row, "stream", now + 40), now
        yield Decided(state.signal, state.refusal, digest_of(state), state.orders, "entry.long"), now
        if number % 500 == 499:
            yield StateSet(state, CHECKPOINT), now


def record(journal: Journal, compiled: Compiled, bot: Path, run: str = "lived-1") -> None:
    """The session's run in a journal."""
    plan, document = Text("plan", text_of(compiled.plan)), Text("document", bot.read_text(encoding="utf-8"))
    started = RunStarted(
        mode="paper",
        account="",
        bot=compiled.document.name,
        symbol=compiled.document.market.symbol,
        timeframe=compiled.document.market.timeframe,
        text_hash=document.hash,
        version_hash=compiled.bot_hash,
        plan_hash=plan.hash,
        file=str(bot),
    )
    entries = [Entry(run, 0, started, compiled.bot_hash)]
    for event, now in lived(compiled):
        fact = trade_fact(event.symbol, event.trade_id) if isinstance(event, Filled) else None
        entries.append(Entry(run, now, event, compiled.bot_hash, bar_ms=now, fact=fact))
    journal.append(*entries, texts=[plan, document])


def again(lines: list[Recorded], plan: Plan) -> Replayed:
    return replay(plan, lines, lambda _: plan)


@pytest.fixture(scope="module", params=BOTS, ids=lambda path: path.stem)
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Compiled, list[Recorded]]:
    """A bot's recorded run, read back from its journal."""
    compiled = compiled_bot(request.param)
    path = tmp_path_factory.mktemp("lived") / "journal.db"
    with open_journal(f"sqlite:///{path}") as journal:
        record(journal, compiled, request.param)
        return compiled, list(journal.read.entries(run="lived-1"))


def test_every_decision_of_a_recorded_run_comes_out_again(run: tuple[Compiled, list[Recorded]]) -> None:
    compiled, lines = run
    done = again(lines, compiled.plan)
    assert done.difference is None
    assert done.decisions == BARS
    assert done.fills == sum(isinstance(line.entry.event, Filled) for line in lines) > 0


def test_a_restart_may_begin_at_a_checkpoint(run: tuple[Compiled, list[Recorded]]) -> None:
    compiled, lines = run
    places = [at for at, line in enumerate(lines) if is_checkpoint(line)]
    tail = lines[places[len(places) // 2] :]
    assert again(tail, compiled.plan).state == again(lines, compiled.plan).state


def is_checkpoint(line: Recorded) -> bool:
    event = line.entry.event
    return isinstance(event, StateSet) and event.why == CHECKPOINT


def changed(lines: list[Recorded], at: int, event: Event) -> list[Recorded]:
    return [*lines[:at], replace(lines[at], entry=replace(lines[at].entry, event=event)), *lines[at + 1 :]]


def test_the_first_decision_that_differs_is_named(run: tuple[Compiled, list[Recorded]]) -> None:
    compiled, lines = run
    at, decided = next(
        (at, line.entry.event)
        for at, line in enumerate(lines)
        if isinstance(line.entry.event, Decided) and line.entry.event.signal != 0
    )
    number = sum(isinstance(line.entry.event, Decided) for line in lines[: at + 1])
    said = again(changed(lines, at, replace(decided, signal=-decided.signal)), compiled.plan).difference
    assert said is not None
    assert said.startswith(f"decision {number:,} at the close of ")
    assert "kept:" in said
    assert "again:" in said
    other = again(changed(lines, at, replace(decided, state_digest="0" * 64)), compiled.plan).difference
    assert other is not None
    assert "leads to another state" in other


def test_a_missing_fill_is_found_at_the_decision_after_it(run: tuple[Compiled, list[Recorded]]) -> None:
    compiled, lines = run
    at = next(at for at, line in enumerate(lines) if isinstance(line.entry.event, Filled))
    done = again([*lines[:at], *lines[at + 1 :]], compiled.plan)
    assert done.difference is not None
    bars_before = sum(isinstance(line.entry.event, Decided) for line in lines[:at])
    assert done.decisions == bars_before + 1


def test_another_plan_is_found_and_a_reload_switches(run: tuple[Compiled, list[Recorded]]) -> None:
    compiled, lines = run
    costs = compiled.plan.costs._replace(taker_ratio=0.01)
    instrument = compiled.plan.instrument._replace(notional_usdt_min=1e9)
    other = compiled.plan._replace(costs=costs, instrument=instrument)
    assert again(lines, other).difference is not None
    reload = Entry("lived-1", 0, Reloaded("", "", "the plan", "edited"))
    switched = [lines[0], Recorded(0, reload, "", ""), *lines[1:]]
    assert replay(other, switched, lambda _: compiled.plan).difference is None


def test_a_plan_reads_back_from_its_text(run: tuple[Compiled, list[Recorded]]) -> None:
    compiled, _ = run
    assert structure_of(Plan, text_of(compiled.plan)) == compiled.plan


def test_a_wrong_checkpoint_is_found(run: tuple[Compiled, list[Recorded]]) -> None:
    compiled, lines = run
    at = next(at for at, line in enumerate(lines) if is_checkpoint(line))
    event = lines[at].entry.event
    assert isinstance(event, StateSet)
    wrong = replace(event, state=event.state._replace(signal=5))
    said = again(changed(lines, at, wrong), compiled.plan).difference
    assert said is not None
    assert said.startswith("the state differs from the checkpoint")
    assert Fold(compiled.plan, lambda _: compiled.plan).state is None


def test_verify_replays_a_run_whose_bars_came_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    monkeypatch.setenv("RUNNER_DB", url)
    bot = BOTS[0]
    with open_journal(url) as journal:
        record(journal, compiled_bot(bot), bot)
    done = CliRunner().invoke(cli, ["verify", "last"])
    assert done.exit_code == 0, done.output
    assert f"✓ lived-1: {BARS:,} decisions and " in done.output
    with open_journal(url) as journal:
        plan_hash = journal.read.runs()[0].plan_hash
        plan: Plan = structure_of(Plan, journal.read.text(plan_hash))
        kept = Entry("lived-1", 5, BookKept(text_of(new_book(plan))), build=build_id())
        journal.append(kept)
    done = CliRunner().invoke(cli, ["verify", "lived"])
    assert done.exit_code == 1
    assert "is not what the entries before it make" in done.output
    with open_journal(url) as journal:
        close = Decided(1, 0, "0" * 64)
        journal.append(Entry("lived-1", 5, close, bar_ms=1_700_000_100_000))
    done = CliRunner().invoke(cli, ["verify", "lived"])
    assert done.exit_code == 1
    assert f"✗ decision {BARS + 1:,} at the close of 2023-11-14 22:15 UTC" in done.output
