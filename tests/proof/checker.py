"""The black-box judge: 28 invariants over two histories, the exchange's own log and the journal.

In: `Histories`. Out: what is violated, in words, by invariant.
Refuses to know: how the bot works; nothing of runner.live or runner.core is imported. A request of unknown
fate may have executed or not; what the exchange's log says is what happened.

What two histories of one run cannot show is judged elsewhere; `ELSEWHERE` names the test.
"""

from collections.abc import Callable

from tests.proof.histories import Found, Histories
from tests.proof.judges_books import (
    inv_3,
    inv_6,
    inv_9,
    inv_10,
    inv_11,
    inv_12,
    inv_16,
    inv_17,
    inv_19,
    inv_20,
    inv_21,
    inv_25,
    inv_28,
)
from tests.proof.judges_order import inv_4, inv_5, inv_13, inv_27
from tests.proof.judges_wire import inv_1, inv_2, inv_7, inv_8, inv_14, inv_15, inv_18, inv_26

ELSEWHERE: dict[str, str] = {
    "INV-12": "tests/backtest/test_parity.py and the rehearsal's verdict: same bars, same decisions",
    "INV-17": "tests/journal/test_journal_lease.py: two real processes; here only that epochs rise",
    "INV-20": "tests/bot/test_bot_fuzz.py; here only that every intent names the text it comes from",
    "INV-22": "tests/test_canary.py, tests/logs/test_logs.py, tests/proof/test_matrix.py: canaries",
    "INV-23": "hooks are no part of this version: there is nothing to run",
    "INV-24": "tests/notify/test_notify_courier.py, test_notify_crash.py: sinks that hang, fail, and die",
}


def check(h: Histories) -> list[str]:
    """Every violation, each with its invariant's name first."""
    return [f"{name}: {words}" for name, judge in INVARIANTS.items() for words in judge(h)]


INVARIANTS: dict[str, Callable[[Histories], Found]] = {
    "INV-1": inv_1,
    "INV-2": inv_2,
    "INV-3": inv_3,
    "INV-4": inv_4,
    "INV-5": inv_5,
    "INV-6": inv_6,
    "INV-7": inv_7,
    "INV-8": inv_8,
    "INV-9": inv_9,
    "INV-10": inv_10,
    "INV-12": inv_12,
    "INV-13": inv_13,
    "INV-14": inv_14,
    "INV-15": inv_15,
    "INV-16": inv_16,
    "INV-17": inv_17,
    "INV-18": inv_18,
    "INV-19": inv_19,
    "INV-20": inv_20,
    "INV-21": inv_21,
    "INV-25": inv_25,
    "INV-26": inv_26,
    "INV-27": inv_27,
    "INV-28": inv_28,
}

__all__ = ["ELSEWHERE", "INVARIANTS", "check", "inv_11"]
