"""The archive as it really behaves: late, busy, broken; each fault is met, and named when it stays."""

import asyncio
import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
from archive_server import Archive, Fault, serving, zipped
from data_files import BTC, candles, same, settlements

from runner.data.archive import TRIES_MAX, open_archive
from runner.data.archive_file import ArchiveFile, day_file, month_file, read_zip
from runner.data.layout import series_key
from runner.data.part import Columns
from runner.domain.source import Traffic
from runner.domain.time import DAY_MS, MINUTE_MS, parse_time
from runner.errors import DataDamaged, ExchangeRefused, ExchangeUnreachable, RunnerError

STEP = 15 * MINUTE_MS
KEY = series_key(BTC, "last", STEP)
MARK = series_key(BTC, "mark", STEP)
FUNDING = series_key(BTC, "funding")
START = parse_time("2022-05-01")  # the last month without a header line
ROWS = candles(61 * 96, start=START, step=STEP)
NINE: list[Fault] = ["500"] * 9
MAY, JUNE = month_file(KEY, START), month_file(KEY, START + 40 * DAY_MS)


def cut(columns: Columns, file: ArchiveFile) -> Columns:
    first, last = np.searchsorted(columns[0], file.span)
    return columns[0][first:last], tuple(column[first:last] for column in columns[1])


@pytest.fixture
def archive() -> Iterator[Archive]:
    market = {KEY: ROWS, MARK: (ROWS[0], ROWS[1][:4]), FUNDING: settlements(180, start=START)}
    with serving(Archive(market)) as served:
        yield served


class Waiting:
    """A clock that moves only when somebody waits, besides a little at every look."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.waits: list[float] = []

    def clock_s(self) -> float:
        self.now_s += 0.001
        return self.now_s

    async def sleep(self, wait_s: float) -> None:
        self.waits.append(round(wait_s, 1))
        self.now_s += wait_s


def fetch(
    archive: Archive, *files: ArchiveFile, stall_s: float = 10.0
) -> tuple[list[Columns | None], Waiting, Traffic]:
    waiting = Waiting()

    async def go() -> tuple[list[Columns | None], Traffic]:
        async with open_archive(
            archive.url + "/", sleep=waiting.sleep, clock_s=waiting.clock_s, stall_s=stall_s
        ) as opened:
            rows = await asyncio.gather(*(opened.rows(file) for file in files))
            return list(rows), opened.traffic

    rows, traffic = asyncio.run(go())
    return rows, waiting, traffic


def test_files_lie_where_binance_puts_them() -> None:
    start = parse_time("2023-12-31")
    assert month_file(KEY, start).path == "data/futures/um/monthly/klines/BTCUSDT/15m/BTCUSDT-15m-2023-12.zip"
    assert (
        day_file(MARK, start + 5).path
        == "data/futures/um/daily/markPriceKlines/BTCUSDT/15m/BTCUSDT-15m-2023-12-31.zip"
    )
    assert (
        month_file(FUNDING, start).path
        == "data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2023-12.zip"
    )
    assert month_file(KEY, start).span == (parse_time("2023-12-01"), parse_time("2024-01-01"))


def test_months_with_and_without_a_header_line_read_alike(archive: Archive) -> None:
    rows, _, traffic = fetch(archive, MAY, JUNE)
    assert [same(found, cut(ROWS, file)) for found, file in zip(rows, (MAY, JUNE), strict=True) if found] == [
        True,
        True,
    ]
    assert (traffic.requests, traffic.retries, len(traffic.latencies_ms)) == (4, 0, 4)


def test_microseconds_read_as_what_they_are(archive: Archive) -> None:
    archive.microseconds = True
    (rows,), _, _ = fetch(archive, JUNE)
    assert rows is not None
    assert same(rows, cut(ROWS, JUNE))


def test_mark_prices_and_funding_are_read_without_what_the_store_does_not_keep(archive: Archive) -> None:
    mark, funding = month_file(MARK, START), month_file(FUNDING, START)
    rows, _, _ = fetch(archive, mark, funding, day_file(MARK, START))
    assert rows[0] is not None
    assert same(rows[0], (cut(ROWS, mark)[0], cut(ROWS, mark)[1][:4]))
    assert rows[1] is not None
    assert same(rows[1], cut(settlements(180, start=START), funding))
    assert rows[2] is not None
    assert len(rows[2][0]) == 96


def test_what_is_not_there_is_none_and_not_asked_twice(archive: Archive) -> None:
    archive.unpublished.add(MAY.path)
    rows, waiting, traffic = fetch(archive, MAY, day_file(KEY, START - DAY_MS))
    assert (rows, waiting.waits, traffic.retries) == ([None, None], [], 0)


@pytest.mark.parametrize("fault", ["truncated", "checksum", "text", "rows"])
def test_a_broken_file_is_fetched_once_more_and_is_then_whole(archive: Archive, fault: Fault) -> None:
    archive.fail("2022-05", fault)
    (rows,), _, traffic = fetch(archive, MAY)
    assert rows is not None
    assert same(rows, cut(ROWS, MAY))
    assert traffic.retries == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("truncated", "its SHA-256 is not the one in its CHECKSUM file"),
        ("checksum", "its SHA-256 is not the one in its CHECKSUM file"),
        ("text", "its CSV cannot be read"),
        ("rows", "it comes after .*: rows are not sorted"),
    ],
)
def test_a_file_that_stays_broken_is_named_with_its_fault(archive: Archive, fault: Fault, words: str) -> None:
    archive.fail("2022-05", fault, fault)
    with pytest.raises(DataDamaged, match=rf"BTCUSDT-15m-2022-05\.zip: .*{words}.*; fetched twice"):
        fetch(archive, MAY)
    assert len(archive.fetched()) == 2


@pytest.mark.parametrize("fault", ["500", "stall", "reset"])
def test_a_stumbling_server_is_asked_again_after_growing_waits(archive: Archive, fault: Fault) -> None:
    archive.fail("2022-05", fault, fault, fault)
    (rows,), waiting, traffic = fetch(archive, MAY, stall_s=0.7 if fault == "stall" else 10.0)
    assert rows is not None
    assert same(rows, cut(ROWS, MAY))
    assert waiting.waits == [0.5, 1.0, 2.0]
    assert (traffic.requests, traffic.retries) == (5, 3)


def test_a_server_that_never_recovers_is_given_up_with_its_name(archive: Archive) -> None:
    archive.fail("2022-05", *NINE)
    with pytest.raises(ExchangeUnreachable, match=f"2022-05.zip: HTTP 500 in {TRIES_MAX} tries"):
        fetch(archive, MAY)
    assert len(archive.fetched()) == TRIES_MAX


def test_nobody_there_is_said_so() -> None:
    archive = Archive({}, url="http://127.0.0.1:9")
    with pytest.raises(ExchangeUnreachable, match=r"127.0.0.1:9/.*goes on from there"):
        fetch(archive, MAY)


def test_a_busy_server_is_left_alone_for_as_long_as_it_says(archive: Archive) -> None:
    archive.fail("2022-05", "429")
    rows, waiting, traffic = fetch(archive, MAY)
    assert rows[0] is not None
    assert waiting.waits == [1.0]
    assert traffic.retries == 1


@pytest.mark.parametrize("fault", ["418", "429 far"])
def test_a_long_ban_ends_the_pull_and_says_how_long(archive: Archive, fault: Fault) -> None:
    archive.fail("2022-05", fault)
    with pytest.raises(ExchangeUnreachable, match="come back in 120 minutes"):
        fetch(archive, MAY)


def test_a_refusal_is_not_repeated(archive: Archive) -> None:
    archive.fail("2022-05", "403")
    with pytest.raises(ExchangeRefused, match="HTTP 403"):
        fetch(archive, MAY)
    assert len(archive.fetched()) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no zip at all", "not a whole zip file"),
        (zipped("a/b.zip", "1,2"), "its CSV cannot be read"),
        (zipped("a/b.zip", ""), "its CSV is empty"),
        (zipped("a/b.zip", "open_time,open,high\n1,2,3\n"), "its CSV has no column low"),
        (zipped("a/b.zip", f"{START},1,1,1,,5,0,0,0,0,0,0\n"), "empty cells in close"),
        (
            zipped("a/b.zip", f"{START - DAY_MS},1,1,1,1,5,0,0,0,0,0,0\n"),
            "a row of 2022-04-30 00:00 in the file",
        ),
        (zipped("a/b.zip", "17,1,1,1,1,5,0,0,0,0,0,0\n"), "17 is no time"),
    ],
)
def test_strange_contents_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_zip(MAY, content)


def test_a_file_of_a_header_alone_has_no_rows() -> None:
    head = "open_time,open,high,low,close,volume,close_time,quote_volume,count,a,b,ignore\n"
    assert len(read_zip(MAY, zipped("a/b.zip", head))[0]) == 0


def test_every_fault_is_one_that_the_command_line_can_print(archive: Archive) -> None:
    archive.fail("2022-05", "checksum", "checksum")
    with pytest.raises(RunnerError) as caught:
        fetch(archive, MAY)
    assert caught.value.exit_code == 4
    assert archive.url in str(caught.value)
    assert hashlib.sha256(b"").hexdigest() not in str(caught.value)
