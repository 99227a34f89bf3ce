"""The walk through one bar: which points its prices visit, and in which order.

In: a bar, and who would be hurt. Out: a Walk, and where it stands. Refuses to know: orders' prices, fills.
Source: execution semantics "Inside".
"""

from runner.domain.bar import FAVOURABLE, NEAREST, Bar, Walk
from runner.domain.order import BUY, SELL
from runner.domain.position import State

from .kernel import inner_kernel

LEGS = 3


@inner_kernel
def walk_from_open(state: State, bar: Bar, path: int) -> Walk:
    """The walk through the bar after its open.

    ADVERSE: an open position meets the extreme that hurts it first; a waiting entry meets the extreme that
    would have helped it first, so that what follows the entry is the hurting extreme and the close.
    FAVOURABLE mirrors. NEAREST: the extreme nearer to the open comes first.
    """
    if state.position.quantity != 0.0:
        low_first = state.position.quantity > 0.0
    else:
        low_first = state.orders.entry.side == SELL
    if path == FAVOURABLE:
        low_first = not low_first
    elif path == NEAREST:
        further = (bar.open - bar.low) - (bar.high - bar.open)
        if abs(further) > 1e-9 * bar.open:  # as far either way: what hurts comes first
            low_first = further < 0.0
    if low_first:
        first, second, mark_first, mark_second = bar.low, bar.high, bar.mark_low, bar.mark_high
    else:
        first, second, mark_first, mark_second = bar.high, bar.low, bar.mark_high, bar.mark_low
    return Walk(
        0,
        bar.open,
        bar.mark_open,
        first,
        second,
        bar.close,
        mark_first,
        mark_second,
        bar.mark_close,
        path,
    )


@inner_kernel
def walk_after_entry(walk: Walk, bar: Bar, side: int) -> Walk:
    """Favourable only: after an entry inside the bar the helping extreme comes next, then the hurting one."""
    if walk.path != FAVOURABLE:
        return walk
    if side == BUY:
        first, second, mark_first, mark_second = bar.high, bar.low, bar.mark_high, bar.mark_low
    else:
        first, second, mark_first, mark_second = bar.low, bar.high, bar.mark_low, bar.mark_high
    return Walk(
        0,
        walk.price,
        walk.mark,
        first,
        second,
        bar.close,
        mark_first,
        mark_second,
        bar.mark_close,
        FAVOURABLE,
    )


@inner_kernel
def leg_end(walk: Walk) -> tuple[float, float]:
    """(last, mark) at the end of the walk's present leg."""
    if walk.leg == 0:
        return walk.first, walk.mark_first
    if walk.leg == 1:
        return walk.second, walk.mark_second
    return walk.close, walk.mark_close


@inner_kernel
def moved(walk: Walk, leg: int, price: float, mark: float) -> Walk:
    """The same walk, standing elsewhere."""
    return Walk(
        leg,
        price,
        mark,
        walk.first,
        walk.second,
        walk.close,
        walk.mark_first,
        walk.mark_second,
        walk.mark_close,
        walk.path,
    )
