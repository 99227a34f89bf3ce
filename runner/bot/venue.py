"""Costs and backtest: what a document says about the simulated venue.

In: plain trees. Out: frozen parts of the document. Refuses to know: rules, places, files.
Defaults: Binance's regular fees (2 and 5 bps) and slippage that is not zero.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.bot import leaves
from runner.bot.part import Part, Timeframe
from runner.domain.units import RATIO_PATTERN, Instant, Money, Ratio


class Slippage(Part):
    """Every market fill is worse than its reference by this much. `slippage: 2 bps` is short for fixed."""

    short_form: ClassVar[tuple[str, str] | None] = ("fixed", RATIO_PATTERN)

    fixed: Annotated[Ratio, leaves.RATIO] = Field(default=Ratio(0.0002), description="Of the price: 2 bps.")
    impact: Annotated[float, leaves.number_between(0, 1)] = Field(
        default=0.0, description="Added as impact × √(quantity ÷ bar volume), as a ratio of the price."
    )


class Costs(Part):
    """What trading costs in a backtest and on paper."""

    maker: Annotated[Ratio, leaves.RATIO] = Field(
        default=Ratio(0.0002), description="Fee of resting orders: 0.02%."
    )
    taker: Annotated[Ratio, leaves.RATIO] = Field(
        default=Ratio(0.0005), description="Fee of market orders: 0.05%."
    )
    slippage: Slippage = Field(
        default=Slippage.model_construct(), description="2 bps, or {fixed: …, impact: …}."
    )
    funding: Literal["historical", "none"] = Field(
        default="historical", description="historical settles the stored funding rates."
    )


class Liquidity(Part):
    """An order over `share` of the bar's volume is cut; an entry's rest is dropped or carried on."""

    share: Annotated[Ratio, leaves.RATIO] = Field(description="Of the bar's volume: 10%.")
    rest: Literal["drop", "carry"] = Field(
        default="drop", description="What becomes of an entry's rest. The rest of an exit is always carried."
    )


class Backtest(Part):
    """What a backtest runs on unless the command line says otherwise."""

    begin: Annotated[Instant | None, leaves.INSTANT] = Field(
        default=None, alias="from", description="First day or minute, UTC: 2024-01-01."
    )
    end: Annotated[Instant | None, leaves.INSTANT] = Field(
        default=None, alias="to", description="Last day (inclusive), or the minute it ends, UTC."
    )
    capital: Annotated[Money, leaves.MONEY] = Field(
        default=Money(10_000.0), description="Equity at the start: 10000 USDT."
    )
    detail: Timeframe | None = Field(
        default=None, description="Finer bars that order the events inside a bar."
    )
    limit_fill: Literal["through", "touch"] = Field(
        default="through", description="When a resting order fills: traded through by a tick, or touched."
    )
    path: Literal["adverse", "favourable", "nearest"] = Field(
        default="adverse",
        description="What comes first inside a bar, for the headline: what hurts, what helps, or the nearer.",
    )
    liquidity: Liquidity | None = Field(
        default=None, description="The most of a bar's volume that one order may be. Absent: no cap."
    )

    @property
    def from_ms(self) -> int | None:
        """First instant, UTC."""
        return self.begin.ms if self.begin else None

    @property
    def to_ms(self) -> int | None:
        """End of the range, exclusive, UTC: a date alone takes its whole day in."""
        return self.end.stop_ms if self.end else None
