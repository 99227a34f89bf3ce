"""The shape of the synthetic book: how wide, how deep.

In: numbers chosen by whoever starts the exchange. Out: quantities per level.
Refuses to know: orders. Deterministic: the jitter of a level depends on the update it belongs to.
"""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

_STIR, _SPREAD, _PARTS = 2_654_435_761, 40_503, 1000


@dataclass(frozen=True, slots=True)
class BookShape:
    """Around the last price: `levels` on each side, `gap_ticks` apart, the first of `level_notional_usdt`,
    each next one `growth` times as deep.
    """

    spread_ticks: int = 1
    gap_ticks: int = 1
    levels: int = 50
    level_notional_usdt: Decimal = Decimal(50_000)
    growth: Decimal = Decimal("1.1")
    jitter: bool = True  # a level holds half to one and a half times that

    def level_quantity(self, level: int, price: Decimal, step: Decimal, update_id: int) -> Decimal:
        """At least one step."""
        notional = self.level_notional_usdt * self.growth**level
        if self.jitter:
            notional = notional * (500 + ((update_id * _STIR + level * _SPREAD) >> 8) % _PARTS) / 1000
        steps = (notional / price / step).to_integral_value(ROUND_FLOOR)
        return max(steps, Decimal(1)) * step
