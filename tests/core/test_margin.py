"""Margin arithmetic: what the exchange published and recorded, and what must hold for every ladder."""

from decimal import ROUND_DOWN, Decimal

import pytest
from fill_cases import plan_of
from hypothesis import given
from hypothesis import strategies as st

from runner.core.apply import apply
from runner.core.decide import marked
from runner.core.exits import price_at_equity
from runner.core.margin import bankruptcy_price, liquidation_price, margin_behind
from runner.data.shipped import known_symbols, shipped_rules
from runner.domain.bar import Bar
from runner.domain.instrument import BRACKETS_MAX, NO_BRACKET, Bracket
from runner.domain.order import BUY, ENTRY, LEG_MARKET, SELL, Fill
from runner.domain.plan import Plan
from runner.domain.position import State, initial_state

# A position as the exchange reported it: 0.009 BTC long, 80×, everything cut off after the eighth decimal.
QUANTITY, ENTRY_PRICE, MARK_PRICE, LEVERAGE = 0.009, 67445.9, 67502.68519858, 80
WALLET_USDT = 25.72470371
INITIAL_USDT, MAINTENANCE_USDT, PROFIT_USDT = "7.59405208", "2.43009666", "0.51106678"
BREAK_EVEN_PRICE = 67479.62295
TAKER_RATIO = 0.0005


def plan_with(brackets: tuple[Bracket, ...], *settings: str) -> Plan:
    """A plan of BTCUSDT's increments with these brackets."""
    padded = brackets + (NO_BRACKET,) * (BRACKETS_MAX - len(brackets))
    plan, _, _ = plan_of(("quantity 1", *settings))
    return plan._replace(instrument=shipped_rules("BTCUSDT").instrument, brackets=padded)


def btc_plan(*settings: str) -> Plan:
    return plan_with(shipped_rules("BTCUSDT").brackets, *settings)


def opened(plan: Plan, side: int, quantity: float, price: float, wallet_usdt: float) -> State:
    """A position just opened by a taker, after which the wallet holds `wallet_usdt`."""
    fee = quantity * price * TAKER_RATIO
    fill = Fill(LEG_MARKET, side, quantity, price, fee, 0.0, ENTRY, 0, False, True, True)
    return apply(plan, initial_state(wallet_usdt + fee), fill)


def cut_off(number: float) -> str:
    """As the exchange shows USDT: eight decimals, not rounded."""
    hair = Decimal(repr(round(number, 12)))
    return str(hair.quantize(Decimal("0.00000001"), rounding=ROUND_DOWN))


def recorded(*settings: str) -> tuple[Plan, State]:
    plan = btc_plan(f"leverage {LEVERAGE}", *settings)
    return plan, opened(plan, BUY, QUANTITY, ENTRY_PRICE, WALLET_USDT)


def test_initial_margin_is_the_recorded_one() -> None:
    plan, _ = recorded()
    assert cut_off(margin_behind(plan, QUANTITY, MARK_PRICE, WALLET_USDT)) == INITIAL_USDT


def test_unrealised_profit_is_the_recorded_one() -> None:
    _, state = recorded()
    account = marked(state, Bar(0, 60_000, *(MARK_PRICE,) * 4, 0.0, *(MARK_PRICE,) * 4))
    assert cut_off(account.equity_usdt - account.cash_usdt) == PROFIT_USDT


def test_maintenance_margin_is_the_recorded_one() -> None:
    """The wallet that would be liquidated at this very mark price is maintenance less the profit."""
    plan, _ = recorded()
    wallet = float(MAINTENANCE_USDT) - float(PROFIT_USDT)
    at_mark = liquidation_price(plan, QUANTITY, ENTRY_PRICE, wallet)
    assert cut_off(wallet + QUANTITY * (at_mark - ENTRY_PRICE)) == MAINTENANCE_USDT
    assert at_mark == pytest.approx(MARK_PRICE, abs=3e-6)  # 1e-8 USDT, cut off twice, on 0.009 BTC


def test_liquidation_price_is_the_recorded_one() -> None:
    """A cross position: the whole wallet is behind it. The recording has …790: its wallet was cut off."""
    _, state = recorded("cross")
    assert round(state.position.liquidation_price, 8) == 64846.98753793
    assert state.position.liquidation_price == pytest.approx(64846.98753790, abs=4e-8)


def test_break_even_price_is_the_recorded_one() -> None:
    """Where the loss of the taker's fee is made good: equity is again what it was before the entry."""
    _, state = recorded()
    before = WALLET_USDT + QUANTITY * ENTRY_PRICE * TAKER_RATIO
    price = price_at_equity(state.position, state.account, before)
    assert round(price, 5) == BREAK_EVEN_PRICE


def test_isolated_ten_times_leverage_is_liquidated_at_the_known_price() -> None:
    state = opened(btc_plan("leverage 10"), BUY, 0.1, 50_000.0, 10_000.0)
    assert state.position.margin_usdt == 500.0
    assert round(state.position.liquidation_price, 2) == 45_180.72
    assert bankruptcy_price(0.1, 50_000.0, 500.0) == 45_000.0


# Binance's own example, a wallet of 1,535,443.01 behind two positions, cross and isolated: quantity, entry,
# maintenance ratio, cum, maintenance and unrealised profit of other positions, liquidation price.
PUBLISHED = """
3683.979   1456.84  0.10  135365   71200.81144  -56354.57   1153.26
109.488   32481.98  0.025  16300  356512.508   -448192.89  26316.89
3683.979   1456.84  0.10  135365       0            0       1114.78
109.488   32481.98  0.025  16300       0            0      18778.73
"""


@pytest.mark.parametrize("line", PUBLISHED.strip().splitlines())
def test_liquidation_prices_are_the_published_ones(line: str) -> None:
    quantity, entry, ratio, cum, others_usdt, others_pnl_usdt, published = map(float, line.split())
    plan = plan_with((Bracket(1e12, ratio, cum, 10.0),))
    wallet = 1_535_443.01 - others_usdt + others_pnl_usdt
    assert round(liquidation_price(plan, quantity, entry, wallet), 2) == published


LADDERS = [shipped_rules(name).brackets for name in (*known_symbols(), "NEWUSDT")]
SIDES = st.sampled_from((BUY, SELL))


def maintenance_usdt(brackets: tuple[Bracket, ...], notional: float) -> float:
    """By the table: the bracket whose floor and cap enclose the notional; above the last cap the last one."""
    holding = next((one for one in brackets if notional <= one.notional_usdt_max), brackets[-1])
    return notional * holding.maintenance_ratio - holding.deduction_usdt


@st.composite
def positions(draw: st.DrawFn) -> tuple[tuple[Bracket, ...], float, float, float]:
    """(ladder, signed quantity, entry price, margin): an entry notional in any bracket, any sane margin."""
    ladder = draw(st.sampled_from(LADDERS))
    place = draw(st.integers(0, len(ladder) - 1))
    floor = ladder[place - 1].notional_usdt_max if place else 10.0
    notional = draw(st.floats(floor, ladder[place].notional_usdt_max))
    entry = draw(st.floats(1e-4, 1e6))
    margin = notional * draw(st.floats(ladder[place].maintenance_ratio * 1.01, 3.0))
    return ladder, draw(SIDES) * notional / entry, entry, margin


@given(positions())
def test_at_the_liquidation_price_margin_balance_equals_maintenance(
    position: tuple[tuple[Bracket, ...], float, float, float],
) -> None:
    ladder, quantity, entry, margin = position
    price = liquidation_price(plan_with(ladder), quantity, entry, margin)
    if price == 0.0:  # only a long whose margin pays for a fall to nothing
        assert quantity > 0.0
        assert margin >= quantity * entry * (1 - 1e-12)
        return
    balance = margin + quantity * (price - entry)
    scale = abs(quantity) * max(price, entry)
    assert balance == pytest.approx(maintenance_usdt(ladder, abs(quantity) * price), abs=1e-9 * scale)
    assert (entry - price) * quantity > 0.0  # on the losing side
    ruin = bankruptcy_price(quantity, entry, margin)
    assert (price - ruin) * quantity > 0.0  # and before the margin is gone


@given(positions(), st.floats(1e-9, 0.5))
def test_more_margin_moves_the_liquidation_price_away_and_never_jumps(
    position: tuple[tuple[Bracket, ...], float, float, float], more: float
) -> None:
    ladder, quantity, entry, margin = position
    plan = plan_with(ladder)
    added = margin * more
    near = liquidation_price(plan, quantity, entry, margin)
    far = liquidation_price(plan, quantity, entry, margin + added)
    # one more USDT moves it by 1 ÷ (q × (1 ∓ ratio)): the ratio of one of the brackets on the way
    steepest = added / (abs(quantity) * (1.0 - ladder[-1].maintenance_ratio))
    hair = 1e-9 * max(near, entry)
    assert -hair <= (near - far) * (1 if quantity > 0.0 else -1) <= steepest + hair


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("ladder", LADDERS)
def test_at_a_floor_both_brackets_give_the_same_price(ladder: tuple[Bracket, ...], side: int) -> None:
    """Also when rounding puts q·LP a hair above the cap by one bracket and a hair below by the next."""
    plan = plan_with(ladder)
    entry = 137.31
    for bracket in ladder[:-1]:
        cap = bracket.notional_usdt_max
        quantity = cap * (1.07 if side == BUY else 0.95) / entry
        level = cap / quantity  # liquidated exactly at the cap
        margin = maintenance_usdt(ladder, cap) - side * quantity * (level - entry)
        for hair in (-1e-12, 0.0, 1e-12):
            price = liquidation_price(plan, side * quantity, entry, margin * (1 + hair))
            assert price == pytest.approx(level, rel=1e-9)


def test_a_short_beyond_the_last_cap_is_still_liquidated() -> None:
    """A large cross wallet lets the price run far; the last bracket holds on above its cap."""
    ladder = shipped_rules("NEWUSDT").brackets
    price = liquidation_price(plan_with(ladder), -1000.0, 1000.0, 20_000_000.0)
    assert 1000.0 * price > ladder[-1].notional_usdt_max
    balance = 20_000_000.0 - 1000.0 * (price - 1000.0)
    assert balance == pytest.approx(maintenance_usdt(ladder, 1000.0 * price), rel=1e-12)


def test_without_leverage_a_long_cannot_be_liquidated() -> None:
    state = opened(btc_plan("leverage 1"), BUY, 0.1, 50_000.0, 10_000.0)
    assert state.position.liquidation_price == 0.0
