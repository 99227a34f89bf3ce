"""Instrument rules shipped with the program, for as long as none are stored with the data.

In: a symbol. Out: its increments, floors and brackets, and one sentence that says where they come from.
Refuses to know: the network; `runner` replaces these by the exchange's own when it can ask.
Source: Binance USDⓈ-M `exchangeInfo` and `leverageBracket`. BTCUSDT as recorded in October 2024; the filters
of ETHUSDT likewise. All other figures are approximate: typical of the contract, not recorded.
"""

from typing import NamedTuple

from runner.data.symbol import market_id
from runner.domain.instrument import Bracket, Instrument

_LIQUIDATION_FEE_RATIO = 0.0125


class Rules(NamedTuple):
    """One instrument with its brackets, lowest notional first, and their origin in words."""

    instrument: Instrument
    brackets: tuple[Bracket, ...]
    source: str


def instrument_for(symbol: str) -> Rules:
    """The shipped rules of a symbol in either spelling; careful general ones when it is not known."""
    name = market_id(symbol)
    if name in _RECORDED:
        return _RECORDED[name]
    if name in _APPROXIMATE:
        instrument, ladder = _APPROXIMATE[name]
        return Rules(instrument, _brackets(ladder), f"shipped defaults (approximate for {name})")
    return Rules(
        _GENERIC,
        _brackets(_SMALL),
        f"shipped defaults (general and careful: {name} is not among the known ones)",
    )


def known_symbols() -> tuple[str, ...]:
    """Market ids that have figures of their own."""
    return (*_RECORDED, *_APPROXIMATE)


# Highest leverage, notional cap in USDT, maintenance ratio; deductions follow from them.
_Ladder = tuple[tuple[float, float, float], ...]


def _brackets(ladder: _Ladder) -> tuple[Bracket, ...]:
    """`deduction_n = floor_n × (ratio_n − ratio_n−1) + deduction_n−1`: maintenance has no jump at a floor."""
    made: list[Bracket] = []
    floor, ratio, deduction = 0.0, 0.0, 0.0
    for leverage, cap, next_ratio in ladder:
        deduction = round(deduction + floor * (next_ratio - ratio), 6) if made else 0.0
        made.append(Bracket(cap, next_ratio, deduction, leverage))
        floor, ratio = cap, next_ratio
    return tuple(made)


_BTC: _Ladder = (
    (125, 50_000, 0.004),
    (100, 600_000, 0.005),
    (75, 3_000_000, 0.0065),
    (50, 12_000_000, 0.01),
    (25, 70_000_000, 0.02),
    (20, 100_000_000, 0.025),
    (10, 230_000_000, 0.05),
    (5, 480_000_000, 0.1),
    (4, 600_000_000, 0.125),
    (3, 800_000_000, 0.15),
    (2, 1_200_000_000, 0.25),
    (1, 1_800_000_000, 0.5),
)
_ETH: _Ladder = (
    (125, 50_000, 0.004),
    (100, 600_000, 0.005),
    (75, 1_000_000, 0.0065),
    (50, 4_000_000, 0.01),
    (25, 20_000_000, 0.02),
    (20, 40_000_000, 0.025),
    (10, 100_000_000, 0.05),
    (5, 200_000_000, 0.1),
    (4, 300_000_000, 0.125),
    (2, 400_000_000, 0.25),
    (1, 600_000_000, 0.5),
)
_LARGE: _Ladder = (
    (75, 10_000, 0.005),
    (50, 60_000, 0.01),
    (25, 600_000, 0.02),
    (20, 1_200_000, 0.025),
    (10, 3_000_000, 0.05),
    (5, 6_000_000, 0.1),
    (4, 7_500_000, 0.125),
    (2, 15_000_000, 0.25),
    (1, 30_000_000, 0.5),
)
_SMALL: _Ladder = (
    (20, 25_000, 0.025),
    (10, 100_000, 0.05),
    (5, 250_000, 0.1),
    (2, 1_000_000, 0.25),
    (1, 2_000_000, 0.5),
)

# tick, step, least and greatest quantity, greatest market quantity, least notional, liquidation fee
_GENERIC = Instrument(0.0001, 1.0, 1.0, 1_000_000.0, 100_000.0, 5.0, 0.02)


def _instrument(
    tick: float, step: float, *, most: float, most_market: float, least_usdt: float
) -> Instrument:
    return Instrument(tick, step, step, most, most_market, least_usdt, _LIQUIDATION_FEE_RATIO)


_RECORDED: dict[str, Rules] = {
    "BTCUSDT": Rules(
        _instrument(0.1, 0.001, most=1000, most_market=120, least_usdt=100),
        _brackets(_BTC),
        "shipped defaults (BTCUSDT as recorded in October 2024)",
    ),
    "ETHUSDT": Rules(
        _instrument(0.01, 0.001, most=10_000, most_market=2000, least_usdt=20),
        _brackets(_ETH),
        "shipped defaults (ETHUSDT filters as recorded in October 2024, brackets approximate)",
    ),
}

_APPROXIMATE: dict[str, tuple[Instrument, _Ladder]] = {
    "BNBUSDT": (_instrument(0.01, 0.01, most=100_000, most_market=2000, least_usdt=5), _LARGE),
    "SOLUSDT": (_instrument(0.01, 0.01, most=1_000_000, most_market=20_000, least_usdt=5), _LARGE),
    "XRPUSDT": (_instrument(0.0001, 0.1, most=10_000_000, most_market=2_000_000, least_usdt=5), _LARGE),
    "DOGEUSDT": (_instrument(0.00001, 1, most=50_000_000, most_market=30_000_000, least_usdt=5), _LARGE),
    "ADAUSDT": (_instrument(0.0001, 1, most=2_000_000, most_market=300_000, least_usdt=5), _LARGE),
    "AVAXUSDT": (_instrument(0.001, 1, most=1_000_000, most_market=10_000, least_usdt=5), _LARGE),
    "LINKUSDT": (_instrument(0.001, 0.01, most=1_000_000, most_market=10_000, least_usdt=20), _LARGE),
    "LTCUSDT": (_instrument(0.01, 0.001, most=10_000, most_market=1000, least_usdt=20), _LARGE),
}
