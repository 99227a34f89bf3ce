"""Random lives: a bot, a market, faults, deaths, operators; all of it drawn by one number, and kept as
plain data.

In: a seed. Out: a `Play`, as JSON and back; its run, with histories.
Refuses to know: what is right.
"""

import asyncio
import json
import random
from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple, cast

from runner.domain.session_event import Halted, Resumed, StopLevel
from runner.live.ids import bot_tag
from runner.live.recover import Policy
from runner.simulator.faults import parse_faults
from runner.simulator.mischief import _is_due
from tests.live.rig import MINUTE_MS, START_MS, SYMBOL
from tests.live.virtual import VirtualLoop
from tests.proof.histories import Histories, Terms
from tests.proof.scenarios import CAPITAL_USDT, FLAT_PRICE, LEVERAGE, WARMUP, market_stage
from tests.proof.shelf import ACCOUNT, Shelf
from tests.proof.stage import Life, Stage, perform

SAFETY, LIVENESS = "safety", "liveness"
LIVE_MS = 120_000
CALM_MS = 12_000

BOT = """
version: 1
name: {name}
market: {{symbol: BTCUSDT, timeframe: 1m, leverage: 3, margin: isolated}}
indicators:
  fast: {{kind: sma, length: 2}}
  slow: {{kind: sma, length: 4}}
entry:
  long: fast crosses above slow
  short: fast crosses below slow
  order: {order}
size: {{risk: 1% of equity, max_notional: 200% of equity}}
exit:
  stop_loss: {{distance: {stop}, trigger: {trigger}}}
{exits}limits:
  daily_loss: {{max: {day}, then: flatten}}
{cooldown}costs: {{maker: 0.02%, taker: 0.05%, slippage: 2 bps, funding: historical}}
backtest: {{capital: 10000 USDT}}
"""
_ORDERS = ("{type: market}", "{type: market}", "{type: limit, offset: 3 bps, expires: 2 bars}")
_STOPS, _TRIGGERS, _DAYS = ("0.4%", "0.8%", "2%"), ("mark", "mark", "last"), ("20% of equity", "2% of equity")
_EXITS = (
    "  when: {long: fast crosses below slow, short: fast crosses above slow}\n",
    "  take_profit:\n    - {at: 0.5R, close: 50%}\n    - {at: 1R, close: 30%}\n",
    "  trailing_stop: {distance: 0.3%}\n",
    "  take_profit:\n    - {at: 0.7R, close: 50%}\n  trailing_stop: {distance: 0.5%}\n",
    "  when: {long: fast crosses below slow, short: fast crosses above slow}\n  reverse: true\n",
)
_COOLDOWNS = ("", "", "  cooldown:\n    - {after: exit, wait: 2 bars}\n")

# Templates by weight; {at} and {span} are filled in.
FAULTS = [
    (4, "net.drop_before(POST *) at {at}"),
    (6, "net.drop_after(POST *) at {at}"),
    (3, "net.drop_after(DELETE *) at {at}"),
    (3, "net.drop_before(GET *) at {at}"),
    (3, "net.hang(POST order) at {at}"),
    (3, "net.hang(POST algoOrder, executed) at {at}"),
    (2, "net.delay(signed, 2s) at {at}"),
    (2, "net.late(POST order, 2s) at {at}"),
    (1, "net.dup(POST algoOrder) at {at}"),
    (2, "net.truncate(POST order) at {at}"),
    (2, "net.half_json(POST order) at {at}"),
    (2, "net.empty(POST order) at {at}"),
    (2, "net.blank(POST algoOrder) at {at}"),
    (2, "net.html(POST order) at {at}"),
    (2, "net.outage at {at} for {span}"),
    (2, "net.private_down at {at} for {span}"),
    (2, "net.public_down at {at} for {span}"),
    (3, "http.unknown(POST order) at {at}"),
    (2, "http.unavailable(POST *) at {at}"),
    (2, "http.internal(POST *) at {at}"),
    (3, "http.overload(POST order) at {at} x3"),
    (3, "http.timeout(POST order) at {at}"),
    (2, "http.unexpected(POST algoOrder) at {at}"),
    (2, "http.gateway(POST *) at {at}"),
    (2, "http.busy(GET *, 5s) at {at}"),
    (1, "http.ban(15s) at {at}"),
    (1, "http.firewall(GET *) at {at}"),
    (2, "clk.skew(3s) at {at} for {span}"),
    (2, "clk.skew(-4s) at {at} for {span}"),
    (3, "ws.kill(all, 1006) at {at}"),
    (2, "ws.refuse(private) at {at} for {span}"),
    (2, "ws.silent(private) at {at} for {span}"),
    (2, "ws.drop(ORDER_TRADE_UPDATE) at {at}"),
    (2, "ws.drop(ALGO_UPDATE) at {at}"),
    (2, "ws.drop(ACCOUNT_UPDATE) at {at}"),
    (2, "ws.dup(ORDER_TRADE_UPDATE) at {at}"),
    (2, "ws.reorder(ORDER_TRADE_UPDATE) at {at}"),
    (2, "ws.lag(3s, private) at {at} for {span}"),
    (1, "ws.expire_key at {at}"),
    (3, "ex.read_lag(3s) at {at} for {span}"),
    (1, "ex.read_lag(5s, positions) at {at} for {span}"),
    (2, "ex.engine_lag(4s) at {at} for 5s"),
    (3, "ex.trigger_reject at {at}"),
    (2, "ex.trigger_hang at {at}"),
    (3, "ex.partial(40%) at {at} for {span}"),
    (2, "ex.reject(POST algoOrder, -2021) at {at} x1"),
    (2, "ex.reject(POST order, -2019) at {at} x1"),
    (1, "ex.algo_cap(1) at {at} for {span}"),
    (1, "ex.child_id at {at}"),
    (2, "ex.manual_close({symbol}) at {at}"),
    (2, "ex.manual_cancel({symbol}, stops) at {at}"),
    (1, "ex.manual_cancel({symbol}, both) at {at}"),
    (2, "ex.adl({symbol}, 50%) at {at}"),
    (1, "ex.liquidate({symbol}) at {at}"),
    (1, "ex.transfer(100) at {at}"),
    (1, "ex.foreign_order({symbol}, buy, 0.01, 30000) at {at}"),
    (1, "feed.drop_close at {at}"),
    (1, "feed.freeze at {at} for {span}"),
    (2, "feed.wick({symbol}, 1%) at {at}"),
    (2, "feed.jump({symbol}, -0.7%) at {at}"),
    (2, "feed.jump({symbol}, 0.7%) at {at}"),
]
_SLOW = (
    "ws.",
    "ex.read_lag",
    "ex.manual",
    "ex.child",
    "net.late",
    "ex.trigger",
)  # what is only seen by the next look


class Play(NamedTuple):
    """One run as data. Times are ms from the start; `kills` (at, how long down), `halts` (at, level,
    resumed after; 0 never),
    `mutes` (at, how long the journal takes nothing). `turns`: seed of the order of ready tasks; None:
    asyncio's own.
    """

    seed: int
    mode: str
    bot: str
    closes: tuple[float, ...]
    faults: str
    kills: tuple[tuple[int, int], ...]
    halts: tuple[tuple[int, str, int], ...]
    mutes: tuple[tuple[int, int], ...]
    skew_ms: int
    policy: str
    turns: int | None
    cooldown_ms: int

    @property
    def length_ms(self) -> int:
        """How long it lasts before calm."""
        return len(self.closes) * MINUTE_MS

    def text(self) -> str:
        """As JSON."""
        return json.dumps(self._asdict(), indent=1)


def play_from(text: str) -> Play:
    """A play kept as JSON."""
    data = json.loads(text)
    for name in ("closes", "kills", "halts", "mutes"):
        data[name] = tuple(tuple(one) if isinstance(one, list) else one for one in data[name])
    return Play(**data)


def drawn(seed: int) -> Play:
    """The play of a number."""
    chance = random.Random(f"proof/{seed}")
    minutes = chance.randrange(4, 8)
    bot, cooldown = _bot(chance)
    span_ms = minutes * MINUTE_MS
    return Play(
        seed=seed,
        mode=SAFETY if seed % 2 else LIVENESS,
        bot=bot,
        closes=_closes(chance, minutes),
        faults=_faults(chance, span_ms),
        kills=tuple(
            sorted(
                (_moment(chance, span_ms), chance.randrange(300, 8_000))
                for _ in range(chance.choice((0, 0, 1, 1, 2)))
            )
        ),
        halts=_halts(chance, span_ms),
        mutes=((_moment(chance, span_ms), chance.randrange(1_000, 20_000)),)
        if chance.random() < 0.08
        else (),
        skew_ms=chance.choice((0, 0, 0, -1_500, 400, 1_500)),
        policy=chance.choice(("halt", "halt", "adopt", "flatten")),
        turns=None,
        cooldown_ms=cooldown,
    )


def _bot(chance: random.Random) -> tuple[str, int]:
    picked = [chance.randrange(len(one)) for one in (_ORDERS, _STOPS, _TRIGGERS, _EXITS, _DAYS, _COOLDOWNS)]
    order, stop, trigger, exits, day, cooldown = picked
    text = BOT.format(
        name=f"play_{order}{stop}{trigger}{exits}{day}{cooldown}",
        order=_ORDERS[order],
        stop=_STOPS[stop],
        trigger=_TRIGGERS[trigger],
        exits=_EXITS[exits],
        day=_DAYS[day],
        cooldown=_COOLDOWNS[cooldown],
    )
    return text, 2 * MINUTE_MS if _COOLDOWNS[cooldown] else 0


def _closes(chance: random.Random, minutes: int) -> tuple[float, ...]:
    """A walk that turns often: something happens in nearly every minute."""
    price, found = FLAT_PRICE, []
    for _ in range(minutes):
        price *= 1 + chance.choice((-1, 1)) * chance.uniform(0.0005, 0.006)
        found.append(round(price, 1))
    return tuple(found)


def _moment(chance: random.Random, span_ms: int) -> int:
    """Often within seconds of a close, when most happens; else any time."""
    if chance.random() < 0.6:
        return chance.randrange(1, span_ms // MINUTE_MS) * MINUTE_MS + int(chance.expovariate(1 / 800))
    return chance.randrange(span_ms)


def _faults(chance: random.Random, span_ms: int) -> str:
    weights = [weight for weight, _ in FAULTS]
    lines = []
    for text in chance.choices([text for _, text in FAULTS], weights, k=chance.randrange(2, 5)):
        at_ms = max(0, _moment(chance, span_ms) - chance.randrange(0, 2_000))
        lines.append(
            (at_ms, text.format(at=f"+{at_ms}ms", span=f"{chance.randrange(2, 40)}s", symbol=SYMBOL))
        )
    return "\n".join(text for _, text in sorted(lines))


def _halts(chance: random.Random, span_ms: int) -> tuple[tuple[int, str, int], ...]:
    if chance.random() > 0.15:
        return ()
    level = chance.choice(("no_entries", "flatten", "halt"))
    return ((_moment(chance, span_ms), level, chance.choice((0, 45_000))),)


class Seen(NamedTuple):
    """What came of a play. `met`: faults that struck, by the session's state at that time."""

    play: Play
    histories: Histories
    head: str
    met: dict[tuple[str, str], int]
    faults: tuple[BaseException, ...]


def terms_of(play: Play) -> Terms:
    """What was agreed, and how soon things can be noticed with these faults."""
    name = play.bot.split("name: ")[1].split("\n")[0]
    slow = any(word in play.faults for word in _SLOW) or bool(play.mutes)
    lag = 6_000 if "read_lag" in play.faults else 0
    return Terms(
        SYMBOL,
        bot_tag(name, ACCOUNT),
        Decimal(CAPITAL_USDT * 2),
        LEVERAGE,
        cooldown_ms=play.cooldown_ms,
        protect_ms=(17_000 if slow else 5_000) + lag,
        orphan_ms=30_000 + lag,
        lag_ms=3_000 + lag + abs(play.skew_ms),
        limit_flattens="then: flatten" in play.bot,
    )


def perform_play(shelf: Shelf, play: Play) -> Seen:
    """One run."""
    loop = VirtualLoop(START_MS, play.turns)
    closes = [FLAT_PRICE] * WARMUP + list(play.closes) + [play.closes[-1]] * 6
    script = parse_faults(play.faults, START_MS)
    stage = market_stage(loop, shelf, play.bot, closes, start_ms=START_MS, faults=script, seed=play.seed)
    met: Counter[tuple[str, str]] = Counter()
    facts = {"repeated": 0}

    async def act() -> None:
        watching = asyncio.ensure_future(_watch(stage, met))
        asides = [asyncio.ensure_future(job) for job in (*_operators(stage, play), *_silences(stage, play))]
        life = await _lives(stage, play)
        for job in (watching, *asides):
            job.cancel()
        stage.unhush()
        if play.mode == LIVENESS:
            facts["repeated"] = await _calm(stage, life)
        else:
            await life.bury()

    perform(loop, stage, act())
    down = [one for one in script if one.name in ("net.outage", "net.private_down")]
    deaf = [(one.from_ms, one.until_ms or stage.now_ms) for one in down]
    calm = play.mode == LIVENESS
    histories = stage.histories(terms_of(play), is_quiet=calm, repeated=facts["repeated"], deaf=deaf)
    return Seen(
        play,
        histories,
        histories.journal[-1].hash if histories.journal else "",
        dict(met),
        tuple(stage.faults),
    )


async def _lives(stage: Stage, play: Play) -> Life:
    """The process, and the processes after it, until the play's end."""
    begin: dict[str, Any] = {"skew_ms": play.skew_ms, "policy": cast(Policy, play.policy)}
    life = stage.begin(**begin)
    for at_ms, down_ms in play.kills:
        if START_MS + at_ms > stage.now_ms:
            await _play_on(stage, START_MS + at_ms)
        life = await revive(stage)
        await life.bury()
        await stage.play(stage.now_ms + down_ms)
        life = stage.begin(**begin)
    await _play_on(stage, START_MS + play.length_ms)
    return await revive(stage)


async def _play_on(stage: Stage, until_ms: int) -> None:
    """A process that ended by itself is started again, as a supervisor would."""
    while stage.now_ms < until_ms:
        await stage.play(min(until_ms, stage.now_ms + 5_000), stage.life)
        await revive(stage)


async def revive(stage: Stage) -> Life:
    """The living process; a new one where the last has ended by itself."""
    life = stage.life
    assert life is not None
    if life.task is not None and life.task.done():
        skew_ms, policy = life.skew_ms, life.policy
        await life.bury()
        life = stage.begin(skew_ms=skew_ms, policy=policy)
    return life


def _operators(stage: Stage, play: Play) -> list[Any]:
    async def speak(at_ms: int, level: str, after_ms: int) -> None:
        await asyncio.sleep(at_ms / 1000)
        stage.command(Halted(cast(StopLevel, level), "by the play", "operator"))
        if after_ms:
            await asyncio.sleep(after_ms / 1000)
            stage.command(Resumed("by the play", "operator"))

    return [speak(*one) for one in play.halts]


def _silences(stage: Stage, play: Play) -> list[Any]:
    async def hush(at_ms: int, for_ms: int) -> None:
        await asyncio.sleep(at_ms / 1000)
        stage.hush()
        await asyncio.sleep(for_ms / 1000)
        stage.unhush()

    return [hush(*one) for one in play.mutes]


async def _calm(stage: Stage, life: Life) -> int:
    """No faults any more; the process comes to rest within the time, or the checker will say so."""
    stage.box.mischief.clear()
    levers = stage.box.exchange.levers
    levers.taker_share = levers.maker_share = None
    levers.trigger_hangs = levers.trigger_rejections = levers.foreign_child_ids = 0
    banned_ms = max(stage.box.limits.banned_until_ms, stage.box.limits._busy_until_ms)
    until_ms = max(stage.now_ms, banned_ms) + LIVE_MS
    calm_ms = stage.now_ms
    while stage.now_ms < until_ms:
        await stage.play(stage.now_ms + 1_000, stage.life)
        life = await revive(stage)
        if not life.is_settled():
            calm_ms = stage.now_ms
        elif stage.now_ms - max(calm_ms, banned_ms) >= CALM_MS:
            break
    return await life.stop()


async def _watch(stage: Stage, met: Counter[tuple[str, str]]) -> None:
    """Which faults struck, or held, in which state."""
    mischief, before = stage.box.mischief, Counter[str]()
    while True:
        state = stage.life.state() if stage.life is not None else "down"
        for name, count in mischief.hits.items():
            if count > before[name]:
                met[name, state] += count - before[name]
        before = Counter(mischief.hits)
        for fault in mischief._states:
            if _is_due(fault, stage.box.now_ms):
                met[fault.name, state] += 1
        await asyncio.sleep(0.5)
