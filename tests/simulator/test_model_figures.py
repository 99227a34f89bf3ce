"""Figures that were recorded on the real exchange, to the last digit (reference section 5.4)."""

from decimal import Decimal

import pytest

from runner.simulator.catalogue import recorded_rules
from runner.simulator.margin import bracket_of, notional_max
from runner.simulator.rules import Fees
from tests.simulator.model_market import SYMBOL, Market, d


def recorded_position() -> Market:
    """0.009 BTC long from 67445.9 at 80× in cross; what the wallet must hold for the recorded liquidation."""
    market = Market("67445.9", "30")
    market.exchange.desk.set_leverage("me", SYMBOL, 80)
    market.order("BUY", "0.009")
    return market


def test_a_recorded_position_is_shown_to_the_last_digit() -> None:
    market = recorded_position()
    market.exchange.set_mark(SYMBOL, d("67502.68519858"))
    view = market.position()
    assert view.entry_price == d("67445.9")
    assert view.notional_usdt == d("607.52416678")
    assert view.position_margin_usdt == d("7.59405208")
    assert view.maintenance_usdt == d("2.43009666")
    assert view.unrealised_usdt == d("0.51106678")
    assert view.break_even_price == d("67479.62295")
    market.check()


def test_the_liquidation_price_in_cross_is_the_recorded_one_to_seven_decimals() -> None:
    market = recorded_position()
    market.exchange.desk.transfer("me", d("25.72470371") - market.wallet())
    market.exchange.set_mark(SYMBOL, d("67502.68519858"))
    assert abs(market.position().liquidation_price - d("64846.98753790")) < d("0.0000001")
    market.check()


def test_the_liquidation_price_of_an_isolated_position_is_the_documented_one() -> None:
    market = Market("50000.0", "1000")
    market.exchange.desk.set_margin_type("me", SYMBOL, "ISOLATED")
    market.exchange.desk.set_leverage("me", SYMBOL, 10)
    market.order("BUY", "0.1")
    view = market.position()
    assert view.isolated_wallet_usdt == 500
    assert view.liquidation_price.quantize(d("0.01")) == d("45180.72")
    market.check()


def test_a_recorded_fill_pays_the_recorded_commission() -> None:
    market = Market("36567.1", fees=Fees(taker_ratio=d("0.0004")))
    order = market.order("BUY", "0.010")
    (trade,) = market.exchange.orders.trades("me", SYMBOL, order_id=order.order_id)
    assert (trade.notional_usdt, trade.commission_usdt) == (d("365.67100"), d("0.14626840"))


def test_a_positive_funding_ratio_is_paid_by_longs_on_quantity_times_mark() -> None:
    market = Market()
    market.order("BUY", "0.1")
    market.exchange.open_account("other", d("10000"))
    market.order("SELL", "0.1", account="other")
    market.exchange.settle_funding(SYMBOL, d("0.0001"), d("60100.5"))
    row = market.exchange.desk.incomes("me", kind="FUNDING_FEE")[-1]
    assert (row.amount_usdt, row.time_ms, row.trade_id) == (d("-0.60100500"), market.exchange.now_ms, None)
    assert market.exchange.desk.incomes("other", kind="FUNDING_FEE")[-1].amount_usdt == d("0.60100500")
    market.check()


@pytest.mark.parametrize("rules", recorded_rules(), ids=lambda rules: rules.symbol)
def test_maintenance_has_no_jump_between_brackets(rules: object) -> None:
    from runner.simulator.rules import InstrumentRules

    assert isinstance(rules, InstrumentRules)
    for lower, upper in zip(rules.brackets, rules.brackets[1:], strict=False):
        edge = lower.notional_cap
        assert upper.notional_floor == edge
        assert edge * lower.maintenance_ratio - lower.deduction_usdt == (
            edge * upper.maintenance_ratio - upper.deduction_usdt
        )
        assert bracket_of(rules, edge) is lower
        assert bracket_of(rules, edge + Decimal("0.01")) is upper


def test_the_deductions_of_bitcoin_are_the_recorded_ones() -> None:
    bitcoin = recorded_rules()[0]
    found = [int(bracket.deduction_usdt) for bracket in bitcoin.brackets]
    assert found == [
        0,
        50,
        950,
        11_450,
        131_450,
        481_450,
        2_981_450,
        14_481_450,
        26_481_450,
        41_481_450,
        121_481_450,
        421_481_450,
    ]
    assert notional_max(bitcoin, 20) == 100_000_000
    assert notional_max(bitcoin, 21) == 70_000_000
