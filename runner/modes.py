"""The table of modes, and what each of them is built from.

In: a mode's name, a bot. Out: the run. Builds, never decides: nothing below this file knows a mode's name.
Refuses to know: rules, orders, terminals.
"""

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
from runner.core.kernel import cache_is_warm
from runner.data.home import cache_root
from runner.data.instruments import instrument_for
from runner.data.market import load_market
from runner.domain.facts import DataFacts
from runner.domain.result import Result
from runner.domain.series import Market
from runner.domain.stress import StressResult
from runner.domain.time import TIMEFRAMES, format_time
from runner.errors import UsageError


class Mode(NamedTuple):
    """Where bars come from, where orders go, whose keys are needed; `ready` says whether it is built yet."""

    bars_from: str
    orders_to: str
    keys: str
    ready: bool


MODES = {
    "backtest": Mode("the candle store", "the simulated venue", "none", True),
    "paper": Mode("the exchange, live", "the simulated venue", "none", False),
    "testnet": Mode("Binance demo trading", "Binance demo trading", "demo keys", False),
    "live": Mode("Binance", "Binance", "live keys", False),
}


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
    """The market that a bot's backtest reads, with at least `warmup_bars` before it."""
    document = compiled.document
    start_ms = span.start_ms if span.start_ms is not None else document.backtest.from_ms
    stop_ms = span.stop_ms if span.stop_ms is not None else document.backtest.to_ms
    if start_ms is not None and stop_ms is not None and start_ms >= stop_ms:
        raise UsageError(
            f"the run would begin {format_time(start_ms)} and end {format_time(stop_ms)} UTC; "
            "what --from or --to does not say comes from the bot's 'backtest:'"
        )
    finer = document.backtest.detail if detail else None
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


class Bench(NamedTuple):
    """What a backtest runs on, and what stress scenarios run on again; `cold`: the engine has to be compiled
    first.
    """

    data_source: str
    span: Range
    market: Market
    facts: DataFacts
    engine: Engine
    cold: bool


def bench_for(
    compiled: Compiled, data_source: str, span: Range, *, stress: bool = False, cache: Path | None = None
) -> Bench:
    """The market, and the engine that suits the work to come."""
    market, facts = load_for(compiled, data_source, span)
    runs = 1 + runs_of(compiled) if stress else 1
    kept = cache or cache_root()
    engine = choose_engine(len(market.bars) * runs, kept)
    cold = engine.name == "compiled" and not cache_is_warm("runner.core", kept)
    return Bench(data_source, span, market, facts, engine, cold)


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
