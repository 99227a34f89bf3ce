"""The plan: what a bot document means, as one small immutable value of numbers.

In: nothing. Out: NamedTuples that both Python and numba read.
Refuses to know: text, names, files, modes.
Every tuple has a fixed length (unused places are empty), so that one compiled core serves every bot.
"""

from typing import NamedTuple

from runner.domain.instrument import Bracket, Instrument

STEPS_MAX = 24  # length of an exit program
COOLDOWNS_MAX = 4

# Sizing.kind
SIZE_RISK, SIZE_EQUITY, SIZE_NOTIONAL, SIZE_QUANTITY = 1, 2, 3, 4

# Distances and levels
ABSENT, BY_RATIO, BY_DISTANCE, BY_PRICE, BY_R = 0, 1, 2, 3, 4

# Actions of a limit
BLOCK, FLATTEN, HALT = 1, 2, 3

# Cooldown.after
AFTER_EXIT, AFTER_LOSS, AFTER_STOP, AFTER_LOSSES = 1, 2, 3, 4

# Steps of an exit program (postfix): a slot's verdict, a fact compared with a slot, a connective.
STEP_END, STEP_SLOT, STEP_COMPARE, STEP_AND, STEP_OR, STEP_NOT = 0, 1, 2, 3, 4, 5

# Facts that only exist while a position is open.
FACT_BARS_IN_TRADE, FACT_PROFIT_RATIO, FACT_PROFIT_R, FACT_POSITION = 1, 2, 3, 4

# Comparisons.
CMP_GT, CMP_GE, CMP_LT, CMP_LE, CMP_EQ, CMP_NE = 1, 2, 3, 4, 5, 6


class Costs(NamedTuple):
    """Ratios of notional. Slippage is `slippage_ratio + slippage_impact × sqrt(quantity ÷ bar volume)`."""

    maker_ratio: float
    taker_ratio: float
    slippage_ratio: float
    slippage_impact: float


class Liquidity(NamedTuple):
    """One order executes at most `share` of a bar's volume (0: no cap); `carry`: an entry's rest goes
    on waiting.
    """

    share: float
    carry: bool


class Sizing(NamedTuple):
    """`measure` is a ratio of equity (risk, equity), USDT (notional) or base units (quantity), as
    `kind` says.
    """

    kind: int
    measure: float
    leverage: float
    notional_ratio_max: float  # of equity; 0: only leverage caps
    notional_usdt_max: float  # 0: no such cap
    cross: bool = False  # the whole wallet stands behind the position, not its isolated margin


class EntryOrder(NamedTuple):
    """A market entry, or a limit entry `offset_ratio` better than the close, alive for `expires_bars`."""

    limit: bool
    offset_ratio: float
    expires_bars: int
    post_only: bool
    reverse: bool


class StopRule(NamedTuple):
    """`kind` says what Row.stop_long / stop_short hold; `on_mark`: triggered by the mark price, else
    by the last.
    """

    kind: int
    on_mark: bool


class Target(NamedTuple):
    """One rung: at `at` (R or ratio of the entry price, as `kind` says) close `part` of the entry
    quantity.
    """

    kind: int
    at: float
    part: float
    market: bool


class BreakEven(NamedTuple):
    """Once the best price reached `at` (R or ratio), the stop moves to entry ± `offset_ratio`."""

    kind: int
    at: float
    offset_ratio: float


class Trailing(NamedTuple):
    """Follows the best price by Row.trail_distance (`kind`), from the moment `start_at` was reached."""

    kind: int
    start_kind: int
    start_at: float


class Step(NamedTuple):
    """One postfix step: `op` STEP_*, `fact` FACT_*, `compare` CMP_*, `slot` an index into Row.slots."""

    op: int
    fact: int
    compare: int
    slot: int


class Cooldown(NamedTuple):
    """After AFTER_* (`losses` losses in a row for AFTER_LOSSES) no entries for `wait_ms`."""

    after: int
    losses: int
    wait_ms: int


class Limits(NamedTuple):
    """Ratios of equity; 0 means the limit is absent. Actions BLOCK, FLATTEN or HALT."""

    daily_loss_ratio: float
    daily_loss_usdt: float
    daily_loss_action: int
    drawdown_ratio: float
    drawdown_action: int
    trades_per_day: int
    cooldowns: tuple[Cooldown, Cooldown, Cooldown, Cooldown]


NO_TARGET = Target(ABSENT, 0.0, 0.0, False)
NO_STEP = Step(STEP_END, 0, 0, 0)
NO_COOLDOWN = Cooldown(0, 0, 0)
NO_CAP = Liquidity(0.0, False)


class Plan(NamedTuple):
    """The waist of the hourglass."""

    instrument: Instrument
    brackets: tuple[Bracket, ...]
    costs: Costs
    sizing: Sizing
    entry: EntryOrder
    stop: StopRule
    targets: tuple[Target, Target, Target, Target]
    break_even: BreakEven
    trailing: Trailing
    time_stop_bars: int
    exit_long: tuple[Step, ...]
    exit_short: tuple[Step, ...]
    limits: Limits
    timeframe_ms: int
    capital_usdt: float
    fill_on_touch: bool
    liquidity: Liquidity = NO_CAP
