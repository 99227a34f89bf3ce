"""Any pulls over any ranges in any order end in the same store, to the byte."""

import asyncio
import os
import tempfile
from pathlib import Path

import numpy as np
from archive_server import Archive, serving
from data_files import BTC, candles, settlements, tree_digest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_rows import RestRows

from runner.data.archive import open_archive
from runner.data.asked import read_asked
from runner.data.layout import SeriesKey, read_index, series_key
from runner.data.pull import Order, pull
from runner.data.spans import Span, joined
from runner.data.store import read_rows
from runner.domain.time import DAY_MS, HOUR_MS, MINUTE_MS, parse_time

STEP = 15 * MINUTE_MS
KEY = series_key(BTC, "last", STEP)
FUNDING = series_key(BTC, "funding")
BEGIN = parse_time("2023-11-20T08:00Z")
NOW = parse_time("2024-02-06T10:07Z")
DAYS = (NOW - BEGIN) // DAY_MS
COUNT = (NOW - BEGIN) // STEP
GAPS = (*range(300, 310), *range(2000, 2400), 5000, *range(COUNT - 40, COUNT - 30))
ROWS = candles(COUNT, start=BEGIN, step=STEP, missing=GAPS)
TIMES, _ = settlements(DAYS * 3 + 1, start=BEGIN, missing=(40, 41))
LATER = TIMES[TIMES > BEGIN + 50 * DAY_MS] - 4 * HOUR_MS
TIMES = np.unique(np.concatenate((TIMES, LATER)))  # after fifty days every 4 hours
MARKET = {KEY: ROWS, FUNDING: (TIMES, (np.arange(1.0, len(TIMES) + 1) / 1e5,))}

hours = st.integers(-20 * 24, (DAYS + 3) * 24)
ranges = st.tuples(hours, hours).filter(lambda pair: pair[0] < pair[1])
kinds = st.sampled_from([(KEY,), (FUNDING,), (KEY, FUNDING)])
orders = st.lists(st.tuples(ranges, kinds, st.sampled_from([False, False, True])), min_size=2, max_size=5)

Pulls = list[tuple[tuple[int, int], tuple[SeriesKey, ...], bool]]  # hours from BEGIN on, what, a refresh?


def run(root: Path, served: Archive | None, pulls: Pulls) -> RestRows:
    rest = RestRows(MARKET, NOW)

    async def go() -> None:
        for (start, stop), keys, refresh in pulls:
            order = Order(keys, BEGIN + start * HOUR_MS, BEGIN + stop * HOUR_MS, refresh)
            if order.from_ms >= NOW:
                continue
            if served is None:
                await pull(root, order, rest, None, now_ms=NOW)
            else:
                async with open_archive(served.url) as archive:
                    await pull(root, order, rest, archive, now_ms=NOW)

    asyncio.run(go())
    return rest


def test_any_pulls_in_any_order_end_in_the_same_store() -> None:
    with serving(Archive(MARKET, parse_time("2024-02-04"))) as served:

        @settings(max_examples=int(os.environ.get("RUNNER_EXAMPLES", "25")), deadline=None)
        @given(orders, st.data())
        def check(pulls: Pulls, data: st.DataObject) -> None:
            other = data.draw(st.permutations(pulls))
            with tempfile.TemporaryDirectory() as folder:
                here, there, rest = (Path(folder) / name / "candles" for name in ("here", "there", "rest"))
                run(here, served, pulls)
                run(there, served, other)
                run(rest, None, pulls)  # and the source makes no difference either
                assert tree_digest(here) == tree_digest(there) == tree_digest(rest)
                _check_rows(here, pulls)
                again = run(here, served, [(span, keys, False) for span, keys, _ in pulls])
                assert all(one.stop_ms > NOW - 3 * DAY_MS for one in again.asked)  # only what is young

        check()


def _check_rows(root: Path, pulls: Pulls) -> None:
    """Exactly the rows of the ordered ranges are stored, and remembered as asked for."""
    for key in (KEY, FUNDING):
        spans = [Span(*(BEGIN + at * HOUR_MS for at in pair)) for pair, keys, _ in pulls if key in keys]
        times = MARKET[key][0]
        wanted = [bool(any(span.from_ms <= time < span.stop_ms for span in spans)) for time in times.tolist()]
        if not any(wanted):
            assert read_index(root, key) is None
            continue
        assert np.array_equal(read_rows(root, key)[0], times[np.array(wanted)])
        old = NOW // DAY_MS * DAY_MS - 2 * DAY_MS
        asked = joined(Span(span.from_ms, min(span.stop_ms, old)) for span in spans)
        assert read_asked(root, key) == asked
