"""Which entries somebody hears of, in which words, and how often."""

from decimal import Decimal

import pytest

from runner.domain.entry import Entry, Event
from runner.domain.order import ENTRY, LEG_ENTRY, LIQUIDATION, STOP_LOSS, Fill
from runner.domain.order_event import Answered, Filled, Protected
from runner.domain.session_event import (
    Banned,
    Decided,
    Halted,
    LimitTripped,
    Mismatched,
    Resumed,
    RunEnded,
    SessionChanged,
    SessionStarted,
)
from runner.live.alerts import alert_of, unprotected


def said(event: Event, **stamp: str) -> tuple[str, str, str] | None:
    found = alert_of(Entry("run-1", 1_000, event, **stamp), "btc")  # type: ignore[arg-type]
    return found and (found.event, found.severity, found.text)


def fill(reason: int, words: str) -> Filled:
    applied = Fill(LEG_ENTRY, 1, 0.5, 100.0, 0.0, 0.0, reason, 0, False, True, True)
    return Filled("BTCUSDT", 1, Decimal("0.5"), Decimal(100), Decimal(0), False, words, "7", applied=applied)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (fill(ENTRY, "entry"), ("entry", "info", "btc: bought 0.5 BTCUSDT at 100 (entry)")),
        (fill(STOP_LOSS, "stop_loss"), ("exit", "info", "btc: bought 0.5 BTCUSDT at 100 (stop loss)")),
        (
            fill(LIQUIDATION, "liquidation"),
            ("exit", "critical", "btc: bought 0.5 BTCUSDT at 100 (liquidation)"),
        ),
        (SessionStarted("here", 12, 3), ("session", "info", "btc: started on here, process 12")),
        (
            SessionChanged("running", "protect_only", "the newest bar is late"),
            ("health", "warning", "btc: no new risk for now: the newest bar is late"),
        ),
        (
            SessionChanged("protect_only", "running", "x"),
            ("health", "info", "btc: all is well again"),
        ),
        (SessionChanged("starting", "running", "recovered"), None),
        (Halted("no_entries", "why", "ann"), ("session", "warning", "btc: halted (no entries) by ann: why")),
        (
            Halted("no_entries", "why", "runner"),
            ("session", "critical", "btc: halted (no entries) by runner: why"),
        ),
        (Resumed("why", "ann"), ("session", "info", "btc: resumed by ann: why")),
        (RunEnded("stopped", 0), ("session", "info", "btc: ended: stopped (exit code 0)")),
        (RunEnded("halted", 6), ("session", "warning", "btc: ended: halted (exit code 6)")),
        (
            LimitTripped("max_drawdown", "halt", Decimal(1), Decimal(2)),
            ("limit", "warning", "btc: max drawdown: 1 USDT, the limit is 2 USDT (halt)"),
        ),
        (
            Mismatched("BTCUSDT", "differs", "0", "1", "halt"),
            ("error", "critical", "btc: BTCUSDT: differs (ours 0, theirs 1): halt"),
        ),
        (Banned(5, 429), ("error", "warning", "btc: the exchange takes nothing for now (429 )")),
        (Answered("place", "acked"), None),
        (Answered("cancel", "rejected", -2011, "x"), None),
        (Protected("BTCUSDT", False), None),
        (Decided(1, 0), None),
    ],
)
def test_an_entry_is_told_in_words(event: Event, told: tuple[str, str, str] | None) -> None:
    assert said(event) == told


def test_a_rejected_order_is_told_by_its_id() -> None:
    told = said(Answered("place", "rejected", -2019, "Margin is insufficient."), client_id="abc-x1")
    assert told == ("error", "warning", "btc: abc-x1 was rejected (-2019): Margin is insufficient.")


def test_the_same_fill_is_the_same_alert_whenever_it_is_heard() -> None:
    first = alert_of(Entry("run-1", 1_000, fill(ENTRY, "entry")), "btc")
    again = alert_of(Entry("run-1", 2_000, fill(ENTRY, "entry")), "btc")
    assert first is not None
    assert again is not None
    assert first.id == again.id


def test_two_halts_are_two_alerts() -> None:
    halts = [alert_of(Entry("run-1", at, Halted("no_entries", "why", "ann")), "btc") for at in (1, 2)]
    assert len({one.id for one in halts if one}) == 2


def test_a_gap_in_protection_is_one_alert_however_long() -> None:
    assert unprotected("run-1", "btc", 9_000, 1_000).id == unprotected("run-1", "btc", 20_000, 1_000).id
    assert unprotected("run-1", "btc", 9_000, 1_000).text == "btc: the position has had no stop for 8 s"
