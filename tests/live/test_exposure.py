"""What a bot can lose, and what the gate lets through."""

from decimal import Decimal

import pytest

from runner.live.exposure import exposure_of, gate_limits
from tests.live.rig import compiled_bot

BOT = """
version: 1
name: sized
market: {{symbol: BTCUSDT, timeframe: 1m, leverage: 3, margin: {margin}}}
indicators: {{fast: {{kind: sma, length: 3}}}}
entry: {{long: close > fast}}
size: {size}
exit: {{stop_loss: {stop}}}
limits: {{daily_loss: {{max: 3% of equity}}, max_drawdown: {{max: 15%}}}}
backtest: {{capital: 10000 USDT}}
"""


def bot(size: str = "{risk: 1% of equity}", stop: str = "2%", margin: str = "isolated") -> str:
    return BOT.format(size=size, stop=stop, margin=margin)


@pytest.mark.parametrize(
    ("size", "notional", "at_stop"),
    [
        ("{risk: 1% of equity}", 30_000.0, 100.0),
        ("{risk: 1% of equity, max_notional: 150% of equity}", 15_000.0, 100.0),
        ("{risk: 1% of equity, max_notional: 500 USDT}", 500.0, 100.0),
        ("{equity: 50%}", 5_000.0, 100.0),
        ("{notional: 800 USDT}", 800.0, 16.0),
        ("{quantity: 0.1 BTC}", 4_000.0, 80.0),
    ],
)
def test_the_worst_case_follows_the_bots_sizing(size: str, notional: float, at_stop: float) -> None:
    seen = exposure_of(compiled_bot(bot(size)), 10_000.0, 40_000.0, None)
    assert seen.notional_usdt == pytest.approx(notional)
    assert seen.stop_usdt == pytest.approx(at_stop)
    assert seen.day_usdt == pytest.approx(300.0)
    assert seen.drawdown_usdt == pytest.approx(1_500.0)
    assert seen.margin_usdt == pytest.approx(notional / 3)


def test_a_stop_by_a_rule_is_not_known_before_the_entry() -> None:
    compiled = compiled_bot(bot("{equity: 50%}", "{price: 0.9 * fast}"))
    assert exposure_of(compiled, 10_000.0, 40_000.0, None).stop_usdt is None


def test_cross_margin_risks_the_wallet() -> None:
    assert exposure_of(compiled_bot(bot(margin="cross")), 10_000.0, 40_000.0, None).margin_usdt == 10_000.0


def test_the_operators_cap_goes_over_the_bots_own_size() -> None:
    compiled = compiled_bot(bot())
    assert exposure_of(compiled, 10_000.0, 40_000.0, 2_000.0).notional_usdt == 2_000.0
    assert gate_limits(compiled, "BTCUSDT", 10_000.0, 40_000.0, 2_000.0).notional_usdt_max == 2_000


def test_the_gate_leaves_little_room_beyond_the_bots_own_size() -> None:
    limits = gate_limits(compiled_bot(bot()), "BTCUSDT", 10_000.0, 40_000.0, None)
    assert 30_000 < limits.notional_usdt_max <= 31_000
    assert limits.price_band_ratio == Decimal("0.05")
