"""Bots of `bots/` on the synthetic market, run as the command line would run them."""

from functools import cache
from pathlib import Path

from runner.backtest.engine import Engine, compiled_engine, interpreted_engine
from runner.backtest.feed import payable
from runner.backtest.run import Run, walked
from runner.bot.read import read_bot
from runner.compiler.build import Compiled
from runner.compiler.columns import Rows, evaluate
from runner.domain.facts import DataFacts
from runner.domain.series import Market
from runner.modes import Range, compile_bot, load_for

ROOT = Path(__file__).resolve().parents[2]
BOTS = sorted(path.stem for path in (ROOT / "bots").glob("*.yaml") if not path.name.endswith(".test.yaml"))


@cache
def bot(name: str) -> Compiled:
    """A bot of `bots/`, compiled."""
    document, problems, source = read_bot(ROOT / "bots" / f"{name}.yaml")
    assert document is not None, problems
    compiled, problems = compile_bot(document, source)
    assert compiled is not None, problems
    return compiled


@cache
def sample(name: str) -> tuple[Market, DataFacts]:
    """The synthetic market of a bot, over the whole sample but for the warm-up."""
    return load_for(bot(name), "sample", Range(1_688_169_600_000, 1_751_000_400_000))


@cache
def rows(name: str) -> Rows:
    """The bot's verdicts on its sample."""
    return evaluate(bot(name).program, sample(name)[0])


@cache
def engines(cache_root: Path) -> tuple[Engine, Engine]:
    """(interpreted, compiled)."""
    return interpreted_engine(), compiled_engine(cache_root)


def run_of(name: str, engine: Engine) -> tuple[Run, Run]:
    """(adverse, favourable) runs of a bot on its sample."""
    market, _ = sample(name)
    return walked(bot(name).plan, market, rows(name), payable(market), engine)
