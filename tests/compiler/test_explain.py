"""Explain: a bot in plain sentences."""

import pytest
from bot_texts import bot_text, document_of
from test_build import BRACKETS, FULL, INSTRUMENT, compiled

from runner.compiler.build import build
from runner.compiler.explain import explain, liquidation_ratios
from runner.compiler.phrases import Phrases

SENTENCES = """\
full trades BTC/USDT:USDT on 15-minute bars, leverage 3, isolated margin.
It goes LONG at the close of a bar when the close crosses above EMA(3) (was at or below it on the bar before).
It goes SHORT at the close of a bar when all of these hold:
  1. the close crosses below EMA(3) (was at or above it on the bar before)
  2. the hour is below 20 [early]
Entries are limit orders 0.05% better than the close, resting for 3 bars; one that would fill at once is
 dropped.

Each trade risks 0.75% of equity: quantity = 0.75% of equity ÷ (2.5 × ATR(4)).
With the stop 1% away that is a position of 75% of equity, margin 25%.
Never more than 3 × equity (leverage) or 150% of equity, whichever is less.

A position closes
  - at the stop, 2.5 × ATR(4) away from the entry; triggered by the last price
  - 40% of it at a profit of 1.5R (limit order)
  - 30% of it at a profit of 3% (market order)
  - at the entry price plus 0.1%, once 1R was reached
  - at a stop that trails the best price by 3 × ATR(4), once 2R was reached
  - after 480 bars
R is the distance from the entry to its first stop.

Having lost 3% of equity in a day, it opens nothing more until the next UTC day.
15% under its highest equity, it closes and waits for an operator.
After a stop loss it waits 4 bars.
After 3 losses in a row it waits 12h.
After an exit it waits 1 bar.
After a loss it waits 30m.
It opens at most 6 trades a UTC day.

Liquidation is about 33.1% under the entry (long) and 32.8% over the entry (short).
Worst case: one trade loses 0.75% of equity, fees and slippage; more if the price jumps over the stop.
About 4 losing trades in a day reach the daily limit.
""".replace("once is\n dropped", "once is dropped")


def test_a_whole_bot_in_sentences() -> None:
    early = "conditions:\n  early: hour < 20\nentry:"
    short = "\n    - close crosses below fast\n    - early\n  order"
    text = FULL.replace("entry:", early).replace(" close crosses below fast\n  order", short)
    made = compiled(text)
    days = made.warmup_bars / 96
    when = f"First trade possible after {made.warmup_bars} bars ({days:.1f} days)"
    assert "\n".join(explain(made)) == f"{SENTENCES}{when}: the longest history is that of atr."


PHRASES = {
    "close > open": "the close is above the open",
    "close[1] <= 3": "the close 1 bar ago is at most 3",
    "fast crosses above slow": "EMA(3) crosses above SMA(5) (was at or below it on the bar before)",
    "fast crosses slow within last 4 bars": "EMA(3) crosses SMA(5) on one of the last 4 bars",
    "rsi > $level": "RSI(4) is above 30",
    "adx is rising": "ADX(3) has risen",
    "adx.plus_di is falling for 3 bars": "ADX(3) plus_di has fallen 3 bars in a row",
    "close@4h > slow_1h": "the 4h close is above SMA(3) on 1h",
    "volume > 2 * mean_volume": "the volume is above 2 × SMA(3) of volume",
    "close between bands.lower and bands.upper": (
        "the close is between BOLLINGER(5, 2) lower and BOLLINGER(5, 2) upper"
    ),
    "not (close > open or rsi > 3)": "not: (the close is above the open or RSI(4) is above 3)",
    "close > open for 3 bars": "the close is above the open, for 3 bars in a row",
    "highest(high, 20) > abs(open - close)": (
        "the highest the high of 20 bars is above the distance of the open − the close from zero"
    ),
    "change(close) > max(open, 3)": (
        "the change of the close over 1 bar is above the greatest of the open and 3"
    ),
    "bars_since(close > open) > 3": "the number of bars since the close is above the open is above 3",
    "-close * (open + 1) / 2 != 5 bps": "-the close × (the open + 1) ÷ 2 is not 5 bps",
    "funding_rate > 0.05%": "the funding rate is above 0.05%",
    "up": "the close is above the open [up]",
    "up[2]": "the close is above the open, 2 bars ago [up]",
    "bars_in_trade >= 20": "the number of bars in the trade is at least 20",
}


@pytest.mark.parametrize(("text", "words"), PHRASES.items())
def test_condition_in_words(text: str, words: str) -> None:
    document, _ = document_of(bot_text(conditions="  up: close > open\n"))
    assert Phrases(document).condition(text).text == words


def test_lists_are_numbered_and_nested_ones_bracketed() -> None:
    nested = "      - [rsi > 3, rsi < 9]\n      - not: {any: [rsi > 5, rsi < 2]}\n"
    entry = f"\n    any:\n      - close > open\n{nested}"
    lines = explain(compiled(bot_text(entry)))
    assert lines[1:5] == [
        "It goes LONG at the close of a bar when any of these holds:",
        "  1. the close is above the open",
        "  2. RSI(4) is above 3 and RSI(4) is below 9",
        "  3. not: (RSI(4) is above 5 or RSI(4) is below 2)",
    ]
    assert lines[5] == "It never goes SHORT."


def test_a_bot_without_stop_and_limits_says_so() -> None:
    text = bot_text().replace("  stop_loss: 2%\n", "  time_stop: 5 bars\n  reverse: true\n")
    lines = explain(compiled(text))
    assert "It has no limits on losses." in lines
    assert "Worst case: without a stop one trade can lose its whole margin." in lines
    assert "The first trade is possible at the first bar." in lines
    assert "  - when the opposite entry comes, which it then takes" in lines


def test_fixed_sizes_and_prices_are_said() -> None:
    text = bot_text(
        stop="{price: bands.lower}", exits="  when: {long: {all: [rsi > 3, bars_in_trade > 9]}}\n"
    )
    lines = explain(compiled(text.replace("{equity: 50%}", "{quantity: 0.01 BTC}")))
    assert "Each position is 0.01 BTC." in lines
    stop = "BOLLINGER(5, 2) lower as it was at the decision"
    assert f"  - at the stop, at {stop}; triggered by the mark price" in lines
    place = lines.index("  - long, when all of these hold:")
    assert lines[place + 1 : place + 3] == [
        "    1. RSI(4) is above 3",
        "    2. the number of bars in the trade is above 9",
    ]


def test_the_worst_case_of_a_fixed_share_is_said() -> None:
    assert "Worst case: one trade loses about 1% of equity, fees and slippage." in explain(
        compiled(bot_text())
    )


def test_liquidation_is_nearer_with_more_leverage() -> None:
    near = build(*document_of(FULL.replace("leverage: 3", "leverage: 20")), INSTRUMENT, BRACKETS)[0]
    assert near is not None
    long, short = liquidation_ratios(near)
    assert (round(long, 4), round(short, 4)) == (0.0462, 0.0458)
