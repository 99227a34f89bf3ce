"""What every indicator of REGISTRY has to hold, whatever it computes. A new record is tested by itself."""

import sys

import numpy as np
import pytest
from indicator_bars import CASES, Settings, Table, load_compiled, real, rows_of, run, settings_of, walk

from indicators import REGISTRY

LONG = walk(9_000)
REAL = [
    pytest.param("BTCUSDT-perp-1h-2019_2025H1", 0, 30_000, id="btc-1h-from-listing-and-crash"),
    pytest.param("DOGEUSDT-perp-15m-2022_2024", 60_000, 90_000, id="doge-15m"),
    pytest.param("BTCUSDT-spot-1m-2023", 100_000, 130_000, id="btc-1m-with-outage"),
]


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    return left.tobytes() == right.tobytes()


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_adding_bars_never_changes_an_earlier_row(kind: str, settings: Settings) -> None:
    table = rows_of(LONG, 0, 700)
    warmup = REGISTRY[kind].warmup_bars(settings)
    whole = run(kind, settings, table)
    for rows in {0, 1, 2, 3, warmup, warmup + 1, warmup + 2, 97, 128, 255, 256, 257, 511, 699}:
        for column, prefix in zip(whole, run(kind, settings, rows_of(table, 0, rows)), strict=True):
            assert same_bits(column[:rows], prefix), f"{rows} rows"


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_nan_is_exactly_before_warmup_bars(kind: str, settings: Settings) -> None:
    outputs = run(kind, settings, LONG)
    warmup = REGISTRY[kind].warmup_bars(settings)
    assert len(outputs) == len(REGISTRY[kind].outputs)
    for column in outputs:
        assert column.shape == LONG["close"].shape
        assert column.dtype == np.float64
        assert np.flatnonzero(np.isnan(column)).tolist() == list(range(warmup))


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_a_missing_bar_is_a_new_beginning(kind: str, settings: Settings) -> None:
    broken = {name: column[:1_500].copy() for name, column in LONG.items()}
    for column in broken.values():
        column[[0, 1, 700]] = np.nan
    parts = [run(kind, settings, rows_of(LONG, start, stop)) for start, stop in ((2, 700), (701, 1_500))]
    for column, before, after in zip(run(kind, settings, broken), *parts, strict=True):
        assert np.isnan(column[[0, 1, 700]]).all()
        assert same_bits(column[2:700], before)
        assert same_bits(column[701:], after)


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_one_missing_number_is_a_missing_bar(kind: str, settings: Settings) -> None:
    for name in REGISTRY[kind].inputs:
        source = "close" if name == "input" else name
        lacking = dict(rows_of(LONG, 0, 400))
        lacking[source] = np.where(np.arange(400) == 200, np.nan, lacking[source])
        after = run(kind, settings, rows_of(LONG, 201, 400))
        for column, expected in zip(run(kind, settings, lacking), after, strict=True):
            assert np.isnan(column[200])
            assert same_bits(column[201:], expected), source


@pytest.mark.parametrize(("kind", "settings"), CASES)
@pytest.mark.parametrize("factor", [10.0, 16.0])
def test_prices_times_a_factor_scale_the_outputs_as_their_unit_says(
    kind: str, settings: Settings, factor: float
) -> None:
    table = rows_of(LONG, 0, 2_000)
    scaled = {name: column * (1.0 if name == "volume" else factor) for name, column in table.items()}
    pairs = zip(REGISTRY[kind].outputs, run(kind, settings, table), run(kind, settings, scaled), strict=True)
    for output, column, got in pairs:
        expected = column * factor if output.unit in {"price", "input"} else column
        if factor == 16.0:  # a power of two goes through every rounding untouched
            assert np.array_equal(got, expected, equal_nan=True), output.name
        else:
            np.testing.assert_allclose(
                got, expected, rtol=1e-9, atol=1e-9 * typical(expected), err_msg=output.name
            )


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_volume_times_ten_scales_volumes_alone(kind: str, settings: Settings) -> None:
    table = rows_of(LONG, 0, 2_000)
    pairs = zip(
        REGISTRY[kind].outputs,
        run(kind, settings, table),
        run(kind, settings, {**table, "volume": table["volume"] * 10.0}),
        strict=True,
    )
    for output, column, got in pairs:
        factor = 10.0 if output.unit == "volume" else 1.0
        np.testing.assert_allclose(
            got, column * factor, rtol=1e-9, atol=1e-9 * typical(column), err_msg=output.name
        )


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_an_index_stays_between_0_and_100(kind: str, settings: Settings) -> None:
    for output, column in zip(REGISTRY[kind].outputs, run(kind, settings, LONG), strict=True):
        if output.unit == "index":
            assert np.nanmin(column) >= 0.0
            assert np.nanmax(column) <= 100.0 + 1e-9


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_a_window_of_the_memory_ends_like_the_full_walk(kind: str, settings: Settings) -> None:
    check_windows(kind, settings, LONG, ends=range(2_000, 9_001, 350))


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_a_window_that_ends_in_an_outage_ends_like_the_full_walk(kind: str, settings: Settings) -> None:
    outage = range(7_000, 7_150)  # as exchanges print it: the last close over and over, no volume
    halted = {name: column.copy() for name, column in LONG.items()}
    for name, column in halted.items():
        column[outage.start : outage.stop] = 0.0 if name == "volume" else LONG["close"][outage.start - 1]
    check_windows(kind, settings, halted, ends=range(outage.start - 5, outage.stop + 60, 5))


@pytest.mark.parametrize(("kind", "settings"), CASES)
@pytest.mark.parametrize(("name", "start", "stop"), REAL)
def test_a_window_of_the_memory_ends_like_the_full_history_of_real_bars(
    kind: str, settings: Settings, name: str, start: int, stop: int
) -> None:
    check_windows(kind, settings, real(name, start, stop), ends=range(3_000, stop - start, 997))


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_compiled_and_interpreted_give_the_same_bits(kind: str, settings: Settings) -> None:
    broken = {
        name: np.where(np.arange(3_000) == 1_000, np.nan, column[:3_000]) for name, column in LONG.items()
    }
    compiled = run(kind, settings, broken, load_compiled().compute)
    for column, other in zip(run(kind, settings, broken), compiled, strict=True):
        assert same_bits(column, other)


def test_every_marked_loop_was_compiled_without_python_objects() -> None:
    package = load_compiled()
    for kind in REGISTRY:
        run(kind, settings_of(kind), rows_of(LONG, 0, 300), package.compute)

    modules = [module for name, module in sys.modules.items() if name.startswith(f"{package.__name__}.")]
    members = [member for module in modules for member in vars(module).values()]
    loops = {loop.__name__: loop for loop in members if hasattr(loop, "nopython_signatures")}
    assert loops.keys() >= {"_exponential", "_wilder", "_follow"}
    for name, loop in loops.items():
        assert len(loop.nopython_signatures) == 1, f"{name}: {loop.nopython_signatures}"


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_a_flat_market_gives_no_infinite_number_and_no_warning(kind: str, settings: Settings) -> None:
    flat = {name: np.full(400, 0.1) for name in LONG}
    for column in run(kind, settings, flat):
        assert not np.isinf(column).any()


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_columns_that_are_not_contiguous_give_the_same_bits(kind: str, settings: Settings) -> None:
    spread = {name: np.repeat(column[:600], 3)[::3] for name, column in LONG.items()}
    for column, other in zip(
        run(kind, settings, spread), run(kind, settings, rows_of(LONG, 0, 600)), strict=True
    ):
        assert same_bits(column, other)


def typical(column: np.ndarray) -> float:
    """Root mean square: what a difference is measured against where a column passes through zero."""
    return float(np.sqrt(np.nanmean(column**2)))


def check_windows(kind: str, settings: Settings, table: Table, ends: range) -> None:
    """The last row of memory_bars + 1 rows, and of more, against the same row of the full history."""
    memory = REGISTRY[kind].memory_bars(settings)
    full = run(kind, settings, table)
    tried = 0
    for end in ends:
        for start in (end - memory - 1, end - memory - 51):
            if start <= 0:
                continue
            tried += 1
            for output, column, window in zip(
                REGISTRY[kind].outputs, full, run(kind, settings, rows_of(table, start, end)), strict=True
            ):
                room = 1e-9 * max(abs(column[end - 1]), typical(column))
                np.testing.assert_allclose(
                    window[-1], column[end - 1], rtol=0.0, atol=room, err_msg=f"{output.name}, row {end - 1}"
                )
    assert tried > 0
