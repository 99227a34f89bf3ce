"""What a backtest owes its reader: books that balance, no look-ahead, bounds, the same bytes twice."""

from dataclasses import replace

import numpy as np
import pytest
from runs import BOTS, bot, rows, sample

from runner.backtest.engine import interpreted_engine
from runner.backtest.feed import payable
from runner.backtest.run import run_backtest, walked
from runner.compiler.columns import evaluate
from runner.domain.plan import BLOCK, Plan
from runner.domain.position import REFUSALS
from runner.domain.result import Result
from runner.domain.series import Market
from runner.modes import Range, load_for
from runner.report.accounting import identity_gap_usdt
from runner.report.document import build_report, render_json

FROM_MS, TO_MS = 1_704_067_200_000, 1_725_148_800_000  # 2024-01-01 to 2024-09-01


def result_of(name: str) -> Result:
    market, facts = sample(name)
    return run_backtest(bot(name), market, facts, engine=interpreted_engine())


@pytest.fixture(scope="module", params=BOTS)
def result(request: pytest.FixtureRequest) -> Result:
    return result_of(request.param)


def mark_closes(market: Market) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    last = market.bars.close
    mark = market.mark.close if market.mark is not None else last
    return np.where(np.isnan(mark), last, mark)[market.first :]


def test_the_accounting_identity_holds_at_every_bar(result: Result) -> None:
    market, _ = sample(result.bot)
    gap = identity_gap_usdt(result, mark_closes(market))
    assert gap <= 1e-9 * result.plan.capital_usdt
    assert len(result.fills) > 20


def test_the_favourable_bound_is_not_below_the_headline_or_the_report_says_why(result: Result) -> None:
    bounds = build_report(result, mode="backtest", generated_at_ms=0).bounds
    assert bounds.favourable_net_pnl_usdt is not None
    hair = 1e-9 * result.plan.capital_usdt  # the two are summed in another order
    assert bounds.note or bounds.favourable_net_pnl_usdt >= bounds.adverse_net_pnl_usdt - hair


def test_the_same_run_gives_the_same_bytes(result: Result) -> None:
    again = result_of(result.bot)
    texts = [render_json(build_report(one, mode="backtest", generated_at_ms=7)) for one in (result, again)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", BOTS)
def test_future_bars_never_change_an_earlier_decision(name: str) -> None:
    tapes = []
    for stop_ms in (TO_MS, TO_MS + 40 * 86_400_000):
        market, _ = load_for(bot(name), "sample", Range(FROM_MS, stop_ms))
        verdicts = evaluate(bot(name).program, market)
        runs = walked(bot(name).plan, market, verdicts, payable(market), interpreted_engine())
        tapes.append((runs[0], runs[1]))
    for shorter, longer in zip(*tapes, strict=True):
        count = len(shorter.tape.equity_usdt)
        for field in ("equity_usdt", "worst_equity_usdt", "position", "signal", "refusal"):
            left, right = getattr(shorter.tape, field), getattr(longer.tape, field)[:count]
            assert left.tobytes() == right.tobytes(), field
        fills = shorter.progress.fills
        assert shorter.tape.fills[:fills].tobytes() == longer.tape.fills[:fills].tobytes()
        assert len(longer.tape.equity_usdt) > count


@pytest.mark.parametrize("name", BOTS)
def test_an_earlier_start_never_changes_a_decision_after_the_warm_up(name: str) -> None:
    decisions = []
    for start_ms in (FROM_MS, FROM_MS + 60 * 86_400_000):
        market, _ = load_for(bot(name), "sample", Range(start_ms, TO_MS))
        verdicts = evaluate(bot(name).program, market)
        decisions.append((market, verdicts))
    (earlier, long_rows), (later, short_rows) = decisions
    skip = int(np.searchsorted(earlier.bars.open_time_ms, later.bars.open_time_ms[later.first]))
    count = len(later.bars) - later.first
    assert len(earlier.bars) - skip == count
    for field in ("enter_long", "enter_short"):
        left, right = getattr(long_rows, field)[skip:], getattr(short_rows, field)[later.first :]
        assert (left == right).all(), field
    for field in ("stop_long", "stop_short", "trail_distance"):
        left, right = getattr(long_rows, field)[skip:], getattr(short_rows, field)[later.first :]
        np.testing.assert_allclose(left, right, rtol=1e-9, err_msg=field)


LIMITS = {
    "daily loss, flatten": lambda plan: {"daily_loss_ratio": 0.004, "daily_loss_action": 2},
    "daily loss, block": lambda plan: {"daily_loss_ratio": 0.004, "daily_loss_action": BLOCK},
    "daily loss in USDT": lambda plan: {"daily_loss_usdt": 40.0, "daily_loss_action": 2},
    "drawdown, halt": lambda plan: {"drawdown_ratio": 0.02, "drawdown_action": 3},
    "drawdown, block": lambda plan: {"drawdown_ratio": 0.02, "drawdown_action": BLOCK},
    "trades per day": lambda plan: {"trades_per_day": 1},
}
SAYS = {"daily": "daily loss limit", "drawdown, halt": "halted", "drawdown, block": "maximum drawdown"}


def without_limits(plan: Plan) -> Plan:
    idle = tuple(cooldown._replace(after=0) for cooldown in plan.limits.cooldowns)
    limits = plan.limits._replace(
        daily_loss_ratio=0.0,
        daily_loss_action=0,
        drawdown_ratio=0.0,
        drawdown_action=0,
        trades_per_day=0,
        cooldowns=idle,  # type: ignore[arg-type]
    )
    return plan._replace(limits=limits)


def outcome(plan: Plan) -> tuple[bytes, set[str]]:
    """(all fills, every refusal's name) of the limits bot under a plan."""
    market, _ = sample("doge_limits")
    run, _ = walked(plan, market, rows("doge_limits"), payable(market), interpreted_engine())
    refused = {REFUSALS[code] for code in np.unique(run.tape.refusal).tolist() if code}
    return run.tape.fills[: run.progress.fills].tobytes(), refused


@pytest.mark.parametrize("name", LIMITS)
def test_every_configured_limit_changes_a_run(name: str) -> None:
    free = without_limits(bot("doge_limits").plan)
    limited = free._replace(limits=free.limits._replace(**LIMITS[name](free)))
    fills, refused = outcome(limited)
    assert fills != outcome(free)[0]
    says = next((words for start, words in SAYS.items() if name.startswith(start)), "trades per day")
    assert says in refused


@pytest.mark.parametrize("place", range(4))
def test_every_configured_cooldown_changes_a_run(place: int) -> None:
    plan = bot("doge_limits").plan
    free = without_limits(plan)
    one = tuple(
        cooldown if at == place else cooldown._replace(after=0)
        for at, cooldown in enumerate(plan.limits.cooldowns)
    )
    fills, refused = outcome(free._replace(limits=free.limits._replace(cooldowns=one)))  # type: ignore[arg-type]
    assert fills != outcome(free)[0]
    assert "cooldown" in refused


def test_a_leverage_cap_changes_a_run() -> None:
    plan = without_limits(bot("doge_limits").plan)
    capped = plan._replace(sizing=plan.sizing._replace(leverage=0.5))
    assert outcome(plan)[0] != outcome(capped)[0]


def test_funding_is_settled_on_the_carried_position() -> None:
    market, facts = sample("sol_breakout")
    assert market.funding is not None
    funding = replace(market.funding, funding_rate=np.full_like(market.funding.funding_rate, 1e-3))
    dear = replace(market, funding=funding)
    result = run_backtest(bot("sol_breakout"), dear, facts, engine=interpreted_engine())
    assert result.payments
    settled = dict(zip(funding.time_ms.tolist(), funding.mark_price.tolist(), strict=True))
    for payment in result.payments:
        carried = 0.0
        for fill in result.fills:  # the position carried into the instant: fills at that very open come after
            if fill.time_ms < payment.time_ms:
                carried = fill.position_after
        assert payment.payment_usdt == pytest.approx(-carried * settled[payment.time_ms] * 1e-3, rel=1e-12)
