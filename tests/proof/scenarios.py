"""Short stories of one trade: a bot, prices that make it act, and when its decisive close is.

In: a kind and a side. Out: a stage with a market, seconds before something happens.
Refuses to know: crashes, what is right.
Kinds: `entry` at the market, `limit` (an entry that rests), `trail` (a stop follows the price), `exit` (a
rule closes, with
targets resting), `loss` (the drawdown limit's stop is hit: out, and halted).
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from runner.compiler.build import Compiled
from runner.data.instruments import instrument_for
from runner.live.ids import bot_tag
from runner.live.takeup import Deployment
from runner.simulator.box import Box, Login, Setting
from runner.simulator.catalogue import rules_of
from runner.simulator.exchange import Exchange
from runner.simulator.faults import Fault
from runner.simulator.player import Player
from runner.simulator.rules import InstrumentRules
from runner.simulator.tape import MarketHistory
from tests.live.rig import MINUTE_MS, START_MS, SYMBOL, bars_of, compiled_bot
from tests.live.virtual import VirtualLoop
from tests.proof.door import KEYS
from tests.proof.histories import Terms
from tests.proof.shelf import ACCOUNT, MODE, Shelf
from tests.proof.stage import Stage

WARMUP = 30
LEVERAGE = 3
CAPITAL_USDT = 10_000
FLAT_PRICE = 40_000.0
LEAD_MS = 3_000  # the process begins so long before the first close

BOT = """
version: 1
name: {name}
market: {{symbol: BTCUSDT, timeframe: 1m, leverage: 3, margin: isolated}}
indicators:
  fast: {{kind: sma, length: 2}}
  slow: {{kind: sma, length: 5}}
entry:
  long: fast crosses above slow
  short: fast crosses below slow
  order: {order}
size: {{risk: 1% of equity, max_notional: 200% of equity}}
exit:
  stop_loss: {{distance: {stop}, trigger: mark}}
{exits}
limits:
  daily_loss: {{max: 20% of equity, then: flatten}}
  max_drawdown: {{max: {drawdown}, then: halt}}
costs: {{maker: 0.02%, taker: 0.05%, slippage: 2 bps, funding: historical}}
backtest: {{capital: 10000 USDT}}
"""
_TARGETS = "  take_profit:\n    - {at: 6R, close: 50%}\n"
_RULE = "  when: {long: fast crosses below slow, short: fast crosses above slow}\n"
_TRAIL = "  trailing_stop: {distance: 0.6%}\n"


class Story(NamedTuple):
    """`steps`: closes in percent of the flat price, one a minute, mirrored for a short. `acts`: minutes
    (from the start)
    whose close is decisive; the last of them is the one under proof.
    """

    order: str
    stop: str
    exits: str
    drawdown: str
    steps: tuple[float, ...]
    act: int


STORIES = {
    "entry": Story("{type: market}", "0.8%", _TARGETS, "40%", (0.4, 0.4, 0.4), 0),
    "limit": Story(
        "{type: limit, offset: 10 bps, expires: 3 bars}", "0.8%", _TARGETS, "40%", (0.4, 0.4, 0.4), 0
    ),
    "trail": Story("{type: market}", "0.8%", _TRAIL, "40%", (0.4, 0.9, 0.9, 0.9), 1),
    "exit": Story("{type: market}", "1.5%", _TARGETS + _RULE, "40%", (0.4, -0.8, -0.8, -0.8), 1),
    "loss": Story("{type: market}", "3%", _TARGETS, "0.1%", (0.4, -0.4, -0.4, -0.4), 1),
}
KINDS = tuple(STORIES)
SIDES = ("long", "short")


def bot_text(kind: str) -> str:
    """The bot of a story."""
    story = STORIES[kind]
    return BOT.format(
        name=f"proof_{kind}", order=story.order, stop=story.stop, exits=story.exits, drawdown=story.drawdown
    )


@cache
def bot_of(text: str) -> Compiled:
    """Compiled once a process."""
    return compiled_bot(text)


@cache
def rules() -> InstrumentRules:
    """Of the one symbol."""
    found = instrument_for(SYMBOL)
    return rules_of(SYMBOL, found.instrument, found.brackets)


def deployed_bot(text: str) -> Deployment:
    """As the command line would deploy it."""
    compiled = bot_of(text)
    plan = compiled.plan._replace(capital_usdt=float(CAPITAL_USDT))
    from dataclasses import replace

    return Deployment(
        MODE, ACCOUNT, SYMBOL, "bot.yaml", text, compiled.bot_hash, (), replace(compiled, plan=plan)
    )


def market_stage(
    loop: VirtualLoop,
    shelf: Shelf,
    text: str,
    closes: list[float],
    *,
    start_ms: int,
    warmup_bars: int = WARMUP,
    faults: Iterable[Fault] = (),
    seed: int = 0,
) -> Stage:
    """A stage whose market has `closes`, the first `warmup_bars` of them before START_MS; time stands
    at `start_ms`.
    """
    exchange = Exchange([rules()], start_ms=START_MS, seed=seed)
    exchange.open_account(ACCOUNT, Decimal(CAPITAL_USDT))
    exchange.desk.set_leverage(ACCOUNT, SYMBOL, LEVERAGE)
    exchange.desk.set_margin_type(ACCOUNT, SYMBOL, "ISOLATED")
    bars = bars_of(closes, start_ms=START_MS - warmup_bars * MINUTE_MS)
    player = Player(exchange, [MarketHistory(SYMBOL, bars)], start_ms=START_MS)
    box = Box(exchange, player, Setting(logins=(Login(KEYS.key, KEYS.secret),), seed=seed), faults)
    box.advance_to(start_ms)
    return Stage(loop, box, shelf.fresh(), shelf.notice, deployed_bot(text))


def closes_of(kind: str, side: str) -> list[float]:
    """Flat for long, a wiggle for the averages to meet, then the story."""
    sign = 1 if side == "long" else -1
    flat = [FLAT_PRICE] * (WARMUP - 1) + [FLAT_PRICE * (1 - sign * 0.0005)]
    story = STORIES[kind].steps
    told = [FLAT_PRICE * (1 + sign * step / 100) for step in story]
    return flat + told + [told[-1]] * 4


def story_stage(loop: VirtualLoop, shelf: Shelf, kind: str, side: str, seed: int = 0) -> Stage:
    """A stage seconds before the first close."""
    start_ms = START_MS + MINUTE_MS - LEAD_MS
    return market_stage(loop, shelf, bot_text(kind), closes_of(kind, side), start_ms=start_ms, seed=seed)


def act_ms(kind: str) -> int:
    """The decisive close."""
    return START_MS + (STORIES[kind].act + 1) * MINUTE_MS


def terms_of(kind: str, **more: int) -> Terms:
    """What was agreed."""
    tag = bot_tag(f"proof_{kind}", ACCOUNT)
    return Terms(SYMBOL, tag, Decimal(CAPITAL_USDT * 2), LEVERAGE, **more)
