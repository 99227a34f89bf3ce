"""The trades of nine rule sets on real bars are the same here, in `backtesting` and in `vectorbt`.

`docs/agreement.md` says how each engine is set up, and what differs on purpose. Half of the time goes into
importing `vectorbt`, whose simulation numba compiles anew in every process.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from in_backtesting import backtesting_trades
from in_vectorbt import vectorbt_trades
from real_bars import needs_real, real_bars
from rule_sets import RULE_SETS, TAIL, Prices, Rules, RuleSet
from trade_lists import Trade, compiled_bot, disagreements, our_trades

from runner.domain.series import Bars

ENGINES: dict[str, Callable[[Any, Bars, Rules], list[Trade]]] = {
    "backtesting": backtesting_trades,
    "vectorbt": vectorbt_trades,
}

PAIRS = [(rule_set, engine) for rule_set in RULE_SETS for engine in rule_set.engines]


@cache
def here(rule_set: RuleSet) -> tuple[Bars, int, list[Trade]]:
    """(bars, first row that counts, our trades)."""
    bars = real_bars(rule_set.series, *rule_set.days)
    compiled = compiled_bot(rule_set.text + TAIL)
    return bars, compiled.warmup_bars, our_trades(compiled, bars, compiled.warmup_bars)


@needs_real
@pytest.mark.parametrize(
    ("rule_set", "name"), PAIRS, ids=[f"{rule_set.name} · {engine}" for rule_set, engine in PAIRS]
)
def test_the_trade_lists_are_equal(rule_set: RuleSet, name: str) -> None:
    package = pytest.importorskip(name)
    bars, first, ours = here(rule_set)
    told = rule_set.rules(Prices(bars)).silenced(first)
    assert len(ours) >= rule_set.trades_min
    assert disagreements(ours, ENGINES[name](package, bars, told)) == []


@needs_real
@pytest.mark.parametrize("rule_set", RULE_SETS, ids=lambda rule_set: rule_set.name)
def test_the_hard_cases_are_among_the_trades(rule_set: RuleSet) -> None:
    _, _, ours = here(rule_set)
    within_a_bar = sum(trade.entry_ms == trade.exit_ms for trade in ours)
    assert within_a_bar >= rule_set.within_a_bar_min
    assert {trade.side for trade in ours} == rule_set.sides


OURS = [Trade(1, 0, 100.0, 1, 110.0, 10.0, False), Trade(-1, 2, 100.0, 3, 90.0, 10.0, True)]


@pytest.mark.parametrize(
    "theirs",
    [
        OURS[:1],
        [OURS[0]._replace(side=-1), OURS[1]],
        [OURS[0]._replace(entry_ms=1), OURS[1]],
        [OURS[0]._replace(exit_ms=2), OURS[1]],
        [OURS[0]._replace(entry_price=100.0 * (1 + 2e-9)), OURS[1]],
        [OURS[0]._replace(exit_price=110.0 * (1 - 2e-9)), OURS[1]],
        [OURS[0]._replace(pnl_usdt=10.0 + 2e-7), OURS[1]],
        [OURS[0], OURS[1]._replace(at_end=False)],
        [OURS[0], OURS[1]._replace(entry_price=100.1)],
    ],
)
def test_the_comparison_sees_every_field_of_a_trade(theirs: list[Trade]) -> None:
    assert disagreements(OURS, OURS) == []
    assert len(disagreements(OURS, theirs)) == 1
