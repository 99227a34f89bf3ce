"""Two runs of one bot side by side: which trade and which execution of one is which of the other.

In: trades of both. Out: pairs, and what has no partner.
Refuses to know: why something has none. A partner is the same leg in the same bar; an entry may come a little
late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from runner.report.executions import Execution, Trade, joined

LATE_BARS_MAX = 2  # an entry that comes later than this is another trade


class Match(NamedTuple):
    """The same execution in both."""

    expected: Execution
    actual: Execution


@dataclass(frozen=True, slots=True)
class Pair:
    """The same trade in both, execution by execution; `missing` and `extra` have no partner."""

    expected: Trade
    actual: Trade
    matches: tuple[Match, ...]
    missing: tuple[Execution, ...]
    extra: tuple[Execution, ...]


@dataclass(frozen=True, slots=True)
class Pairing:
    """All trades of both runs."""

    pairs: tuple[Pair, ...]
    missed: tuple[Trade, ...]  # expected, and not there
    others: tuple[Trade, ...]  # there, and not expected


def paired(expected: Sequence[Trade], actual: Sequence[Trade], timeframe_ms: int) -> Pairing:
    """Each trade with the one that began in the same bar on the same side, else with one a little later."""
    left = list(actual)
    found: list[tuple[Trade, Trade]] = []
    missed: list[Trade] = []
    for slack in (0, LATE_BARS_MAX * timeframe_ms):
        waiting = expected if slack == 0 else missed
        missed = []
        for trade in waiting:
            partner = next((one for one in left if _is_partner(trade, one, slack)), None)
            if partner is None:
                missed.append(trade)
            else:
                left.remove(partner)
                found.append((trade, partner))
    found.sort(key=lambda both: both[0].bar_ms)
    return Pairing(tuple(_pair(*both) for both in found), tuple(missed), tuple(left))


def _is_partner(expected: Trade, actual: Trade, slack_ms: int) -> bool:
    late_ms = actual.bar_ms - expected.bar_ms
    return actual.side == expected.side and 0 <= late_ms <= slack_ms


def _pair(expected: Trade, actual: Trade) -> Pair:
    """Executions of the same leg in the same bar; of entries, and of one leg alone, in any bar."""
    left = _whole(actual)
    matches: list[Match] = []
    missing = list(expected.executions)
    for is_same in (_same_bar, _same_leg):
        waiting, missing = missing, []
        for one in waiting:
            partner = next((other for other in left if is_same(one, other)), None)
            if partner is None:
                missing.append(one)
            else:
                left.remove(partner)
                matches.append(Match(one, partner))
    matches.sort(key=lambda match: match.expected.time_ms)
    return Pair(expected, actual, tuple(matches), tuple(missing), tuple(left))


def _whole(trade: Trade) -> list[Execution]:
    """What one order executed in several bars, as one in the first of them; the entry likewise, however many
    orders it took.
    """
    found: list[Execution] = []
    for one in trade.executions:
        rest = (at for at, other in enumerate(found) if _is_rest(other, one, one.side == trade.side))
        place = next(rest, None)
        if place is None:
            found.append(one)
        else:
            found[place] = joined(found[place], one)
    return found


def _is_rest(one: Execution, then: Execution, is_opening: bool) -> bool:
    same = one.leg == then.leg and one.side == then.side and one.own == then.own
    return same and (is_opening or (one.order == then.order and bool(one.order)))


def _same_bar(one: Execution, other: Execution) -> bool:
    return one.bar_ms == other.bar_ms and _same_leg(one, other)


def _same_leg(one: Execution, other: Execution) -> bool:
    return one.leg == other.leg and one.side == other.side and other.own
