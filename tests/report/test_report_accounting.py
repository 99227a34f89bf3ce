"""The accounting identity: equity from a ledger kept by hand against equity from the fills alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from report_runs import random_results
from report_tables import make_result, parse_fills

from runner.domain.result import Result
from runner.report.accounting import identity_gap_usdt
from runner.report.document import build_report

FILLS = """
    bar side quantity price after fee
      0 buy         2   100     2 0.2
      2 sell        2   110     0 0.2
"""


@settings(max_examples=150, deadline=None)
@given(random_results())
def test_fills_alone_make_the_equity_of_every_bar(result: Result) -> None:
    assert identity_gap_usdt(result) <= 1e-9 * result.plan.capital_usdt


def test_a_missing_fee_is_found() -> None:
    result = make_result(parse_fills(FILLS), [], [101.0, 105.0, 110.0])
    free = [fill._replace(fee_usdt=0.0) for fill in result.fills]
    wrong = make_result(result.fills, [], [101.0, 105.0, 110.0], equity_usdt=make_equity(free))
    assert identity_gap_usdt(wrong) == pytest.approx(0.4)


def make_equity(fills: list) -> np.ndarray:  # type: ignore[type-arg]
    return make_result(fills, [], [101.0, 105.0, 110.0]).equity_usdt


def test_equity_marked_at_the_mark_price_is_judged_at_the_mark_price() -> None:
    """Two units at a mark price 1 above the last one are 2 USDT more while they are held."""
    fills = parse_fills(FILLS)
    closes = [101.0, 105.0, 110.0]
    marked = make_result(fills, [], [102.0, 106.0, 110.0]).equity_usdt
    result = make_result(fills, [], closes, equity_usdt=marked)
    assert identity_gap_usdt(result) == pytest.approx(2.0)
    assert identity_gap_usdt(result, np.array([102.0, 106.0, 110.0])) == pytest.approx(0.0, abs=1e-9)


def test_a_report_whose_curve_and_trades_disagree_is_our_mistake() -> None:
    result = make_result(parse_fills(FILLS), [], [101.0, 105.0, 110.0])
    result.equity_usdt[-1] += 0.01
    with pytest.raises(AssertionError):
        build_report(result, mode="backtest", generated_at_ms=0)
