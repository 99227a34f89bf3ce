"""Importing files: names, units, faults; every file whole or not at all."""

from pathlib import Path

import pytest
from data_files import (
    BTC,
    REAL,
    START,
    candles,
    needs_real,
    parquet,
    put,
    same,
    settlements,
    tree_digest,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.data.filename import Guess, guess_from_name
from runner.data.importing import Imported, Said, import_file
from runner.data.layout import list_series, series_key
from runner.data.store import read_funding, read_mark, read_rows
from runner.domain.facts import PERPETUAL, SPOT, Gap
from runner.domain.time import HOUR_MS, MINUTE_MS
from runner.errors import DataConflict, DataDamaged, RunnerError, UsageError

M15 = 15 * MINUTE_MS
GOOD = """\
timestamp,open,high,low,close,volume
1706572800000,40000.0,40010.5,39990.0,40005.0,12.5
1706573700000,40005.0,40020.0,40000.0,40015.5,8.25
1706574600000,40015.5,40016.0,39980.0,39985.0,20.125
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "candles"


def take(
    root: Path, text: str, name: str = "BTCUSDT-perp-15m-2024.csv", said: Said | None = None
) -> Imported:
    path = root.parent.parent / name
    path.write_text(text)
    return import_file(root, path, said or Said())


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("BTCUSDT-perp-15m-2023_2025H1.parquet", Guess(BTC, "last", M15, False)),
        ("BTCUSDT-mark-1h-2019_2025H1.parquet", Guess(BTC, "mark", HOUR_MS, False)),
        ("BTCUSDT-funding-2019_2025H1.parquet", Guess(BTC, "funding", None, False)),
        ("BTCUSDT-spot-1m-2022.parquet", Guess(BTC, None, MINUTE_MS, True)),
        ("BTC_USDT_USDT-1h-funding_rate.csv", Guess(BTC, "funding", HOUR_MS, False)),
        ("BTC_USDT_USDT-5m-futures.parquet", Guess(BTC, "last", 5 * MINUTE_MS, False)),
        ("BTCUSDT-1m-2024-01.csv", Guess(BTC, None, MINUTE_MS, False)),
        ("BTCUSD-bitstamp-spot-1h-2018_2023.parquet", Guess(None, None, HOUR_MS, True)),
        ("candles.csv", Guess(None, None, None, False)),
        ("1000PEPEUSDT-perp-1h.csv", Guess("1000PEPE/USDT:USDT", "last", HOUR_MS, False)),
    ],
)
def test_a_name_tells_symbol_kind_and_timeframe(name: str, guess: Guess) -> None:
    assert guess_from_name(name) == guess


def test_a_csv_and_a_parquet_of_the_same_rows_end_in_the_same_store(root: Path, tmp_path: Path) -> None:
    take(root, GOOD)
    rows = read_rows(root, series_key(BTC, "last", M15))
    other = tmp_path / "other" / "candles"
    import_file(other, parquet(tmp_path / "BTCUSDT-perp-15m.parquet", rows), Said())
    assert tree_digest(root) == tree_digest(other)


@pytest.mark.parametrize(
    ("unit", "zeros_less"), [("seconds", 3), ("microseconds", -3), ("nanoseconds", -6), ("milliseconds", 0)]
)
def test_times_are_understood_by_their_magnitude_and_the_unit_is_told(
    root: Path, unit: str, zeros_less: int
) -> None:
    def shift(line: str) -> str:
        time, _, rest = line.partition(",")
        if not time.isdigit():
            return line
        return (time[:-zeros_less] if zeros_less > 0 else time + "0" * -zeros_less) + "," + rest

    taken = take(root, "\n".join(shift(line) for line in GOOD.splitlines()))
    assert taken.from_ms == START
    assert taken.notes == (() if unit == "milliseconds" else (f"timestamps read as {unit}",))


def test_a_parquet_with_a_timestamp_type_is_understood(root: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    times, floats = candles(5)
    names = ["open", "high", "low", "close", "volume"]
    typed = pa.array(times, pa.timestamp("ms", tz="UTC"))
    table = pa.table({"timestamp": typed, **dict(zip(names, floats, strict=True))})
    pq.write_table(table, tmp_path / "BTCUSDT-perp-15m.parquet")
    import_file(root, tmp_path / "BTCUSDT-perp-15m.parquet", Said())
    assert same(read_rows(root, series_key(BTC, "last", M15)), (times, floats))


def test_gaps_stay_gaps_and_are_listed(root: Path, tmp_path: Path) -> None:
    path = parquet(tmp_path / "BTCUSDT-perp-15m.parquet", candles(40, missing=(7, 8, 9, 20)))
    assert import_file(root, path, Said()).gaps == (Gap(START + 7 * M15, 3), Gap(START + 20 * M15, 1))


def test_mark_bars_need_no_volume(root: Path) -> None:
    text = "\n".join(line.rpartition(",")[0] for line in GOOD.splitlines())
    take(root, text, "BTCUSDT-mark-15m.csv")
    assert read_mark(root, BTC, M15).close.tolist() == [40005.0, 40015.5, 39985.0]


def test_settlement_times_a_little_late_go_back_to_the_hour(root: Path) -> None:
    text = "timestamp,rate\n1706572800004,0.0001\n1706601600000,0.0002\n"
    taken = take(root, text, "BTCUSDT-funding-2024.csv")
    assert taken.notes == ("1 settlement times taken back to the whole hour",)
    assert read_funding(root, BTC)[0].tolist() == [1706572800000, 1706601600000]


def test_missing_settlements_are_listed(root: Path, tmp_path: Path) -> None:
    path = parquet(tmp_path / "BTCUSDT-funding.parquet", settlements(9, missing=(4,)), "timestamp rate")
    assert import_file(root, path, Said()).gaps == (Gap(START + 4 * 8 * HOUR_MS, 1),)


def test_columns_beyond_the_known_are_named_and_left_out(root: Path) -> None:
    text = "\n".join(
        line + ("," + ("trades" if at == 0 else "17")) for at, line in enumerate(GOOD.splitlines())
    )
    assert take(root, text).notes == ("columns not used: trades",)


def test_a_name_without_a_venue_is_taken_as_perpetual_and_said(root: Path) -> None:
    taken = take(root, GOOD, "BTCUSDT-15m-2024.csv")
    assert taken.venue == PERPETUAL
    assert "taken as the perpetual's" in taken.notes[0]


def test_spot_candles_need_two_words_from_the_user_and_keep_their_name(root: Path) -> None:
    for said in (Said(), Said(symbol=BTC), Said(accept_spot=True)):
        with pytest.raises(UsageError, match="--symbol BTC/USDT:USDT --accept-spot"):
            take(root, GOOD, "BTCUSDT-spot-15m.csv", said)
    assert take(root, GOOD, "BTCUSDT-spot-15m.csv", Said(symbol=BTC, accept_spot=True)).venue == SPOT
    assert list_series(root)[0].venue == SPOT


def test_flags_go_before_the_name(root: Path) -> None:
    said = Said(symbol="ETHUSDT", timeframe_ms=5 * MINUTE_MS, kind="mark")
    assert take(root, GOOD, "BTCUSDT-perp-15m.csv", said).key.label == "ETHUSDT mark 5m"


def row(number: int, text: str) -> str:
    """GOOD with one data row replaced."""
    lines = GOOD.splitlines()
    lines[number] = text
    return "\n".join(lines)


CSV = "BTCUSDT-perp-15m.csv"

DAMAGED = [
    ("", CSV, "no column timestamp.*has nothing"),
    ("timestamp,open,high,low,close,volume\n", CSV, "it has no rows"),
    ("\n".join(GOOD.splitlines()[1:]), CSV, "no column timestamp; it needs timestamp,open"),
    (GOOD.replace("volume", "vol"), CSV, "no column volume"),
    (GOOD.replace("close,", "open,"), CSV, "no column close"),
    (GOOD.replace("volume", "volume,low"), CSV, "a column name stands twice"),
    (row(2, "1706573700000,40005.0,40020.0,40000.0"), CSV, r"line 3: .*[Ee]xpected 6 columns"),
    (row(2, "1706573700000,abc,40020.0,40000.0,40015.5,8.25"), CSV, "line 3: 'abc' is not a number"),
    (row(2, "2024-01-30,4.0,4.0,4.0,4.0,8.25"), CSV, "line 3: '2024-01-30' is not a whole number"),
    (row(2, "1706573700000,,40020.0,40000.0,40015.5,8.25"), CSV, "row 2: open is empty"),
    (row(2, "1706573700000,nan,40020.0,40000.0,40015.5,8.25"), CSV, r"row 2 .*open is empty or not"),
    (row(2, "1706573700000,40005.0,inf,40000.0,40015.5,8.25"), CSV, r"row 2 .*high is inf"),
    (row(2, "1706573700000,40005.0,40010.0,40000.0,40015.5,8.25"), CSV,
     r"row 2 \(2024-01-30 00:15\): high 40010.0 is below the close 40015.5; nothing of this file was taken"),
    (row(2, "1706573700000,40005.0,40020.0,40010.0,40015.5,8.25"), CSV,
     "low 40010.0 is above the open 40005.0"),
    (row(2, "1706573700000,40005.0,40020.0,40030.0,40015.5,8.25"), CSV, "below the low 40030.0"),
    (row(2, "1706573700000,40005.0,40020.0,-1.0,40015.5,8.25"), CSV, "low -1.0 is not positive"),
    (row(2, "1706573700000,40005.0,40020.0,40000.0,40015.5,-8"), CSV, "volume -8.0 is negative"),
    (row(3, "1706573700000,40015.5,40016.0,39980.0,39985.0,20"), CSV, "row 3 .*stands twice"),
    (row(3, "1706571900000,40015.5,40016.0,39980.0,39985.0,20"), CSV,
     "row 3 .*comes after 2024-01-30 00:15: rows are not sorted"),
    (row(3, "1706574600001,40015.5,40016.0,39980.0,39985.0,20"), CSV, "off the 15m grid"),
    (row(3, "17065746000000,40015.5,40016.0,39980.0,39985.0,20"), CSV, "row 3: timestamp .* no time"),
    (row(1, "17,40000.0,40010.5,39990.0,40005.0,12.5"), CSV, "row 1: timestamp 17 is no time"),
    (GOOD, "BTCUSDT-perp-5m.csv", "its name says 5m, its rows are mostly 15m apart"),
    (GOOD, "BTCUSDT-funding.csv", "its name says funding, its columns are timestamp, open"),
    ("\n".join(GOOD.splitlines()[:2]), "BTCUSDT-perp.csv", "one row does not tell a timeframe"),
    ("timestamp,rate\n1706572800000,0.5\n", "BTCUSDT-funding.csv", "rate 0.5 is not a ratio"),
    ("timestamp,rate\n1706572860000,0.0001\n", "BTCUSDT-funding.csv", "off the whole hour"),
    ("timestamp,rate\n1706572800000,\n", "BTCUSDT-funding.csv", "row 1: rate is empty"),
    (GOOD + "\x00\x01\x02", CSV, "BTCUSDT-perp-15m.csv: "),
    (GOOD, "BTCUSDT-perp-15m.parquet", "not a readable Parquet file"),
    ("", "BTCUSDT-perp-15m.parquet", "not a readable Parquet file"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "message"), DAMAGED)
def test_a_damaged_file_is_refused_whole_with_its_row(root: Path, text: str, name: str, message: str) -> None:
    put(root, candles(3, start=START - M15 * 3))
    before = tree_digest(root.parent)
    with pytest.raises(DataDamaged, match=message) as caught:
        take(root, text, name)
    assert name in str(caught.value)
    assert tree_digest(root.parent) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [("candles.csv", "--symbol"), ("BTCUSDT-15m.txt", "must end in .parquet or .csv")],
)
def test_what_the_user_can_settle_is_a_usage_error(root: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        take(root, GOOD, name)


def test_a_file_that_is_not_there_is_a_usage_error(root: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        import_file(root, Path("BTCUSDT-perp-15m.csv"), Said())


def test_a_conflict_names_the_file(root: Path) -> None:
    take(root, GOOD)
    with pytest.raises(DataConflict, match=r"BTCUSDT-perp-15m-2024.csv: 1 row differs"):
        take(root, GOOD.replace("20.125", "20.25"))


@given(
    place=st.floats(0, 1, exclude_max=True),
    change=st.sampled_from(["cut", "flip", "zero", "double"]),
    kind=st.sampled_from(["csv", "parquet"]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_bytes_are_refused_or_harmless_and_never_a_traceback(
    root: Path, tmp_path: Path, place: float, change: str, kind: str
) -> None:
    clean = parquet(tmp_path / "whole.parquet", candles(50))
    whole = GOOD.encode() if kind == "csv" else clean.read_bytes()
    at = int(place * len(whole))
    broken = {
        "cut": whole[:at],
        "flip": whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :],
        "zero": whole[:at] + b"\0\0\0\0" + whole[at + 4 :],
        "double": whole[:at] + whole[max(0, at - 40) :],
    }[change]
    path = tmp_path / f"BTCUSDT-perp-15m.{kind}"
    path.write_bytes(broken)
    put(root, candles(3, start=START - M15 * 3))
    before = tree_digest(root)
    try:
        import_file(root, path, Said(replace=True))
    except RunnerError:
        assert tree_digest(root) == before  # a file that still reads may be taken


@needs_real
def test_real_files_import_without_a_word_but_for_their_gaps(root: Path) -> None:
    names = ["BTCUSDT-perp-1h-2019_2025H1", "BTCUSDT-mark-1h-2019_2025H1", "BTCUSDT-funding-2019_2025H1"]
    taken = [import_file(root, REAL / f"{name}.parquet", Said()) for name in names]
    assert [(one.key.label, one.rows, one.gaps, one.notes) for one in taken] == [
        ("BTCUSDT 1h", 50_935, (), ()),
        ("BTCUSDT mark 1h", 48_397, (), ()),
        ("BTCUSDT funding", 6_362, (), ()),
    ]


@needs_real
def test_the_real_spot_outage_is_listed_as_a_gap(root: Path) -> None:
    taken = import_file(root, REAL / "BTCUSDT-spot-1m-2023.parquet", Said(symbol=BTC, accept_spot=True))
    assert taken.gaps == (Gap(1_679_661_600_000, 80),)
