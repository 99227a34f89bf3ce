"""Sets of spans, and the plan of a pull: pure, so many cases are cheap."""

from itertools import pairwise

import numpy as np
from data_files import BTC
from hypothesis import given
from hypothesis import strategies as st

from runner.data.layout import SeriesKey, series_key
from runner.data.pull_plan import REST_ROWS, SETTLING_MS, build_plan, closed_span, step_ms
from runner.data.spans import Span, Spans, common, joined, row_spans, total_ms, without
from runner.domain.time import DAY_MS, HOUR_MS, MINUTE_MS, parse_time

edges = st.integers(0, 40)
sets = st.lists(st.tuples(edges, edges), max_size=8).map(lambda pairs: joined(Span(*pair) for pair in pairs))

MINUTES = series_key(BTC, "last", MINUTE_MS)
FUNDING = series_key(BTC, "funding")
CLOCK = parse_time("2024-04-03T10:07Z")


def instants(spans: Spans) -> set[int]:
    return {at for span in spans for at in range(*span)}


@given(sets, sets)
def test_sets_of_spans_are_sets_of_instants(left: Spans, right: Spans) -> None:
    assert instants(joined(left + right)) == instants(left) | instants(right)
    assert instants(common(left, right)) == instants(left) & instants(right)
    assert instants(without(left, right)) == instants(left) - instants(right)
    assert total_ms(left) == len(instants(left))
    for spans in (joined(left + right), joined(common(left, right)), joined(without(left, right))):
        assert all(one.stop_ms < other.from_ms for one, other in pairwise(spans))


@given(st.sets(st.integers(0, 60)))
def test_rows_cover_their_own_length(rows: set[int]) -> None:
    times = np.array(sorted(rows), dtype=np.int64) * 5
    assert instants(row_spans(times, 5)) == {at for row in rows for at in range(row * 5, row * 5 + 5)}


def test_only_closed_bars_are_wanted() -> None:
    hours = series_key(BTC, "last", HOUR_MS)
    sharp = parse_time("2024-04-03T10:00Z")
    start = parse_time("2024-04-03T01:20Z")
    assert closed_span(hours, start, None, sharp + SETTLING_MS) == (parse_time("2024-04-03T02:00Z"), sharp)
    assert closed_span(hours, start, None, sharp + SETTLING_MS - 1).stop_ms == sharp - HOUR_MS
    assert closed_span(hours, start, sharp - 5 * HOUR_MS + 1, CLOCK).stop_ms == sharp - 4 * HOUR_MS
    assert closed_span(FUNDING, start, None, sharp + SETTLING_MS).stop_ms == sharp + HOUR_MS
    empty = closed_span(hours, CLOCK, None, CLOCK)
    assert empty.from_ms == empty.stop_ms


def test_long_spans_come_by_months_and_days_short_ones_through_rest() -> None:
    long = Span(parse_time("2023-12-05"), parse_time("2024-04-03T09:00Z"))
    short = Span(parse_time("2023-11-02T10:00Z"), parse_time("2023-11-02T20:00Z"))
    plan = build_plan(MINUTES, (short, long), CLOCK)
    assert [file.period for file in plan.files] == [
        *("2023-12", "2024-01", "2024-02", "2024-03", "2024-04-01", "2024-04-02")
    ]
    assert plan.rest == (short, Span(parse_time("2024-04-03"), long.stop_ms))


def test_a_few_days_are_not_worth_a_month() -> None:
    week = Span(parse_time("2024-02-20T12:00Z"), parse_time("2024-02-27"))
    plan = build_plan(MINUTES, (week,), CLOCK)
    assert [file.period for file in plan.files] == [f"2024-02-{day}" for day in range(21, 27)]
    assert plan.rest == (Span(week.from_ms, parse_time("2024-02-21")),)


def test_funding_has_files_of_months_only() -> None:
    year = Span(parse_time("2023-04-10"), parse_time("2024-04-03T09:00Z"))
    plan = build_plan(FUNDING, (year,), CLOCK)
    assert [file.period for file in plan.files][::11] == ["2023-04", "2024-03"]
    assert plan.rest == (Span(parse_time("2024-04-01"), year.stop_ms),)


moments = st.integers(0, 400 * 24).map(lambda hours: parse_time("2023-03-01") + hours * HOUR_MS)
keys = st.sampled_from([MINUTES, FUNDING, series_key(BTC, "mark", HOUR_MS), series_key(BTC, "last", DAY_MS)])


@given(keys, st.lists(st.tuples(moments, moments), max_size=5))
def test_files_and_rest_cover_all_that_lacks_and_no_file_is_from_the_future(
    key: SeriesKey, pairs: list[tuple[int, int]]
) -> None:
    lacking = common(joined(Span(*pair) for pair in pairs), (Span(0, CLOCK),))
    plan = build_plan(key, lacking, CLOCK)
    covered = joined([*(file.span for file in plan.files), *plan.rest])
    assert without(lacking, covered) == ()
    assert without(plan.rest, lacking) == ()
    assert all(file.span.stop_ms <= CLOCK for file in plan.files)
    assert sorted(set(plan.files)) == list(plan.files)
    assert all(common(lacking, (file.span,)) for file in plan.files)
    if total_ms(lacking) <= REST_ROWS * step_ms(key):
        assert plan.files == ()
