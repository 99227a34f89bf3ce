"""What is rehearsed in these tests: bots, stretches of the sample market, stretches of real bars."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from runner.backtest.engine import choose_engine
from runner.bot.model import Document
from runner.bot.read import read_bot
from runner.cli import cli
from runner.compiler.build import Compiled
from runner.data.home import cache_root
from runner.data.instruments import instrument_for
from runner.domain.time import parse_time
from runner.live.takeup import Deployment
from runner.modes import Range, compile_bot, load_for
from runner.rehearsal.stage import journal_url
from runner.rehearsal.whole import Bill, Rehearsed, history_bars, rehearse

BOTS = Path(__file__).resolve().parents[2] / "bots"
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
REAL_FILES = {  # in an order by which two processes share the work evenly
    "btc_trend": (
        "BTCUSDT-perp-15m-2023_2025H1",
        "BTCUSDT-mark-1h-2019_2025H1",
        "BTCUSDT-funding-2019_2025H1",
    ),
    "sol_breakout": ("SOLUSDT-perp-15m-2022_2025H1", "SOLUSDT-funding-2024_2025H1"),
    "eth_revert": (
        "ETHUSDT-perp-15m-2022_2025H1",
        "ETHUSDT-mark-1h-2019_2025H1",
        "ETHUSDT-funding-2019_2025H1",
    ),
    "doge_limits": ("DOGEUSDT-perp-15m-2022_2024",),
}
BUSY = {  # some hours of the sample market in which the bots of the house trade
    "btc_trend": ("2024-02-06T12:00Z", "2024-02-06T22:00Z"),
    "doge_limits": ("2024-01-12T16:00Z", "2024-01-13T00:00Z"),
    "sol_breakout": ("2024-02-08T12:00Z", "2024-02-10"),
    "eth_revert": ("2024-01-25T10:00Z", "2024-01-25T20:00Z"),
}
QUICK = """
version: 1
name: quick
market: {symbol: BTCUSDT, timeframe: 15m, leverage: 3, margin: isolated}
indicators:
  fast: {kind: sma, length: 3}
  slow: {kind: sma, length: 8}
entry:
  long: fast crosses above slow
  short: fast crosses below slow
  order: {type: market}
size: {risk: 1% of equity}
exit:
  stop_loss: {distance: 0.8%, trigger: mark}
  take_profit:
    - {at: 1R, close: 50%}
  when: {long: fast crosses below slow, short: fast crosses above slow}
limits: {daily_loss: {max: 20% of equity}}
costs: {maker: 0.02%, taker: 0.05%, slippage: 2 bps, funding: historical}
backtest: {capital: 10000 USDT}
"""


def quick_bot(folder: Path) -> Path:
    """A bot that trades every hour or two."""
    file = folder / "quick.yaml"
    file.write_text(QUICK, encoding="utf-8")
    return file


def compiled_at(file: Path) -> Compiled:
    """A bot's file, compiled."""
    document, found, source = read_bot(file)
    assert isinstance(document, Document), found
    compiled, problems = compile_bot(document, source)
    assert compiled is not None, problems
    return compiled


def bill_of(
    file: Path, first: str, last: str, *, source: str = "sample", faults: str = "", seed: int = 0
) -> Bill:
    """A stretch of the sample market, or of stored bars, for a bot."""
    compiled = compiled_at(file)
    span = Range(parse_time(first), parse_time(last))
    market, facts = load_for(compiled, source, span, detail=False, warmup_bars=history_bars(compiled))
    symbol = compiled.document.market.market_id
    text = file.read_text(encoding="utf-8")
    deployed = Deployment("rehearsal", "main", symbol, str(file), text, compiled.bot_hash, (), compiled)
    brackets = instrument_for(compiled.document.market.symbol).brackets
    return Bill(deployed, market, facts, brackets, faults, seed)


def rehearsed(bill: Bill, folder: Path) -> Rehearsed:
    """All of it."""
    return rehearse(bill, folder, choose_engine(len(bill.market.bars), cache_root()))


def real_files(bot: str) -> list[Path]:
    """Where a bot's real bars would lie."""
    return [REAL / f"{name}.parquet" for name in REAL_FILES[bot]]


def stored(bot: str) -> None:
    """Real bars, taken into the store of RUNNER_HOME."""
    done = CliRunner().invoke(cli, ["data", "import", *map(str, real_files(bot))])
    assert done.exit_code == 0, done.output


def deviation_of(folder: Path, source: str) -> dict[str, Any]:
    """What `runner deviation` says of the rehearsal whose journal lies in a folder."""
    words = ["deviation", "last", "--data", source, "--json"]
    said = CliRunner().invoke(cli, words, env={"RUNNER_DB": journal_url(folder)})
    assert said.exit_code == 0, said.output or said.exception
    ledger: dict[str, Any] = json.loads(said.stdout)
    return ledger
