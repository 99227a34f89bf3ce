"""A few random lives every time, old red ones for ever, and the same seed twice. `make seeds-live` runs
5,000.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.plays import LIVENESS, SAFETY, Play, drawn, play_from
from tests.proof.seeds import kept, run_play, run_seed

RUNS = int(os.environ.get("RUNNER_PLAYS", "20"))
FIRST = 1_000
PARTS = 5


@pytest.mark.parametrize("part", range(PARTS))
def test_random_lives_violate_nothing(part: int) -> None:
    for seed in range(FIRST + part, FIRST + RUNS, PARTS):
        verdict = run_seed(seed)
        assert not verdict.violations, f"python -m tests.proof.seeds --play {seed}\n" + "\n".join(
            verdict.violations
        )


@pytest.mark.parametrize(("name", "play"), kept(), ids=lambda one: one if isinstance(one, str) else "")
def test_what_was_red_once_stays_green(name: str, play: Play) -> None:
    verdict = run_play(play)
    assert not verdict.violations, f"{name}\n" + "\n".join(verdict.violations)


@pytest.mark.parametrize("seed", [1_001, 1_002, 1_003])
def test_the_same_seed_leads_to_the_same_journal(seed: int) -> None:
    assert run_seed(seed).head == run_seed(seed).head


def test_hash_seeds_of_python_change_nothing() -> None:
    asked = [sys.executable, "-m", "tests.proof.seeds", "--runs", "3", "--seed0", "1001", "--hashes"]
    root = Path(__file__).parents[2]
    told = [
        subprocess.run(
            asked,
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert len(told[0].splitlines()) == 3


def test_a_play_is_plain_data() -> None:
    play = drawn(4_711)
    assert play_from(play.text()) == play
    assert {drawn(seed).mode for seed in (1, 2)} == {SAFETY, LIVENESS}
