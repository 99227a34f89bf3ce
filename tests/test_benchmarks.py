"""The benchmark: every case runs on a little data, the table says what was met; nothing is timed here."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.cases import Work, measured_figures
from benchmarks.peers.contest import OURS, Contest, Scope, peer_figures, run_contest
from benchmarks.peers.rounds import Entrant, Measured, measure_in_rounds
from benchmarks.peers.standing import render_standing, standing_json
from benchmarks.table import Figure, missed_ratios, render_json, render_table
from benchmarks.timing import CommandError, run_once

LITTLE = Work(
    days=2,
    lengths=(5, 13),
    core_runs=1,
    process_runs=1,
    command_runs=1,
    commit_seconds=0.1,
    closes=3,
    quarters=4,
    entries=60,
    engines=("interpreted",),
)
FEW_PEERS = Scope(
    rounds=1, slow_rounds=1, calls=1, quarter_lengths=(2, 5), names=("backtesting", "backtrader")
)
OURS_MEASURED = Measured(OURS, "", 2.0, 2.5, 0.1, 200.0, 165, "two paths")
PEERS_MEASURED = [
    Measured("quick", "1.0", 9.0, 10.0, 5.0, 300.0, 173, "whole coins"),
    Measured("arrays", "2.0", 10.0, 12.5, 0.2, 150.0, 172, "no rules"),
    Measured("absent", skipped="not installed"),
]
FIGURES = [
    Figure("fast enough", 1.5, "s", at_most=2.0),
    Figure("too large", 1234.5, "MB", at_most=300.0),
    Figure("faster than another", 3.0, "×", at_least=4.0, ratio=True),
    Figure("only told", 7.25, "s"),
]


def test_every_case_runs_on_a_little_data(tmp_path: Path) -> None:
    pytest.importorskip("backtesting", reason="the extra 'bench' is not installed")
    figures, notes = measured_figures(tmp_path, LITTLE)
    assert [figure.what for figure in figures if figure.measured <= 0] == []
    assert {figure.unit for figure in figures} == {"s", "MB", "×", "µs", "ms", "/s"}
    assert notes == ["2,880 bars: the SYNTHETIC sample market, BTCUSDT 1m; medians, of at least 1 run"]


def test_the_table_says_what_was_met() -> None:
    assert render_table(FIGURES, ["a note"]) == (
        "what                 measured    target\n"
        "fast enough             1.5 s     ≤ 2 s  ✓\n"
        "too large            1,234 MB  ≤ 300 MB  ✗\n"
        "faster than another       3 ×     ≥ 4 ×  ✗\n"
        "only told              7.25 s\n"
        "\n"
        "a note\n"
    )


def test_only_ratios_can_fail_a_run() -> None:
    assert [figure.what for figure in missed_ratios(FIGURES)] == ["faster than another"]


def test_the_json_holds_the_same() -> None:
    told = json.loads(render_json(FIGURES, ["a note"]))
    assert [figure["met"] for figure in told["figures"]] == [True, False, False, None]
    assert told["notes"] == ["a note"]


def test_a_command_that_fails_stops_the_benchmark() -> None:
    with pytest.raises(CommandError, match="false"):
        run_once(["false"], {})


def test_this_project_runs_beside_the_peers_that_are_there(tmp_path: Path) -> None:
    contest = run_contest(tmp_path, LITTLE, sys.executable, FEW_PEERS)
    assert [engine.name for engine in contest.engines] == [OURS, "backtesting", "backtrader"]
    ran = [engine for engine in contest.engines if not engine.skipped]
    assert [engine.name for engine in ran if min(engine[2:7]) <= 0] == []
    # the others have no warm-up, so they see a few crosses more
    assert [engine.name for engine in ran if not 0 <= engine.trades - ran[0].trades <= 30] == []
    assert [figure.what for figure in contest.figures if figure.measured <= 0] == []
    assert {engine.skipped for engine in contest.engines} <= {"", "not installed"}


def entrant(folder: Path, name: str, *, slow: bool = False, fails: bool = False) -> Entrant:
    """An engine that says in `turns` when it ran, and holds 7 trades."""
    answer = folder / f"{name}.json"
    say = f"open({str(folder / 'turns')!r}, 'a').write('{name} '); {'1 / 0;' if fails else ''}"
    say += f"open({str(answer)!r}, 'w').write('{json.dumps({'seconds': [2.0], 'trades': 7})}')"
    return Entrant(name, "1.0", ([sys.executable, "-c", say], {}), answer, slow=slow)


def test_engines_take_turns_and_a_failing_one_stops(tmp_path: Path) -> None:
    entrants = [entrant(tmp_path, "a"), entrant(tmp_path, "b", fails=True), entrant(tmp_path, "c", slow=True)]
    measure_in_rounds(entrants, 3, 1)
    assert (tmp_path / "turns").read_text(encoding="utf-8").split() == ["a", "b", "a", "c", "a", "a"]
    told = [one.measured() for one in entrants]
    assert [(one.name, one.inside_s, one.trades) for one in told] == [
        ("a", 2.0, 7),
        ("b", 0.0, 0),
        ("c", 2.0, 7),
    ]
    assert "ZeroDivisionError" in told[1].skipped


def test_a_peer_is_judged_by_what_it_is_best_at() -> None:
    figures = list(peer_figures(OURS_MEASURED, PEERS_MEASURED))
    assert [(figure.what, figure.measured, figure.met) for figure in figures] == [
        ("whole process, quick ÷ ours", 4.5, True),
        ("inside, arrays ÷ ours", 2.0, False),
        ("memory, arrays ÷ ours", 0.75, False),
    ]
    assert list(peer_figures(OURS_MEASURED, PEERS_MEASURED[2:])) == []


def test_a_peer_that_is_not_there_is_skipped_with_its_reason() -> None:
    contest = Contest([OURS_MEASURED, *PEERS_MEASURED], FIGURES[:1], ["a note"])
    assert render_standing(contest) == (
        "engine        whole s  cpu s  inside s  memory MB  trades  whole ÷ ours  cpu ÷ ours  inside ÷ ours  "
        "differs\n"
        "this project     2.00   2.50     0.100        200     165           1.0         1.0            1.0  "
        "two paths\n"
        "quick 1.0        9.00  10.00     5.000        300     173           4.5         4.0           50.0  "
        "whole coins\n"
        "arrays 2.0      10.00  12.50     0.200        150     172           5.0         5.0            2.0  "
        "no rules\n"
        "absent              –      –         –          –       –             –           –              –  "
        "skipped: not installed\n"
        "\n"
        "what         measured  target\n"
        "fast enough     1.5 s   ≤ 2 s  ✓\n"
        "\n"
        "a note\n"
    )
    assert [engine["skipped"] for engine in json.loads(standing_json(contest))["engines"]][
        3
    ] == "not installed"
