"""Reads the table of fill cases: a few settings, a few bars, the fills that must come out.

Prices are whole numbers: tick 1, step 1, no fees and no slippage unless a case says so. Of each bar
line the first
word is the signal at its close: `L` `S` long or short entry, `X` exit rule, `B` both at once, `.`
nothing; then open
high low close; `mark` and four more are mark prices; `fund R` is a settlement at the bar's open, `after
N` minutes
later; a line `~ N` stands for N missing bars.
"""

import re
from dataclasses import dataclass

import numpy as np

from runner.backtest.engine import Engine
from runner.backtest.feed import payable
from runner.backtest.run import Run, walked
from runner.compiler.columns import Rows
from runner.domain.bar import ADVERSE, FALSE, FAVOURABLE, NEAREST, TRUE
from runner.domain.instrument import BRACKETS_MAX, NO_BRACKET, Bracket, Instrument
from runner.domain.order import REASONS
from runner.domain.plan import (
    ABSENT,
    AFTER_EXIT,
    AFTER_LOSS,
    AFTER_LOSSES,
    AFTER_STOP,
    BLOCK,
    BY_DISTANCE,
    BY_PRICE,
    BY_R,
    BY_RATIO,
    FLATTEN,
    HALT,
    NO_COOLDOWN,
    NO_STEP,
    NO_TARGET,
    SIZE_EQUITY,
    SIZE_NOTIONAL,
    SIZE_QUANTITY,
    SIZE_RISK,
    STEP_SLOT,
    STEPS_MAX,
    BreakEven,
    Cooldown,
    Costs,
    EntryOrder,
    Limits,
    Liquidity,
    Plan,
    Sizing,
    Step,
    StopRule,
    Target,
    Trailing,
)
from runner.domain.series import Bars, FundingSeries, Market

MINUTE_MS = 60_000
START_MS = 1_704_067_200_000  # 2024-01-01 00:00 UTC

INSTRUMENT = Instrument(1.0, 1.0, 1.0, 1e9, 1e9, 1.0, 0.01)
BRACKETS = (Bracket(1e12, 0.004, 0.0, 125.0),) + (NO_BRACKET,) * (BRACKETS_MAX - 1)
EXIT_RULE = (Step(STEP_SLOT, 0, 0, 0),) + (NO_STEP,) * (STEPS_MAX - 1)


@dataclass(frozen=True)
class Case:
    """One block of the table."""

    name: str
    settings: tuple[str, ...]
    bars: tuple[str, ...]
    fills: tuple[str, ...]


def read_cases(table: str) -> list[Case]:
    """Blocks between blank lines: `name: settings; settings`, bar lines, `->` fill lines."""
    cases = []
    for block in re.split(r"\n\s*\n", table.strip()):
        lines = [line.strip() for line in block.splitlines() if not line.strip().startswith("#")]
        name, _, settings = lines[0].partition(":")
        bars = tuple(line for line in lines[1:] if not line.startswith("->"))
        fills = tuple(line[2:].strip() for line in lines[1:] if line.startswith("->"))
        parts = tuple(part.strip() for part in settings.split(";") if part.strip())
        cases.append(Case(name.strip(), parts, bars, fills))
    return cases


def number(text: str) -> float:
    """`2%`, `5bps` or a plain number."""
    if text.endswith("%"):
        return float(text[:-1]) / 100
    if text.endswith("bps"):
        return float(text[:-3]) / 10_000
    return float(text)


def level(text: str) -> tuple[int, float]:
    """`2R` or `5%`."""
    return (BY_R, float(text[:-1])) if text.endswith("R") else (BY_RATIO, number(text))


def plan_of(settings: tuple[str, ...]) -> tuple[Plan, float, float]:
    """(plan, Row's stop figure, Row's trail distance) of a case."""
    said = {part.split()[0]: part.split()[1:] for part in settings if not part.startswith(("target", "cool"))}
    targets = [part.split()[1:] for part in settings if part.startswith("target")]
    cooldowns = [part.split()[1:] for part in settings if part.startswith("cool")]
    stop_kind, stop = ABSENT, float("nan")
    if "stop" in said:
        word = said["stop"][-1]
        stop_kind = BY_PRICE if said["stop"][0] == "at" else BY_RATIO if word.endswith("%") else BY_DISTANCE
        stop = number(word)
    trail = said.get("trail", [])
    started = level(trail[2]) if len(trail) > 1 else (ABSENT, 0.0)
    trailing = Trailing(ABSENT, ABSENT, 0.0)
    if trail:
        trailing = Trailing(BY_RATIO if trail[0].endswith("%") else BY_DISTANCE, *started)
    even = said.get("even", [])
    ladder = [Target(*level(words[0]), number(words[1]), words[-1] == "market") for words in targets]
    kinds = {
        "quantity": SIZE_QUANTITY,
        "risk": SIZE_RISK,
        "equity": SIZE_EQUITY,
        "notional": SIZE_NOTIONAL,
    }
    size = next((kind for kind in kinds if kind in said), "quantity")
    limit = said.get("limit", [])
    expires = int(limit[limit.index("expires") + 1]) if "expires" in limit else 1
    plan = Plan(
        instrument=INSTRUMENT._replace(tick_size=float(said.get("tick", ["1"])[0])),
        brackets=BRACKETS,
        costs=Costs(
            number(said.get("maker", ["0"])[0]),
            number(said.get("taker", ["0"])[0]),
            number(said.get("slip", ["0"])[0]),
            number(said.get("impact", ["0"])[0]),
        ),
        sizing=Sizing(
            kinds[size],
            number(said.get(size, ["1"])[0]),
            float(said.get("leverage", ["1"])[0]),
            number(said.get("most", ["0"])[0]),
            number(said.get("most_usdt", ["0"])[0]),
            "cross" in said,
        ),
        entry=EntryOrder(
            bool(limit), number(limit[0]) if limit else 0.0, expires, "post_only" in limit, "reverse" in said
        ),
        stop=StopRule(stop_kind, "on_mark" in said),
        targets=tuple([*ladder, NO_TARGET, NO_TARGET, NO_TARGET, NO_TARGET][:4]),  # type: ignore[arg-type]
        break_even=BreakEven(*level(even[0]), number(even[1]) if len(even) > 1 else 0.0)
        if even
        else BreakEven(ABSENT, 0.0, 0.0),
        trailing=trailing,
        time_stop_bars=int(said.get("time", ["0"])[0]),
        exit_long=EXIT_RULE,
        exit_short=EXIT_RULE,
        limits=limits_of(said, cooldowns),
        timeframe_ms=MINUTE_MS * int(said.get("minutes", ["1"])[0]),
        capital_usdt=float(said.get("capital", ["100000"])[0]),
        fill_on_touch="touch" in said,
        liquidity=Liquidity(number(said.get("share", ["0"])[0]), "carry" in said.get("share", [])),
    )
    return plan, stop, number(trail[0]) if trail else float("nan")


def limits_of(said: dict[str, list[str]], cooldowns: list[list[str]]) -> Limits:
    """The limits of a case; waits are in bars of one minute."""
    actions = {"block": BLOCK, "flatten": FLATTEN, "halt": HALT}
    after = {"exit": AFTER_EXIT, "loss": AFTER_LOSS, "stop": AFTER_STOP, "losses": AFTER_LOSSES}
    daily = said.get("daily", ["0", "block"])
    usdt = not daily[0].endswith("%")
    drawdown = said.get("drawdown", ["0", "block"])
    rows = [
        Cooldown(after[words[0]], int(words[1]) if words[0] == "losses" else 0, int(words[-1]) * MINUTE_MS)
        for words in cooldowns
    ]
    return Limits(
        daily_loss_ratio=0.0 if usdt else number(daily[0]),
        daily_loss_usdt=number(daily[0]) if usdt else 0.0,
        daily_loss_action=actions[daily[1]] if "daily" in said else 0,
        drawdown_ratio=number(drawdown[0]),
        drawdown_action=actions[drawdown[1]] if "drawdown" in said else 0,
        trades_per_day=int(said.get("trades", ["0"])[0]),
        cooldowns=tuple([*rows, *[NO_COOLDOWN] * 4][:4]),  # type: ignore[arg-type]
    )


def market_of(lines: tuple[str, ...], start_ms: int, step_ms: int) -> tuple[Market, list[str]]:
    """The market and the signals of a case."""
    signals, prices, marks, funding = [], [], [], []
    times: list[int] = []
    hole = 0
    for line in lines:
        words = line.split()
        if words[0] == "~":  # bars that the data lacks
            hole += int(words[1])
            continue
        times.append(start_ms + (len(times) + hole) * step_ms)
        signals.append(words[0])
        prices.append([float(word) for word in words[1:5]])
        mark = words.index("mark") if "mark" in words else None
        marks.append([float(word) for word in words[mark + 1 : mark + 5]] if mark else prices[-1])
        if "fund" in words:
            rate = number(words[words.index("fund") + 1])
            inside = int(words[words.index("after") + 1]) if "after" in words else 0
            funding.append((times[-1] + inside * MINUTE_MS, rate, marks[-1][0]))
    bars = bars_of(times, prices, step_ms)
    mark_bars = bars_of(times, marks, step_ms)
    series = None
    if funding:
        moments, rates, levels = zip(*funding, strict=True)
        series = FundingSeries(np.array(moments, np.int64), np.array(rates), np.array(levels))
    return Market("BTC/USDT:USDT", bars, mark=mark_bars, funding=series), signals


def bars_of(times: list[int], prices: list[list[float]], step_ms: int) -> Bars:
    """Bars of 100 units of volume each."""
    opened, high, low, close = np.array(prices).T
    return Bars(step_ms, np.array(times, np.int64), opened, high, low, close, np.full(len(times), 100.0))


def rows_of(signals: list[str], stop: float, trail: float) -> Rows:
    """The scripted verdicts; a stop price for shorts is mirrored by the case itself."""
    count = len(signals)

    def verdicts(wanted: str) -> "np.ndarray[tuple[int], np.dtype[np.int8]]":
        return np.array([TRUE if signal in wanted else FALSE for signal in signals], np.int8)

    return Rows(
        enter_long=verdicts("LB"),
        enter_short=verdicts("SB"),
        stop_long=np.full(count, stop),
        stop_short=np.full(count, stop),
        trail_distance=np.full(count, trail),
        slots=verdicts("X").astype(np.float64)[np.newaxis, :],
    )


def run_case(case: Case, engine: Engine) -> Run:
    """The run of a case on its path, adverse unless it says otherwise."""
    path = next((part.split()[1] for part in case.settings if part.startswith("path")), "adverse")
    plan, stop, trail = plan_of(case.settings)
    start = next((int(part.split()[1]) for part in case.settings if part.startswith("start_minute")), 0)
    market, signals = market_of(case.bars, START_MS + start * MINUTE_MS, plan.timeframe_ms)
    paths = (ADVERSE, FAVOURABLE, NEAREST)
    runs = walked(plan, market, rows_of(signals, stop, trail), payable(market), engine, paths=paths)
    return runs[["adverse", "favourable", "nearest"].index(path)]


def fills_of(run: Run) -> tuple[str, ...]:
    """`bar reason buy|sell quantity @ price [maker]` of every fill."""
    lines = []
    for row in run.tape.fills[: run.progress.fills].tolist():
        side = "buy" if row[3] > 0 else "sell"
        maker = " maker" if row[9] else ""
        lines.append(f"{row[1]:g} {REASONS[int(row[8])]} {side} {row[4]:g} @ {row[5]:g}{maker}")
    return tuple(lines)


def mirrored(case: Case) -> Case:
    """The same case upside down: prices p → 200 − p, long ↔ short."""
    swap = {"L": "S", "S": "L"}

    def flipped(words: list[str]) -> list[str]:
        opened, high, low, close = (200 - float(word) for word in words)
        return [f"{price:g}" for price in (opened, low, high, close)]

    bars = []
    for line in case.bars:
        words = line.split()
        if words[0] == "~":
            bars.append(line)
            continue
        mark = words.index("mark") if "mark" in words else len(words)
        rest = ["mark", *flipped(words[mark + 1 : mark + 5]), *words[mark + 5 :]] if mark < len(words) else []
        extra = words[5:mark]
        bars.append(" ".join([swap.get(words[0], words[0]), *flipped(words[1:5]), *extra, *rest]))
    fills = []
    for line in case.fills:
        words = line.split()
        words[2] = "sell" if words[2] == "buy" else "buy"
        words[5] = f"{200 - float(words[5]):g}"
        fills.append(" ".join(words))
    settings = tuple(
        f"stop at {200 - number(part.split()[2]):g}" if part.startswith("stop at") else part
        for part in case.settings
    )
    return Case(f"{case.name}, upside down", settings, tuple(bars), tuple(fills))
