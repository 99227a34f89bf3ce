"""The shipped instrument rules."""

from itertools import pairwise

import pytest

from runner.data.instruments import instrument_for
from runner.data.rules import judge_brackets, judge_instrument
from runner.data.shipped import known_symbols, shipped_rules
from runner.domain.instrument import BRACKETS_MAX

# Recorded from the exchange: highest leverage, cap, maintenance ratio, deduction.
RECORDED_BTC = """
125      50000  0.004          0
100     600000  0.005         50
 75    3000000  0.0065       950
 50   12000000  0.01       11450
 25   70000000  0.02      131450
 20  100000000  0.025     481450
 10  230000000  0.05     2981450
  5  480000000  0.1     14481450
  4  600000000  0.125   26481450
  3  800000000  0.15    41481450
  2 1200000000  0.25   121481450
  1 1800000000  0.5    421481450
"""


def test_btc_brackets_and_their_deductions_are_the_recorded_ones() -> None:
    rules = instrument_for("BTC/USDT:USDT")
    shown = [
        (bracket.leverage_max, bracket.notional_usdt_max, bracket.maintenance_ratio, bracket.deduction_usdt)
        for bracket in rules.brackets
    ]
    assert shown == [
        tuple(float(cell) for cell in line.split()) for line in RECORDED_BTC.strip().splitlines()
    ]
    assert rules.instrument == (0.1, 0.001, 0.001, 1000, 120, 100, 0.0125)
    assert rules.source == "shipped defaults (BTCUSDT as recorded in October 2024)"


@pytest.mark.parametrize("symbol", [*known_symbols(), "NEWUSDT"])
def test_maintenance_never_jumps_and_tiers_get_stricter(symbol: str) -> None:
    instrument, brackets, _ = shipped_rules(symbol)
    judge_instrument(instrument)
    judge_brackets(brackets)
    assert 1 < len(brackets) <= BRACKETS_MAX
    assert brackets[0].deduction_usdt == 0
    for lower, upper in pairwise(brackets):
        floor = lower.notional_usdt_max
        below = floor * lower.maintenance_ratio - lower.deduction_usdt
        above = floor * upper.maintenance_ratio - upper.deduction_usdt
        assert below == pytest.approx(above, abs=1e-5)
        assert upper.maintenance_ratio > lower.maintenance_ratio
        assert upper.leverage_max < lower.leverage_max
        assert upper.maintenance_ratio * upper.leverage_max <= 0.6


def test_what_is_not_recorded_says_so() -> None:
    assert len(known_symbols()) == 10
    sol = "shipped defaults (SOLUSDT brackets as recorded in September 2026, filters approximate)"
    assert instrument_for("SOL/USDT:USDT").source == sol
    assert (
        "filters as recorded in October 2024, brackets in September 2026" in instrument_for("ETHUSDT").source
    )
    assert "general and careful: NEWUSDT is not among the known" in instrument_for("NEW/USDT:USDT").source


def test_both_spellings_give_the_same_rules_and_nonsense_is_no_symbol() -> None:
    assert instrument_for("ETHUSDT") == instrument_for("ETH/USDT:USDT")
    for text in ("BTC", "BTC/USD", "../BTCUSDT", "BTC/USDT", "btcusdt", "BTC/USDT:USDC", ""):
        with pytest.raises(ValueError, match="is not a symbol"):
            instrument_for(text)
