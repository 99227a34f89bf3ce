"""A pull fills the store with what is lacking: from the archive what it has, through REST the rest."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from archive_server import Archive, serving
from data_files import BTC, candles, same, settlements, tree_digest
from rest_rows import RestRows

from runner.data.archive import open_archive
from runner.data.layout import SeriesKey, read_index, series_key
from runner.data.part import Columns
from runner.data.pull import Order, Pulled, lacking_ms, pull
from runner.data.store import read_rows, write_rows, writer_lock
from runner.domain.facts import PERPETUAL, SPOT, Gap
from runner.domain.time import DAY_MS, HOUR_MS, MINUTE_MS, parse_time
from runner.errors import DataConflict, DataDamaged, ExchangeUnreachable, StoreBusy, UsageError

STEP = 5 * MINUTE_MS
KEY = series_key(BTC, "last", STEP)
MARK = series_key(BTC, "mark", STEP)
FUNDING = series_key(BTC, "funding")
BEGIN = parse_time("2024-01-10")  # the exchange's first bar
NOW = parse_time("2024-04-03T10:07Z")
END = parse_time("2024-04-03T10:05Z")
FILES = {f"BTCUSDT-5m-2024-{period}.zip" for period in ("01", "02", "03", "04-01")}
PUBLISHED = parse_time("2024-04-02")  # the archive's newest file


def bars(missing: tuple[int, ...] = ()) -> Columns:
    return candles(
        (END - BEGIN) // STEP + 1, start=BEGIN, step=STEP, missing=missing
    )  # the last one still runs


def market(rows: Columns | None = None) -> dict[SeriesKey, Columns]:
    found = bars() if rows is None else rows
    funding = settlements(84 * 3 + 2, start=BEGIN)
    return {KEY: found, MARK: (found[0], found[1][:4]), FUNDING: funding}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "candles"


@pytest.fixture
def archive() -> Iterator[Archive]:
    with serving(Archive(market(), PUBLISHED)) as served:
        yield served


@pytest.fixture
def rest() -> RestRows:
    return RestRows(market(), NOW)


def run(
    root: Path,
    rest: RestRows,
    archive: Archive | None,
    begin: int = BEGIN,
    stop: int | None = None,
    *,
    keys: tuple[SeriesKey, ...] = (KEY,),
    refresh: bool = False,
    progress: list[tuple[int, int]] | None = None,
) -> Pulled:
    told = progress if progress is not None else []

    async def go() -> Pulled:
        order = Order(keys, begin, stop, refresh)
        if archive is None:
            return await pull(root, order, rest, None, now_ms=NOW)
        async with open_archive(archive.url) as opened:
            return await pull(
                root, order, rest, opened, now_ms=NOW, progress=lambda done, total: told.append((done, total))
            )

    return asyncio.run(go())


def cut(columns: Columns, start: int, stop: int) -> Columns:
    first, last = np.searchsorted(columns[0], (start, stop))
    return columns[0][first:last], tuple(column[first:last] for column in columns[1])


def test_months_days_and_the_rest_come_from_where_they_are(
    root: Path, archive: Archive, rest: RestRows
) -> None:
    pulled = run(root, rest, archive)
    assert same(read_rows(root, KEY), cut(bars(), BEGIN, END))  # the running bar is not there
    fetched = archive.fetched()
    assert set(fetched) == FILES
    assert [(one.from_ms, one.stop_ms) for one in rest.asked] == [(parse_time("2024-04-02"), END)]
    (one,) = pulled.series
    assert one.written == (len(bars()[0]) - 1, 0, 0)
    assert (one.rows, one.files, one.gaps, one.revisions) == (len(bars()[0]) - 1, 4, (), ())
    assert one.to_ms == END
    assert pulled.traffic.requests == 2 * 4 + 1 + rest.calls  # 2024-04-02 is not there
    assert pulled.traffic.latency_ms(0.5) is not None


def test_all_three_kinds_are_pulled_and_read_back(root: Path, archive: Archive, rest: RestRows) -> None:
    told: list[tuple[int, int]] = []
    pulled = run(root, rest, archive, keys=(KEY, MARK, FUNDING), progress=told)
    assert same(read_rows(root, MARK), (bars()[0][:-1], tuple(column[:-1] for column in bars()[1][:4])))
    assert same(read_rows(root, FUNDING), settlements(84 * 3 + 2, start=BEGIN))
    assert [one.key for one in pulled.series] == [KEY, MARK, FUNDING]
    assert told[-1][0] == told[-1][1]
    assert sorted(told) == told


def test_funding_of_years_comes_from_the_archive_with_its_late_milliseconds_off(root: Path) -> None:
    start, count = parse_time("2021-01-01"), 3566  # up to now
    times, (funding_rate,) = settlements(count, start=start)
    rows: dict[SeriesKey, Columns] = {FUNDING: (times, (funding_rate / 100,))}
    rest = RestRows(rows, NOW)
    with serving(Archive(rows, PUBLISHED)) as archive:
        run(root, rest, archive, start, keys=(FUNDING,))
        assert same(read_rows(root, FUNDING), rows[FUNDING])
        assert "BTCUSDT-fundingRate-2021-01.zip" in archive.fetched()
    assert all(one.from_ms >= parse_time("2024-03-01") for one in rest.asked)


def test_nothing_lacking_asks_nobody(root: Path, archive: Archive, rest: RestRows) -> None:
    stop = parse_time("2024-03-01")
    run(root, rest, archive, stop=stop, keys=(KEY, MARK, FUNDING))
    before, asked = tree_digest(root), len(archive.asked)
    calls, rest.calls = rest.calls, 0
    assert calls > 0
    (KEY.folder(root) / ".2024-02-0123456789abcdef.parquet.tmp").write_bytes(b"what a killed pull left")
    again = run(root, rest, archive, stop=stop, keys=(KEY, MARK, FUNDING))
    assert (rest.calls, len(archive.asked)) == (0, asked)
    assert again.series[0].written == (0, 0, 0)
    assert tree_digest(root) == before
    assert lacking_ms(root, KEY, BEGIN, stop, NOW) == 0
    assert lacking_ms(root, KEY, BEGIN, stop + DAY_MS, NOW) == DAY_MS


def test_a_later_pull_asks_only_for_what_is_new(root: Path, archive: Archive, rest: RestRows) -> None:
    run(root, rest, archive, stop=parse_time("2024-03-20"))
    archive.asked.clear()
    run(root, rest, archive)
    assert set(archive.fetched()) == {"BTCUSDT-5m-2024-03.zip", "BTCUSDT-5m-2024-04-01.zip"}
    assert same(read_rows(root, KEY), cut(bars(), BEGIN, END))


def test_a_month_without_a_file_comes_by_days_and_a_day_without_through_rest(
    root: Path, archive: Archive, rest: RestRows
) -> None:
    folder = "data/futures/um/{}/klines/BTCUSDT/5m/BTCUSDT-5m-{}.zip"
    archive.unpublished = {folder.format("monthly", "2024-02"), folder.format("daily", "2024-02-11")}
    pulled = run(root, rest, archive)
    assert same(read_rows(root, KEY), cut(bars(), BEGIN, END))
    assert "BTCUSDT-5m-2024-02-29.zip" in archive.fetched()
    assert pulled.series[0].files == 3 + 28
    assert [one.from_ms for one in rest.asked] == [parse_time("2024-02-11"), parse_time("2024-04-02")]


def test_the_time_before_the_first_bar_costs_one_question_once(
    root: Path, archive: Archive, rest: RestRows
) -> None:
    pulled = run(root, rest, archive, parse_time("2019-01-01"))
    assert pulled.series[0].begins_ms == BEGIN
    assert pulled.series[0].gaps == ()
    assert set(archive.fetched()) == FILES
    assert lacking_ms(root, KEY, parse_time("2019-01-01"), parse_time("2024-03-01"), NOW) == 0


def test_a_gap_is_asked_again_once_told_and_then_left_alone(root: Path) -> None:
    gap = tuple(range(5000, 5040))
    rest = RestRows(market(bars(gap)), NOW)
    told = (Gap(BEGIN + 5000 * STEP, 40),)
    with serving(Archive(market(bars(gap)), PUBLISHED)) as archive:
        assert run(root, rest, archive).series[0].gaps == told
        span = (BEGIN + 5000 * STEP, BEGIN + 5040 * STEP)
        assert sum((one.from_ms, one.stop_ms) == span for one in rest.asked) == 1
        rest.asked.clear()
        assert run(root, rest, archive).series[0].gaps == told
        assert rest.asked == []  # of the last two days nothing lacks
        run(root, rest, archive, refresh=True)
        assert next(one.from_ms for one in rest.asked) == span[0]  # a refresh asks for it again


def test_a_gap_that_only_rest_was_asked_for_is_asked_twice(root: Path) -> None:
    gap = tuple(range(5000, 5040))
    rest = RestRows(market(bars(gap)), NOW)
    assert run(root, rest, None).series[0].gaps == (Gap(BEGIN + 5000 * STEP, 40),)
    assert [(one.stop_ms - one.from_ms) // STEP for one in rest.asked] == [(END - BEGIN) // STEP, 40]


def test_what_the_archive_lacks_and_rest_has_is_no_gap(root: Path, rest: RestRows) -> None:
    with serving(Archive(market(bars(tuple(range(7000, 7288)))), PUBLISHED)) as archive:
        assert run(root, rest, archive).series[0].gaps == ()
    assert same(read_rows(root, KEY), cut(bars(), BEGIN, END))


def test_a_young_gap_is_asked_for_at_every_pull(root: Path, archive: Archive) -> None:
    rows = bars()
    gap = tuple(range(len(rows[0]) - 20, len(rows[0]) - 10))
    rest = RestRows(market(bars(gap)), NOW)
    assert run(root, rest, archive).series[0].gaps[-1].bars == 10
    full = RestRows(market(), NOW)
    assert run(root, full, archive).series[0].gaps == ()
    assert len(full.asked) == 1


def test_a_revised_bar_is_told_and_taken_only_by_a_refresh(
    root: Path, archive: Archive, rest: RestRows
) -> None:
    old = cut(bars(), parse_time("2024-02-05"), parse_time("2024-02-06"))
    old[1][4][7] += 1.5
    write_rows(root, KEY, old, venue=PERPETUAL)
    told = run(root, rest, archive, stop=parse_time("2024-03-01"))
    (revision,) = told.series[0].revisions
    assert told.series[0].written.replaced == 1
    assert revision.text.startswith("2024-02-05 00:35: volume ")
    assert read_rows(root, KEY, revision.time_ms, revision.time_ms + 1)[1][4][0] == old[1][4][7]
    fresh = run(root, rest, archive, stop=parse_time("2024-03-01"), refresh=True)
    assert fresh.series[0].written.replaced == 1
    assert same(read_rows(root, KEY), cut(bars(), BEGIN, parse_time("2024-03-01")))


def test_a_broken_file_is_named_at_the_end_when_all_else_is_stored(
    root: Path, archive: Archive, rest: RestRows
) -> None:
    archive.fail("2024-02", "checksum", "checksum")
    with pytest.raises(DataDamaged, match=r"5m-2024-02\.zip: its SHA-256 .*; fetched twice"):
        run(root, rest, archive)
    february = parse_time("2024-02-01"), parse_time("2024-03-01")
    assert len(read_rows(root, KEY, *february)[0]) == 0
    assert len(read_rows(root, KEY)[0]) == len(bars()[0]) - 1 - 29 * 288
    assert lacking_ms(root, KEY, BEGIN, february[1], NOW) == 29 * DAY_MS
    archive.asked.clear()
    run(root, rest, archive)
    assert archive.fetched() == ["BTCUSDT-5m-2024-02.zip"]
    assert same(read_rows(root, KEY), cut(bars(), BEGIN, END))


def test_when_the_exchange_goes_away_what_came_is_kept(root: Path, archive: Archive, rest: RestRows) -> None:
    rest.pages_left = 0
    with pytest.raises(ExchangeUnreachable):
        run(root, rest, archive)
    assert len(read_rows(root, KEY)[0]) == len(cut(bars(), BEGIN, parse_time("2024-04-02"))[0])
    rest.pages_left, rest.page_rows = 1, 300
    with pytest.raises(ExchangeUnreachable):
        run(root, rest, archive)
    assert read_rows(root, KEY)[0][-1] == parse_time("2024-04-02") + 299 * STEP
    rest.pages_left = 100
    run(root, rest, archive)
    assert same(read_rows(root, KEY), cut(bars(), BEGIN, END))


def test_a_cancelled_pull_keeps_every_whole_page(root: Path, rest: RestRows) -> None:
    async def go() -> None:
        task = asyncio.create_task(pull(root, Order((KEY,), BEGIN), rest, None, now_ms=NOW))
        seen = RestRows.pages

        async def slow(self: RestRows, wanted: object) -> object:
            async for page in seen(self, wanted):  # type: ignore[arg-type]
                yield page
                if self.calls > 5:
                    task.cancel()
                await asyncio.sleep(0)

        rest.pages = slow.__get__(rest)  # type: ignore[method-assign]
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    stored = read_rows(root, KEY)
    assert same(stored, cut(bars(), BEGIN, BEGIN + len(stored[0]) * STEP))
    assert len(stored[0]) >= 4000
    with writer_lock(root):
        pass  # free again


def test_a_second_pull_at_once_is_told_who_writes(root: Path, archive: Archive, rest: RestRows) -> None:
    with writer_lock(root), pytest.raises(StoreBusy, match=f"process {os.getpid()}"):
        run(root, rest, archive)
    assert archive.asked == []


def test_spot_candles_are_never_mixed_with_the_perpetuals(
    root: Path, archive: Archive, rest: RestRows
) -> None:
    write_rows(root, KEY, cut(bars(), BEGIN, BEGIN + DAY_MS), venue=SPOT)
    with pytest.raises(DataConflict, match="runner data remove BTC/USDT:USDT"):
        run(root, rest, archive)
    assert rest.calls == 0


@pytest.mark.parametrize(("begin", "stop"), [(NOW + 1, None), (BEGIN, BEGIN), (0, None)])
def test_an_order_of_no_time_is_a_usage_error(
    root: Path, archive: Archive, rest: RestRows, begin: int, stop: int | None
) -> None:
    with pytest.raises(UsageError, match="--from must lie before"):
        run(root, rest, archive, begin, stop)


def test_a_range_without_a_closed_bar_is_nothing(root: Path, archive: Archive, rest: RestRows) -> None:
    pulled = run(root, rest, archive, END)
    assert (pulled.series[0].rows, rest.calls, read_index(root, KEY)) == (0, 0, None)


def test_bad_rows_from_rest_are_refused_with_their_fault(root: Path) -> None:
    rows = bars()
    rows[1][1][300] = 1.0
    with pytest.raises(DataDamaged, match=r"BTCUSDT 5m: row 301 .*high 1.0 is below"):
        run(root, RestRows(market(rows), NOW), None)


def test_hours_that_do_not_fill_a_day_come_through_rest(root: Path) -> None:
    step = MINUTE_MS
    key = series_key(BTC, "last", step)
    start, stop = parse_time("2024-03-30"), parse_time("2024-04-01")
    rows = {key: candles((stop - start) // step, start=start, step=step)}
    rest = RestRows(rows, NOW)
    with serving(Archive(rows, PUBLISHED)) as archive:
        run(root, rest, archive, start + 18 * HOUR_MS, stop, keys=(key,))
        assert archive.fetched() == ["BTCUSDT-1m-2024-03-31.zip"]
    assert [(one.stop_ms - one.from_ms) // HOUR_MS for one in rest.asked] == [6]
