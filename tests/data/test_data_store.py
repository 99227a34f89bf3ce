"""The candle store: what goes in comes out, whole, and nothing else does."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from data_files import BTC, REAL, START, candles, needs_real, parquet, put, same, settlements, tree_digest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runner.data.importing import Said, import_file
from runner.data.layout import list_series, read_index, series_key
from runner.data.part import Columns
from runner.data.store import (
    Written,
    read_bars,
    read_funding,
    read_mark,
    read_rows,
    write_rows,
    writer_lock,
)
from runner.domain.facts import PERPETUAL, SPOT
from runner.domain.time import HOUR_MS, MINUTE_MS
from runner.errors import DataConflict, DataDamaged, DataMissing, StoreBusy

M15 = 15 * MINUTE_MS
KEY = series_key(BTC, "last", M15)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "candles"


def cut(columns: Columns, start: int, stop: int) -> Columns:
    return columns[0][start:stop], tuple(column[start:stop] for column in columns[1])


def test_rows_come_back_as_they_went_in_under_either_spelling(root: Path) -> None:
    rows = candles(500)
    put(root, rows)
    for symbol in ("BTC/USDT:USDT", "BTCUSDT"):
        bars = read_bars(root, symbol, M15)
        assert same(rows, (bars.open_time_ms, (bars.open, bars.high, bars.low, bars.close, bars.volume)))


def test_reading_a_range_includes_its_start_and_excludes_its_stop(root: Path) -> None:
    put(root, candles(500))
    bars = read_bars(root, BTC, M15, START + 10 * M15, START + 20 * M15)
    assert bars.open_time_ms.tolist() == [START + at * M15 for at in range(10, 20)]
    assert len(read_bars(root, BTC, M15, START - HOUR_MS, START)) == 0


def test_arrays_can_be_written_to_so_that_one_compiled_loop_serves_all(root: Path) -> None:
    put(root, candles(10))
    bars = read_bars(root, BTC, M15)
    assert all(
        column.flags.writeable and column.flags.c_contiguous for column in (bars.open_time_ms, bars.close)
    )


def test_mark_prices_and_funding_are_series_of_their_own(root: Path) -> None:
    put(root, candles(30, step=HOUR_MS), step=HOUR_MS, kind="mark")
    put(root, settlements(3), kind="funding", step=0)
    assert read_mark(root, BTC, HOUR_MS).volume.sum() == 0
    times, funding_rates = read_funding(root, BTC)
    assert (times - START).tolist() == [0, 8 * HOUR_MS, 16 * HOUR_MS]
    assert funding_rates.tolist() == [0.0001, 0.0002, 0.0003]
    assert [series.key.label for series in list_series(root)] == ["BTCUSDT mark 1h", "BTCUSDT funding"]


def test_what_is_not_stored_is_missing_with_a_command(root: Path) -> None:
    with pytest.raises(DataMissing, match="has no BTCUSDT 15m") as caught:
        read_bars(root, BTC, M15)
    assert caught.value.command == "runner data pull BTC/USDT:USDT --timeframe 15m --from DATE"
    assert caught.value.exit_code == 4


def test_writing_the_same_rows_again_changes_no_byte(root: Path) -> None:
    put(root, candles(500))
    before = tree_digest(root)
    assert write_rows(root, KEY, candles(500), venue=PERPETUAL) == Written(0, 500, 0)
    assert tree_digest(root) == before


def test_a_revised_bar_is_refused_and_the_store_stays_as_it_was(root: Path) -> None:
    rows = candles(500)
    put(root, rows)
    before = tree_digest(root)
    revised = candles(700)
    revised[1][3][5] += 0.1
    with pytest.raises(
        DataConflict, match=r"1 row differs .*BTCUSDT 15m(.|\n)*2024-01-30 01:15: close .* is now"
    ):
        write_rows(root, KEY, revised, venue=PERPETUAL)
    assert tree_digest(root) == before


def test_replace_takes_the_revised_bar_and_the_new_ones(root: Path) -> None:
    put(root, candles(500))
    revised = candles(700)
    revised[1][3][5] += 0.1
    assert write_rows(root, KEY, revised, venue=PERPETUAL, replace=True) == Written(200, 499, 1)
    assert same(read_rows(root, KEY), revised)


def test_spot_and_perpetual_rows_never_mix(root: Path) -> None:
    put(root, candles(10))
    with pytest.raises(DataConflict, match="these rows are SPOT"):
        write_rows(root, KEY, candles(20), venue=SPOT)


def test_a_second_writer_is_told_who_writes(root: Path) -> None:
    with writer_lock(root), pytest.raises(StoreBusy, match=rf"process {os.getpid()}\) is writing"):
        put(root, candles(10))
    put(root, candles(10))


def test_reading_does_not_import_pandas(root: Path) -> None:
    put(root, candles(10))
    code = (
        "import sys; from pathlib import Path; from runner.data.market import load_market; "
        f"load_market('store', '{BTC}', {M15}, root=Path(sys.argv[1])); assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(root)], check=True)


def test_readers_need_no_lock(root: Path) -> None:
    put(root, candles(10))
    with writer_lock(root):
        assert len(read_bars(root, BTC, M15)) == 10


def test_short_timeframes_lie_in_months_and_long_ones_in_years(root: Path) -> None:
    put(root, candles(3 * 1440, step=MINUTE_MS), step=MINUTE_MS)
    put(root, candles(400, step=24 * HOUR_MS), step=24 * HOUR_MS)
    months, years = list_series(root)
    assert [part.period for part in months.parts] == ["2024-01", "2024-02"]
    assert [part.period for part in years.parts] == ["2024", "2025"]
    assert years.to_ms == START + 400 * 24 * HOUR_MS


def test_files_say_what_they_hold(root: Path) -> None:
    import pyarrow.parquet as pq

    put(root, candles(10))
    index = read_index(root, KEY)
    assert index is not None
    metadata = pq.read_metadata(KEY.folder(root) / index.parts[0].file).metadata
    told = {name.decode(): text.decode() for name, text in metadata.items() if name.startswith(b"runner.")}
    assert told == {
        "runner.schema": "1",
        "runner.symbol": "BTC/USDT:USDT",
        "runner.kind": "last",
        "runner.timeframe": "15m",
        "runner.venue": PERPETUAL,
    }


def test_a_store_of_a_later_schema_is_refused_by_name(root: Path) -> None:
    put(root, candles(10))
    path = KEY.folder(root) / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 2}))
    with pytest.raises(DataDamaged, match="written with schema 2, this runner reads schema 1"):
        read_bars(root, BTC, M15)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema": 1}', '{"schema": 1, "venue": "x", "parts": []}']
)
def test_an_index_that_is_none_is_damage(root: Path, content: str) -> None:
    put(root, candles(10))
    (KEY.folder(root) / "index.json").write_text(content)
    with pytest.raises(DataDamaged, match="not an index of the candle store"):
        read_bars(root, BTC, M15)


def test_a_part_that_is_gone_is_damage(root: Path) -> None:
    put(root, candles(10))
    next(KEY.folder(root).glob("*.parquet")).unlink()
    with pytest.raises(DataDamaged, match="names a part that is not there"):
        read_bars(root, BTC, M15)


def test_a_part_of_another_series_is_damage(root: Path) -> None:
    put(root, candles(10))
    put(root, candles(10, step=HOUR_MS), step=HOUR_MS)
    mine = next(KEY.folder(root).glob("*.parquet"))
    other = next(series_key(BTC, "last", HOUR_MS).folder(root).glob("*.parquet"))
    mine.write_bytes(other.read_bytes())
    with pytest.raises(DataDamaged, match="does not say that it holds BTCUSDT 15m"):
        read_bars(root, BTC, M15)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(place=0.85546875, bit=7)  # in a column's name, which then is no UTF-8
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_is_found_or_does_no_harm(root: Path, place: float, bit: int) -> None:
    rows = candles(500)
    put(root, rows)
    path = next(KEY.folder(root).glob("*.parquet"))
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[int(place * len(whole))] ^= 1 << bit
    path.write_bytes(bytes(broken))
    try:
        assert same(read_rows(root, KEY), rows)
    except DataDamaged as error:
        assert str(path) in str(error)  # noqa: PT017 – either outcome is right
    finally:
        path.write_bytes(whole)


def test_what_a_killed_writer_left_behind_goes_with_the_next_write(root: Path) -> None:
    put(root, candles(10))
    leftover = KEY.folder(root) / ".2024-dead.parquet.tmp"
    leftover.write_bytes(b"half")
    put(root, candles(20))
    assert not leftover.exists()
    assert len(list(KEY.folder(root).iterdir())) == 2


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_order_of_any_split_ends_in_the_same_store(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    step = 12 * HOUR_MS
    rows = candles(900, step=step, missing=(3, 4, 77))
    edges = sorted({0, len(rows[0]), *data.draw(st.lists(st.integers(1, len(rows[0]) - 1), max_size=4))})
    pieces = [
        (start, min(stop + data.draw(st.integers(0, 50)), len(rows[0]))) for start, stop in pairwise(edges)
    ]
    whole, split = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("split")
    put(whole / "candles", rows, step=step)
    for start, stop in data.draw(st.permutations(pieces)):
        put(split / "candles", cut(rows, start, stop), step=step)
    assert tree_digest(whole) == tree_digest(split)


@needs_real
def test_a_year_of_real_minutes_takes_at_most_twelve_megabytes(root: Path) -> None:
    said = Said(symbol=BTC, accept_spot=True)
    import_file(root, REAL / "BTCUSDT-spot-1m-2023.parquet", said)
    (series,) = list_series(root)
    assert series.rows == 525_520
    assert series.bytes < 12e6


def test_minus_zero_and_zero_are_the_same_row(root: Path, tmp_path: Path) -> None:
    rows = candles(3)
    rows[1][4][1] = -0.0
    import_file(root, parquet(tmp_path / "BTCUSDT-perp-15m.parquet", rows), Said())
    assert not np.signbit(read_bars(root, BTC, M15).volume).any()
