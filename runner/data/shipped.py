"""Instrument rules shipped with the program, for as long as none are stored with the data.

In: a symbol. Out: its increments, floors and brackets, and one sentence that says where they come from.
Refuses to know: the store, the network.
Source: Binance USDⓈ-M `exchangeInfo` and `leverageBracket`. BTCUSDT as recorded in October 2024, the filters
of ETHUSDT likewise; the brackets of the other nine as freqtrade 2026.9 of September 2026 has recorded them.
The filters of the other eight are approximate: typical of the contract, not recorded.
"""

from typing import NamedTuple

from runner.data.symbol import market_id
from runner.domain.instrument import Bracket, Instrument

# BTCUSDT and ETHUSDT as recorded; SOLUSDT and smaller contracts were recorded with 0.015.
_LIQUIDATION_FEE_RATIO, _LIQUIDATION_FEE_RATIO_SMALLER = 0.0125, 0.015


class Rules(NamedTuple):
    """One instrument with its brackets, lowest notional first, and their origin in words for the report."""

    instrument: Instrument
    brackets: tuple[Bracket, ...]
    source: str


def shipped_rules(symbol: str) -> Rules:
    """The shipped rules of a symbol in either spelling; careful general ones when it is not known."""
    name = market_id(symbol)
    known = _KNOWN.get(name)
    if known is not None:
        instrument, ladder, words = known
        return Rules(instrument, _brackets(ladder), f"shipped defaults ({name} {words})")
    return Rules(
        _GENERIC,
        _brackets(_SMALL),
        f"shipped defaults (general and careful: {name} is not among the known ones)",
    )


def known_symbols() -> tuple[str, ...]:
    """Market ids that have figures of their own."""
    return tuple(_KNOWN)


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
    (150, 300_000, 0.004),
    (100, 800_000, 0.005),
    (75, 3_000_000, 0.0065),
    (50, 12_000_000, 0.01),
    (25, 50_000_000, 0.02),
    (20, 65_000_000, 0.025),
    (10, 150_000_000, 0.05),
    (5, 320_000_000, 0.1),
    (4, 400_000_000, 0.125),
    (3, 530_000_000, 0.15),
    (2, 800_000_000, 0.25),
    (1, 1_200_000_000, 0.5),
)
_BNB: _Ladder = (
    (75, 10_000, 0.005),
    (50, 200_000, 0.006),
    (40, 400_000, 0.01),
    (25, 1_500_000, 0.02),
    (20, 3_000_000, 0.025),
    (10, 15_000_000, 0.05),
    (5, 30_000_000, 0.1),
    (4, 37_500_000, 0.125),
    (2, 75_000_000, 0.25),
    (1, 150_000_000, 0.5),
)
_SOL: _Ladder = (
    (100, 50_000, 0.005),
    (75, 400_000, 0.0065),
    (50, 1_000_000, 0.01),
    (25, 4_000_000, 0.02),
    (20, 8_000_000, 0.025),
    (10, 40_000_000, 0.05),
    (5, 80_000_000, 0.1),
    (4, 100_000_000, 0.125),
    (2, 200_000_000, 0.25),
    (1, 400_000_000, 0.5),
)
_XRP: _Ladder = (
    (100, 40_000, 0.005),
    (75, 80_000, 0.006),
    (50, 150_000, 0.01),
    (40, 400_000, 0.0125),
    (25, 1_000_000, 0.02),
    (20, 2_000_000, 0.025),
    (10, 10_000_000, 0.05),
    (5, 20_000_000, 0.1),
    (4, 25_000_000, 0.125),
    (2, 50_000_000, 0.25),
    (1, 100_000_000, 0.5),
)
_DOGE: _Ladder = (
    (75, 80_000, 0.0065),
    (50, 150_000, 0.01),
    (40, 750_000, 0.0125),
    (25, 2_000_000, 0.02),
    (20, 4_000_000, 0.025),
    (10, 20_000_000, 0.05),
    (5, 40_000_000, 0.1),
    (4, 50_000_000, 0.125),
    (2, 100_000_000, 0.25),
    (1, 200_000_000, 0.5),
)
_ADA: _Ladder = (
    (75, 10_000, 0.005),
    (50, 50_000, 0.01),
    (40, 200_000, 0.015),
    (25, 1_000_000, 0.02),
    (20, 2_000_000, 0.025),
    (10, 10_000_000, 0.05),
    (5, 20_000_000, 0.1),
    (4, 25_000_000, 0.125),
    (2, 50_000_000, 0.25),
    (1, 100_000_000, 0.5),
)
_AVAX: _Ladder = (
    (75, 25_000, 0.005),
    (50, 80_000, 0.01),
    (40, 160_000, 0.015),
    (25, 800_000, 0.02),
    (20, 1_600_000, 0.025),
    (10, 8_000_000, 0.05),
    (5, 16_000_000, 0.1),
    (4, 20_000_000, 0.125),
    (2, 40_000_000, 0.25),
    (1, 80_000_000, 0.5),
)
_LINK: _Ladder = (
    (75, 10_000, 0.005),
    (50, 200_000, 0.01),
    (40, 400_000, 0.015),
    (25, 800_000, 0.02),
    (20, 1_600_000, 0.025),
    (10, 8_000_000, 0.05),
    (5, 16_000_000, 0.1),
    (4, 20_000_000, 0.125),
    (2, 40_000_000, 0.25),
    (1, 80_000_000, 0.5),
)
_LTC: _Ladder = (
    (75, 10_000, 0.005),
    (50, 50_000, 0.01),
    (40, 160_000, 0.015),
    (25, 800_000, 0.02),
    (20, 1_600_000, 0.025),
    (10, 8_000_000, 0.05),
    (5, 16_000_000, 0.1),
    (4, 20_000_000, 0.125),
    (2, 40_000_000, 0.25),
    (1, 80_000_000, 0.5),
)
_SMALL: _Ladder = (
    (20, 25_000, 0.025),
    (10, 100_000, 0.05),
    (5, 250_000, 0.1),
    (2, 1_000_000, 0.25),
    (1, 2_000_000, 0.5),
)

# tick, step, least and greatest quantity, greatest market quantity, least notional, liquidation fee
# A grid fine enough for the cheapest and the dearest coin: nothing is refused for a grid that is not its own.
_GENERIC = Instrument(0.0000001, 0.001, 0.001, 1e9, 1e8, 5.0, 0.02)


_AS_RECORDED = "as recorded in October 2024"
_FILTERS_RECORDED = "filters as recorded in October 2024, brackets in September 2026"
_BRACKETS_RECORDED = "brackets as recorded in September 2026, filters approximate"


def _instrument(
    tick: float, step: float, *, most: float, most_market: float, least_usdt: float
) -> Instrument:
    """One of the smaller contracts."""
    return Instrument(tick, step, step, most, most_market, least_usdt, _LIQUIDATION_FEE_RATIO_SMALLER)


_KNOWN: dict[str, tuple[Instrument, _Ladder, str]] = {
    "BTCUSDT": (
        Instrument(0.1, 0.001, 0.001, 1000.0, 120.0, 100.0, _LIQUIDATION_FEE_RATIO),
        _BTC,
        _AS_RECORDED,
    ),
    "ETHUSDT": (
        Instrument(0.01, 0.001, 0.001, 10_000.0, 2000.0, 20.0, _LIQUIDATION_FEE_RATIO),
        _ETH,
        _FILTERS_RECORDED,
    ),
} | {
    name: (instrument, ladder, _BRACKETS_RECORDED)
    for name, instrument, ladder in (
        ("BNBUSDT", _instrument(0.01, 0.01, most=100_000, most_market=2000, least_usdt=5), _BNB),
        ("SOLUSDT", _instrument(0.01, 0.01, most=1_000_000, most_market=20_000, least_usdt=5), _SOL),
        ("XRPUSDT", _instrument(0.0001, 0.1, most=10_000_000, most_market=2_000_000, least_usdt=5), _XRP),
        ("DOGEUSDT", _instrument(0.00001, 1, most=50_000_000, most_market=30_000_000, least_usdt=5), _DOGE),
        ("ADAUSDT", _instrument(0.0001, 1, most=2_000_000, most_market=300_000, least_usdt=5), _ADA),
        ("AVAXUSDT", _instrument(0.001, 1, most=1_000_000, most_market=10_000, least_usdt=5), _AVAX),
        ("LINKUSDT", _instrument(0.001, 0.01, most=1_000_000, most_market=10_000, least_usdt=20), _LINK),
        ("LTCUSDT", _instrument(0.01, 0.001, most=10_000, most_market=1000, least_usdt=20), _LTC),
    )
}
