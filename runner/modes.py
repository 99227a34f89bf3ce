"""The table of modes, and what each of them is built from.

In: a mode's name, a bot. Out: the run. Builds, never decides: nothing below this file knows a mode's name.
Refuses to know: rules, orders, terminals.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from runner.backtest.engine import Engine, choose_engine
from runner.backtest.run import OnProgress, run_backtest
from runner.backtest.stress import run_stress, runs_of
from runner.backtest.variants import Variant, moved_parameters
from runner.bot.model import Document
from runner.bot.problem import Problem
from runner.bot.source import Source
from runner.compiler.build import Compiled, build
from runner.data.home import cache_root
from runner.data.instruments import instrument_for
from runner.data.market import STORE, load_market
from runner.domain.facts import DataFacts
from runner.domain.result import Result
from runner.domain.series import Market
from runner.domain.stress import StressResult
from runner.domain.time import DAY_MS, TIMEFRAMES, format_moment, format_time, timeframe_name
from runner.errors import DataMissing, UsageError
from runner.exchange.profiles import NOTICES, Profile, profile_for
from runner.journal.location import realm_url


class Mode(NamedTuple):
    """Where bars come from, where orders go, whose keys are needed.

    `profile` is the exchange that bars come from and orders go to; "": none is asked.
    """

    bars_from: str
    orders_to: str
    keys: str
    profile: str = ""


MODES = {
    "backtest": Mode("the candle store", "the simulated venue", "none"),
    "paper": Mode("the exchange, live", "the simulated venue", "none", "main"),
    "testnet": Mode("Binance demo trading", "Binance demo trading", "demo keys", "demo"),
    "live": Mode("Binance", "Binance", "live keys", "main"),
}


class Place(NamedTuple):
    """Where real orders of one account go, and where they are written down."""

    mode: str
    account: str
    profile: Profile
    journal_url: str


def place_for(mode: str, account: str, home: Path, *, exchange_url: str | None, db: str | None) -> Place:
    """One account of a mode: the mode's own exchange, or the stand-in at `exchange_url`, whose runs are
    kept apart from those of the real account. `db`: the journal that somebody chose; else one file for each
    account.


    """
    profile = profile_for(MODES[mode].profile, exchange_url=exchange_url, notices=home / NOTICES)
    if exchange_url:
        account = f"{account}@{profile.name}"
    return Place(mode, account, profile, db or realm_url(home, f"{mode}-{account}"))


class Range(NamedTuple):
    """The bars of a run, [start_ms, stop_ms); None: what the document says, else all there are."""

    start_ms: int | None
    stop_ms: int | None


def compile_bot(document: Document, source: Source | None) -> tuple[Compiled | None, list[Problem]]:
    """The compiled bot with the rules of its instrument."""
    rules = instrument_for(document.market.symbol)
    return build(document, source, rules.instrument, rules.brackets)


def load_for(
    compiled: Compiled, data_source: str, span: Range, *, detail: bool = True, warmup_bars: int = 0
) -> tuple[Market, DataFacts]:
    """The market that a bot's backtest reads, with at least `warmup_bars` before it.

    What the store lacks is DataMissing with the command that pulls it.
    """
    document = compiled.document
    start_ms, stop_ms = _resolved(document, span)
    finer = document.backtest.detail if detail else None
    try:
        return load_market(
            data_source,
            document.market.symbol,
            TIMEFRAMES[document.market.timeframe],
            higher=compiled.timeframes,
            start_ms=start_ms,
            stop_ms=stop_ms,
            warmup_bars=max(compiled.warmup_bars, warmup_bars),
            detail_ms=TIMEFRAMES[finer] if finer else None,
            funding=document.costs.funding == "historical" or compiled.needs_funding,
        )
    except DataMissing as missing:
        if data_source != STORE:
            raise
        raise DataMissing(missing.message, pull_command(supply_of(compiled, span))) from None


def _resolved(document: Document, span: Range) -> tuple[int | None, int | None]:
    """Start and stop of a run: the range's, else the document's."""
    start_ms = span.start_ms if span.start_ms is not None else document.backtest.from_ms
    stop_ms = span.stop_ms if span.stop_ms is not None else document.backtest.to_ms
    if start_ms is not None and stop_ms is not None and start_ms >= stop_ms:
        raise UsageError(
            f"the run would begin {format_time(start_ms)} and end {format_time(stop_ms)} UTC; "
            "what --from or --to does not say comes from the bot's 'backtest:'"
        )
    return start_ms, stop_ms


class Supply(NamedTuple):
    """What a run wants from the store, warm-up included; `from_ms` None: nobody said from when.

    `timeframes_ms` are the bot's own and its detail's: longer bars are made from them.
    """

    symbol: str
    timeframes_ms: tuple[int, ...]
    from_ms: int | None
    stop_ms: int | None


def supply_of(compiled: Compiled, span: Range) -> Supply:
    """What a backtest over `span` reads, and a quarter of the warm-up more: exchanges have outages, and
    --stress makes averages longer.
    """
    document = compiled.document
    start_ms, stop_ms = _resolved(document, span)
    own_ms = TIMEFRAMES[document.market.timeframe]
    finer = document.backtest.detail
    if start_ms is not None:
        start_ms -= compiled.warmup_bars * own_ms * 5 // 4 + 2 * max(compiled.timeframes, default=0)
        start_ms -= start_ms % DAY_MS
    timeframes_ms = (own_ms, TIMEFRAMES[finer]) if finer else (own_ms,)
    return Supply(document.market.symbol, timeframes_ms, start_ms, stop_ms)


def pull_command(supply: Supply) -> str:
    """What to type to have it."""
    words = ["runner data pull", supply.symbol]
    words += [f"--timeframe {timeframe_name(length)}" for length in supply.timeframes_ms]
    words.append(f"--from {'DATE' if supply.from_ms is None else format_moment(supply.from_ms)}")
    if supply.stop_ms is not None:
        whole_days = supply.stop_ms % DAY_MS == 0  # a date as --to takes its whole day in
        words.append(f"--to {format_moment(supply.stop_ms - DAY_MS if whole_days else supply.stop_ms)}")
    return " ".join(words)


class Bench(NamedTuple):
    """What a backtest runs on, and what stress scenarios run on again."""

    data_source: str
    span: Range
    market: Market
    facts: DataFacts
    engine: Engine


def bench_for(
    compiled: Compiled,
    data_source: str,
    span: Range,
    *,
    detail: bool = True,
    stress: bool = False,
    on_compiling: Callable[[], None] = lambda: None,
) -> Bench:
    """The market, and the engine that suits the work to come; it calls `on_compiling` when it has to."""
    market, facts = load_for(compiled, data_source, span, detail=detail)
    runs = 1 + runs_of(compiled) if stress else 1
    engine = choose_engine(len(market.bars), cache_root(), runs=runs, on_compiling=on_compiling)
    return Bench(data_source, span, market, facts, engine)


def backtest(compiled: Compiled, bench: Bench, *, on_progress: OnProgress) -> Result:
    """Candle store → simulated venue."""
    return run_backtest(compiled, bench.market, bench.facts, engine=bench.engine, on_progress=on_progress)


def stress_test(
    compiled: Compiled, bench: Bench, headline: Result, *, on_progress: OnProgress
) -> StressResult:
    """The same backtest under worse conditions."""
    variants = moved_parameters(compiled)
    return run_stress(
        compiled,
        bench.market,
        headline,
        variants,
        engine=bench.engine,
        wider=_wider(compiled, bench, variants),
        on_progress=on_progress,
    )


def _wider(compiled: Compiled, bench: Bench, variants: list[Variant]) -> Market | None:
    """The bench's bars behind the longest warm-up of the variants; None: not needed, or not stored."""
    longest = max((variant.compiled.warmup_bars for variant in variants if variant.compiled), default=0)
    if longest <= bench.market.first:
        return None
    market, facts = load_for(compiled, bench.data_source, bench.span, warmup_bars=longest)
    return market if facts.from_ms == bench.facts.from_ms else None
