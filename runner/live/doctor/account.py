"""What a look at the exchange says about an account and one bot on it: pure judgements.

In: a survey, a compiled bot, what it would reckon with, its last bar. Out: findings.
Refuses to know: the wire. Whether an entry would be refused is asked of the core itself.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from runner.compiler.build import Compiled
from runner.core.decide import opening
from runner.domain.bar import Bar, Row
from runner.domain.position import (
    ACCEPTED,
    REFUSALS,
    REFUSED_NOTIONAL,
    REFUSED_QUANTITY,
    REFUSED_STOP_BEYOND_LIQUIDATION,
    initial_state,
)
from runner.domain.time import DAY_MS
from runner.live.doctor.finding import Finding, failed, fine, not_here
from runner.live.survey import Survey

CLOCK_MS_MAX = 5_000  # beyond it a machine's clock is wrong, though the session reckons with the difference
WEIGHT_SHARE_MAX = 0.5
ORDER_TYPES = ("MARKET", "LIMIT", "STOP_MARKET", "TAKE_PROFIT_MARKET")
_SIDES = ((1, "long"), (-1, "short"))


def about_account(seen: Survey) -> list[Finding]:
    """Modes, rights and the clock."""
    account, position = seen.snapshot.account, seen.snapshot.position
    return [
        _clock(seen.offset_ms),
        _withdrawals(seen.withdraws),
        fine("trading", "the account may trade")
        if account.can_trade
        else failed("trading", "the exchange does not let this account trade", "ask the exchange why"),
        fine("position mode", "one-way")
        if account.one_way
        else failed(
            "position mode", "hedge mode", "switch to one-way mode (Preferences → Position Mode), then again"
        ),
        fine("asset mode", "single-asset")
        if account.single_asset
        else failed(
            "asset mode",
            "multi-assets: losses of other symbols reach this one",
            "switch to single-asset mode (Preferences → Asset Mode)",
        ),
        fine("position", "flat")
        if seen.is_flat
        else not_here(
            "position",
            f"{position.quantity} {position.symbol} is open: what needs a flat account is not asked",
        ),
    ]


def _clock(offset_ms: int) -> Finding:
    if abs(offset_ms) <= CLOCK_MS_MAX:
        return fine("clock", f"{abs(offset_ms)} ms {'behind' if offset_ms > 0 else 'ahead of'} the exchange")
    return failed(
        "clock", f"{offset_ms / 1000:+.1f} s off the exchange's", "let NTP set this machine's clock"
    )


def _withdrawals(withdraws: bool | None) -> Finding:
    if withdraws is None:
        return not_here("withdrawals", "nobody tells here what the key may do")
    if withdraws:
        return failed(
            "withdrawals",
            "the key may withdraw money",
            "switch 'Enable Withdrawals' off, or make another key",
        )
    return fine("withdrawals", "the key may not withdraw")


def about_rules(seen: Survey, compiled: Compiled, info: str) -> list[Finding]:
    """Filters, brackets, and the order types that the bot will send."""
    market, rules = compiled.document.market, seen.instrument
    offered = max((one.leverage_max for one in seen.brackets), default=0.0)
    found = [
        fine(
            "rules",
            f"tick {rules.tick_size:g}, step {rules.step_size:g}, at least {rules.quantity_min:g} and "
            f"{rules.notional_usdt_min:g} USDT; {len(seen.brackets)} brackets, leverage up to {offered:g}",
        )
    ]
    if market.leverage > offered:
        found.append(
            failed(
                "leverage offered",
                f"the bot wants {market.leverage}, {market.market_id} has {offered:g}",
                "lower market.leverage in the bot",
            )
        )
    lacking = [kind for kind in ORDER_TYPES if kind not in order_types(info, market.market_id)]
    if lacking:
        remedy = "check market.symbol; runner cannot trade a contract without them"
        found.append(failed("order types", f"{market.market_id} does not take {', '.join(lacking)}", remedy))
    else:
        found.append(fine("order types", f"{', '.join(ORDER_TYPES)} are taken"))
    return found


def order_types(info: str, symbol: str) -> Iterable[str]:
    """What exchangeInfo lists."""
    listed: Mapping[str, Any] = json.loads(info)
    return next((one["orderTypes"] for one in listed["symbols"] if one["symbol"] == symbol), ())


def about_entries(compiled: Compiled, capital_usdt: float, last: tuple[Bar, Row] | None) -> list[Finding]:
    """Whether an entry at the last close would be refused: too little money, or a stop that liquidation
    overtakes.
    """
    if last is None:
        return [not_here("capital", "there is no bar to reckon with"), not_here("stop", "there is no bar")]
    bar, row = last
    fresh = initial_state(capital_usdt)
    account, guard = fresh.account._replace(day=bar.close_time_ms // DAY_MS), fresh.guard
    refusals = {}
    for side, name in _SIDES:
        setup = row.stop_long if side > 0 else row.stop_short
        refusals[name] = opening(compiled.plan, bar, account, guard, side, setup)[1]
    return [
        _capital(compiled, capital_usdt, bar, set(refusals.values())),
        _stop(compiled, refusals),
    ]


def _capital(compiled: Compiled, capital_usdt: float, bar: Bar, refusals: set[int]) -> Finding:
    rules = compiled.plan.instrument
    least = max(rules.notional_usdt_min, rules.quantity_min * bar.close)
    if refusals & {REFUSED_NOTIONAL, REFUSED_QUANTITY}:
        return failed(
            "capital",
            f"with {capital_usdt:,.2f} USDT an entry at {bar.close:g} would be under the exchange's least "
            f"order, {least:,.2f} USDT",
            "more capital, or a larger size in the bot",
        )
    return fine("capital", f"{capital_usdt:,.2f} USDT suffice; the least order is {least:,.2f} USDT")


def _stop(compiled: Compiled, refusals: Mapping[str, int]) -> Finding:
    leverage = compiled.document.market.leverage
    overtaken = [name for name, refusal in refusals.items() if refusal == REFUSED_STOP_BEYOND_LIQUIDATION]
    if compiled.document.exit.stop_loss is None:
        return not_here("stop", "the bot has no stop loss")
    if overtaken:
        return failed(
            "stop",
            f"at leverage {leverage} a {' and a '.join(overtaken)} would be liquidated before its stop",
            "lower market.leverage, or bring the stop nearer",
        )
    if all(refusal == ACCEPTED for refusal in refusals.values()):
        return fine("stop", f"at leverage {leverage} the stop comes before liquidation, long and short")
    words = ", ".join(f"{name}: {REFUSALS[one]}" for name, one in refusals.items() if one != ACCEPTED)
    return not_here("stop", f"an entry at the last close would be refused anyway ({words})")


def about_weight(used: int, most: int) -> Finding:
    """How much of the minute's weight somebody has used."""
    if used <= most * WEIGHT_SHARE_MAX:
        return fine("weight", f"{used:,} of {most:,} used this minute, this check included")
    remedy = "something else at this address asks a lot; stop it, or spread it"
    return failed("weight", f"{used:,} of {most:,} used this minute", remedy)
