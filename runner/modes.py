"""The table of modes, and what each of them is built from.

In: a mode's name, a bot. Out: the run. Builds, never decides: nothing below this file knows a mode's name.
Refuses to know: rules, orders, terminals.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from runner.backtest.engine import choose_engine
from runner.backtest.run import OnProgress, run_backtest
from runner.bot.model import Document
from runner.bot.problem import Problem
from runner.bot.source import Source
from runner.compiler.build import Compiled, build
from runner.data.home import cache_root
from runner.data.instruments import instrument_for
from runner.data.market import load_market
from runner.domain.facts import DataFacts
from runner.domain.result import Result
from runner.domain.series import Market
from runner.domain.time import TIMEFRAMES


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
    compiled: Compiled, data_source: str, span: Range, *, detail: bool = True
) -> tuple[Market, DataFacts]:
    """The market that a bot's backtest reads."""
    document = compiled.document
    finer = document.backtest.detail if detail else None
    return load_market(
        data_source,
        document.market.symbol,
        TIMEFRAMES[document.market.timeframe],
        higher=compiled.timeframes,
        start_ms=span.start_ms if span.start_ms is not None else document.backtest.from_ms,
        stop_ms=span.stop_ms if span.stop_ms is not None else document.backtest.to_ms,
        warmup_bars=compiled.warmup_bars,
        detail_ms=TIMEFRAMES[finer] if finer else None,
        funding=document.costs.funding == "historical" or compiled.needs_funding,
    )


def backtest(
    compiled: Compiled,
    data_source: str,
    span: Range,
    *,
    on_progress: OnProgress,
    on_engine: Callable[[str], None],
    cache: Path | None = None,
) -> Result:
    """Candle store → simulated venue."""
    market, facts = load_for(compiled, data_source, span)
    engine = choose_engine(len(market.bars), cache or cache_root())
    on_engine(engine.name)
    return run_backtest(compiled, market, facts, engine=engine, on_progress=on_progress)
