"""Contracts to open an exchange with: two as recorded, and any other from figures handed in.

In: nothing, or an instrument's figures. Out: InstrumentRules. Refuses to know: the store, the network.
Source: Binance USDⓈ-M as recorded in October 2024 (reference sections 5.1 and 5.3).
"""

from collections.abc import Iterable
from decimal import Decimal

from runner.domain.instrument import Bracket as BracketFigures
from runner.domain.instrument import Instrument
from runner.simulator.filters import decimals
from runner.simulator.rules import Bracket, InstrumentRules

# Highest leverage, notional cap, maintenance ratio.
Ladder = tuple[tuple[int, str, str], ...]

_BTC: Ladder = (
    (125, "50000", "0.004"),
    (100, "600000", "0.005"),
    (75, "3000000", "0.0065"),
    (50, "12000000", "0.01"),
    (25, "70000000", "0.02"),
    (20, "100000000", "0.025"),
    (10, "230000000", "0.05"),
    (5, "480000000", "0.1"),
    (4, "600000000", "0.125"),
    (3, "800000000", "0.15"),
    (2, "1200000000", "0.25"),
    (1, "1800000000", "0.5"),
)
_ETH: Ladder = (
    (125, "50000", "0.004"),
    (100, "600000", "0.005"),
    (75, "3000000", "0.0065"),
    (50, "12000000", "0.01"),
    (25, "50000000", "0.02"),
    (20, "65000000", "0.025"),
    (10, "150000000", "0.05"),
    (5, "320000000", "0.1"),
    (4, "400000000", "0.125"),
    (3, "530000000", "0.15"),
    (2, "800000000", "0.25"),
    (1, "1200000000", "0.5"),
)
_LONGEST_QUOTES = ("USDT", "USDC", "BUSD")


def ladder_of(steps: Ladder) -> tuple[Bracket, ...]:
    """`cum_n = floor_n × (ratio_n − ratio_n−1) + cum_n−1`: maintenance has no jump at a floor."""
    made: list[Bracket] = []
    floor = ratio = deduction = Decimal(0)
    for number, (leverage, cap, next_ratio) in enumerate(steps, start=1):
        deduction += floor * (Decimal(next_ratio) - ratio)
        made.append(Bracket(number, leverage, floor, Decimal(cap), Decimal(next_ratio), deduction))
        floor, ratio = Decimal(cap), Decimal(next_ratio)
    return tuple(made)


def recorded_rules() -> tuple[InstrumentRules, ...]:
    """BTCUSDT and ETHUSDT."""
    return (
        InstrumentRules(
            symbol="BTCUSDT",
            base_asset="BTC",
            brackets=ladder_of(_BTC),
            tick_size=Decimal("0.10"),
            price_min=Decimal("556.80"),
            price_max=Decimal("4529764"),
            step_size=Decimal("0.001"),
            quantity_min=Decimal("0.001"),
            quantity_max=Decimal(1000),
            market_quantity_max=Decimal(120),
            notional_usdt_min=Decimal(100),
            price_precision=2,
            quantity_precision=3,
        ),
        InstrumentRules(
            symbol="ETHUSDT",
            base_asset="ETH",
            brackets=ladder_of(_ETH),
            tick_size=Decimal("0.01"),
            price_min=Decimal("39.86"),
            price_max=Decimal("306177"),
            step_size=Decimal("0.001"),
            quantity_min=Decimal("0.001"),
            quantity_max=Decimal(10_000),
            market_quantity_max=Decimal(2000),
            notional_usdt_min=Decimal(20),
            price_precision=2,
            quantity_precision=3,
        ),
    )


def rules_of(symbol: str, instrument: Instrument, brackets: Iterable[BracketFigures]) -> InstrumentRules:
    """A contract from the figures that the candle store keeps; what it does not keep is as usual."""
    quote = next((word for word in _LONGEST_QUOTES if symbol.endswith(word)), "USDT")
    tick, step = exact(instrument.tick_size), exact(instrument.step_size)
    made: list[Bracket] = []
    floor = Decimal(0)
    for number, figures in enumerate(brackets, start=1):
        cap = exact(figures.notional_usdt_max)
        made.append(
            Bracket(
                number,
                int(figures.leverage_max),
                floor,
                cap,
                exact(figures.maintenance_ratio),
                exact(figures.deduction_usdt),
            )
        )
        floor = cap
    return InstrumentRules(
        symbol=symbol,
        base_asset=symbol.removesuffix(quote),
        quote_asset=quote,
        margin_asset=quote,
        brackets=tuple(made),
        tick_size=tick,
        price_min=tick,
        price_max=tick * 10**9,
        step_size=step,
        quantity_min=exact(instrument.quantity_min),
        quantity_max=exact(instrument.quantity_max),
        market_quantity_max=exact(instrument.market_quantity_max),
        notional_usdt_min=exact(instrument.notional_usdt_min),
        price_precision=decimals(tick),
        quantity_precision=decimals(step),
        liquidation_fee_ratio=exact(instrument.liquidation_fee_ratio),
    )


def exact(number: float) -> Decimal:
    """The decimal that a float is the shortest spelling of."""
    return Decimal(repr(float(number)))
