"""How much of a result is luck: its best trades removed, its trades in another order.

In: net pnl of each trade in the order of exits, the capital, a seed. Out: counts and ratios.
Refuses to know: bars, fills, the document.
Source of numbers: the trade list alone. A trade's return is its net pnl ÷ equity at its entry (the capital
and all pnl before: trades follow one another); returns compound. Equity that is gone stays gone.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from runner.domain.series import Floats
from runner.domain.stress import Shuffles

BEST_OF = 20  # one of twenty trades: 5 %
SHUFFLES = 1_000
SEED = 1
CELLS_MAX = 1_000_000  # trades × orders at once: 8 MB an array
HAIR_RATIO = 1e-12  # products of the same factors in another order differ by rounding


def best_trades(pnls: Sequence[float]) -> list[float]:
    """The best 5 % by net pnl, rounded up, so that one goes from any list that has one."""
    return sorted(pnls, reverse=True)[: -(-len(pnls) // BEST_OF)]


def shuffled(pnls: Sequence[float], capital_usdt: float, seed: int = SEED) -> Shuffles | None:
    """Drawdowns of SHUFFLES orders; None of fewer than two trades, which have one order only."""
    if len(pnls) < 2:
        return None
    factors = growth_factors(pnls, capital_usdt)
    real = float(max_drawdowns(factors[np.newaxis])[0])
    falls = np.sort(np.concatenate([max_drawdowns(part) for part in _orders(factors, seed)]))
    return Shuffles(
        trades=len(pnls),
        times=SHUFFLES,
        ratio_5=_quantile(falls, 5),
        ratio_50=_quantile(falls, 50),
        ratio_95=_quantile(falls, 95),
        ratio_99=_quantile(falls, 99),
        real_ratio=real,
        deeper_than_ratio=float(np.mean(falls < real - HAIR_RATIO)),
    )


def growth_factors(pnls: Sequence[float], capital_usdt: float) -> Floats:
    """1 + return of each trade, shape (trades,), never below 0."""
    gained = np.asarray(pnls, np.float64)
    equity = capital_usdt + np.concatenate(([0.0], np.cumsum(gained)[:-1]))
    alive = equity > 0.0
    grown = 1.0 + gained / np.where(alive, equity, 1.0)
    return np.where(alive, np.maximum(grown, 0.0), 0.0)


def max_drawdowns(factors: Floats) -> Floats:
    """Of shape (orders,): the largest fall of each row's product from its highest so far, the start's 1
    among them.
    """
    equity = np.cumprod(factors, axis=1)
    peak = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    return np.asarray((1.0 - equity / peak).max(axis=1))


def _orders(factors: Floats, seed: int) -> Iterator[Floats]:
    """SHUFFLES orders in parts of shape (orders, trades), by sorting random keys: PCG64's raw stream never
    changes, unlike NumPy's permutations.
    """
    stream = np.random.PCG64(seed)
    at_once = max(1, CELLS_MAX // len(factors))
    for start in range(0, SHUFFLES, at_once):
        count = min(at_once, SHUFFLES - start)
        keys = np.asarray(stream.random_raw(count * len(factors))).reshape(count, len(factors))
        yield factors[np.argsort(keys, axis=1, kind="stable")]


def _quantile(ordered: Floats, hundredths: int) -> float:
    """The nearest rank: a drawdown that one of the orders really had."""
    return float(ordered[-(-len(ordered) * hundredths // 100) - 1])
