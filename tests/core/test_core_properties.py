"""Random bots on random bars: what must hold whatever happens."""

from fill_cases import (
    INSTRUMENT,
    Case,
    market_of,
    plan_of,
    rows_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.backtest.engine import interpreted_engine
from runner.backtest.feed import feed_of, payable
from runner.backtest.run import tape_of
from runner.core.decide import decide
from runner.core.loop import eventful, trade_bar
from runner.domain.bar import ADVERSE, FAVOURABLE, NEAREST
from runner.domain.order import LIQUIDATION, MARKET, NO_ORDER, SELL, STOP_MARKET
from runner.domain.plan import ABSENT, Plan
from runner.domain.position import ACCEPTED, FLAT, State, initial_state
from runner.domain.tape import START, Progress, Tape

START_MS = 1_704_067_200_000 - 10 * 60_000

choices = st.sampled_from
SETTINGS = st.tuples(
    choices(["quantity 3", "risk 2%", "equity 80%", "notional 500"]),
    choices(["leverage 1", "leverage 3", "leverage 20"]),
    choices(["", "stop 4", "stop 3%", "stop at 96"]),
    choices(["", "trail 3", "trail 2% from 1R", "trail 4 from 2%"]),
    choices(["", "even 1R", "even 2% 0.5%"]),
    choices(["", "target 2% 100%", "target 1R 50%; target 2R 30%", "target 2% 60% market"]),
    choices(["", "limit 1% expires 3", "limit 0 expires 2 post_only"]),
    choices(["", "reverse", "time 3"]),
    choices(["", "daily 3% flatten", "daily 20 block"]),
    choices(["", "drawdown 8% halt", "drawdown 5% block"]),
    choices(["", "cool exit 1", "cool losses 2 5", "cool stop 3"]),
    choices(["", "trades 2"]),
    choices(["", "taker 0.1%; maker 0.02%; slip 20bps", "impact 5%"]),
    choices(["", "touch"]),
    choices(["", "on_mark"]),
    choices(["", "share 2%", "share 2% carry", "share 1% carry"]),
    choices(["", "cross"]),
    st.just("capital 1000"),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A case whose settings go together."""
    parts = [part for text in draw(SETTINGS) for part in text.split("; ") if part]
    words = {part.split()[0] for part in parts}
    if "stop" not in words:
        parts = [part for part in parts if "R" not in part.replace("from 2%", "")]
        parts = ["quantity 3" if part.startswith("risk") else part for part in parts]
    if "limit" in words:
        parts = [part for part in parts if part != "reverse"]
    lines = []
    close = 100
    for _ in range(draw(st.integers(4, 30))):
        opened = max(3, close + draw(st.integers(-3, 3)))
        high = opened + draw(st.integers(0, 6))
        low = max(2, opened - draw(st.integers(0, 6)))
        close = draw(st.integers(low, high))
        line = f"{draw(choices('LSX..B'))} {opened} {high} {low} {close}"
        if draw(st.booleans()):
            shift = draw(st.integers(-1, 1))
            line += f" mark {opened + shift} {high + shift} {low + shift} {close + shift}"
        if draw(st.integers(0, 5)) == 0:
            line += f" fund {draw(choices(['0.01%', '-0.05%', '1%']))}"
        lines.append(line)
    return Case("random", tuple(parts), tuple(lines), ())


def life(case: Case, path: int) -> tuple[Plan, list[tuple[State, State]], Tape, Progress]:
    """(plan, (state before, state after) of every close, tape, progress)."""
    plan, stop, trail = plan_of(case.settings)
    market, signals = market_of(case.bars, START_MS, plan.timeframe_ms)
    due = payable(market)
    feed = feed_of(interpreted_engine(), market, rows_of(signals, stop, trail), due, 0, len(signals))
    tape = tape_of(len(signals), len(due.time_ms))
    state, progress = initial_state(plan.capital_usdt), START
    states = []
    for place, bar in enumerate(feed.bars):
        progress = progress._replace(bar=place)
        if eventful(plan, feed, state, progress, bar):
            progress = progress._replace(worst_usdt=state.account.equity_usdt)
            state, progress = trade_bar(plan, feed, tape, state, progress, bar, path)
        before, state = state, decide(plan, state, bar, feed.rows[place])
        states.append((before, state))
    return plan, states, tape, progress


@settings(max_examples=400, deadline=None)
@given(cases(), st.sampled_from([ADVERSE, FAVOURABLE, NEAREST]))
def test_the_books_balance_and_protection_holds(case: Case, path: int) -> None:
    plan, states, tape, progress = life(case, path)
    fills = tape.fills[: progress.fills].tolist()
    cash = plan.capital_usdt + float(tape.payments.sum())
    position, entry = 0.0, 0.0
    for fill in fills:
        side, quantity, price, fee = fill[3], fill[4], fill[5], fill[6]
        closing = min(abs(position), quantity) if position * side < 0 else 0.0
        cash += closing * (price - entry) * (1 if position > 0 else -1) - fee
        opening = quantity - closing
        if opening > 0:
            held = abs(position) - closing
            entry = (held * entry + opening * price) / (held + opening)
        position += side * quantity
        assert quantity > 0
        assert price > 0
    last = states[-1][1]
    assert abs(position - last.position.quantity) < 1e-9
    assert abs(cash - last.account.cash_usdt) < 1e-9 * plan.capital_usdt
    for before, after in states:
        check(plan, before, after)


def check(plan: Plan, before: State, after: State) -> None:
    """One close: quantity and protection."""
    held = after.position.quantity
    if held == 0.0:
        assert after.position == FLAT
        assert after.orders.stop.kind == NO_ORDER
        assert all(target.kind == NO_ORDER for target in after.orders.targets)
        return
    assert abs(held / INSTRUMENT.step_size - round(held / INSTRUMENT.step_size)) < 1e-9
    if plan.stop.kind != ABSENT:
        assert after.orders.stop.kind in (STOP_MARKET, MARKET)  # MARKET: triggered, its rest goes on
        assert after.orders.stop.quantity == abs(held)
        assert after.orders.stop.side * held < 0
    total = sum(target.quantity for target in after.orders.targets)
    assert total <= abs(held) + 1e-9
    moved = (after.trade.stop_price - before.trade.stop_price) * after.trade.side
    assert before.trade.stop_price == 0.0 or moved >= 0.0  # a strategy's stop never loosens


@settings(max_examples=200, deadline=None)
@given(cases())
def test_no_entry_is_larger_than_leverage_allows(case: Case) -> None:
    plan, states, tape, progress = life(case, ADVERSE)
    for _, after in states:
        entry = after.orders.entry
        if entry.kind != NO_ORDER and after.refusal == ACCEPTED and after.signal != 0:
            assert entry.quantity * entry.price <= plan.sizing.leverage * after.account.equity_usdt * (
                1 + 1e-9
            )
    fills = tape.fills[: progress.fills].tolist()
    if (
        plan.sizing.leverage == 1.0 and not plan.sizing.cross
    ):  # an unlevered long loses its margin only at a price of zero
        assert not [fill for fill in fills if fill[8] == LIQUIDATION and fill[3] == SELL]
