"""The bot document as typed, frozen values; the single source of `schemas/bot.v1.json`.

In: the plain tree of the loader, after the JSON Schema found nothing. Out: a `Document`, short forms
written out, defaults filled in, units parsed. Refuses to know: places, files, modes, what a condition or a
formula means. Defaults: Binance's regular fees (2 and 5 bps) and slippage that is not zero."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from runner.bot import leaves
from runner.bot.alerts import AlertSink
from runner.bot.leaves import Condition, ExpressionText
from runner.bot.part import Part, Timeframe
from runner.bot.settings import read_use, settings_of
from runner.bot.venue import Backtest, Costs
from runner.domain.alert import SINKS_MAX
from runner.domain.units import (
    RATIO_PATTERN,
    BarCount,
    Duration,
    EquityRatio,
    LossStreak,
    Money,
    Quantity,
    Ratio,
    RMultiple,
)

TARGETS_MAX = 4
COOLDOWNS_MAX = 4
ENTRIES_MAX = 100  # of parameters, indicators, conditions

LATER_KEYS = ("hooks",)  # known keys of a later version: refused with a finding, never ignored

Name = Annotated[str, leaves.NAME]
Input = Literal["open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4"]


class Market(Part):
    """What is traded, on which bars, with which leverage."""

    symbol: Annotated[
        str,
        leaves.spelled(
            leaves.canonical_symbol,
            schema=leaves.pattern(leaves.SYMBOL_PATTERN, "write BTC/USDT:USDT or BTCUSDT"),
        ),
    ] = Field(description="A USDⓈ-M perpetual: BTC/USDT:USDT, or BTCUSDT, which means the same.")
    timeframe: Timeframe = Field(description="The length of the bars that rules are evaluated on.")
    leverage: Annotated[int, leaves.whole_number(1, 125)] = Field(
        default=1, description="Set on the exchange, and the cap on notional ÷ equity."
    )
    margin: Literal["isolated", "cross"] = Field(
        default="isolated",
        description="What stands behind a position: isolated, its own margin; cross, the whole wallet.",
    )

    @property
    def base_asset(self) -> str:
        """`BTC` of `BTC/USDT:USDT`."""
        return self.symbol.partition("/")[0]

    @property
    def market_id(self) -> str:
        """The exchange's name for it: `BTCUSDT`."""
        return f"{self.base_asset}USDT"


class Parameter(Part):
    """A number that sweeps and --set may change, within its range."""

    default: Annotated[float, leaves.NUMBER] = Field(description="The number used unless a run sets another.")
    min: Annotated[float, leaves.NUMBER] = Field(description="The smallest number a run may set.")
    max: Annotated[float, leaves.NUMBER] = Field(description="The largest number a run may set.")


class IndicatorUse(Part):
    """One indicator with its settings; in YAML they stand flat beside `kind`."""

    kind: str = Field(description="Which indicator; `runner indicators` lists them.")
    input: Input = Field(default="close", description="The column it is computed from.")
    timeframe: Timeframe | None = Field(
        default=None,
        description="A longer timeframe; the last closed bar of it is read, never the forming one.",
    )
    settings: dict[str, float | str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, plain: Any) -> Any:
        return read_use(plain) if isinstance(plain, dict) and "settings" not in plain else plain


class EntryOrder(Part):
    """How an entry is sent."""

    type: Literal["market", "limit"] = Field(default="market", description="market, or limit near the close.")
    offset: Annotated[Ratio, leaves.RATIO] = Field(
        default=Ratio(0.0), description="How much better than the close a limit entry asks: 5 bps."
    )
    expires: Annotated[BarCount, leaves.BARS] = Field(
        default=BarCount(1), description="How long a limit entry rests: 3 bars."
    )
    post_only: bool = Field(
        default=False, strict=True, description="A limit entry that would fill at once is dropped instead."
    )


class Entry(Part):
    """When to open a position; at least one of long and short."""

    long: Annotated[Condition | None, leaves.CONDITION] = Field(
        default=None, description="Opens a long position."
    )
    short: Annotated[Condition | None, leaves.CONDITION] = Field(
        default=None, description="Opens a short position."
    )
    order: EntryOrder = Field(default=EntryOrder.model_construct(), description="How the entry is sent.")

    @model_validator(mode="after")
    def _some_side(self) -> "Entry":
        if self.long is None and self.short is None:
            raise ValueError("no side")
        return self


class Size(Part):
    """How much to open: exactly one of risk, equity, notional and quantity, and perhaps a cap."""

    risk: Annotated[EquityRatio | None, leaves.EQUITY_RATIO] = Field(
        default=None, description="Lost if the first stop is hit: 0.75% of equity."
    )
    equity: Annotated[Ratio | None, leaves.RATIO] = Field(
        default=None, description="Notional as a share of equity: 50%."
    )
    notional: Annotated[Money | None, leaves.MONEY] = Field(default=None, description="Notional: 500 USDT.")
    quantity: Annotated[Quantity | None, leaves.QUANTITY] = Field(
        default=None, description="Units of the base asset: 0.01 BTC."
    )
    max_notional: Annotated[EquityRatio | Money | None, leaves.EQUITY_RATIO_OR_MONEY] = Field(
        default=None, description="The most to hold: 150% of equity, or 5000 USDT."
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Size":
        ways = (self.risk, self.equity, self.notional, self.quantity)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("not exactly one way")
        return self


class StopLoss(Part):
    """The first stop: a distance from the entry price (short form `stop_loss: 2%`), or a price."""

    short_form: ClassVar[tuple[str, str] | None] = ("distance", RATIO_PATTERN)

    distance: Annotated[Ratio | ExpressionText | None, leaves.DISTANCE] = Field(
        default=None, description="From the entry price: 2%, or a formula in price units: 2.5 * atr."
    )
    price: Annotated[ExpressionText | None, leaves.EXPRESSION] = Field(
        default=None, description="A price, read at the decision: bands.lower."
    )
    trigger: Literal["mark", "last"] = Field(default="mark", description="Which price triggers it.")

    @model_validator(mode="after")
    def _one_place(self) -> "StopLoss":
        if (self.distance is None) == (self.price is None):
            raise ValueError("not exactly one place")
        return self


class Target(Part):
    """One rung of the ladder. `take_profit: 2R` is short for a single rung that closes everything."""

    at: Annotated[RMultiple | Ratio, leaves.LEVEL] = Field(
        description="Profit at which it fills: 1.5R (first stop's distance), or 2% of the entry price."
    )
    close: Annotated[Ratio, leaves.RATIO] = Field(
        default=Ratio(1.0), description="How much of the entered quantity it closes: 40%."
    )
    type: Literal["limit", "market"] = Field(
        default="limit", description="limit rests at the price, maker fee."
    )


class BreakEven(Part):
    """Moves the stop to the entry price once the trade has earned enough."""

    at: Annotated[RMultiple | Ratio, leaves.LEVEL] = Field(
        description="Profit that moves the stop: 1R, or 1%."
    )
    offset: Annotated[Ratio, leaves.RATIO] = Field(
        default=Ratio(0.0), description="How far past the entry price, to cover fees: 0.1%."
    )


class TrailingStop(Part):
    """A stop that follows the best price, never back."""

    start_at: Annotated[RMultiple | Ratio | None, leaves.LEVEL] = Field(
        default=None, description="Profit from which it follows: 2R, or 1%; from the entry on when absent."
    )
    distance: Annotated[Ratio | ExpressionText, leaves.DISTANCE] = Field(
        description="Behind the best price: 1%, or a formula in price units: 3 * atr."
    )


class When(Part):
    """Rules that close a position."""

    long: Annotated[Condition | None, leaves.CONDITION] = Field(
        default=None, description="Closes a long position."
    )
    short: Annotated[Condition | None, leaves.CONDITION] = Field(
        default=None, description="Closes a short position."
    )


class Exit(Part):
    """How positions end. Every part works beside the others; the tightest stop rests at the exchange."""

    stop_loss: StopLoss | None = Field(default=None, description="The protective stop, from the entry on.")
    take_profit: tuple[Target, ...] = Field(
        default=(), min_length=1, max_length=TARGETS_MAX, description="A ladder of targets, or one level: 2R."
    )
    break_even: BreakEven | None = Field(default=None, description="The stop moves to the entry price.")
    trailing_stop: TrailingStop | None = Field(
        default=None, description="A stop that follows the best price."
    )
    time_stop: Annotated[BarCount | None, leaves.BARS] = Field(
        default=None, description="The longest a position is held: 480 bars."
    )
    when: When = Field(default=When.model_construct(), description="Rules that close a position.")
    reverse: bool = Field(default=False, strict=True, description="The opposite entry closes and opens.")

    @model_validator(mode="before")
    @classmethod
    def _one_target(cls, plain: Any) -> Any:
        if isinstance(plain, dict) and isinstance(plain.get("take_profit"), str):
            return {**plain, "take_profit": ({"at": plain["take_profit"]},)}
        return plain


class DailyLoss(Part):
    """Realised and open loss since 00:00 UTC."""

    max: Annotated[EquityRatio | Money, leaves.EQUITY_RATIO_OR_MONEY] = Field(
        description="From the day's opening equity: 3% of equity, or 300 USDT."
    )
    then: Literal["flatten", "block"] = Field(
        default="flatten", description="flatten closes too; both stop entries until the next UTC day."
    )


class MaxDrawdown(Part):
    """Fall from the highest equity so far."""

    max: Annotated[Ratio, leaves.RATIO] = Field(description="From the highest equity so far: 15%.")
    then: Literal["halt", "flatten", "block"] = Field(
        default="halt",
        description="flatten closes, then opens nothing; halt waits for an operator; block opens nothing.",
    )


class Cooldown(Part):
    """No entries for a while after something happened."""

    after: Annotated[Literal["exit", "loss", "stop_loss"] | LossStreak, leaves.AFTER] = Field(
        description="exit, loss, stop_loss, or 3 losses in a row."
    )
    wait: Annotated[BarCount | Duration, leaves.WAIT] = Field(description="How long: 4 bars, 30m, 12h, 2d.")


class Limits(Part):
    """What stops the bot from trading on. No restart resets any of them."""

    daily_loss: DailyLoss | None = Field(default=None, description="The most to lose in one UTC day.")
    max_drawdown: MaxDrawdown | None = Field(
        default=None, description="The deepest fall from the highest equity."
    )
    cooldown: tuple[Cooldown, ...] = Field(
        default=(), min_length=1, max_length=COOLDOWNS_MAX, description="Pauses after exits or losses."
    )
    trades_per_day: Annotated[int | None, leaves.whole_number(1, 10_000)] = Field(
        default=None, description="The most entries in one UTC day."
    )


class Document(Part):
    """One bot."""

    version: Annotated[int, leaves.whole_number(1, 1)] = Field(description="The version of this language.")
    name: Annotated[str, leaves.NAME] = Field(description="The bot's name, as in reports and order ids.")
    description: str = Field(
        default="", strict=True, max_length=1000, description="What it does, in a sentence."
    )
    market: Market = Field(description="What is traded, on which bars.")
    parameters: dict[Name, Parameter] = Field(
        default_factory=dict, max_length=ENTRIES_MAX, description="Numbers read as $name."
    )
    indicators: dict[Name, IndicatorUse] = Field(
        default_factory=dict, max_length=ENTRIES_MAX, description="Columns that rules read by name."
    )
    conditions: dict[Name, Annotated[Condition, leaves.CONDITION]] = Field(
        default_factory=dict,
        max_length=ENTRIES_MAX,
        description="Conditions named once, used anywhere below.",
    )
    entry: Entry = Field(description="When to open a position.")
    size: Size = Field(description="How much to open.")
    exit: Exit = Field(default=Exit.model_construct(), description="How positions end.")
    limits: Limits = Field(
        default=Limits.model_construct(), description="What stops the bot from trading on."
    )
    costs: Costs = Field(default=Costs.model_construct(), description="What trading costs.")
    backtest: Backtest = Field(default=Backtest.model_construct(), description="What a backtest runs on.")
    alerts: tuple[AlertSink, ...] = Field(
        default=(), min_length=1, max_length=SINKS_MAX, description="Who is told what happens to the bot."
    )

    def numbers(self) -> dict[str, float]:
        """The parameters of this run by name."""
        return {name: parameter.default for name, parameter in self.parameters.items()}

    def settings(self, name: str) -> dict[str, float]:
        """All settings of the indicator called `name`, as numbers: defaults and parameters filled in."""
        use = self.indicators[name]
        return settings_of(use.kind, use.settings, self.numbers())
