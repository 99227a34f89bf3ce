"""Documents that the tests of runner.bot start from."""

SMALL = """version: 1
name: small
market: {symbol: BTC/USDT:USDT, timeframe: 15m, leverage: 3}
indicators:
  fast: {kind: ema, length: 9}
entry:
  long: close crosses above fast
size:
  equity: 50%
exit:
  stop_loss: 2%
limits:
  daily_loss: {max: 3% of equity}
"""

# Every section and every form that the language has.
FULL = """# yaml-language-server: $schema=../schemas/bot.v1.json
version: 1
name: full
description: EMA trend follower, ADX filter, 4h confirmation, ATR stop, scaled exits.

market:
  symbol: BTCUSDT                # ccxt spelling or the exchange's own
  timeframe: 15m
  leverage: 3
  margin: isolated

parameters:                      # what sweeps and --set may change
  fast:      {default: 21, min: 8,  max: 34}
  adx_floor: {default: 22.5, min: 15, max: 35}

indicators:
  ema_fast: {kind: ema, length: $fast}
  ema_slow: {kind: sma, length: 55, input: hlc3}
  adx:      {kind: adx, length: 14}
  atr:      {kind: atr, length: 14}
  bands:    {kind: bollinger, length: 20, deviations: 2.5}
  ema_4h:   {kind: ema, length: 50, timeframe: 4h}

conditions:
  trending:   adx > $adx_floor and adx is rising for 3 bars
  bull_on_4h: close@4h > ema_4h

entry:
  long:
    - ema_fast crosses above ema_slow
    - trending
    - any:
        - bull_on_4h
        - close[1] > bands.upper
    - not: funding_rate > 0.05%
  short: {all: [ema_fast crosses below ema_slow, trending]}
  order: {type: limit, offset: 5bps, expires: 3 bars, post_only: true}

size:
  risk: 0.75% of equity
  max_notional: 150% of equity

exit:
  stop_loss: {distance: 2.5 * atr, trigger: last}
  take_profit:
    - {at: 1.50 R, close: 40.0%}
    - {at: 3R,   close: 30%, type: market}
  break_even: {at: 1R, offset: 0.1%}
  trailing_stop: {start_at: 2R, distance: 3 * atr}
  time_stop: 480bars
  when:
    long:  ema_fast crosses below ema_slow
  reverse: false

limits:
  daily_loss:   {max: 300 USDT, then: block}
  max_drawdown: {max: 15 %, then: flatten}
  cooldown:
    - {after: stop_loss, wait: 4 bars}
    - {after: 3 losses in a row, wait: 12h}
  trades_per_day: 6

costs:    {maker: 0.02%, taker: 5 bps, slippage: {fixed: 2 bps, impact: 0.1}, funding: none}
backtest: {from: 2024-01-01, to: 2025-06-30T12:00Z, capital: 10000 USDT, detail: 5m, limit_fill: touch}
"""


def changed(text: str, old: str, new: str) -> str:
    """`text` with its only `old` replaced."""
    assert text.count(old) == 1, old
    return text.replace(old, new)
