"""A year of one-minute bars, its pull killed again and again: the store ends as if nothing had happened.

8 kills as a rule; RUNNER_KILLS=50 is the long proof.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from archive_server import Archive, serving
from data_files import REAL, same, tree_digest
from pulling import KEY, NOW, PUBLISHED, START, load

from runner.data.part import Columns
from runner.data.sample import sample_shelf
from runner.data.source_file import read_columns
from runner.data.store import read_rows
from runner.domain.time import MINUTE_MS

KILLS = int(os.environ.get("RUNNER_KILLS", "8"))
HERE = Path(__file__).parent
NAMES = ("timestamp", "open", "high", "low", "close", "volume")


def year() -> Columns:
    """Real minutes where they lie beside the repository (80 are missing), else those of the sample market."""
    real = REAL / "BTCUSDT-spot-1m-2023.parquet"
    if real.is_file():
        return read_columns(real, NAMES).columns
    bars = sample_shelf(KEY.symbol).bars("last", MINUTE_MS, START, NOW)
    return bars.open_time_ms, (bars.open, bars.high, bars.low, bars.close, bars.volume)


def start(root: Path, archive: Archive, rows: Path) -> subprocess.Popen[str]:
    """A pull that has just begun."""
    command = [sys.executable, str(HERE / "pulling.py"), str(root), archive.url, str(rows)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(root: Path, archive: Archive, rows: Path) -> None:
    """A pull to its end."""
    with start(root, archive, rows) as process:
        assert process.wait(240) == 0


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "rows.npz"
    times, floats = year()
    kept = times < NOW
    columns = dict(zip(NAMES, (times[kept], *(column[kept] for column in floats)), strict=True))
    np.savez(path, **columns)  # type: ignore[arg-type]
    return path


def test_a_pull_killed_anywhere_ends_byte_identical_to_an_undisturbed_one(tmp_path: Path, rows: Path) -> None:
    whole = load(rows)
    clock = random.Random(7)
    kills = midway = ended = 0
    with serving(Archive({KEY: whole}, PUBLISHED, pace_s=0.02)) as archive:
        undisturbed = tmp_path / "undisturbed" / "candles"
        finish(undisturbed, archive, rows)
        assert same(read_rows(undisturbed, KEY), whole)
        wanted = tree_digest(undisturbed)
        root = tmp_path / "killed-0" / "candles"
        while kills < KILLS:
            with start(root, archive, rows) as process:
                point = len(archive.asked) + clock.randrange(30)  # of some eighty requests in all
                while len(archive.asked) < point and process.poll() is None:
                    time.sleep(0.001)
                time.sleep(clock.uniform(0.0, 0.2))
                if process.poll() is not None:
                    assert process.returncode == 0  # it was through before we came: a new store
                else:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                    midway += root.is_dir() and any(root.rglob("index.json"))
                    continue
            assert tree_digest(root) == wanted
            ended += 1
            root = tmp_path / f"killed-{ended}" / "candles"
        finish(root, archive, rows)
        assert tree_digest(root) == wanted
    assert midway >= KILLS // 4  # with a part of the year in the store
