"""What a run's journal tells of its troubles: the reasons that a verdict accepts."""

from dataclasses import replace
from decimal import Decimal

from runner.domain.bar import Bar, Row
from runner.domain.entry import Entry, Event
from runner.domain.order_event import Answered, OrderUpdated
from runner.domain.position import initial_state
from runner.domain.session_event import CHECKPOINT, BarClosed, StateSet
from runner.domain.time import parse_time
from runner.domain.venue import Kind, Status, VenueOrder
from runner.rehearsal.story import Story
from runner.report.deviation import LATE_MS

CLOSE_MS = parse_time("2024-03-01T04:00Z")
BAR = Bar(CLOSE_MS - 900_000, CLOSE_MS, 60.0, 61.0, 59.0, 60.5, 12.0, 60.0, 61.0, 59.0, 60.5)
NONE, TWO = Decimal(0), Decimal(2)
ROW = Row(0, 0, 0.0, 0.0, 0.0, (0.0,) * 6)  # type: ignore[arg-type]


def story_of(*lines: tuple[int, Event]) -> Story:
    return Story([Entry("r", CLOSE_MS + after_ms, event, bar_ms=CLOSE_MS) for after_ms, event in lines])


def read(after_ms: int) -> tuple[int, Event]:
    return after_ms, BarClosed(BAR, ROW, "rest", CLOSE_MS + after_ms)


def test_a_bar_that_was_read_late_is_a_trouble_from_the_ledgers_late_on() -> None:
    assert story_of(read(LATE_MS)).troubles == []
    late = story_of(read(LATE_MS + 1_000))
    assert late.between(CLOSE_MS, CLOSE_MS + 60_000) == "04:00 the bar was read 6 s after its close"
    assert late.between(CLOSE_MS - 60_000, CLOSE_MS) == ""


def test_a_recorded_backtest_has_no_late_bars() -> None:
    assert story_of((0, BarClosed(BAR, ROW))).troubles == []


def test_ordinary_business_is_no_trouble() -> None:
    ordinary = StateSet(initial_state(10_000.0), CHECKPOINT)
    ended = Answered("cancel", "rejected", -2011, "Unknown order sent.")
    assert story_of((0, Answered("place", "acked")), (1, ordinary), (2, ended)).troubles == []


def test_an_exit_that_expires_is_a_trouble_but_for_a_target_whose_position_has_gone() -> None:
    order = VenueOrder(
        "a-b-t0.1", "7", "BTCUSDT", Kind.LIMIT, -1, TWO, NONE, Status.EXPIRED, reduce_only=True
    )
    stop = replace(order, client_id="a-b-s1", kind=Kind.STOP_MARKET)
    story = story_of((0, OrderUpdated(order, "stream")), (1, OrderUpdated(stop, "stream")))
    assert [one.words for one in story.troubles] == ["a-b-s1 expired: 0 of 2 filled"]


def test_a_dropped_entry_is_found_by_the_close_it_was_decided_at_however_late() -> None:
    dropped = StateSet(initial_state(10_000.0), "entry dropped: too late")
    story = story_of((3_600_000, dropped))
    assert story.dropped(CLOSE_MS, CLOSE_MS) == "05:00 entry dropped: too late"
    assert story.dropped(CLOSE_MS + 1, CLOSE_MS + 2) == ""
