"""Documents for the compiler's tests: one text with the parts a test is about, everything else plain."""

from runner.bot.model import Document
from runner.bot.problem import Problem
from runner.bot.read import read_text
from runner.bot.source import Source
from runner.compiler.draft import Draft, draft

INDICATORS = """\
  fast: {kind: ema, length: 3}
  slow: {kind: sma, length: 5}
  rsi: {kind: rsi, length: 4}
  atr: {kind: atr, length: 4}
  adx: {kind: adx, length: 3}
  bands: {kind: bollinger, length: 5}
  trend: {kind: supertrend, length: 3}
  move: {kind: roc, length: 2}
  flow: {kind: obv, length: 3}
  mean_volume: {kind: sma, length: 3, input: volume}
  slow_1h: {kind: sma, length: 3, timeframe: 1h}
"""


def bot_text(
    long: str = "close > open",
    *,
    exits: str = "",
    stop: str = "2%",
    conditions: str = "",
    parameters: str = "  level: {default: 30, min: 1, max: 90}\n",
    indicators: str = INDICATORS,
    timeframe: str = "15m",
) -> str:
    """A document with `long` as entry.long, in one line; `exits` are further lines under `exit:`."""
    named = f"conditions:\n{conditions}" if conditions else ""
    return (
        f"version: 1\nname: tried\nmarket: {{symbol: BTCUSDT, timeframe: {timeframe}}}\n"
        f"parameters:\n{parameters}indicators:\n{indicators}{named}"
        f"entry:\n  long: {long}\nsize: {{equity: 50%}}\nexit:\n  stop_loss: {stop}\n{exits}"
    )


def document_of(text: str) -> tuple[Document, Source]:
    """The document of a text that the reader accepts."""
    document, problems, source = read_text(text, "bot.yaml")
    assert document is not None, problems
    return document, source


def drafted(text: str) -> tuple[Draft | None, list[Problem]]:
    """What the compiler makes of a text."""
    return draft(*document_of(text))


def good_draft(text: str) -> Draft:
    """The draft of a text without faults."""
    made, problems = drafted(text)
    assert made is not None, problems
    return made
