"""A writer killed at any moment leaves the store as it was before or as it is after."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from data_files import BTC, candles, put, same, tree_digest

from runner.data.layout import series_key
from runner.data.store import read_rows, write_rows
from runner.domain.facts import PERPETUAL
from runner.domain.time import MINUTE_MS

ROUNDS = 12
STEP = 5 * MINUTE_MS
COUNT = 20_000  # three monthly parts

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from data_files import BTC, candles
from runner.data.layout import series_key
from runner.data.store import write_rows
from runner.domain.facts import PERPETUAL
states = [candles({count}, step={step}, seed=seed) for seed in (1, 2)]
print("ready", flush=True)
while True:
    for state in states:
        write_rows(Path(sys.argv[1]), series_key(BTC, "last", {step}), state, venue=PERPETUAL, replace=True)
"""


def test_a_killed_writer_leaves_the_store_before_or_after(tmp_path: Path) -> None:
    root = tmp_path / "candles"
    states = [candles(COUNT, step=STEP, seed=seed) for seed in (1, 2)]
    key = series_key(BTC, "last", STEP)
    put(root, states[0], step=STEP)
    clock = random.Random(4)
    seen: set[int] = set()
    code = WRITER.format(count=COUNT, step=STEP)
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", code, str(root), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            until = time.monotonic() + clock.uniform(0.0, 0.25)
            while time.monotonic() < until:  # and readers meanwhile see one of the two, never a mixture
                rows = read_rows(root, key)
                assert any(same(rows, state) for state in states)
            writer.send_signal(signal.SIGKILL)
        rows = read_rows(root, key)
        seen |= {at for at, state in enumerate(states) if same(rows, state)}
        assert seen
        assert any(same(rows, state) for state in states)
    fresh = tmp_path / "fresh" / "candles"
    put(fresh, rows, step=STEP)
    last = states[0] if not same(rows, states[0]) else states[1]
    for store in (root, fresh):  # the next write clears what the killed ones left
        write_rows(store, key, last, venue=PERPETUAL, replace=True)
    assert tree_digest(root) == tree_digest(fresh)
