"""The list of indicators: what each is called, takes, gives, and how much history it needs.

In: a kind ("ema"). Out: its record, or the function that computes it. The schema, the reference and the
property tests are made from REGISTRY, so a further indicator is one function and one record here.
Refuses to know: bots. numpy is imported only when a function is asked for.
Numbers from: the formulas of the functions themselves; memory is counted in `_bars_to_forget` and below it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Settings = Mapping[str, float]
Unit = Literal["price", "ratio", "index", "volume", "number", "input"]
Family = Literal["averages", "momentum", "volatility", "trend", "volume"]

INPUTS = ("close", "open", "high", "low", "volume", "hl2", "hlc3", "ohlc4")
"""Columns that may stand for "input"; the first is the default."""

LENGTH_MAX = 5000
"""Longest length: an ema of 5000 already asks for 75,000 bars of history."""

FORGOTTEN = 1e-13
"""Weight at which the start of a recursion counts as forgotten: 1e-9, with room for a start far off."""

FLAT_BARS = 200
"""Equal prices that a memory reaches across: while nothing moves, a ratio of averages forgets nothing and
supertrend does not turn. Nearly three times the longest such stretch in real bars (72 minutes' outage)."""

SUPERTREND_BARS_PER_SQUARE = 20
"""Bars for each multiplier² in the memory of supertrend: over twice what was ever needed in the trials that
`trend.supertrend` tells of."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that an indicator takes; `default` None means that it has to be given."""

    name: str
    description: str
    default: float | None
    minimum: float
    maximum: float
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Output:
    """One column that an indicator gives. Unit "input": that of the chosen input; "index": from 0 to 100."""

    name: str
    unit: Unit
    description: str


@dataclass(frozen=True, slots=True)
class Indicator:
    """The record of one kind.

    `inputs` is ("input",) for one selectable column, else the bar's own, in the order of the arguments.
    `warmup_bars(settings)` rows at the start are NaN in every output, exactly; the row at that index is
    known. `memory_bars(settings)` is never less: the row at that index, and all later, agree with any longer
    history to 1e-9 (of the number, or of the column's usual level where that is higher), so a window wants
    memory_bars + 1 rows. `version` changes when the numbers do; it is part of the bot hash.
    """

    kind: str
    family: Family
    summary: str
    formula: str
    source: str
    inputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    compute: str
    warmup_bars: Callable[[Settings], int]
    memory_bars: Callable[[Settings], int]
    version: int = 1


def compute(kind: str) -> "Callable[..., tuple[npt.NDArray[np.float64], ...]]":
    """The function of a kind: fn(*input_arrays, **settings) gives one array (n,) for each output, in order.

    The arrays are float64 and equally long; every setting is given. A kind not in REGISTRY is a KeyError.
    """
    module, _, name = REGISTRY[kind].compute.partition(":")
    function: Callable[..., tuple[npt.NDArray[np.float64], ...]]
    function = getattr(import_module(f".{module}", __package__), name)
    return function


def _length(description: str, default: float | None = None, minimum: float = 1) -> Parameter:
    return Parameter("length", description, default, minimum, LENGTH_MAX)


def _bars_to_forget(*alphas: float) -> int:
    """Rows after which the start weighs less than FORGOTTEN in averages that feed one another.

    One average keeps (1 - alpha)^m of its start. A second one, fed by it, keeps at most that of the slower
    times 1 + m × alpha, for it goes on averaging what the first had not yet forgotten.
    """
    slowest = min(alphas)
    if slowest >= 1.0:
        return 0
    bars = 0.0
    for _ in range(6):
        delayed = sum(math.log1p(bars * alpha) for alpha in alphas[1:])
        bars = (math.log(FORGOTTEN) - delayed) / math.log1p(-slowest)
    return math.ceil(bars)


def _span(settings: Settings, name: str = "length") -> float:
    return 2.0 / (settings[name] + 1.0)


def _bars(settings: Settings, name: str = "length") -> int:
    return int(settings[name])


def _macd_warmup(settings: Settings) -> int:
    return max(_bars(settings, "fast"), _bars(settings, "slow")) + _bars(settings, "signal") - 2


def _macd_memory(settings: Settings) -> int:
    averages = (_span(settings, name) for name in ("fast", "slow", "signal"))
    return _macd_warmup(settings) + _bars_to_forget(*averages)


def _wilder_memory(settings: Settings, averages: int = 1) -> int:
    return averages * _bars(settings) + _bars_to_forget(*(1.0 / settings["length"],) * averages)


def _supertrend_memory(settings: Settings) -> int:
    """From trials, not from a formula: see the docstring of `trend.supertrend`."""
    turns = FLAT_BARS + SUPERTREND_BARS_PER_SQUARE * settings["multiplier"] ** 2
    return _wilder_memory(settings) + math.ceil(turns)


HLC = ("high", "low", "close")

REGISTRY: dict[str, Indicator] = {
    "sma": Indicator(
        kind="sma",
        family="averages",
        summary="Simple moving average",
        formula="mean of the last length rows",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:moving_averages",
        inputs=("input",),
        parameters=(_length("rows averaged"),),
        outputs=(Output("sma", "input", "the average"),),
        compute="averages:sma",
        warmup_bars=lambda settings: _bars(settings) - 1,
        memory_bars=lambda settings: _bars(settings) - 1,
    ),
    "ema": Indicator(
        kind="ema",
        family="averages",
        summary="Exponential moving average",
        formula="ema[t] = ema[t-1] + 2 / (length + 1) * (x[t] - ema[t-1])",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:moving_averages",
        inputs=("input",),
        parameters=(_length("rows whose simple average would be as old on average"),),
        outputs=(Output("ema", "input", "the average"),),
        compute="averages:ema",
        warmup_bars=lambda settings: _bars(settings) - 1,
        memory_bars=lambda settings: max(_bars(settings) - 1, _bars_to_forget(_span(settings))),
    ),
    "rsi": Indicator(
        kind="rsi",
        family="momentum",
        summary="Relative strength index: the share of the rises in all movement",
        formula="100 * up / (up + down), averages of the rises and falls with alpha = 1 / length",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:relative_strength_index_rsi",
        inputs=("input",),
        parameters=(_length("rows averaged, Wilder's way", 14, 2),),
        outputs=(Output("rsi", "index", "100 when only rises count, 0 when only falls do"),),
        compute="momentum:rsi",
        warmup_bars=lambda settings: _bars(settings) - 1,
        memory_bars=lambda settings: _wilder_memory(settings) + FLAT_BARS,
    ),
    "stochastic": Indicator(
        kind="stochastic",
        family="momentum",
        summary="Stochastic oscillator: where the close stands in the range of the last bars",
        formula="k = 100 * (close - lowest low) / (highest high - lowest low); d = simple average of k",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:stochastic_oscillator_fast_slow_and_full",
        inputs=HLC,
        parameters=(
            _length("bars of the range, the present one included", 14),
            Parameter("smooth", "rows of k averaged to d", 3, 1, LENGTH_MAX),
        ),
        outputs=(
            Output("k", "index", "place of the close in the range: 0 lowest, 100 highest"),
            Output("d", "index", "k, smoothed"),
        ),
        compute="momentum:stochastic",
        warmup_bars=lambda settings: _bars(settings) + _bars(settings, "smooth") - 2,
        memory_bars=lambda settings: _bars(settings) + _bars(settings, "smooth") - 2,
    ),
    "roc": Indicator(
        kind="roc",
        family="momentum",
        summary="Change over length bars as a ratio",
        formula="(x[t] - x[t-length]) / x[t-length]",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:rate_of_change_roc_and_momentum",
        inputs=("input",),
        parameters=(_length("bars to look back", 12),),
        outputs=(Output("roc", "ratio", "0.05 is 5 % up"),),
        compute="momentum:roc",
        warmup_bars=_bars,
        memory_bars=_bars,
    ),
    "atr": Indicator(
        kind="atr",
        family="volatility",
        summary="Average true range: how far a bar usually reaches",
        formula="Wilder's average of max(high, close[t-1]) - min(low, close[t-1])",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:average_true_range_atr",
        inputs=HLC,
        parameters=(_length("bars averaged, Wilder's way", 14),),
        outputs=(Output("atr", "price", "the average, in quote currency"),),
        compute="volatility:atr",
        warmup_bars=lambda settings: _bars(settings) - 1,
        memory_bars=_wilder_memory,
    ),
    "bollinger": Indicator(
        kind="bollinger",
        family="volatility",
        summary="Bollinger bands: an average and a channel of standard deviations around it",
        formula="middle = mean; upper, lower = middle ± deviations * population standard deviation",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:bollinger_bands",
        inputs=("input",),
        parameters=(
            _length("rows of the average and the deviation", 20, 2),
            Parameter("deviations", "standard deviations from the middle to a band", 2, 0.1, 20, whole=False),
        ),
        outputs=(
            Output("upper", "input", "upper band"),
            Output("middle", "input", "simple moving average"),
            Output("lower", "input", "lower band"),
            Output("width", "ratio", "(upper - lower) / middle"),
            Output(
                "position",
                "ratio",
                "place of the input: 0 at the lower band, 1 at the upper; may lie outside",
            ),
        ),
        compute="volatility:bollinger",
        warmup_bars=lambda settings: _bars(settings) - 1,
        memory_bars=lambda settings: _bars(settings) - 1,
    ),
    "donchian": Indicator(
        kind="donchian",
        family="volatility",
        summary="Donchian channel: highest high and lowest low, the present bar included",
        formula="upper = highest high; lower = lowest low; middle = (upper + lower) / 2",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:price_channels",
        inputs=("high", "low"),
        parameters=(_length("bars of the channel", 20),),
        outputs=(
            Output("upper", "price", "highest high; a breakout compares with upper[1], the bar before"),
            Output("middle", "price", "half way between the two"),
            Output("lower", "price", "lowest low; a breakout compares with lower[1], the bar before"),
        ),
        compute="volatility:donchian",
        warmup_bars=lambda settings: _bars(settings) - 1,
        memory_bars=lambda settings: _bars(settings) - 1,
    ),
    "adx": Indicator(
        kind="adx",
        family="trend",
        summary="Average directional index: how strong the trend is, whichever way it goes",
        formula="Wilder's average of 100 * |plus_di - minus_di| / (plus_di + minus_di)",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:average_directional_index_adx",
        inputs=HLC,
        parameters=(_length("bars averaged, Wilder's way, twice", 14),),
        outputs=(
            Output("adx", "index", "strength of the trend"),
            Output("plus_di", "index", "share of the rises in the true range"),
            Output("minus_di", "index", "share of the falls in the true range"),
        ),
        compute="trend:adx",
        warmup_bars=lambda settings: 2 * _bars(settings) - 1,
        memory_bars=lambda settings: _wilder_memory(settings, averages=2) + FLAT_BARS,
    ),
    "macd": Indicator(
        kind="macd",
        family="trend",
        summary="Moving average convergence divergence",
        formula="macd = ema(fast) - ema(slow); signal = ema of macd; histogram = macd - signal",
        source="https://school.stockcharts.com/doku.php?id=technical_indicators:moving_average_convergence_divergence_macd",
        inputs=("input",),
        parameters=(
            Parameter("fast", "length of the quicker average", 12, 1, LENGTH_MAX),
            Parameter("slow", "length of the slower average", 26, 1, LENGTH_MAX),
            Parameter("signal", "length of the average of macd", 9, 1, LENGTH_MAX),
        ),
        outputs=(
            Output("macd", "input", "quicker average minus slower average"),
            Output("signal", "input", "macd, smoothed"),
            Output("histogram", "input", "macd minus signal"),
        ),
        compute="trend:macd",
        warmup_bars=_macd_warmup,
        memory_bars=_macd_memory,
    ),
    "supertrend": Indicator(
        kind="supertrend",
        family="trend",
        summary="Supertrend: a stop line that follows the trend and changes sides when the close crosses it",
        formula="bands (high + low) / 2 ± multiplier * atr that only tighten until the close crosses them",
        source="https://www.tradingview.com/support/solutions/43000634738-supertrend/",
        inputs=HLC,
        parameters=(
            _length("bars of the average true range", 10),
            Parameter("multiplier", "average true ranges from the middle to a band", 3, 0.1, 20, whole=False),
        ),
        outputs=(
            Output("supertrend", "price", "the line: under the price in an uptrend, over it in a downtrend"),
            Output("direction", "number", "1 in an uptrend, -1 in a downtrend"),
        ),
        compute="trend:supertrend",
        warmup_bars=lambda settings: _bars(settings) - 1,
        memory_bars=_supertrend_memory,
    ),
    "obv": Indicator(
        kind="obv",
        family="volume",
        summary="On-balance volume of the last length bars",
        formula="sum of +volume where the close rose and -volume where it fell, over the last length bars",
        source="https://en.wikipedia.org/wiki/On-balance_volume",
        inputs=("close", "volume"),
        parameters=(_length("bars added up", 20),),
        outputs=(Output("obv", "volume", "volume on rising closes minus volume on falling ones"),),
        compute="volume:obv",
        warmup_bars=_bars,
        memory_bars=_bars,
    ),
}
