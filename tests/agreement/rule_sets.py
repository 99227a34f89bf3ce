"""The rule sets: a bot's text, and the same rules once more in pandas for the engines that read arrays.

The two share no code. Our columns are not compared with these: the trades that follow from them are.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runner.domain.series import Bars, Floats

Flags = NDArray[np.bool_]
FEE_RATIO = 0.0005

TAIL = """\
costs: {maker: 0.05%, taker: 0.05%, slippage: 0 bps, funding: none}
backtest: {capital: 1000000000 USDT, limit_fill: touch}
"""


@dataclass(frozen=True)
class Rules:
    """What is decided at each close. Stops and targets are prices of a trade that enters at the next open,
    NaN for none; `trail_ratio` 0: none; `expires_bars` 0: market entries.
    """

    enter_long: Flags
    exit_long: Flags
    enter_short: Flags
    exit_short: Flags
    stop_long: Floats
    stop_short: Floats
    target_long: Floats
    target_short: Floats
    reverse: bool = False
    trail_ratio: float = 0.0
    offset_ratio: float = 0.0
    expires_bars: int = 0
    time_stop_bars: int = 0

    def silenced(self, first: int) -> "Rules":
        """No entry is decided before row `first`; rules that contradict themselves are not comparable."""
        assert not (self.enter_long & self.exit_long).any()
        assert not (self.enter_short & self.exit_short).any()
        assert not (self.enter_long & self.enter_short).any()
        counted = np.arange(len(self.enter_long)) >= first
        return replace(self, enter_long=self.enter_long & counted, enter_short=self.enter_short & counted)


class Prices:
    """The bars as pandas columns, and the few formulas that the rule sets need."""

    def __init__(self, bars: Bars) -> None:
        self.open, self.high = pd.Series(bars.open), pd.Series(bars.high)
        self.low, self.close = pd.Series(bars.low), pd.Series(bars.close)
        self.next_open = self.open.shift(-1)

    def sma(self, length: int) -> "pd.Series[float]":
        return self.close.rolling(length).mean()

    def ema(self, length: int) -> "pd.Series[float]":
        return self.close.ewm(span=length, adjust=False).mean()

    def rsi(self, length: int) -> "pd.Series[float]":
        step = self.close.diff().fillna(0.0)
        up = step.clip(lower=0.0).ewm(alpha=1 / length, adjust=False).mean()
        down = (-step).clip(lower=0.0).ewm(alpha=1 / length, adjust=False).mean()
        return 100 - 100 / (1 + up / down)

    def deviation(self, length: int) -> "pd.Series[float]":
        return self.close.rolling(length).std(ddof=0)


def above(one: "pd.Series[float]", other: "pd.Series[float] | float") -> "pd.Series[bool]":
    """`one` crosses above `other`."""
    before = other.shift(1) if isinstance(other, pd.Series) else other
    return (one > other) & (one.shift(1) <= before)


def below(one: "pd.Series[float]", other: "pd.Series[float] | float") -> "pd.Series[bool]":
    """`one` crosses below `other`."""
    before = other.shift(1) if isinstance(other, pd.Series) else other
    return (one < other) & (one.shift(1) >= before)


def rules(
    prices: Prices,
    long: "tuple[pd.Series[bool] | None, pd.Series[bool] | None]" = (None, None),
    short: "tuple[pd.Series[bool] | None, pd.Series[bool] | None]" = (None, None),
    stop: "tuple[pd.Series[float] | None, pd.Series[float] | None]" = (None, None),
    target: "tuple[pd.Series[float] | None, pd.Series[float] | None]" = (None, None),
    **settings: float | bool,
) -> Rules:
    """Rules from (long, short) pairs of columns, None for never."""
    count = len(prices.close)

    def flags(column: "pd.Series[bool] | None") -> Flags:
        return np.zeros(count, np.bool_) if column is None else np.asarray(column, np.bool_)

    def levels(column: "pd.Series[float] | None") -> Floats:
        return np.full(count, np.nan) if column is None else np.asarray(column, np.float64)

    return Rules(
        flags(long[0]),
        flags(long[1]),
        flags(short[0]),
        flags(short[1]),
        levels(stop[0]),
        levels(stop[1]),
        levels(target[0]),
        levels(target[1]),
        **settings,  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class RuleSet:
    """A bot, the same in pandas, its bars, and the engines that know this kind of order.

    `trades_min` and `within_a_bar_min` (trades that end in the bar in which they began) are what makes the
    comparison worth while.
    """

    name: str
    series: str
    days: tuple[str, str]
    text: str
    rules: Callable[[Prices], Rules]
    trades_min: int
    within_a_bar_min: int = 0
    sides: frozenset[int] = frozenset((1, -1))
    engines: tuple[str, ...] = ("backtesting", "vectorbt")


def ma_cross(prices: Prices) -> Rules:
    fast, slow = prices.sma(20), prices.sma(50)
    return rules(prices, (above(fast, slow), None), (below(fast, slow), None), reverse=True)


def breakout(prices: Prices) -> Rules:
    upper = prices.high.rolling(48).max().shift(1)
    lower = prices.low.rolling(48).min().shift(1)
    long_exit = prices.low.rolling(24).min().shift(1)
    short_exit = prices.high.rolling(24).max().shift(1)
    return rules(
        prices,
        (prices.close > upper, prices.close < long_exit),
        (prices.close < lower, prices.close > short_exit),
    )


def reversion(prices: Prices) -> Rules:
    rsi = prices.rsi(14)
    return rules(prices, (rsi < 30, rsi > 55), (rsi > 70, rsi < 45))


def long_only(prices: Prices) -> Rules:
    fast, slow = prices.ema(12), prices.ema(48)
    return rules(prices, (above(fast, slow) & (prices.close > prices.sma(200)), below(fast, slow)))


def short_only(prices: Prices) -> Rules:
    middle, deviation = prices.sma(40), prices.deviation(40)
    return rules(prices, short=(below(prices.close, middle - 2 * deviation), above(prices.close, middle)))


def stop_and_target(prices: Prices) -> Rules:
    rsi, entry = prices.rsi(14), prices.next_open
    return rules(
        prices,
        (above(rsi, 35.0), None),
        (below(rsi, 65.0), None),
        stop=(entry * (1 - 0.004), entry * (1 + 0.004)),
        target=(entry * (1 + 0.005), entry * (1 - 0.005)),
    )


def stop_at_a_price(prices: Prices) -> Rules:
    top, bottom = prices.high.rolling(24).max(), prices.low.rolling(24).min()
    middle, entry, trend = (top + bottom) / 2, prices.next_open, prices.ema(20)
    close = prices.close
    return rules(  # after a bar with a long wick the middle lies on the wrong side; then nothing is entered
        prices,
        ((close > top.shift(1)) & (close > middle), close < trend),
        ((close < bottom.shift(1)) & (close < middle), close > trend),
        stop=(middle, middle),
        target=(entry + 1.5 * (entry - middle), entry - 1.5 * (middle - entry)),
    )


def trailing(prices: Prices) -> Rules:
    fast, slow, entry = prices.ema(20), prices.ema(60), prices.next_open
    return rules(
        prices,
        (above(fast, slow), None),
        (below(fast, slow), None),
        stop=(entry * (1 - 0.02), entry * (1 + 0.02)),
        trail_ratio=0.02,
    )


def limit_entry(prices: Prices) -> Rules:
    rsi = prices.rsi(14)
    return rules(
        prices,
        (below(rsi, 30.0), rsi > 55),
        (above(rsi, 70.0), rsi < 45),
        offset_ratio=0.002,
        expires_bars=4,
        time_stop_bars=24,
    )


BTC = "BTCUSDT 1h"
ETH = "ETHUSDT 15m"
HEAD_BTC = "market: {symbol: BTC/USDT:USDT, timeframe: 1h}\nsize: {quantity: 1 BTC}\n"
HEAD_ETH = "market: {symbol: ETH/USDT:USDT, timeframe: 15m}\nsize: {quantity: 1 ETH}\n"

MA_CROSS = """\
version: 1
name: ma_cross
indicators:
  fast: {kind: sma, length: 20}
  slow: {kind: sma, length: 50}
entry:
  long: fast crosses above slow
  short: fast crosses below slow
exit: {reverse: true}
"""

BREAKOUT = """\
version: 1
name: breakout
indicators:
  channel: {kind: donchian, length: 48}
  trail: {kind: donchian, length: 24}
entry:
  long: close > channel.upper[1]
  short: close < channel.lower[1]
exit:
  when:
    long: close < trail.lower[1]
    short: close > trail.upper[1]
"""

REVERSION = """\
version: 1
name: reversion
indicators:
  rsi: {kind: rsi, length: 14}
entry:
  long: rsi < 30
  short: rsi > 70
exit:
  when:
    long: rsi > 55
    short: rsi < 45
"""

LONG_ONLY = """\
version: 1
name: long_only
indicators:
  fast: {kind: ema, length: 12}
  slow: {kind: ema, length: 48}
  trend: {kind: sma, length: 200}
entry:
  long: fast crosses above slow and close > trend
exit:
  when: {long: fast crosses below slow}
"""

SHORT_ONLY = """\
version: 1
name: short_only
indicators:
  bands: {kind: bollinger, length: 40, deviations: 2}
entry:
  short: close crosses below bands.lower
exit:
  when: {short: close crosses above bands.middle}
"""

STOP_AND_TARGET = """\
version: 1
name: stop_and_target
indicators:
  rsi: {kind: rsi, length: 14}
entry:
  long: rsi crosses above 35
  short: rsi crosses below 65
exit:
  stop_loss: {distance: 0.4%, trigger: last}
  take_profit: [{at: 0.5%, close: 100%, type: market}]
"""

STOP_AT_A_PRICE = """\
version: 1
name: stop_at_a_price
indicators:
  channel: {kind: donchian, length: 24}
  trend: {kind: ema, length: 20}
entry:
  long: close > channel.upper[1]
  short: close < channel.lower[1]
exit:
  stop_loss: {price: channel.middle, trigger: last}
  take_profit: [{at: 1.5R, close: 100%, type: market}]
  when:
    long: close < trend
    short: close > trend
"""

TRAILING = """\
version: 1
name: trailing
indicators:
  fast: {kind: ema, length: 20}
  slow: {kind: ema, length: 60}
entry:
  long: fast crosses above slow
  short: fast crosses below slow
exit:
  stop_loss: {distance: 2%, trigger: last}
  trailing_stop: {distance: 2%}
"""

LIMIT_ENTRY = """\
version: 1
name: limit_entry
indicators:
  rsi: {kind: rsi, length: 14}
entry:
  long: rsi crosses below 30
  short: rsi crosses above 70
  order: {type: limit, offset: 20 bps, expires: 4 bars}
exit:
  time_stop: 24 bars
  when:
    long: rsi > 55
    short: rsi < 45
"""

# With the crash of March 2020, and with the flash crash of August 2023.
BTC_DAYS = ("2020-01-01", "2022-01-01")
ETH_DAYS = ("2023-07-01", "2024-07-01")

RULE_SETS = (
    RuleSet("moving averages cross, reversing", BTC, BTC_DAYS, MA_CROSS + HEAD_BTC, ma_cross, 400),
    RuleSet("breakout of a channel", BTC, BTC_DAYS, BREAKOUT + HEAD_BTC, breakout, 200),
    RuleSet("mean reversion", ETH, ETH_DAYS, REVERSION + HEAD_ETH, reversion, 400),
    RuleSet("long only", ETH, ETH_DAYS, LONG_ONLY + HEAD_ETH, long_only, 200, sides=frozenset((1,))),
    RuleSet("short only", ETH, ETH_DAYS, SHORT_ONLY + HEAD_ETH, short_only, 400, sides=frozenset((-1,))),
    RuleSet("stop and target", ETH, ETH_DAYS, STOP_AND_TARGET + HEAD_ETH, stop_and_target, 1000, 300),
    RuleSet(
        "stop at a price, target in R", BTC, BTC_DAYS, STOP_AT_A_PRICE + HEAD_BTC, stop_at_a_price, 500, 10
    ),
    RuleSet("trailing stop", BTC, BTC_DAYS, TRAILING + HEAD_BTC, trailing, 200, 1),
    RuleSet(
        "limit entry, time stop",
        ETH,
        ETH_DAYS,
        LIMIT_ENTRY + HEAD_ETH,
        limit_entry,
        300,
        engines=("backtesting",),
    ),
)
