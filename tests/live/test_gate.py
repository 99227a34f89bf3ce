"""The gate fails closed: one test for each thing that it must refuse, and for each thing that it does
not know.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from runner.domain.venue import Kind, Request
from runner.live.gate import INPUT_AGE_MS_MAX, Approved, GateFacts, GateLimits, Refused, judge
from runner.live.states import ALLOWED, MOVES, Purpose, SessionState

LIMITS = GateLimits("BTCUSDT", notional_usdt_max=Decimal(10_000), price_band_ratio=Decimal("0.05"))
FACTS = GateFacts(
    now_ms=1_000_000,
    state=SessionState.RUNNING,
    mark_price=Decimal(100),
    mark_time_ms=1_000_000,
    account_time_ms=1_000_000,
    held=Decimal(0),
    resting_entry=Decimal(0),
    sent_last_minute=0,
    banned_until_ms=0,
    lease_is_held=True,
    anything_unknown=False,
)
ENTRY = Request("id", "BTCUSDT", Kind.MARKET, 1, Decimal(5))
STOP = Request("id", "BTCUSDT", Kind.STOP_MARKET, -1, Decimal(5), trigger_price=Decimal(90), reduce_only=True)
LIMIT = Request("id", "BTCUSDT", Kind.LIMIT, 1, Decimal(5), price=Decimal(94))


def test_an_ordinary_entry_and_its_stop_pass() -> None:
    assert judge(ENTRY, Purpose.ENTER, FACTS, LIMITS) == Approved(ENTRY)
    held = replace(FACTS, held=Decimal(5))
    assert judge(STOP, Purpose.PROTECT, held, LIMITS) == Approved(STOP)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"state": SessionState.PROTECT_ONLY}, "not allowed while protect_only"),
        ({"state": SessionState.HALTED}, "not allowed while halted"),
        ({"lease_is_held": False}, "lease"),
        ({"banned_until_ms": 1_000_001}, "told us to wait"),
        ({"sent_last_minute": 60}, "in the last minute"),
        ({"anything_unknown": True}, "fate is unknown"),
        ({"mark_price": None}, "no fresh mark"),
        ({"mark_price": Decimal(0)}, "no fresh mark"),
        ({"mark_time_ms": 1_000_000 - INPUT_AGE_MS_MAX - 1}, "no fresh mark"),
        ({"held": None}, "no fresh account"),
        ({"account_time_ms": 1_000_000 - INPUT_AGE_MS_MAX - 1}, "no fresh account"),
        ({"held": Decimal(96)}, "more than 10000"),
        ({"resting_entry": Decimal(96)}, "more than 10000"),
    ],
)
def test_an_entry_is_refused(changed: dict[str, object], reason: str) -> None:
    verdict = judge(ENTRY, Purpose.ENTER, replace(FACTS, **changed), LIMITS)  # type: ignore[arg-type]
    assert isinstance(verdict, Refused)
    assert reason in verdict.reason


@pytest.mark.parametrize(
    "request_",
    [
        replace(ENTRY, symbol="ETHUSDT"),
        replace(ENTRY, quantity=Decimal("NaN")),
        replace(ENTRY, quantity=Decimal(0)),
        replace(LIMIT, price=Decimal("Infinity")),
        LIMIT,
    ],
)
def test_a_request_that_makes_no_sense_is_refused(request_: Request) -> None:
    assert isinstance(judge(request_, Purpose.ENTER, FACTS, LIMITS), Refused)


def test_what_does_not_enter_can_only_reduce() -> None:
    held = replace(FACTS, held=Decimal(5))
    assert isinstance(judge(replace(STOP, reduce_only=False), Purpose.PROTECT, held, LIMITS), Refused)


@pytest.mark.parametrize("state", [SessionState.STARTING, SessionState.PROTECT_ONLY, SessionState.HALTED])
def test_protection_passes_in_every_state_that_has_a_position(state: SessionState) -> None:
    facts = replace(
        FACTS, state=state, held=Decimal(5), mark_price=None, anything_unknown=True, sent_last_minute=200
    )
    assert isinstance(judge(STOP, Purpose.PROTECT, facts, LIMITS), Approved)


def test_new_risk_is_allowed_in_one_state_only_and_every_state_has_a_way_on() -> None:
    assert [state for state in SessionState if Purpose.ENTER in ALLOWED[state]] == [SessionState.RUNNING]
    assert all(MOVES[state] for state in SessionState if state is not SessionState.CLOSED)
