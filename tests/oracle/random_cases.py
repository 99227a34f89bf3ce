"""Random bots on random bars, written in the notation of the fill cases so that a failure can be read and
kept.

Beyond `tests/core/fill_cases.py`: settings `tick`, `step`, `floors Q N`, `most_each LIMIT MARKET`,
`brackets steep`;
in a bar's line `volume V`, `stop F` and `trail F` (that close's figures). Everything is drawn as bytes:
cheap to
draw, and they shrink to the first choice of each list and to quiet bars.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple, TypeVar

import numpy as np
from hypothesis import strategies as st

from runner.backtest.feed import Payable, payable
from runner.compiler.columns import Rows
from runner.domain import plan as p
from runner.domain.instrument import BRACKETS_MAX, NO_BRACKET, Bracket
from runner.domain.plan import NO_STEP, STEPS_MAX, Plan, Step
from runner.domain.series import Bars, Market
from tests.core.fill_cases import INSTRUMENT, Case, market_of, number, plan_of, rows_of

Choice = TypeVar("Choice")

BAR_BYTES = 16
X = (p.STEP_SLOT, 0, 0, 0.0)  # the exit signal
START_MS = 1_704_067_200_000  # 2024-01-01 00:00 UTC

# Three brackets whose maintenance is continuous; the highest leverage ends at 2,000 USDT of notional.
STEEP = (
    Bracket(2_000.0, 0.01, 0.0, 50.0),
    Bracket(6_000.0, 0.025, 30.0, 20.0),
    Bracket(1e9, 0.05, 180.0, 5.0),
)


class World(NamedTuple):
    """All that a run is made of."""

    plan: Plan
    market: Market
    rows: Rows
    due: Payable


class Bytes:
    """Reads choices off a byte string."""

    def __init__(self, drawn: bytes) -> None:
        self.drawn, self.at = drawn, 0

    def next(self) -> int:
        self.at += 1
        return self.drawn[self.at - 1]

    def of(self, options: Sequence[Choice]) -> Choice:
        return options[self.next() % len(options)]


GRIDS = ["tick 1", "tick 0.5; step 0.25", "tick 0.1; step 0.001", "tick 0.05; step 0.03"]
SIZES = [
    *["quantity 1", "quantity 7.5", "quantity 40", "risk 2%", "risk 0.5%", "risk 12.5%", "equity 80%"],
    *["equity 250%", "notional 500", "notional 3333"],
]
LEVERAGES = ["leverage 5", "leverage 1", "leverage 3", "leverage 10", "leverage 20", "leverage 50"]
STOPS = ["", "stop 4", "stop 3%", "stop 6.25%", "stop at 96", "stop 9", "stop 15%"]
TRAILS = ["", "", "trail 3", "trail 2% from 1R", "trail 4 from 2%", "trail 3.125%", "trail 2.5 from 0.5R"]
EVENS = ["", "", "even 1R", "even 2% 0.5%", "even 0.5R 0.1%", "even 3%"]
LADDERS = [
    *["", "", "target 2% 100%", "target 1R 50%; target 2R 30%", "target 2% 60% market", "target 1.5R 100%"],
    "target 0.5R 25%; target 1R 25%; target 1.5R 25%; target 3R 25% market",
]
ENTRIES = ["", "", "", "limit 0 expires 2", "limit 1% expires 3", "limit 2% expires 6 post_only", "limit 3%"]
TURNS = ["", "", "reverse", "time 3", "time 8", "reverse; time 5"]
DAILIES = ["", "", "", "daily 3% flatten", "daily 20 block", "daily 75 flatten", "daily 1% flatten"]
DRAWDOWNS = ["", "", "", "drawdown 8% halt", "drawdown 5% block", "drawdown 4% flatten", "drawdown 25% halt"]
COOLS = [
    "",
    "",
    "cool exit 1",
    "cool losses 2 5",
    "cool stop 3",
    "cool loss 2; cool stop 6",
    "cool losses 3 4",
]
COSTS = ["", "taker 0.05%; maker 0.02%; slip 2bps", "taker 0.1%; maker 0.02%; slip 50bps", "impact 5%"]
COSTS += ["taker 0.04%; maker 0.03%; slip 1%; impact 1%"]
CAPS = ["", "", "", "share 2%", "share 2% carry", "share 6% carry", "share 0.5%", "share 0.5% carry"]
FLOORS = ["", "", "floors 2 0", "floors 0 100", "most_each 1000 5", "most_each 6 4"]
MOSTS = ["", "", "", "most 50%", "most_usdt 700", "most 130%; most_usdt 1900"]
CAPITALS = ["capital 1000", "capital 10000", "capital 333.3"]
LENGTHS = ["minutes 1", "minutes 240", "minutes 1440", "minutes 60"]

# Exit programs; figures are slots of their own. The slot X of the notation is heard in each of them.
RULES = {
    "gained": ((p.STEP_COMPARE, p.FACT_PROFIT_RATIO, p.CMP_GT, 0.03), X, (p.STEP_OR, 0, 0, 0)),
    "lost": ((p.STEP_COMPARE, p.FACT_PROFIT_RATIO, p.CMP_LE, -0.02), X, (p.STEP_OR, 0, 0, 0)),
    "late": (
        (p.STEP_COMPARE, p.FACT_BARS_IN_TRADE, p.CMP_GE, 3),
        (p.STEP_COMPARE, p.FACT_PROFIT_R, p.CMP_LT, 0.7),
        (p.STEP_AND, 0, 0, 0),
        X,
        (p.STEP_OR, 0, 0, 0),
    ),
    "short": (
        (p.STEP_COMPARE, p.FACT_POSITION, p.CMP_EQ, -1),
        (p.STEP_COMPARE, p.FACT_BARS_IN_TRADE, p.CMP_NE, 2),
        (p.STEP_NOT, 0, 0, 0),
        (p.STEP_AND, 0, 0, 0),
        X,
        (p.STEP_OR, 0, 0, 0),
    ),
    "unknown": (
        (p.STEP_COMPARE, p.FACT_PROFIT_R, p.CMP_GE, math.nan),
        (p.STEP_NOT, 0, 0, 0),
        X,
        (p.STEP_AND, 0, 0, 0),
    ),
}

PLAN_LISTS = [
    *[GRIDS, SIZES, LEVERAGES, STOPS, TRAILS, EVENS, LADDERS, ENTRIES, TURNS, DAILIES, DRAWDOWNS, COOLS],
    *[COSTS, CAPS, FLOORS, MOSTS, CAPITALS, LENGTHS],
    *[["", "", "", "trades 1", "trades 2"], ["", "", "", *(f"when {name}" for name in RULES)]],
    *[["", "", "", "hole 4 3", "hole 7 1"]],
    *[["", "touch"], ["", "on_mark"], ["", "", "cross"], ["", "brackets steep"]],
    *[[f"start_minute {minute}" for minute in (0, -5, -2, -10)]],
    *[["path adverse", "path favourable", "path nearest"]],
]
PLAN_BYTES = len(PLAN_LISTS)

# What a bar's bytes choose among. Moves are in units of about one hundredth of the price.
SIGNALS = "......LLLSSSX.LSB..."
GAPS = [0, 0, 0, 0, 0, 1, -1, 0, 2, -2, 0, 0, 5, -5, 0, 11, -11]
BODIES = [0, 1, -1, 2, -2, 3, -3, 1, 2, -1, -2, 6, -6, 4, -4]
WICKS = [0, 1, 2, 0, 1, 3, 0, 1, 5, 9, 0, 2]
SHIFTS = [0, 0, 0, 1, -1, 2, -3]
VOLUMES = ["100", "100", "100", "250", "40", "0", "1000", "3"]
FUNDINGS = ["", "", "", "", "", "", "0.01%", "-0.05%", "1%"]


def settings_of(drawn: Bytes) -> tuple[str, ...]:
    """Settings that go together."""
    parts = [part for options in PLAN_LISTS for part in drawn.of(options).split("; ") if part]
    words = {part.split()[0] for part in parts}
    if "stop" not in words:  # R is not defined, and nothing can be risked
        parts = [part for part in parts if "R" not in part]
        parts = ["quantity 3" if part.startswith("risk") else part for part in parts]
    if "limit" in words:
        parts = [part for part in parts if part != "reverse"]
    if "brackets" in words and "leverage" in words:
        parts = ["leverage 5" if part == "leverage 1" else part for part in parts]
    return tuple(parts)


def bar_lines(drawn: Bytes, count: int, tick: Decimal, kind: str) -> tuple[str, ...]:
    """Bars on the tick grid around 100; marks are bars of their own when a run has them."""
    unit = max(1, round(1 / float(tick)))  # ticks in about one hundredth of the price
    close = 100 * unit
    lines, with_marks = [], drawn.next() % 2
    for _ in range(count):
        fine = (drawn.next() % unit) if unit > 1 else 0
        opened = max(3 * unit, close + drawn.of(GAPS) * unit)
        close = max(3 * unit, opened + drawn.of(BODIES) * unit + fine)
        high = max(opened, close) + drawn.of(WICKS) * unit
        low = max(unit, min(opened, close) - drawn.of(WICKS) * unit)
        words = [drawn.of(SIGNALS), *(f"{tick * price}" for price in (opened, high, low, close))]
        marks = [opened + drawn.of(SHIFTS) * unit, close + drawn.of(SHIFTS) * unit]
        wicks = [drawn.of(WICKS) * unit, drawn.of(WICKS) * unit]
        mark = [marks[0], max(marks) + wicks[0], max(1, min(marks) - wicks[1]), marks[1]]
        words += ["mark", *(f"{tick * price}" for price in mark)] if with_marks else []
        rate, volume, odd = drawn.of(FUNDINGS), drawn.of(VOLUMES), drawn.next()
        words += ["fund", rate] if rate else []
        words += ["volume", volume] if volume != "100" else []
        if kind and odd % 8 == 1:
            words += ["stop", "nan"]
        elif kind and odd % 3 == 1:
            figure = {
                "price": f"{tick * (close + (3 - odd % 7) * 2 * unit)}",
                "ratio": "0.05",
                "distance": "7",
            }
            words += ["stop", figure[kind]]
        words += ["trail", "nan"] if drawn.next() % 9 == 1 else []
        lines.append(" ".join(words))
    return tuple(lines)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One bot and its bars."""
    settings = settings_of(Bytes(draw(st.binary(min_size=PLAN_BYTES, max_size=PLAN_BYTES))))
    count = draw(st.integers(3, 48))
    drawn = Bytes(draw(st.binary(min_size=count * BAR_BYTES + 1, max_size=count * BAR_BYTES + 1)))
    stop = next((part for part in settings if part.startswith("stop")), "")
    kind = "price" if " at " in stop else "ratio" if "%" in stop else "distance" if stop else ""
    return Case("random", settings, bar_lines(drawn, count, Decimal(_word(settings, "tick", "1")), kind), ())


def _word(settings: tuple[str, ...], name: str, default: str) -> str:
    return next((part.split()[1] for part in settings if part.split()[0] == name), default)


def world_of(case: Case) -> World:
    """The case as plan, market, rows and settlements."""
    plan, stop, trail = plan_of(case.settings)
    said = {part.split()[0]: part.split()[1:] for part in case.settings}
    least = said.get("floors", ["0", "0"])
    most = said.get("most_each", ["1e9", "1e9"])
    instrument = INSTRUMENT._replace(
        tick_size=float(_word(case.settings, "tick", "1")),
        step_size=float(_word(case.settings, "step", "1")),
        quantity_min=float(least[0]),
        notional_usdt_min=float(least[1]),
        quantity_max=float(most[0]),
        market_quantity_max=float(most[1]),
    )
    brackets = plan.brackets
    if "brackets" in said:
        brackets = STEEP + (NO_BRACKET,) * (BRACKETS_MAX - len(STEEP))
    plan = plan._replace(instrument=instrument, brackets=brackets)
    steps, figures = program_of(_word(case.settings, "when", ""))
    if steps:
        plan = plan._replace(exit_long=steps, exit_short=steps)
    start = int(_word(case.settings, "start_minute", "0")) * plan.timeframe_ms
    market, signals = market_of(case.bars, START_MS + start, plan.timeframe_ms)
    if "hole" in said:
        after, bars = (int(word) for word in said["hole"])
        market.bars.open_time_ms[after:] += bars * plan.timeframe_ms  # shared with the mark bars
    rows = rows_of(signals, stop, trail)
    slots = np.array([rows.slots[0], *(np.full(len(signals), figure) for figure in figures)])
    rows = replace(rows, slots=slots)
    for place, line in enumerate(case.bars):
        words = line.split()
        named = {word: words[at + 1] for at, word in enumerate(words) if word in ("volume", "stop", "trail")}
        market.bars.volume[place] = float(named.get("volume", "100"))
        if "stop" in named:
            rows.stop_long[place] = rows.stop_short[place] = number(named["stop"])
        if "trail" in named:
            rows.trail_distance[place] = number(named["trail"])
    return World(plan, market, rows, payable(market))


def program_of(name: str) -> tuple[tuple[Step, ...], list[float]]:
    """(steps, the figures that they read from slot 1 on) of a named exit rule; nothing for none."""
    if not name:
        return (), []
    steps: list[Step] = []
    figures: list[float] = []
    for op, fact, compare, figure in RULES[name]:
        if op == p.STEP_COMPARE:
            figures.append(float(figure))
        steps.append(Step(op, fact, compare, len(figures) if op == p.STEP_COMPARE else 0))
    return (*steps, *[NO_STEP] * (STEPS_MAX - len(steps))), figures


def marked(market: Market) -> Bars:
    """The mark bars, which every case has."""
    assert market.mark is not None
    assert not np.isnan(market.mark.open).any()
    return market.mark
