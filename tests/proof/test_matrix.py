"""A sample of the crash matrix, the same one every time; `make matrix` runs all of it.

Besides: what no cell can show. The keys are not in the database, and every crash point is reached by some
cell.
"""

import os

import pytest

from tests.proof.door import KEYS
from tests.proof.matrix import NONE, Cell, groups, run_cell, run_group, sampled
from tests.proof.points import CRASHES, ELSEWHERE, RECOVERIES
from tests.proof.scenarios import terms_of
from tests.proof.shelf import Shelf
from tests.proof.stage import Stage

SAMPLE = int(os.environ.get("RUNNER_CELLS", "40"))
PARTS = 5

# One cell for each crash point, whose first death is known to happen.
REACHED = [
    Cell("long", CRASHES[name].kinds[0], name, "partial" if name == "CP13" else "filled", NONE)
    for name in CRASHES
    if name != "CP22"
] + [Cell("short", "exit", "CP22", "filled", NONE)]

# Cells that were red once: a pause that slept through a position; a price that stood just at a stop.
ONCE_RED = [
    Cell("short", "loss", "CP26", "unfilled", NONE),
    Cell("long", "loss", "CP0", "never", NONE),
    Cell("short", "loss", "CP27", "never", "RP12"),
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest.mark.parametrize("cell", REACHED, ids=str)
def test_the_process_dies_at_each_point_and_comes_back(cell: Cell, shelf: Shelf) -> None:
    ran = run_cell(shelf, cell)
    assert ran.died == 1
    assert not ran.violations, f"python -m tests.proof.matrix --cell {cell}\n" + "\n".join(ran.violations)


@pytest.mark.parametrize("cell", ONCE_RED, ids=str)
def test_what_was_mended_stays_mended(cell: Cell, shelf: Shelf) -> None:
    ran = run_cell(shelf, cell)
    assert ran.died == 1 + (cell.recovery != NONE)
    assert not ran.violations


@pytest.mark.parametrize("part", range(PARTS))
def test_a_sample_of_the_matrix_violates_nothing(part: int, shelf: Shelf) -> None:
    for cells in sampled(groups(), SAMPLE, 7)[part::PARTS]:
        for ran in run_group(shelf, cells):
            assert not ran.violations, f"python -m tests.proof.matrix --cell {ran.cell}\n" + "\n".join(
                ran.violations
            )


def test_every_crash_point_is_run_or_named_elsewhere() -> None:
    assert set(CRASHES) | set(ELSEWHERE) == {f"CP{number}" for number in range(33)}
    assert len(RECOVERIES) == 12


def test_the_keys_are_not_in_the_database(shelf: Shelf) -> None:
    stages: list[Stage] = []
    run_cell(shelf, Cell("long", "entry", "CP7", "filled", NONE), keep=stages)
    text = "\n".join(str(line) for line in stages[0].histories(terms_of("entry")).journal)
    written = shelf.path.read_bytes() + shelf.path.with_name(f"{shelf.path.name}-wal").read_bytes()
    for one in KEYS:
        assert one not in text
        assert one.encode() not in written
