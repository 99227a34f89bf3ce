"""Open an exchange from plain figures: rules, bars, money, a script of faults, a seed.

In: an `Opening`; stored markets as the candle store hands them out. Out: a box, at the start of play.
Refuses to know: the store, the command line.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from runner.domain.series import Bars, Market
from runner.simulator.box import MAIN, Box, Login, Setting, needs_setup
from runner.simulator.exchange import Exchange
from runner.simulator.fault_draw import drawn_script
from runner.simulator.faults import Fault, parse_faults
from runner.simulator.limits import Caps
from runner.simulator.player import Player
from runner.simulator.reel import PlayerSettings
from runner.simulator.rules import Fees, InstrumentRules, Switches
from runner.simulator.tape import BarColumns, MarketHistory

RANDOM = "random:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How an exchange opens. `script`: faults, or `random:20` for so many drawn by the seed.

    Bars that open before `start_ms` are history that clients can ask for; the others are played.
    """

    rules: tuple[InstrumentRules, ...]
    histories: tuple[MarketHistory, ...]
    start_ms: int
    wallet_usdt: Decimal = Decimal(10_000)
    fees: Fees = field(default_factory=Fees)
    seed: int = 0
    script: str = ""
    switches: Switches = field(default_factory=Switches)
    playing: PlayerSettings = field(default_factory=PlayerSettings)
    logins: tuple[Login, ...] = (Login("key", "secret"), Login("simulator-key", "simulator-secret"))
    caps: Caps = field(default_factory=Caps)
    wall: Callable[[], int] | None = None


def open_box(opening: Opening) -> Box:
    """The exchange at its start, every account funded."""
    faults = parse_faults(script_of(opening), opening.start_ms)
    exchange = Exchange(
        opening.rules,
        start_ms=opening.start_ms,
        seed=opening.seed,
        switches=switched(opening.switches, faults),
    )
    for name in dict.fromkeys(login.account for login in opening.logins):
        exchange.open_account(name, opening.wallet_usdt, opening.fees)
    player = Player(exchange, opening.histories, start_ms=opening.start_ms, settings=opening.playing)
    setting = Setting(logins=opening.logins, caps=opening.caps, wall=opening.wall, seed=opening.seed)
    return Box(exchange, player, setting, [one for one in faults if not needs_setup(one)])


def script_of(opening: Opening) -> str:
    """The script of faults as it will be played: drawn, where only a number was given."""
    text = opening.script.strip()
    if not text.startswith(RANDOM) or not text.removeprefix(RANDOM).isdigit():
        return opening.script
    ends = [int(one.bars.open_ms[-1]) + one.bars.timeframe_ms for one in opening.histories]
    return drawn_script(
        int(text.removeprefix(RANDOM)),
        seed=opening.seed,
        span_ms=max(ends) - opening.start_ms,
        symbol=opening.histories[0].symbol,
    )


def switched(switches: Switches, faults: Iterable[Fault]) -> Switches:
    """The switches with those faults set that hold from the first moment on."""
    for fault in filter(needs_setup, faults):
        is_on = fault.word(0) in ("on", "long")
        match fault.name:
            case "ex.count_open_reduce_only":
                switches = replace(switches, resting_reduce_only_counts=is_on)
            case "ex.countdown_takes_stops":
                switches = replace(switches, countdown_cancels_algos=is_on)
            case "ex.keep_orphans":
                switches = replace(switches, close_position_is_gte=not is_on)
            case "ex.reply_style":
                switches = replace(switches, replies_have_averages=is_on)
    return switches


def history_of(market: Market, symbol: str) -> MarketHistory:
    """A stored market as the player takes it: `symbol` is the exchange's own name."""
    funding = market.funding
    return MarketHistory(
        symbol,
        _columns(market.bars),
        _columns(market.mark) if market.mark is not None else None,
        funding.time_ms if funding else None,
        funding.funding_rate if funding else None,
    )


def _columns(bars: Bars) -> BarColumns:
    return BarColumns(
        bars.timeframe_ms,
        bars.open_time_ms,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
    )


__all__ = ["MAIN", "Opening", "history_of", "open_box", "script_of", "switched"]
